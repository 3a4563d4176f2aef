"""`./lab doctor ID` finds out what became of a task: each case is made for real."""

import uuid

import pytest

from labkit.broker.queues import unacked_count
from tests.stack.helpers.labs import SOON_S, stopped, wait_until
from tests.stack.helpers.odd_messages import ODD
from tests.stack.helpers.patient import LONG_S, patient, ward
from tests.stack.helpers.stored import stored_result

__all__ = ["patient", "ward"]


def test_a_task_that_is_done_is_told_with_its_result(ward):
    result = ward.send("add", 4, 5)
    ward.wait_for_state(result, "SUCCESS")
    answer = ward.doctor(result.id, code=0)
    assert "done" in answer.text
    assert "the result is 9" in answer.text


def test_a_task_that_failed_is_told_with_its_error(ward):
    result = ward.send("divide", 1, 0)
    ward.wait_for_state(result, "FAILURE")
    answer = ward.doctor(result.id, code=0)
    assert "ZeroDivisionError: division by zero" in answer.text


def test_a_running_task_is_told_with_its_worker_and_its_progress(ward):
    result = ward.send("word_counts_of_all", ["a b", "c"], LONG_S)
    ward.wait_for_state(result, "PROGRESS")
    answer = ward.doctor(result.id, code=0)
    assert f"running in {ward.shared_worker.name}" in answer.text
    assert "PROGRESS {'done': " in answer.text


def test_a_reserved_task_is_told_with_the_long_task_before_it_and_told_when_it_is_revoked(patient):
    with patient.worker("reserved", "--concurrency=1") as worker:
        long = patient.send("nap", LONG_S)
        patient.wait_for_state(long, "STARTED")
        result = patient.send("add", 1, 1)
        patient.wait_until_taken(result)
        answer = patient.doctor(result.id, code=0)
        result.revoke()
        patient.wait_for_state(result, "REVOKED")
        revoked = patient.doctor(result.id, code=0)
    assert f"reserved by {worker.name}, behind 1 running task" in answer.text
    assert "the longest, tasks.basic_tasks.nap, has run for" in answer.text
    assert "revoked" in revoked.text


def test_a_task_with_an_eta_is_told_with_the_time_when_it_is_due(ward):
    result = ward.send("add", 1, 1, countdown=3000)
    ward.wait_until_taken(result)
    answer = ward.doctor(result.id, code=0)
    assert f"waits in {ward.shared_worker.name} for its time: it is due in 49 min" in answer.text


def test_a_task_that_retries_is_told_with_the_attempt_that_comes_next(ward):
    result = ward.send("ask_until_ready", 9, LONG_S)
    ward.wait_for_state(result, "RETRY")
    ward.wait_until_taken(result)
    answer = ward.doctor(result.id, code=0)
    assert "for attempt 2; the one before failed with NotYet: " in answer.text


def test_a_task_that_its_rate_limit_holds_back_is_told(patient):
    with patient.worker("limited") as worker:
        patient.app.control.rate_limit(
            "tasks.basic_tasks.add", "1/h", destination=[worker.name], reply=True
        )
        patient.wait_for_state(patient.send("add", 1, 1), "SUCCESS")
        result = patient.send("add", 1, 1)
        patient.wait_until_taken(result)
        answer = patient.doctor(result.id, code=0)
    assert "has a rate limit of 1/h there" in answer.text


def test_a_task_that_no_worker_knows_is_told_after_it_was_thrown_away(ward):
    result = ward.send("ad", 4, 5)
    ward.wait_for_state(result, "FAILURE")
    answer = ward.doctor(result.id, code=1)
    assert "does not know the task tasks.basic_tasks.ad, and threw the message away" in answer.text
    assert "did you mean 'tasks.basic_tasks.add'?" in answer.text


def test_what_waits_is_told_with_those_before_it_and_with_what_a_worker_will_refuse(patient):
    with patient.worker("busy", "--concurrency=1", "--prefetch-multiplier=1") as worker:
        for _ in range(2):  # one runs, one is reserved: the worker takes no more
            long = patient.send("nap", LONG_S)
        wait_until(lambda: unacked_count(patient.client) == 1, what="one is reserved")
        for _ in range(7):
            patient.send("add", 1, 1)
        waits = patient.doctor(patient.send("add", 4, 5).id, code=0)
        unknown = patient.doctor(patient.send("ad", 4, 5).id, code=1)
        pickled = str(uuid.uuid4())
        patient.client.lpush("basic", ODD["pickle"](pickled))
        refused = patient.doctor(pickled, code=1)
        assert stored_result(patient.client, long.id) is None
    assert "waits in the queue 'basic', behind 7 messages: tasks.basic_tasks.add" in waits.text
    assert f"{worker.name} takes from this queue" in waits.text
    assert "does not know this task and will throw it away" in unknown.text
    assert "did you mean 'tasks.basic_tasks.add'?" in unknown.text
    assert "no worker can run it: content type" in refused.text


def test_a_task_in_a_misspelled_queue_is_told_with_the_name_that_was_meant(ward):
    result = ward.send("add", 4, 5, queue="bascic")
    answer = ward.doctor(result.id, code=1)
    assert "waits in the queue 'bascic', as the next one" in answer.text
    assert "no worker takes from this queue; did you mean 'basic'?" in answer.text


def test_a_waiting_task_without_any_worker_is_told_how_to_start_one(patient):
    result = patient.send("add", 4, 5)
    answer = patient.doctor(result.id, code=1)
    assert "no worker takes from this queue" in answer.text
    assert "hint: ./start_worker.sh\n" in answer.text


