"""What chapters and pages take from the lessons: `cog` puts it between its markers.

lesson_page.py says what a lesson's page takes, lesson_list.py what a chapter does.
"""

import ast
import html
import os
import re
from pathlib import Path
from shlex import quote

from lab_home import ROOT
from labkit.course.lesson_files import functions, parse, read
from labkit.course.lessons import Lesson
from labkit.course.markdown import fenced
from labkit.course.regions import without_marks
from labkit.errors import LabError

COG_MARK = "[[[cog"
COG_OPTIONS = ("-U", "-n", "utf-8", "--verbosity=1")
OUTDATED = 5  # cog's own exit code for that
PAGES = ("*.md", "docs/*.md", "examples/*.md", "examples/*/*.md")


def pages(root: Path = ROOT) -> list[Path]:
    """The pages that take something from the lessons; LabError for one that is not UTF-8."""
    files = [path for pattern in PAGES for path in sorted(root.glob(pattern))]
    return [path for path in files if COG_MARK in read(path, root)]


def cog_pages(*options: str, root: Path = ROOT) -> int:
    """Let cog fill in the pages ("-r") or compare them ("--check", "--diff").

    Returns OUTDATED where a page differs, else 0.  Raises LabError, which names the page, where
    something that it shows cannot be found.
    """
    try:
        from cogapp.cogapp import Cog, CogCheckFailed, CogError  # type: ignore[import-untyped]
    except ImportError:  # learners do not have it
        raise LabError(
            "cog, which fills in the pages, is not installed; ./lab test installs it",
            "./lab test --fast",
        ) from None
    exit_code = 0
    for page in pages(root):
        try:
            Cog().callable_main(["cog", *COG_OPTIONS, *options, str(page)])
        except CogCheckFailed:
            exit_code = OUTDATED
        except (CogError, SyntaxError) as error:
            _raise_as_sentence(error, page.relative_to(root).as_posix())
    return exit_code


def _raise_as_sentence(error: Exception, page: str) -> None:
    """Raise what stopped cog in a page as a sentence that names the page."""
    cause = error.__context__  # what the page's line of code raised
    if isinstance(cause, LabError):
        raise LabError(f"{page} cannot be filled in: {cause.sentence}", cause.hint) from None
    last = str(error).strip().splitlines()[-1]
    raise LabError(f"{page} cannot be filled in: {last}", f"grep -n cog {quote(page)}") from error


def run_file(lesson: Lesson) -> Path:
    """Where `./lab record` keeps a real run of this lesson."""
    return lesson.root / "examples" / "runs" / f"{lesson.number}.txt"


def recorded_run(lesson: Lesson) -> str:
    """The recorded run; until there is one, the promise."""
    file = run_file(lesson)
    text = file.read_text(encoding="utf-8") if file.is_file() else lesson.text.promise
    return fenced("text", text)


def listed_tries(text: str) -> str:
    """What stands behind "Try next.", and the list without its indent, as Markdown wants it."""
    first, _, changes = text.partition("\n")
    rest = first.partition(".")[2].strip()
    listed = re.sub(r"^ {2}", "", changes, flags=re.MULTILINE)
    return f"{rest}\n\n{listed}".strip()


def folded_tasks(lesson: Lesson) -> list[str]:
    """The tasks, a block for each file."""
    blocks = []
    for file in lesson.task_files:
        defined = functions(parse(file, lesson.root))
        nodes = [defined[use.name] for use in lesson.tasks if use.path == file]
        title = "The task" if len(nodes) == 1 else "The tasks"
        blocks.append(folded(title, file, lesson, nodes))
    return blocks


def folded(
    title: str, file: Path, lesson: Lesson, nodes: list[ast.FunctionDef | ast.AsyncFunctionDef]
) -> str:
    """Functions of one file in a <details> block, with a link from the lesson's folder."""
    lines = file.read_text(encoding="utf-8").splitlines()
    code = []
    for node in nodes:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        code.append("\n".join(lines[first - 1 : node.end_lineno]))
    return folded_code(title, file, lesson, "\n\n\n".join(code))


def folded_code(title: str, file: Path, lesson: Lesson, code: str) -> str:
    """Lines of a file in a <details> block, with a link from the lesson's folder."""
    link = Path(os.path.relpath(file, lesson.path.parent)).as_posix()
    shown = html.escape(lesson.shown(file))
    summary = f'<summary>{title}: <a href="{link}">{shown}</a></summary>'
    return f"<details>\n{summary}\n\n{fenced('python', without_marks(code))}\n\n</details>"
