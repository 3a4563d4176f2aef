"""Which tasks a lesson uses and which files hold their work, read from the source alone.

Nothing is imported or run, so that the list of lessons is quick and works without a broker.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from labkit.errors import LabError
from labkit.stack.code import mend_hint

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class TaskUse:
    """One task that a lesson imports: its name and the file that defines it."""

    name: str
    path: Path


def parse(path: Path, root: Path) -> ast.Module:
    """The syntax tree of a file; LabError where it is missing or not Python."""
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or error
        place = f"{_shown(path, root)} line {line}"
        raise LabError(f"{place} is not Python: {reason}", mend_hint(f"{place}: ")) from None
    except OSError as error:
        raise _cannot_be_read(path, root, error) from None


def read(path: Path, root: Path) -> str:
    """The text of a file; LabError where it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        shown, line = _shown(path, root), error.object.count(b"\n", 0, error.start) + 1
        hint = f"sed -n {line}p {quote(str(shown))}; git diff {quote(str(shown))}"
        raise LabError(f"{shown} line {line} is not UTF-8", hint) from None
    except OSError as error:
        raise _cannot_be_read(path, root, error) from None


def _cannot_be_read(path: Path, root: Path, error: OSError) -> LabError:
    shown = _shown(path, root)
    hint = f"ls -l {quote(str(shown))}; ./lab restore {quote(str(shown))}"
    return LabError(f"{shown} cannot be read: {error.strerror}", hint)


def _shown(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def module_path(module: str, root: Path) -> Path | None:
    """The file of a module of the lab: "tasks.basic_tasks" -> tasks/basic_tasks.py, or None."""
    base = root.joinpath(*module.split("."))
    return next(
        (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None
    )


def imports(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """(module, name, local name) of every absolute import; name is "" for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, "", alias.asname or alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node.module, alias.name, alias.asname or alias.name


def task_uses(script: ast.AST, root: Path) -> list[TaskUse]:
    """The tasks that a script imports, in order, each with the file that defines it."""
    found = []
    for module, name, local in imports(script):
        if module.partition(".")[0] != "tasks":
            continue
        if name and not module_path(f"{module}.{name}", root):
            found.append(_defined_in(module, name, root))
        else:  # a whole module: what the script uses of it
            whole = f"{module}.{name}" if name else module
            found += [_defined_in(whole, used, root) for used in _attributes(script, local)]
    return list(dict.fromkeys(use for use in found if use))


def _attributes(tree: ast.AST, local: str) -> Iterator[str]:
    """The names that a script takes from a module: "add" for `basic_tasks.add`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == local:
            yield node.attr


def _defined_in(module: str, name: str, root: Path) -> TaskUse | None:
    """Follow a name through the packages that offer it, to the file whose function it is."""
    path = module_path(module, root)
    if path is None:
        return None
    tree = parse(path, root)
    if name in functions(tree):
        return TaskUse(name, path)
    for origin, original, local in imports(tree):
        if local == name and original and origin != module:
            return _defined_in(origin, original, root)
    return None


def functions(tree: ast.Module) -> dict[str, Function]:
    """The functions of a module, by name."""
    return {node.name: node for node in tree.body if isinstance(node, Function)}


def work_files(uses: list[TaskUse], root: Path) -> list[Path]:
    """The files of work/ that these tasks use, also through other functions of their module."""
    found: list[Path] = []
    for use in uses:
        tree = parse(use.path, root)
        names = _names_used(use.name, functions(tree))
        for module, name, local in imports(tree):
            if module.partition(".")[0] == "work" and local.partition(".")[0] in names:
                path = module_path(f"{module}.{name}", root) if name else None
                found.append(path or module_path(module, root) or root / "work")
    return list(dict.fromkeys(found))


def _names_used(start: str, defined: dict[str, Function]) -> set[str]:
    """Every name in a function, and in the functions of the module that it uses."""
    names: set[str] = set()
    waiting = [start]
    while waiting:
        for node in ast.walk(defined[waiting.pop()]):
            if isinstance(node, ast.Name) and node.id not in names:
                names.add(node.id)
                if node.id in defined:
                    waiting.append(node.id)
    return names
