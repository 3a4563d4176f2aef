"""Pictures of recorded runs: who worked on a job when, and how each run of it ended.

A picture has a plan, written by hand, and facts, kept by `./lab record NN`:

    examples/advanced/pictures/31_worker_lost.toml    title, job, a label for each row
    examples/runs/31.json                             what labkit.own.facts wrote
    examples/advanced/pictures/31_worker_lost.svg     drawn from both

The plan may say who is killed, and name a constant of the lesson, timeout_s: how long a message
stays taken.  A plan with an effect, such as "charged", and no job is about a job that was killed
between its effect and its end: the facts keep one for each row, and count its seconds from its
beginning.
`./lab record NN` draws it; `python -m labkit.course.time_lines` draws all of them, without a run.
"""

import ast
import json
import sys
import tomllib
from pathlib import Path
from shlex import quote
from typing import Any

from lab_home import ROOT
from labkit.course.lesson_files import read
from labkit.course.lessons import Lesson, lesson_of_script, scripts
from labkit.course.time_line_picture import Facts, picture, runs_of
from labkit.errors import LabError, in_shell

OF_AN_EVENT = {"event": str, "job": str, "process": int, "seconds": int | float}


def plan_file(lesson: Lesson) -> Path:
    """The plan of a lesson's picture; it need not be there."""
    return lesson.path.parent / "pictures" / f"{lesson.path.stem}.toml"


def facts_file(lesson: Lesson) -> Path:
    """Where `./lab record` keeps the facts of the recorded run."""
    return lesson.root / "examples" / "runs" / f"{lesson.number}.json"


def draw(lesson: Lesson, new: str = "") -> Path | None:
    """Draw the picture of a lesson anew, and return its file; None where it has no plan.

    new: the facts of another run, to be kept in place of those that are there.
    Raises LabError where plan, facts or a row are missing, or are not what a picture needs.
    """
    plan, facts = plan_file(lesson), facts_file(lesson)
    if not plan.is_file():
        return None
    source, hint = lesson.shown(facts), f"./lab record {lesson.number}"
    if new:
        source, hint = "the recorded run", f"cat {quote(lesson.shown(plan))}"
    elif not facts.is_file():
        raise LabError(f"{source} is missing: the picture is drawn from it", hint)
    wanted = _plan(lesson)
    try:
        known = _facts(new or read(facts, lesson.root))
    except ValueError as error:
        raise LabError(f"{source} holds no facts: {error}", hint) from None
    if missing := [name for name in wanted["rows"] if name not in known]:
        raise LabError(f"{source} has no row {missing[0]!r}", hint)
    file = plan.with_suffix(".svg")
    timeout_s = _constant(lesson, wanted["timeout_s"]) if "timeout_s" in wanted else 0
    effects = (wanted["effect"], wanted["no_effect"]) if "effect" in wanted else None
    svg = picture(
        wanted["title"],
        wanted.get("job", ""),
        wanted["rows"],
        known,
        timeout_s=timeout_s,
        effects=effects,
        killed=wanted.get("killed", ""),
    )
    if new:
        facts.write_text(new, "utf-8")
    file.write_text(svg, "utf-8")
    return file


def facts_for(lesson: Lesson, text: str) -> str:
    """What the lesson's picture needs of the facts of a run: JSON with an event a line, for git.

    Raises LabError where a row has no job as the plan wants it.
    """
    known = json.loads(text)
    if "job" not in _plan(lesson):
        known = {name: _one_job(events) for name, events in known.items()}
        if missing := [name for name, events in known.items() if not events]:
            raise LabError(
                f"no job of {missing[0]} was killed after its effect, and came to its end later",
                f"./lab record {lesson.number}",
            )
    rows = [
        f"{json.dumps(name)}: [\n  " + ",\n  ".join(map(json.dumps, events)) + "\n]"
        for name, events in known.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _one_job(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of the job that was killed after its effect, and came soonest to its end."""
    runs = runs_of(events)
    firsts = {run.job: run for run in reversed(runs)}
    lasts = {run.job: run for run in runs}
    stories = [
        (lasts[job].end_s - first.begin_s, job)
        for job, first in firsts.items()
        if first.ended == "KILLED" and first.effect_s is not None and lasts[job].ended == "END"
    ]
    _, chosen = min(stories, default=(0, ""))
    return [
        {**one, "seconds": round(one["seconds"] - firsts[chosen].begin_s, 2)}
        for one in events
        if one["job"] == chosen
    ]


def _plan(lesson: Lesson) -> dict[str, Any]:
    """The plan as it is written, with a title, a job or an effect, and rows that have labels."""
    shown, text = lesson.shown(plan_file(lesson)), read(plan_file(lesson), lesson.root)
    hint = f"cat {quote(shown)}"
    try:
        plan = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{shown} is not TOML: {error}", hint) from None
    names = ["title", *(["effect", "no_effect"] if "effect" in plan else [])]
    names += ["job"] if "job" in plan or "effect" not in plan else []
    names += ["killed"] if "killed" in plan else []
    for name in names:
        if not isinstance(plan.get(name), str):
            raise LabError(f"{shown} needs a {name}, which is a text", hint)
    rows = plan.get("rows")
    if not isinstance(rows, dict) or not all(isinstance(label, str) for label in rows.values()):
        raise LabError(f"{shown} needs [rows], with a label for each", hint)
    return plan


def _facts(text: str) -> Facts:
    """What labkit.own.facts wrote; ValueError for anything else."""
    facts = json.loads(text)
    if not isinstance(facts, dict) or not all(isinstance(row, list) for row in facts.values()):
        raise ValueError("it is no object with a list for each row")
    for event in (event for row in facts.values() for event in row):
        for name, kind in OF_AN_EVENT.items():
            if not isinstance(event, dict) or not isinstance(event.get(name), kind):
                raise ValueError(f"an event needs {name}: {event!r:.60}")
    return facts


def _constant(lesson: Lesson, name: str) -> float:
    """The value of a constant of the lesson, so that a plan does not say it again."""
    plan = lesson.shown(plan_file(lesson))
    hint = f"grep -n _S {quote(plan)} {quote(lesson.shown(lesson.path))}"
    for node in lesson.tree.body:
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            try:
                return float(ast.unparse(node.value))
            except ValueError:
                raise LabError(f"{plan} names {name!r}, which is no number", hint) from None
    raise LabError(f"{plan} names {name!r}, and the lesson has none", hint)


def main(root: Path = ROOT) -> None:
    """Draw every picture that has a plan; LabError for a plan that no lesson has."""
    plans = set((root / "examples").glob("**/pictures/*.toml"))
    for path in scripts(root).values():
        lesson = lesson_of_script(path, root)
        plans.discard(plan_file(lesson))
        if file := draw(lesson):
            print(lesson.shown(file))
    for plan in sorted(plans):
        raise LabError(
            f"{plan.relative_to(root)} is of no lesson: a plan has the name of its script",
            f"ls {in_shell(plan.parents[1])}/*.py",
        )


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(str(error))
