"""A web API: answer at once with an id, and let a worker do what takes long.

Somebody buys a ticket on a web page, and the mail server takes 2 s for the e-mail.  Nobody wants to
look at an empty page for so long.  So the API puts the e-mail onto a queue and answers 202, which
means "accepted", with an id.  With the id the page can ask how far the work is (polling).  Or it is
told: server-sent events are an answer that stays open, and gets a line for each change.

The lesson starts a web server, and sends it 20 e-mails; it answers, though no worker is there yet.
Then the lesson starts a worker with 20 slots, and follows the work on a photo in both ways.  The
end is a mistake that is made often: a handler that calls `.get()`.  In an `async def` handler this
stops the whole server, because all handlers share one event loop.  For this the mail server needs
only 0.2 s an e-mail, or you would wait for 40 s.

The API is in web/tasks_routes.py and web/events.py.  shop_api.py, beside this lesson, adds the
photo and the mistake.  The slow mail server is the lab's own, which was told to be slow.

    ./lab run 57        # about 12 s

Watch: http://localhost:5555/tasks shows 20 e-mails of 2 s that began together.  Of the last 20,
with 0.2 s each, every one began after the one before had ended.

You should see:

    $ uvicorn examples.realworld.shop_api:app --port=0 --timeout-graceful-shutdown=2
    POST /send_email 20 times: 202, ... ms in the median
    GET /tasks/...: PENDING
    true: the answers took under 50 ms in the median
    $ ./start_worker.sh -n lesson57@%h --queues=lesson57 --pool=threads --concurrency=20
    20 e-mails: SUCCESS; the first one took ... s
    true: an e-mail takes 2 s, and nobody waited for it
    the photo, by polling: ... of 6 steps, then SUCCESS
    the photo, by events: ... of 6 steps, then SUCCESS
    true: both saw how far it was before it had ended
    20 requests at once              all answered after  GET /healthz meanwhile
    202 and an id                    ... s              up to ... s
    .get() in an async def handler   ... s               up to ... s
    true: with .get() it was one e-mail after the other, 20 x 0.2 s; 19 slots had nothing to do
    true: that took at least twice as long: ... times as long
    true: and somebody who asked for something else waited for them

Try next.  Guess first:
  1. In shop_api.py, make send_email_and_wait a `def`.  FastAPI runs such a handler in a thread, and
     has 40 threads.  Which sentence is the first that does not come true any more?
  2. Then set AT_ONCE to 100, too.  For how many of them has the server a thread at one time, and
     for how many has the worker a slot?
  3. In answer_at_once, write emails("550"): the mail server says that there is no such mailbox.
     What does POST answer then, and who learns of the error?
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

import httpx
from celery.states import READY_STATES

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.own.pages import own_web
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from work.mail.mail_answers import DELAYS_S, given_answers, set_answers

AT_ONCE = 20
SLOTS = 20  # threads: an e-mail needs no processor while it waits for the mail server
ANSWER_MS = 50  # about 3 on a quiet machine
POLL_S = 0.05
TIMEOUT_S = 60  # for one answer; the longest takes about 5 s
MAILBOXES = LAB_FILES / "mail"
PEOPLE = [f"reader{number}@lesson57.example.com" for number in range(1, AT_ONCE + 1)]
OPERATIONS = ["crop", "filter", "filter", "filter", "filter", "resize"]  # six steps to be seen


def main() -> None:
    with (
        mailboxes_for_a_while(),
        own_queues("lesson57"),
        own_web("lesson57-web", "examples.realworld.shop_api:app") as server,
        httpx.Client(base_url=server.url, timeout=TIMEOUT_S, trust_env=False) as shop,
    ):
        paths = answer_at_once(shop)
        with own_worker("lesson57", ["lesson57"], "--pool=threads", f"--concurrency={SLOTS}"):
            see_them_sent(shop, paths)
            follow_a_photo(shop)
            wait_in_the_handler(shop)


@contextmanager
def mailboxes_for_a_while() -> Iterator[None]:
    """Remove the mailboxes at the end: 60 e-mails would hide yours in ./lab mail."""
    try:
        yield
    finally:
        for person in PEOPLE:
            shutil.rmtree(MAILBOXES / person, ignore_errors=True)


def answer_at_once(shop: httpx.Client) -> list[str]:
    """Send very slow e-mails, and take the time of the answers; return where to ask for them."""
    sent = [timed(shop.post, "/send_email", json=email) for email in emails("very slow")]
    (code,) = {answer.status_code for answer, _ in sent}
    paths = [answer.headers["Location"] for answer, _ in sent]
    took_ms = [1000 * seconds for _, seconds in sent]
    print(f"POST /send_email {len(sent)} times: {code}, {median(took_ms):.0f} ms in the median")
    print(f"GET {paths[0]}: {shop.get(paths[0]).json()['state']}")
    claim(median(took_ms) < ANSWER_MS, f"the answers took under {ANSWER_MS} ms in the median")
    return paths


def see_them_sent(shop: httpx.Client, paths: list[str]) -> None:
    """Wait for the e-mails; for the first one, see how long the worker waited for the server."""
    state = poll(shop, paths[0])[-1]["state"]
    took_s = time.time() - given_answers(MAILBOXES, PEOPLE[0])[0].time
    states = {state, *(poll(shop, path)[-1]["state"] for path in paths)}
    print(f"{len(paths)} e-mails: {', '.join(states)}; the first one took {took_s:.1f} s")
    claim(took_s >= DELAYS_S["very slow"], "an e-mail takes 2 s, and nobody waited for it")


def follow_a_photo(shop: httpx.Client) -> None:
    """Follow one task in both ways, and print how far it was, as each of them saw it."""
    photo = shop.post("/photo", json=OPERATIONS).headers["Location"]
    with ThreadPoolExecutor() as pool:
        following = {"polling": pool.submit(poll, shop, photo)}
        following["events"] = pool.submit(listen, shop, photo)
    seen = {}
    for way, states in ((way, future.result()) for way, future in following.items()):
        steps = [state["progress"]["done"] for state in states if state["progress"]]
        seen[way] = list(dict.fromkeys(steps))
        end = states[-1]["state"]
        print(f"the photo, by {way}:", *seen[way], f"of {len(OPERATIONS)} steps, then {end}")
    claim(all(seen.values()), "both saw how far it was before it had ended")


def poll(shop: httpx.Client, path: str) -> list[dict]:
    """Ask again and again until the task has ended; return every answer."""
    states = [shop.get(path).json()]
    while states[-1]["state"] not in READY_STATES:
        time.sleep(POLL_S)
        states.append(shop.get(path).json())
    return states


def listen(shop: httpx.Client, path: str) -> list[dict]:
    """Be told until the task has ended; return every state that was told."""
    states = []
    with shop.stream("GET", f"{path}/events") as answer:
        for line in answer.iter_lines():
            if line == "event: end":
                break
            if line.startswith("data: "):
                states.append(json.loads(line.removeprefix("data: ")))
    return states


def wait_in_the_handler(shop: httpx.Client) -> None:
    """Let 20 requests come at once, to a handler that answers and to one that waits."""
    print(f"{AT_ONCE} requests at once              all answered after  GET /healthz meanwhile")
    row = "{:<33}{:<20}up to {:.1f} s"
    accepted_s, health_s = all_at_once(shop, "/send_email")
    print(row.format("202 and an id", f"{accepted_s:.2f} s", health_s))
    waited_s, health_s = all_at_once(shop, "/send_email_and_wait")
    print(row.format(".get() in an async def handler", f"{waited_s:.1f} s", health_s))
    one_s = DELAYS_S["slow"]
    claim(
        waited_s >= AT_ONCE * one_s,
        f"with .get() it was one e-mail after the other, {AT_ONCE} x {one_s} s; "
        f"{SLOTS - 1} slots had nothing to do",
    )
    times = waited_s / accepted_s
    claim(times >= 2, f"that took at least twice as long: {times:.0f} times as long")
    claim(health_s >= 5 * one_s, "and somebody who asked for something else waited for them")


def all_at_once(shop: httpx.Client, path: str) -> tuple[float, float]:
    """Send all e-mails at the same time; the seconds until the last answer, and what /healthz took.

    Returns when the e-mails are sent.
    """
    letters = emails("slow")
    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asking = [pool.submit(timed, shop.post, path, json=email) for email in letters]
        health_s = []
        while not all(one.done() for one in asking):
            health_s.append(timed(shop.get, "/healthz")[1])
            time.sleep(POLL_S)
    answers = [one.result()[0].raise_for_status() for one in asking]
    took_s = time.perf_counter() - start
    for answer in answers:
        if "Location" in answer.headers:
            poll(shop, answer.headers["Location"])
    return took_s, max(health_s)


def emails(answer: str) -> list[dict]:
    """Letters to 20 people, whose mail server will give this answer."""
    for person in PEOPLE:
        set_answers(MAILBOXES, person, [answer])
    return [{"to_email": one, "subject": "Your ticket", "body": "Seat 12A."} for one in PEOPLE]


def timed(ask: Callable, *arguments, **options) -> tuple[httpx.Response, float]:
    """An answer, and the seconds that it took."""
    start = time.perf_counter()
    answer = ask(*arguments, **options)
    return answer, time.perf_counter() - start


if __name__ == "__main__":
    run_lesson(main, queues=[], extras=["mail"])
