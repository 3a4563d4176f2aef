"""A ticket order: reserve, charge and mail while workers are killed, and lose no order.

Three companies have a part in a ticket: the airline holds the seat, the bank takes the money, the
post brings the ticket.  No transaction spans the three, so the order goes step by step.  If one of
them refuses, what the others have done is taken back: that is called compensation.

A worker can die at any step.  Four things together lead each order to its end:

- The order's state is in the shop's database, and says what has certainly been done.
- Each request has an idempotency key, "cards-keys-7".  A service that knows it does nothing.
- Tasks are acknowledged late.  The messages of a killed worker come back, after 12 s here.
- The outbox, a table that is written together with the order, sends an order again that has not
  moved for 8 s.  Some messages come back late, or never (lesson 33); then it is the only help.

The lesson opens 100 orders like that, and 100 careless ones: no key, acknowledged early, sent once.
The same worker works on both.  It is killed (kill -9) at each of the six steps, when the service
has done what it was asked to do and has not answered yet, and six times at random.  The bank
refuses every tenth order and the post another tenth.  Some answers get lost, some come too late.

The tasks are in tasks/realworld_tasks/orders.py and orders_carelessly.py, the steps in
work/orders/ticket_orders.py, the outbox in work/orders/outbox.py, the three services in
labkit/services/.

    ./lab run 61        # about 40 s

Watch: `tail -f .lab/files/ledgers/lesson61*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson61@%h --queues=realworld --concurrency=4 ...
    killed at /seats, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /cards, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /mails, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /mails/undo, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /cards/undo, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /seats/undo, which was done for careless-... and keys-...
    killed at random, after ... tasks
    verdict                          keys  careless
    orders                           100   100
    finished: the ticket is mailed   80    ...
    taken back: a service refused    20    ...
    stuck for ever                   0     ...
    cards charged twice or more      0     ...
    money kept for nothing           0     ...
    seats held for nothing           0     ...
    tickets mailed twice or more     0     ...
    workflows sent                   ...
      of these again, by the outbox  ...
      of these lost on the way       ...
    messages that came twice         ...
    true: keys: no order is lost, no card is charged twice, and nothing is kept without a ticket
    true: keys: messages came late and came twice, and no company did anything twice
    true: careless: orders are stuck, cards are charged twice, seats are held for nothing

The numbers differ from run to run.  Under `keys` some workflows may be lost on the way, though
they are acknowledged late; then only the outbox knows that an order waits.  Under `careless` look
at `charged twice`: no kill is needed for that.  An answer that gets lost is enough.

Try next.  Guess first:
  1. Set AGAIN_AFTER_S to 600.  Which orders end all the same, and which may not?
  2. In partners() of tasks/realworld_tasks/orders.py set keys=False in its last line.  Which
     sentence does not come true any more?
  3. Set acks_late of OrderStep to False.  What is now the only thing that brings orders to their
     end, and how does it show in the table?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.order_trial import QUEUE, order_trial
from labkit.lesson.order_verdict import order_rows
from labkit.own.broker import looking_every_second
from labkit.own.shop import open_one
from tasks.realworld_tasks import fulfil_order, fulfil_order_carelessly

SIDES = ["keys", "careless"]
# Every step of an order that ends well, and every step of taking one back.
STEPS = ["/seats", "/cards", "/mails", "/mails/undo", "/cards/undo", "/seats/undo"]
ORDERS = 100  # on each side
KILLS = 2 * len(STEPS)  # before each of them comes an equal share of the orders
AGAIN_AFTER_S = 8  # a healthy order takes about 1 s
# A shop takes Celery's 3600 s.  A retry that waits for 16 s can come twice with this: welcome here.
VISIBILITY_S = 12
TRANSPORT = looking_every_second(VISIBILITY_S)
OPTIONS = ["--concurrency=4", "--prefetch-multiplier=1"]
# The last digit of an order's number, what goes wrong with it, and how often (0: each time).  Six
# orders of ten have an easy life.
FAULTS = [
    ("0", "/cards", "refuse", 0),
    ("5", "/mails", "refuse", 0),
    ("3", "/cards", "hang up", 1),  # it has charged the card, and the answer is lost
    ("7", "/seats", "busy", 1),
]


def main() -> None:
    with order_trial("lesson61", SIDES, OPTIONS, TRANSPORT) as trial:
        shop, partners = trial.shop, trial.partners

        # The outbox calls this, too.
        def send(task: str, arguments: list) -> None:
            trial.note(arguments[0], trial.app.send_task(task, arguments, queue=QUEUE).id)

        # With keys, the message is written together with the order, and the outbox sends it.  The
        # careless order is sent here, once, and nobody asks what became of it.
        def open_orders(share: int) -> None:
            for number in range(ORDERS * share // KILLS, ORDERS * (share + 1) // KILLS):
                open_one(shop.engine, f"keys-{number + 1}", task=fulfil_order.name)
                open_one(shop.engine, f"careless-{number + 1}", task="")
                send(fulfil_order_carelessly.name, [f"careless-{number + 1}"])

        trial.let_things_go_wrong(FAULTS, ORDERS)
        for share, step in enumerate(STEPS):
            # The service does what it is asked to do, for an order of each side, and keeps its
            # answer back.  In that moment the worker is killed: nobody knows that it was done.
            with trial.worker() as worker:
                partners.hold(step, *SIDES)
                open_orders(2 * share)
                shop.read_outbox(send, AGAIN_AFTER_S, until=lambda: len(partners.held()) == 2)
                worker.kill()
            print(f"killed at {step}, which was done for {' and '.join(partners.held())}")
            partners.go()
            with trial.worker() as worker:
                open_orders(2 * share + 1)
                shop.read_outbox(send, AGAIN_AFTER_S, until=trial.some_tasks_more(40, "keys"))
                worker.kill()
            print(f"killed at random, after {trial.tasks_done()} tasks")
        with trial.worker():
            # What comes twice now does nothing; it is waited for, to be counted.
            shop.read_outbox(send, AGAIN_AFTER_S, until=lambda: trial.none_left("keys"))
            trial.wait_until_quiet()
        verdicts = trial.verdicts()

    table("verdict", *verdicts, rows=order_rows(verdicts))
    keys, careless = verdicts["keys"], verdicts["careless"]
    # The services and the shop's database say so, not Celery's states.
    kept = keys.charged_for_nothing + keys.held_for_nothing
    claim(
        not (keys.stuck + keys.charged_twice + kept + keys.wrong),
        "keys: no order is lost, no card is charged twice, and nothing is kept without a ticket",
    )
    claim(
        keys.sent_again > 0 and keys.redelivered > 0 and not keys.mailed_twice,
        "keys: messages came late and came twice, and no company did anything twice",
    )
    claim(
        bool(careless.stuck and careless.charged_twice and careless.held_for_nothing),
        "careless: orders are stuck, cards are charged twice, seats are held for nothing",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
