"""`./lab record NN`: keep a real run of a lesson for the chapters."""

import os
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import click

from lab_home import LAB_HOME, ROOT
from labkit.course.chapters import cog_pages, run_file
from labkit.course.lessons import lesson_of_number
from labkit.course.runner import Stack, default_stack, run_and_judge
from labkit.course.time_lines import draw, facts_for, plan_file
from labkit.errors import LabError
from labkit.long_lines import COLUMNS, cut_marked
from labkit.processes.start import FACTS_FILE


def record(number: str, *, stack: Stack | None = None, root: Path = ROOT) -> None:
    """Run a lesson, write examples/runs/NN.txt, draw its picture, and fill in the pages again.

    Raises LabError, and keeps nothing, unless the run is as promised to the letter, and before the
    run where a page cannot be filled in.  Changed files are no obstacle: whoever writes a lesson
    records it before the commit.
    """
    lesson = lesson_of_number(number, root)
    with redirect_stdout(StringIO()):  # which pages are outdated is no matter
        cog_pages("--check", root=root)  # before the run: one that cannot be kept is for nothing
    with (
        TemporaryDirectory() as folder,
        (stack or default_stack())(lesson.queues, lesson.extras) as environment,
    ):
        facts = Path(folder) / "facts.json"
        asked = {**environment, FACTS_FILE: str(facts)}
        run, outcome = run_and_judge(lesson, asked, strict=True)
        facts_text = facts.read_text(encoding="utf-8") if facts.is_file() else ""
    if run.signal:
        raise KeyboardInterrupt
    if not outcome.kept:
        raise LabError("nothing was recorded", f"./lab run {lesson.number}")
    file = run_file(lesson)
    file.parent.mkdir(parents=True, exist_ok=True)
    if plan_file(lesson).is_file():
        if not facts_text:
            plan = lesson.shown(plan_file(lesson))
            raise LabError(
                f"{plan} wants a picture, and the run wrote no ledger", f"rm {quote(plan)}"
            )
        draw(lesson, facts_for(lesson, facts_text))
    output = cut_marked(without_machine_names(run.output, root).encode(), COLUMNS)
    file.write_bytes(f"$ ./lab run {lesson.number}\n".encode() + output)
    click.echo(f"recorded in {lesson.shown(file)}")
    if cog_pages("-r", root=root):
        raise LabError("cog could not fill in the pages", "git diff examples")


def without_machine_names(text: str, root: Path = ROOT, home: Path = LAB_HOME) -> str:
    """The text without what differs from machine to machine and helps no reader.

    Paths in the lab's folder become relative, the state folder becomes .lab (that of a temporary
    stack, too), and the name of this computer after the @ of a worker becomes `host`.
    """
    computer = re.escape(os.uname().nodename)
    text = text.replace(str(home), ".lab").replace(f"{root}/", "").replace(str(root), ".")
    text = re.sub(r"\.lab/temporary/stack-\w+", ".lab", text)
    return re.sub(rf"@{computer}\b", "@host", text)
