"""`./lab doctor ID` where the first guess would be wrong: each case is made for real."""

import json
import signal
import time
import uuid

import psutil
import pytest
from celery import Celery

from labkit.broker.queues import listeners, unacked_count
from labkit.doctor.diagnosis import explain
from labkit.doctor.gather import gather
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.odd_messages import ODD
from tests.stack.helpers.patient import LONG_S, Patient, patient, ward

__all__ = ["patient", "ward"]

LIMITED = "tests.stack.helpers.doctor_tasks.limited"
POISON = "tests.stack.helpers.doctor_tasks.ends_its_process"
INVALID = "Received invalid task message"
OURS = ("-I", "tests.stack.helpers.doctor_tasks")


def push(patient: Patient, kind: str, queue: str = "basic") -> str:
    """Put an odd message into a queue; give the id that it names."""
    task_id = str(uuid.uuid4())
    patient.client.lpush(queue, ODD[kind](task_id))
    return task_id


def limited_tasks(patient: Patient, queue: str) -> list[str]:
    """Send three tasks of which one in 30 s may begin; give the ids of those that are held back."""
    first, *others = [patient.app.send_task(LIMITED, queue=queue) for _ in range(3)]
    patient.wait_for_state(first, "SUCCESS")
    wait_until(lambda: unacked_count(patient.client) == 2, what="two are held back")
    return [result.id for result in others]


def test_a_rate_limit_that_holds_a_task_back_gets_a_hint_that_helps(patient):
    with patient.worker("limited", "--concurrency=1", *OURS) as worker:
        [_, last] = limited_tasks(patient, "basic")
        answer = patient.doctor(last, code=0)
        patient.app.control.rate_limit(LIMITED, "0", destination=[worker.name], reply=True)
        lifted = patient.doctor(last)
        worker.stop(signal.SIGTERM)
        assert unacked_count(patient.client) == 0  # it put them back, as the hint says
    assert f"{worker.name} may hold it back: {LIMITED} has a rate limit of 2/m there" in answer.text
    assert "a restart of that worker puts back what it holds" in answer.text
    assert "rate_limit TASK 0" not in answer.text
    assert "?      a worker took its message" in lifted.text
    assert f"{worker.name} may hold it back, if {LIMITED} had a rate limit there" in lifted.text
    assert "send it again" not in answer.text + lifted.text


def test_a_task_whose_holder_is_dead_is_not_called_held_back(patient):
    with patient.worker("limited", "--concurrency=1", *OURS, queue="lim") as worker:
        [_, last] = limited_tasks(patient, "lim")
        worker.kill()
        with patient.worker("other", *OURS):
            answer = patient.doctor(last, code=1)
    assert "no worker that answers now took from this queue then" in answer.text
    assert "if the one that took it has ended, Redis gives" in answer.text
    assert "./start_worker.sh --queues=lim -n lim@%h" in answer.text


def test_a_revoked_task_that_waits_is_told(patient):
    one_slot = ("--concurrency=1", "--prefetch-multiplier=1")
    with patient.worker("knows", *one_slot) as knows, patient.worker("other", *one_slot) as other:
        for _ in range(4):  # two run, two are reserved: no worker takes more
            patient.send("nap", LONG_S)
        wait_until(lambda: unacked_count(patient.client) == 2, what="both have all they take")
        result = patient.send("add", 1, 1)
        patient.app.control.revoke(result.id, destination=[knows.name], reply=True)
        forgotten = patient.doctor(result.id)
        patient.app.control.revoke(result.id, destination=[other.name], reply=True)
        known = patient.doctor(result.id)
    assert forgotten.code == 1
    assert "task   revoked" in forgotten.text
    assert "a message of it is left: one waits in the queue 'basic'" in forgotten.text
    assert f"{other.name}, which takes from this queue, does not remember that" in forgotten.text
    assert f"control revoke {result.id}" in forgotten.text
    assert known.code == 0
    assert "one waits in the queue 'basic'; it is thrown away when its turn" in known.text


def test_messages_that_cannot_be_read_are_told_after_they_were_refused(patient):
    bad_body, pickled = push(patient, "bad body"), push(patient, "pickle")
    with patient.worker("refusing") as worker:
        wait_until(
            lambda: bad_body in (log := worker.log.read_text()) and INVALID in log,
            what="both were refused",
        )
        answers = patient.doctor(bad_body), patient.doctor(pickled)
    assert [answer.code for answer in answers] == [1, 1]
    assert "refusing could not read its message at" in answers[0].text
    assert "and threw it away:" in answers[0].text
    assert "a worker could not read its message, and threw it away: the log of refusing" in (
        answers[1].text
    )


