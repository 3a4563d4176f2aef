"""What a value is, in words."""

from typing import Any


def described(value: Any) -> str:
    """The name of a value's type, and the value as a person reads it.

    >>> described((1, 2))
    'tuple (1, 2)'
    >>> described({1: "one"})
    "dict {1: 'one'}"
    """
    return f"{type(value).__name__} {value}"
