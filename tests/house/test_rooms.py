"""labkit keeps to its rooms: what they import, and whether the script that says so would notice."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rooms import MAY_IMPORT, MOST_ROOMS, ROOT, look
from tests.rooms_map import floors, house, table

# A small lab that keeps the rules; each test adds what breaks one.
FILES = {
    "__init__.py": '"""The lab."""\n',
    "cli.py": '"""The command."""\nfrom labkit.broker.check import check\n',
    "errors.py": '"""One kind of error."""\n',
    "broker/__init__.py": '"""The server."""\n',
    "broker/check.py": "import labkit.errors\nfrom labkit.processes.start import start\n",
    "processes/__init__.py": '"""What was started."""\n',
    "processes/start.py": "from labkit.errors import LabError\n",
}


@pytest.fixture
def tree(tmp_path):
    """Write labkit with these files beside FILES; returns the folder that holds it."""

    def write(files: dict[str, str] | None = None) -> Path:
        for name, text in (FILES | (files or {})).items():
            path = tmp_path / "labkit" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def run(root: Path) -> tuple[int, str]:
    """The exit code of `python tests/rooms.py FOLDER`, and what it prints."""
    command = [sys.executable, str(ROOT / "tests/rooms.py"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_labkit_keeps_to_its_rooms():
    report = look()
    assert len(report.rooms) > 1
    assert report.ok, f"\n{report}"


def test_each_room_imports_what_stands_below_it_in_the_table():
    order = list(MAY_IMPORT)
    for place, (room, may) in enumerate(MAY_IMPORT.items()):
        assert {name.partition(".")[0] for name in may} <= set(order[place + 1 :]), room


def test_the_script_counts_rooms_and_imports(tree):
    assert run(tree()) == (
        0,
        f"rooms: 4, at most {MOST_ROOMS}\n"
        "imports between rooms: 2, and 2 of the ground\n"
        "circles between rooms: 0\n"
        "circles between modules: 0\n"
        "imports up: 0\n"
        "modules without a room: 0\n",
    )


@pytest.mark.parametrize(
    "line",
    [
        "from labkit.broker.check import check",
        "from labkit.broker import check",
        "import labkit.broker.check",
        "from ..broker.check import check",
        "from ..broker import check",
        "def start():\n    from labkit.broker.check import check",
        "if TYPE_CHECKING:\n    from labkit.broker.check import check",
    ],
)
def test_an_import_up_is_found_however_it_is_written(tree, line):
    code, printed = run(tree({"processes/start.py": f"{line}\n"}))
    assert code == 1
    assert "imports up: 1\n    processes.start -> broker.check\n" in printed
    assert "circles between rooms: 1\n    broker <-> processes\n" in printed
    assert "circles between modules: 1\n    broker.check <-> processes.start\n" in printed


def test_a_circle_inside_a_room_is_found(tree):
    files = {
        "broker/check.py": "import labkit.broker.queues\n",
        "broker/queues.py": "import labkit.broker.results\n",
        "broker/results.py": "import labkit.broker.check\n",
    }
    code, printed = run(tree(files))
    assert code == 1
    assert "circles between rooms: 0\n" in printed
    circle = "broker.check <-> broker.queues <-> broker.results"
    assert f"circles between modules: 1\n    {circle}\n" in printed


def test_two_rooms_import_each_other_although_no_two_modules_do(tree):
    code, printed = run(tree({"processes/records.py": "import labkit.broker\n"}))
    assert code == 1
    assert "circles between rooms: 1\n    broker <-> processes\n" in printed
    assert "circles between modules: 0\n" in printed


def test_the_ground_imports_no_room(tree):
    code, printed = run(tree({"waiting.py": "import labkit.processes.start\n"}))
    assert code == 1
    assert "imports up: 1\n    waiting -> processes.start\n" in printed


def test_a_module_beside_the_rooms_needs_a_line_in_the_table(tree):
    code, printed = run(tree({"leftover.py": ""}))
    assert code == 1
    assert "modules without a room: 1\n    leftover\n" in printed


def test_a_room_may_be_open_to_another_for_one_module_alone(tree):
    files = {
        "processes/signals.py": "",
        "install/main.py": "import labkit.processes.signals, labkit.processes.start\n",
    }
    assert look(tree(files)).faults["imports up"] == ["install.main -> processes.start"]


def test_more_rooms_than_anybody_keeps_in_mind_are_too_many(tree, monkeypatch):
    names = [f"room{number}" for number in range(MOST_ROOMS - 3)]  # FILES has four
    root = tree({f"{name}/__init__.py": "" for name in names})
    monkeypatch.setattr("tests.rooms.MAY_IMPORT", MAY_IMPORT | {name: set() for name in names})
    report = look(root)
    assert not any(report.faults.values())
    assert not report.ok


def test_a_name_that_only_begins_like_ours_is_another_project(tree):
    assert look(tree({"processes/start.py": "import labkit_tools.broker, broker\n"})).ok


def test_the_drawing_has_a_room_above_all_that_it_imports(tree):
    root = tree({"services/__init__.py": '"""Small servers."""\nimport labkit.processes.start\n'})
    assert floors(root) == [["ground"], ["processes"], ["broker", "services"], ["cli"]]
    lines = house(root).splitlines()
    assert len({len(line) for line in lines[1:-1]}) == 1
    assert [line.strip("|").split("|") for line in lines if line.startswith("|")][1] == [
        "broker".center(39),
        "services".center(38),
    ]


def test_the_table_of_rooms_has_their_docstrings_and_what_they_may_import(tree):
    assert table(tree()).splitlines()[2:] == [
        "| `cli` | The command. | every room |",
        "| `broker` | The server. | processes |",
        "| `processes` | What was started. | nothing |",
        "| `ground` | `errors`: One kind of error. | nothing |",
    ]
