"""Typed arguments: let a model check what a task is asked for, before the task begins.

A message is JSON, and JSON does not know what your task expects.  A wrong argument then shows in
the middle of the work, when half of it is done.  With pydantic=True the annotations of a task
count: an argument that should be an Order becomes one, or the task fails before it has begun.

The caller may send the model itself.  It travels as a dict, and what the task returns comes back
as a dict.

The task is `book_seats` in tasks/advanced_tasks/orders.py, the models are in
work/orders/order_models.py.

    ./lab run 17        # about 1 s

Watch: http://localhost:5555/tasks shows each order as the dict that travelled, and three of the
five tasks in FAILURE.

You should see:

    sent           Order(flight='TL101', seats=2, price_cents=12900)
    it travels as  {'flight': 'TL101', 'seats': 2, 'price_cents': 12900}
    .get() brings  {'order': {...}, 'total_cents': 25800}
    made a model   Booking(order=Order(flight='TL101', seats=2, price_cents=12900), ...)
    true: the model that came back holds the model that was sent
    seats=12       FAILURE seats must be 1 to 9, got 12
    no price       FAILURE price_cents: Field required
    meal='fish'    FAILURE meal: Extra inputs are not permitted
    seats='2'      SUCCESS {'flight': 'TL101', 'seats': 2, 'price_cents': 12900}
    true: three wrong orders were refused, and nothing was booked for them
    true: a text that reads as a number became the number
    Order(seats=12) fails in this process: seats must be 1 to 9, got 12
    true: whoever sends models finds the mistake before there is a message

Try next.  Guess first:
  1. Add pydantic_strict=True to the decorator of book_seats.  What becomes of seats='2'?
  2. Take base=TypedTask away.  What does the caller learn of the three wrong orders?
  3. Take extra="forbid" out of Order.  What happens to the fish?
"""

from celery.signals import before_task_publish
from pydantic import ValidationError

from labkit.lesson import claim, run_lesson
from labkit.own.ledgers import own_ledgers
from tasks.advanced_tasks import book_seats
from work.orders.order_models import Booking, Order, reasons

TIMEOUT_S = 10  # a booking takes milliseconds; the rest is room for a busy worker
GOOD = {"flight": "TL101", "seats": 2, "price_cents": 12900}
OTHERS = {
    "seats=12": GOOD | {"seats": 12},
    "no price": {"flight": "TL101", "seats": 2},
    "meal='fish'": GOOD | {"meal": "fish"},
    "seats='2'": GOOD | {"seats": "2"},
}


def main() -> None:
    with own_ledgers("lesson17", "booked") as (ledger,):
        bodies = []  # of the messages that this process sends: (args, kwargs, more)
        before_task_publish.connect(lambda body, **_: bodies.append(body), weak=False)

        order = Order(**GOOD)
        show("sent", repr(order))
        answer = book_seats.delay(ledger.run, order).get(timeout=TIMEOUT_S)
        show("it travels as", bodies[-1][0][1])
        show(".get() brings", answer)
        # The worker's answer is data from outside again, so it is checked again.
        booking = Booking.model_validate(answer)
        show("made a model", repr(booking))
        claim(booking.order == order, "the model that came back holds the model that was sent")

        # A dict is sent as it is: here nobody looks into it.  The worker does.
        results = {what: book_seats.delay(ledger.run, data) for what, data in OTHERS.items()}
        for what, result in results.items():
            outcome = result.get(timeout=TIMEOUT_S, propagate=False)
            show(what, f"{result.state} {outcome if result.failed() else outcome['order']}")
        booked = [entry.job for entry in ledger.entries()]
        claim(
            [result.failed() for result in results.values()] == [True, True, True, False]
            and booked == ["2 seats on TL101"] * 2,
            "three wrong orders were refused, and nothing was booked for them",
        )
        claim(
            results["seats='2'"].result == answer, "a text that reads as a number became the number"
        )

        sent = len(bodies)
        try:
            book_seats.delay(ledger.run, Order(**OTHERS["seats=12"]))
        except ValidationError as error:
            print(f"Order(seats=12) fails in this process: {reasons(error)}")
        claim(
            len(bodies) == sent, "whoever sends models finds the mistake before there is a message"
        )


def show(what: str, text: object) -> None:
    print(f"{what:<15}{text}")


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
