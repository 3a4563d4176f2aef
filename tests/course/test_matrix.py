"""The guarantees matrix without its runs: the page, the picture, and what a change is called."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import LabError
from labkit.matrix.cells import ACKNOWLEDGEMENTS, CELLS, COUNTED, Cell, Counts, Measured
from labkit.matrix.command import matrix
from labkit.matrix.one_cell import ORDERS, TooLate, count, measure, require_running
from labkit.matrix.page import (
    PAGE,
    PICTURE,
    changes,
    counts_on,
    page_text,
    require_the_same,
)
from labkit.matrix.picture import picture
from work.ledger import Entry

ROOT = Path(__file__).parents[2]
WRITTEN = (ROOT / PAGE).read_text(encoding="utf-8")
TOLD = counts_on(WRITTEN)
VERSIONS = {"Python": "3.11.7", "Celery": "5.7.0", "Valkey": "9.1.2"}
KILLED_LATE = Cell("worker killed", "late")
CHILD_EARLY = Cell("child killed", "early", "task_reject_on_worker_lost")

some_counts = st.builds(Counts, *[st.integers(0, 20)] * 4)
some_measured = st.tuples(*[some_counts] * len(CELLS)).map(
    lambda counts: dict(zip(CELLS, counts, strict=True))
)


def with_counts(cell: Cell, **values: int) -> Measured:
    """What the page says, but for one cell."""
    return TOLD | {cell: TOLD[cell]._replace(**values)}


def text_on(svg: str) -> list[str]:
    """Every text of a picture; it must be XML."""
    return [one.text or "" for one in ET.fromstring(svg).iter() if one.tag.endswith("text")]  # noqa: S314


# -- The cells ------------------------------------------------------------------------------------


def test_there_are_16_cells_and_each_has_a_name_of_its_own():
    assert len(CELLS) == 16
    assert len({cell.slug for cell in CELLS}) == 16
    assert {cell.acknowledgement for cell in CELLS} == set(ACKNOWLEDGEMENTS)


# -- The page and the picture ---------------------------------------------------------------------


@given(some_measured)
def test_what_is_written_on_a_page_is_read_back(measured):
    page = page_text(measured, VERSIONS)
    assert counts_on(page) == measured
    assert "\nMeasured with Python 3.11.7, Celery 5.7.0, Valkey 9.1.2.\n" in page


def test_the_page_in_docs_is_the_one_that_the_lab_writes():
    told = re.findall(r"(\S+) ([\d.]+)[,.]", re.findall(r"^Measured with .*", WRITTEN, re.M)[0])
    assert page_text(TOLD, dict(told)) == WRITTEN, "./lab matrix"


def test_the_picture_in_docs_shows_what_the_page_says():
    assert picture(TOLD) == (ROOT / PICTURE).read_text(encoding="utf-8"), "./lab matrix"


@given(some_measured)
def test_the_picture_shows_every_number_in_its_row(measured):
    numbers = [text for text in text_on(picture(measured)) if text.isdigit()]
    by_row = [measured[cell] for cell in CELLS]  # a row is early, then late
    assert numbers == [str(number) for row in by_row for number in row]


def test_the_picture_holds_shapes_and_text_and_nothing_that_runs():
    tags = set(re.findall(r"<(\w+)", picture(TOLD)))
    assert tags == {"svg", "title", "rect", "text"}


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        WRITTEN.replace("| worker killed | late |", "| worker killed | sometimes |"),
        WRITTEN.replace("| worker killed | late |", "| worker killed | early |"),
        re.sub(r"^\| warm stop \| early .*\n", "", WRITTEN, flags=re.MULTILINE),
    ],
    ids=["empty", "unknown setting", "a row twice", "a row is missing"],
)
def test_a_damaged_page_is_not_believed(damaged):
    assert damaged != WRITTEN
    with pytest.raises(LabError, match="should have a table of 16 rows"):
        counts_on(damaged)


# -- What a change is called ----------------------------------------------------------------------


@pytest.mark.parametrize("name", COUNTED)
def test_a_changed_number_is_named_with_its_old_and_its_new_value(name):
    field = name.replace(" ", "_")
    old = getattr(TOLD[KILLED_LATE], field)
    measured = with_counts(KILLED_LATE, **{field: 7})
    assert changes(TOLD, measured) == [f"worker killed, late: {name} was {old}, is 7"]


def test_every_changed_cell_is_named():
    measured = with_counts(KILLED_LATE, lost=1, started_twice=1) | {
        CHILD_EARLY: TOLD[CHILD_EARLY]._replace(lost=0)
    }
    with pytest.raises(LabError) as error:
        require_the_same(TOLD, measured)
    assert str(error.value) == (
        "error: 2 cells of 16 came out differently than docs/guarantees.md says\n"
        "  worker killed, late: lost was 0, is 1; started twice was 2, is 1\n"
        "  child killed, task_reject_on_worker_lost, early: lost was 1, is 0\n"
        "\n"
        "hint: ./lab matrix; git diff docs/guarantees.md"
    )


# -- The command, with counts that are made up ----------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the page and the picture."""
    for name in (PAGE, PICTURE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def files_in(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_check_finds_a_broken_cell_and_writes_nothing(root):
    before = files_in(root)
    measured = with_counts(KILLED_LATE, lost=1)
    with pytest.raises(LabError, match="worker killed, late: lost was 0, is 1"):
        matrix(check=True, root=root, measure=lambda: (measured, "Valkey 0.0"))
    assert files_in(root) == before


def test_check_finds_a_number_that_somebody_changed_on_the_page(root):
    page = root / PAGE
    wrong = WRITTEN.replace("| warm stop | early | 0 |", "| warm stop | early | **3** |")
    page.write_text(wrong, encoding="utf-8")
    with pytest.raises(LabError, match="warm stop, early: lost was 3, is 0"):
        matrix(check=True, root=root, measure=lambda: (dict(TOLD), "Valkey 0.0"))


def test_check_says_so_when_all_is_as_the_page_says_whatever_the_versions(root, capsys):
    before = files_in(root)
    matrix(check=True, root=root, measure=lambda: (dict(TOLD), "Redis 99.1"))
    assert capsys.readouterr().out.endswith("all 16 cells are as docs/guarantees.md says\n")
    assert files_in(root) == before


def test_without_check_page_and_picture_are_written(root):
    for name in (PAGE, PICTURE):
        (root / name).unlink()
    measured = with_counts(KILLED_LATE, stuck=4)
    matrix(check=False, root=root, measure=lambda: (measured, "Redis 99.1"))
    page = (root / PAGE).read_text(encoding="utf-8")
    assert counts_on(page) == measured
    assert "Redis 99.1" in page
    assert (root / PICTURE).read_text(encoding="utf-8") == picture(measured)


def test_check_without_a_page_says_how_to_get_one_before_it_measures_anything(tmp_path):
    with pytest.raises(LabError, match=r"guarantees.md cannot be read(.|\n)*hint: ./lab matrix"):
        matrix(check=True, root=tmp_path, measure=lambda: pytest.fail("it measured"))


def test_a_page_that_cannot_be_written_is_left_as_it_was(root, monkeypatch):
    before = files_in(root)

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LabError, match=r"guarantees.md cannot be written: No space left on device"):
        matrix(check=False, root=root, measure=lambda: (dict(TOLD), "Redis 99.1"))
    assert files_in(root) == before


# -- One cell: what its ledger says, and what goes wrong ------------------------------------------


def lines(*told: tuple[str, str]) -> list[Entry]:
    """Ledger lines of these (event, job)."""
    return [Entry(event, job, "host", 1, 1, 0.0) for event, job in told]


DONE = lines(*((event, job) for job in ORDERS for event in ("SENT", "START", "END")))


def test_a_job_without_its_end_is_lost_or_stuck_if_it_has_a_message():
    torn = [line for line in DONE if (line.event, line.job) != ("END", "TL-7")]
    assert count(torn, ()) == Counts(lost=1, started_twice=0, finished_twice=0, stuck=0)
    assert count(torn, {"TL-7", "TL-8"}) == Counts(0, 0, 0, stuck=1)


def test_a_second_start_and_a_second_end_are_counted():
    again = lines(("START", "TL-7"))
    assert count(DONE + again, ()) == Counts(0, started_twice=1, finished_twice=0, stuck=0)
    again += lines(("END", "TL-7"))
    assert count(DONE + again, ()) == Counts(0, started_twice=1, finished_twice=1, stuck=0)


def test_a_ledger_that_cannot_be_is_no_result():
    with pytest.raises(LabError, match="TL-7: 2 END lines, 1 START lines"):
        count(DONE + lines(("END", "TL-7")), ())


def test_a_job_that_ended_before_the_fault_makes_the_run_worth_nothing():
    ended = Entry("END", "TL-1", "vm", 1, 1, 10.0)
    started = replace(ended, event="START", time=5.0)
    require_running([started, ended], 9.9)  # it ended while the fault was done
    with pytest.raises(TooLate):
        require_running([started, ended], 10.1)


def test_a_fault_that_comes_too_late_is_tried_again_and_then_given_up(monkeypatch):
    tried = []

    def too_late(cell):
        tried.append(cell)
        raise TooLate

    monkeypatch.setattr("labkit.matrix.one_cell._measure_once", too_late)
    with pytest.raises(LabError, match="too busy for worker killed, late: no fault came in time"):
        measure(KILLED_LATE)
    assert tried == [KILLED_LATE] * 3
