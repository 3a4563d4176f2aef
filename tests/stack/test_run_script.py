"""A lesson is a process: its output comes while it runs, and signals reach it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

import pytest

from tests.helpers.small_lab import PLAIN, RUN, SmallLab, write

RUN_SCRIPT = """
import sys
from pathlib import Path
from labkit.course.script import run_script
run = run_script(Path(sys.argv[1]), {}, Path(sys.argv[2]))
print("signal", run.signal, "exit code", run.exit_code)
"""


def start(script: Path, lab: SmallLab, **streams) -> subprocess.Popen:
    """Run a script through run_script in a process of its own, which a test may signal."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN_SCRIPT, str(script), str(lab.root)],
        stdout=subprocess.PIPE,
        text=True,
        **streams,
    )


def read_line(process: subprocess.Popen) -> str:
    return cast(IO[str], process.stdout).readline()


def test_output_is_shown_while_the_lesson_still_runs(small_lab, tmp_path):
    body = f"import time\nprint('one')\nwhile not open({str(tmp_path / 'gates')!r}).read():\n"
    write(tmp_path / "gates", "")
    script = small_lab.lesson(body + "    time.sleep(0.02)\nprint('two')", end=PLAIN)
    process = start(script, small_lab)
    assert read_line(process) == "one\n"
    write(tmp_path / "gates", "open")
    assert process.communicate(timeout=20)[0].startswith("two\n")


WAITS = """
import signal, time
try:
    print("waiting")
    time.sleep(60)
finally:
    print("cleaned up")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_lesson_clean_up(small_lab, number):
    process = start(small_lab.lesson(WAITS, end=RUN), small_lab)
    assert read_line(process) == "waiting\n"
    process.send_signal(number)
    out = process.communicate(timeout=20)[0]
    assert out == f"cleaned up\nsignal {int(number)} exit code 130\n"


def test_ctrl_c_before_the_lesson_has_started_shows_no_traceback(small_lab):
    script = small_lab.lesson(end="import time\n    print('importing')\n    time.sleep(60)")
    process = start(script, small_lab, stderr=subprocess.PIPE)
    assert read_line(process) == "importing\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("signal 2 exit code -15\n", "")


def test_the_third_ctrl_c_kills_a_lesson_that_does_not_end(small_lab):
    body = "import signal, time\nsignal.signal(2, lambda *_: print('no'))\nprint('waiting')\n"
    process = start(small_lab.lesson(body + "while True:\n    time.sleep(60)"), small_lab)
    lines = []
    for _ in range(3):
        lines.append(read_line(process))
        process.send_signal(signal.SIGINT)
    assert lines == ["waiting\n", "no\n", "no\n"]
    assert process.communicate(timeout=20)[0] == "signal 2 exit code -9\n"


def test_the_run_ends_with_the_lesson_even_if_a_child_keeps_the_output_open(small_lab):
    body = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid)"
    process = start(small_lab.lesson(body, end=PLAIN), small_lab)
    pid = int(read_line(process))
    try:
        assert process.communicate(timeout=20)[0] == "signal 0 exit code 0\n"
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_reader_that_goes_away_ends_the_lesson(small_lab, tmp_path):
    body = f"""
print("waiting")
try:
    while True:
        print("x" * 1000)
finally:
    open({str(tmp_path / "cleaned")!r}, "w").close()
"""
    process = start(small_lab.lesson(body), small_lab, stderr=subprocess.DEVNULL)
    read_line(process)
    cast(IO[str], process.stdout).close()
    process.wait(timeout=20)
    assert (tmp_path / "cleaned").exists()
