"""`./lab run` shows a lesson's output, compares it with the promise, and ends with its verdict."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

import pytest

from labkit.course.record import record, without_machine_names
from labkit.course.runner import run_lesson_number
from labkit.course.tours import ROUTES, run_tour, stops
from labkit.errors import LabError
from tests.helpers.small_lab import RUN, SmallLab, StandInStack, write

PLAIN = "main()"  # ends a script that does not ask for a stack
REFUSED = 'raise SystemExit("error: no broker answers")'
RUN_SCRIPT = """
import sys
from pathlib import Path
from labkit.course.script import run_script
run = run_script(Path(sys.argv[1]), {}, Path(sys.argv[2]))
print("signal", run.signal, "exit code", run.exit_code)
"""


def run(lab: SmallLab, number: str = "01", **options) -> int:
    return run_lesson_number(number, stack=StandInStack(), root=lab.root, **options)


def start(script: Path, lab: SmallLab, **streams) -> subprocess.Popen:
    """Run a script through run_script in a process of its own, which a test may signal."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN_SCRIPT, str(script), str(lab.root)],
        stdout=subprocess.PIPE,
        text=True,
        **streams,
    )


def read_line(process: subprocess.Popen) -> str:
    return cast(IO[str], process.stdout).readline()


# -- The verdict ------------------------------------------------------------------------------
def test_a_kept_promise_says_so_after_the_output(small_lab, capfd):
    small_lab.lesson()
    assert run(small_lab) == 0
    assert capfd.readouterr().out == "the sum is 9\nas promised\n"


def test_the_header_goes_to_stderr_before_the_output(small_lab, capfd):
    small_lab.lesson(end=RUN)
    run(small_lab)
    assert capfd.readouterr().err.startswith("01 Sums: add two numbers\n   lesson: ")


NEXT = "\nTry next.  Guess first:\n  1. Change the sum.\n     What comes then?\nnext: ./lab run "


def test_the_tries_and_the_next_lesson_come_last_and_on_stderr(small_lab, capfd):
    small_lab.lesson(end=RUN)
    assert run(small_lab) == 0
    told = capfd.readouterr()
    assert NEXT in told.err
    assert told.out == "the sum is 9\nas promised\n"


def test_after_a_failure_the_hint_stays_the_last_word(small_lab, capfd):
    small_lab.lesson(promise="the sum is 10")
    assert run(small_lab) == 1
    assert "Try next" not in capfd.readouterr().err


def test_a_tour_goes_on_by_itself(small_lab, capfd):
    small_lab.lesson()
    assert run_tour("basic", stack=StandInStack(), root=small_lab.root) == 0
    assert "next: " not in capfd.readouterr().err


def test_a_difference_is_shown_and_fails_the_run(small_lab, capfd):
    small_lab.lesson(promise="the sum is 10")
    assert run(small_lab) == 1
    out = capfd.readouterr().out
    assert "line 1 differs\n  promised: the sum is 10\n  got:      the sum is 9\n" in out
    assert "error: lesson 01 did not print what it promises\n\nhint: " in out
    assert "as promised" not in out


def test_a_difference_after_a_change_names_the_file_and_is_no_failure(small_lab, capfd):
    small_lab.lesson()
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 0
    out = capfd.readouterr().out
    assert "got:      the sum is -1" in out
    assert "that is what your change of work/sums.py did\n\nhint: ./lab restore" in out


def test_strict_fails_on_a_difference_whatever_was_changed(small_lab):
    small_lab.lesson()
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab, strict=True) == 1


@pytest.mark.parametrize(
    "name", ["tasks/playground.py", "examples/basic/02_other.py", "examples/basic/x.md"]
)
def test_a_change_that_cannot_matter_excuses_nothing(small_lab, name):
    small_lab.lesson(promise="the sum is 10")
    write(small_lab.root / name, "# one\n")
    small_lab.commit()
    write(small_lab.root / name, "# two\n")
    assert run(small_lab) == 1


@pytest.mark.parametrize("name", ["examples/basic/helper.py", "web/api.py"])
def test_a_change_of_a_script_beside_the_lesson_is_an_excuse(small_lab, capfd, name):
    small_lab.lesson(promise="the sum is 10")
    write(small_lab.root / name, "# one\n")
    small_lab.commit()
    write(small_lab.root / name, "# two\n")
    assert run(small_lab) == 0
    assert f"that is what your change of {name} did" in capfd.readouterr().out


def test_a_kept_promise_after_a_change_is_as_promised(small_lab, capfd):
    small_lab.lesson()
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "y + x")
    assert run(small_lab) == 0
    assert capfd.readouterr().out.endswith("as promised\n")


CLAIM = "from labkit.lesson import claim\nprint('the sum is 9')\nclaim(add(4, 5) == 9, 'it is 9')"


