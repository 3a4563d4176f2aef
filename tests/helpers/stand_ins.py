"""Programs that a test puts in the place of real ones."""

from pathlib import Path


def program(path: Path, text: str) -> Path:
    """Write an executable script, also where a link to another program is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
