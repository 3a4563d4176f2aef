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
photo and the mistake; plain_shop.py and plain_api.py are the smallest such shop, to copy.  The slow
mail server is the lab's own, which was told to be slow.

    ./lab run 57        # about 12 s

Watch: http://localhost:5555/tasks shows 20 e-mails of 2 s that began together.  Of the last 20,
with 0.2 s each, every one began after the one before had ended.

You should see:

    $ uvicorn examples.realworld.shop_api:api --port=0 --timeout-graceful-shutdown=2
    POST /send_email 20 times: 202, ... ms in the median
    GET /tasks/...: PENDING
    true: the answers took under 50 ms in the median
    $ ./start_worker.sh -n lesson57@%h --queues=lesson57 --pool=threads --concurrency=20
    20 e-mails: SUCCESS; the first one took ... s, all together ... s
    true: an e-mail takes 2 s, and nobody waited for it
    the photo, by polling: ... of 6 steps, then SUCCESS
    the photo, by events: ... of 6 steps, then SUCCESS
    true: both saw how far it was before it had ended
    20 requests at once             all answered after  GET /healthz meanwhile
    202 and an id                   ... s              up to ... s
    .get() in an async def handler  ... s               up to ... s
    true: with .get() it was one e-mail after the other, 20 x 0.2 s; 19 slots had nothing to do
    true: that took at least twice as long: ... times as long
    true: and somebody who asked for something else waited for them

Try next.  Guess first:
  1. In shop_api.py, make send_email_and_wait a `def`.  FastAPI runs such a handler in a thread, and
     has 40 threads.  Which sentence is the first that does not come true any more?
  2. Then set AT_ONCE to 100, too.  For how many of them has the server a thread at one time, and
     for how many has the worker a slot?
  3. Where the e-mails are "very slow", write "550": the mail server says that there is no such
     mailbox.  What does POST answer then, and who learns of the error?
"""

from statistics import median

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.visitors import Visitors, visitors
from labkit.own.pages import own_web
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from work.mail.mail_answers import DELAYS_S

AT_ONCE = 20
SLOTS = 20  # threads: an e-mail needs no processor while it waits for the mail server
ANSWER_MS = 50  # about 3 on a quiet machine
OPERATIONS = ["crop", "filter", "filter", "filter", "filter", "resize"]  # six steps to be seen


def main() -> None:
    with (
        own_queues("lesson57"),
        own_web("lesson57-web", "examples.realworld.shop_api:api") as server,
        visitors(server.url, "lesson57", AT_ONCE) as shop,
    ):
        # No worker is there.  The handler needs none: it puts a message onto the queue, and answers
        # with the id.  202 promises no more than that.
        sent = [shop.post("/send_email", email) for email in shop.emails("very slow")]
        (code,) = {answer.status_code for answer in sent}
        took_ms = median(1000 * answer.elapsed.total_seconds() for answer in sent)
        paths = [answer.headers["Location"] for answer in sent]
        print(f"POST /send_email {len(sent)} times: {code}, {took_ms:.0f} ms in the median")
        print(f"GET {paths[0]}: {shop.get(paths[0]).json()['state']}")
        claim(took_ms < ANSWER_MS, f"the answers took under {ANSWER_MS} ms in the median")

        with own_worker("lesson57", ["lesson57"], "--pool=threads", f"--concurrency={SLOTS}"):
            # Whoever has the id can ask, now or from another page; the work does not wait for that.
            # 20 e-mails of 2 s are done in little more than 2 s, because each waits in a thread.
            states = {shop.poll(path)[-1]["state"] for path in paths}
            first_s, all_s = shop.mails_took_s()
            print(
                f"{len(paths)} e-mails: {', '.join(states)}; "
                f"the first one took {first_s:.1f} s, all together {all_s:.1f} s"
            )
            claim(first_s >= DELAYS_S["very slow"], "an e-mail takes 2 s, and nobody waited for it")

            # A task that takes longer than somebody's patience should say how far it is.  Who polls
            # sees the steps at which it asks; who listens is told of those that the server sees.
            photo = shop.post("/photo", OPERATIONS).headers["Location"]
            seen = shop.follow(photo)
            for way, (steps, end) in seen.items():
                print(f"the photo, by {way}:", *steps, f"of {len(OPERATIONS)} steps, then {end}")
            claim(
                all(steps for steps, _ in seen.values()),
                "both saw how far it was before it had ended",
            )
            wait_in_the_handler(shop)


def wait_in_the_handler(shop: Visitors) -> None:
    # The same e-mails, the same worker.  What differs is one line of the handler: it returns an id,
    # or it calls .get().  An `async def` handler that waits keeps the event loop from all others.
    accepted_s, health_s = shop.all_at_once("/send_email", shop.emails("slow"))
    waited_s, stuck_s = shop.all_at_once("/send_email_and_wait", shop.emails("slow"))
    table(
        *(f"{AT_ONCE} requests at once", "all answered after", "GET /healthz meanwhile"),
        rows=[
            ("202 and an id", f"{accepted_s:.2f} s", f"up to {health_s:.1f} s"),
            (".get() in an async def handler", f"{waited_s:.1f} s", f"up to {stuck_s:.1f} s"),
        ],
    )
    # A worker with 20 slots had one task at a time: the server never sent it the second one.
    one_s = DELAYS_S["slow"]
    claim(
        waited_s >= AT_ONCE * one_s,
        f"with .get() it was one e-mail after the other, {AT_ONCE} x {one_s} s; "
        f"{SLOTS - 1} slots had nothing to do",
    )
    times = waited_s / accepted_s
    claim(times >= 2, f"that took at least twice as long: {times:.0f} times as long")
    claim(stuck_s >= 5 * one_s, "and somebody who asked for something else waited for them")


if __name__ == "__main__":
    run_lesson(main, queues=[], extras=["mail"])
