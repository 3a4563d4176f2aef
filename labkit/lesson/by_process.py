"""What tasks returned, apart by the process of the pool that ran them."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any


def by_process(returned: Iterable[Mapping[str, Any]], key: str) -> list[list[Any]]:
    """One value of what each job returned; a list for each process, in turn.

    returned: in the order of the jobs, each with the "pid" of its process.

    >>> jobs = [{"pid": 7, "mb": 90}, {"pid": 7, "mb": 110}, {"pid": 8, "mb": 90}]
    >>> by_process(jobs, "mb")
    [[90, 110], [90]]
    """
    jobs = groupby(returned, key=lambda one: one["pid"])
    return [[one[key] for one in group] for _pid, group in jobs]
