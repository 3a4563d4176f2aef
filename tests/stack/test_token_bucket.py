"""The token bucket keeps its promise, by a model and by real threads, in a real Redis."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.own.broker import own_broker
from labkit.services.slow_api import most_in_a_second
from work.token_bucket import TokenBucket

NAMES = map(str, itertools.count())  # each example has a bucket of its own
STEP_S = 0.001  # Redis keeps six digits; the model is asked in whole steps
CLOSE_S = 0.0001  # 60 reservations, each rounded to six digits


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with own_broker("bucket") as broker, broker.client() as one:
        yield one


class Model:
    """A bucket as the books describe it: tokens that drop in; below zero they are owed."""

    def __init__(self, rate: int, capacity: int) -> None:
        self.rate, self.capacity = rate, capacity
        self.tokens, self.seen = float(capacity), 0.0

    def reserve(self, now: float) -> float:
        self.tokens = min(self.capacity, self.tokens + (now - self.seen) * self.rate) - 1
        self.seen = now
        return max(0.0, -self.tokens / self.rate)


@settings(max_examples=100, deadline=None)
@given(
    rate=st.integers(1, 50),
    capacity=st.integers(1, 20),
    steps=st.lists(st.integers(0, 400), max_size=60),
)
def test_it_gives_what_the_model_gives(client, rate, capacity, steps):
    moments = [1_700_000_000 + STEP_S * sum(steps[:end]) for end in range(1, len(steps) + 1)]
    now = iter(moments)
    bucket = TokenBucket(client, next(NAMES), rate, capacity, clock=lambda: next(now))
    model = Model(rate, capacity)
    free = []
    for moment in moments:
        waits = model.reserve(moment), bucket.reserve()
        assert waits[1] == pytest.approx(waits[0], abs=CLOSE_S)
        free.append(moment + waits[1])
    assert free == sorted(free)
    assert most_in_a_second(free) <= rate + capacity


def test_many_threads_together_stay_under_rate_and_capacity(client):
    buckets = [TokenBucket(client, "threads", rate=20, capacity=1) for _ in range(6)]
    called: list[float] = []

    def call_five_times(bucket: TokenBucket) -> None:
        for _ in range(5):
            bucket.wait()
            called.append(time.monotonic())

    threads = [threading.Thread(target=call_five_times, args=(bucket,)) for bucket in buckets]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(called) == 30
    assert max(called) - begin >= 29 / 20  # nobody comes before the last token is there


def test_two_names_are_two_buckets(client):
    assert [TokenBucket(client, name, rate=1).reserve() for name in ("one", "two")] == [0.0, 0.0]


@pytest.mark.parametrize(("rate", "capacity"), [(0, 1), (-1, 1), (9, 0)])
def test_an_impossible_limit_is_refused(client, rate, capacity):
    with pytest.raises(ValueError, match="rate must be above 0 and capacity 1 or more"):
        TokenBucket(client, "x", rate, capacity)
