"""Charge a card: a stand-in for a bank's service, with its own books.

The books are the ledger: what stands there with CHARGED has been taken from somebody's card,
whatever the state of a task says.  A bank's test service knows cards that it always declines;
here these are the ones whose name ends with "declined".
"""

import re

from work.ledger import Ledger
from work.orders.prices import check_cents

_CARD = re.compile(r"[a-z][a-z0-9-]{0,49}")


class CardDeclined(Exception):
    """The bank says no; asking again does not help."""


def check_card(card: object) -> str:
    """Return the name of a card: 1 to 50 small letters, digits and '-', a letter first."""
    if not isinstance(card, str) or not _CARD.fullmatch(card):
        raise ValueError(f"card must be a name such as 'ada-visa', got {card!r:.80}")
    return card


def charge(ledger: Ledger, card: str, amount_cents: int) -> int:
    """Charge a card, write it into the ledger, and return the amount in cents.

    Raises CardDeclined, and ValueError for what is no card or no amount; nothing is charged then.

    >>> from pathlib import Path
    >>> charge(Ledger(Path(), "unused"), "bob-declined", 12900)
    Traceback (most recent call last):
    ...
    work.orders.cards.CardDeclined: the bank declined bob-declined
    """
    check_card(card)
    check_cents(amount_cents, "amount_cents")
    if card.endswith("declined"):
        raise CardDeclined(f"the bank declined {card}")
    ledger.note("CHARGED", card)
    return amount_cents


def add_up(amounts_cents: list[int]) -> int:
    """Return the sum of several charges.

    >>> add_up([4300, 4300])
    8600
    """
    if not isinstance(amounts_cents, list):
        raise ValueError(f"amounts_cents must be a list of amounts, got {amounts_cents!r:.80}")
    return sum(check_cents(amount, "amounts_cents") for amount in amounts_cents)


def charged(ledger: Ledger) -> list[str]:
    """The cards that were charged, in alphabetical order, each as often as it was charged."""
    return sorted(ledger.jobs("CHARGED"))