def test_a_message_of_protocol_1_is_found(patient):
    task_id = push(patient, "protocol 1", queue="nobody")
    answer = patient.doctor(task_id)
    assert "waits in the queue 'nobody', as the next one: tasks.basic_tasks.add" in answer.text


def test_a_stopped_worker_may_have_what_it_was_given(patient):
    with patient.worker("stopped") as worker:
        process = psutil.Process(worker.process.pid)
        process.suspend()
        result = patient.send("add", 1, 1)
        wait_until(lambda: not patient.client.exists("basic"), what="its open BRPOP got it")
        answer = patient.doctor(result.id, code=1)
        process.resume()
        patient.wait_for_state(result, "SUCCESS")
    assert "a worker has it that was not heard" in answer.text
    assert "a stopped one (SIGSTOP) not before it goes on" in answer.text
    assert "send it again" not in answer.text


def test_a_message_that_comes_back_again_and_again_is_told(patient):
    with patient.worker("poisoned", "--concurrency=1", *OURS) as worker:
        result = patient.app.send_task(POISON, queue="basic")
        wait_until(
            lambda: worker.log.read_text().count(f"[{result.id}] received") >= 5, 60, "5 deliveries"
        )
        answer = patient.doctor(result.id, code=1)
    assert "times, as the logs say, and nobody retried it" in answer.text
    assert f"control revoke {result.id}" in answer.text


def test_a_task_that_waits_for_its_time_after_a_flush_will_run_once(patient):
    with patient.worker("flushed") as worker:
        result = patient.send("add", 1, 1, countdown=3000)
        patient.wait_until_taken(result)
        patient.client.flushdb()
        patient.mark()
        answer = patient.doctor(result.id, code=0)
    assert f"waits in {worker.name} for its time" in answer.text
    assert "its message is in Redis no more" in answer.text


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
def test_a_task_of_a_worker_in_a_warm_stop_is_not_called_lost(patient, late):
    with patient.worker("stopping", settings=[f"task.acks_late={late}"]) as worker:
        result = patient.send("nap", LONG_S)
        patient.wait_for_state(result, "STARTED")
        worker.ask_to_stop()
        wait_until(lambda: "Warm shutdown" in worker.log.read_text(), what="it stops")
        wait_until(lambda: not listeners(patient.client), what="it answers no more")
        answer = patient.doctor(result.id, code=0)
    assert "which began it, still runs on this machine: a worker in a warm stop" in answer.text


def test_a_task_that_ends_while_the_doctor_looks_is_well(patient):
    backend = Celery(broker=patient.url, backend=patient.url, set_as_current=False)
    with patient.worker("late", settings=["task.acks_late=True"]), backend as app:
        for _ in range(15):
            result = patient.send("nap", 0.1)
            deadline = time.monotonic() + 15
            found = explain(gather(app, patient.client, result.id, deadline=deadline))
            assert "wrong" not in [finding.kind for finding in found], found


def test_a_task_whose_end_could_not_be_stored_is_not_called_lost(patient):
    with patient.worker("full", "--concurrency=1") as worker:
        result = patient.send("nap", 2)
        patient.wait_for_state(result, "STARTED")
        patient.client.config_set("maxmemory", "1")
        stored = f"celery-task-meta-{result.id}"
        wait_until(lambda: stored in worker.log.read_text(), what="the log has the error")
        worker.kill()
    patient.client.config_set("maxmemory", "0")
    answer = patient.doctor(result.id, code=1)
    assert "no message of it is left; the logs say last: " in answer.text
    assert "send it again" not in answer.text


def test_a_queue_with_a_message_that_would_be_lost_gets_no_worker(patient):
    waits = patient.send("add", 4, 5, queue="nobody")
    assert "hint: ./start_worker.sh --queues=nobody" in patient.doctor(waits.id).text
    patient.client.lpush("nobody", ODD["pickle"](str(uuid.uuid4())))
    answer = patient.doctor(waits.id)
    assert "1 of the next 2 messages in the queue 'nobody' cannot be run" in answer.text
    assert "; start no worker for it: " in answer.text


def test_a_pasted_result_or_line_of_a_log_names_its_task(ward):
    result = ward.send("add", 4, 5)
    ward.wait_for_state(result, "SUCCESS")
    for text in (repr(result), f"Task tasks.basic_tasks.add[{result.id}] received"):
        assert "the result is 9" in ward.doctor(text).text


def test_what_a_stored_end_does_not_hold_is_said(ward):
    task_id = str(uuid.uuid4())
    meta = {"status": "FAILURE", "result": None, "date_done": "yesterday", "task_id": task_id}
    ward.client.set(f"celery-task-meta-{task_id}", json.dumps(meta))
    answer = ward.doctor(task_id)
    assert "failed at a time that is not known: no error is stored" in answer.text
