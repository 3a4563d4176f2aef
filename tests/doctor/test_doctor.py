"""The doctor's judgement, without a broker: what cannot be made here for real."""

import shlex
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from lab_home import ROOT
from labkit.broker.layout import KOMBU
from labkit.broker.results import StoredResult
from labkit.broker.search import Search
from labkit.broker.workers import Workers, WorkerView
from labkit.doctor.code import started_at
from labkit.doctor.diagnosis import explain
from labkit.doctor.evidence import Evidence, Holding
from labkit.doctor.findings import Finding, report
from labkit.doctor.queue_findings import nobody_takes
from labkit.doctor.server_health import TO_KEEP, unhealthy
from labkit.doctor.taken import _without_message
from labkit.doctor.worker_logs import LogTrace, task_in_logs
from labkit.words import celery_line

NOWHERE = Search(None, "", 0, 0, 0)  # in no queue, and there was nothing to look through
FIT = {"redis_version": "7.0.15", "maxmemory_policy": "noeviction", "aof_enabled": 1}


def test_a_line_of_celerys_own_can_be_typed_in_a_shell_that_does_not_know_it(tmp_path, monkeypatch):
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/celery").touch(mode=0o755)
    monkeypatch.setattr("labkit.words.ROOT", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert celery_line("status") == ".venv/bin/celery -A celery_app status"
    monkeypatch.setenv("PATH", str(tmp_path / ".venv/bin"))
    assert celery_line("status") == "celery -A celery_app status"


@pytest.mark.parametrize(("version", "fit"), [("6.0.16", False), ("6.2.0", True), ("10.1", True)])
def test_a_server_older_than_6_2_is_named(version, fit):
    findings = unhealthy(FIT | {"redis_version": version}, saves="")
    assert [finding.kind for finding in findings] == ([] if fit else ["wrong"])


def test_a_server_that_does_not_say_whether_it_saves_is_not_accused():
    assert not list(unhealthy(FIT | {"aof_enabled": 0}, saves=None))


def test_a_setting_that_a_restart_forgets_is_named_with_the_file_that_keeps_it():
    odd = FIT | {"aof_enabled": 0, "maxmemory_policy": "allkeys-lru"}
    findings = list(unhealthy(odd, saves=""))
    assert all(finding.sentence.endswith(TO_KEEP) for finding in findings)
    hints = [finding.hint.partition(" config ")[2] for finding in findings]
    assert hints == ["set maxmemory-policy noeviction", "set appendonly yes"]
    assert all(finding.hint.startswith("redis-cli -h ") for finding in findings)


def test_a_search_that_ended_early_says_how_far_it_looked():
    search = Search(None, "", 0, looked_at=812_000, total=1_000_000)
    [finding] = explain(Evidence(str(uuid.uuid4()), search=search))
    assert "not among the oldest 812,000 of 1,000,000 waiting messages" in finding.sentence
    assert "whether a newer one is it cannot be known" in finding.sentence


def test_tasks_that_ignore_their_results_are_named_where_nothing_is_known():
    registered = {"lab1@host": {"tasks.a.log": {"ignore_result": "True"}, "tasks.a.add": {}}}
    [finding] = explain(Evidence("7", search=NOWHERE, registered=registered))
    assert any("its task ignores its result (tasks.a.log)" in one for one in finding.perhaps)


def test_messages_of_workers_that_could_not_be_read_are_counted():
    [finding] = explain(Evidence("7", search=Search(None, "", 0, 5, 5), unread=1_000))
    assert "(1,000 that workers hold could not be looked at in this time)" in finding.sentence


def test_a_silent_worker_makes_the_answer_uncertain():
    [finding] = explain(Evidence("7", workers=Workers([], 1)))
    assert "no worker that answers has it (1 connected and silent)" in finding.sentence
    assert "a worker has it that was not heard" in finding.perhaps[0]


def test_a_clock_that_is_ahead_is_told_and_no_time_is_negative():
    later = datetime.now(UTC) + timedelta(seconds=90)
    [done] = explain(Evidence("7", result=StoredResult("SUCCESS", 9, None, later, None)))
    assert "by its worker's clock, which is ahead of this one by 1 min" in done.sentence
    request = {"id": "7", "name": "tasks.a.add", "time_start": later.timestamp()}
    holding = Holding(worker("lab1@there"), "active", request)
    [running] = explain(Evidence("7", holdings=[holding]))
    assert "by that worker's clock, which is ahead of this one" in running.sentence
    assert "-" not in done.sentence.partition("done")[2]


def test_which_of_two_workers_of_one_name_reserved_it_is_not_guessed():
    both = worker("lab1@there")
    seen = Evidence(
        "7",
        workers=Workers([both], 0, doubled={"lab1@there": 2}),
        holdings=[Holding(both, "reserved", {"id": "7", "name": "tasks.a.add"})],
    )
    [finding] = explain(seen)
    assert "reserved by one of the 2 workers that are called lab1@there" in finding.sentence
    assert "slot" not in finding.sentence


LATE = datetime.now(UTC) - timedelta(seconds=90)
RECEIVED = LogTrace("lab1", "tasks.a.nap", "received", LATE)
STARTED = StoredResult("STARTED", {}, None, None, None, worker="lab1@host", pid=1)


@pytest.mark.parametrize(
    ("log", "process_ended", "lost"),
    [
        (RECEIVED, True, True),
        (RECEIVED, None, False),
        (replace(RECEIVED, did="retry"), True, False),
        (replace(RECEIVED, worker="lab2"), True, False),
        (None, True, False),
    ],
    ids=["its process ended", "process not known", "it was to retry", "another log", "no log"],
)
def test_send_it_again_is_said_only_where_a_log_shows_that_nothing_will_run(
    log, process_ended, lost
):
    [finding] = explain(
        Evidence("7", result=STARTED, search=NOWHERE, log=log, process_ended=process_ended)
    )
    assert finding.kind == "wrong"
    assert ("send it again" in finding.sentence) == lost
    assert ("or it replaced itself" in finding.sentence) != lost


@pytest.mark.parametrize("unseen", [{"unread": 5}, {"not_read": ["1 message could not be read"]}])
def test_nothing_is_called_lost_while_something_was_not_looked_at(unseen):
    finding = explain(Evidence("7", result=STARTED, search=NOWHERE, **unseen))[0]
    assert finding.kind == "task"
    assert "lost" not in finding.sentence


@pytest.mark.parametrize("queue", ["mail; echo HARM", "my queue"])
def test_a_queue_name_in_a_hint_is_quoted(queue):
    hint = nobody_takes(queue, 1, Workers([], 0)).hint
    assert shlex.split(hint) == ["./start_worker.sh", f"--queues={queue}", "-n", f"{queue}@%h"]


@pytest.mark.parametrize("queue", ["orders\x06\x164", "a,b"])
def test_a_name_that_no_worker_can_be_told_gets_no_command(queue):
    assert "start_worker.sh" not in nobody_takes(queue, 1, Workers([], 0)).hint


def test_no_worker_is_advised_for_a_list_that_it_would_lose():
    finding = nobody_takes("invoices", 2, Workers([], 0), readable=False)
    assert "start no worker for it" in finding.sentence
    assert finding.hint == "./lab monitor --once"


def test_an_id_in_a_hint_is_quoted():
    failed = StoredResult("FAILURE", {"exc_type": "E", "exc_message": ["x"]}, "T", None, None)
    [finding] = explain(Evidence("job 7; touch x", result=failed))
    assert shlex.split(finding.hint)[-1] == "job 7; touch x"


def test_a_name_that_a_task_itself_did_not_find_is_no_message_that_was_thrown_away():
    result = {"exc_type": "NotRegistered", "exc_message": ["nope.task"]}
    [raised] = explain(Evidence("7", result=StoredResult("FAILURE", result, "Traceback", None, 1)))
    assert raised.sentence.startswith("failed")
    [thrown] = explain(Evidence("7", result=StoredResult("FAILURE", result, None, None, 1)))
    assert "threw the message away" in thrown.sentence


def test_a_broker_that_takes_no_question_leaves_the_workers_unasked_and_not_silent():
    [finding] = explain(Evidence("7", workers=Workers([], 0, not_asked=2), search=NOWHERE))
    assert "(they were not heard)" in finding.sentence
    assert "the workers were not asked" in finding.perhaps[0]


def test_a_state_that_cannot_be_read_is_not_called_missing():
    why = "what is stored for task 7 is no result in JSON"
    finding = explain(Evidence("7", store_unread=True, not_read=[why]))[0]
    assert "its result could not be read" in finding.sentence
    assert "no result is stored" not in finding.sentence


def worker(name: str) -> WorkerView:
    """A worker that has been up for an hour."""
    return WorkerView(name, 1000, "prefork", 4, time.time() - 3600, 0, ["basic"])


def test_a_wrong_finding_makes_the_exit_code_1(capsys):
    assert report([Finding("ok", "all is well")]) == 0
    assert report([Finding("ok", "a"), Finding("wrong", "b", "./lab up")]) == 1
    assert capsys.readouterr().out.endswith("ok     a\nwrong  b\n       hint: ./lab up\n")


def test_a_worker_of_another_folder_is_not_called_older_than_our_files(tmp_path):
    for folder, ours in ((tmp_path, False), (ROOT, True)):
        waits = [sys.executable, "-c", "input()"]
        with subprocess.Popen(waits, cwd=folder, stdin=subprocess.PIPE) as process:
            one = replace(worker(f"lab1@{socket.gethostname()}"), pid=process.pid)
            assert (started_at(one) is not None) == ours
            process.communicate(b"\n")


def test_a_time_that_this_zone_cannot_show_is_passed_over(monkeypatch):
    monkeypatch.setattr("labkit.doctor.taken.taken_first", lambda *_, **__: {})
    monkeypatch.setattr("labkit.doctor.taken.unacked_count", lambda *_: 0)
    request = {"id": "7", "acknowledged": False}
    etas = ("9999-12-31T23:59:59+00:00", "2999-01-01T00:00:00+00:00")
    lists = {"lab1@host": [{"eta": eta, "request": request} for eta in etas]}
    try:
        monkeypatch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        alone = _without_message(cast(Any, None), lists, KOMBU)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert alone == {"lab1@host": [datetime(2999, 1, 1, tzinfo=UTC).timestamp()]}


@pytest.mark.parametrize("content", ["", "no line of a worker\n", "Task tasks.a.add[8] received"])
def test_logs_that_do_not_name_the_task_say_nothing(tmp_path, content):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/lab1.log").write_text(content)
    assert task_in_logs(tmp_path, "8" if "8" in content else "7") is None


@pytest.mark.parametrize("queue", ["lesson22", "lesson22.ahead4"])  # the second one of a trial
def test_what_a_lesson_left_in_its_queue_is_removed_by_that_lesson(queue):
    finding = nobody_takes(queue, 5, Workers([], silent=0))
    assert finding.sentence.endswith("; that lesson removes them")
    assert finding.hint == "./lab run 22"


def test_a_queue_that_no_lesson_of_today_clears_gets_a_worker():
    workers = Workers([], silent=0)
    assert nobody_takes("mine", 5, workers).hint == "./start_worker.sh --queues=mine -n mine@%h"
    for queue in ("lesson99.orders", "lesson22.of_an_earlier_version", "lesson30"):
        finding = nobody_takes(queue, 5, workers)  # no lesson of today clears these
        assert finding.hint.startswith(f"./start_worker.sh --queues={queue} ")


@pytest.mark.parametrize(("queue", "meant"), [("basci", "basic"), ("real_world", "realworld")])
def test_a_misspelled_queue_gets_no_worker_and_its_messages_go_where_they_were_meant(queue, meant):
    finding = nobody_takes(queue, 2, Workers([], 0))
    assert f"did you mean {meant!r}?" in finding.sentence
    assert finding.hint == f"./lab move {queue} {meant}"


def test_a_purge_is_named_wherever_a_message_may_have_gone():
    """Of a task that began, and of one that was only received."""
    for log, ended in ((RECEIVED, True), (None, None)):
        [finding] = explain(
            Evidence("7", result=STARTED, search=NOWHERE, log=log, process_ended=ended)
        )
        assert "purged" in finding.sentence
    for log in (RECEIVED, None):
        [finding] = explain(Evidence("7", search=NOWHERE, log=log))
        assert "purged" in "; ".join([finding.sentence, *finding.perhaps])
