"""A shop that is killed between writing an order and sending its message.  Lesson 59 runs it.

    python shop_that_dies.py ORDER_ID TASK

TASK is the task that the order's message is for; with "" no message is written with the order.
"""

import os
import signal
import sys

from sqlalchemy import insert

from labkit.own.shop import ORDER
from tasks.shop import shop
from work.database.engine import writing
from work.database.schema import orders
from work.orders import outbox

order_id, task = sys.argv[1:]

# region outbox
# One transaction: the order and its message are there together, or neither is.
with writing(shop()) as database:
    database.execute(insert(orders).values(id=order_id, **ORDER))
    if task:
        outbox.put(database, order_id, task, [order_id])
# endregion

os.kill(os.getpid(), signal.SIGKILL)  # a power cut, a crash, a new version of the shop
# Here it would send the message.
