"""What a power cut, or a spoiled disk, does to the embedded broker's append-only file.

Valkey itself loads a file that ends in the middle of a command (aof-load-truncated).  Zeros at the
end, which a power cut can leave, are cut off here; no command ends with one.  Anything else is
told, and the file stays as it is.
"""

import re
from pathlib import Path
from shlex import quote

from labkit.errors import LabError

FOLDER = "appendonlydir"  # Valkey's own name
BLOCK_BYTES = 65_536
EMPTY_BYTES = 200  # a base file without data has 89
_STARTS = "Valkey is starting"
_UNREADABLE = re.compile(
    r"(bad file format|error) reading the append only file|AOF manifest file|obtain the AOF file"
    r"|short read or OOM loading DB|unexpected EOF reading RDB|append-only dir",
    re.IGNORECASE,
)
_FILE = re.compile(r"appendonly\.aof\.\d+\.\w+\.\w+")


def cut_zeros(data: Path) -> str:
    """Cut the zeros off the end of the newest file; say what was done, or ""."""
    files = sorted(data.glob(f"{FOLDER}/*.incr.aof"), key=lambda file: int(file.name.split(".")[2]))
    if not files or not files[-1].is_file():  # Valkey says what is wrong with it
        return ""
    with files[-1].open("r+b") as file:
        size = end = file.seek(0, 2)
        while end:
            begin = max(0, end - BLOCK_BYTES)
            file.seek(begin)
            block = file.read(end - begin).rstrip(b"\0")
            end = begin + len(block)
            if block:
                break
        if end == size:
            return ""
        file.truncate(end)
    return f"the lab has cut {size - end} zero bytes off the end of {files[-1]}"


def broken_data(home: Path) -> LabError | None:
    """The error for a file that the broker could not read at its last start, or that is missing.

    None if it could, and where that file has been moved away, or changed, since.
    """
    if lost := lost_manifest(home):
        return lost
    log, data = home / "logs" / "broker.log", home / "redis"
    try:
        last = log.read_text(errors="replace").rpartition(_STARTS)[2]
        wrong = _UNREADABLE.search(last)
        if "Ready to accept" in last or not wrong:
            return None
        found = _FILE.search(last, wrong.start())
        file = data / FOLDER / (found[0] if found else "appendonly.aof.manifest")
        if (file if file.exists() else file.parent).stat().st_mtime > log.stat().st_mtime:
            return None
    except OSError:
        return None
    return _error(home, file)


def lost_manifest(home: Path) -> LabError | None:
    """The error for data without the list of its files: Valkey would begin empty."""
    folder = home / "redis" / FOLDER
    manifest = folder / "appendonly.aof.manifest"
    sizes = {file.name: file.stat().st_size for file in folder.glob("appendonly.aof.*")}
    empty = all(size <= (EMPTY_BYTES if ".base." in name else 0) for name, size in sizes.items())
    if manifest.exists() or empty:
        return None
    return _error(home, manifest)


def _error(home: Path, file: Path) -> LabError:
    data = home / "redis"
    number, aside = 1, home / "redis-broken"
    while aside.exists():
        number += 1
        aside = home / f"redis-broken-{number}"
    state = "is damaged" if file.exists() else "is missing"
    return LabError(
        f"the broker's file {file} {state}, and its messages and results cannot be loaded",
        f"mv {quote(str(data))} {quote(str(aside))}; ./lab up",
    )
