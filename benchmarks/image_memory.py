"""How much memory does process_image take?

Each picture is worked on by a process of its own, which reads its own peak.  What a process takes
that has only imported the code is subtracted.  Prints a table, and the largest peak beside the
promise in work/images.py (MEMORY_MB), which must hold.

    PYTHONPATH=. .venv/bin/python benchmarks/image_memory.py        # about 1 min
"""

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from work.images import MAX_PIXELS, MAX_SIDE_PX, MEMORY_MB, OPERATIONS, process

LARGEST = int(MAX_PIXELS**0.5)  # the side of a square at the limit
SIZES = [(1000, 1000), (4000, 3000), (LARGEST, LARGEST), (MAX_SIDE_PX, MAX_PIXELS // MAX_SIDE_PX)]
KINDS = {"photo.jpg": "RGB", "colour.png": "RGB", "grey16.png": "I;16", "turned.png": "RGB"}
KINDS["alpha.png"] = "RGBA"
ROTATED = 6  # in the note about how the camera was held


def draw(path: Path, size: tuple[int, int]) -> None:
    """Write a picture of one colour: a small file, and as large as any other in memory."""
    notes = Image.Exif()
    notes[0x0112] = ROTATED if path.stem == "turned" else 1
    Image.new(KINDS[path.name], size, 100).save(path, exif=notes)


def peak_mb(*arguments: str) -> float:
    """The peak of a fresh process of this script, in 10**6 bytes."""
    line = [sys.executable, __file__, *arguments]
    root = Path(__file__).parents[1]
    return float(subprocess.check_output(line, text=True, cwd=root, env={"PYTHONPATH": str(root)}))


def own_peak_mb() -> float:
    """The peak of this process.  (Linux counts in ru_maxrss what our parent had, too.)"""
    if sys.platform == "linux":
        kilobytes = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(kilobytes[1]) * 1024 / 1e6 if kilobytes else 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Print the table; exit 1 if a peak is larger than the promise."""
    if sys.argv[1:]:
        _, name, *operations = sys.argv
        if operations:
            process(Path(name).name, operations, Path(name).parent)
        print(own_peak_mb())
        return
    imported, largest = peak_mb("imported"), 0.0
    print(f"a process that only imported the code: {imported:.0f} MB; above that:")
    print(f"{'picture':12}{'size':16}{'pixels':>12}", *(f"{one:>8}" for one in OPERATIONS), "  MB")
    with tempfile.TemporaryDirectory() as folder:
        for name in KINDS:
            for width, height in SIZES:
                path = Path(folder) / name
                draw(path, (width, height))
                peaks = [peak_mb(str(path), one) - imported for one in OPERATIONS]
                largest = max(largest, *peaks)
                size = f"{width} x {height}"
                row = f"{name:12}{size:16}{width * height:12,}"
                print(row, *(f"{peak:8.0f}" for peak in peaks))
    print(f"largest {largest:.0f} MB (at most {MEMORY_MB})")
    sys.exit(largest > MEMORY_MB)


if __name__ == "__main__":
    main()
