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
LANE_H = BAR_H + 4
# Dark text is readable on all of them, and a sign or a word is always there, too: colour alone
# tells nothing to many eyes.
DONE, KILLED, OTHER = "#d5ead2", "#f3c4bf", "#eeeeee"
LINE, RED, BLUE = "#777777", "#aa2222", "#2a5d9f"
Facts = Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Run:
    """One run of one job: from when to when, and how it ended: END, KILLED, or "" (unknown).

    effect_s: when it had its effect, such as a charge; None if it had none.
    """

    job: str
    begin_s: float
    end_s: float
    ended: str
    effect_s: float | None = None


@dataclass(frozen=True)
class Hold:
    """A message in a worker's hands, as Redis has it: from when to when, and how that ended."""

    begin_s: float
    end_s: float
    words: str


def picture(
    title: str,
    job: str,
    rows: Mapping[str, str],
    facts: Facts,
    *,
    timeout_s: float = 0,
    effects: tuple[str, str] | None = None,
    killed: str = "",
) -> str:
    """The SVG text.

    job: the one that the picture is about; the others are pale.  "" for the one of each row.
    rows: {name: label}; {job} in a label is the job.
    effects: what is said of a run that had its effect, and of one that ended without.
    killed: who is, as the legend says it; "its process" where nothing is said.
    timeout_s: visibility_timeout, to be shown from where a message was taken; 0 for none.
    Without it, a row whose facts say until when messages were taken has a lane for each time.
    """
    runs = {name: runs_of(facts[name]) for name in rows}
    taken = {name: taken_in(facts[name]) if timeout_s else [] for name in rows}
    holds = {name: holds_of(facts[name]) for name in rows}
    ends = [run.end_s for row in runs.values() for run in row]
    ends += [hold.end_s for row in holds.values() for hold in row]
    ends += [moment + timeout_s for row in taken.values() for _, moment in row]
    end_s = max([1.0, *ends])
    pixels = (WIDTH - LEFT - RIGHT) / end_s  # of a second
    shapes, y = [], TOP
    for name, label in rows.items():
        row_job = job or next((str(one["job"]) for one in facts[name]), "")
        shapes.append(text(LEFT, y + 14, label.replace("{job}", row_job), weight="bold"))
        for lane, hold in enumerate(holds[name]):
            middle = y + 22 + lane * LANE_H + BAR_H // 2
            shapes += _hold(hold.words, hold.begin_s, hold.end_s, middle, pixels)
            for run in runs[name][lane : lane + 1]:
                shapes += _gap(hold.end_s, run.begin_s, middle, pixels)
        shapes += _row(runs[name], row_job, y + 22, pixels, LANE_H if holds[name] else 0)
        said = in_words(runs[name], row_job, effects[0] if effects else "")
        shapes.append(text(WIDTH - RIGHT + 16, y + 38, said))
        if effects:
            for run in runs[name]:
                shapes += _effect(run, effects, y + 22 + BAR_H + 10, pixels)
        for taken_job, moment in taken[name]:
            shapes += _hold(taken_job, moment, moment + timeout_s, y + 22 + BAR_H + 6, pixels)
        lanes = max(len(holds[name]), len(runs[name])) if holds[name] else 1
        y += ROW_H + (HOLD_H if timeout_s or effects else 0) + LANE_H * (lanes - 1)
    heading = text(LEFT, 26, title, weight="bold", size=15)
    legend = _legend(y + 18, killed, timeout_s, held=any(holds.values()))
    shapes = [heading, *_axis(end_s, pixels, y - 6), *shapes, legend]
    return document(WIDTH, y + 32, title, shapes)


def runs_of(events: Sequence[Mapping[str, object]]) -> list[Run]:
    """The runs in the events of a row; one without an end lasts until the last event."""
    last_s = max((float(str(one["seconds"])) for one in events), default=0.0)
    runs = []
    for number, start in enumerate(events):
        if start["event"] != "START":
            continue
        same = [
            one
            for one in events[number + 1 :]
            if (one["process"], one["job"]) == (start["process"], start["job"])
        ]
        ends = (one for one in same if one["event"] in {"END", "KILLED"})
        end = next(ends, {"seconds": last_s, "event": ""})
        begin_s, end_s = float(str(start["seconds"])), float(str(end["seconds"]))
        effects = [float(str(one["seconds"])) for one in same if one["event"] == "EFFECT"]
        effect_s = next((moment for moment in effects if moment <= end_s), None)
        runs.append(Run(str(start["job"]), begin_s, end_s, str(end["event"]), effect_s))
    return runs


def taken_in(events: Sequence[Mapping[str, object]]) -> list[tuple[str, float]]:
    """(job, when its message was taken, in seconds), for each message of which that is known."""
    taken = [one for one in events if one["event"] == "TAKEN"]
    return [(str(one["job"]), float(str(one["seconds"]))) for one in taken]


