"""The lines that a person would copy, taken from the files that run; nobody types them twice.

What has a name in Python is asked for by its name: a function with its decorators, a class, an
assignment, or a setting that has a line of its own.  Where a part of a function is wanted, two
comments mark it: see regions.py.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path
from shlex import quote
from textwrap import dedent

from lab_home import ROOT
from labkit.course.lesson_files import parse, read
from labkit.course.markdown import fenced
from labkit.course.regions import lines_of_region, without_marks
from labkit.errors import LabError

# More is a program to read, and no longer lines to copy.  There is no least number: one decorator
# can be all that somebody needs.
MAX_LINES = 15

LANGUAGES = {".py": "python", ".sh": "sh", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml"}
_IS_DEFINED = re.compile(r"^(?:async def|def|class) ", re.MULTILINE)
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def own_code(file: str, *names: str, region: str = "", body: bool = True, root: Path = ROOT) -> str:
    """A link to a file of the lab, and a block of its code, for a page in examples/LEVEL/.

    names: functions, classes ("Shop.send" is a method), assignments, or settings (a key of a dict
        or a keyword that begins its line; it is shown in its call), in the order that is wanted.
    region: the name of marked lines; instead of names.
    body: False shows of a function its decorators, its first line and its docstring, and `...`.
        Of a docstring only the first line is shown, with ... for the others.
    Raises LabError where the file has not each of them once, and for more than MAX_LINES lines.
    """
    if bool(names) == bool(region):
        raise _refused(f"own_code({file!r}) takes either names or a region", file)
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise _refused(f"{file} is no path from the lab's folder, such as tasks/shop.py", file)
    if region:
        what = f"region {region!r}"
        text = read(root / file, root)
        try:
            code = lines_of_region(text, region)
        except ValueError as error:
            raise _refused(f"{file} {error}", file) from None
    else:
        what = " and ".join(map(repr, names))
        code = without_marks(_joined([_named(root / file, name, body, root) for name in names]))
    count = len(code.splitlines())
    if not count:
        raise _refused(f"{what} of {file} has no lines", file)
    if count > MAX_LINES:
        raise _refused(
            f"{what} of {file} has {count} lines, and a page shows at most {MAX_LINES}: mark a "
            "region with the lines that matter, or ask for body=False",
            file,
        )
    language = LANGUAGES.get(Path(file).suffix, "text")
    return f"[{file}](../../{file}):\n\n{fenced(language, code)}\n"


def _refused(sentence: str, file: str) -> LabError:
    return LabError(sentence, f"grep -nE 'region|^ *(def|class|async def) ' {quote(file)}")


def _joined(parts: list[str]) -> str:
    """Two empty lines around functions and classes, and one elsewhere, as ruff format has it."""
    code = ""
    for before, part in pairwise(["", *parts]):
        apart = any(_IS_DEFINED.search(one) for one in (before, part))
        code += ("\n\n\n" if apart else "\n\n") * bool(before) + part
    return code


def _named(path: Path, name: str, body: bool, root: Path) -> str:
    """The lines of what has this name."""
    tree, file = parse(path, root), path.relative_to(root).as_posix()
    lines = read(path, root).splitlines()
    found = _definitions(tree.body, name) or _settings(tree, name, lines)
    if len(found) != 1:
        said = "has no" if not found else f"has {len(found)} times"
        raise _refused(f"{file} {said} {name!r}", file)
    shown = _shown(found[0], lines, body)
    return dedent("\n".join(shown))


def _definitions(statements: list[ast.stmt], name: str) -> list[ast.stmt]:
    """The functions, classes and assignments of this name; "a.b" is b inside of a."""
    outer, _, inner = name.partition(".")
    found: list[ast.stmt] = []
    for node in statements:
        if isinstance(node, Defined) and node.name == outer:
            found += _definitions(node.body, inner) if inner else [node]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [node] if name in map(ast.unparse, targets) else []
    return found


def _settings(tree: ast.AST, name: str, lines: list[str]) -> list[list[str]]:
    """The lines of each setting of this name that begins its line, with the call around them.

    The call is shown without its other settings, so that the lines are Python by themselves.
    """
    found: list[list[str]] = []
    seen: set[ast.AST] = set()  # a dict in a call comes with that
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            opening = f"{ast.unparse(node.func)}("
            found += [_inside(opening, one, ")") for one in _members(node, name, lines, seen)]
        elif isinstance(node, ast.Dict) and node not in seen:
            found += _members(node, name, lines, seen)
    return found


def _members(
    node: ast.Call | ast.Dict, name: str, lines: list[str], seen: set[ast.AST]
) -> list[list[str]]:
    """The same in one call or dict, and in the dicts that are its values."""
    seen.add(node)
    pairs: list[tuple[str | None, ast.expr | ast.keyword, ast.expr]] = []
    if isinstance(node, ast.Call):
        pairs = [(given.arg, given, given.value) for given in node.keywords]
    else:
        keys = zip(node.keys, node.values, strict=True)
        pairs = [(str(k.value), k, v) for k, v in keys if isinstance(k, ast.Constant)]
    found = []
    for key, begin, value in pairs:
        if lines[begin.lineno - 1][: begin.col_offset].strip():
            continue  # it does not begin its line
        shown = lines[begin.lineno - 1 : value.end_lineno]
        if key == name:
            found.append(dedent("\n".join(shown)).splitlines())
        elif isinstance(value, ast.Dict):
            inner = _members(value, name, lines, seen)
            found += [_inside(shown[0].strip(), one, shown[-1].strip()) for one in inner]
    return found


def _inside(opening: str, lines: list[str], closing: str) -> list[str]:
    return [opening, *(f"    {line}" for line in lines), closing]


def _shown(found: ast.stmt | list[str], lines: list[str], body: bool) -> list[str]:
    """The whole lines, with decorators; of a docstring the first one, and `...` for what is out."""
    if isinstance(found, list):
        return found
    first, last = found.lineno, found.end_lineno or found.lineno
    if not isinstance(found, Defined):
        return lines[first - 1 : last]
    first = min([first, *(decorator.lineno for decorator in found.decorator_list)])
    inside, documented = found.body, ast.get_docstring(found) is not None
    begin = inside[0].lineno  # of the docstring, or of the body where there is none
    head = lines[first - 1 : begin - 1]
    rest = inside[1:] if documented else inside
    if documented:
        head += _first_line(lines[begin - 1 : inside[0].end_lineno])
    if not rest:
        return head
    if not body:
        return [*head, " " * rest[0].col_offset + "..."]
    after = inside[0].end_lineno or begin
    return [*head, *lines[after if documented else begin - 1 : last]]


def _first_line(docstring: list[str]) -> list[str]:
    """A docstring of one line as it is; of a longer one the first line, and ... for the others."""
    return docstring if len(docstring) == 1 else [f'{docstring[0].rstrip()} ..."""']
