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

    sent: Order(flight='TL101', seats=2, price_cents=12900)
    it travels as: {'flight': 'TL101', 'seats': 2, 'price_cents': 12900}
    .get() gave: {'order': {...}, 'total_cents': 25800}
    made a model: Booking(order=Order(flight='TL101', seats=2, price_cents=12900), ...)
    true: the model that came back holds the model that was sent
    order        state    result
    seats=12     FAILURE  seats must be 1 to 9, got 12
    no price     FAILURE  price_cents: Field required
    meal='fish'  FAILURE  meal: Extra inputs are not permitted
    seats='2'    SUCCESS  {'order': {'flight': 'TL101', 'seats': 2, ...
    true: nothing was booked for the three wrong orders
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

from labkit.lesson import claim, run_lesson, table
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
    bodies = []  # of the messages that this process sends: (args, kwargs, more)
    before_task_publish.connect(lambda body, **_: bodies.append(body), weak=False)
    with own_ledgers("lesson17", "booked") as (ledger,):
        # The caller may send the model itself; the message holds what JSON can hold.
        order = Order(**GOOD)
        print(f"sent: {order!r}")
        answer = book_seats.delay(ledger.run, order).get(timeout=TIMEOUT_S)
        print(f"it travels as: {bodies[-1][0][1]}")
        print(f".get() gave: {answer}")

        # The worker's answer is data from outside again, so it is checked again.
        booking = Booking.model_validate(answer)
        print(f"made a model: {booking!r}")
        claim(booking.order == order, "the model that came back holds the model that was sent")

        # A dict is sent as it is: here nobody looks into it.  The worker does, and the ledger has
        # what the task itself has done: it did not begin with a wrong order.
        results = {what: book_seats.delay(ledger.run, data) for what, data in OTHERS.items()}
        for result in results.values():
            result.get(timeout=TIMEOUT_S, propagate=False)
        rows = [(what, one.state, f"{one.result!s:.55}") for what, one in results.items()]
        table("order", "state", "result", rows=rows)
        claim(
            ledger.jobs("BOOKED") == ["2 seats on TL101"] * 2,
            "nothing was booked for the three wrong orders",
        )
        claim(
            results["seats='2'"].result == answer, "a text that reads as a number became the number"
        )

        # Whoever makes a model of it first needs no worker to find the mistake.
        sent = len(bodies)
        try:
            book_seats.delay(ledger.run, Order(**OTHERS["seats=12"]))
        except ValidationError as error:
            print(f"Order(seats=12) fails in this process: {reasons(error)}")
        claim(
            len(bodies) == sent, "whoever sends models finds the mistake before there is a message"
        )


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
