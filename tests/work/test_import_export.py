"""import_data and export_data, run here without a broker, on SQLite."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tasks import shop as shop_module
from tasks.realworld_tasks import export_data, finish_import, import_chunk, import_data
from tasks.realworld_tasks import imports as imports_module
from tasks.shop import shop
from work.database.database_errors import DatabaseBusy
from work.flights import flight_table, import_reports
from work.flights.flight_file import HEADER, chunks_of
from work.flights.sample_flights import flight_dicts, make_missing, write_flights


@pytest.fixture
def files(files, monkeypatch):
    """The lab's files of one test, with a shop among them."""
    monkeypatch.setattr(shop_module, "DATABASE_URL", f"sqlite:///{files}/shop.sqlite")
    shop_module._shop.cache_clear()
    yield files
    shop().dispose()
    shop_module._shop.cache_clear()


def run_import(files: Path, name: str) -> dict:
    """What import_data sends to the workers, done here one after the other."""
    chunks = chunks_of(files / name, rows_in_chunk=40)
    for chunk in chunks:
        import_chunk(name, asdict(chunk), len(chunks), "an-id")
    return finish_import(name, "an-id")


def names_in(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found if "shop" not in path.name)


# -- import_data ------------------------------------------------------------------------------


def test_an_import_writes_the_good_rows_and_reports_the_bad_ones(files):
    write_flights(files, "north.csv", 200, bad=True)
    assert run_import(files, "north.csv") == {
        "rows": 200,
        "written": 200,
        "bad_rows": 5,
        "bad_rows_file": "imports/north-bad-rows.csv",
        "processes": 1,
    }
    assert flight_table.count(shop(), "north") == 200
    with (files / "imports/north-bad-rows.csv").open(newline="") as lines:
        header, *rows = csv.reader(lines)
    assert header == ["line", "why"]
    assert [int(line) for line, _ in rows] == [34, 68, 102, 136, 170]
    assert names_in(files) == ["imports/north-bad-rows.csv", "north.csv"]


def test_a_file_that_is_missing_is_imported_as_a_sample(files, monkeypatch):
    monkeypatch.setattr(import_data, "replace", lambda workflow: workflow)
    assert import_data("data.csv").body == finish_import.si("data.csv", None)
    report = run_import(files, "data.csv")
    assert (report["rows"], report["bad_rows"]) == (1000, 0)
    assert flight_table.count(shop(), "data") == 1000


def test_samples_under_two_names_keep_their_flights_apart(files):
    for name in ("data", "users"):
        make_missing(files, f"{name}.csv")
        run_import(files, f"{name}.csv")
    assert [flight_table.count(shop(), name) for name in ("data", "users")] == [1000, 1000]


def test_a_second_import_of_the_same_file_writes_nothing(files):
    write_flights(files, "north.csv", 200)
    first, second = run_import(files, "north.csv"), run_import(files, "north.csv")
    assert (first["written"], second["written"]) == (200, 0)
    assert flight_table.count(shop(), "north") == 200


def test_a_file_that_has_a_flight_twice_in_different_chunks_imports_to_the_same_in_any_order(files):
    path = write_flights(files, "north.csv", 100)
    again = path.read_text().splitlines()[1].replace(",AMS,OSL,", ",AMS,HEL,")
    path.write_text(path.read_text() + again + "\n")
    assert run_import(files, "north.csv")["bad_rows"] == 1
    for chunk in reversed(chunks_of(path, rows_in_chunk=40)):
        # As JSON, because that is how it comes to a worker.
        import_chunk("north.csv", json.loads(json.dumps(asdict(chunk))), 3, "an-id")
    second = finish_import("north.csv", "an-id")
    assert (second["rows"], second["written"], second["bad_rows"]) == (100, 0, 1)
    report = (files / second["bad_rows_file"]).read_text().splitlines()
    assert report == ["line,why", "102,the same flight and day as in line 2"]


def test_an_import_of_a_changed_file_updates_what_has_changed(files):
    path = write_flights(files, "north.csv", 200)
    run_import(files, "north.csv")
    path.write_text(path.read_text().replace(",AMS,OSL,", ",AMS,HEL,", 7))
    assert run_import(files, "north.csv")["written"] == 7
    assert flight_table.count(shop(), "north") == 200


def test_a_file_with_a_header_alone_is_an_import_of_nothing(files):
    (files / "north.csv").write_text(HEADER)
    assert run_import(files, "north.csv")["rows"] == 0


