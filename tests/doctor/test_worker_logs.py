"""What the workers' logs say about a task: files as Celery writes them, and no broker."""

from labkit.broker.search import Search
from labkit.doctor.diagnosis import explain
from labkit.doctor.evidence import Evidence
from labkit.doctor.worker_logs import LogTrace, last_unread, task_in_logs


def log(home, name, *lines):
    path = home / "logs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"[2026-01-31 07:30:0{line}\n" for line in lines))


def trace_of(home, task_id) -> LogTrace:
    """What the logs say of a task; they must say something."""
    trace = task_in_logs(home, task_id)
    assert trace
    return trace


def test_the_newest_line_of_all_logs_counts(tmp_path):
    log(tmp_path, "lab1.log.1", "1,000: INFO/MainProcess] Task tasks.a.add[7] received")
    log(tmp_path, "lab2.log", "2,000: INFO/ForkPoolWorker-1] Task tasks.a.add[7] succeeded in 1 s")
    log(tmp_path, "lab3.log", "3,000: INFO/MainProcess] Task tasks.a.add[77] received")
    trace = trace_of(tmp_path, "7")
    assert (trace.worker, trace.task, trace.did) == ("lab2", "tasks.a.add", "succeeded")


def test_what_a_log_says_of_refused_and_revoked_messages_is_read(tmp_path):
    log(
        tmp_path,
        "lab1.log",
        "1,000: CRITICAL/MainProcess] Can't decode message body: ContentDisallowed('no') "
        "[type:'application/x-python-serialize' encoding:'binary' headers:{'id': '7'}]",
        "2,000: INFO/MainProcess] Discarding revoked task: tasks.a.add[8]",
    )
    refused, revoked = trace_of(tmp_path, "7"), trace_of(tmp_path, "8")
    assert (refused.did, refused.why) == ("refused", "ContentDisallowed('no')")
    assert (revoked.did, revoked.task) == ("discarded", "tasks.a.add")


ID = "0a1b2c3d-0000-4000-8000-000000000007"


def test_a_later_entry_that_holds_the_id_is_its_last_word(tmp_path):
    received = f"1,000: INFO/MainProcess] Task tasks.a.add[{ID}] received"
    error = f"2,000: ERROR/ForkPoolWorker-1] Cannot store\nSETEX celery-task-meta-{ID} {{}}"
    own = f"3,000: INFO/ForkPoolWorker-1] tasks.a.add[{ID}]: half of it is done"
    log(tmp_path, "lab1.log", received, own)
    trace = trace_of(tmp_path, ID)
    assert (trace.did, trace.mention) == ("received", "")
    log(tmp_path, "lab1.log", received, error, own)
    trace = trace_of(tmp_path, ID)
    assert (trace.did, trace.mention) == ("received", "Cannot store")
    log(tmp_path, "lab1.log", f"0,000: INFO/MainProcess] sent {ID}", received)
    assert trace_of(tmp_path, ID).mention == ""


def test_a_message_without_a_task_is_found_in_the_entry_that_says_it_was_deleted(tmp_path):
    unknown = "WARNING/MainProcess] Received and deleted unknown message.  Wrong destination?!?"
    more = f"\nThe full contents of the message body was: body: [] {{headers={{'id': '{ID}'}}}}"
    log(tmp_path, "lab1.log", "1,000: INFO/MainProcess] ready.", f"2,000: {unknown}{more}")
    trace = trace_of(tmp_path, ID)
    assert trace.did == "refused"
    assert trace.why.startswith("Received and deleted unknown message")


def test_an_entry_of_another_kind_is_shown_as_it_stands(tmp_path):
    log(tmp_path, "lab1.log", f"1,000: ERROR/MainProcess] something with {ID}")
    [finding] = explain(
        Evidence(ID, search=Search(None, "", 0, 0, 0), log=task_in_logs(tmp_path, ID))
    )
    assert finding.kind == "?"
    assert f"the log of lab1 says last: 'something with {ID}'" in finding.sentence


def test_deliveries_that_nobody_asked_for_are_counted(tmp_path):
    received = "INFO/MainProcess] Task tasks.a.add[7] received"
    retry = "INFO/ForkPoolWorker-1] Task tasks.a.add[7] retry: Retry in 1s"
    log(tmp_path, "lab1.log", f"1,0: {received}", f"2,0: {retry}", f"3,0: {received}")
    assert trace_of(tmp_path, "7").redelivered == 0
    log(tmp_path, "lab2.log", f"4,0: {received}", f"5,0: {received}")
    # One of the two may be a retry that is not logged yet.
    assert trace_of(tmp_path, "7").redelivered == 1


def test_a_task_that_replaced_itself_was_not_delivered_twice(tmp_path):
    received, ignored = "INFO/MainProcess] Task a[7] received", "INFO/Fork] Task a[7] ignored"
    log(tmp_path, "lab1.log", f"1,0: {received}", f"1,1: {ignored}", f"1,2: {received}")
    assert trace_of(tmp_path, "7").redelivered == 0
    log(tmp_path, "lab2.log", f"3,0: {received}")
    assert trace_of(tmp_path, "7").redelivered == 1


def test_of_several_logs_the_later_millisecond_counts(tmp_path):
    log(tmp_path, "lab1.log", "1,900: INFO/Fork] Task a[7] succeeded in 1 s")
    log(tmp_path, "lab2.log", "1,100: INFO/MainProcess] Task a[7] received")
    trace = trace_of(tmp_path, "7")
    assert (trace.worker, trace.did, trace.discarded) == ("lab1", "succeeded", False)


def test_a_retry_that_is_logged_after_discarding_does_not_hide_it(tmp_path):
    log(
        tmp_path,
        "lab1.log",
        "1,000: INFO/MainProcess] Discarding revoked task: a[7]",
        "1,030: INFO/ForkPoolWorker-1] Task a[7] retry: Retry in 1s",
    )
    trace = trace_of(tmp_path, "7")
    assert (trace.did, trace.discarded) == ("retry", True)


def test_a_line_with_a_date_that_is_none_is_passed_over(tmp_path):
    (tmp_path / "logs").mkdir()
    broken = "[2026-99-99 07:30:00,123: ERROR/MainProcess]"
    lines = f"{broken} Task a[7] received\n{broken} Received invalid task message: x\n"
    (tmp_path / "logs/lab1.log").write_text(lines)
    assert task_in_logs(tmp_path, "7") is None
    assert last_unread(tmp_path) is None
