"""process_image, called as a plain function, and the work behind it: what it makes, and refuses."""

import json
import os
import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.realworld_tasks import process_image
from work import files as work_files
from work import images
from work.sample_bomb import png_bomb

ALL_OPERATIONS = ["resize", "crop", "filter"]


def picture_bytes(file_format="JPEG", size=(1200, 900), mode="RGB", **options):
    content = BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(content, file_format, **options)
    return content.getvalue()


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_sample_photo_is_drawn_when_it_is_asked_for(files):
    report = process_image("photo.jpg", ALL_OPERATIONS)
    assert names_in(files) == ["photo-resize-crop-filter.jpg", "photo.jpg"]
    with Image.open(files / report["image"]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1200, 1200))
    assert report == {
        "image": "photo-resize-crop-filter.jpg",
        "width_px": 1200,
        "height_px": 1200,
        "size_bytes": (files / "photo-resize-crop-filter.jpg").stat().st_size,
    }


@pytest.mark.parametrize(
    ("path", "file_format"),
    [("image.JPEG", "JPEG"), ("uploads/photo_1.png", "PNG"), ("照片.jpg", "JPEG")],
)
def test_a_picture_of_any_name_that_is_missing_is_drawn(files, monkeypatch, path, file_format):
    monkeypatch.setattr("work.images.draw_photo", lambda: Image.new("RGB", (400, 300)))
    process_image(path, ["crop"])
    with Image.open(files / path) as picture:
        assert (picture.format, picture.size) == (file_format, (400, 300))


def test_a_picture_below_a_file_is_not_drawn(files):
    (files / "photo.jpg").write_bytes(picture_bytes())
    with pytest.raises(ValueError, match=r"^image_path must name a file that is there"):
        process_image("photo.jpg/image.jpg", ["crop"])


def test_a_photo_of_the_learners_own_is_not_replaced_by_the_sample(files):
    content = picture_bytes()
    (files / "photo.jpg").write_bytes(content)
    process_image("photo.jpg", ["crop"])
    assert (files / "photo.jpg").read_bytes() == content


@pytest.mark.parametrize(
    ("operations", "size"),
    [
        (["resize"], (1600, 1200)),
        (["crop"], (2400, 2400)),
        (["filter"], (3200, 2400)),
        (["crop", "resize"], (1600, 1600)),
        (["resize", "crop"], (1200, 1200)),
    ],
)
def test_each_operation_does_what_it_says_in_the_given_order(files, operations, size):
    (files / "mine.jpg").write_bytes(picture_bytes(size=(3200, 2400)))
    report = process_image("mine.jpg", operations)
    assert (report["width_px"], report["height_px"]) == size


def test_the_filter_makes_the_step_between_dark_and_light_larger(tmp_path):
    picture = Image.new("L", (20, 20), 100)
    picture.paste(150, (10, 0, 20, 20))
    row = list(images.OPERATIONS["filter"](picture).crop((0, 10, 20, 11)).tobytes())
    assert row[9] < 100 and row[10] > 150
    assert row[1:9] == [100] * 8 and row[11:19] == [150] * 8


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_a_png_stays_a_png_whatever_its_colours_are(files, mode):
    picture = Image.new("I;16", (40, 30)) if mode == "I;16" else Image.new("L", (40, 30))
    if mode != "I;16":
        picture = picture.convert(mode)
    picture.save(files / "mine.png")
    report = process_image("mine.png", ALL_OPERATIONS)
    with Image.open(files / report["image"]) as changed:
        assert (report["image"], changed.format) == ("mine-resize-crop-filter.png", "PNG")


