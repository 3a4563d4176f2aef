"""Every link of every Markdown page leads to a file and a heading that are there."""

import re
from pathlib import Path

import pytest

from lab_home import ROOT
from labkit.course.markdown import Link, anchors, headings, links, slug
from tests.test_house import our_files

# A template, whose links are those of the page that is made of it.
WRITTEN_ELSEWHERE = {"labkit/matrix/page.md": "docs/guarantees.md"}

FILES = set(our_files())
PAGES = sorted(path for path in FILES if path.suffix == ".md")
NUMBER = re.compile(r"(?<!\d)\d\d(?!\d)")
LESSON = re.compile(r"(?:^|/)(\d\d)_\w+\.(?:py|md)$|#(\d\d)-")


def broken_links(page: Path, text: str, files: set[Path]) -> list[str]:
    """What is wrong with each link of a page: its file, its anchor, or the number that it says."""
    return [f"{link.target}: {why}" for link in links(text) if (why := _wrong(link, page, files))]


def _wrong(link: Link, page: Path, files: set[Path]) -> str:
    if re.match(r"[a-z]+:", link.target):
        return ""  # another place: nothing is fetched in a test
    name, _, anchor = link.target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if file not in files and not any(file in one.parents for one in files):
        return "no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
        return "no such heading"
    found = LESSON.search(link.target)
    said = set(NUMBER.findall(link.text))
    if found and said and not said & {found[1], found[2]}:
        return f"is called {link.text!r}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_what_it_says(page):
    place = WRITTEN_ELSEWHERE.get(page.relative_to(ROOT).as_posix())
    text = page.read_text(encoding="utf-8")
    assert broken_links(ROOT / place if place else page, text, FILES) == []


def test_there_are_links_to_check():
    assert sum(len(links(page.read_text(encoding="utf-8"))) for page in PAGES) > 300


@pytest.fixture
def page(tmp_path):
    """A page that lies beside a lesson, its page, and a chapter; their texts are checked for."""
    (tmp_path / "99_a.py").write_text("")
    (tmp_path / "99_a.md").write_text(
        "# 99 A: one\n\n```sh\n# 98 no heading\n```\n\n## Why\n\n## Why\n"
    )
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    "link",
    [
        "[99](99_a.py)",
        "[lesson 99](99_a.md#99-a-one)",
        "[the code](99_a.py)",
        "[twice](99_a.md#why-1)",
        "[elsewhere](https://example.org/x#y)",
        "[a folder](.)",
        "`[no](link)`",
        "```text\n[no](link)\n```",
        "<!-- [no](link) -->",
    ],
)
def test_a_link_that_leads_somewhere_is_right(page, link):
    assert broken_links(page, link, {page, *page.parent.iterdir()}) == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("[99](99_b.py)", "99_b.py: no such file"),
        ("![](pictures/a.svg)", "pictures/a.svg: no such file"),
        ('<a href="b.py">b</a>', "b.py: no such file"),
        ("[![p](99_a.py)](b.md)", "b.md: no such file"),
        ("[a]: b.md", "b.md: no such file"),
        ("[a](99_a.md#98-no-heading)", "99_a.md#98-no-heading: no such heading"),
        ("[a](99_a.md#why-2)", "99_a.md#why-2: no such heading"),
        ("[No 98](99_a.py)", "99_a.py: is called 'No 98'"),
        ("[98 B](99_a.md#99-a-one)", "99_a.md#99-a-one: is called '98 B'"),
    ],
)
def test_a_link_that_leads_nowhere_or_says_another_number_is_found(page, link, why):
    assert broken_links(page, link, {page, *page.parent.iterdir()}) == [why]


def test_a_file_that_is_not_under_git_is_none_of_the_readers(page):
    assert broken_links(page, "[99](99_a.py)", {page}) == ["99_a.py: no such file"]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("1 Workflows", "1-workflows"),
        ("What is *this*, and `that_one`?", "what-is-this-and-that_one"),
        ("A - B", "a---b"),
        ("Очередь: что это", "очередь-что-это"),
        ("第 1 课", "第-1-课"),
    ],
)
def test_an_anchor_is_what_github_makes_of_a_heading(heading, anchor):
    assert slug(heading) == anchor
    assert anchors(f"## {heading} ##\n") == {anchor}


def test_a_heading_in_a_block_of_code_is_none():
    text = "# A\n\n````text\n```\n# B\n```\n# C\n````\n\n### D\n"
    assert headings(text) == [(1, "A"), (3, "D")]
