"""A token bucket in Redis: one limit for any number of workers.

The bucket gets `rate` tokens a second, and holds `capacity` at most.  Whoever wants to call takes a
token.  In any second at most rate + capacity tokens are taken.  So with a rate of 9 and capacity 1
nobody makes more than 10 calls in any second; with capacity 10 it could be 19.
"""

import time
from collections.abc import Callable
from typing import Any

# Redis runs a script as one step: nobody else can ask between the look and the taking.
# The bucket is one number, the moment when it will be full again.  A token moves that moment by
# 1/rate seconds, and it lies at most capacity/rate seconds ahead (more, if somebody has set the
# clock back; then it is brought back, too).  The clock is that of Redis, the same for all.
# What is returned is text: Redis would cut the digits off a number of Lua's.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(ARGV[3]) or tonumber(time[1]) + tonumber(time[2]) / 1000000
local one, capacity = 1 / tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
full_at = math.min(full_at, now + capacity * one) + one
local wait = full_at - now - capacity * one
if wait > 0.000001 then
    return string.format('%.6f', wait)
end
redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'EX', math.ceil(full_at - now) + 60)
return '0'
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
        self._take = client.register_script(_TAKE)

    def take(self) -> float:
        """Take a token and return 0.0; if there is none, the seconds until there may be one.

        Whoever waited must ask again: another may have been faster.
        """
        now = f"{self._clock():.6f}" if self._clock else ""
        return float(self._take(keys=[self._key], args=[*self._limits, now]))

    def wait(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait for a token, and take it."""
        while seconds := self.take():
            sleep(seconds)
