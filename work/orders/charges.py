"""Charges of cards in a database, with and without an idempotency key.

An idempotency key names one intention of a customer: "pay for order TL-7".  Whoever is asked for
the same key again knows that it is the same intention, and does nothing.  Here the key and the
charge are rows of one database, so that one transaction writes both or none.  A real bank is not
in our database: there the key is sent along with the request, and the bank keeps it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from work.orders.prices import check_cents

PATIENCE_S = 30  # a writer waits so long for the others; each of them takes milliseconds

_TABLES = """
CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS charges (order_number TEXT NOT NULL, amount_cents INTEGER NOT NULL);
"""


class Charges:
    """The charges of one run: FOLDER/RUN.sqlite.  Several processes may use it.

    run: a name that work.ledger.Ledger has checked.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}.sqlite"

    def create(self) -> None:
        """Make the file and its tables, if they are not there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._transaction() as database:
            database.executescript(_TABLES)

    def charge(self, order: str, amount_cents: int) -> None:
        """Charge the card of an order, and again if asked again."""
        check_cents(amount_cents, "amount_cents")
        with self._transaction() as database:
            database.execute("INSERT INTO charges VALUES (?, ?)", (order, amount_cents))

    def charge_once(self, key: str, order: str, amount_cents: int) -> bool:
        """Charge the card of an order unless the key is known; return True if it charged now.

        The key is written first.  The database refuses the same key a second time, also when two
        processes ask in the same moment.  Killed in between, nothing is written.  The amount is
        not compared: a known key with another amount returns False, too.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     charges = Charges(Path(folder), "run")
        ...     charges.create()
        ...     charges.charge_once("pay-TL-7", "TL-7", 9900)
        ...     charges.charge_once("pay-TL-7", "TL-7", 9900)
        ...     charges.orders()
        True
        False
        ['TL-7']
        """
        check_cents(amount_cents, "amount_cents")
        with self._transaction() as database:
            written = database.execute("INSERT OR IGNORE INTO keys VALUES (?)", (key,))
            if written.rowcount == 0:
                return False
            database.execute("INSERT INTO charges VALUES (?, ?)", (order, amount_cents))
            return True

    def orders(self) -> list[str]:
        """The order of each charge, in the order of charging."""
        with self._transaction() as database:
            rows = database.execute("SELECT order_number FROM charges ORDER BY rowid").fetchall()
        return [order for (order,) in rows]

    def remove(self) -> None:
        """Delete the file, and what SQLite may have left beside it."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done in the block is kept, or (after an error, or a kill) nothing."""
        database = sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level="IMMEDIATE")
        with closing(database), database:
            yield database
