"""A shop that is killed between writing an order and sending its message.  Lesson 59 runs it.

    python shop_that_dies.py ORDER_ID TASK

TASK is the task that the order's message is for; with "" no message is written with the order.
"""

import os
import signal
import sys

from labkit.own.shop import open_one
from tasks.shop import shop

order_id, task = sys.argv[1:]
open_one(shop(), order_id, task)  # committed: the order is there
os.kill(os.getpid(), signal.SIGKILL)  # a power cut, a crash, a new version of the shop
# Here it would send the message.
