"""The file .env beside celery_app.py: read it, and say which of its lines sets what.

A project of your own needs none of this: load_dotenv() alone will do.
"""

import difflib
import os
import re
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

ROOT = Path(__file__).resolve().parent
ENV_FILE = ROOT / ".env"
CLOSE = 0.85  # REDIS_ULR for REDIS_URL; a SMTP_USER of the learner is further away

_lines: dict[str, int] = {}  # where `.env` sets what this process has from it


def house_error(sentence: str, hint: str) -> str:
    """The form of every error of the lab: one sentence, a blank line, a hint with a command.

    hint: one line that can be pasted into a shell, in the lab's folder.
    """
    return f"error: {sentence}\n\nhint: {hint}"


def load_env_file() -> None:
    """Put the settings of `.env` into the environment; what is set there already wins.

    python-dotenv alone would only log a broken line, and would search the parent folders.
    """
    if not ENV_FILE.is_file():
        return
    try:
        text = ENV_FILE.read_text(encoding="utf-8-sig")  # some editors write a mark in front
    except (UnicodeDecodeError, OSError) as error:
        wrong = f".env cannot be read as UTF-8 text: {error}"
        hint = "mv .env .env.old; cp .env.example .env"
        raise SystemExit(house_error(wrong, hint)) from None
    lines = {}
    for one in parse_stream(StringIO(text)):
        read = one.original.string  # it begins with the empty lines above
        line = one.original.line + read[: len(read) - len(read.lstrip())].count("\n")
        if one.error or (one.key and one.value is None):
            wrong = f".env line {line} is not of the form NAME=value"
            raise SystemExit(house_error(wrong, f"sed -n {line}p .env; cat .env.example"))
        lines[one.key] = line
    for name, value in dotenv_values(stream=StringIO(text)).items():
        # A process hands its environment down: the value tells, and not who has read the file.
        if os.environ.setdefault(name, value or "") == value:
            _lines[name] = lines[name]


def line_that_sets(name: str) -> int | None:
    """The line of `.env` from which this process has a setting; None if it is from elsewhere."""
    return _lines.get(name)


def where_set(name: str) -> str:
    """The end of a sentence about a setting: " (line 3 of .env)"; "" if .env does not set it."""
    line = line_that_sets(name)
    return f" (line {line} of .env sets it)" if line else ""


def look_or_unset(name: str) -> str:
    """The command about a setting that should not be there: `unset` does not reach into .env."""
    return f"grep -n {name} .env" if line_that_sets(name) else f"unset {name}"


def look_at_setting(name: str) -> str:
    """The command that shows a setting."""
    return f"grep -n {name} .env" if line_that_sets(name) else f"printenv {name}"


def misspelled_names() -> list[str]:
    """A warning, with its hint, for each name in `.env` that is almost one of .env.example.

    A name that is like none of them may be the learner's own.
    """
    example = ROOT / ".env.example"
    known = re.findall(r"^#?([A-Z_]+)=", example.read_text(), re.M) if example.is_file() else []
    found = []
    for name, line in _lines.items():
        close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=CLOSE)
        if close and name not in known:
            wrong = f"line {line} of .env sets {name}, which the lab does not know"
            wrong += f"; did you mean {close[0]}?"
            found.append(f"warning: {wrong}\n\nhint: sed -n {line}p .env")
    return found
