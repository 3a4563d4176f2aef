"""The cells of the matrix: which fault meets which settings, and what is counted."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Fault = Literal[
    "worker killed", "broker restarted", "connection cut", "warm stop", "cold stop", "child killed"
]
Acknowledgement = Literal["early", "late"]
Handling = Literal["", "default", "task_reject_on_worker_lost", "task_retry_on_worker_lost"]

# The same for every cell.
JOBS = 20
SLOTS = 2  # processes of the worker's pool
PREFETCH_MULTIPLIER = 2
PREFETCH = SLOTS * PREFETCH_MULTIPLIER  # unacknowledged messages that a worker holds at most
LONG_JOBS = SLOTS  # the first ones: they run when the fault comes
LONG_JOB_S = 5  # so that there is time for the fault, on a busy machine too
SHORT_JOB_S = 0.1
VISIBILITY_S = 12  # longer than a message is held while nothing is wrong

*FAULTS, _CHILD_KILLED = get_args(Fault)
ACKNOWLEDGEMENTS: tuple[Acknowledgement, ...] = get_args(Acknowledgement)
_NONE_LOST, *HANDLINGS = get_args(Handling)


@dataclass(frozen=True)
class Cell:
    """One run: a fault and the settings that it meets.

    handling: what the worker does about a lost pool process; "" where none is lost.
    """

    fault: Fault
    acknowledgement: Acknowledgement
    handling: Handling = ""

    @property
    def row(self) -> str:
        """What failed: "worker killed", or "child killed, default"."""
        return f"{self.fault}, {self.handling}" if self.handling else self.fault

    @property
    def slug(self) -> str:
        """Its name where no spaces may be.

        >>> Cell("worker killed", "late").slug
        'worker-killed-late'
        """
        return str(self).replace(", ", "-").replace(" ", "-")

    def __str__(self) -> str:
        return f"{self.row}, {self.acknowledgement}"

    def settings(self) -> list[str]:
        """Celery's settings for its worker, as they stand behind the -- of a command line.

        >>> Cell("child killed", "late", "task_retry_on_worker_lost").settings()
        ['task.acks_late=True', 'task.retry_on_worker_lost=True']
        """
        late = f"task.acks_late={self.acknowledgement == 'late'}"
        if self.handling in {"", "default"}:
            return [late]
        return [late, f"task.{self.handling.removeprefix('task_')}=True"]


CELLS: tuple[Cell, ...] = (
    *(Cell(fault, when) for fault in FAULTS for when in ACKNOWLEDGEMENTS),
    *(Cell(_CHILD_KILLED, when, how) for how in HANDLINGS for when in ACKNOWLEDGEMENTS),
)


class Counts(NamedTuple):
    """What became of the jobs of one cell, in the order of COUNTED: how many...

    lost: were never finished, and have no message any more.
    started_twice, finished_twice: were begun, or done to the end, twice or more.
    stuck: were never finished, and their message is still there.
    """

    lost: int
    started_twice: int
    finished_twice: int
    stuck: int

    def in_words(self) -> str:
        """
        >>> Counts(2, 0, 0, 0).in_words()
        '2 jobs are lost'
        >>> Counts(0, 2, 1, 0).in_words()
        '1 job is done twice; 1 job is begun twice'
        """
        said = [
            (self.lost, "lost"),
            (self.stuck, "stuck"),
            (self.finished_twice, "done twice"),
            (self.started_twice - self.finished_twice, "begun twice"),
        ]
        parts = [f"{n} job{' is' if n == 1 else 's are'} {what}" for n, what in said if n]
        return "; ".join(parts) or "each job is done once"


COUNTED = ("lost", "started twice", "finished twice", "stuck")
Measured = dict[Cell, Counts]