def test_a_false_claim_is_told_after_the_output_and_fails_the_run(small_lab, capfd):
    small_lab.edit("work/sums.py", "x + y", "x - y")
    small_lab.lesson(CLAIM, "the sum is 9\ntrue: it is 9", end=RUN)
    assert run(small_lab) == 1
    told = capfd.readouterr()
    assert told.err.endswith("error: this did not come true: it is 9\n")
    assert "promised" not in told.out  # one sentence says it, and not the missing line as well


def test_a_line_that_differs_before_a_false_claim_is_shown(small_lab, capfd):
    code = (
        "from labkit.lesson import claim\nx = add(4, 5)\nprint('sum', x)\nclaim(x == 9, 'it is 9')"
    )
    small_lab.lesson(code, "sum 9\ntrue: it is 9", end=RUN)
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 0
    out = capfd.readouterr().out
    assert "line 1 differs\n  promised: sum 9\n  got:      sum -1\n" in out
    assert "did not come" not in out  # the claim has said so


def test_a_false_claim_after_a_change_is_what_the_change_did(small_lab, capfd):
    small_lab.lesson(CLAIM, "the sum is 9\ntrue: it is 9", end=RUN)
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 0
    assert "ended with exit code 1: that is what your change of work/sums" in capfd.readouterr().out


MISSING = "from labkit.errors import LabError\nraise LabError('the disk is full', 'df -h')"


def test_an_error_with_a_hint_is_the_only_one(small_lab, capfd):
    small_lab.lesson(MISSING, "the sum is 9", end=RUN)
    assert run(small_lab) == 1
    told = capfd.readouterr()
    assert told.err.endswith("error: the disk is full\n\nhint: df -h\n")
    assert "error" not in told.out and "hint" not in told.out


def test_a_lesson_that_could_not_start_fails_whatever_was_changed(small_lab, capfd):
    small_lab.lesson(end=REFUSED)
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 1
    assert capfd.readouterr() == ("", "error: no broker answers\n")


def test_a_script_without_a_promise_is_run_and_not_judged(small_lab, capfd):
    assert run(small_lab, "playground") == 0
    assert capfd.readouterr().out == "mine\n"


def test_a_changed_playground_is_as_the_learner_wants_it(small_lab, capfd):
    doc = "Mine: try it.\n\nYou should see:\n\n    hello\n"
    write(small_lab.root / "examples/playground.py", f'"""{doc}"""\nprint("bye")\n')
    assert run(small_lab, "playground") == 0
    assert capfd.readouterr().out == "bye\n"


def test_the_stack_gets_the_queues_and_extras_of_the_lesson(small_lab):
    small_lab.lesson()
    stack = StandInStack()
    run_lesson_number("01", stack=stack, root=small_lab.root)
    assert stack.asked == [(["basic"], ["flower"])]
    assert not stack.up


def test_the_lesson_gets_the_environment_of_the_stack(small_lab):
    small_lab.lesson(
        "import os\nprint(os.environ['REDIS_URL'])", "redis://localhost:7/0", end=PLAIN
    )
    stack = StandInStack(REDIS_URL="redis://localhost:7/0")
    assert run_lesson_number("01", stack=stack, root=small_lab.root) == 0


def test_a_typing_mistake_in_a_task_file_is_told_before_anything_starts(small_lab):
    small_lab.lesson()
    small_lab.edit("tasks/basic_tasks.py", "def add(x, y):", "def add(x, y:")
    stack = StandInStack()
    with pytest.raises(LabError, match=r"tasks/basic_tasks\.py line 7 is not"):
        run_lesson_number("01", stack=stack, root=small_lab.root)
    assert stack.asked == []


# -- The process ------------------------------------------------------------------------------
def test_output_is_shown_while_the_lesson_still_runs(small_lab, tmp_path):
    body = f"import time\nprint('one')\nwhile not open({str(tmp_path / 'gates')!r}).read():\n"
    write(tmp_path / "gates", "")
    script = small_lab.lesson(body + "    time.sleep(0.02)\nprint('two')", end=PLAIN)
    process = start(script, small_lab)
    assert read_line(process) == "one\n"
    write(tmp_path / "gates", "open")
    assert process.communicate(timeout=20)[0].startswith("two\n")