def test_a_chunk_that_runs_twice_is_counted_once(files):
    write_flights(files, "north.csv", 30)
    (chunk,) = chunks_of(files / "north.csv", 40)
    for _ in range(2):
        import_chunk("north.csv", asdict(chunk), 1, "an-id")
    assert finish_import("north.csv", "an-id")["rows"] == 30


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("number,date\n1,2\n", "line 1 must be "),
        (f"{HEADER}\n{'x' * 2000}\n", "line 2 must have at most 1000 bytes, got more"),
        (f'{HEADER}\nTL1,"open\n', "line 2 must be one whole row of CSV"),
    ],
)
def test_a_file_that_is_refused_is_refused_before_anything_is_written(files, content, sentence):
    (files / "north.csv").write_text(content)
    outcome = import_data.apply(("north.csv",))
    assert outcome.state == "FAILURE"
    assert str(outcome.result).startswith(sentence)
    assert names_in(files) == ["north.csv"]
    assert flight_table.count(shop(), "north") == 0


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../secret.csv", "csv_path must stay inside the lab's files, got '../secret.csv'"),
        ("/etc/passwd", "csv_path must stay inside the lab's files, got '/etc/passwd'"),
        ("link.csv", "csv_path must stay inside the lab's files, got 'link.csv'"),
        ("folder/secret.csv", "csv_path must stay inside the lab's files"),
        ("nothing.csv", "csv_path must name a .csv file that is there, got 'nothing.csv'"),
        ("text.txt", "csv_path must name a .csv file that is there, got 'text.txt'"),
        (".", "csv_path must name a .csv file that is there, got '.'"),
        ("Ünsafe name.csv", "source must be a name such as 'north', got 'Ünsafe name'"),
        ("", "csv_path must be a path of 1 to 200 characters"),
        (None, "csv_path must be a path of 1 to 200 characters, got None"),
        (5, "csv_path must be a path of 1 to 200 characters, got 5"),
    ],
)
def test_a_path_that_names_no_file_for_an_import_is_refused(files, path, sentence):
    for place in (files.parent / "secret.csv", files / "Ünsafe name.csv", files / "text.txt"):
        place.write_text(HEADER)
    (files / "link.csv").symlink_to(files.parent / "secret.csv")
    (files / "folder").symlink_to(files.parent)
    with pytest.raises(ValueError, match=f"^{sentence}"):
        import_data(path)


@pytest.mark.parametrize("import_id", ["..", "", ".", "a/b", "../../x", "x" * 101, None])
def test_an_id_that_is_no_name_of_a_folder_is_refused(files, import_id):
    (files / "north.csv").write_text(HEADER)
    with pytest.raises(ValueError, match=r"^import_id must be letters"):
        finish_import("north.csv", import_id)
    assert names_in(files) == ["north.csv"]


def test_only_a_busy_database_is_tried_again():
    policies = {
        task.name.split(".")[-1]: getattr(task, "autoretry_for", None)
        for task in (import_data, import_chunk, finish_import, export_data)
    }
    assert {name for name, policy in policies.items() if policy} == {"import_chunk"}
    assert policies["import_chunk"] == (DatabaseBusy,)


@pytest.mark.parametrize("where", ["shop", "put"])
def test_a_database_that_cannot_be_used_now_is_called_busy(files, monkeypatch, where):
    def locked(*_args, **_more):
        raise OperationalError("INSERT", {}, Exception("database is locked\nand more"))

    write_flights(files, "north.csv", 30)
    if where == "shop":
        monkeypatch.setattr(imports_module, "shop", locked)
    else:
        monkeypatch.setattr(flight_table, "put", locked)
    (chunk,) = chunks_of(files / "north.csv", 40)
    with pytest.raises(
        DatabaseBusy, match=r"^the flights could not be written: database is locked$"
    ):
        import_chunk.run("north.csv", asdict(chunk), 1, "an-id")
    assert flight_table.count(shop(), "north") == 0
    assert finish_import("north.csv", "an-id")["rows"] == 0


def test_reports_are_joined_in_the_order_of_the_lines(files):
    reports = import_reports.folder_of(files, "an-id")
    for number in (10, 2):
        bad = [import_reports.BadRow(number, "because")]
        import_reports.note(reports, number, good=3, written=1, bad=bad)
    done = import_reports.finish(files, "an-id", "north")
    assert (done["rows"], done["written"], done["bad_rows"]) == (6, 2, 2)
    text = (files / done["bad_rows_file"]).read_text()
    assert text.splitlines() == ["line,why", "2,because", "10,because"]


# -- export_data ------------------------------------------------------------------------------


def test_an_export_of_what_was_imported_is_the_same_file_in_the_order_of_the_flights(files):
    path = write_flights(files, "north.csv", 200)
    run_import(files, "north.csv")
    report = export_data("north")
    exported = files / "exports/north.csv"
    assert report == {
        "file": "exports/north.csv",
        "rows": 200,
        "size_bytes": exported.stat().st_size,
    }
    header, *rows = path.read_text().splitlines()
    assert exported.read_text().splitlines() == [header, *sorted(rows)]


def test_a_formula_is_exported_as_text(files):
    flight_table.put(shop(), list(flight_dicts(3, "XA", ["=1+1", "@SUM(1,1)"])), "north")
    export_data("north")
    with (files / "exports/north.csv").open(newline="") as lines:
        assert [row["remark"] for row in csv.DictReader(lines)] == ["'=1+1", "'@SUM(1,1)", ""]


def test_an_export_of_nothing_is_refused_and_the_old_file_stays(files):
    (files / "exports").mkdir()
    (files / "exports/north.csv").write_text("old")
    with pytest.raises(ValueError, match=r"^source must be one that has flights, got 'north'$"):
        export_data("north")
    assert names_in(files) == ["exports/north.csv"]
    assert (files / "exports/north.csv").read_text() == "old"


@pytest.mark.parametrize("source", ["../north", "", "North", "a b", None, 5])
def test_a_source_that_is_no_name_is_refused(files, source):
    with pytest.raises(ValueError, match=r"^source must be a name such as 'north', got "):
        export_data(source)


def test_a_folder_for_exports_that_leads_outside_is_refused(files):
    outside = files.parent / "outside"
    outside.mkdir()
    (files / "exports").symlink_to(outside)
    flight_table.put(shop(), list(flight_dicts(3, "XA")), "north")
    with pytest.raises(ValueError, match=r"^source must stay inside the lab's files"):
        export_data("north")
    assert list(outside.iterdir()) == []
