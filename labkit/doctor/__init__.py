"""`./lab doctor`: gather evidence, draw findings from it, and say what to do about each.

task_ids, code         what was asked about, and the app that knows the tasks
evidence               what Redis, the workers, the logs and the files say
diagnosis, ...         from evidence to findings: pure functions
examine                the command
"""
