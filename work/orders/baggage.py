"""What a passenger pays for bags: the small functions of the lesson on testing.

Some are broken on purpose, and say so.
"""

from collections.abc import Iterable

FREE_KG = 20  # of all bags together
KG_CENTS = 700  # for each kilogram above that
PIECE_CENTS = 2000


def fee_cents(pieces: int, kilograms: int) -> int:
    """What so many bags cost that weigh so much together.

    Raises ValueError unless both are 0 to 99.

    >>> fee_cents(pieces=2, kilograms=23)
    6100
    """
    for what, number in (("pieces", pieces), ("kilograms", kilograms)):
        if not 0 <= number <= 99:
            raise ValueError(f"{what} must be 0 to 99, got {number}")
    return pieces * PIECE_CENTS + max(0, kilograms - FREE_KG) * KG_CENTS


def fee_cents_wrong(pieces: int, kilograms: int) -> int:
    """Broken on purpose: it subtracts the free kilograms even where there are fewer.

    >>> fee_cents_wrong(pieces=1, kilograms=10)
    -5000
    """
    return pieces * PIECE_CENTS + (kilograms - FREE_KG) * KG_CENTS


def heaviest_kg(bags: Iterable[int]) -> int:
    """The weight of the heaviest bag, in kilograms; 0 where there is none.

    >>> heaviest_kg([8, 23, 15])
    23
    """
    return max(bags, default=0)


def heavy_bags(bags: Iterable[int], limit_kg: int) -> set[int]:
    """The weights above a limit, each of them once.

    >>> heavy_bags([8, 23, 32, 32], limit_kg=20) == {23, 32}
    True
    """
    return {kilograms for kilograms in bags if kilograms > limit_kg}
