"""The CSV file of flights: what is refused as a whole, what is left out, and what is taken."""

import csv
import io
import re
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from work.flights import exports, flight_file
from work.flights.flight_file import HEADER, BadRow, Chunk, chunks_of, flight_of, rows_of
from work.flights.sample_flights import BAD_ROWS, write_flights

ROW = "TL101,2027-01-31,AMS,OSL,07:30,180,129.00,"


@pytest.fixture
def file(tmp_path):
    """Write a file with the right header and these lines, or with exactly these bytes."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "north.csv"
        text = f"{HEADER}\n{content}" if isinstance(content, str) else content
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def all_rows(path: Path, rows_in_chunk: int = 5000) -> list:
    return [row for chunk in chunks_of(path, rows_in_chunk) for row in rows_of(path, chunk)]


def test_a_row_becomes_a_flight_with_a_date_and_whole_cents(file):
    assert all_rows(file(f'{ROW}"new: lounge, pier ""C"""\n')) == [
        {
            "flight": "TL101",
            "day": date(2027, 1, 31),
            "origin": "AMS",
            "destination": "OSL",
            "departs": "07:30",
            "seats": 180,
            "remark": 'new: lounge, pier "C"',
            "price_cents": 12900,
        }
    ]


def test_a_mark_in_front_and_line_ends_of_windows_are_taken(file):
    content = b"\xef\xbb\xbf" + f"{HEADER}\r\n{ROW}\r\n".encode()
    (row,) = all_rows(file(content))
    assert row["remark"] == ""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", f"line 1 must be '{HEADER}', got ''"),
        (b"number,date\n", f"line 1 must be '{HEADER}', got 'number,date'"),
        (HEADER.replace(",", ";").encode(), f"line 1 must be '{HEADER}', got 'flight;day;"),
        (HEADER.upper().encode(), f"line 1 must be '{HEADER}', got 'FLIGHT,DAY,"),
        (HEADER.encode("utf-16"), f"line 1 must be '{HEADER}', got "),
        (b"\xff\xfe\xff\n", f"line 1 must be '{HEADER}', got "),
        (b"x" * 10_000_000, "line 1 must have at most 1000 bytes, got more"),
    ],
    ids=["empty", "other", "semicolons", "capitals", "utf-16", "bytes", "10 MB"],
)
def test_another_header_is_refused(file, content, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        chunks_of(file(content), 5000)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b'TL101,"2027', "line 3 must be one whole row of CSV: unexpected end of data"),
        (b'TL101,"2027"x', "line 3 must be one whole row of CSV: ',' expected after"),
        (b"TL101,Z\xfcrich", "line 3 must be UTF-8 text, got the byte 0xfc"),
        ("TL101,北京".encode("gb18030"), "line 3 must be UTF-8 text, got the byte 0x"),
        (ROW.encode() + b"x" * 10_000_000, "line 3 must have at most 1000 bytes, got more"),
        (b'"' + b"x\n" * 10_000, "line 3 must be one whole row of CSV"),
    ],
    ids=["open quote", "text after a quote", "latin-1", "gb18030", "10 MB", "quoted lines"],
)
def test_a_file_whose_rows_are_not_sure_is_refused_as_a_whole(file, line, sentence):
    path = file(f"{HEADER}\n{ROW}\n".encode() + line + b"\n")
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        chunks_of(path, 5000)


def test_more_rows_than_an_import_may_have_are_refused(file, monkeypatch):
    monkeypatch.setattr(flight_file, "MAX_ROWS", 3)
    with pytest.raises(ValueError, match=r"^the file must have at most 3 rows, got more$"):
        chunks_of(file(f"{ROW}\n" * 4), 5000)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("TL101", "a row must have 8 columns, got 1"),
        ("", "a row must have 8 columns, got 0"),
        (ROW + ",", "a row must have 8 columns, got 9"),
        (ROW.replace("TL101", "tl101"), "flight must be of the form TL101, got 'tl101'"),
        (ROW.replace("01-31", "02-30"), "day must be of the form 2027-01-31, got '2027-02-30'"),
        (ROW.replace("180", "many"), "seats must be of the form 180, got 'many'"),
        (ROW.replace("180", "\u0661\u0668\u0660"), "seats must be of the form 180, got "),
        (ROW.replace("129.00", "-1.00"), "price_eur must be of the form 129.00, got '-1.00'"),
        (ROW + "\0", "remark must be of the form 'new: lounge', got '\\x00'"),
        (ROW + "x" * 201, "remark must be of the form 'new: lounge', got 'xxx"),
    ],
)
def test_a_row_whose_values_cannot_be_is_left_out_and_the_next_one_is_taken(file, row, why):
    bad, good = all_rows(file(f"{row}\n{ROW}\n"))
    assert bad.line == 2 and bad.why.startswith(why)
    assert good["flight"] == "TL101"


