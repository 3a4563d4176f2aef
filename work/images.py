"""Change a picture step by step: resize, crop, filter."""

import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from work import samples
from work.files import MAX_NAME_BYTES, path_inside, write_atomically
from work.open_folders import open_file
from work.sample_photo import draw_photo

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}  # of the sample, if one is drawn
MAX_SIZE_BYTES = 20_000_000  # the largest telephone photos have about half of it
MAX_PIXELS = 25_000_000  # a telephone takes 12 or 24 million
MAX_SIDE_PX = 20_000  # 1 x 25,000,000 pixels pass the limit above, and keep a core for 5 s
# What a picture within these limits takes at most, in each slot of a worker.  Pillow needs 4 bytes
# for a pixel, and each step has two pictures in memory at once: the old one and the new one.
# benchmarks/image_memory.py measures it.
MEMORY_MB = 260
MAX_OPERATIONS = 10
LONGEST_SIDE_PX = 1600  # a page of the shop is 800 wide, and sharp screens show twice that
JPEG_QUALITY = 90  # of 95; smaller numbers give smaller files and visible blocks

# What Pillow raises for content that it cannot read, found by feeding it damaged files.
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, IndexError, struct.error, zlib.error)


def _resize(picture: Image.Image) -> Image.Image:
    """Make the longest side LONGEST_SIDE_PX at most; never enlarge."""
    picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))  # changes the picture itself
    return picture


def _crop(picture: Image.Image) -> Image.Image:
    """Keep the largest square in the middle."""
    side_px = min(picture.size)
    left, top = ((length - side_px) // 2 for length in picture.size)
    return picture.crop((left, top, left + side_px, top + side_px))


def _filter(picture: Image.Image) -> Image.Image:
    """Draw the edges harder; seen best where light meets dark."""
    return picture.filter(ImageFilter.EDGE_ENHANCE_MORE)


OPERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resize": _resize,
    "crop": _crop,
    "filter": _filter,
}


def check_operations(operations: object) -> list[str]:
    """Return the operations if each is known; their order is the order of the work.

    >>> check_operations(["crop", "resize"])
    ['crop', 'resize']
    >>> check_operations(["rotate"])
    Traceback (most recent call last):
    ...
    ValueError: each operation must be one of resize, crop, filter, got 'rotate'
    """
    if not isinstance(operations, list | tuple):
        raise ValueError(
            f"operations must be a list such as ['resize', 'crop'], got {operations!r}"
        )
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise ValueError(f"operations must be 1 to {MAX_OPERATIONS}, got {len(operations)}")
    for operation in operations:
        if not isinstance(operation, str) or operation not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise ValueError(f"each operation must be one of {known}, got {operation!r}")
    return list(operations)


def process(
    image_path: str,
    operations: list[str],
    folder: Path,
    report: Callable[[int, int], object] = lambda _done, _total: None,
) -> dict:
    """Apply the operations to a JPEG or PNG file, and write the outcome beside it.

    image_path: relative to `folder`, and inside it.
    report: called with (done, total) operations, first with (0, total).
    Returns {"image": str, "width_px": int, "height_px": int, "size_bytes": int}, where image
    is the new file's path, relative to `folder`:
    photo.jpg with resize and crop -> {"image": "photo-resize-crop.jpg", ...}

    Raises ValueError for wrong arguments, and for a file that is missing, not a picture,
    damaged or too large, and if the new file's name would be too long.  Nothing is written then.
    """
    steps = check_operations(operations)
    source = _source(image_path, folder)

    report(0, len(steps))
    picture, file_format = _read(source, image_path)
    for done, step in enumerate(steps, start=1):
        picture = OPERATIONS[step](picture)
        report(done, len(steps))
    return _write(picture, file_format, source, "-".join(steps), folder)


