"""Tasks that ask airlines side by side: ask_airline, cheapest_offer."""

from celery_app import app
from work.flights import offers


@app.task
def ask_airline(airline: str, answers_after_s: float) -> dict:
    """Wait for an airline's answer, 0 to 60 s: {"airline": "swift", "price_cents": 11900}.

    Raises ValueError for an unknown airline, and for other numbers of seconds.
    """
    return offers.ask(airline, answers_after_s)


@app.task
def cheapest_offer(answers: list[dict]) -> dict:
    """Return the one of several results of ask_airline that has the lowest price.

    Its "compared" lists the airlines in the order in which their answers were given.
    Raises ValueError for an empty list, and for anything else.
    """
    return offers.cheapest(answers)
