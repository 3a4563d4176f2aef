"""The lab command as a process: how it starts, and how it ends when its reader or you stop it."""

import os
import signal
import subprocess
import sys

import pytest

from lab_home import ROOT


def run_code(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own, in the lab's folder."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_character_that_the_terminal_lacks_is_no_traceback(tmp_path):
    code = "from labkit.cli import main; import labkit.course.index as index\n"
    code += "index.FIRST_STEPS = 'wait \u2026'; main([])"
    done = run_code(code, PYTHONIOENCODING="latin-1", LAB_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "wait ?\n", "")


def test_the_command_starts_without_celery():
    code = "import sys, labkit.cli; labkit.cli.main([]); sys.exit('celery' in sys.modules)"
    assert run_code(code).returncode == 0


@pytest.mark.parametrize("verb", ["lessons", "--help"])
def test_a_reader_that_goes_away_is_no_error(verb):
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", verb],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_streams_that_are_closed_are_open_on_nothing_here_and_in_a_child():
    code = (
        "import click, os, subprocess, sys, labkit.cli\n"
        "@labkit.cli.lab.command()\n"
        "def talk():\n"
        "    sys.stdout.buffer.write(b'x')\n"
        "    click.echo('y', err=True)\n"
        "    subprocess.run(['sh', '-c', 'echo x && echo y >&2 && read z'])\n"
        "    sys.exit([os.fstat(number).st_rdev for number in range(3)] != 3 * [nothing])\n"
        "nothing = os.stat(os.devnull).st_rdev\n"
        "labkit.cli.main(['talk'])"
    )
    shell = 'exec "$0" -c "$1" <&- >&- 2>&-'
    command = ["sh", "-c", shell, sys.executable, code]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_ctrl_c_while_the_command_is_imported_is_no_traceback():
    code = (
        "import os, runpy, signal, sys\n"
        "class PressCtrlC:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'labkit.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, PressCtrlC())\n"
        "runpy.run_module('labkit', run_name='__main__')"
    )
    done = run_code(code)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_second_ctrl_c_while_the_command_ends_changes_nothing():
    code = (
        "import atexit, os, signal, sys, labkit.cli\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['lab', 'no-such-verb']\n"
        "labkit.cli.program()"
    )
    done = run_code(code)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
