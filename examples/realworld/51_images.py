"""Images: change pictures with progress, make thumbnails side by side, and refuse bad files.

A phone photo has 12 megapixels.  Decoding it, changing it and packing it again takes a second
of a processor, and nobody wants a web page that waits for that.  So it is work for a queue.

First `process_image` resizes, crops and sharpens one photo, and tells how far it is.  Then a group
of `make_thumbnail` makes four sizes of it; every free slot of the workers takes one.

At last come six files that a visitor should not be able to upload.  One is a decompression bomb:
25 kB that unpack into 200 megapixels, 800 MB of memory.  The size stands in the header of the file,
so it is refused before anything is unpacked.  Two lead out of the lab's folder: by `..`, and by a
symbolic link.  Each of these tasks fails at once, and says what was expected and what came.  There
is no retry, because no wait mends a file.

The tasks are in tasks/realworld_tasks/images.py, the limits in work/images.py.

    ./lab run 51        # about 4 s

Watch: http://localhost:5555/tasks shows eleven tasks, and the reasons of the six failures.

You should see:

    before: photo.jpg, 4000 x 3000 pixels, ... kB
    progress seen: [...] of 3 operations
    after:  photo-resize-crop-filter.jpg, 1200 x 1200 pixels, ... kB
    photo-1200px.jpg  1200 x 900 pixels, ... kB
    photo-600px.jpg   600 x 450 pixels, ... kB
    photo-300px.jpg   300 x 225 pixels, ... kB
    photo-150px.jpg   150 x 113 pixels, ... kB
    lesson51/text.jpg ...  FAILURE
      image_path must name a JPEG or PNG picture, got ...
    lesson51/cut.jpg ...  FAILURE
      the picture 'lesson51/cut.jpg' is damaged: ...
    lesson51/bomb.png ...  FAILURE
      the picture must have at most 25000000 pixels, got ...
    lesson51/nothing.jpg ...  FAILURE
      image_path must name a file that is there, got ...
    lesson51/../../photo.jpg ...  FAILURE
      image_path must stay inside the lab's files, got ...
    lesson51/link.jpg ...  FAILURE
      image_path must stay inside the lab's files, got ...
    true: the progress was seen, and never went back
    true: the pictures on disk have the sizes that the tasks reported
    true: all six files were refused, and no new file was written

Open the photo and what became of it: they stay in .lab/files/.

Try next.  Guess first:
  1. Set OPERATIONS to ["crop", "resize", "filter"].  Is the picture another one?  And its size?
  2. Let the bomb have 20_000 x 2_000 pixels.  Is it refused?  By what is it stopped, if at all?
  3. Set SIDES_PX to [300] * 12.  Twelve tasks write the same file.  Is it ever a broken one?
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import group
from celery.result import AsyncResult
from PIL import Image
from rich.console import Console
from rich.progress import Progress

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from tasks.realworld_tasks import make_thumbnail, process_image
from work.sample_bomb import png_bomb

OPERATIONS = ["resize", "crop", "filter"]
SIDES_PX = [1200, 600, 300, 150]
POLL_S = 0.01  # the quickest step takes 0.01 s
TIMEOUT_S = 60  # a step takes 0.2 s at most; the rest is room for a busy machine


def main() -> None:
    result = process_image.delay("photo.jpg", OPERATIONS)
    stood = follow(result)
    after = result.get(timeout=TIMEOUT_S)
    print(f"before: {describe(LAB_FILES / 'photo.jpg')}")
    print(f"progress seen: {stood} of {len(OPERATIONS)} operations")
    print(f"after:  {describe(LAB_FILES / after['image'])}")

    pictures = group(make_thumbnail.s("photo.jpg", side_px) for side_px in SIDES_PX)()
    thumbnails = pictures.get(timeout=TIMEOUT_S)
    for one in thumbnails:
        size = f"{one['width_px']} x {one['height_px']} pixels"
        print(f"{one['image']:<18}{size}, {one['size_bytes'] / 1000:.0f} kB")

    with bad_files(LAB_FILES / "lesson51") as (folder, names):
        before = sorted(folder.rglob("*"))
        states = []
        for name in names:
            refused = process_image.delay(name, OPERATIONS)
            why = refused.get(timeout=TIMEOUT_S, propagate=False)
            states.append((refused.state, type(why)))
            print(f"{name:<25}{size_of(name):>13}  {refused.state}\n  {why}")
        unchanged = sorted(folder.rglob("*")) == before

    claim(bool(stood) and stood == sorted(stood), "the progress was seen, and never went back")
    claim(
        all(on_disk(one) == (one["width_px"], one["height_px"]) for one in [after, *thumbnails]),
        "the pictures on disk have the sizes that the tasks reported",
    )
    claim(
        states == [("FAILURE", ValueError)] * len(names) and unchanged,
        "all six files were refused, and no new file was written",
    )


def follow(result: AsyncResult) -> list[int]:
    """Show a bar until the task ends; return where it stood, in order."""
    stood: list[int] = []
    with Progress(console=Console(stderr=True)) as bar:
        line = bar.add_task("photo.jpg", total=len(OPERATIONS))
        while not result.ready():
            report = result.info
            if isinstance(report, dict) and "done" in report and stood[-1:] != [report["done"]]:
                stood.append(report["done"])
                bar.update(line, completed=report["done"])
            time.sleep(POLL_S)
        bar.update(line, completed=len(OPERATIONS))
    return stood


@contextmanager
def bad_files(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Make files that a visitor should not be able to upload; give their folder and names."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
    folder.mkdir(parents=True)
    photo = (LAB_FILES / "photo.jpg").read_bytes()
    (folder / "text.jpg").write_text("only text\n")
    (folder / "cut.jpg").write_bytes(photo[: len(photo) // 2])
    (folder / "bomb.png").write_bytes(png_bomb(20_000, 10_000))
    with tempfile.TemporaryDirectory() as outside:
        (Path(outside) / "secret.jpg").write_bytes(photo)
        (folder / "link.jpg").symlink_to(Path(outside) / "secret.jpg")
        names = ["text.jpg", "cut.jpg", "bomb.png", "nothing.jpg", "../../photo.jpg", "link.jpg"]
        try:
            yield folder, [f"{folder.name}/{name}" for name in names]
        finally:
            shutil.rmtree(folder)


def size_of(name: str) -> str:
    """The size of a file, where there is one."""
    path = LAB_FILES / name
    return f"{path.stat().st_size} bytes" if path.is_file() else ""


def on_disk(report: dict) -> tuple[int, int]:
    """Width and height of a picture, read from its file."""
    with Image.open(LAB_FILES / report["image"]) as picture:
        return picture.size


def describe(path: Path) -> str:
    """The name of a picture, its size in pixels and in bytes, read from its file."""
    with Image.open(path) as picture:
        size = f"{picture.width} x {picture.height}"
    return f"{path.name}, {size} pixels, {path.stat().st_size / 1000:.0f} kB"


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"])
