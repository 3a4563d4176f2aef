"""Pictures for a lesson: what lies on the disk, and files that should not have been uploaded."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from lab_home import LAB_FILES
from work.sample_bomb import png_bomb


def picture_row(name: str) -> tuple[str, str, str]:
    """Name, size in pixels and in bytes of a picture among the lab's files, read from its file.

    "photo-300px.jpg" -> ("photo-300px.jpg", "300 x 225", "9 kB")
    """
    width_px, height_px = size_px(name)
    return name, f"{width_px} x {height_px}", f"{(LAB_FILES / name).stat().st_size / 1000:.0f} kB"


def size_px(name: str) -> tuple[int, int]:
    """Width and height of a picture among the lab's files."""
    with Image.open(LAB_FILES / name) as picture:
        return picture.size


@contextmanager
def bad_pictures(folder_name: str, photo: str, bomb_px: tuple[int, int]) -> Iterator[list[str]]:
    """Make files that nobody should upload; give their names (a path, of a file or of none).

    They lie in a folder among the lab's files, which is removed in the end.
    photo: a good picture there.  bomb_px: width and height of the decompression bomb.
    """
    folder = LAB_FILES / folder_name
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
    folder.mkdir(parents=True)
    content = (LAB_FILES / photo).read_bytes()
    (folder / "text.jpg").write_text("only text\n")
    (folder / "cut.jpg").write_bytes(content[: len(content) // 2])
    (folder / "bomb.png").write_bytes(png_bomb(*bomb_px))
    with tempfile.TemporaryDirectory() as outside:
        (Path(outside) / "secret.jpg").write_bytes(content)
        (folder / "link.jpg").symlink_to(Path(outside) / "secret.jpg")
        names = ["text.jpg", "cut.jpg", "bomb.png", "nothing.jpg", "../../photo.jpg", "link.jpg"]
        try:
            yield [f"{folder_name}/{name}" for name in names]
        finally:
            shutil.rmtree(folder)


def files_in(folder_name: str) -> set[Path]:
    """Everything that lies below a folder among the lab's files."""
    return set((LAB_FILES / folder_name).rglob("*"))
