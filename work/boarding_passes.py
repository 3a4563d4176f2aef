"""Boarding passes, and a mistake: each one that was drawn stays in memory for ever."""

import os

import psutil

LARGEST_MB = 500  # more would trouble a small machine
_drawn: list[bytes] = []  # a module lives as long as its process, and so does what is in here


def draw(size_mb: int) -> dict:
    """Draw a boarding pass of so many MB; say which process did it, and what it takes by now.

    Returns {"pid": int, "memory_mb": float}: the resident memory, in millions of bytes.
    Raises ValueError unless size_mb is 1 to 500.

    >>> draw(1)["memory_mb"] > 1
    True
    >>> draw(501)
    Traceback (most recent call last):
    ...
    ValueError: size_mb must be 1 to 500, got 501
    """
    if not isinstance(size_mb, int) or not 1 <= size_mb <= LARGEST_MB:
        raise ValueError(f"size_mb must be 1 to {LARGEST_MB}, got {size_mb!r}")
    # Not zeros: the system gives those no memory before somebody writes into them.
    _drawn.append(b"#" * (size_mb * 1_000_000))
    return {"pid": os.getpid(), "memory_mb": psutil.Process().memory_info().rss / 1e6}
