"""Ask airlines what a seat costs, and choose.

A real airline is asked over the network, and answers when it likes.  These answer after as many
seconds as they are told, so that a lesson knows what to expect.
"""

from work.naps import check_seconds, nap

# What a seat to Oslo costs, in cents, by airline.
PRICES_CENTS = {"heron": 14900, "swift": 11900, "tern": 13400, "wren": 12900}


def ask(airline: str, answers_after_s: float) -> dict:
    """Wait for an airline's answer: {"airline": "swift", "price_cents": 11900}.

    Raises ValueError for an unknown airline, and unless answers_after_s is 0 to 60.

    >>> ask("swift", answers_after_s=0)
    {'airline': 'swift', 'price_cents': 11900}
    >>> ask("eagle", answers_after_s=0)
    Traceback (most recent call last):
    ...
    ValueError: airline must be one of heron, swift, tern, wren, got 'eagle'
    """
    if not isinstance(airline, str) or airline not in PRICES_CENTS:
        known = ", ".join(PRICES_CENTS)
        raise ValueError(f"airline must be one of {known}, got {airline!r:.80}")
    check_seconds(answers_after_s, "answers_after_s")
    nap(answers_after_s)
    return {"airline": airline, "price_cents": PRICES_CENTS[airline]}


def cheapest(offers: list[dict]) -> dict:
    """Return the offer with the lowest price, of two equal ones the first, and who was compared.

    >>> cheapest([ask("wren", 0), ask("swift", 0), ask("tern", 0)])
    {'airline': 'swift', 'price_cents': 11900, 'compared': ['wren', 'swift', 'tern']}
    """
    try:
        best = min(offers, key=lambda offer: offer["price_cents"])
        return best | {"compared": [offer["airline"] for offer in offers]}
    except (TypeError, KeyError, ValueError):
        raise ValueError(
            f"offers must be a list of what ask_airline returns, got {offers!r:.80}"
        ) from None
