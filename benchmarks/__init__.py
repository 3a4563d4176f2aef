"""One question a script, answered with numbers of this machine."""
