"""The titles of the lessons in other languages, for README.ru.md and README.zh-CN.md.

examples/titles.toml holds them, by the number of the lesson:

    [01]
    en = "First task: hand a sum to another process, and collect the answer"
    ru = "..."
    zh = "..."

`en` is what was translated: tests/test_readmes.py names each lesson whose title is another one by
now, or that has no entry.
"""

import tomllib
from pathlib import Path

from lab_home import ROOT

LANGUAGES = ("ru", "zh")


def read_titles(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Every entry of examples/titles.toml: {"01": {"en": ..., "ru": ..., "zh": ...}}."""
    file = root / "examples" / "titles.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def translated(key: str, english: str, language: str, root: Path = ROOT) -> str:
    """What `key` is called in a language: "en", "ru", "zh".

    The English text where nobody has translated it yet: then a reader still finds the lesson.
    """
    return read_titles(root).get(key, {}).get(language, english) if language != "en" else english
