"""docs/pictures/guarantees.svg: the counts as a heat map, with plain shapes and text.

It has a light ground of its own, so that it reads the same on a dark page.
"""

from labkit.matrix.cells import ACKNOWLEDGEMENTS, COUNTED, JOBS, SLOTS, Measured
from labkit.svg import document, text

LEFT, TOP = 250, 116  # where the first field begins, in px
FIELD_W, FIELD_H, GAP = 74, 30, 4
TITLE = "The table of docs/guarantees.md as a heat map"
BETWEEN = 26  # between the early and the late half
GROUP_H = 30  # the line above a group of rows
HALF_W = len(COUNTED) * FIELD_W
WIDTH = LEFT + 2 * HALF_W + BETWEEN + 20

# Dark text is readable on all of them.  The word and the number are always there, too: colour
# alone tells nothing to many eyes.
COLOURS = {
    "lost": (232, 106, 92),
    "started twice": (250, 220, 110),
    "finished twice": (243, 164, 78),
    "stuck": (187, 150, 222),
}
NOTHING = (236, 242, 236)
MEANINGS = {
    "lost": "never done",
    "started twice": "begun again",
    "finished twice": "done again",
    "stuck": "message still there",
}


def picture(measured: Measured) -> str:
    """The SVG text."""
    rows = list(dict.fromkeys(cell.row for cell in measured))
    whole = [row for row in rows if not row.startswith("child killed")]
    children = [row for row in rows if row.startswith("child killed")]
    numbers = {(cell.row, cell.acknowledgement): counts for cell, counts in measured.items()}
    shapes: list[str] = [*_head()]
    y = TOP
    for title, group in (
        ("The worker or its broker fails", whole),
        ("One process of its pool is killed, and the worker is set to...", children),
    ):
        shapes.append(text(20, y + 20, title, weight="bold"))
        y += GROUP_H
        for row in group:
            shapes.append(text(36, y + 20, row.partition(", ")[2] or row))
            for half, acknowledgement in enumerate(ACKNOWLEDGEMENTS):
                shapes += _fields(_half_x(half), y, numbers[row, acknowledgement])
            y += FIELD_H + GAP
        y += 8
    shapes += _legend(y + 10)
    return document(WIDTH, y + 54, TITLE, shapes, corners=' rx="8"')


def _half_x(half: int) -> int:
    return LEFT + half * (HALF_W + BETWEEN)


def _head() -> list[str]:
    title = f"What became of {JOBS} jobs: how many were lost, and how many were done twice"
    below = f"{SLOTS} of them were running when it happened; in the lower rows one of these was hit"
    shapes = [text(20, 32, title, size=17, weight="bold"), text(20, 52, below, fill="#555555")]
    for half, acknowledgement in enumerate(ACKNOWLEDGEMENTS):
        middle = _half_x(half) + HALF_W // 2 - GAP // 2
        words = f"{acknowledgement} acknowledgement"
        shapes.append(text(middle, TOP - 30, words, weight="bold", anchor="middle"))
        for number, name in enumerate(COUNTED):
            x = _half_x(half) + number * FIELD_W + (FIELD_W - GAP) // 2
            shapes.append(text(x, TOP - 8, name, size=10.5, anchor="middle"))
    return shapes


def _fields(left: int, y: int, numbers: tuple[int, ...]) -> list[str]:
    shapes = []
    for place, (name, number) in enumerate(zip(COUNTED, numbers, strict=True)):
        x = left + place * FIELD_W
        shapes.append(_box(x, y, FIELD_W - GAP, _colour(name, number)))
        middle = x + (FIELD_W - GAP) // 2
        weight, fill = ("bold", "#111111") if number else ("normal", "#6b736b")
        shapes.append(text(middle, y + 20, str(number), weight=weight, anchor="middle", fill=fill))
    return shapes


def _legend(y: int) -> list[str]:
    shapes, x = [], 36
    for name in COUNTED:
        shapes.append(_box(x, y, 22, _colour(name, SLOTS)))
        shapes.append(text(x + 30, y + 20, f"{name}: {MEANINGS[name]}"))
        x += 205
    return shapes


def _colour(name: str, number: int) -> str:
    """Full at the number of jobs that ran when the fault came, half between that and nothing."""
    if number == 0:
        mixed = NOTHING
    else:
        share = 0.55 + 0.45 * min(1.0, (number - 1) / (SLOTS - 1))
        red, green, blue = (round(255 + (part - 255) * share) for part in COLOURS[name])
        mixed = (red, green, blue)
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _box(x: int, y: int, width: int, fill: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{FIELD_H}" rx="4" fill="{fill}"/>'
