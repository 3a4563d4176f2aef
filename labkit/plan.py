"""What `./lab up` is asked to run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The parts beside the broker, and whether a changed file restarts them.

    verbose: print every log line, whole.
    """

    workers: int = 1
    reload: bool = True
    beat: bool = True
    flower: bool = True
    mail: bool = True
    web: bool = True
    verbose: bool = False