def test_a_grey_picture_of_16_bits_keeps_its_greys(files):
    grey = Image.new("I;16", (40, 30))
    for x in range(40):
        for y in range(30):
            grey.putpixel((x, y), 65_535 * x // 39)
    grey.save(files / "mine.png")
    report = process_image("mine.png", ["resize"])
    with Image.open(files / report["image"]) as picture:
        greys = [picture.convert("L").getpixel((x, 15)) for x in (0, 13, 26, 39)]
    assert greys == pytest.approx([0, 85, 170, 255], abs=1)


@pytest.mark.parametrize("name", ["a" * 190, "北" * 80])
def test_a_new_name_that_would_be_too_long_is_refused(files, name):
    (files / f"{name}.jpg").write_bytes(picture_bytes())
    with pytest.raises(ValueError, match=r"^the new file's name must have at most 255 bytes, got "):
        process_image(f"{name}.jpg", ["resize"] * 10)
    assert names_in(files) == [f"{name}.jpg"]


def test_a_photo_that_was_taken_upright_stays_upright_and_loses_its_notes(files):
    notes = Image.Exif()
    notes[0x0112] = 6  # orientation: turn by 90 degrees to see it upright
    notes[0x010F] = "maker of the telephone"
    (files / "mine.jpg").write_bytes(picture_bytes(exif=notes))
    report = process_image("mine.jpg", ["resize"])
    assert (report["width_px"], report["height_px"]) == (900, 1200)
    with Image.open(files / report["image"]) as changed:
        assert not changed.getexif()


def test_progress_is_reported_as_a_state_from_nothing_to_all(files, monkeypatch):
    (files / "mine.jpg").write_bytes(picture_bytes())
    states = []
    monkeypatch.setattr(process_image, "update_state", lambda **state: states.append(state))
    process_image.apply(("mine.jpg", ALL_OPERATIONS))
    assert states == [
        {"state": "PROGRESS", "meta": {"done": done, "total": 3}} for done in range(4)
    ]


@pytest.mark.parametrize(
    ("operations", "sentence"),
    [
        (["rotate"], "each operation must be one of resize, crop, filter, got 'rotate'"),
        (["resize", 5], "each operation must be one of resize, crop, filter, got 5"),
        ([["resize"]], r"each operation must be one of .*, got \['resize'\]"),
        ("resize", r"operations must be a list such as \['resize', 'crop'\], got 'resize'"),
        (None, "operations must be a list such as .*, got None"),
        ([], "operations must be 1 to 10, got 0"),
        (["crop"] * 11, "operations must be 1 to 10, got 11"),
    ],
)
def test_an_operation_that_is_not_known_is_refused_before_any_work(files, operations, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        process_image("photo.jpg", operations)
    assert names_in(files) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON | st.lists(st.sampled_from([*ALL_OPERATIONS, "rotate"])))
def test_operations_are_returned_unchanged_or_refused(operations):
    known = (
        isinstance(operations, list)
        and 1 <= len(operations) <= images.MAX_OPERATIONS
        and all(one in ALL_OPERATIONS for one in operations)
    )
    try:
        assert images.check_operations(operations) == operations and known
    except ValueError:
        assert not known


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"only text\n", "image_path must name a JPEG or PNG picture, got 'mine.jpg'"),
        (b"", "image_path must name a JPEG or PNG picture, got 'mine.jpg'"),
        (picture_bytes("GIF", mode="P"), "image_path must name a JPEG or PNG picture"),
        (picture_bytes()[:3000], "the picture 'mine.jpg' is damaged: "),
        (picture_bytes("PNG")[:300], "the picture 'mine.jpg' is damaged: "),
        (png_bomb(10_000, 3_000), "at most 25000000 pixels, got 30000000"),
        (png_bomb(25_000_000, 1), "sides of at most 20000 pixels, got 25000000"),
        (b"\xff" * 20_000_001, "the file must have at most 20000000 bytes, got 20000001"),
    ],
    ids=["text", "empty", "gif", "cut jpeg", "cut png", "30 MP", "line", "20 MB"],
)
def test_a_file_that_is_no_picture_or_too_large_is_refused(files, content, sentence):
    (files / "mine.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        process_image("mine.jpg", ["crop"])
    assert names_in(files) == ["mine.jpg"]


@settings(deadline=None)
@given(
    st.sampled_from([picture_bytes(size=(40, 30)), picture_bytes("PNG", size=(40, 30))]),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6),
    st.floats(0.3, 1),
)
def test_a_damaged_picture_is_processed_or_refused_with_a_value_error(content, changes, kept):
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "mine.jpg").write_bytes(damaged[: int(kept * len(damaged))])
        try:
            report = images.process("mine.jpg", ALL_OPERATIONS, Path(name))
        except ValueError as error:
            assert "mine.jpg" in str(error) or "pixels" in str(error)
            assert names_in(Path(name)) == ["mine.jpg"]
        else:
            assert names_in(Path(name)) == sorted(["mine.jpg", report["image"]])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nothing.jpg", "image_path must name a file that is there, got 'nothing.jpg'"),
        (".", "image_path must name a file that is there, got '.'"),
        ("pipe.jpg", "image_path must name a file that is there, got 'pipe.jpg'"),
        ("../secret.jpg", "image_path must stay inside the lab's files, got '../secret.jpg'"),
        ("/etc/passwd", "image_path must stay inside the lab's files, got '/etc/passwd'"),
        ("link.jpg", "image_path must stay inside the lab's files, got 'link.jpg'"),
        ("folder/secret.jpg", "image_path must stay inside the lab's files"),
        ("loop.jpg", "image_path must "),
        ("a\0b.jpg", "image_path must be a path that can exist"),
        ("北" * 100, "image_path must be a path that can exist"),
        ("", "image_path must be a path of 1 to 200 characters, got 0 characters"),
        ("x" * 201, "image_path must be a path of 1 to 200 characters, got 201 characters"),
        (None, "image_path must be a path of 1 to 200 characters, got None"),
    ],
)
def test_a_path_that_leads_to_no_file_of_the_lab_is_refused(files, path, sentence):
    (files.parent / "secret.jpg").write_bytes(picture_bytes())
    (files / "link.jpg").symlink_to(files.parent / "secret.jpg")
    (files / "folder").symlink_to(files.parent)
    (files / "loop.jpg").symlink_to(files / "loop.jpg")
    os.mkfifo(files / "pipe.jpg")
    before = sorted(files.rglob("*"))
    with pytest.raises(ValueError, match=f"^{sentence}"):
        process_image(path, ["crop"])
    assert sorted(files.rglob("*")) == before


def test_a_picture_in_a_folder_is_answered_with_a_picture_in_that_folder(files):
    (files / "2026").mkdir()
    (files / "2026" / "mine.jpg").write_bytes(picture_bytes())
    report = process_image("2026/mine.jpg", ["crop"])
    assert report["image"] == "2026/mine-crop.jpg"
    assert json.loads(json.dumps(report)) == report


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "picture.jpg"
    work_files.write_atomically(target, b"old")

    def fail(_descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(work_files.os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        work_files.write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["picture.jpg"]
