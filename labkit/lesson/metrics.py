"""What a Flower answers: which of its pages, to whom, and the numbers that it has on /metrics."""

import httpx

from labkit.waiting import wait_until

TIMEOUT_S = 60  # an event comes in milliseconds, a heartbeat in 2 s; the rest is for a busy machine


def metric(text: str, name: str, **labels: str) -> float:
    """The sum of the lines that have this name and these labels, and perhaps others.

    >>> text = 'seen{type="a",by="w1"} 2.0\\nseen{type="b",by="w1"} 4.0\\nseen_at{type="a"} 9'
    >>> metric(text, "seen", by="w1"), metric(text, "seen", type="a"), metric(text, "other")
    (6.0, 2.0, 0.0)
    """
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
    return sum(
        (float(line.split()[-1]) for line in lines if all(one in line for one in wanted)), 0.0
    )


def wait_for_metric(number: float, url: str, name: str, **labels: str) -> float:
    """Wait until a Flower says that much, or more; return what it says in the end."""

    def now() -> float:
        return metric(httpx.get(f"{url}/metrics", trust_env=False).text, name, **labels)

    wait_until(lambda: now() >= number, TIMEOUT_S, every_s=0.1)
    return now()


def status_codes(url: str, path: str, user: tuple[str, str]) -> tuple[int, int]:
    """The number that a page answers without a password, and with (user name, password)."""
    without, with_it = (httpx.get(url + path, auth=auth, trust_env=False) for auth in (None, user))
    return without.status_code, with_it.status_code
