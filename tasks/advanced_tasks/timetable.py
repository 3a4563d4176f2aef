"""Three steps that make a pipeline, and one that joins several pipelines.

    fetch_data -> process_item -> save_result
                  process_item, process_item, ... -> merge_items

What a chord collects is a list: process_item and save_result join it first.
Each takes what the one before returns, as JSON.  A timetable is small enough to travel in a
message; of something large, only the name of its file should travel.
"""

from celery_app import app
from lab_home import LAB_FILES
from work.flights import summary, timetable


@app.task
def fetch_data(source: str) -> dict:
    """Read one timetable of the shop: "north", "east", "south", or "source" for all of it.

    Any other name, such as "source1", gets a timetable of its own: a copy of "source".
    Returns {"source": str, "flights": [{"flight": "TL101", "seats": 180, ...}, ...]}.
    Raises ValueError for "west", where the shop does not fly, for what is no name, and for a file
    that is no timetable.
    """
    return timetable.read(source, LAB_FILES)


@app.task
def process_item(data: dict | list[dict]) -> dict:
    """Summarise by route what fetch_data returned.

    Returns {"source": str, "flights": int, "seats": int, "routes": {"AMS-OSL": {...}, ...}}.
    """
    return summary.summarise(data)


@app.task
def save_result(data: dict | list[dict]) -> dict:
    """Save what process_item returned, as results/SOURCE.json among the lab's files.

    Returns {"file": "results/north.json", "size_bytes": int}.  Running it twice is harmless:
    the second run writes the same file.
    """
    return summary.save(data, LAB_FILES)


@app.task
def merge_items(items: list[dict]) -> dict:
    """Join several results of process_item into one of the same form."""
    return summary.merge(items)
