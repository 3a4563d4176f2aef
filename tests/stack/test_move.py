"""`./lab move`: messages of a misspelled queue go where they were meant to go."""

import json

import pytest

from tests.stack.helpers.patient import Patient, patient, ward

__all__ = ["patient", "ward"]  # fixtures


def move(patient: Patient, *names: str):
    return patient.run("-m", "labkit.cli", "move", *names)


def test_the_hint_of_the_doctor_moves_the_messages_and_they_are_done(ward):
    results = [ward.send("add", n, 1, queue="bascic", priority=n) for n in (0, 9)]
    told = ward.doctor(results[0].id)
    assert "did you mean 'basic'?" in told.text
    assert "hint: ./lab move bascic basic\n" in told.text
    done = move(ward, "bascic", "basic")
    assert (done.code, done.text) == (0, "moved 2 messages from 'bascic' to 'basic'\n")
    for result in results:
        ward.wait_for_state(result, "SUCCESS")
    assert not ward.client.exists("bascic", "bascic\x06\x169")


def test_the_order_stays_and_a_moved_message_names_its_new_queue(patient):
    before = [patient.send("add", n, 0, queue="advanced") for n in range(2)]
    moved = [patient.send("add", n, 0, queue="advancd") for n in range(3)]
    assert move(patient, "advancd", "advanced").code == 0
    found = [json.loads(text) for text in patient.client.lrange("advanced", 0, -1)[::-1]]
    assert [one["headers"]["id"] for one in found] == [one.id for one in [*before, *moved]]
    info = found[-1]["properties"]["delivery_info"]
    assert info == {"exchange": "advanced", "routing_key": "advanced"}  # a retry goes there


def test_what_cannot_be_read_stays(patient):
    patient.client.lpush("bascic", "not a message")
    patient.send("add", 1, 1, queue="bascic")
    done = move(patient, "bascic", "basic")
    assert done.text.splitlines()[0] == "moved 1 message from 'bascic' to 'basic'"
    assert done.text.splitlines()[1].startswith("1 message cannot be read")
    assert patient.client.lrange("bascic", 0, -1) == ["not a message"]


@pytest.mark.parametrize("target", ["basik", "mail"])
def test_a_second_misspelled_name_is_refused(patient, target):
    patient.send("add", 1, 1, queue="bascic")
    done = move(patient, "bascic", target)
    assert done.code == 1
    assert done.errors.endswith("\n\nhint: ./lab move bascic basic\n")
    assert patient.client.llen("bascic") == 1


def test_a_queue_that_a_worker_takes_from_is_left_alone(ward):
    done = move(ward, "basic", "advanced")
    assert done.code == 1
    assert done.errors.startswith("error: a worker takes from the queue 'basic'\n")
