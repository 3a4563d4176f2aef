"""What `./lab monitor` shows: a snapshot, the feed of events, and the tables."""
