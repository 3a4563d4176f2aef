"""How often a task came, and how many of its runs were at work at the same time."""

from dataclasses import dataclass

from work.ledger import Ledger

ROW = ("came", "counted", "skipped", "at once at most", "lock lost")  # what Overlap.row() tells


@dataclass(frozen=True)
class Overlap:
    """Numbers of runs, by what they have written down."""

    began: int
    skipped: int  # somebody else had the lock
    lost: int  # had the lock, and did not have it any more in the end
    at_once: int  # the most that were at work at the same time

    @property
    def came(self) -> int:
        """All that wrote something down."""
        return self.began + self.skipped

    def row(self) -> tuple[int, ...]:
        """The cells below ROW."""
        return self.came, self.began, self.skipped, self.at_once, self.lost


def overlap(ledger: Ledger) -> Overlap:
    """Count the START, END, SKIP and LOST of a ledger."""
    events = [entry.event for entry in ledger.entries()]
    at_work = at_once = 0
    for event in events:  # they stand in the order of time
        at_work += {"START": 1, "END": -1}.get(event, 0)
        at_once = max(at_once, at_work)
    began, skipped, lost = (events.count(event) for event in ("START", "SKIP", "LOST"))
    return Overlap(began, skipped, lost, at_once)
