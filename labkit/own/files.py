"""A file of a lesson's own: not there when it begins, gone when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_home import LAB_HOME


@contextmanager
def own_file(name: str, folder: Path = LAB_HOME) -> Iterator[Path]:
    """Give the path of a file that others write; remove it before and after the block.

    Files go with it whose names begin so: shelve, which keeps what --statedb names, adds endings.
    """

    def remove() -> None:
        for path in folder.glob(f"{name}*"):
            path.unlink()

    remove()
    try:
        yield folder / name
    finally:
        remove()
