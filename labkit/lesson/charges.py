"""A database of charges for each setup of a trial: gone when the lesson ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from lab_home import LAB_FILES
from labkit.lesson.setups import Setups
from work.orders.charges import Charges


@contextmanager
def own_charges(setups: Setups) -> Iterator[dict[str, Charges]]:
    """Give {name of the setup: charges}, for tasks that charge cards; then stop the workers."""
    charges = {one.name: Charges(LAB_FILES / "charges", one.ledger.run) for one in setups}
    try:
        for one in charges.values():
            one.create()
        yield charges
    finally:
        setups.stop()  # a task that ran on would make the file again
        for one in charges.values():
            one.remove()
