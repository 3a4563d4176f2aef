"""`./lab tour NAME`: several lessons in a row, a level or a route."""

import textwrap
from pathlib import Path

import click

from lab_home import ROOT
from labkit.course.judge import Outcome
from labkit.course.lessons import LEVELS, Lesson, lesson_of_number, lesson_of_script, scripts
from labkit.course.runner import Stack, default_stack, run_and_judge
from labkit.errors import LabError

ROUTES = {
    # One evening: from the first task to the first lost and found message.
    "evening": ["01", "03", "04", "05", "09", "11", "13", "16", "20", "30", "57"],
    # For those who build web applications: what a request hands over, and what may go wrong.
    "web": ["01", "03", "05", "06", "16", "33", "50", "51", "57", "59", "60"],
    # For those who must decide whether to use Celery: what it promises, and what it does not.
    "evaluate": ["02", "21", "30", "32", "33", "37", "41", "61"],
}


def print_tours(root: Path = ROOT) -> None:
    """One line for each tour: its name, and the numbers of its lessons."""
    for name in [*LEVELS, *ROUTES]:
        numbers = " ".join(lesson.number for lesson in stops(name, root))
        click.echo(textwrap.fill(f"{name:<11}{numbers}", 80, subsequent_indent=" " * 11))
    click.echo("\n./lab tour NAME runs one; ./lab lessons says what the lessons are, and how long")


def stops(name: str, root: Path = ROOT) -> list[Lesson]:
    """The lessons of a tour.

    Raises LabError (exit code 2) for a name that is neither a level nor a route.
    """
    if name not in LEVELS and name not in ROUTES:
        names = ", ".join([*LEVELS, *ROUTES])
        raise LabError(
            f"there is no tour {name!r}; the tours are {names}", "./lab tour evening", exit_code=2
        )
    if name in ROUTES:
        return [lesson_of_number(number, root) for number in ROUTES[name]]
    return [
        lesson_of_script(path, root) for path in scripts(root).values() if path.parent.name == name
    ]


def run_tour(name: str, *, stack: Stack | None = None, root: Path = ROOT) -> int:
    """Run the lessons of a tour on one stack; return 0 where each was as promised or changed.

    It goes on after a lesson that differs, and stops after Ctrl-C or where the stack is missing.
    """
    lessons = stops(name, root)
    queues = sorted({queue for lesson in lessons for queue in lesson.queues})
    extras = sorted({extra for lesson in lessons for extra in lesson.extras})
    outcomes: dict[str, Outcome] = {}
    with (stack or default_stack())(queues, extras) as environment:
        for place, lesson in enumerate(lessons, start=1):
            click.secho(f"\n-- {place} of {len(lessons)}", dim=True, err=True)
            run, outcome = run_and_judge(lesson, environment)
            if run.signal:
                return outcome.exit_code
            outcomes[lesson.number] = outcome
            if run.exit_code and not run.started:
                break
    click.echo(f"\n{_summary(outcomes, len(lessons))}")
    return max((outcome.exit_code for outcome in outcomes.values()), default=0)


def _summary(outcomes: dict[str, Outcome], planned: int) -> str:
    """How many lessons were as promised, and one line for each that was not."""
    lines = [f"{sum(outcome.kept for outcome in outcomes.values())} of {planned} as promised"]
    for number, outcome in outcomes.items():
        if not outcome.kept:
            why = "not as promised" if outcome.exit_code else "not as promised, by your change"
            lines.append(f"{number}: {why}")
    if len(outcomes) < planned:
        lines.append(f"not run: {planned - len(outcomes)}")
    return "\n".join(lines)
