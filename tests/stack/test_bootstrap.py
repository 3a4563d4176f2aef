"""./lab: what it installs, when, with what, and what it says.  No network: uv is a stand-in."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from lab_home import ROOT
from labkit.install import main
from tests.helpers.stand_ins import program
from tests.stack.helpers.bootstrap_copy import (
    NEW_PYTHON,
    NO_PROGRAM,
    OLD_PYTHON,
    UV,
    copy,
    installed,
    waiting,
)

__all__ = ["copy", "installed", "waiting"]

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
OFFLINE = "error: Request failed: dns error"


def test_the_first_call_installs_and_becomes_the_command(copy):
    before = set(copy.root.rglob("*"))
    process = copy.start("run", "two words", PYTHONHOME="/nowhere")
    output, errors = process.communicate(timeout=60)
    assert f"making .venv with Python {THIS}" in errors
    assert output == f"['run', 'two words'] {process.pid} {copy.tools} True\n"
    assert "--require-hashes --only-binary :all: -r requirements.lock" in copy.calls()
    (copy.root / "celery_app.py").write_text("print('imported')\n")
    question = [copy.venv / "bin/python", "-c", "import celery_app"]  # as every script of .venv
    assert subprocess.check_output(question, cwd="/", env={"LC_ALL": "C"}) == b"imported\n"
    new = {path.relative_to(copy.root).parts[0] for path in set(copy.root.rglob("*")) - before}
    assert new == {".lab", ".venv", "celery_app.py"}


def test_the_second_call_hands_over_at_once_also_through_symlinks(installed, tmp_path):
    (tmp_path / "first").symlink_to(Path("моя lab") / "lab")
    (tmp_path / "second").symlink_to(tmp_path / "first")
    (installed.tools / "labkit.py").write_text("where the learner is: not the lab's")
    assert installed.run("up", lab=tmp_path / "second").startswith("['up'] ")
    assert installed.calls() == ""


def test_the_tests_need_more_and_that_serves_the_lab_itself_too(installed):
    installed.run("test", "--help")
    assert installed.calls() == ""
    installed.run("test")
    assert "-r requirements-dev.lock" in installed.calls()
    for verb in ("test", "record", "up"):
        installed.run(verb)
    assert installed.calls() == ""


def test_an_environment_of_the_learner_or_of_an_older_lock_is_brought_up_to_date(copy):
    copy.make_venv()
    for lock in ("celery==5.7.0\n", "celery==5.7.1\n"):
        (copy.root / "requirements.lock").write_text(lock)
        assert "making" not in copy.run()
        assert "pip install" in copy.calls()
    copy.run()
    assert copy.calls() == ""
    assert (copy.venv / "mine").exists()


def test_a_moved_folder_gets_a_new_environment(installed):
    installed.root = installed.root.rename(installed.root.parent / "moved")
    assert "this folder was moved or copied: making .venv again" in installed.run()
    assert "making" not in installed.run()


@pytest.mark.parametrize(
    ("part", "harm", "reason"),
    [
        ("bin/python", "exit 1", "the Python of .venv is gone, or its packages"),
        ("bin/python", "echo 3.9", ".venv has Python 3.9"),
        ("bin/python", "echo 3.99", ".venv has Python 3.99"),
        ("lib", None, "the Python of .venv is gone, or its packages"),
    ],
)
def test_an_environment_that_cannot_be_used_is_made_again(installed, part, harm, reason):
    if harm:
        program(installed.venv / part, f"#!/bin/sh\n{harm}\n")
    else:
        shutil.rmtree(installed.venv / part)
    assert f"{reason}: making .venv again" in installed.run(LAB_PYTHON="python3")
    assert "making" not in installed.run()


def test_an_environment_whose_celery_does_not_start_is_no_success(copy):
    copy.make_venv()
    for _ in range(2):
        assert "its celery does not start; " in copy.run(code=1, CELERY_ENDS="1")


@pytest.mark.parametrize("named", [True, False])
def test_another_python_is_taken_where_it_is_named_or_python3_is_too_old(copy, named):
    other = copy.tools / ("my python" if named else "python3.12")
    program(copy.tools / "python3", NEW_PYTHON if named else OLD_PYTHON)
    program(other, NEW_PYTHON)
    assert copy.run("up", LAB_PYTHON=str(other) if named else "").startswith("['up'] ")
    assert copy.calls().startswith(f"{other}\n")


@pytest.mark.parametrize(
    ("python3", "named", "reason"),
    [
        (OLD_PYTHON, "", "python3 is Python 3.9"),
        (NO_PROGRAM, "", "there is no python3 here"),
        (NEW_PYTHON, "python3.99", "there is no python3.99 here"),
    ],
)
def test_a_python_that_cannot_be_used_is_named(copy, python3, named, reason):
    program(copy.tools / "python3", python3)
    program(copy.tools / "uv", UV if named else NO_PROGRAM)
    said = copy.run(code=1, LAB_PYTHON=named)
    assert said.startswith(f"error: the lab needs Python 3.11 or later, and {reason}\n\nhint: ")


def test_uv_brings_a_python_where_there_is_none(copy):
    (copy.tools / "python3").unlink()
    copy.run()
    assert copy.calls().startswith("python install 3.13\npython find 3.13\n")


def test_a_failed_install_leaves_nothing_and_a_failed_upgrade_what_was_there(copy):
    said = copy.run(code=1, UV_SAYS=OFFLINE)
    assert f"{OFFLINE}\nerror: the packages could not be installed, and the reason stands" in said
    assert "\n\nhint: printenv HTTPS_PROXY; ./lab" in said
    assert not copy.venv.exists()
    copy.run()
    (copy.root / "requirements.lock").write_text("celery==5.7.1\n")
    copy.run(code=1, UV_SAYS=OFFLINE)
    assert "making" not in copy.run()


def test_a_python_without_its_part_venv_is_named_with_the_debian_package(copy):
    (copy.tools / "uv").unlink()
    (copy.tools / "ensurepip.py").write_text("raise SystemExit('no ensurepip')\n")
    said = copy.run(code=1, PYTHONPATH=str(copy.tools))
    assert (
        f"no ensurepip\nerror: Python {THIS} could not make .venv, and the reason stands " in said
    )
    assert said.endswith(f"above\n\nhint: sudo apt-get install python{THIS}-venv; ./lab\n")


def test_a_folder_that_cannot_be_written_is_named(copy):
    (copy.root / ".lab").touch()  # where a folder must be made: fails for root too
    said = copy.run(code=1)
    assert re.match("error: the lab cannot write into its folder: .*/.lab'\n\nhint: cp -R ", said)


@pytest.mark.parametrize(
    ("where", "name", "value", "words"),
    [
        (sysconfig, "get_config_var", lambda _: "cpython-312-x86_64-linux-musl", "linux-musl; "),
        (sys, "platform", "win32", "in WSL or Docker\n\nhint: wsl "),
        (main, "NEEDED_MB", 10**12, "the disk is full: .*\n\nhint: df -h "),
    ],
)
def test_a_machine_on_which_the_lab_cannot_run_is_named(monkeypatch, where, name, value, words):
    monkeypatch.setattr(main, "VENV", Path("/nowhere"))
    main.check_machine()
    monkeypatch.setattr(where, name, value)
    with pytest.raises(main.InstallError, match=words):
        main.check_machine()


def test_a_second_lab_waits_for_the_first_and_installs_nothing_itself(copy, waiting):
    first, _, fifo = waiting
    second = copy.start("status")
    assert second.stderr.readline() == "another ./lab is installing: waiting until it has ended\n"
    fifo.write_text("go on\n")
    assert "['up']" in first.communicate(timeout=30)[0]
    assert "['status']" in second.communicate(timeout=30)[0]
    assert copy.calls().count("pip install") == 1


@pytest.mark.parametrize(
    ("number", "to_all", "code"),
    [
        (signal.SIGINT, True, 130),  # Ctrl-C: the terminal tells every process
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGHUP, True, 129),
    ],
)
def test_an_interrupted_install_leaves_no_program_and_no_half(copy, waiting, number, to_all, code):
    process, uv, _ = waiting
    (os.killpg if to_all else os.kill)(process.pid, number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (code, "")
    assert errors.endswith("\nstopped: the next ./lab starts the install again\n")
    assert "Traceback" not in errors
    assert not uv.running()
    assert not copy.venv.exists()


def test_after_a_kill_the_install_starts_from_the_beginning(copy, waiting):
    first, _, fifo = waiting
    first.kill()
    second = copy.start("up")
    assert "another ./lab" in second.stderr.readline()  # what it left still writes into .venv
    fifo.write_text("go on\n")
    output, errors = second.communicate(timeout=30)
    assert "the last install was interrupted: making .venv again" in errors
    assert "['up']" in output


def test_the_lock_of_the_tests_holds_everything_of_the_labs_lock():
    texts = [(ROOT / name).read_text() for name in main.LOCKS]
    lab, dev = (set(re.findall(r"^\S+==\S+", text, re.MULTILINE)) for text in texts)
    assert lab < dev
