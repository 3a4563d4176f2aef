"""The terminal of `./lab up` shows a row for each event; the log files keep every line."""

import re
import sys

import pytest

from labkit import cli
from labkit.long_lines import cut
from labkit.stack import up
from labkit.stack.console import Console, LogFollower
from labkit.stack.log_rows import LogRows
from labkit.stack.supervisor import Plan

ID = "db5f363e-2308-4fd0-9485-7df65f419b4f"
INFO = "[2026-11-30 07:30:00,123: INFO/ForkPoolWorker-4] "
ERROR = "[2026-11-30 07:30:00,123: ERROR/ForkPoolWorker-4] "
ADDED = "add[7] succeeded in 1.500 s: 'in 1.2345s:'"
RETRY = "b[7] retry: Retry in 2s: OSError('x')"
FAILED = f"""\
{ERROR}Task tasks.basic_tasks.divide[{ID}] raised unexpected: ZeroDivisionError('division by zero')
Traceback (most recent call last):
  File "app/trace.py", line 585, in trace_task
    R = retval = fun(*args, **kwargs)
                 ~~~^^^^^^^^^^^^^^^^^

  File "tasks/basic_tasks.py", line 42, in divide
    return x / y
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "tasks/basic_tasks.py", line 44, in divide
OSError: no disk
{INFO}Task tasks.basic_tasks.add[{ID}] received"""


def rows(text: str) -> list[str]:
    made = LogRows()
    return [row for line in text.splitlines() if (row := made.row(line)) is not None]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (f"{INFO}Task tasks.a.orders.send_it[{ID}] received", f"send_it[{ID}] received"),
        (f"{INFO}Task add[7] succeeded in 1.5004s: 'in 1.2345s:'", ADDED),
        (f"{INFO}tasks.basic_tasks.divide[{ID}]: 1 by 0", f"divide[{ID}]: 1 by 0"),
        (f"{INFO}Task tasks.a.b[7] retry: Retry in 2s: OSError('x')", RETRY),
        (f"{INFO}sync with celery@other", "sync with celery@other"),
        (f"{ERROR}consumer: Cannot connect", "ERROR consumer: Cannot connect"),
        ("worker: Warm shutdown (MainProcess)", "worker: Warm shutdown (MainProcess)"),
        ("[E 261130 07:30:00 web:1] no answer", "[E 261130 07:30:00 web:1] no answer"),
        ("", ""),
    ],
)
def test_a_line_becomes_a_row(line, row):
    assert rows(line) == ([row] if row else [])


def test_beats_line_of_what_is_due_is_no_row():
    due = "Scheduler: Sending due task every 30 seconds (tasks.basic_tasks.periodic_task)"
    assert rows(INFO + due) == []
    assert rows(ERROR + due) == [f"ERROR {due}"]


def test_of_a_traceback_the_line_that_names_the_error_is_left():
    assert rows(FAILED) == [
        f"ERROR divide[{ID}] raised unexpected: ZeroDivisionError('division by zero')",
        "ZeroDivisionError: division by zero",
        "OSError: no disk",
        f"add[{ID}] received",
    ]


def test_the_lines_of_two_processes_do_not_mix(capsys):
    console = Console()
    console.log_line("lab1", "Traceback (most recent call last):")
    console.log_line("lab2", "  what lab2 says")
    console.log_line("lab1", "  File ...")
    assert capsys.readouterr().out == "lab2   |   what lab2 says\n"


def on_a_terminal(monkeypatch, columns: int) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))


@pytest.mark.parametrize("columns", [40, 100])
def test_on_a_terminal_a_line_takes_one_row(monkeypatch, capsys, columns):
    on_a_terminal(monkeypatch, columns)
    Console().log_line("lab1", "ä" * 200)
    Console().log_line("lab1", "short")
    printed = [re.sub(r"\x1b\[\d+m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [f"lab1   | {'ä' * (columns - 12)}...", "lab1   | short"]


def test_in_a_pipe_no_line_is_cut(capsys):
    Console().log_line("lab1", "x" * 200)
    assert capsys.readouterr().out == f"lab1   | {'x' * 200}\n"


def test_verbose_shows_every_line_whole(monkeypatch, capsys):
    on_a_terminal(monkeypatch, 60)
    console = Console(verbose=True)
    for line in FAILED.splitlines():
        console.log_line("lab1", line)
    printed = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
    assert printed == "".join(f"lab1   | {line}\n" for line in FAILED.splitlines())


@pytest.mark.parametrize("verbose", [False, True])
def test_the_greeting_of_a_process_is_left_out_if_not_verbose_and_its_alarms_are_not(
    tmp_path, verbose
):
    log = tmp_path / "lab1.log"
    follower = LogFollower("lab1", log, verbose=verbose)
    greeting, alarm = "- ** ---------- [config]", f"{ERROR}no disk"
    log.write_text(f"{greeting}\n{alarm}\n")
    assert follower.new_lines() == ([greeting, alarm] if verbose else [alarm])
    follower.starting = False
    with log.open("a") as file:
        file.write("a line of its own\n")
    assert follower.new_lines() == ["a line of its own"]


def test_a_cut_never_takes_more_columns_than_there_are():
    for columns in range(3, 30):
        text = cut("任务 succeeded 完成了 at last", columns)
        width = sum(2 if ord(one) > 0x2E80 else 1 for one in text)
        assert width <= columns, text


@pytest.mark.parametrize(
    ("options", "verbose"), [([], False), (["-v"], True), (["--verbose"], True)]
)
def test_the_option_reaches_the_plan(monkeypatch, options, verbose):
    plans: list[Plan] = []
    monkeypatch.setattr(up, "up", plans.append)
    with pytest.raises(SystemExit):
        cli.main(["up", *options])
    assert [plan.verbose for plan in plans] == [verbose]
