"""The monitor's tables, for rich; readable at 80 columns."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from labkit.event_feed import SeenTask
from labkit.findings import clock
from labkit.queues import PRIORITIES
from labkit.snapshot import Snapshot

STATE_COLOURS = {
    "STARTED": "cyan",
    "SUCCESS": "green",
    "FAILURE": "red",
    "RETRY": "yellow",
    "REVOKED": "magenta",
}
WIDE = 110  # columns from which the worker of each task is shown, too


def tables(snapshot: Snapshot, tasks: Sequence[SeenTask], source: str, width: int) -> Group:
    """Queues, workers and tasks, one below the other.  source: where the tasks come from."""
    parts: list[RenderableType] = [_title(snapshot), "", _queues(snapshot), ""]
    parts += [_workers(snapshot), ""] if snapshot.workers.answered else []
    parts += [*_without_answer(snapshot), _tasks(tasks, width, source)]
    return Group(*parts)


def height_without_tasks(snapshot: Snapshot) -> int:
    """How many lines the tables take before the first task."""
    queues, workers = len(snapshot.queues) + 3, len(snapshot.workers.answered)
    return 2 + queues + (workers + 2 if workers else 0) + 2 * bool(_without_answer(snapshot)) + 2


def running_tasks(snapshot: Snapshot) -> list[SeenTask]:
    """What runs now, as the workers say, newest first; also what began before we listened."""
    running = [
        SeenTask(task["time_start"] or snapshot.at, "STARTED", task["name"], task["id"], one.name)
        for one in snapshot.workers.answered
        for task in one.active
    ]
    return sorted(running, key=lambda task: -task.at)


def merged(running: Sequence[SeenTask], told: Sequence[SeenTask]) -> list[SeenTask]:
    """The tasks that events told of, and those that run and no event told of; newest first.

    What is only received waits in a worker, maybe in hundreds: it comes last.
    """
    known = {task.task_id for task in told}
    both = [*told, *(task for task in running if task.task_id not in known)]
    return sorted(both, key=lambda task: (task.state == "RECEIVED", -task.at))


def _title(snapshot: Snapshot) -> Text:
    return Text.assemble(
        ("Celery learning lab", "bold"), f"  {snapshot.broker}  {clock(snapshot.at)}"
    )


def _table(first: str, numbers: Sequence[str], last: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, style="bold", no_wrap=True, overflow="ellipsis", min_width=14)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    if last:
        table.add_column(last, no_wrap=True, overflow="ellipsis")
    return table


def _queues(snapshot: Snapshot) -> Table:
    priorities = [f"p{priority}" for priority in PRIORITIES]
    table = _table("queue", ["queued", "unacked", *priorities], "taken by")
    by_queue = snapshot.unacked_by_queue
    for name, lists in snapshot.queues.items():
        queued, takers = sum(lists.values()), len(snapshot.takers(name))
        nobody = Text("nobody", style="red" if queued else "dim")
        table.add_row(
            name,
            f"{queued:,}",
            "?" if by_queue is None else f"{by_queue.get(name, 0):,}",
            *(f"{lists[priority]:,}" for priority in PRIORITIES),
            f"{takers} worker{'s' if takers > 1 else ''}" if takers else nobody,
        )
    queued = sum(sum(lists.values()) for lists in snapshot.queues.values())
    table.add_row("all", f"{queued:,}", f"{snapshot.unacked:,}", style="dim")
    return table


def _workers(snapshot: Snapshot) -> Table:
    table = _table("worker", ["pool", "slots", "active", "reserved", "done"], "")
    for one in snapshot.workers.answered:
        table.add_row(
            one.name,
            one.pool,
            f"{one.slots}",
            f"{len(one.active)}",
            f"{len(one.reserved)}",
            f"{one.done:,}",
        )
    return table


def _without_answer(snapshot: Snapshot) -> list[RenderableType]:
    silent = snapshot.workers.silent
    if silent:
        sentence = f"connected and silent: {silent} (a solo worker answers between two tasks)"
    elif not snapshot.workers.answered:
        sentence = "no worker is connected; ./lab doctor says what to do"
    else:
        return []
    return [Text(sentence, style="yellow"), ""]


def _tasks(tasks: Sequence[SeenTask], width: int, source: str) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("at", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column(f"task: {source}", no_wrap=True, overflow="ellipsis")
    table.add_column("id", no_wrap=True, min_width=36)  # whole: it is what the doctor wants
    if width >= WIDE:
        table.add_column("worker", no_wrap=True, overflow="ellipsis")
    for task in tasks:
        worker = [task.worker] if width >= WIDE else []
        table.add_row(
            clock(task.at),
            Text(task.state, style=STATE_COLOURS.get(task.state, "")),
            task.name.removeprefix("tasks."),
            task.task_id,
            *worker,
        )
    return table
