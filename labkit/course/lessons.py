"""The catalogue of lessons: which there are, what each says of itself, which files it uses."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import fill

from lab_home import LAB_HOME, ROOT
from labkit.course.lesson_files import TaskUse, parse, task_uses, work_files
from labkit.course.lesson_text import LessonText, lesson_text
from labkit.course.renumbered import refuse_old_number
from labkit.errors import LabError
from labkit.processes.running_lab import read_state

LEVELS = {"basic": "Basic", "advanced": "Advanced", "realworld": "Real world"}
PLAYGROUND = "playground"
WIDTH = 100  # columns of what is printed around a run
_NUMBERED = re.compile(r"(\d\d)_\w+")


@dataclass(frozen=True)
class Lesson:
    """One script that `./lab run` knows.

    number: "01", or the name of a script without a number: "basic_usage", "playground".
    level: "basic", "advanced", "realworld"; "" for a script that belongs to none.
    text: the parts of its docstring.
    queues, extras: what its call of run_lesson asks for.
    """

    path: Path
    number: str
    level: str
    text: LessonText
    queues: tuple[str, ...]
    extras: tuple[str, ...]
    tree: ast.Module
    root: Path

    @cached_property
    def tasks(self) -> list[TaskUse]:
        """The tasks that it imports, each with its file."""
        return task_uses(self.tree, self.root)

    @cached_property
    def task_files(self) -> list[Path]:
        """The files that define its tasks."""
        return list(dict.fromkeys(use.path for use in self.tasks))

    @cached_property
    def work_files(self) -> list[Path]:
        """The files of work/ that its tasks use."""
        return work_files(self.tasks, self.root)

    def shown(self, path: Path) -> str:
        """A path as a person types it in the lab's folder."""
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )

    @property
    def page(self) -> Path | None:
        """Its page, which lies beside it: examples/advanced/31_worker_lost.md; None without one."""
        page = self.path.with_suffix(".md")
        return page if self.number.isdecimal() and page.is_file() else None

    def header(self) -> str:
        """Number, title, and the files to read, one a line: the lesson, its page, its tasks."""
        lines = [f"{self.number} {self.text.title}".strip()]
        lines.append(f"   lesson: {self.shown(self.path)}")
        if self.page:
            lines.append(f"   page: {self.shown(self.page)}")
        for file in self.task_files:
            names = ", ".join(use.name for use in self.tasks if use.path == file)
            task = f"   task: {self.shown(file)} ({names})"
            lines.append(fill(task, WIDTH, subsequent_indent=" " * 9, break_on_hyphens=False))
        lines += [f"   work: {self.shown(file)}" for file in self.work_files]
        return "\n".join(lines)

    def footer(self, sent: Sequence[tuple[str, str]]) -> str:
        """Where Flower shows the last task on the shared queues; "" where it shows none.

        sent: (task id, queue) of every message, in order.
        """
        shared = [task_id for task_id, queue in sent if queue in self.queues]
        flower = (read_state(LAB_HOME) or {}).get("flower")
        return f"look: {flower}/task/{shared[-1]}" if shared and flower else ""


def lesson_of_script(script: str | Path, root: Path = ROOT) -> Lesson:
    """Read one script, in examples/ or anywhere else; LabError where it is not Python."""
    path = Path(script).resolve()
    tree = parse(path, root)
    numbered = _NUMBERED.fullmatch(path.stem)
    level = path.parent.name if numbered else path.stem.removesuffix("_usage")
    return Lesson(
        path=path,
        number=numbered[1] if numbered else path.stem,
        level=level if level in LEVELS else "",
        text=lesson_text(ast.get_docstring(tree) or ""),
        queues=_names_in_call(tree, "queues"),
        extras=_names_in_call(tree, "extras"),
        tree=tree,
        root=root,
    )


def _names_in_call(tree: ast.Module, keyword: str) -> tuple[str, ...]:
    """The list of names that the script's call of run_lesson writes out after `keyword=`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("run_lesson"):
            for given in node.keywords:
                if given.arg == keyword:
                    return tuple(ast.literal_eval(given.value))
    return ()


def scripts(root: Path = ROOT) -> dict[str, Path]:
    """Every script that `./lab run` knows, by number or name, in the order of the course."""
    found: dict[str, Path] = {}
    for level in LEVELS:
        for path in sorted((root / "examples" / level).glob("[0-9][0-9]_*.py")):
            found[path.name[:2]] = path
        if (usage := root / "examples" / f"{level}_usage.py").is_file():
            found[usage.stem] = usage
    if (playground := root / "examples" / f"{PLAYGROUND}.py").is_file():
        found[PLAYGROUND] = playground
    return found


def lesson_of_number(number: str, root: Path = ROOT) -> Lesson:
    """The lesson "01" or "1", or the script "basic_usage"; LabError where there is none.

    Its file or its page will do, too: "01_first_task", "examples/basic/01_first_task.py".
    """
    known = scripts(root)
    by_file = {path.stem: name for name, path in known.items()}
    file = Path(number).name.removesuffix(".py").removesuffix(".md")
    number = by_file.get(file, number)
    is_number = re.fullmatch(r"[0-9]+", number) is not None
    name = _two_digits(number) if is_number else number
    if name in known:
        return lesson_of_script(known[name], root)
    refuse_old_number(name if is_number else file)
    if is_number:
        raise LabError(f"there is no lesson {number}", "./lab lessons")
    if (begins := re.match(r"[0-9]+", file)) and (meant := _two_digits(begins[0])) in known:
        is_called = f"lesson {meant} is {known[meant].stem}"
        raise LabError(f"there is no lesson {file!r}; {is_called}", f"./lab run {meant}")
    raise LabError(
        f"a lesson is a number such as 01, or a name that ./lab lessons lists, got {number!r}",
        "./lab lessons",
        exit_code=2,
    )


def _two_digits(number: str) -> str:
    """A number as files have it: "1" and "001" -> "01"."""
    return (number.lstrip("0") or "0").zfill(2)
