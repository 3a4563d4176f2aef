"""Draw the sample picture of the lab: an aeroplane in the evening, over mountains.

The lab draws its picture itself, so that it ships no photo and owes nobody for one.
"""

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

WIDTH_PX, HEIGHT_PX = 4000, 3000  # 12 megapixels, as a telephone takes them
SKY_TOP, SKY_BOTTOM = "#16264f", "#ffb070"  # night above, evening at the horizon
SUN_X, SUN_Y, SUN_RADIUS_PX = 2900, 1750, 230

# Each range of mountains: height of its middle line, height of its waves (pixels), colour.
# Far ones are pale, because there is more air in front of them.
RANGES = [(2050, 170, "#a9748a"), (2330, 200, "#6d4b72"), (2650, 190, "#35305a")]

# The aeroplane from below, nose at the right, in units of its own length.
PLANE = [
    (1.00, 0.00), (0.93, 0.035), (0.60, 0.045), (0.33, 0.46), (0.25, 0.46), (0.40, 0.05),
    (0.14, 0.04), (0.05, 0.16), (0.00, 0.16), (0.04, 0.00),
]  # fmt: skip
PLANE_X, PLANE_Y = 1180, 1020  # where its tail is
PLANE_LENGTH_PX, PLANE_CLIMB_DEG, PLANE_COLOUR = 900, 14, "#f7f4f1"


def draw_photo() -> Image.Image:
    """Return the picture: RGB, WIDTH_PX x HEIGHT_PX, the same at every call (about 0.5 s)."""
    picture = _sky()
    _add_sun(picture)
    draw = ImageDraw.Draw(picture)
    for number, (middle, wave, colour) in enumerate(RANGES):
        draw.polygon(_mountains(number, middle, wave), fill=colour)
    _add_plane(picture)
    return picture


def _sky() -> Image.Image:
    """A smooth change of colour from top to bottom."""
    gradient = Image.linear_gradient("L").resize((WIDTH_PX, HEIGHT_PX))
    return ImageOps.colorize(gradient, SKY_TOP, SKY_BOTTOM, mid="#c2607c")


def _add_sun(picture: Image.Image) -> None:
    """A pale disc with a glow of five times its size."""
    glow_px = 10 * SUN_RADIUS_PX
    glow = ImageChops.invert(Image.radial_gradient("L")).resize((glow_px, glow_px))
    glow = glow.point(lambda level: max(0, level - 75) // 2)
    picture.paste("#fff0c0", (SUN_X - glow_px // 2, SUN_Y - glow_px // 2), glow)
    ImageDraw.Draw(picture).circle((SUN_X, SUN_Y), SUN_RADIUS_PX, fill="#fff6dc")


def _mountains(number: int, middle: int, wave: int) -> list[tuple[float, float]]:
    """The outline of one range: a sum of three sines, closed along the lower edge."""
    outline: list[tuple[float, float]] = []
    for x in range(0, WIDTH_PX + 1, 10):
        t = x / WIDTH_PX * math.tau
        ridge = math.sin(2.1 * t + 2 * number) + 0.5 * math.sin(5.3 * t + number)
        ridge += 0.12 * math.sin(23 * t + 5 * number)
        outline.append((x, middle - wave * ridge))
    return [*outline, (WIDTH_PX, HEIGHT_PX), (0, HEIGHT_PX)]


def _add_plane(picture: Image.Image) -> None:
    """The aeroplane, and the two trails of its engines, which grow wider and end at the edge."""
    trails = Image.new("L", picture.size)
    draw = ImageDraw.Draw(trails)
    for side in (-0.14, 0.14):
        draw.polygon(_turned([(0.36, side), (-2.5, side - 0.06), (-2.5, side + 0.06)]), fill=110)
    picture.paste(PLANE_COLOUR, (0, 0), trails.filter(ImageFilter.GaussianBlur(6)))

    mirrored = [(x, -y) for x, y in reversed(PLANE)]
    ImageDraw.Draw(picture).polygon(_turned(PLANE + mirrored), fill=PLANE_COLOUR)


def _turned(outline: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """From units of the plane to pixels: turned upwards and moved to its place."""
    climb = math.radians(PLANE_CLIMB_DEG)
    return [
        (
            PLANE_X + PLANE_LENGTH_PX * (x * math.cos(climb) + y * math.sin(climb)),
            PLANE_Y + PLANE_LENGTH_PX * (y * math.cos(climb) - x * math.sin(climb)),
        )
        for x, y in outline
    ]
