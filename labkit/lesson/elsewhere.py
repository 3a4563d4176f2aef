"""A program that is not the lab's, run by a lesson."""

import subprocess
import sys
import sysconfig

from lab_home import REDIS_URL, ROOT

TIMEOUT_S = 60  # such a program takes about 1 s; the rest is for a busy machine


def run_elsewhere(script: str) -> list[str]:
    """Run a script in another folder, where Python finds the libraries and not the lab.

    script: its path in the lab's folder.  It gets REDIS_URL in its environment, and nothing else.
    Returns the lines that it printed; if it failed, the last line is that of its error.
    """
    done = subprocess.run(
        [sys.executable, "-S", ROOT / script],  # -S: no .pth file adds the lab's folder
        cwd="/",
        env={"PYTHONPATH": sysconfig.get_path("purelib"), "REDIS_URL": REDIS_URL},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return [*done.stdout.splitlines(), *done.stderr.splitlines()[-1:]]
