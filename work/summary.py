"""Summarise a timetable by route, join summaries, save them.

A summary is what the shop shows on its first page:

    {"source": "north", "flights": 4, "seats": 694, "routes": {
        "AMS-OSL": {"flights": 2, "seats": 360, "first": "07:30", "cheapest_cents": 9900}, ...}}
"""

import json
from pathlib import Path

from work.files import path_inside, write_atomically
from work.timetable import check_name


def summarise(data: dict) -> dict:
    """Return the summary of one timetable, {"source": str, "flights": [flight, ...]}.

    >>> early = {"flight": "TL101", "origin": "AMS", "destination": "OSL", "departs": "07:30",
    ...          "seats": 180, "price_cents": 12900}
    >>> late = early | {"flight": "TL103", "departs": "18:10", "price_cents": 9900}
    >>> summarise({"source": "north", "flights": [early, late]})["routes"]
    {'AMS-OSL': {'flights': 2, 'seats': 360, 'first': '07:30', 'cheapest_cents': 9900}}
    """
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

    >>> merge([summarise({"source": name, "flights": []}) for name in ("north", "east")])
    {'source': 'north+east', 'flights': 0, 'seats': 0, 'routes': {}}
    """
    try:
        routes = [route for item in items for route in item["routes"].items()]
        return _summary("+".join(item["source"] for item in items), routes)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"items must be what process_item returns, got {items!r:.80}") from None


def save(data: dict, folder: Path) -> dict:
    """Write a summary to results/SOURCE.json in `folder`; the same one again changes nothing.

    Returns {"file": str, "size_bytes": int}, the file's path relative to `folder`.
    """
    if not isinstance(data, dict) or "routes" not in data:
        raise ValueError(f"data must be what process_item returns, got {data!r:.80}")
    file = f"results/{check_name(data.get('source'))}.json"
    content = json.dumps(data, indent=2).encode() + b"\n"
    write_atomically(path_inside(folder, file, "source"), content)
    return {"file": file, "size_bytes": len(content)}


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
