"""The map of the house, made from the code: `cog` puts it into CONTRIBUTING.md."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from tests.rooms import MAY_IMPORT, ROOT, imports, modules, room_of

WIDTH = 78  # of the drawing, in characters: a terminal's


def house(root: Path = ROOT) -> str:
    """The rooms as a drawing of plain text: each stands above all that it imports."""
    line = f"+{'-' * WIDTH}+"
    drawn = [line]
    for floor in reversed(floors(root)):
        width, wider = divmod(WIDTH - len(floor) + 1, len(floor))
        cells = [room.center(width + (place < wider)) for place, room in enumerate(floor)]
        drawn += [f"|{'|'.join(cells)}|", line]
    return "\n".join(["```text", *drawn, "```\n"])


def floors(root: Path) -> list[list[str]]:
    """The rooms of each floor, from the ground up."""
    below: dict[str, set[str]] = {room: {"ground"} for room in _rooms(root) if room != "ground"}
    for one in imports(root):
        source, target = one.rooms
        if one.between_rooms and {source, target} <= set(MAY_IMPORT):
            below.setdefault(source, set()).add(target)
    sorter = TopologicalSorter(below)
    sorter.prepare()
    found = []
    while sorter:
        floor = sorter.get_ready()
        found.append(sorted(floor, key=list(MAY_IMPORT).index))
        sorter.done(*floor)
    return found


def table(root: Path = ROOT) -> str:
    """The rooms as a table in Markdown: name, what it holds, what it may import."""
    rows = [f"| `{room}` | {_holds(root, room)} | {_may(room)} |" for room in _rooms(root)]
    head = ["| room | what it holds | may import, besides the ground |", "|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def _rooms(root: Path) -> list[str]:
    there = {room_of(module) for module in modules(root)}
    return [room for room in MAY_IMPORT if room in there]


def _may(room: str) -> str:
    """What a room may import; the ground, which is open to every room, goes without saying."""
    names = [name for name in MAY_IMPORT if name in MAY_IMPORT[room]]
    names += sorted(MAY_IMPORT[room] - set(names))  # single modules
    if len(names) == len(MAY_IMPORT) - 2:
        return "every room"
    return ", ".join(names) or "nothing"


def _holds(root: Path, room: str) -> str:
    """The first line of a room's docstring; where a room is a few modules, those of them all."""
    paths = modules(root)
    if room in paths:
        return _first_line(paths[room])
    members = [name for name in paths if room_of(name) == room and name != "__init__"]
    return " ".join(f"`{name}`: {_first_line(paths[name])}" for name in members)


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")[0]
