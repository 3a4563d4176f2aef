"""What `./lab run NN` says after a lesson: what to try in it, and which one comes next."""

from textwrap import fill

from labkit.course.lessons import PLAYGROUND, WIDTH, Lesson, lesson_of_script, scripts

NEXT = "next: "


def what_next(lesson: Lesson) -> str:
    """The lesson's "Try next", and below it the next lesson: its command and its title.

    After the last one it is the playground; after a script without a number nothing.
    """
    following = _following(lesson)
    parts = [lesson.text.try_next]
    if following:
        indent = " " * len(NEXT)
        title = fill(following.text.title, WIDTH, initial_indent=indent, subsequent_indent=indent)
        parts += [f"{NEXT}./lab run {following.number}", title]
    return "\n".join(part for part in parts if part)


def _following(lesson: Lesson) -> Lesson | None:
    known = scripts(lesson.root)
    numbers = [number for number in known if number.isdecimal()]
    if lesson.number not in numbers:
        return None
    after = [number for number in [*numbers, PLAYGROUND] if number in known]
    place = after.index(lesson.number) + 1
    return lesson_of_script(known[after[place]], lesson.root) if place < len(after) else None
