"""`./lab matrix`: measure, then write the page, or compare with it."""

from collections.abc import Callable
from pathlib import Path

import click

from lab_home import ROOT
from labkit.errors import LabError
from labkit.matrix.cells import CELLS, COUNTED, Measured
from labkit.matrix.page import PAGE, PICTURE, counts_on, page_text, require_the_same, versions_here
from labkit.matrix.picture import picture
from labkit.matrix.run import measure_all
from labkit.processes.files import replace_file


def matrix(
    *,
    check: bool,
    root: Path = ROOT,
    measure: Callable[[], tuple[Measured, str]] = measure_all,
) -> None:
    """Measure every cell and print the table; write page and picture, or only compare.

    check: write nothing.  Raises LabError naming each cell that is not as the page says.
    """
    told = _read(root / PAGE) if check else {}
    measured, server = measure()
    _print(measured)
    if check:
        require_the_same(told, measured)
        click.echo(f"all {len(CELLS)} cells are as {PAGE} says")
        return
    _write(root / PAGE, page_text(measured, versions_here(server)))
    _write(root / PICTURE, picture(measured))
    click.echo(f"wrote {PAGE} and {PICTURE}")


def _print(measured: Measured) -> None:
    width = max(len(str(cell)) for cell in measured) + 2
    click.echo("what fails, acknowledgement".ljust(width) + "  ".join(COUNTED))
    for cell, counts in measured.items():
        columns = zip(COUNTED, counts, strict=True)
        numbers = "  ".join(str(number).rjust(len(name)) for name, number in columns)
        click.echo(str(cell).ljust(width) + numbers)


def _read(page: Path) -> Measured:
    try:
        return counts_on(page.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{PAGE} cannot be read: {error}", "./lab matrix") from None


def _write(path: Path, text: str) -> None:
    """Write a file as a whole, or leave it as it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text)
    except OSError as error:
        raise LabError(f"{path.name} cannot be written: {error.strerror}", "df -h") from None