@pytest.mark.parametrize("rows_in_chunk", [1, 2, 3, 100])
def test_a_flight_that_stands_there_again_is_left_out_also_in_another_chunk(file, rows_in_chunk):
    lines = ["TL101,2027-01-31,AMS", f"{ROW}one", ROW.replace("101", "102"), f"{ROW}two", ROW]
    rows = all_rows(file("\n".join(lines)), rows_in_chunk)
    assert [row["remark"] for row in rows if isinstance(row, dict)] == ["one", ""]
    assert [(row.line, row.why) for row in rows if isinstance(row, BadRow)] == [
        (2, "a row must have 8 columns, got 3"),
        (5, "the same flight and day as in line 3"),
        (6, "the same flight and day as in line 3"),
    ]


@pytest.mark.parametrize("now", [ROW, f"{ROW}\n{ROW.replace('101', '103')}\n", f"{ROW}\n" * 3])
def test_a_file_that_has_become_another_one_meanwhile_is_refused(file, now):
    path = file(f"{ROW}\n{ROW.replace('101', '102')}\n")
    (chunk,) = chunks_of(path, 5000)
    assert len(list(rows_of(path, chunk))) == 2
    path.rename(path.with_suffix(".old"))  # as `mv new.csv north.csv` does: another file
    with pytest.raises(ValueError, match=r"^north\.csv has changed while it was imported"):
        list(rows_of(file(now), chunk))


def test_the_sample_has_its_bad_rows_where_the_report_says(tmp_path):
    path = write_flights(tmp_path, "sample.csv", 100, bad=True)
    lines = path.read_text().splitlines()
    found = {lines[row.line - 1] for row in all_rows(path, 7) if isinstance(row, BadRow)}
    assert found == set(BAD_ROWS)
    assert len(all_rows(path)) == 105


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
RIGHT = st.sampled_from(ROW.split(","))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | RIGHT, max_size=10))
@example(ROW.split(","))
def test_values_become_a_flight_that_the_table_can_hold_or_a_value_error(values):
    try:
        flight = flight_of(values)
    except ValueError:
        return
    assert 0 <= flight["seats"] <= 999 and 0 <= flight["price_cents"] <= 9_999_999
    assert isinstance(flight["day"], date) and len(flight["remark"]) <= 200
    assert flight["flight"].isascii() and flight["departs"].isascii()


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 3))
@example(b'a\n"b\nc"\n', 1)
def test_whatever_stands_below_the_header_is_cut_into_all_its_lines_or_refused(content, size):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_bytes(f"{HEADER}\n".encode() + content)
        try:
            rows = all_rows(path, size)
        except ValueError as error:
            assert str(error).startswith("line ")
            return
        assert len(rows) == len(io.BytesIO(content).readlines())
        bad = [row.line for row in rows if isinstance(row, BadRow)]
        assert bad == sorted(set(bad)) and all(2 <= line < len(rows) + 2 for line in bad)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 7))
def test_the_chunks_together_are_the_file_whatever_their_size(good, size):
    lines = [ROW.replace("101", str(n)) if right else "bad" for n, right in enumerate(good)]
    lines += lines[::2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_text("\n".join([HEADER, *lines]))
        assert all_rows(path, size) == all_rows(path, 1000)
        assert [c.rows for c in chunks_of(path, size)][:-1] == [size] * (-(-len(lines) // size) - 1)
        assert all(isinstance(chunk, Chunk) for chunk in chunks_of(path, size))


# -- And out again ----------------------------------------------------------------------------


@given(CELL)
@example("=1+1")
@example(" =1+1")
@example("\t=1+1")
def test_a_cell_is_harmless_and_loses_nothing(cell):
    safe = exports.harmless(cell)
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert safe in (cell, f"'{cell}")


REMARK = st.from_regex(flight_file.COLUMNS["remark"][0], fullmatch=True)


@settings(deadline=None)
@given(st.lists(REMARK, min_size=1, max_size=5))
def test_what_is_exported_can_be_imported_again(remarks):
    flights = [flight_of(ROW.split(",")) | {"flight": f"TL{n}"} for n in range(len(remarks))]
    for flight, remark in zip(flights, remarks, strict=True):
        flight["remark"] = remark.encode("utf-8", "ignore").decode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        report = exports.write(flights, path)
        assert report == {"rows": len(flights), "size_bytes": path.stat().st_size}
        with path.open(encoding="utf-8", newline="") as lines:
            assert next(csv.reader(lines)) == HEADER.split(",")
        harmless = [one | {"remark": exports.harmless(one["remark"])} for one in flights]
        if all(len(one["remark"]) <= 200 for one in harmless):
            assert all_rows(path) == harmless
