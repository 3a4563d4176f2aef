"""How often a task came, and how many of its runs were at work at the same time."""

from dataclasses import dataclass

from work.ledger import Ledger


@dataclass(frozen=True)
class Overlap:
    """Numbers of runs, by what they have written down."""

    began: int
    at_work: int  # have begun, and not ended yet
    skipped: int  # somebody else had the lock
    lost: int  # had the lock, and did not have it any more in the end
    at_once: int  # the most that were at work at the same time

    @property
    def came(self) -> int:
        """All that wrote something down."""
        return self.began + self.skipped


def overlap(ledger: Ledger) -> Overlap:
    """Count the START, END, SKIP and LOST of a ledger."""
    events = [entry.event for entry in ledger.entries()]
    at_work = at_once = 0
    for event in events:  # they stand in the order of time
        at_work += {"START": 1, "END": -1}.get(event, 0)
        at_once = max(at_once, at_work)
    began, skipped, lost = (events.count(event) for event in ("START", "SKIP", "LOST"))
    return Overlap(began, at_work, skipped, lost, at_once)