WAITS = """
import signal, time
try:
    print("waiting")
    time.sleep(60)
finally:
    print("cleaned up")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_lesson_clean_up(small_lab, number):
    process = start(small_lab.lesson(WAITS, end=RUN), small_lab)
    assert read_line(process) == "waiting\n"
    process.send_signal(number)
    out = process.communicate(timeout=20)[0]
    assert out == f"cleaned up\nsignal {int(number)} exit code 130\n"


def test_ctrl_c_before_the_lesson_has_started_shows_no_traceback(small_lab):
    script = small_lab.lesson(end="import time\n    print('importing')\n    time.sleep(60)")
    process = start(script, small_lab, stderr=subprocess.PIPE)
    assert read_line(process) == "importing\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("signal 2 exit code -15\n", "")


def test_the_third_ctrl_c_kills_a_lesson_that_does_not_end(small_lab):
    body = "import signal, time\nsignal.signal(2, lambda *_: print('no'))\nprint('waiting')\n"
    process = start(small_lab.lesson(body + "while True:\n    time.sleep(60)"), small_lab)
    lines = []
    for _ in range(3):
        lines.append(read_line(process))
        process.send_signal(signal.SIGINT)
    assert lines == ["waiting\n", "no\n", "no\n"]
    assert process.communicate(timeout=20)[0] == "signal 2 exit code -9\n"


def test_the_run_ends_with_the_lesson_even_if_a_child_keeps_the_output_open(small_lab):
    body = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid)"
    process = start(small_lab.lesson(body, end=PLAIN), small_lab)
    pid = int(read_line(process))
    try:
        assert process.communicate(timeout=20)[0] == "signal 0 exit code 0\n"
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_reader_that_goes_away_ends_the_lesson(small_lab, tmp_path):
    body = f"""
print("waiting")
try:
    while True:
        print("x" * 1000)
finally:
    open({str(tmp_path / "cleaned")!r}, "w").close()
"""
    process = start(small_lab.lesson(body), small_lab, stderr=subprocess.DEVNULL)
    read_line(process)
    cast(IO[str], process.stdout).close()
    process.wait(timeout=20)
    assert (tmp_path / "cleaned").exists()


# -- Tours ------------------------------------------------------------------------------------
def test_a_tour_runs_its_lessons_in_order_on_one_stack(small_lab, capfd, monkeypatch):
    for number in ("03", "01", "02"):
        small_lab.lesson(f"print({number!r})", number, number=number)
    monkeypatch.setitem(ROUTES, "evening", ["01", "03"])
    stack = StandInStack()
    assert run_tour("evening", stack=stack, root=small_lab.root) == 0
    shown = [line for line in capfd.readouterr().out.splitlines() if line != "as promised"]
    assert shown == ["01", "03", "", "2 of 2 as promised"]
    assert stack.asked == [(["basic"], ["flower"])]


def test_a_level_is_a_tour_of_all_its_lessons(small_lab):
    small_lab.lesson(number="10", level="advanced")
    small_lab.lesson(number="24", level="advanced")
    assert [lesson.number for lesson in stops("advanced", small_lab.root)] == ["10", "24"]


def test_a_tour_goes_on_after_a_difference_and_counts_it(small_lab, capfd):
    small_lab.lesson(promise="10", number="01")
    small_lab.lesson(number="02")
    assert run_tour("basic", stack=StandInStack(), root=small_lab.root) == 1
    assert capfd.readouterr().out.endswith("1 of 2 as promised\n01: not as promised\n")


def test_a_tour_ends_where_the_stack_is_missing(small_lab, capfd):
    small_lab.lesson(end=REFUSED, number="01")
    small_lab.lesson(number="02")
    assert run_tour("basic", stack=StandInStack(), root=small_lab.root) == 1
    assert capfd.readouterr().out.endswith("0 of 2 as promised\n01: not as promised\nnot run: 1\n")


def test_an_unknown_tour_is_wrong_usage_and_the_tours_are_listed(small_lab):
    with pytest.raises(LabError, match="basic, advanced, realworld, evening, web") as caught:
        run_tour("morning", stack=StandInStack(), root=small_lab.root)
    assert caught.value.exit_code == 2


def test_the_routes_are_in_the_order_of_the_course():
    assert all(numbers == sorted(numbers) for numbers in ROUTES.values())


# -- Recording --------------------------------------------------------------------------------
def test_a_recorded_run_is_the_command_and_its_output(small_lab):
    small_lab.lesson()
    record("1", stack=StandInStack(), root=small_lab.root)
    kept = (small_lab.root / "examples/runs/01.txt").read_text()
    assert kept == "$ ./lab run 01\nthe sum is 9\n"


def test_a_run_that_is_not_as_promised_is_not_recorded(small_lab):
    small_lab.lesson(promise="the sum is 10")
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    with pytest.raises(LabError, match="nothing was recorded"):
        record("1", stack=StandInStack(), root=small_lab.root)
    assert not (small_lab.root / "examples/runs").exists()


def test_recording_fills_in_the_chapter(small_lab):
    small_lab.lesson()
    chapter = write(
        small_lab.root / "examples/basic/README.md",
        "<!-- [[[cog cog.out('filled in\\n') ]]] -->\n<!-- [[[end]]] -->\n",
    )
    record("1", stack=StandInStack(), root=small_lab.root)
    assert "\nfilled in\n" in chapter.read_text()


def test_names_of_this_machine_are_taken_out_of_a_recorded_run(tmp_path):
    computer = os.uname().nodename
    text = f"lab1@{computer} wrote {tmp_path}/work/a.py and {tmp_path}/.lab/x"
    cleaned = without_machine_names(text, tmp_path, tmp_path / ".lab")
    assert cleaned == "lab1@host wrote work/a.py and .lab/x"
