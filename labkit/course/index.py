"""What `./lab` and `./lab lessons` print."""

from pathlib import Path
from textwrap import wrap

from lab_home import ROOT
from labkit.course.lessons import LEVELS, lesson_of_script, scripts
from labkit.errors import LabError

WIDTH = 80  # columns of a terminal that nobody has made wider
TIME_WIDTH = 6  # of "120 s"

FIRST_STEPS = """\
A real Celery system, and numbered lessons that run on it.

  ./lab up         start it: broker, worker, Beat, Flower.  Leave it running.
  ./lab run 01     in a second terminal: the first lesson
  ./lab lessons    what else there is to run

  ./lab --help     every command"""


def index(root: Path = ROOT) -> str:
    """The lessons by level, each with its number, title and running time, in WIDTH columns."""
    known = scripts(root)
    blocks = [_block(title, known, root / "examples" / level) for level, title in LEVELS.items()]
    blocks.append(_block("A level in one script, and your own place", known, root / "examples"))
    if not any(blocks):
        raise LabError("there are no lessons in examples/", "./lab restore")
    blocks.append(_footer(known, root))
    return "\n\n".join(block for block in blocks if block)


def _footer(known: dict[str, Path], root: Path) -> str:
    """How to go on, with a page to read as an example, where a lesson has one."""
    lines = ["./lab run 01 runs a lesson; ./lab tour basic runs a level."]
    pages = (path.with_suffix(".md") for number, path in known.items() if number.isdecimal())
    if page := next((page for page in pages if page.is_file()), None):
        shown = page.relative_to(root).as_posix()
        lines.append(f"A lesson's page lies beside its script: {shown}")
    return "\n".join(lines)


def _block(heading: str, known: dict[str, Path], folder: Path) -> str:
    """A heading and the scripts in one folder; "" where there are none."""
    here = {number: path for number, path in known.items() if path.parent == folder}
    label_width = max(map(len, here), default=0)
    rows = [_row(number.ljust(label_width), path) for number, path in here.items()]
    return "\n".join([heading, *rows]) if rows else ""


def _row(label: str, path: Path) -> str:
    """Number, title and time; a long title goes on in the next line."""
    title, time = _title_and_time(path)
    indent = f"  {label}  "
    room = WIDTH - len(indent) - TIME_WIDTH
    first, *others = wrap(title, room - 2) or [""]
    lines = [f"{indent}{first:<{room}}{time:>{TIME_WIDTH}}".rstrip()]
    return "\n".join([*lines, *(" " * len(indent) + line for line in others)])


def _title_and_time(path: Path) -> tuple[str, str]:
    """Title and running time; for a file that is broken just now, what is wrong with it."""
    try:
        text = lesson_of_script(path).text
    except LabError as error:
        return str(error).partition("\n")[0], ""
    return text.title, text.time.removeprefix("about ")
