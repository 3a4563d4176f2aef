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

    progress seen: [...] of 3 operations
    picture                       pixels       size
    photo.jpg                     4000 x 3000  ... kB
    photo-resize-crop-filter.jpg  1200 x 1200  ... kB
    photo-1200px.jpg              1200 x 900   ... kB
    photo-600px.jpg               600 x 450    ... kB
    photo-300px.jpg               300 x 225    ... kB
    photo-150px.jpg               150 x 113    ... kB
    true: the progress was seen, and never went back
    true: the pictures on disk have the sizes that the tasks reported
    lesson51/text.jpg: FAILURE ValueError
      image_path must name a JPEG or PNG picture, got ...
    lesson51/cut.jpg: FAILURE ValueError
      the picture 'lesson51/cut.jpg' is damaged: ...
    lesson51/bomb.png: FAILURE ValueError
      the picture must have at most 25000000 pixels, got ...
    lesson51/nothing.jpg: FAILURE ValueError
      image_path must name a file that is there, got ...
    lesson51/../../photo.jpg: FAILURE ValueError
      image_path must stay inside the lab's files, got ...
    lesson51/link.jpg: FAILURE ValueError
      image_path must stay inside the lab's files, got ...
    true: beside the six files that were refused, nothing was written

Open the photo and what became of it: they stay in .lab/files/.

Try next.  Guess first:
  1. Set OPERATIONS to ["crop", "resize", "filter"].  Is the picture another one?  And its size?
  2. Set BOMB_PX to (20_000, 2_000).  Is it refused?  By what is it stopped, if at all?
  3. Set SIDES_PX to [300] * 12.  Twelve tasks write the same file.  Is it ever a broken one?
"""

from celery import group

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.endings import how_it_ended
from labkit.lesson.pictures import bad_pictures, files_in, picture_row, size_px
from labkit.lesson.progress import follow
from tasks.realworld_tasks import make_thumbnail, process_image

PHOTO = "photo.jpg"  # the task draws it where it is missing
OPERATIONS = ["resize", "crop", "filter"]
SIDES_PX = [1200, 600, 300, 150]
BOMB_PX = (20_000, 10_000)  # 8 times what is permitted
FOLDER = "lesson51"
TIMEOUT_S = 60  # a step takes 0.2 s at most; the rest is room for a busy machine


def main() -> None:
    # The task calls self.update_state(state="PROGRESS", meta={"done": ..., "total": ...}) after
    # each operation.  Whoever has its id can ask how far it is; follow() draws a bar from that.
    result = process_image.delay(PHOTO, OPERATIONS)
    stood = follow(result, PHOTO)
    made = [result.get(timeout=TIMEOUT_S)]

    # A group: four tasks for four sizes, and one .get() for all of them.
    # region group
    thumbnails = group(make_thumbnail.s(PHOTO, side_px) for side_px in SIDES_PX)()
    made += thumbnails.get(timeout=TIMEOUT_S)
    # endregion

    # A task returns where the picture is, and how large.  The picture stays out of Redis.
    print(f"progress seen: {stood} of {len(OPERATIONS)} operations")
    names = [PHOTO, *(report["image"] for report in made)]
    table("picture", "pixels", "size", rows=map(picture_row, names))
    claim(bool(stood) and stood == sorted(stood), "the progress was seen, and never went back")
    claim(
        all(size_px(one["image"]) == (one["width_px"], one["height_px"]) for one in made),
        "the pictures on disk have the sizes that the tasks reported",
    )

    # No wait mends a file, so a ValueError ends the task at the first attempt.  .get() would raise
    # it again, here; propagate=False hands it over.
    with bad_pictures(FOLDER, PHOTO, BOMB_PX) as names:
        before = files_in(FOLDER)
        for name in names:
            refused = process_image.delay(name, OPERATIONS)
            why = refused.get(timeout=TIMEOUT_S, propagate=False)
            print(f"{name}: {how_it_ended(refused)}\n  {why}")
        after = files_in(FOLDER)
    claim(after == before, "beside the six files that were refused, nothing was written")


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"])
