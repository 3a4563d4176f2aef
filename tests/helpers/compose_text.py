"""docker-compose.yml as text, taken apart by its indentation; no YAML library is a dependency."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"


def blocks(text: str, indent: int = 0) -> dict[str, str]:
    """The keys at this indentation, each with what stands below it.

    >>> blocks("a:\\n  b: 1\\n  c: 2\\nd: 3\\n")
    {'a': '  b: 1\\n  c: 2\\n', 'd': ' 3\\n'}
    """
    found: dict[str, str] = {}
    key = ""
    for line in text.splitlines(keepends=True):
        start = re.match(rf" {{{indent}}}([\w-]+):(?: [&*]\w+)?(.*\n)", line)
        if start:
            key = start[1]
            found[key] = "" if not start[2].strip() else start[2]
        elif key and (line.startswith(" " * (indent + 1)) or not line.strip()):
            found[key] += line
    return found


def services() -> dict[str, str]:
    """Service name -> its block of lines."""
    return blocks(blocks(COMPOSE_FILE.read_text())["services"], indent=2)


def redis_script() -> str:
    """The shell script by which the container of Redis starts, as its shell sees it."""
    command = blocks(services()["redis"], indent=4)["command"]
    return dedent(command.partition("- |\n")[2]).replace("$$", "$")


def base_images() -> dict[str, str]:
    """The two images that come from elsewhere: {"redis": "redis:7-...", "python": ...}."""
    redis = blocks(services()["redis"], indent=4)["image"].strip()
    python = re.search(r"^FROM (\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert python
    return {"redis": redis, "python": python[1]}
