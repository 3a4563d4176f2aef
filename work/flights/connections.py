"""Look for connecting flights: work that computes, and waits for nobody."""

MAX_STEPS = 100_000_000  # 5 to 10 s


def search(steps: int) -> int:
    """Go through so many combinations of flights, in plain Python; return the best one's number.

    A stand-in for a real search: it takes as long as it is told to, and keeps one core busy.
    Raises ValueError unless steps is 1 to 100,000,000.

    >>> search(1000)
    529
    >>> search(0)
    Traceback (most recent call last):
    ...
    ValueError: steps must be 1 to 100000000, got 0
    """
    if type(steps) is not int or not 1 <= steps <= MAX_STEPS:
        raise ValueError(f"steps must be 1 to {MAX_STEPS}, got {steps!r:.80}")
    best, best_price = 0, -1
    for number in range(steps):
        price = number * 7919 % 104729
        if price > best_price:
            best, best_price = number, price
    return best