def holds_of(events: Sequence[Mapping[str, object]]) -> list[Hold]:
    """Each time that a message was taken of which is known until when."""
    holds = []
    for number, taken in enumerate(events):
        later = [one for one in events[number + 1 :] if one["job"] == taken["job"]]
        left = next((one for one in later if one["event"] == "LEFT"), None)
        if taken["event"] == "TAKEN" and left:
            begin_s, end_s = float(str(taken["seconds"])), float(str(left["seconds"]))
            back = any(one["event"] == "TAKEN" for one in later)
            words = f"back in the queue after {end_s - begin_s:.1f} s" if back else "acknowledged"
            holds.append(Hold(begin_s, end_s, words))
    return holds


def in_words(runs: Sequence[Run], job: str, effect: str = "") -> str:
    """What came of a job.  effect: a word for what counts, where that is not its end.

    >>> in_words([Run("A", 0, 1, "KILLED"), Run("A", 3, 4, "END"), Run("B", 0, 9, "END")], "A")
    '2 runs, done once'
    """
    mine = [run for run in runs if run.job == job]
    done = sum(run.effect_s is not None if effect else run.ended == "END" for run in mine)
    word = effect or "done"
    often = [f"never {word}", f"{word} once", f"{word} twice"]
    counted = often[done] if done < len(often) else f"{word} {done} times"
    return f"{several(len(mine), 'run')}, {counted}"


def _row(runs: Sequence[Run], job: str, top: int, pixels: float, lane_h: int) -> list[str]:
    """The runs.  lane_h: how far each stands below the one before."""
    mine = [run for run in runs if run.job == job]
    shapes = []
    for run, following in pairwise(mine):
        if not lane_h:
            shapes += _gap(run.end_s, following.begin_s, top + BAR_H // 2, pixels)
    for lane, run in sorted(enumerate(runs), key=lambda one: one[1].job == job):
        y = top + lane * lane_h
        middle = y + BAR_H // 2
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
    return shapes


def _effect(run: Run, effects: tuple[str, str], y: int, pixels: float) -> list[str]:
    """A dot for a run that had its effect, a ring for one that ended without, and the words."""
    if run.effect_s is None and run.ended != "END":
        return []
    x = LEFT + (run.begin_s if run.effect_s is None else run.effect_s) * pixels
    fill, words = ("#ffffff", effects[1]) if run.effect_s is None else (BLUE, effects[0])
    ring = f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{fill}" stroke="{BLUE}" stroke-width="1.5"/>'
    return [ring, text(x + 9, y + 4, words, size=12, fill=BLUE)]


def _axis(end_s: float, pixels: float, y: int) -> list[str]:
    step = next(step for step in (1, 2, 5, 10, 20, 60, 300) if end_s / step <= 12 or step == 300)
    shapes = []
    for second in range(0, int(end_s) + 1, step):
        x = LEFT + second * pixels
        shapes.append(_path(f"M{x:.1f} {TOP - 14} V{y}", "#e4e4e4"))
        label = f"{second} s" if not second else str(second)
        shapes.append(text(x, TOP - 18, label, size=11, fill="#666666", anchor="middle"))
    return shapes


def _hold(words: str, begin_s: float, end_s: float, y: int, pixels: float) -> list[str]:
    """A line from where a message was taken until its timeout is over, or it was there no more."""
    x, to = LEFT + begin_s * pixels, LEFT + end_s * pixels
    shapes = [_path(f"M{x:.1f} {y - 4} v8 m0 -4 H{to:.1f} m0 -4 v8", BLUE, width=1.5)]
    if to - x > 5.5 * len(words):  # px; where they find no room, the line must say enough
        shapes.append(text((x + to) / 2, y + 11, words, size=10, anchor="middle", fill=BLUE))
    return shapes


def _gap(begin_s: float, end_s: float, y: int, pixels: float) -> list[str]:
    """A dashed line, if there is time between the two."""
    x, to = LEFT + begin_s * pixels, LEFT + end_s * pixels
    return [_path(f"M{x:.1f} {y} H{to:.1f}", LINE, dashes="3 3")] if begin_s < end_s else []


def _legend(y: int, killed: str, timeout_s: float, *, held: bool) -> str:
    if held:
        words = (
            "blue: taken, not acknowledged; "
            "dashed: it went back to the queue, and the worker still waits with it"
        )
        return text(LEFT, y, words, size=12, fill="#444444")
    parts = [f"✕ {killed or 'its process is killed'}", "dashed: until the next run"]
    if timeout_s:
        parts.append(f"blue: taken, until visibility_timeout ({timeout_s:g} s) is over")
    return text(LEFT, y, "; ".join(parts), size=12, fill="#444444")


def _path(line: str, stroke: str, *, width: float = 1, dashes: str = "none") -> str:
    look = f'stroke="{stroke}" stroke-width="{width:g}" stroke-dasharray="{dashes}"'
    return f'<path d="{line}" fill="none" {look}/>'
