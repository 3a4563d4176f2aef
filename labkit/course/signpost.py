"""Which lesson comes before and after one, and what `./lab run NN` says at its end."""

from textwrap import fill

from labkit.course.lessons import PLAYGROUND, WIDTH, Lesson, lesson_of_script, scripts

NEXT = "next: "


def what_next(lesson: Lesson) -> str:
    """The lesson's "Try next", and the next lesson: its command, its title, and where to read it.

    After the last one it is the playground; after a script without a number nothing.
    """
    _, following = neighbours(lesson)
    parts = [lesson.text.try_next]
    if following:
        indent = " " * len(NEXT)
        title = fill(following.text.title, WIDTH, initial_indent=indent, subsequent_indent=indent)
        parts += [f"{NEXT}./lab run {following.number}", title]
        if following.page:
            parts.append(f"{indent}{following.shown(following.page)}")
    return "\n".join(part for part in parts if part)


def neighbours(lesson: Lesson) -> tuple[Lesson | None, Lesson | None]:
    """The lessons before and after it in the course; the playground comes after the last one.

    None where there is none, and for a script without a number.
    """
    known = scripts(lesson.root)
    order = [number for number in known if number.isdecimal()]
    if lesson.number not in order:
        return None, None
    order += [PLAYGROUND] if PLAYGROUND in known else []
    place = order.index(lesson.number)
    around = (order[place - 1 : place], order[place + 1 : place + 2])
    before, after = ([lesson_of_script(known[one], lesson.root) for one in two] for two in around)
    return before[0] if before else None, after[0] if after else None
