"""What starts, watches and judges the lab.  Nothing here is needed in a project of your own."""