def thumbnail(image_path: str, longest_side_px: int, folder: Path) -> dict:
    """Write a small copy of a picture beside it: photo.jpg with 300 -> photo-300px.jpg.

    longest_side_px: 16 to 1600; a picture that is smaller is not enlarged.
    The rest is as in process().
    """
    if type(longest_side_px) is not int or not 16 <= longest_side_px <= LONGEST_SIDE_PX:
        raise ValueError(
            f"longest_side_px must be 16 to {LONGEST_SIDE_PX}, got {longest_side_px!r:.80}"
        )
    source = _source(image_path, folder)
    picture, file_format = _read(source, image_path)
    picture.thumbnail((longest_side_px, longest_side_px))
    return _write(picture, file_format, source, f"{longest_side_px}px", folder)


def _source(image_path: str, folder: Path) -> Path:
    """The file that is meant; the sample picture is drawn when it is missing."""
    source = path_inside(folder, image_path, "image_path")
    file_format = FORMATS.get(source.suffix.lower())
    if file_format and samples.is_wanted(source):
        write_atomically(source, _encoded(draw_photo(), file_format))
    return source


def _write(picture: Image.Image, file_format: str, source: Path, what: str, folder: Path) -> dict:
    """Write the new picture beside its source, and describe it."""
    content = _encoded(picture, file_format)
    suffix = ".png" if file_format == "PNG" else ".jpg"
    target = source.with_name(f"{source.stem}-{what}{suffix}")
    size_bytes = len(os.fsencode(target.name))
    if size_bytes > MAX_NAME_BYTES:
        raise ValueError(
            f"the new file's name must have at most {MAX_NAME_BYTES} bytes, got {size_bytes}"
        )
    write_atomically(target, content)
    return {
        "image": str(target.relative_to(folder.resolve())),
        "width_px": picture.width,
        "height_px": picture.height,
        "size_bytes": len(content),
    }


def _read(path: Path, name: str) -> tuple[Image.Image, str]:
    """Return the decoded picture, upright, and its format: JPEG or PNG."""
    try:
        with open_file(path) as file:
            content = file.read(MAX_SIZE_BYTES + 1)
            size_bytes = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise ValueError(f"image_path must name a file that is there, got {name!r}") from None
    if len(content) > MAX_SIZE_BYTES:
        raise ValueError(f"the file must have at most {MAX_SIZE_BYTES} bytes, got {size_bytes}")
    try:
        # Only two of Pillow's many formats: each one more is a way in for hostile files.
        picture = Image.open(BytesIO(content), formats=["JPEG", "PNG"])
    except Image.DecompressionBombError:
        pixels = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ValueError(
            f"the picture must have at most {MAX_PIXELS} pixels, got more than {pixels}"
        ) from None
    except _UNREADABLE:
        raise ValueError(f"image_path must name a JPEG or PNG picture, got {name!r}") from None
    # So far only the header has been read.  The size it names decides whether we go on.
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS:
        raise ValueError(f"the picture must have at most {MAX_PIXELS} pixels, got {pixels}")
    if max(picture.size) > MAX_SIDE_PX:
        raise ValueError(
            f"the picture must have sides of at most {MAX_SIDE_PX} pixels, got {max(picture.size)}"
        )
    file_format = "PNG" if picture.format == "PNG" else "JPEG"
    try:
        # A telephone held upright stores a picture that lies on its side, and a note to turn it.
        ImageOps.exif_transpose(picture, in_place=True)
        # Each line lets go of the picture before: a third one in memory would be one too many.
        upright: Image.Image = picture
        del picture
        if upright.mode.startswith("I"):  # grey in 65,536 steps; convert() would cut all above 255
            upright = upright.convert("I")
            upright = upright.point(lambda grey: grey / 256)
        wanted = "RGBA" if file_format == "PNG" else "RGB"
        return upright if upright.mode == wanted else upright.convert(wanted), file_format
    except _UNREADABLE as error:
        raise ValueError(f"the picture {name!r} is damaged: {error}") from None


def _encoded(picture: Image.Image, file_format: str) -> memoryview:
    """The bytes of a JPEG or PNG file; notes such as where a photo was taken are left out."""
    content = BytesIO()
    picture.save(content, format=file_format, quality=JPEG_QUALITY)
    return content.getbuffer()  # getvalue() would copy them
