"""What is in a Markdown page, as GitHub reads it: headings with their anchors, and links."""

import re
from collections import Counter
from dataclasses import dataclass

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*")
_LINK = re.compile(r"\[([^\[\]]*)\]\(\s*<?([^)\s>]+)")
_OTHER_LINKS = re.compile(
    r'\]\(\s*<?([^)\s>]+)|\b(?:href|src)="([^"]+)"|^ {0,3}\[[^\]]+\]:[ \t]+(\S+)', re.MULTILINE
)


@dataclass(frozen=True)
class Link:
    """One link: what is shown ("" for one that HTML makes), and where it leads."""

    text: str
    target: str


def fenced(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading.

    >>> slug("30 Acknowledgement: kill a worker, `kill -9`")
    '30-acknowledgement-kill-a-worker-kill--9'
    >>> slug("See [the *task*](a.py): `acks_late`")
    'see-the-task-acks_late'
    """
    shown = re.sub(r"!?\[([^\[\]]*)\]\([^)]*\)", r"\1", heading)
    shown = re.sub(r"(?<![\w`])_([^_`]+)_(?![\w`])", r"\1", shown)
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


def headings(text: str) -> list[tuple[int, str]]:
    """(level, text) of each heading; a line of code is none, whatever it begins with."""
    found = map(_HEADING.fullmatch, without_blocks(text).splitlines())
    return [(len(one[1]), one[2]) for one in found if one]


def anchors(text: str) -> set[str]:
    """Every anchor: of each heading, numbered where several read the same, and of HTML."""
    slugs = [slug(heading) for _, heading in headings(text)]
    seen: Counter[str] = Counter()
    found = set(re.findall(r'<\w+ [^>]*\b(?:id|name)="([^"]+)"', without_blocks(text)))
    for one in slugs:
        found.add(f"{one}-{seen[one]}" if seen[one] else one)
        seen[one] += 1
    return found


def links(text: str) -> list[Link]:
    """Every link and picture of a page, without those that stand in code or in a comment.

    >>> links("[a `b`](c.md#d) and `[no](link)` ![p](q.svg)")
    [Link(text='a `b`', target='c.md#d'), Link(text='p', target='q.svg')]
    """
    plain = _CODE.sub(lambda code: re.sub(r"[\[\]()<>=]", " ", code[0]), without_blocks(text))
    found = [Link(shown, target) for shown, target in _LINK.findall(plain)]
    known = {link.target for link in found}
    others = ["".join(groups) for groups in _OTHER_LINKS.findall(plain)]
    return found + [Link("", target) for target in others if target not in known]


def without_blocks(text: str) -> str:
    """The text with as many lines, but those of code and of comments are empty."""
    text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    lines, fence = [], ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            closes = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
            line = ""  # noqa: PLW2901
        elif mark:
            fence = mark[1]
            line = ""  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"