def test_a_task_that_came_too_late_has_expired_and_was_not_called_off(ward):
    result = ward.send("add", 4, 5, countdown=0.5, expires=0.1)
    ward.wait_for_state(result, "REVOKED")
    answer = ward.doctor(result.id, code=0)
    assert "expired: it was not to start after a given moment (expires)" in answer.text
    assert "the message was thrown away" in answer.text


def test_an_expired_result_is_told_from_the_log_of_its_worker(patient):
    with patient.worker("expired", settings=["result.expires=1"]):
        result = patient.send("add", 4, 5)
        wait_until(lambda: stored_result(patient.client, result.id), what="the result is stored")
        wait_until(lambda: not stored_result(patient.client, result.id), what="it has expired")
        answer = patient.doctor(result.id, code=0)
    assert "it succeeded at" in answer.text
    assert "and results are kept for 1.0 s (result_expires)" in answer.text


def test_a_result_that_its_task_ignores_is_told_from_the_log_of_its_worker(patient):
    with patient.worker("ignoring", settings=["task.ignore_result=True"]) as worker:
        result = patient.send("add", 4, 5)
        wait_until(lambda: f"[{result.id}] succeeded" in worker.log.read_text(), what="it is done")
        answer = patient.doctor(result.id, code=0)
    assert "this task ignores its result (ignore_result=True): none is stored" in answer.text


def test_a_result_that_the_caller_did_not_want_cannot_be_told_from_a_forgotten_one(ward):
    result = ward.send("add", 4, 5, ignore_result=True)
    wait_until(
        lambda: f"[{result.id}] succeeded" in ward.shared_worker.log.read_text(), what="it is done"
    )
    answer = ward.doctor(result.id, code=0)
    assert "it was sent with ignore_result=True, or the result was forgotten" in answer.text
    assert "which of these cannot be known" in answer.text


def test_an_id_that_was_never_sent_gets_all_that_may_be_so(patient):
    patient.send("add", 1, 1)
    answer = patient.doctor(str(uuid.uuid4()), code=1)
    assert "nothing is known of it: no result is stored, no worker that answers has it" in (
        answer.text
    )
    assert "it is not among the messages that wait (1)" in answer.text
    assert "it was never sent" in answer.text


def test_what_a_killed_worker_ran_is_called_lost_and_what_it_held_comes_back(patient):
    with patient.worker("killed", "--concurrency=1") as worker:
        ran, held = patient.send("nap", LONG_S), patient.send("add", 1, 1)
        patient.wait_for_state(ran, "STARTED")
        patient.wait_until_taken(held)
        worker.kill()
        lost, returns = patient.doctor(ran.id, code=1), patient.doctor(held.id, code=1)
        worker.log.unlink()
        without_log = patient.doctor(ran.id, code=1)
    assert f"its stored state is STARTED by {worker.name}" in lost.text
    assert "it was lost with its worker" in lost.text
    assert "no worker lists it" in returns.text
    assert "(visibility_timeout, 1 h 0 min by the lab's settings" in returns.text
    assert "send it again" not in returns.text
    assert "it was lost with its worker, or purged; or it replaced itself" in without_log.text
    assert "look for its effects before you send anything twice" in without_log.text


def test_a_worker_that_cannot_answer_is_not_taken_for_dead_or_missing(patient):
    with patient.worker("solo", "--pool=solo") as worker:
        result = patient.send("nap", LONG_S)
        patient.wait_for_state(result, "STARTED")
        answer = patient.doctor(result.id, code=0)
        of_all = patient.doctor(code=1)
    assert f"its stored state is STARTED by {worker.name}" in answer.text
    assert "1 connected worker does not answer" in answer.text
    assert answer.seconds < SOON_S
    assert "1 connected worker or Beat did not answer in 1 s" in of_all.text
    assert "no worker is connected" not in of_all.text
    assert of_all.seconds < 30  # it did not wait for as long as it may


@pytest.mark.parametrize(
    ("task_id", "sentence"),
    [
        ("", "error: the task id is empty"),
        ("a\x1b[31m\x07", "error: a task id has no control characters"),
        ("9" * 10_000, "error: a task id has at most 200 characters here, got 10,000"),
    ],
    ids=["empty", "control characters", "10 kB"],
)
def test_what_can_be_no_id_is_refused_in_one_sentence(patient, task_id, sentence):
    answer = patient.doctor(task_id, code=2)
    assert answer.errors.startswith(sentence)
    assert answer.errors.count("\n\nhint: ") == 1
    assert "\x1b" not in answer.errors


def test_a_word_is_looked_for_because_a_program_may_choose_its_ids(patient):
    patient.send("add", 1, 1, task_id="order-71")
    found, other = patient.doctor("order-71"), patient.doctor("order-7")
    assert "waits in the queue 'basic', as the next one" in found.text
    assert other.code == 1
    assert "it has not the form of Celery's own ids" in other.text


def test_an_id_is_not_looked_for_where_no_broker_answers(patient):
    patient.broker.stop()
    answer = patient.doctor(str(uuid.uuid4()), wait_s=2.5, code=1)
    assert "no broker answers at redis://:***@127.0.0.1:" in answer.errors
    assert answer.seconds < SOON_S


def test_a_frozen_broker_does_not_hold_up_the_doctor(patient):
    with stopped(patient.broker.process.pid):
        answer = patient.doctor(str(uuid.uuid4()), wait_s=2.5, code=1)
    assert answer.seconds < SOON_S
