"""What tasks returned, apart by the process of the pool that ran them."""

from collections.abc import Iterable, Mapping
from typing import Any


def by_process(returned: Iterable[Mapping[str, Any]], key: str) -> list[list[Any]]:
    """One value of what each job returned; a list for each process, in the order of their firsts.

    returned: in the order of the jobs, each with the "pid" of its process.

    >>> jobs = [{"pid": 7, "mb": 90}, {"pid": 8, "mb": 95}, {"pid": 7, "mb": 110}]
    >>> by_process(jobs, "mb")
    [[90, 110], [95]]
    """
    found: dict[int, list[Any]] = {}
    for one in returned:
        found.setdefault(one["pid"], []).append(one[key])
    return list(found.values())
