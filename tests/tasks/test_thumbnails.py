"""make_thumbnail, and the decompression bomb of lesson 51."""

from io import BytesIO

import pytest
from PIL import Image

from tasks.realworld_tasks import make_thumbnail, process_image
from work.sample_bomb import png_bomb


@pytest.fixture
def files(files):
    """The lab's files of one test, with a picture among them."""
    Image.linear_gradient("L").resize((400, 300)).convert("RGB").save(files / "mine.jpg")
    return files


def test_a_thumbnail_stands_beside_its_picture_and_keeps_its_shape(files):
    report = make_thumbnail("mine.jpg", 100)
    with Image.open(files / report["image"]) as picture:
        assert picture.size == (report["width_px"], report["height_px"]) == (100, 75)
    assert report["image"] == "mine-100px.jpg"
    assert report["size_bytes"] == (files / "mine-100px.jpg").stat().st_size


def test_a_small_picture_is_not_enlarged(files):
    assert make_thumbnail("mine.jpg", 1600)["width_px"] == 400


@pytest.mark.parametrize("side", [15, 1601, 0, -1, True, 100.0, "100", None])
def test_a_side_that_no_thumbnail_has_is_refused(files, side):
    with pytest.raises(ValueError, match=r"^longest_side_px must be 16 to 1600, got "):
        make_thumbnail("mine.jpg", side)
    assert [path.name for path in files.iterdir()] == ["mine.jpg"]


def test_the_bomb_is_a_valid_picture_and_packed_a_thousand_times(files):
    content = png_bomb(2000, 1000)
    with Image.open(BytesIO(content)) as picture:
        picture.load()
        assert picture.size == (2000, 1000)
    assert len(png_bomb(20_000, 10_000)) < 30_000


@pytest.mark.parametrize("task", [make_thumbnail, process_image])
def test_the_bomb_is_refused_by_its_header(files, task):
    (files / "bomb.png").write_bytes(png_bomb(20_000, 10_000))
    argument = 100 if task is make_thumbnail else ["crop"]
    with pytest.raises(ValueError, match="at most 25000000 pixels, got more than 178956970"):
        task("bomb.png", argument)
    assert sorted(path.name for path in files.iterdir()) == ["bomb.png", "mine.jpg"]
