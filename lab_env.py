"""The file .env beside celery_app.py: read it, and say which of its lines sets what.

A project of your own needs none of this: load_dotenv() alone will do.
"""

import difflib
import os
import re
from pathlib import Path

from dotenv import dotenv_values, load_dotenv
from dotenv.parser import Binding, parse_stream

ROOT = Path(__file__).resolve().parent
ENV_FILE = ROOT / ".env"
ENCODING = "utf-8-sig"  # some editors write a mark in front
CLOSE = 0.85  # REDIS_ULR for REDIS_URL; a SMTP_USER of the learner is further away


def house_error(sentence: str, hint: str) -> str:
    """The form of every error of the lab: one sentence, a blank line, a hint with a command.

    hint: one line that can be pasted into a shell, in the lab's folder.
    """
    return f"error: {sentence}\n\nhint: {hint}"


def load_env_file(path: Path = ENV_FILE) -> None:
    """Put the settings of `.env` into the environment; what is set there already wins.

    python-dotenv alone would only log a broken line, and would search the parent folders.
    """
    if not path.is_file():
        return
    try:
        for binding in _bindings(path):
            if binding.error or (binding.key and binding.value is None):
                line = _line_of(binding)
                wrong = f".env line {line} is not of the form NAME=value"
                raise SystemExit(house_error(wrong, f"sed -n {line}p .env; cat .env.example"))
    except (UnicodeDecodeError, OSError) as error:
        wrong = f".env cannot be read as UTF-8 text: {error}"
        hint = "mv .env .env.old; cp .env.example .env"
        raise SystemExit(house_error(wrong, hint)) from None
    load_dotenv(path, encoding=ENCODING)


def _bindings(path: Path) -> list[Binding]:
    with path.open(encoding=ENCODING) as file:
        return list(parse_stream(file))


def _line_of(binding: Binding) -> int:
    text = binding.original.string  # the empty lines above belong to it
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def env_lines(path: Path = ENV_FILE) -> dict[str, int]:
    """{name: line} of what `.env` sets; {} where it is not there or cannot be read."""
    try:
        return {one.key: _line_of(one) for one in _bindings(path) if one.key and not one.error}
    except (UnicodeDecodeError, OSError):
        return {}


def line_that_sets(name: str, path: Path = ENV_FILE) -> int | None:
    """The line of `.env` from which this process has a setting; None if it has it from elsewhere.

    A process hands its environment down, so the value tells, and not who has read the file.
    """
    line = env_lines(path).get(name)
    if line and dotenv_values(path, encoding=ENCODING).get(name) == os.environ.get(name):
        return line
    return None


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


def misspelled_names(path: Path = ENV_FILE) -> list[str]:
    """A warning, with its hint, for each name in `.env` that is almost a known one.

    The known ones are those of .env.example.  A name that is like none of them may be the
    learner's own.
    """
    try:
        example = (ROOT / ".env.example").read_text()
    except OSError:
        return []
    known = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    found = []
    for name, line in env_lines(path).items():
        close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=CLOSE)
        if close and name not in known:
            sentence = f"line {line} of .env sets {name}, which the lab does not know; did you "
            sentence += f"mean {close[0]}?"
            found.append(f"warning: {sentence}\n\nhint: sed -n {line}p .env")
    return found
