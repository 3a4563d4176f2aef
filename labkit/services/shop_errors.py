"""What a person is told where the shop's database cannot be used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lab_env import look_or_unset, where_set
from lab_home import DATABASE_URL, masked
from labkit.errors import LabError

if TYPE_CHECKING:
    from sqlalchemy.exc import DatabaseError


@contextmanager
def shop_errors() -> Iterator[None]:
    """LabError for a database that does not answer, and for a file that is damaged."""
    from sqlalchemy.exc import DatabaseError, OperationalError  # deferred: it takes 0.2 s

    try:
        yield
    except OperationalError as error:
        first_line = str(error.orig).strip().splitlines()[0]
        raise LabError(
            f"the database {masked(DATABASE_URL)} does not answer: {first_line}; without "
            f"DATABASE_URL{where_set('DATABASE_URL')} the lab uses SQLite",
            look_or_unset("DATABASE_URL"),
        ) from None
    except DatabaseError as error:
        if damage := damaged(error):
            raise damage from None
        raise


def damaged(error: "DatabaseError") -> LabError | None:
    """The error for a file of SQLite's that holds something else; None for other errors."""
    from sqlalchemy.exc import DatabaseError

    # Its subclasses are about a statement (IntegrityError, ...), or a server that is away.
    if type(error) is not DatabaseError or not DATABASE_URL.startswith("sqlite:"):
        return None
    file = Path(unquote(urlsplit(DATABASE_URL).path.removeprefix("/")))
    if os.environ.get("DATABASE_URL"):  # a file of the learner's, which nobody but they may move
        return LabError(
            f"DATABASE_URL names {file}{where_set('DATABASE_URL')}, which is no database of "
            f"SQLite's, or damaged: {error.orig}; without it the lab has a file of its own",
            look_or_unset("DATABASE_URL"),
        )
    aside = quote(str(file.parent / "damaged"))
    # SQLite keeps up to two files beside it, which belong to the old one.
    move = f"mkdir -p {aside}; mv {quote(str(file))}* {aside}"
    return LabError(
        f"the shop's database {file} is damaged: {error.orig}; the lab makes an empty one where "
        "it is moved away",
        f"./lab down; {move}; ./lab up",
    )
