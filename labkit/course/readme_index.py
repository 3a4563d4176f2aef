"""The list of lessons in README.md and its translations: `cog` puts it between its markers.

In README.ru.md it is lesson_index(language="ru"):

    <!-- [[[cog from labkit.course.readme_index import lesson_index; cog.out(lesson_index()) ]]] -->
    <!-- [[[end]]] -->
"""

import tomllib
from pathlib import Path

from lab_home import ROOT
from labkit.course.lesson_list import lessons_of_chapter
from labkit.course.lessons import LEVELS, Lesson, lesson_of_script, scripts


def lesson_index(root: Path = ROOT, language: str = "en") -> str:
    """The tables of lessons for a README in the root: number, title, time.

    By level, and by chapter where a level has several.  A number leads to the lesson's page, and
    without one to its script.  language: "en", "ru" or "zh".
    """
    blocks = []
    for level, name in LEVELS.items():
        rows = {
            number: _row(lesson_of_script(path, root), language)
            for number, path in scripts(root).items()
            if path.parent.name == level
        }
        if not rows:
            continue
        page = root / "examples" / level / "README.md"
        title = translated(level, name, language, root)
        blocks.append(f"### {_linked(title, page, root)}")
        by_chapter = {
            chapter: [rows.pop(number) for number in numbers if number in rows]
            for chapter, numbers in _chapters(page.parent).items()
        }
        if rows:  # a level of one chapter, or lessons that no chapter holds yet
            blocks.append(_table(list(rows.values()), language, root))
        for chapter, in_it in by_chapter.items():
            title = translated(chapter.stem, _heading(chapter), language, root)
            if in_it:
                blocks.append(f"#### {_linked(title, chapter, root)}")
                blocks.append(_table(in_it, language, root))
    return "\n\n".join(blocks) + "\n"


def _row(lesson: Lesson, language: str) -> str:
    title = translated(lesson.number, lesson.text.title, language, lesson.root)
    seconds = lesson.text.time.removeprefix("about ").removesuffix(" s")
    unit = translated("seconds", "s", language, lesson.root)
    link = lesson.shown(lesson.page or lesson.path)
    return f"| [{lesson.number}]({link}) | {title} | {seconds} {unit} |"


def _table(rows: list[str], language: str, root: Path) -> str:
    words = [translated(word, word, language, root) for word in ("lesson", "time")]
    return "\n".join([f"| | {words[0]} | {words[1]} |", "|---|---|---|", *rows])


def _linked(title: str, page: Path, root: Path) -> str:
    return f"[{title}]({page.relative_to(root).as_posix()})" if page.is_file() else title


def _chapters(folder: Path) -> dict[Path, list[str]]:
    """The numbers of the lessons in each chapter of a level, where there is more than README.md."""
    pages = sorted(folder.glob("[0-9]-*.md"))
    return {page: lessons_of_chapter(page, folder.parents[1]) for page in pages}


def _heading(page: Path) -> str:
    """The first line of a chapter, without its mark."""
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def read_titles(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Every entry of examples/titles.toml: {"01": {"en": ..., "ru": ..., "zh": ...}}."""
    file = root / "examples" / "titles.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def translated(key: str, english: str, language: str, root: Path = ROOT) -> str:
    """What `key` is called in a language: "en", "ru", "zh".

    The English text where nobody has translated it yet: then a reader still finds the lesson.
    """
    return read_titles(root).get(key, {}).get(language, english) if language != "en" else english
