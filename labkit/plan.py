"""What `./lab up` is asked to run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The parts beside the broker, and whether a changed file restarts them."""

    workers: int = 1
    reload: bool = True
    beat: bool = True
    flower: bool = True
    mail: bool = True
    web: bool = True
