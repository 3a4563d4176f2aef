"""Summarise a timetable by route, join summaries, save them.

A summary is what the shop shows on its first page:

    {"source": "north", "flights": 4, "seats": 694, "routes": {
        "AMS-OSL": {"flights": 2, "seats": 360, "first": "07:30", "cheapest_cents": 9900}, ...}}
"""

import json
import zlib
from pathlib import Path
from typing import Any

from work.files import path_inside, write_atomically
from work.flights.timetable import MAX_NAME_CHARACTERS, file_name


def summarise(data: dict | list[dict]) -> dict:
    """Return the summary of one timetable, {"source": str, "flights": [flight, ...]}.

    A list of timetables, as a chord collects them, becomes one summary.

    >>> early = {"flight": "TL101", "origin": "AMS", "destination": "OSL", "departs": "07:30",
    ...          "seats": 180, "price_cents": 12900}
    >>> late = early | {"flight": "TL103", "departs": "18:10", "price_cents": 9900}
    >>> summarise({"source": "north", "flights": [early, late]})["routes"]
    {'AMS-OSL': {'flights': 2, 'seats': 360, 'first': '07:30', 'cheapest_cents': 9900}}
    """
    if isinstance(data, list) and data:
        return merge([_of_one(timetable) for timetable in data])
    return _of_one(data)


def _of_one(data: Any) -> dict:
    try:
        return _summary(
            data["source"],
            [
                (
                    f"{flight['origin']}-{flight['destination']}",
                    {
                        "flights": 1,
                        "seats": flight["seats"],
                        "first": flight["departs"],
                        "cheapest_cents": flight["price_cents"],
                    },
                )
                for flight in data["flights"]
            ],
        )
    except (KeyError, TypeError):
        raise ValueError(f"data must be what fetch_data returns, got {data!r:.80}") from None


def merge(items: list[dict]) -> dict:
    """Join several summaries into one; its source is their names, joined by +.

    A timetable among them is summarised first.

    >>> merge([summarise({"source": name, "flights": []}) for name in ("north", "east")])
    {'source': 'north+east', 'flights': 0, 'seats': 0, 'routes': {}}
    """
    try:
        items = [_of_one(item) if isinstance(item.get("flights"), list) else item for item in items]
        routes = [route for item in items for route in item["routes"].items()]
        return _summary(_joined([item["source"] for item in items]), routes)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"items must be what process_item returns, got {items!r:.80}") from None


def save(data: dict | list[dict], folder: Path) -> dict:
    """Write a summary to results/SOURCE.json in `folder`; the same one again changes nothing.

    A list, as a chord collects it, is joined first.
    Returns {"file": str, "size_bytes": int}, the file's path relative to `folder`.
    """
    if isinstance(data, list) and data:
        data = merge(data)
    if not isinstance(data, dict) or "routes" not in data:
        raise ValueError(f"data must be what process_item returns, got {data!r:.80}")
    file = f"results/{file_name(data.get('source'))}.json"
    content = json.dumps(data, indent=2).encode() + b"\n"
    write_atomically(path_inside(folder, file, "source"), content)
    return {"file": file, "size_bytes": len(content)}


def _joined(sources: list[str]) -> str:
    """The names, joined by +; a sum of very many is cut, and keeps a number of its own."""
    name = "+".join(sources)
    if len(name) <= MAX_NAME_CHARACTERS:
        return name
    return f"{name[: MAX_NAME_CHARACTERS // 2]}+{zlib.crc32(name.encode()):08x}"


def _summary(source: str, entries: list[tuple[str, dict]]) -> dict:
    """Add up entries (route, figures); a route that comes twice becomes one."""
    routes: dict[str, dict] = {}
    for name, new in entries:
        old = routes.get(name)
        routes[name] = new if old is None else _both(old, new)
    return {
        "source": source,
        "flights": sum(route["flights"] for route in routes.values()),
        "seats": sum(route["seats"] for route in routes.values()),
        "routes": dict(sorted(routes.items())),
    }


def _both(one: dict, other: dict) -> dict:
    return {
        "flights": one["flights"] + other["flights"],
        "seats": one["seats"] + other["seats"],
        "first": min(one["first"], other["first"]),
        "cheapest_cents": min(one["cheapest_cents"], other["cheapest_cents"]),
    }
