"""A token bucket in Redis: one limit for any number of workers.

The bucket gets `rate` tokens a second, and holds `capacity` at most.  Whoever wants to call takes a
token, and waits until it is there.  In any second at most rate + capacity tokens become free.  So
with a rate of 9 and capacity 1 nobody makes more than 10 calls in any second; with capacity 10 it
could be 19.
"""

import time
from collections.abc import Callable
from typing import Any

# Redis runs a script as one step: nobody else can come between the look and the taking.
# The bucket is one number, the moment when it will be full again.  A token moves that moment by
# 1/rate seconds.  A bucket that will be full in capacity/rate seconds is empty; the token is there
# as soon as it is not more than that.  The clock is that of Redis, the same for all.
# What is returned is text: Redis would cut the digits off a number of Lua's.
_RESERVE = """
local time = redis.call('TIME')
local now = tonumber(ARGV[3]) or tonumber(time[1]) + tonumber(time[2]) / 1000000
local one, capacity = 1 / tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + one
redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'EX', math.ceil(full_at - now) + 60)
return string.format('%.6f', math.max(0, full_at - capacity * one - now))
"""


class TokenBucket:
    """A bucket by its name; all who use the same name and the same Redis share it.

    client: a redis.Redis.  rate: tokens a second.  capacity: tokens, 1 or more.
    clock: the time in seconds, for tests; None is the clock of Redis.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        rate: float,
        capacity: int = 1,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if not 0 < rate <= 10_000 or capacity < 1:
            raise ValueError(f"rate must be above 0 and capacity 1 or more, got {rate}, {capacity}")
        self._key = f"bucket:{name}"
        self._limits = (rate, capacity)
        self._clock = clock
        self._reserve = client.register_script(_RESERVE)

    def reserve(self) -> float:
        """Take the next token; return the seconds until it is there.

        Wait so long, and then call at once.  Reserve one when you need it, and not many in
        advance: calls that come late, all together, break the limit.
        """
        now = f"{self._clock():.6f}" if self._clock else ""
        return float(self._reserve(keys=[self._key], args=[*self._limits, now]))

    def wait(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the next token, and wait until it is there."""
        sleep(self.reserve())
