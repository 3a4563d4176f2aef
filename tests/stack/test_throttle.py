"""The throttle keeps its promise in a real Redis: one of a kind at a time, and none forgotten."""

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.own.broker import own_broker
from work.throttle import Throttle

NAMES = map(str, itertools.count())  # each example has a throttle of its own
EVERY_S = 60


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with own_broker("throttle") as broker, broker.client() as one:
        yield one


@settings(max_examples=100, deadline=None)
@given(errors=st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), max_size=40))
def test_one_of_a_kind_in_a_minute_and_every_other_one_is_counted(client, errors):
    now = 1_700_000_000
    throttle = Throttle(client, next(NAMES), EVERY_S, clock=lambda: now)
    passed_at: dict[str, int] = {}
    came, told = Counter[str](), Counter[str]()
    for pause_s, kind in errors:
        now += pause_s
        came[kind] += 1
        open_again_at = passed_at.get(kind, 0) + EVERY_S
        assert throttle.closed_s(kind) == max(0, open_again_at - now)
        kept_back = throttle.admit(kind)
        assert (kept_back is not None) == (now >= open_again_at)
        if kept_back is not None:
            passed_at[kind] = now
            told[kind] += 1 + kept_back
            assert told[kind] == came[kind]


def test_of_many_at_once_one_passes_and_the_next_one_knows_of_the_others(client):
    now = 1000.0
    throttle = Throttle(client, "at once", EVERY_S, clock=lambda: now)
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda _: throttle.admit("a"), range(50)))
    assert answers == {0: 1, None: 49}
    now += EVERY_S
    assert throttle.admit("a") == 49


def test_what_is_kept_does_not_stay_in_redis_for_ever(client):
    Throttle(client, "rest", EVERY_S).admit("a")
    assert 86_400 < client.ttl("throttle:rest:a") <= 86_400 + EVERY_S


def test_an_impossible_pause_is_refused(client):
    with pytest.raises(ValueError, match="every_s must be above 0, got 0"):
        Throttle(client, "x", 0)
