"""`./lab doctor ID` on tasks that other tasks stand for: chains, chords, groups, replacements."""

from celery import chain, group

from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import LONG_S, Patient, patient

__all__ = ["patient"]


def step(patient: Patient, name: str, *arguments: object, module: str = "tasks.basic_tasks"):
    """A step of a workflow, as a program has it that knows only the names of the tasks."""
    return patient.app.signature(f"{module}.{name}", arguments, immutable=True).set(queue="basic")


def sent(patient: Patient, code: str) -> list[str]:
    """Run a program that sends something; give what it prints, the ids."""
    answer = patient.run(
        "-c", f"from celery import chord\nfrom tasks.basic_tasks import add, nap\n{code}"
    )
    assert answer.code == 0, answer.errors
    return answer.text.split()


def test_a_later_step_is_told_with_the_step_before_it_and_not_called_lost_when_that_runs(patient):
    chain_id = chain(step(patient, "nap", LONG_S), step(patient, "add", 1, 2)).apply_async().id
    answer = patient.doctor(chain_id, code=0)
    assert "it is a later step of a chain, and not sent yet: tasks.basic_tasks.nap" in answer.text
    assert "send it again" not in answer.text
    with patient.worker("first step", "--concurrency=1"):
        wait_until(lambda: not patient.client.exists("basic"), what="the first step was taken")
        wait_until(lambda: not patient.client.hlen("unacked"), what="the first step runs")
        answer = patient.doctor(chain_id)
    assert answer.code == 1  # not found
    assert "?      nothing is known of it" in answer.text
    assert "it is a later step of a chain, or the body of a chord" in answer.text
    assert "when what comes before it has ended; 1 task runs now" in answer.text
    assert "send it again" not in answer.text
    assert f"ask again then\n       hint: ./lab doctor {chain_id}" in answer.text


def test_the_body_of_a_chord_is_told_with_a_member_that_waits(patient):
    [body] = sent(patient, f"print(chord([add.si(1, 1), nap.si({LONG_S})])(add.si(1, 1)).id)")
    answer = patient.doctor(body, code=0)
    assert "it is the body of a chord, and not sent yet: tasks.basic_tasks." in answer.text


def test_a_group_is_told_with_its_tasks(patient):
    result = group(step(patient, "add", n, n) for n in range(3)).apply_async()
    answer = patient.doctor(result.id, code=0)
    assert "it is the id of a group: 3 messages of its tasks are left" in answer.text


def test_a_chord_under_way_counts_its_members(patient):
    with patient.worker("chord"):
        code = f"""
result = chord([add.si(1, 1), add.si(1, 1), nap.si({LONG_S})])(add.si(1, 1))
[member.get(timeout=60) for member in result.parent.results[:2]]
print(result.id, result.parent.id)"""
        body_id, header_id = sent(patient, code)
        header, body = patient.doctor(header_id), patient.doctor(body_id)
    assert "it is the id of a group, not of a task: 3 tasks, of which 2 have ended" in header.text
    assert "1 task runs now; 1 chord not ended yet" in body.text


def test_a_task_that_replaced_itself_is_not_called_lost(patient):
    with patient.worker("replacing", "-I", "tests.stack.helpers.doctor_tasks") as worker:
        result = patient.app.send_task(
            "tests.stack.helpers.doctor_tasks.replaces_itself", [LONG_S], queue="basic"
        )
        wait_until(lambda: f"[{result.id}] ignored" in worker.log.read_text(), what="replaced")
        with_log = patient.doctor(result.id)
        worker.log.unlink()
        without_log = patient.doctor(result.id)
    assert with_log.code == 0
    assert "the log of replacing said at" in with_log.text
    assert "ignored: it raised Ignore, or replaced itself (self.replace)" in with_log.text
    assert without_log.code == 0, without_log.text
    assert "which began it, does not have it now" in without_log.text
    assert "replaced itself (self.replace)" in without_log.text
    assert "send it again" not in with_log.text + without_log.text


def test_a_task_that_ignored_itself_is_told_from_the_log(patient):
    with patient.worker(
        "ignoring", "-I", "tests.stack.helpers.doctor_tasks", settings=NOT_STARTED
    ) as one:
        result = patient.app.send_task(
            "tests.stack.helpers.doctor_tasks.ignores_itself", queue="basic"
        )
        wait_until(lambda: f"[{result.id}] ignored" in one.log.read_text(), what="ignored")
        answer = patient.doctor(result.id, code=0)
    assert "ignored: it raised Ignore, or replaced itself (self.replace)" in answer.text


NOT_STARTED = ["task.track_started=False"]  # so that no state at all is stored
