"""Bag fees, tested as a function, as a task that is called, and eagerly.  Lesson 62 shows them."""

import pytest
from kombu.exceptions import EncodeError

from celery_app import app
from tasks.realworld_tasks import bag_fee, heaviest_bag
from work.orders.baggage import fee_cents


def test_only_kilograms_above_twenty_are_paid_for():
    assert fee_cents(pieces=2, kilograms=20) == 4000
    assert fee_cents(pieces=2, kilograms=23) == 6100


def test_the_task_hands_its_arguments_on():
    assert bag_fee(pieces=2, kilograms=23) == 6100


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test, .delay() runs the task here, with arguments that were JSON in between."""
    monkeypatch.setitem(app.conf, "task_always_eager", True)


@pytest.mark.usefixtures("eager")
def test_a_set_of_bags_is_refused_before_the_task_begins():
    assert heaviest_bag.delay([8, 23]).get() == 23
    with pytest.raises(EncodeError, match="set is not JSON serializable"):
        heaviest_bag.delay({8, 23})
