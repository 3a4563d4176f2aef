"""The real-world level in one script: an e-mail in any language, and a picture with progress.

A web page that sends e-mail or changes pictures itself keeps its visitor waiting.  Handed to
a queue, both calls return in milliseconds, and the page can show a progress bar meanwhile.
The lessons 50 to 74 go on from here.

Nothing leaves your machine: the task hands the e-mail to the lab's own mail server, which keeps
it, and the photo is one that the lab draws.  See both: ./lab mail 1, and .lab/files/.

    ./lab run realworld_usage        # about 1 s

Watch: http://localhost:5555/tasks lists the three tasks with their arguments and results.  It
does not show PROGRESS: that state is for whoever holds the id.

You should see:

    both were sent in ... ms
    e-mail: taken by the mail server, and kept as mail/li@example.com/....eml
    its subject travels as =?utf-8?b?5qyi6L+O?= and reads 欢迎
    progress seen: ... of 3
    picture: photo-resize-crop-filter.jpg, 1200 x 1200 pixels, ... bytes
    rotate: FAILURE ValueError("each operation must be one of resize, crop, filter, got 'rotate'")
    true: the e-mail in the mailbox has the subject that was sent
    true: the progress never went back
    true: the picture on disk has the size that the task reported
"""

import email
import time

from PIL import Image

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.lesson.progress import follow
from tasks.realworld_tasks import process_image, send_email
from work.mail.mailbox import find_email, read_email

TIMEOUT_S = 20  # everything here takes 1 s; the rest is room for a slow laptop
OPERATIONS = ["resize", "crop", "filter"]


def main() -> None:
    start = time.monotonic()
    letter = send_email.delay(
        to_email="li@example.com",
        subject="欢迎",
        body="您的机票已确认。\nYour ticket is confirmed.",
    )
    picture = process_image.delay(image_path="photo.jpg", operations=OPERATIONS)
    print(f"both were sent in {1000 * (time.monotonic() - start):.0f} ms")

    # The task returns what the mail server has taken.  Look into the mailbox: only an effect is a
    # proof.
    message_id = letter.get(timeout=TIMEOUT_S)["message_id"]
    file = find_email(LAB_FILES / "mail", "li@example.com", message_id)
    encoded = email.message_from_bytes(file.read_bytes())["Subject"]
    subject = read_email(file)["Subject"]
    print(f"e-mail: taken by the mail server, and kept as {file.relative_to(LAB_FILES)}")
    print(f"its subject travels as {encoded} and reads {subject}")

    # The bar goes to standard error, and moves on a terminal only.  A web page would ask for the
    # progress in the same way, by the id.
    seen = follow(picture, "photo.jpg")
    print(f"progress seen: {seen} of {len(OPERATIONS)}")
    new = picture.get(timeout=TIMEOUT_S)
    with Image.open(LAB_FILES / new["image"]) as image:
        size_px = image.size
    print(f"picture: {new['image']}, {size_px[0]} x {size_px[1]} pixels, {new['size_bytes']} bytes")

    # A wrong argument fails at once, and says what was expected and what came.
    wrong = process_image.delay(image_path="photo.jpg", operations=["rotate"])
    error = wrong.get(timeout=TIMEOUT_S, propagate=False)
    print(f"rotate: {wrong.state} {error!r}")

    claim(subject == "欢迎", "the e-mail in the mailbox has the subject that was sent")
    claim(seen == sorted(seen), "the progress never went back")
    reported_px = (new["width_px"], new["height_px"])
    claim(size_px == reported_px, "the picture on disk has the size that the task reported")


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"], extras=["mail"])
