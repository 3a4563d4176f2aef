"""What the reloader makes of a look at the files."""

import asyncio
from types import SimpleNamespace

from labkit.stack import code
from labkit.stack.reload import Reloader

OLD = {"worker": "old", "beat": "old", "web": "old"}
HALF = OLD | {"worker": "new"}  # the file was saved while it looked
NEW = {"worker": "new", "beat": "new", "web": "new"}


def restarted(monkeypatch, *looks: dict[str, str]) -> list[str]:
    """The kinds that are restarted at one turn, which looks at the files at most so often."""
    some = [SimpleNamespace(kind=kind, name=kind, code=OLD[kind]) for kind in OLD]
    said = SimpleNamespace(say=lambda _text: None)
    parts = SimpleNamespace(children=some, refused=None, save=lambda: None, console=said)
    reloader = Reloader(parts)  # type: ignore[arg-type]
    left = iter(looks)
    names: list[str] = []

    async def replace(fit, newest) -> None:
        names.extend(child.kind for child in fit)
        assert newest == NEW

    monkeypatch.setattr(reloader, "_replace", replace)
    monkeypatch.setattr(code, "fingerprints", lambda: next(left))
    monkeypatch.setattr(code, "import_error", lambda **_: None)
    asyncio.run(reloader.reload())
    return names


def test_what_runs_older_code_is_restarted(monkeypatch):
    assert restarted(monkeypatch, NEW, NEW) == ["worker", "beat", "web"]
    assert restarted(monkeypatch, OLD) == []


def test_a_look_at_half_saved_files_restarts_nothing(monkeypatch):
    assert restarted(monkeypatch, HALF, NEW) == []
