"""`./lab up` and its verbs: the processes of the lab, watched, restarted and stopped in order."""
