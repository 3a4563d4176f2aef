"""What the doctor says of workers, Beats and what they hold: the words, without a broker."""

from labkit.broker.messages import Message
from labkit.broker.queues import Unacked
from labkit.broker.workers import Workers, WorkerView
from labkit.doctor.findings import report
from labkit.doctor.local_processes import Stopped
from labkit.doctor.taken import Taken, taken_findings
from labkit.doctor.worker_findings import beat_findings, worker_findings

WORKER = WorkerView("lab1@host", 7, "prefork", 4, started=0, done=0, queues=["basic"])


def taken(number: int, **more) -> Taken:
    message = Message("id", "tasks.a.add", {}, {}, "")
    held = [Unacked(message, "basic", taken_at=1_700_000_000 + one) for one in range(number)]
    return Taken(nobody=held, timeouts=[(3600, 100), (60, 10)], **more)


def test_what_was_not_looked_at_is_said():
    [finding] = taken_findings(taken(2, looked_at=500, total=2_000), Workers([WORKER], 0))
    assert "among the first 500 of 2,000 that were looked at, and not" in finding.sentence


def test_the_shortest_visibility_timeout_of_all_clients_counts():
    [finding] = taken_findings(taken(1), Workers([WORKER], 0))
    assert "visibility_timeout is 1 min 0 s; workers look for such messages every 10.0 s" in (
        finding.sentence
    )


def test_one_message_is_spoken_of_as_one():
    [finding] = taken_findings(taken(1), Workers([], 0))
    assert finding.sentence.startswith("1 message of the queue 'basic' was taken (at ")
    assert "if the one that took it has ended, it goes back into the queue" in finding.sentence


def test_a_stopped_process_explains_one_silent_worker():
    stopped = [Stopped(7, "celery -A celery_app worker", [7, 8])]
    told = worker_findings(Workers([], silent=2), 0, stopped)
    assert told[0].hint == "kill -CONT 7 8"
    assert told[1].sentence.startswith("1 connected worker or Beat did not answer in 1 s")
    assert len(worker_findings(Workers([], silent=1), 0, stopped)) == 1


def test_no_beat_is_told_and_is_nothing_wrong():
    [finding] = beat_findings(Workers([WORKER], 0), expected=True)
    assert finding.sentence.startswith("no Beat answered")
    assert report([finding]) == 0
    assert beat_findings(Workers([WORKER], 0), expected=False) == []
