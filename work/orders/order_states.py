"""The states of a ticket order, and which one may follow which.

    new --> reserved --> charged --> mailed               finished
      \\________|___________|
                v
             undoing --> cancelled                        compensated

A state says what has certainly been done.  It is written after the work: a worker that dies in
between leaves the state before, and the step is done again with the same idempotency key.
"""

from enum import StrEnum


class State(StrEnum):
    """How far an order is."""

    NEW = "new"
    RESERVED = "reserved"  # the airline holds the seats
    CHARGED = "charged"  # the bank has taken the money
    MAILED = "mailed"  # the buyer has the ticket: finished
    UNDOING = "undoing"  # a service has refused; what was done is being taken back
    CANCELLED = "cancelled"  # all of it was taken back: compensated


FOLLOWS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.RESERVED, State.UNDOING}),
    State.RESERVED: frozenset({State.CHARGED, State.UNDOING}),
    State.CHARGED: frozenset({State.MAILED, State.UNDOING}),
    State.MAILED: frozenset(),
    State.UNDOING: frozenset({State.CANCELLED}),
    State.CANCELLED: frozenset(),
}

FINAL = frozenset(state for state, following in FOLLOWS.items() if not following)


def check_move(before: State, after: State) -> None:
    """Raise ValueError unless `after` may follow `before`.

    >>> check_move(State.RESERVED, State.CHARGED)
    >>> check_move(State.MAILED, State.UNDOING)
    Traceback (most recent call last):
    ...
    ValueError: an order that is mailed stays so, got undoing
    >>> check_move(State.NEW, State.MAILED)
    Traceback (most recent call last):
    ...
    ValueError: an order that is new can become reserved or undoing, got mailed
    """
    following = FOLLOWS[before]
    if after not in following:
        can = " or ".join(sorted(following))
        rule = f"can become {can}" if can else "stays so"
        raise ValueError(f"an order that is {before} {rule}, got {after}")
