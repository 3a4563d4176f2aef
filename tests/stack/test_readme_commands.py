"""The commands of README.md, typed as they stand there into a shell, in a fresh copy.

Left out are the tours (test_lessons_*.py run their lessons), the matrix (test_matrix.py), a Redis
on its usual port (test_supervisor.py has one elsewhere), containers (test_containers.py), and uv
and pip (test_install.py).
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from labkit.broker.server import free_port
from tests.course.test_readmes import blocks, commands
from tests.stack.helpers.fresh_copy import CELERY, FreshCopy
from tests.stack.helpers.labs import READY_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

UP = "./lab up"
BROKER_ALONE = "./lab up --workers 0 --no-beat --no-flower --no-web --no-mail"
ACTIVATE = ". .venv/bin/activate"
BY_HAND = {  # what each prints when it runs
    "celery -A celery_app worker --loglevel=info --queues=basic,advanced,realworld": " ready.",
    "celery -A celery_app beat": "celerybeat@",
    "celery -A celery_app flower": "Connected to redis://",
}
ELSEWHERE = re.compile(r"^\./lab (tour|matrix)|^echo |^docker |^uv |^pip ")
END_S = 30


class Shell:
    """A terminal in a fresh copy."""

    def __init__(self, copy: FreshCopy, logs: Path) -> None:
        self.copy = copy
        self.logs = logs

    def type(self, command: str) -> str:
        """Run a command that must succeed; return what it prints."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.copy.root,
            env=self.copy.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    @contextmanager
    def keep(self, command: str, until: str) -> Iterator[Path]:
        """Start a command that does not end by itself; yield its output; press Ctrl-C."""
        log = self.logs / f"{command.rsplit(maxsplit=1)[-1]}.txt"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.copy.root,
                env=self.copy.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: until in log.read_text() or process.poll() is not None, READY_S, command
            )
            assert process.poll() is None, log.read_text()
            yield log
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(END_S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> FreshCopy:
    """A fresh copy into which the lab command has installed itself, which takes it a minute."""
    one = FreshCopy(tmp_path_factory.mktemp("fresh"))
    assert f"the lab runs on {CELERY}" in one.run("./lab", "--version")
    return one


@pytest.fixture
def shell(copy: FreshCopy, tmp_path: Path) -> Shell:
    for name in ("FLOWER_PORT", "WEB_PORT"):  # the usual ones may be taken on this machine
        copy.environment[name] = str(free_port())
    return Shell(copy, tmp_path)


def without_numbers(text: str) -> str:
    """The text with N for each time, port and version."""
    return re.sub(r"\d[\d.]*", "N", text)


def test_the_lab_command_has_installed_itself_and_runs_from_any_folder(copy):
    assert "as promised" in copy.run(copy.root / "lab", "run", "01", folder=Path("/"))
    copy.check(copy.root / ".venv")


def test_the_commands_of_the_readme_run_as_written(shell):
    not_now = {UP, BROKER_ALONE, ACTIVATE, *BY_HAND, "./lab down"}
    now = [one for one in commands("en") if one not in not_now and not ELSEWHERE.match(one)]
    assert now[0] == "./lab run 01"
    with shell.keep(UP, until="Ctrl-C stops everything.") as log:
        shown = blocks("en", "text")[1].removeprefix("$ ./lab up\n")
        assert without_numbers(shown) in without_numbers(log.read_text())
        task_id = ""
        for command in now:
            said = shell.type(command.replace("TASK_ID", task_id))
            if found := re.search(r"look: \S+/task/(\S+)", said):
                task_id = found[1]
        assert task_id
        shell.type("./lab down")


def test_the_parts_can_be_started_by_hand(shell):
    assert {BROKER_ALONE, ACTIVATE, *BY_HAND} <= set(commands("en"))
    with ExitStack() as terminals:
        terminals.enter_context(shell.keep(BROKER_ALONE, until="Ctrl-C stops everything."))
        for command, until in BY_HAND.items():
            terminals.enter_context(shell.keep(f"{ACTIVATE}; {command}", until))
        nodes = shell.type(f"{ACTIVATE}; celery -A celery_app inspect ping")
        assert re.search(r"celery@\S+: OK", nodes)
        assert re.search(r"celerybeat@\S+: OK", nodes)
