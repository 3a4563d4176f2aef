"""The monitor's tables, for rich; readable at 80 columns."""

import textwrap
from collections.abc import Container, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from labkit.monitor.event_feed import LAST_S, SeenTask
from labkit.monitor.snapshot import Snapshot
from labkit.words import clock, printable

STATE_COLOURS = {
    "STARTED": "cyan",
    "SUCCESS": "green",
    "FAILURE": "red",
    "RETRY": "yellow",
    "REVOKED": "magenta",
}
WIDE = 110  # columns from which the worker of each task is shown, too
GAP = 2  # between two columns
NARROWEST = 8  # of a column that is cut
LISTS = 4  # of a queue are shown, as many as kombu makes; of more those that hold most


def tables(snapshot: Snapshot, tasks: Sequence[SeenTask], source: str, width: int) -> Group:
    """Queues, workers and tasks, one below the other.  source: where the tasks come from."""
    place = f"  {snapshot.broker}  {clock(snapshot.at)}"
    title = Text.assemble(("Celery learning lab", "bold"), place)
    parts: list[RenderableType] = [title, "", _queues(snapshot, width)]
    parts += [Text(_legend(snapshot), style="dim"), ""]
    parts += _unread(snapshot, width)
    parts += [_workers(snapshot, width), ""] if snapshot.workers.answered else []
    parts += [*_without_answer(snapshot), _tasks(tasks, width, source)]
    return Group(*parts)


def height_without_tasks(snapshot: Snapshot, width: int = 80) -> int:
    """How many lines the tables take before the first task."""
    queues, workers = len(snapshot.queues) + 4, len(snapshot.workers.answered)
    others = len(_unread(snapshot, width)) + len(_without_answer(snapshot))
    return 2 + queues + (workers + 2 if workers else 0) + others + 1


def running_tasks(snapshot: Snapshot) -> list[SeenTask]:
    """What runs now, as the workers say, newest first; also what began before we listened."""
    running = [
        SeenTask(
            _time(task.get("time_start")) or snapshot.at,
            "STARTED",
            str(task.get("name")),
            str(task.get("id")),
            one.name,
        )
        for one in snapshot.workers.answered
        for task in one.active
    ]
    return sorted(running, key=lambda task: -task.at)


def _time(value: object) -> float:
    return value if isinstance(value, int | float) and 0 <= value < LAST_S else 0.0


def merged(running: Sequence[SeenTask], told: Sequence[SeenTask]) -> list[SeenTask]:
    """The tasks that events told of, and those that run and no event told of; newest first.

    What is only received waits in a worker, maybe in hundreds: it comes last.
    """
    known = {task.task_id for task in told}
    both = [*told, *(task for task in running if task.task_id not in known)]
    return sorted(both, key=lambda task: (task.state == "RECEIVED", -task.at))


Row = Sequence[str | Text]


def _table(headings: Row, rows: Sequence[Row], width: int, words: Container[int] = ()) -> Table:
    """A table that fits into `width`: its first column is cut where the others need the room.

    words: the further columns that hold words, and so begin at the left.
    """
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    columns = range(len(headings))
    widths = [
        max(len(row[column]) for row in [headings, *rows] if column < len(row))
        for column in columns
    ]
    spare = width - sum(widths) - GAP * len(headings)
    widths[0] = max(NARROWEST, widths[0] + min(0, spare))
    for column in columns:
        table.add_column(
            headings[column],
            justify="left" if column == 0 or column in words else "right",
            width=widths[column],
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in rows:
        # As Text, so that square brackets in a name are no markup.
        table.add_row(*(Text(printable(one)) if isinstance(one, str) else one for one in row))
    return table


def _shown(snapshot: Snapshot) -> list[int]:
    """The priorities that get a column each."""
    lists = snapshot.priorities
    if len(lists) <= LISTS:
        return lists
    waiting = {one: sum(by[one] for by in snapshot.queues.values()) for one in lists}
    fullest = sorted(lists, key=lambda one: -waiting[one])[:LISTS]
    return [one for one in lists if one in fullest]


def _legend(snapshot: Snapshot) -> str:
    lists = snapshot.priorities
    names = f"p{lists[0]} to p{lists[-1]}"
    if len(lists) > LISTS:
        return f"{names}: the {len(lists)} lists of a queue, p{lists[0]} first; {LISTS} are shown"
    number = {4: "four"}.get(len(lists), str(len(lists)))
    return f"{names}: the {number} lists of a queue, by priority; p{lists[0]} is taken first"


def _unread(snapshot: Snapshot, width: int) -> list[RenderableType]:
    """What could not be read, in lines that fit."""
    lines = [
        line for sentence in snapshot.unread for line in textwrap.wrap(printable(sentence), width)
    ]
    return [*(Text(line, style="yellow") for line in lines), *([""] if lines else [])]


def _queues(snapshot: Snapshot, width: int) -> Table:
    by_queue, priorities = snapshot.unacked_by_queue, _shown(snapshot)
    rows: list[Row] = []
    for name, lists in snapshot.queues.items():
        queued, takers = sum(lists.values()), len(snapshot.takers(name))
        unacked = "?" if by_queue is None else f"{by_queue.get(name, 0):,}"
        who = Text(f"{takers} worker{'s' if takers > 1 else ''}")
        if not takers and (snapshot.workers.silent or snapshot.workers.not_asked):
            who = Text("?", style="dim")  # one of those may take from it
        elif not takers:
            who = Text("nobody", style="red" if queued else "dim")
        numbers = [f"{lists[priority]:,}" for priority in priorities]
        rows.append([name, f"{queued:,}", unacked, *numbers, who])
    all_queued = sum(sum(lists.values()) for lists in snapshot.queues.values())
    rows.append(["all", f"{all_queued:,}", f"{snapshot.unacked:,}"])
    headings = ["queue", "queued", "unacked", *(f"p{one}" for one in priorities), "taken by"]
    return _table(headings, rows, width, words={len(headings) - 1})


def _workers(snapshot: Snapshot, width: int) -> Table:
    rows = [
        [
            one.name,
            one.pool,
            f"{one.slots}",
            f"{len(one.active)}",
            f"{len(one.reserved)}",
            f"{one.done:,}",
        ]
        for one in snapshot.workers.answered
    ]
    headings = ["worker", "pool", "slots", "active", "reserved", "done"]
    return _table(headings, rows, width, words={1})


def _without_answer(snapshot: Snapshot) -> list[RenderableType]:
    silent = snapshot.workers.silent
    if not_asked := snapshot.workers.not_asked:
        sentence = f"not asked: {not_asked} connected (the broker takes no message now)"
    elif silent:
        sentence = f"connected and silent: {silent} (a solo worker at its task, or a stopped one)"
    elif not snapshot.workers.answered:
        sentence = "no worker is connected; ./lab doctor says what to do"
    else:
        return []
    return [Text(sentence, style="yellow"), ""]


def _tasks(tasks: Sequence[SeenTask], width: int, source: str) -> Table:
    wide = width >= WIDE
    rows: list[Row] = [
        [
            task.name.removeprefix("tasks."),
            Text(task.state, style=STATE_COLOURS.get(task.state, "")),
            clock(task.at),
            task.task_id,  # whole: it is what the doctor wants
            *([task.worker] if wide else []),
        ]
        for task in tasks
    ]
    headings = [f"task ({source})", "state", "at", "id", *(["worker"] if wide else [])]
    return _table(headings, rows, width, words={1, 2, 3, 4})
