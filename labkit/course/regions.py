"""Parts of a file between two comments, which editors fold:

    # region acks
    ...
    # endregion

Behind a mark may be a note, `# region acks  # as in lesson 30`, and behind the second one the name.
"""

import re
from textwrap import dedent

_NOTE = r"\s*(?:#.*)?"
_BEGIN = re.compile(r"\s*# region ([^\s#]\S*)" + _NOTE)
_END = re.compile(r"\s*# endregion(?: ([^\s#]\S*))?" + _NOTE)


def lines_of_region(text: str, name: str) -> str:
    """The lines between the marks, without marks of other regions among them.

    Raises ValueError, as the end of a sentence about the file, where it has not this region once,
    or where a mark of any region has no other.
    """
    found: list[str] = []
    opened: list[tuple[str, int]] = []  # the regions around the line, and where each begins
    begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        if begin := _BEGIN.fullmatch(line):
            if begun and begin[1] == name:
                raise ValueError(f"line {number} begins region {name!r} once more")
            begun = begun or begin[1] == name
            opened.append((begin[1], number))
        elif end := _END.fullmatch(line):
            if not opened:
                raise ValueError(f"line {number} ends a region that never began")
            inner, _ = opened.pop()
            if end[1] not in {None, inner}:
                raise ValueError(f"line {number} ends region {end[1]!r} inside region {inner!r}")
        elif name in dict(opened):
            found.append(line)
    if opened:
        other, number = opened[-1]
        raise ValueError(f"line {number} begins region {other!r}, which never ends")
    if not begun:
        raise ValueError(f"has no region {name!r}")
    return dedent("\n".join(found)).strip("\n")


def without_marks(code: str) -> str:
    """The same lines without the marks of regions, for a reader who sees all of it.

    >>> without_marks("# region sum\\nadd(1, 2)\\n# endregion\\n")
    'add(1, 2)\\n'
    """
    lines = code.splitlines(keepends=True)
    marks = (_BEGIN, _END)
    return "".join(line for line in lines if not any(m.fullmatch(line.rstrip()) for m in marks))
