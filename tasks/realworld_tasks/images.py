"""Tasks on pictures: process_image and make_thumbnail."""

from typing import Any

from celery_app import app
from lab_home import LAB_FILES
from work import images


@app.task(bind=True)
def process_image(self: Any, image_path: str, operations: list[str]) -> dict:
    """Apply "resize", "crop" and "filter" in the given order; write the outcome beside the file.

    image_path: a JPEG or PNG among the lab's files; a sample is drawn when it is missing.
    Meanwhile the task's state is PROGRESS, with {"done": int, "total": int} operations.

    Returns {"image": "photo-resize-crop.jpg", "width_px": int, "height_px": int,
    "size_bytes": int}.
    Raises ValueError for an unknown operation and for a file that is called "nothing", outside the
    lab's files, not a picture, damaged or too large.  There is no retry: no wait heals these.
    """

    def report(done: int, total: int) -> None:
        # Called as a plain function there is no id, and nobody to report to.
        if not self.request.called_directly:
            self.update_state(state="PROGRESS", meta={"done": done, "total": total})

    return images.process(image_path, operations, LAB_FILES, report)


@app.task
def make_thumbnail(image_path: str, longest_side_px: int) -> dict:
    """Write a small copy of a picture beside it: photo.jpg with 300 -> photo-300px.jpg.

    longest_side_px: 16 to 1600.  image_path, the result and the errors are those of process_image.
    """
    return images.thumbnail(image_path, longest_side_px, LAB_FILES)
