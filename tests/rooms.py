"""The rooms of labkit, read from its imports: which room imports which, and may it?

    python tests/rooms.py           # counts; exit code 1 where a rule is broken
    python tests/rooms.py FOLDER    # of another copy of the lab

A room is a folder of labkit or a module beside the folders.  rooms_map.py draws them.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_ROOMS = 17  # more names than that nobody keeps in mind

# Modules beside the folders that share a room; any other one is a room of its own.
SHARED = {
    **dict.fromkeys(["__main__", "cli", "cli_group"], "cli"),
    **dict.fromkeys(["__init__", "errors", "long_lines", "svg", "waiting", "words"], "ground"),
}

# Which room may import which, from the top down: what a room imports stands below it.  The ground
# is open to every room.  A name with a dot is one module.
MAY_IMPORT: dict[str, set[str]] = {
    "cli": {
        *("checks", "matrix", "side_by_side", "monitor", "doctor", "lesson", "course", "own"),
        *("stack", "install", "broker", "services", "processes"),
    },
    "checks": {"processes"},
    "matrix": {"lesson", "own", "broker", "processes"},
    "side_by_side": {"lesson", "own", "broker", "processes"},
    "monitor": {"doctor", "broker"},
    "doctor": {"stack", "broker", "processes"},
    "lesson": {"course", "own", "stack", "broker", "services", "processes"},
    "course": {"stack", "processes"},
    "own": {"broker", "services", "processes"},
    "stack": {"broker", "services", "processes"},
    "install": {"processes.signals"},
    "broker": {"processes"},
    "services": {"processes"},
    "processes": set(),
    "ground": set(),
}


@dataclass(frozen=True, order=True)
class Import:
    """One module of labkit imports another: "broker.check" -> "processes.records"."""

    source: str
    target: str

    @property
    def rooms(self) -> tuple[str, str]:
        return room_of(self.source), room_of(self.target)

    @property
    def between_rooms(self) -> bool:
        return room_of(self.source) != room_of(self.target)

    @property
    def allowed(self) -> bool:
        source, target = self.rooms
        may = {source, "ground", *MAY_IMPORT.get(source, set())}
        return target in may or self.target in may

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


def room_of(module: str) -> str:
    """The room of a module of labkit: "broker.check" -> "broker"."""
    first = module.partition(".")[0]
    return SHARED.get(module, first)


def modules(root: Path) -> dict[str, Path]:
    """The modules of labkit by their name in it; a folder has the name of its __init__.py."""
    found = {}
    for path in sorted((root / "labkit").rglob("*.py")):
        parts = path.relative_to(root / "labkit").with_suffix("").parts
        folder = parts[-1] == "__init__" and len(parts) > 1
        found[".".join(parts[:-1] if folder else parts)] = path
    return found


def imports(root: Path) -> set[Import]:
    """Every import from labkit in labkit, also in a function and for the types alone."""
    known = modules(root)
    return {
        Import(module, target)
        for module, path in known.items()
        for name in _imported_names(ast.parse(path.read_bytes(), str(path)), path, root)
        if (target := _module_of(name, known)) and target != module
    }


def _imported_names(tree: ast.Module, path: Path, root: Path) -> Iterator[str]:
    """The whole names that a module imports, such as "labkit.errors.LabError"."""
    packages = path.relative_to(root).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = packages[: len(packages) - node.level + 1] if node.level else ()
            base = [*start, node.module] if node.module else start
            yield from (".".join([*base, alias.name]) for alias in node.names)


def _module_of(name: str, known: Mapping[str, Path]) -> str:
    """The module that a whole name is or is from: "labkit.errors.LabError" -> "errors"; or ""."""
    top, *parts = name.split(".")
    if top != "labkit":
        return ""
    while parts and ".".join(parts) not in known:
        parts.pop()
    return ".".join(parts) or "__init__"


def circles(pairs: set[tuple[str, str]]) -> list[list[str]]:
    """Names that lead back to themselves, together with all that lie on the way."""
    following = defaultdict(set)
    for source, target in pairs:
        following[source].add(target)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = following[todo.pop()] - seen
            seen |= new
            todo += new
        return seen

    reach = {name: reached(name) for name in list(following)}
    found = {
        tuple(sorted(other for other in reach[name] if name in reach.get(other, ())))
        for name in reach
        if name in reach[name]
    }
    return [list(circle) for circle in sorted(found)]


@dataclass(frozen=True)
class Report:
    """What the imports of a copy of the lab say."""

    rooms: list[str]
    crossing: list[Import]
    faults: dict[str, list[str]]

    def __str__(self) -> str:
        of_ground = sum("ground" in one.rooms for one in self.crossing)
        others = len(self.crossing) - of_ground
        lines = [
            f"rooms: {len(self.rooms)}, at most {MOST_ROOMS}",
            f"imports between rooms: {others}, and {of_ground} of the ground",
        ]
        for what, found in self.faults.items():
            lines += [f"{what}: {len(found)}", *(f"    {one}" for one in found)]
        return "\n".join(lines)

    @property
    def ok(self) -> bool:
        return len(self.rooms) <= MOST_ROOMS and not any(self.faults.values())


def look(root: Path = ROOT) -> Report:
    """Read the imports of a copy of the lab, and hold them against the rules."""
    found = imports(root)
    names = modules(root)
    crossing = sorted(one for one in found if one.between_rooms)
    faults = {
        "circles between rooms": _shown(circles({one.rooms for one in crossing})),
        "circles between modules": _shown(circles({(one.source, one.target) for one in found})),
        "imports up": [str(one) for one in crossing if not one.allowed],
        "modules without a room": [name for name in names if room_of(name) not in MAY_IMPORT],
    }
    return Report(sorted({room_of(name) for name in names}), crossing, faults)


def _shown(found: list[list[str]]) -> list[str]:
    return [" <-> ".join(circle) for circle in found]


def main() -> int:
    report = look(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT)
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
