"""Samples: real files under names that examples ask for and nobody has, such as photo.jpg.

Each caller makes the file itself, under the name that was asked for.  The worker's log says so.  A
real application does not: there, a file that is missing is an error.
"""

import logging
from pathlib import Path

# Names that stay missing: lessons ask for them, to show what becomes of a file that is not there.
NOT_THERE = {"west", "nothing"}

logger = logging.getLogger(__name__)


def is_wanted(path: Path) -> bool:
    """Whether a sample shall be made at this place: nothing is there, and nothing forbids it.

    >>> is_wanted(Path("timetables/source1.csv")), is_wanted(Path("timetables/west.csv"))
    (True, False)
    """
    if path.exists() or path.stem in NOT_THERE or any(above.is_file() for above in path.parents):
        return False
    logger.warning("%s is not there: a sample is made, under that name", path.name)
    return True
