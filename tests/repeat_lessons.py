"""Does each lesson come out as promised every time?  Run it many times, and keep a tally.

    python tests/repeat_lessons.py              # all lessons, 10 times each, 3 of them busy: hours
    python tests/repeat_lessons.py --part 3     # those whose numbers begin with a 3
    python tests/repeat_lessons.py 30 31 --times 5 --busy 0
    python tests/repeat_lessons.py --times 0    # the table, and no run

A run is `./lab run NN --strict`.  While a busy one runs, two processes do nothing but count: on two
processors each of the lesson's processes gets a part of one.  A run that fails counts as one, and
is not repeated; what it printed is kept.

The tally has a line for each run that came to its end.  After Ctrl-C, or a crash, the same command
goes on where it was.  Runs of a lesson that has changed since count no more: it is known by its
script, its tasks, and what these import of work/ and the script of labkit/.  Where something deeper
has changed, --anew forgets the runs of the lessons that are named.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab_home import LAB_HOME, ROOT
from labkit.cli_group import told
from labkit.course.lesson_files import imports, module_path
from labkit.course.lessons import PLAYGROUND, Lesson, lesson_of_number, scripts
from labkit.errors import LabError
from labkit.lesson.tables import table
from labkit.processes.signals import clean_up_on_signals
from tests.helpers.run_tally import Run, Tally, missing

TALLY = LAB_HOME / "repeated" / "runs.jsonl"  # the output of a failure lies beside it
BUSY_PROCESSES = 2
COUNTED = click.IntRange(min=0)
LONGEST_S = 600  # the longest lesson takes 60 s alone on a machine
# It also ends when we are gone, whatever ended us.
COUNT = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"


def made_of(lesson: Lesson) -> str:
    """A hash of the files whose change makes it another lesson."""
    beside = [path for path in lesson.path.parent.glob("*.py") if not path.name[:2].isdigit()]
    imported = [module_path(module, lesson.root) for module, _name, _as in imports(lesson.tree)]
    files = {lesson.path, lesson.root / "celery_app.py", *lesson.task_files, *lesson.work_files}
    found = hashlib.sha256()
    for path in sorted(files | {*beside, *filter(None, imported)}):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


RunOnce = Callable[[str], tuple[int, str]]  # number of a lesson -> exit code, what it printed
Load = Callable[[], AbstractContextManager[None]]


class Repeater:
    """Runs lessons, and writes each run into the tally."""

    def __init__(self, tally: Tally, run_once: RunOnce, load: Load) -> None:
        self.tally = tally
        self._run_once = run_once
        self._load = load

    def repeat(self, number: str, made_of: str, planned: Sequence[bool]) -> Iterator[Run]:
        """Run a lesson once for each that is planned: True for a busy run."""
        for busy in planned:
            with ExitStack() as loaded:
                if busy:
                    loaded.enter_context(self._load())
                start = time.monotonic()
                exit_code, printed = self._run_once(number)
                seconds = round(time.monotonic() - start, 1)
            output = self._keep(number, printed) if exit_code else ""
            run = Run(number, made_of, not exit_code, busy, seconds, output)
            self.tally.add(run)
            yield run

    def _keep(self, number: str, printed: str) -> str:
        """Write what a failed run has printed to a file of its own."""
        path = self.tally.path.parent / f"{number}-{time.strftime('%m%d-%H%M%S')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(printed)
        return str(path)


def lab_run(number: str) -> tuple[int, str]:
    """`./lab run NUMBER --strict`; Ctrl-C lets it clean up, and counts for no run."""
    with subprocess.Popen(
        [str(ROOT / "lab"), "run", number, "--strict"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,  # so that Ctrl-C reaches it once, from us
    ) as process:
        try:
            printed, _ = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate()
            return 1, f"{printed}\nended after {LONGEST_S} s\n"
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
    return process.returncode, printed


@contextmanager
def busy_processors() -> Iterator[None]:
    """Keep the processors busy until the block ends."""
    counting: list[subprocess.Popen] = []
    try:
        for _ in range(BUSY_PROCESSES):
            command = [sys.executable, "-c", COUNT, str(os.getpid())]
            counting.append(subprocess.Popen(command, process_group=0))  # Ctrl-C is for us
        yield
    finally:
        for process in counting:
            process.kill()
            process.wait()


def show(tally: Tally, lessons: dict[str, str]) -> bool:
    """Print the table; return whether all runs were as promised.  lessons: {number: made of}."""
    found = {number: tally.runs(number, made_of) for number, made_of in lessons.items()}
    rows = [
        (
            number,
            f"{sum(run.kept for run in runs)} of {len(runs)}",
            sum(run.busy for run in runs),
            f"{median(run.seconds for run in runs):.1f} s",
        )
        for number, runs in found.items()
        if runs
    ]
    table("lesson", "as promised", "of these busy", "median", rows=rows)
    failed = [run for runs in found.values() for run in runs if not run.kept]
    for run in failed:
        print(f"{run.lesson} failed{', busy' * run.busy} after {run.seconds} s: {run.output}")
    return not failed


def chosen(numbers: Sequence[str], part: str) -> list[Lesson]:
    """The lessons that are named; else those of a part; else all that promise something."""
    if numbers:
        return [lesson_of_number(number) for number in numbers]
    all_lessons = [lesson_of_number(number) for number in scripts() if number != PLAYGROUND]
    found = [one for one in all_lessons if one.text.promise and one.number.startswith(part)]
    if not found:
        raise LabError(f"no lesson has a number that begins with {part!r}", "./lab lessons")
    return found


@click.command()
@click.argument("numbers", nargs=-1, metavar="[NN]...")
@click.option("--part", default="", help="The lessons whose numbers begin so: 3, or 30.")
@click.option(
    "--times", default=10, type=COUNTED, show_default=True, help="So many runs of each lesson."
)
@click.option(
    "--busy",
    default=3,
    type=COUNTED,
    show_default=True,
    help="So many of them with busy processors.",
)
@click.option("--tally", "path", default=TALLY, type=click.Path(path_type=Path), help="The file.")
@click.option("--anew", is_flag=True, help="Forget the runs of these lessons so far.")
def main(
    numbers: tuple[str, ...], part: str, times: int, busy: int, path: Path, *, anew: bool
) -> None:
    """Run lessons many times in a row, and say how often each came out as promised."""
    clean_up_on_signals()
    tally = Tally(path)
    tally.require_writable()
    lessons = {one.number: made_of(one) for one in chosen(numbers, part)}
    if anew:
        tally.forget(list(lessons))
    plan = {
        number: missing(tally.runs(number, what), times, min(busy, times))
        for number, what in lessons.items()
    }
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=sum(map(len, plan.values())), visible=any(plan.values()))
        repeater = Repeater(tally, lab_run, busy_processors)
        try:
            for number, planned in plan.items():
                progress.update(bar, description=f"lesson {number}")
                for _run in repeater.repeat(number, lessons[number], planned):
                    progress.advance(bar)
        except KeyboardInterrupt:
            progress.stop()
            show(tally, lessons)
            click.echo("ended by Ctrl-C; the same command goes on from here", err=True)
            sys.exit(130)
    sys.exit(0 if show(tally, lessons) else 1)


if __name__ == "__main__":
    with told():
        main(standalone_mode=False)
