"""The drawing of a time line: the runs of a job as bars, and how long its message was taken.

A picture has a light ground of its own, so that it reads the same on a dark page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from labkit.svg import document, text
from labkit.words import several

WIDTH, LEFT, RIGHT = 760, 20, 150  # px; on the right stands what came of a row
TOP, ROW_H, BAR_H, HOLD_H = 68, 60, 22, 16
# Dark text is readable on all of them, and a sign or a word is always there, too: colour alone
# tells nothing to many eyes.
DONE, KILLED, OTHER = "#d5ead2", "#f3c4bf", "#eeeeee"
LINE, RED, BLUE = "#777777", "#aa2222", "#2a5d9f"
COUNTED = {0: "never done", 1: "done once"}
Facts = Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Run:
    """One run of one job: from when to when, and how it ended: END, KILLED, or "" (unknown)."""

    job: str
    begin_s: float
    end_s: float
    ended: str


def picture(
    title: str, job: str, rows: Mapping[str, str], facts: Facts, timeout_s: float = 0
) -> str:
    """The SVG text.

    job: the one that the picture is about; the others are pale.  rows: {name: label}.
    timeout_s: visibility_timeout, to be shown from where a message was taken; 0 for none.
    """
    runs = {name: runs_of(facts[name]) for name in rows}
    taken = {name: taken_in(facts[name]) if timeout_s else [] for name in rows}
    ends = [run.end_s for row in runs.values() for run in row]
    ends += [moment + timeout_s for row in taken.values() for _, moment in row]
    end_s = max([1.0, *ends])
    pixels = (WIDTH - LEFT - RIGHT) / end_s  # of a second
    row_h = ROW_H + (HOLD_H if timeout_s else 0)
    height = TOP + row_h * len(rows) + 32
    shapes = [text(LEFT, 26, title, weight="bold", size=15), *_axis(end_s, pixels, height - 38)]
    for place, (name, label) in enumerate(rows.items()):
        y = TOP + place * row_h
        shapes.append(text(LEFT, y + 14, label, weight="bold"))
        shapes += _row(runs[name], job, y + 22, pixels)
        for taken_job, moment in taken[name]:
            shapes += _hold(taken_job, moment, moment + timeout_s, y + 22 + BAR_H + 6, pixels)
    shapes.append(_legend(height - 14, job, timeout_s))
    return document(WIDTH, height, title, shapes)


def runs_of(events: Sequence[Mapping[str, object]]) -> list[Run]:
    """The runs in the events of a row; one without an end lasts until the last event."""
    last_s = max((float(str(one["seconds"])) for one in events), default=0.0)
    runs = []
    for number, start in enumerate(events):
        if start["event"] != "START":
            continue
        same = (
            one
            for one in events[number + 1 :]
            if (one["process"], one["job"]) == (start["process"], start["job"])
            and one["event"] in {"END", "KILLED"}
        )
        end = next(same, {"seconds": last_s, "event": ""})
        begin_s, end_s = float(str(start["seconds"])), float(str(end["seconds"]))
        runs.append(Run(str(start["job"]), begin_s, end_s, str(end["event"])))
    return runs


def taken_in(events: Sequence[Mapping[str, object]]) -> list[tuple[str, float]]:
    """(job, when its message was taken, in seconds), for each message of which that is known."""
    taken = [one for one in events if one["event"] == "TAKEN"]
    return [(str(one["job"]), float(str(one["seconds"]))) for one in taken]


def in_words(runs: Sequence[Run], job: str) -> str:
    """What came of a job.

    >>> in_words([Run("A", 0, 1, "KILLED"), Run("A", 3, 4, "END"), Run("B", 0, 9, "END")], "A")
    '2 runs, done once'
    """
    mine = [run for run in runs if run.job == job]
    done = sum(run.ended == "END" for run in mine)
    return f"{several(len(mine), 'run')}, {COUNTED.get(done) or f'done {done} times'}"


def _row(runs: Sequence[Run], job: str, y: int, pixels: float) -> list[str]:
    mine = [run for run in runs if run.job == job]
    middle = y + BAR_H // 2
    shapes = []
    for run, following in pairwise(mine):
        if following.begin_s > run.end_s:
            x, to = LEFT + run.end_s * pixels, LEFT + following.begin_s * pixels
            shapes.append(_path(f"M{x:.1f} {middle} H{to:.1f}", LINE, dashes="3 3"))
    for run in sorted(runs, key=lambda run: run.job == job):
        x, width = LEFT + run.begin_s * pixels, max(3.0, (run.end_s - run.begin_s) * pixels)
        fill = OTHER if run.job != job else KILLED if run.ended == "KILLED" else DONE
        shapes.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR_H}" rx="3" '
            f'fill="{fill}" stroke="{LINE}"/>'
        )
        if width > 40:
            ink = "#111111" if run.job == job else "#666666"
            shapes.append(text(x + width / 2, y + 15, run.job, anchor="middle", fill=ink, size=12))
        if run.ended == "KILLED":
            cross = f"M{x + width - 5:.1f} {middle - 5} l10 10 m0 -10 l-10 10"
            shapes.append(_path(cross, RED, width=2.5))
    shapes.append(text(WIDTH - RIGHT + 16, y + 16, in_words(runs, job)))
    return shapes


def _axis(end_s: float, pixels: float, y: int) -> list[str]:
    step = next(step for step in (1, 2, 5, 10, 20, 60, 300) if end_s / step <= 12 or step == 300)
    shapes = []
    for second in range(0, int(end_s) + 1, step):
        x = LEFT + second * pixels
        shapes.append(_path(f"M{x:.1f} {TOP - 14} V{y}", "#e4e4e4"))
        label = f"{second} s" if not second else str(second)
        shapes.append(text(x, TOP - 18, label, size=11, fill="#666666", anchor="middle"))
    return shapes


def _hold(job: str, begin_s: float, end_s: float, y: int, pixels: float) -> list[str]:
    """A line below the bars: from where a message was taken until its timeout is over."""
    x, to = LEFT + begin_s * pixels, LEFT + end_s * pixels
    words = text((x + to) / 2, y + 11, job, size=10, anchor="middle", fill=BLUE)
    return [_path(f"M{x:.1f} {y - 4} v8 m0 -4 H{to:.1f} m0 -4 v8", BLUE, width=1.5), words]


def _legend(y: int, job: str, timeout_s: float) -> str:
    parts = [f"✕ a process is killed while it works on {job}", "dashed: until the next run"]
    if timeout_s:
        parts.append(f"blue: taken, until visibility_timeout ({timeout_s:g} s) is over")
    return text(LEFT, y, "; ".join(parts), size=12, fill="#444444")


def _path(line: str, stroke: str, *, width: float = 1, dashes: str = "none") -> str:
    look = f'stroke="{stroke}" stroke-width="{width:g}" stroke-dasharray="{dashes}"'
    return f'<path d="{line}" fill="none" {look}/>'
