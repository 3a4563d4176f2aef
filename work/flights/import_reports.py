"""What the parts of one import tell: a report file each, and all of them as one at the end.

How many reports there are is the progress of the import.  A part that runs a second time writes
its file anew, so nothing is counted twice.
"""

import csv
import json
import os
import re
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from work.files import path_inside, whole_or_absent, write_atomically
from work.flights.flight_file import BadRow
from work.flights.timetable import check_name

FOLDER = "imports"  # among the lab's files


def folder_of(folder: Path, import_id: str) -> Path:
    """The folder with the reports of one import, named by its id.

    >>> folder_of(Path("/data"), "..")
    Traceback (most recent call last):
    ...
    ValueError: import_id must be letters, digits, '-' and '_', got '..'
    """
    if not isinstance(import_id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", import_id):
        raise ValueError(f"import_id must be letters, digits, '-' and '_', got {import_id!r:.80}")
    return path_inside(folder, f"{FOLDER}/{import_id}", "import_id")


def note(reports: Path, number: int, good: int, written: int, bad: list[BadRow]) -> int:
    """Write the report of one part; return how many parts have one."""
    lines = [[row.line, row.why] for row in bad]
    report = {"good": good, "written": written, "bad": lines, "pid": os.getpid()}
    write_atomically(reports / f"{number:04}.json", json.dumps(report).encode())
    return len(list(reports.glob("*.json")))


def finish(folder: Path, import_id: str, source: str) -> dict:
    """Join the reports of an import, and remove them; its bad rows go into one CSV file.

    Returns {"rows": int, "written": int, "bad_rows": int, "bad_rows_file": str, "processes": int}:
    rows is how many were good, written is how many were new to the database or changed it.  Of a
    part that ran twice the second run counts: it finds what the first wrote, and changes none.
    """
    reports = folder_of(folder, import_id)
    target = path_inside(folder, f"{FOLDER}/{check_name(source)}-bad-rows.csv", "source")
    good = written = bad = 0
    processes = set()
    with whole_or_absent(target) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        table = csv.writer(text)
        table.writerow(["line", "why"])
        paths = sorted(reports.glob("*.json"))
        for path in paths:
            report = json.loads(path.read_bytes())
            table.writerows(report["bad"])
            good += report["good"]
            written += report["written"]
            bad += len(report["bad"])
            processes.add(report["pid"])
        text.flush()
        text.detach()  # the file is closed by whole_or_absent
    for path in paths:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # not there, where the file had no rows
        reports.rmdir()
    return {
        "rows": good,
        "written": written,
        "bad_rows": bad,
        "bad_rows_file": str(target.relative_to(folder.resolve())),
        "processes": len(processes),
    }
