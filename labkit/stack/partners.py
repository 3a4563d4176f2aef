"""`./lab partners`: the airline, the bank and the post for the lab that is up, and a few flights.

Lesson 61 starts services of its own.  These are for orders that the web API takes.
"""

from datetime import date, timedelta

import click

from lab_home import DATABASE_URL, LAB_HOME
from labkit.processes.lock import alone_with
from labkit.processes.running_lab import read_state
from labkit.services.json_server import serve
from labkit.services.partners import PartnerServices
from labkit.services.shop_errors import shop_errors

FLIGHT, FIRST_DAY, DAYS = "TL101", date(2027, 5, 1), 7
ORDER = (
    f'{{"flight": "{FLIGHT}", "day": "{FIRST_DAY}", "seats": 2, "price_cents": 12900, '
    '"card": "ada-visa", "email": "ada@example.com"}'
)


def serve_the_lab() -> None:
    """Put flights into the shop's timetable, say how to order, and serve until Ctrl-C.

    Raises LabError if the lab has partner services already, or the shop's database is unusable.
    """
    with alone_with("partners", "./lab partners", "./lab partners"):
        with shop_errors():
            add_flights()
        web = (read_state(LAB_HOME) or {}).get("web") or "http://localhost:8000"
        last = FIRST_DAY + timedelta(days=DAYS - 1)
        click.echo(
            f"the airline flies {FLIGHT} from {FIRST_DAY} to {last}; to order, while the lab is up:"
        )
        click.echo(f"  curl -i {web}/orders -H 'Content-Type: application/json' -d '{ORDER}'")
        click.echo("the answer's Location says where to ask for it; Ctrl-C ends the services")
        serve(PartnerServices().respond, LAB_HOME / "partners")


def add_flights() -> None:
    """Write the flights that are not in the timetable yet."""
    from sqlalchemy import insert, select  # deferred: only this command and the shop need it

    from work.database.engine import create_tables, engine_for, writing
    from work.database.schema import flights

    engine = engine_for(DATABASE_URL)
    create_tables(engine)
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    more = {"origin": "AMS", "destination": "LIS", "departs": "07:30", "seats": 180}
    with writing(engine) as database:
        known = set(database.scalars(select(flights.c.day).where(flights.c.flight == FLIGHT)))
        rows = [
            {"flight": FLIGHT, "day": day, "price_cents": 12900, "source": "partners"} | more
            for day in days
            if day not in known
        ]
        if rows:
            database.execute(insert(flights), rows)
    engine.dispose()
