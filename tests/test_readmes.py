"""README.md and its translations: what they tell you to type and to open exists."""

from labkit.readme_index import lesson_index
from tests.small_lab import SmallLab, write


def test_the_index_links_every_lesson_by_level(small_lab: SmallLab):
    small_lab.lesson()
    small_lab.lesson(number="35", level="realworld", title="Letters: send one")
    write(small_lab.root / "examples/basic/README.md", "")
    assert lesson_index(small_lab.root) == (
        "### [Basic](examples/basic/README.md)\n\n| | lesson | time |\n|---|---|---|\n"
        "| [01](examples/basic/01_sums.py) | Sums: add two numbers | 1 s |\n\n"
        "### Real world\n\n| | lesson | time |\n|---|---|---|\n"
        "| [35](examples/realworld/35_sums.py) | Letters: send one | 1 s |\n"
    )
