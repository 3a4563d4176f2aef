"""What the page of a lesson takes from its script, its tasks and its recorded run.

The page lies beside the script: examples/advanced/31_worker_lost.md.  Its first line says whose
page it is, and each of the others takes one part; what stands between them is written by hand:

    <!-- [[[cog from labkit.course.lesson_page import *; page = page_of(cog.inFile); ... ]]] -->
    <!-- [[[end]]] -->
    <!-- [[[cog cog.out(page.run_it()) ]]] -->
    <!-- [[[end]]] -->
"""

import ast
import re
from pathlib import Path

from lab_home import ROOT
from labkit.course.chapters import (
    folded,
    folded_code,
    folded_tasks,
    listed_tries,
    recorded_run,
)
from labkit.course.lesson_files import functions
from labkit.course.lesson_list import link_to
from labkit.course.lessons import Lesson, lesson_of_script
from labkit.course.markdown import fenced
from labkit.course.signpost import neighbours
from labkit.course.snippets import own_code
from labkit.errors import LabError, in_shell

MAX_SCRIPT = 80  # lines after the imports that are shown as a whole; of a longer script main()

SHARED = "It runs on the lab's own workers, and Flower shows it."
OWN_WORKERS = "It has workers of its own on the lab's broker, and Flower shows them."
OWN_BROKER = "It has a broker of its own, so Flower does not show it."
NOT_IN_FLOWER = "only the shared broker"  # what "Watch:" says that Flower knows
SKIP = (
    "You may skip this: it is how the lesson brings about what you have seen, and nothing that you "
    "would copy."
)


def page_of(file: str, root: Path = ROOT) -> "LessonPage":
    """The parts of the page in this file; LabError where no lesson lies beside it."""
    page = Path(file).resolve()
    script = page.with_suffix(".py")
    if not script.is_file():
        shown = page.relative_to(root).as_posix() if page.is_relative_to(root) else str(page)
        raise LabError(
            f"{shown} lies beside no lesson: a page has the name of its script",
            f"ls {in_shell(page.parent)}/*.py",
        )
    return LessonPage(lesson_of_script(script, root))


class LessonPage:
    """The parts of one page, each as Markdown that ends with a line end."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson

    def head(self, where: str = "") -> str:
        """Its title, and a line with time, where it runs, and the lessons before and after it.

        where: the sentence on where it runs, for a lesson whose source does not tell.
        """
        text = self.lesson.text
        words = [f"{text.time[:1].upper()}{text.time[1:]}.", where or self._where()]
        words += [f"{word}: {link}." for word, link in self._ways()]
        return f"# {self.lesson.number} {text.title}\n\n*{' '.join(words)}*\n"

    def _where(self) -> str:
        if self.lesson.queues:
            return SHARED
        watch = " ".join(self.lesson.text.watch.split())
        return OWN_BROKER if NOT_IN_FLOWER in watch else OWN_WORKERS

    def _ways(self) -> list[tuple[str, str]]:
        """("Before", link) and ("Next", link), where there is such a lesson."""
        found = []
        for word, other in zip(("Before", "Next"), neighbours(self.lesson), strict=True):
            if other:
                number = other.number if other.number.isdecimal() else ""
                title = f"{number} {other.text.title.partition(':')[0]}".strip()
                link = link_to(other, self.lesson.path.parent)
                found.append((word, f"[{title or other.number}]({link})"))
        return found

    def own_code(self, file: str, *names: str, region: str = "", body: bool = True) -> str:
        """Lines to copy; see labkit.course.snippets."""
        return own_code(file, *names, region=region, body=body, root=self.lesson.root)

    def run_it(self) -> str:
        """The command, and what to watch meanwhile."""
        text = self.lesson.text
        watch = f"\n**Watch:** {text.watch}\n" if text.watch else ""
        return fenced("sh", f"{text.command}        # {text.time}") + f"\n{watch}"

    def recorded_run(self) -> str:
        """The recorded run, and what the docstring says of its numbers."""
        parts = [recorded_run(self.lesson), self.lesson.text.remarks]
        return "\n\n".join(part for part in parts if part) + "\n"

    def try_next(self) -> str:
        """The tries, and the constants of the script that they name."""
        tries = self.lesson.text.try_next
        parts = [listed_tries(tries)]
        if constants := self._constants(set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", tries))):
            name = self.lesson.path.name
            parts += [f"In [{name}]({name}):", fenced("python", constants)]
        return "\n\n".join(parts) + "\n"

    def _constants(self, names: set[str]) -> str:
        """The lines of the script's assignments to these names, in the order of the script."""
        lines, found = self._lines(), []
        for node in self.lesson.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                inside = [one for target in targets for one in ast.walk(target)]
                if names & {one.id for one in inside if isinstance(one, ast.Name)}:
                    found += lines[node.lineno - 1 : node.end_lineno]
        return "\n".join(found)

    def staged(self) -> str:
        """The script after its imports, and its tasks, folded up."""
        lesson, main = self.lesson, functions(self.lesson.tree).get("main")
        body = self._after_imports()
        if len(body.splitlines()) <= MAX_SCRIPT or not main:
            script = folded_code("The script, after its imports", lesson.path, lesson, body)
        else:
            script = folded("main()", lesson.path, lesson, [main])
        return "\n\n".join([SKIP, script, *folded_tasks(lesson)]) + "\n"

    def _after_imports(self) -> str:
        """The source from the line after the last of the imports at its top."""
        last = 0
        for node in self.lesson.tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not docstring and not isinstance(node, ast.Import | ast.ImportFrom):
                break
            last = node.end_lineno or node.lineno
        return "\n".join(self._lines()[last:]).strip("\n")

    def _lines(self) -> list[str]:
        return self.lesson.path.read_text(encoding="utf-8").splitlines()

    def foot(self) -> str:
        """The lessons before and after it."""
        return " · ".join(f"{word}: {link}" for word, link in self._ways()) + "\n"
