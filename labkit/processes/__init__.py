"""Processes: started, recorded by pid and start time, signalled, and cleared away."""
