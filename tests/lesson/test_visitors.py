"""Visitors of a web API see each step once, and wait until a task has ended."""

import os
import time

import httpx

from labkit.lesson import visitors
from labkit.lesson.visitors import Visitors
from work.mail.mail_answers import take_answer
from work.mail.mailbox import deliver_bytes


def state(name: str, done: int | None = None) -> dict:
    return {"state": name, "progress": None if done is None else {"done": done, "total": 2}}


STATES = [state("PENDING"), state("PROGRESS", 1), state("PROGRESS", 1), state("SUCCESS")]


def api_that_tells(states: list[dict]) -> Visitors:
    """GET /tasks/1 gives the next state each time; its events are two steps and the end."""
    left = list(states)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            told = (
                'event: state\ndata: {"state": "SUCCESS", "progress": {"done": 2, "total": 2}}\n\n'
            )
            return httpx.Response(200, text=f"{told}event: end\ndata: {{}}\n\n")
        return httpx.Response(200, json=left.pop(0))

    client = httpx.Client(base_url="http://shop", transport=httpx.MockTransport(answer))
    return Visitors(client, [])


def test_who_polls_asks_until_the_task_has_ended():
    assert api_that_tells(STATES).poll("/tasks/1") == STATES


def test_who_listens_is_told_until_the_end_event():
    told = api_that_tells(STATES).listen("/tasks/1")
    assert [one["state"] for one in told] == ["SUCCESS"]


def test_who_follows_sees_each_step_once_in_both_ways():
    seen = api_that_tells(STATES).follow("/tasks/1")
    assert seen == {"polling": ([1], "SUCCESS"), "events": ([2], "SUCCESS")}


def test_mails_took_as_long_as_the_server_kept_them_back(tmp_path, monkeypatch):
    monkeypatch.setattr(visitors, "MAILBOXES", tmp_path)
    addresses = ["reader1@example.com", "reader2@example.com"]
    both = Visitors(httpx.Client(), addresses)
    both.emails("slow")
    for address in addresses:
        take_answer(tmp_path, address)
    assert both.mails_took_s() == (0, 0)
    for address, took_s in zip(addresses, (2, 3), strict=True):
        file = deliver_bytes(b"Subject: x\n\nx", address, tmp_path)
        later = time.time() + took_s
        os.utime(file, (later, later))
    first_s, all_s = both.mails_took_s()
    assert 2 <= first_s < 3 <= all_s
