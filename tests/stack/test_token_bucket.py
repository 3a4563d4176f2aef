"""The token bucket keeps its promise, by a model and by real threads, in a real Redis."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.own_broker import own_broker
from labkit.services.slow_api import most_in_a_second
from work.token_bucket import TokenBucket

NAMES = map(str, itertools.count())  # each example has a bucket of its own
STEP_S = 0.001  # Redis keeps six digits; the model is asked in whole steps
CLOSE_S = 0.00001


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with own_broker("bucket") as broker, broker.client() as one:
        yield one


class Model:
    """A bucket as the books describe it: tokens that drop in, and at most `capacity` of them."""

    def __init__(self, rate: int, capacity: int) -> None:
        self.rate, self.capacity = rate, capacity
        self.tokens, self.seen = float(capacity), 0.0

    def take(self, now: float) -> float:
        self.tokens = min(self.capacity, self.tokens + (now - self.seen) * self.rate)
        self.seen = now
        if self.tokens >= 1 - CLOSE_S:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


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
    taken = []
    for moment in moments:
        expected, got = model.take(moment), bucket.take()
        assert got == pytest.approx(expected, abs=10 * CLOSE_S * max(1, 1 / rate))
        if got == 0:
            taken.append(moment)
    assert most_in_a_second(taken) <= rate + capacity


def test_many_threads_together_stay_under_rate_and_capacity(client):
    buckets = [TokenBucket(client, "threads", rate=20, capacity=1) for _ in range(6)]
    taken: list[float] = []

    def take_five(bucket: TokenBucket) -> None:
        for _ in range(5):
            bucket.wait()
            taken.append(time.monotonic())

    threads = [threading.Thread(target=take_five, args=(bucket,)) for bucket in buckets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 30
    # 29 waits of 1/20 s by the clock of Redis; ours looks a moment later each time.
    assert max(taken) - min(taken) > 0.9 * 29 / 20


def test_a_clock_that_is_set_back_costs_one_wait_and_no_more(client):
    now = iter([5000.0, 1000.0, 1000.0 + 1 / 9])
    bucket = TokenBucket(client, "set back", rate=9, capacity=1, clock=lambda: next(now))
    assert bucket.take() == 0
    assert bucket.take() == pytest.approx(1 / 9, abs=CLOSE_S)


def test_two_names_are_two_buckets(client):
    assert [TokenBucket(client, name, rate=1).take() for name in ("one", "two")] == [0.0, 0.0]


@pytest.mark.parametrize(("rate", "capacity"), [(0, 1), (-1, 1), (9, 0)])
def test_an_impossible_limit_is_refused(client, rate, capacity):
    with pytest.raises(ValueError, match="rate must be above 0 and capacity 1 or more"):
        TokenBucket(client, "x", rate, capacity)
