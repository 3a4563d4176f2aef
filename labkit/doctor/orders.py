"""Do orders of the shop wait for partner services that do not answer?"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lab_home import DATABASE_URL, LAB_HOME, masked
from labkit.doctor.findings import Finding
from labkit.words import several
from work.orders.partner_address import answers, partners_url

PARTNERS_FILE = LAB_HOME / "partners"
START = "./lab partners"
PATIENCE_S = 0.5  # for a database that somebody else holds


def order_findings() -> list[Finding]:
    """What is wrong with the orders; [] also where the shop's database cannot be read."""
    if not _shop_is_there():
        return []
    from sqlalchemy.exc import SQLAlchemyError  # deferred: it takes 0.2 s

    from work.database.engine import engine_for
    from work.orders.outbox import unfinished

    url = partners_url(PARTNERS_FILE)
    if url and answers(url):
        return []
    engine = engine_for(DATABASE_URL, PATIENCE_S)
    try:
        count = len(unfinished(engine))
    except SQLAlchemyError:  # no shop was ever opened there, or nobody can look
        return []
    finally:
        engine.dispose()
    if not count:
        return []
    wait = "waits" if count == 1 else "wait"
    if url:
        where = f", and nobody answers at {masked(url)}, where the partner services should be"
        hint = "unset PARTNERS_URL; ./lab partners" if os.environ.get("PARTNERS_URL") else START
    else:
        where, hint = ", and the partner services are not up", START
    return [Finding("wrong", f"{several(count, 'order')} of the shop {wait}{where}", hint)]


def _shop_is_there() -> bool:
    """Whether there is a database to ask: asking SQLite for a file that is missing makes one."""
    if not DATABASE_URL.startswith("sqlite:"):
        return True
    return Path(unquote(urlsplit(DATABASE_URL).path.removeprefix("/"))).is_file()
