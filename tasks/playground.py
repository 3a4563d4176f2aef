"""Your own place: the tasks that you write yourself.

1. Write a function below @app.task, and save.  `./lab up` restarts the workers by itself.
2. Call it in examples/playground.py with .delay(...), which returns at once.
3. Run that with `./lab run playground`, in a second terminal.
4. Arguments and results must be JSON: numbers, strings, lists, dicts, True, False, None.
5. No route names these tasks, so they go to the default queue, basic.
6. print(f"x is {x}") goes to the worker's log, in the terminal of `./lab up`; two arguments make
   several lines there.
"""

from celery_app import app


@app.task
def hello(name: str) -> str:
    """Return a greeting: hello("world") -> "hello, world"."""
    return f"hello, {name}"
