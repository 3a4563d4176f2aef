"""The guarantees matrix: what becomes of jobs when something fails, measured for each setting."""
