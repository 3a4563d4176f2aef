"""A report of the shop as a PDF: what a timetable offers, as a table and as a chart."""

from io import BytesIO
from pathlib import Path

from work.files import path_inside, write_atomically
from work.flights.summary import summarise
from work.flights.timetable import read
from work.open_folders import open_file

FOLDER = "reports"
MAX_ROUTES = 20  # that many rows and bars fit onto one page
MAX_SIZE_BYTES = 5_000_000  # mail servers take about 10 MB, and an attachment grows by a third

MARGIN_PT = 60  # 1/72 inch, the unit of PDF
ROW_PT = 18
CHART_HEIGHT_PT = 200


def generate(source: str, name: str, folder: Path) -> dict:
    """Write the report of one timetable to reports/NAME.pdf in `folder`.

    Returns {"file": "reports/NAME.pdf", "source": str, "flights": int, "seats": int,
    "size_bytes": int}.
    Raises ValueError as read() does, for a source in other letters than those of English, and for
    a timetable of too many routes.
    """
    summary = summarise(read(source, folder))
    if not source.isascii():
        raise ValueError(f"source must be in letters that PDF's own fonts have, got {source!r}")
    if not 1 <= len(summary["routes"]) <= MAX_ROUTES:
        raise ValueError(
            f"a report must have 1 to {MAX_ROUTES} routes, got {len(summary['routes'])}"
        )
    file = f"{FOLDER}/{name}.pdf"
    content = draw(summary)
    write_atomically(path_inside(folder, file, "name"), content)
    figures = {"flights": summary["flights"], "seats": summary["seats"]}
    return {"file": file, "source": source, **figures, "size_bytes": len(content)}


def read_report(report: object, folder: Path) -> tuple[str, bytes]:
    """The name and the content of the file that generate() has written.

    Raises ValueError for what generate() does not return, and for a file that is not there.
    """
    if not isinstance(report, dict) or "file" not in report:
        raise ValueError(f"report must be what generate_report returns, got {report!r:.80}")
    path = path_inside(folder / FOLDER, str(report["file"]).removeprefix(f"{FOLDER}/"), "file")
    try:
        with open_file(path) as file:
            content = file.read(MAX_SIZE_BYTES + 1)
    except FileNotFoundError:
        missing = f"file must name a report that is there, got {report['file']!r}"
        raise ValueError(missing) from None
    if len(content) > MAX_SIZE_BYTES:
        raise ValueError(f"a report must have at most {MAX_SIZE_BYTES} bytes, got more")
    return path.name, content


def draw(summary: dict) -> bytes:
    """One page: a title, a row for each route, and a bar for each route's seats.

    The same summary gives the same bytes.
    """
    # Only who draws needs it: a worker that imports it at its start is ready 0.2 s later.
    from reportlab.graphics import renderPDF
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    width_pt, height_pt = A4
    buffer = BytesIO()
    # invariant: without the time of the drawing.  Without compression a test can read the text.
    page = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=0)
    page.setTitle(f"Timetable {summary['source']}")
    y_pt = height_pt - MARGIN_PT
    page.setFont("Helvetica-Bold", 18)
    page.drawString(MARGIN_PT, y_pt, f"Timetable {summary['source']}")
    page.setFont("Helvetica", 11)
    y_pt -= 2 * ROW_PT
    page.drawString(
        MARGIN_PT, y_pt, f"{summary['flights']} flights a day, {summary['seats']} seats"
    )
    y_pt -= 2 * ROW_PT
    for row in _rows(summary):
        for column, cell in enumerate(row):
            page.drawString(MARGIN_PT + 95 * column, y_pt, cell)
        y_pt -= ROW_PT
    chart = _chart(summary, width_pt - 2 * MARGIN_PT)
    renderPDF.draw(chart, page, MARGIN_PT, y_pt - CHART_HEIGHT_PT - ROW_PT)
    page.save()
    return buffer.getvalue()


def _rows(summary: dict) -> list[tuple[str, ...]]:
    """The table, its heading first."""
    routes = [
        (
            name,
            str(route["flights"]),
            str(route["seats"]),
            route["first"],
            f"{route['cheapest_cents'] / 100:.2f} EUR",
        )
        for name, route in summary["routes"].items()
    ]
    return [("route", "flights", "seats", "first flight", "cheapest"), *routes]


def _chart(summary: dict, width_pt: float):
    """One bar for each route, as high as it has seats."""
    from reportlab.graphics.charts.barcharts import VerticalBarChart
    from reportlab.graphics.shapes import Drawing, String

    bars = VerticalBarChart()
    bars.width, bars.height = width_pt - 40, CHART_HEIGHT_PT - 60
    bars.x, bars.y = 30, 40
    bars.data = [tuple(route["seats"] for route in summary["routes"].values())]
    bars.categoryAxis.categoryNames = list(summary["routes"])
    bars.categoryAxis.labels.angle = 30
    bars.categoryAxis.labels.dy = -12
    bars.valueAxis.valueMin = 0  # bars that do not begin at 0 mislead
    drawing = Drawing(width_pt, CHART_HEIGHT_PT)
    drawing.add(bars)
    drawing.add(String(30, CHART_HEIGHT_PT - 10, "seats a day", fontSize=11))
    return drawing
