"""Files that lessons stage: pictures to be refused, and a file that is written while we kill."""

import sys
from types import SimpleNamespace

import psutil
import pytest
from PIL import Image

from labkit.errors import LabError
from labkit.lesson import half_files, pictures
from labkit.lesson.half_files import kill_in_the_middle
from labkit.lesson.pictures import bad_pictures, picture_row
from work.files import WRITING
from work.images import process


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LAB_FILES", tmp_path)
    Image.new("RGB", (40, 30)).save(tmp_path / "photo.jpg")
    return tmp_path


def test_each_bad_picture_is_refused_and_none_is_left(files):
    with bad_pictures("bad", "photo.jpg", bomb_px=(20_000, 10_000)) as names:
        for name in names[:4] + names[5:]:  # ../../photo.jpg leads out of the lab's files
            with pytest.raises(ValueError, match=r"picture|image_path"):
                process(name, ["resize"], files)
    assert [path.name for path in files.iterdir()] == ["photo.jpg"]


def test_a_picture_is_described_by_what_is_on_the_disk(files):
    assert picture_row("photo.jpg") == ("photo.jpg", "40 x 30", "1 kB")


WRITES = "import sys, time; open(sys.argv[1], 'wb').write(b'.' * 100); time.sleep(600)"


def started(*arguments):
    return psutil.Popen([sys.executable, "-c", *arguments])


def task(ready):
    return SimpleNamespace(ready=lambda: ready, get=lambda **_options: None)


def test_who_writes_is_killed_and_the_part_that_was_written_is_found(tmp_path):
    file, part = tmp_path / "export.csv", tmp_path / f"{WRITING}new"
    file.write_text("of an export before")
    (tmp_path / f"{WRITING}old").write_text("of somebody else " * 100)
    process = started(WRITES, str(part))
    result = task(ready=False)
    assert kill_in_the_middle(process, lambda: result, file, 100) == (result, part)
    assert process.wait(10) == -9 and not file.exists()


def test_who_is_always_too_fast_is_not_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(half_files, "ATTEMPTS", 2)
    file = tmp_path / "export.csv"
    file.write_text("whole")
    process = started("import time; time.sleep(600)")

    def send():
        file.write_text("whole")
        return task(ready=True)

    with pytest.raises(LabError, match="each task was over before it could be killed"):
        kill_in_the_middle(process, send, file, 1)
    assert process.is_running() and process.status() != psutil.STATUS_STOPPED
    process.kill()
    process.wait()
