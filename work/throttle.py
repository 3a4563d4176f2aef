"""Let one of many through: one report of a kind in so many seconds, and a count of the others.

The memory is in Redis, so that all processes of all workers share it.
"""

from collections.abc import Callable
from typing import Any

# Redis runs a script as one step: of two processes that ask in the same moment, one is first.
# The clock is that of Redis, the same for all.
_ADMIT = """
local time = redis.call('TIME')
local now = tonumber(ARGV[3]) or tonumber(time[1]) + tonumber(time[2]) / 1000000
local opens_at = tonumber(redis.call('HGET', KEYS[1], 'opens_at') or 0)
if now < opens_at then
    if ARGV[2] == 'admit' then
        redis.call('HINCRBY', KEYS[1], 'kept_back', 1)
    end
    return {string.format('%.6f', opens_at - now), 0}
end
local kept_back = tonumber(redis.call('HGET', KEYS[1], 'kept_back') or 0)
if ARGV[2] == 'admit' then
    local next_at = string.format('%.6f', now + tonumber(ARGV[1]))
    redis.call('HSET', KEYS[1], 'opens_at', next_at, 'kept_back', 0)
    redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1])) + 86400)
end
return {'0', kept_back}
"""


class Throttle:
    """A throttle by its name; all who use the same name and the same Redis share it.

    client: a redis.Redis.  every_s: one of a kind in so many seconds.
    clock: the time in seconds, for tests; None is the clock of Redis.
    What was kept back is forgotten after a day without another one of its kind.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        every_s: float = 60,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if every_s <= 0:
            raise ValueError(f"every_s must be above 0, got {every_s}")
        self._name = name
        self._every_s = every_s
        self._clock = clock
        self._script = client.register_script(_ADMIT)

    def admit(self, kind: str) -> int | None:
        """May one of this kind pass?  None: no, and it was counted.

        Else how many of its kind were kept back since the last one that passed.
        """
        wait_s, kept_back = self._ask(kind, "admit")
        return None if wait_s else kept_back

    def closed_s(self, kind: str) -> float:
        """The seconds until one of this kind may pass again; 0.0 if it may now."""
        return self._ask(kind, "look")[0]

    def _ask(self, kind: str, what: str) -> tuple[float, int]:
        now = f"{self._clock():.6f}" if self._clock else ""
        arguments = [self._every_s, what, now]
        wait_s, kept_back = self._script(keys=[f"throttle:{self._name}:{kind}"], args=arguments)
        return float(wait_s), int(kept_back)
