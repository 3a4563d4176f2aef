"""The file in which Beat notes when it sent each entry last; a crash can leave half of it.

Celery 5.7 sets a damaged one aside by itself where opening it fails, and ends where reading does.
Without the file Beat begins anew: intervals count from now, and what was missed is not made up for.
"""

import re

from lab_home import LAB_HOME

NOTES = "beat-schedule"  # celery_app.py names it; some Pythons keep it in several files
ASIDE = "damaged-"
_UNREADABLE = re.compile(r"EOFError|UnpicklingError|dbm\.\w*\.?error|KeyError\('entries'\)")


def notes_aside(logged: str) -> str:
    """Rename the notes if Beat ended because it could not read them; say how they are called now.

    logged: what Beat has written since its start.  "" if it says nothing of them.
    """
    files = [file for file in LAB_HOME.glob(f"{NOTES}*") if file.is_file()]
    if not files or not _UNREADABLE.search(logged):
        return ""
    moved = [file.replace(file.with_name(ASIDE + file.name)) for file in files]
    return ", ".join(map(str, moved))
