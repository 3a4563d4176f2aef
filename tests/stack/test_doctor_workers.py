"""What `./lab doctor` says about the workers and Beats themselves: each case is made for real."""

from collections.abc import Iterator

import pytest

from labkit.worker_view import ask_workers
from tests.stack.labs import wait_until
from tests.stack.patient import LONG_S, Patient


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """A broker with two workers of one name, of one slot each, and a nap in both."""
    one = Patient(tmp_path_factory.mktemp("twins"))
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr("labkit.nodes.LAB_HOME", one.home)
        with one.worker("twin", "--concurrency=1"), one.worker("twin", "--concurrency=1"):
            for nap in [one.send("nap", LONG_S) for _ in range(2)]:
                one.wait_for_state(nap, "STARTED")
            yield one
    one.close()


def test_what_two_workers_of_one_name_have_is_put_together(twins):
    workers = ask_workers(twins.app, twins.client)
    [both] = workers.answered
    assert workers.doubled == {both.name: 2}
    assert both.slots == 2
    assert len({task["worker_pid"] for task in both.active}) == 2


def test_a_celery_inspect_of_two_workers_of_one_name_keeps_both_answers(twins, recwarn):
    twins.send("add", 1, 1, countdown=LONG_S)
    twins.send("add", 1, 1, countdown=LONG_S)
    workers = ask_workers(twins.app, twins.client)
    wait_until(
        lambda: len(workers.inspect(twins.app).scheduled()[workers.answered[0].name]) == 2,
        what="the two tasks that wait for their time are listed",
    )
    assert not recwarn.list
