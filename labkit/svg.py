"""Pictures in SVG: plain text and shapes, on a light ground of their own.

So they read the same on a dark page.
"""

from collections.abc import Sequence
from html import escape


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 13,
    weight: str = "normal",
    anchor: str = "start",
    fill: str = "#222222",
) -> str:
    """A line of text.  x, y, size: px."""
    look = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{fill}"'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(words)}</text>'


def document(
    width: int, height: int, title: str, shapes: Sequence[str], *, corners: str = ""
) -> str:
    """The whole picture, on a white ground.  width, height: px.  corners: ' rx="8"' rounds it."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f'<rect width="{width}" height="{height}"{corners} fill="#ffffff"/>',
        *shapes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
