"""The monitor's tables at 80 columns, from made-up numbers."""

import dataclasses
import uuid

import pytest
from rich.console import Console

from labkit.broker.workers import Workers, WorkerView
from labkit.monitor.event_feed import SeenTask
from labkit.monitor.snapshot import Snapshot
from labkit.monitor.view import height_without_tasks, merged, running_tasks, tables

LONG_NAME = "tasks.realworld_tasks.images.process_image_with_a_very_long_name"


def worker(number: int, active: list | None = None) -> WorkerView:
    return WorkerView(
        name=f"lab{number}@a-machine-with-a-long-name",
        pid=number,
        pool="prefork",
        slots=4,
        started=0,
        done=1_234_567,
        queues=["basic"],
        active=active or [],
    )


def snapshot(workers: Workers) -> Snapshot:
    queues = {
        "basic": {0: 100_000, 3: 10_000, 6: 100, 9: 0},
        "a_queue_with_a_very_long_name_that_nobody_takes_from": {0: 1, 3: 0, 6: 0, 9: 0},
    }
    return Snapshot(
        at=1_700_000_000,
        broker="redis://:***@127.0.0.1:43493/0",
        queues=queues,
        unacked=48,
        unacked_by_queue={"basic": 48},
        workers=workers,
    )


def printed(seen: Snapshot, tasks: list[SeenTask], width: int = 80) -> list[str]:
    console = Console(width=width, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(tables(seen, tasks, "since 07:30:00", width))
    return console.export_text().splitlines()


@pytest.mark.parametrize("count", [0, 3])
def test_nothing_is_wider_than_80_columns_and_every_id_is_whole(count):
    tasks = [SeenTask(1.0, "RECEIVED", LONG_NAME, str(uuid.uuid4()), "lab1@x") for _ in range(3)]
    seen = snapshot(Workers([worker(number) for number in range(count)], 1))
    lines = printed(seen, tasks)
    assert max(len(line) for line in lines) <= 80
    assert all(any(task.task_id in line for line in lines) for task in tasks)
    assert any("100,000" in line for line in lines)


@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("count", [0, 3])
def test_the_height_is_known_before_it_is_printed(count, silent):
    seen = snapshot(Workers([worker(number) for number in range(count)], silent))
    assert len(printed(seen, [])) == height_without_tasks(seen)


def test_what_runs_comes_before_what_is_only_received():
    told = [SeenTask(9, "RECEIVED", "b", "2", ""), SeenTask(8, "SUCCESS", "c", "3", "")]
    active = [{"id": "1", "name": "a", "time_start": 7.0}]
    running = running_tasks(snapshot(Workers([worker(1, active)], 0)))
    assert [task.task_id for task in merged(running, told)] == ["3", "1", "2"]


def test_a_task_that_an_event_told_of_is_shown_once():
    told = [SeenTask(9, "SUCCESS", "a", "1", "")]
    active = [{"id": "1", "name": "a", "time_start": 7.0}]
    running = running_tasks(snapshot(Workers([worker(1, active)], 0)))
    assert merged(running, told) == told


def test_square_brackets_in_a_name_are_shown_as_they_are():
    tasks = [SeenTask(1.0, "[red]ODD", "tasks.[/bold]", "[link]", "lab1@x")]
    text = "\n".join(printed(snapshot(Workers([], 0)), tasks))
    assert all(part in text for part in ("[red]ODD", "[/bold]", "[link]"))


def test_more_than_the_monitor_looks_at_is_a_question_mark():
    seen = snapshot(Workers([], 0))
    lines = printed(dataclasses.replace(seen, unacked=9_000, unacked_by_queue=None), [])
    assert sum("?" in line for line in lines) == len(seen.queues)
    assert any("9,000" in line for line in lines)


@pytest.mark.parametrize(
    ("workers", "who", "sentence"),
    [
        (Workers([], 0), "nobody", "no worker is connected"),
        (Workers([], 2), "?", "connected and silent: 2 (a solo worker at its task, or a stopped"),
        (
            Workers([], 0, not_asked=2),
            "?",
            "not asked: 2 connected (the broker takes no message now)",
        ),
    ],
)
def test_who_takes_from_a_queue_is_not_known_while_workers_do_not_answer(workers, who, sentence):
    lines = printed(snapshot(workers), [])
    assert [line.split()[-1] for line in lines[3:5]] == [who, who]
    assert any(line.startswith(sentence) for line in lines)


def test_of_ten_lists_the_fullest_are_shown_and_what_is_unread_fits():
    lists = dict.fromkeys(range(10), 0) | {4: 1_000_000, 7: 2, 9: 30, 1: 400}
    seen = dataclasses.replace(
        snapshot(Workers([], 0)),
        queues={"basic": lists, "advanced": dict.fromkeys(range(10), 0)},
        unread=["something \x1b[31m that cannot be read " * 5],
    )
    lines = printed(seen, [])
    assert max(len(line) for line in lines) <= 80
    assert len(lines) == height_without_tasks(seen)
    assert lines[2].split() == ["queue", "queued", "unacked", "p1", "p4", "p7", "p9", "taken", "by"]
    assert any("p0 to p9: the 10 lists of a queue" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
