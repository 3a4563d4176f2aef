"""The pages in docs/: what you are to type exists, and the glossary is whole."""

import re
from pathlib import Path

import pytest

from labkit.cli import lab

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
CYRILLIC, CHINESE = re.compile("[\u0430-\u044f]"), re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_lab_exists(page):
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\./lab ([a-z]+)", text)) <= set(lab.commands)
    for script in re.findall(r"\./(\w+\.sh)", text):
        assert (ROOT / script).is_file()


def test_every_word_of_the_glossary_has_its_russian_its_chinese_and_a_sentence():
    words = [row.strip("|").split("|") for row in GLOSSARY.splitlines() if row.startswith("| ")]
    words = [[cell.strip() for cell in row] for row in words if "Русский" not in row[1]]
    assert len(words) > 50
    assert len({english for english, *_ in words}) == len(words)
    for english, russian, chinese, sentence in words:
        assert CYRILLIC.search(russian) or "(" in russian, english
        assert CHINESE.search(chinese), english
        assert sentence.endswith("."), english
