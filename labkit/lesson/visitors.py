"""Visitors of a web API: they ask, wait for what they asked for, and see how long answers take."""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
from celery.states import READY_STATES

from lab_home import LAB_FILES
from work.mail.mail_answers import given_answers, set_answers
from work.mail.mailbox import emails

MAILBOXES = LAB_FILES / "mail"
POLL_S = 0.05
TIMEOUT_S = 60  # for one answer; the longest takes some seconds


class Visitors:
    """They share a client; each of them has a mailbox."""

    def __init__(self, client: httpx.Client, addresses: Sequence[str]) -> None:
        self._client = client
        self._addresses = addresses

    def get(self, path: str) -> httpx.Response:
        """Ask for something."""
        return self._client.get(path)

    def post(self, path: str, content: Any) -> httpx.Response:
        """Send something as JSON."""
        return self._client.post(path, json=content)

    # -- Their mail -----------------------------------------------------------------------------

    def emails(self, answer: str) -> list[dict[str, str]]:
        """An e-mail to each of them, which the mail server will answer so, such as "slow"."""
        for address in self._addresses:
            set_answers(MAILBOXES, address, [answer])
        ticket = {"subject": "Your ticket", "body": "Seat 12A."}
        return [{"to_email": address, **ticket} for address in self._addresses]

    def mails_took_s(self) -> tuple[float, float]:
        """The seconds until the first one's e-mail was kept, and until all were.

        The first one's counts from the mail server's answer to it, all from its earliest answer.
        0 where the server kept no e-mail.
        """
        began = [given_answers(MAILBOXES, one)[0].time for one in self._addresses]
        kept = [emails(MAILBOXES, one)[-1:] for one in self._addresses]
        ended = [one[0].stat().st_mtime if one else 0.0 for one in kept]
        first_s, all_s = ended[0] - began[0], max(ended) - min(began)
        return max(0.0, round(first_s, 1)), max(0.0, round(all_s, 1))

    # -- Waiting for a task, by the path of its state -------------------------------------------

    def poll(self, path: str) -> list[dict]:
        """Ask again and again until the task has ended; return every answer."""
        states = [self.get(path).json()]
        while states[-1]["state"] not in READY_STATES:
            time.sleep(POLL_S)
            states.append(self.get(path).json())
        return states

    def listen(self, path: str) -> list[dict]:
        """Be told until the task has ended; return every state that was told."""
        states = []
        with self._client.stream("GET", f"{path}/events") as answer:
            for line in answer.iter_lines():
                if line == "event: end":
                    break
                if line.startswith("data: "):
                    states.append(json.loads(line.removeprefix("data: ")))
        return states

    def follow(self, path: str) -> dict[str, tuple[list[int], str]]:
        """Poll and listen at the same time.

        Returns {"polling": (the steps that were seen, the state in the end), "events": ...}.
        """
        with ThreadPoolExecutor() as pool:
            following = {"polling": pool.submit(self.poll, path)}
            following["events"] = pool.submit(self.listen, path)
        seen = {}
        for way, future in following.items():
            states = future.result()
            steps = [one["progress"]["done"] for one in states if one["progress"]]
            seen[way] = (list(dict.fromkeys(steps)), states[-1]["state"])
        return seen

    # -- All of them at once --------------------------------------------------------------------

    def all_at_once(self, path: str, contents: Sequence[Any]) -> tuple[float, float]:
        """Send all of these at the same time, and ask for /healthz meanwhile.

        Returns the seconds until the last answer, and the longest that /healthz took.  What was
        accepted is waited for.
        """
        start = time.perf_counter()
        with ThreadPoolExecutor(len(contents)) as pool:
            asking = [pool.submit(self.post, path, one) for one in contents]
            health_s = []
            while not all(one.done() for one in asking):
                health_s.append(self.get("/healthz").elapsed.total_seconds())
                time.sleep(POLL_S)
        took_s = time.perf_counter() - start
        for one in asking:
            answer = one.result().raise_for_status()
            if "Location" in answer.headers:
                self.poll(answer.headers["Location"])
        return took_s, max(health_s)


@contextmanager
def visitors(url: str, lesson: str, many: int) -> Iterator[Visitors]:
    """Let so many visitors come to the API at this address; their mailboxes go with them.

    60 e-mails would hide yours in ./lab mail.
    """
    addresses = [f"reader{number}@{lesson}.example.com" for number in range(1, many + 1)]
    try:
        with httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
            yield Visitors(client, addresses)
    finally:
        for address in addresses:
            shutil.rmtree(MAILBOXES / address, ignore_errors=True)
