"""./lab: what it installs, when, with what, and what it says.  No network: uv is a stand-in."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_home import ROOT
from labkit.processes.identity import ProcessId

# A uv that makes a real, empty environment and notes how it was called.  It puts a `celery`
# there, fails with the words in $UV_SAYS, and waits at the fifo $UV_WAITS_AT.
UV = """\
#!/bin/sh
echo "uv $*" >>"$CALLS"
for last; do :; done
case $1 in
    venv) exec "$REAL_PYTHON" -m venv --without-pip "$last" ;;
    pip)
        if [ -n "$UV_WAITS_AT" ]; then echo $$ >"$UV_WAITS_AT.pid"; read -r _ <"$UV_WAITS_AT"; fi
        if [ -n "$UV_SAYS" ]; then echo "$UV_SAYS" >&2; exit 2; fi
        printf '#!/bin/sh\\nexit 0\\n' >.venv/bin/celery; chmod +x .venv/bin/celery ;;
    python) [ "$2" = install ] || echo "$REAL_PYTHON" ;;
esac
"""

# The lab command of the copy: says how it was started.
CLI = """\
import os, sys
print("arguments", sys.argv[1:])
print("process", os.getpid())
print("folder", os.getcwd())
print("bytecode", os.environ.get("PYTHONDONTWRITEBYTECODE"), "home", os.environ.get("PYTHONHOME"))
"""

NEW_PYTHON = '#!/bin/sh\necho "$0 called" >>"$CALLS"\nexec "$REAL_PYTHON" "$@"\n'
OLD_PYTHON = "#!/bin/sh\necho 3.9\n"


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


class Copy:
    """The bootstrap files in a folder with a space in its name, and a PATH with nothing else."""

    def __init__(self, folder: Path) -> None:
        self.root = folder.resolve() / "my lab"
        self.tools = folder / "tools"
        self.calls_file = folder / "calls"
        self.tools.mkdir()
        shutil.copytree(
            ROOT / "labkit/install",
            self.root / "labkit/install",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copy(ROOT / "lab", self.root)
        (self.root / "labkit/__init__.py").touch()
        (self.root / "labkit/__main__.py").write_text(CLI)
        (self.root / "examples/basic").mkdir(parents=True)
        (self.root / "examples/basic/01_first_task.py").touch()
        (self.root / "examples/basic_usage.py").touch()
        self.write_lock("requirements.lock", "celery==5.7.0")
        self.write_lock("requirements-dev.lock", "celery==5.7.0", "pytest==9.0.0")
        for name in ("cat", "chmod", "dirname", "readlink"):
            (self.tools / name).symlink_to(shutil.which(name) or name)
        program(self.tools / "uv", UV)
        program(self.tools / "python3", NEW_PYTHON)

    def write_lock(self, name: str, *pins: str) -> None:
        lines = [f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pins]
        (self.root / name).write_text("".join(lines))

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def start(self, *arguments: str, lab: Path | None = None, folder="/", **environment: str):
        """Start ./lab; its output comes through pipes."""
        clean = {
            "PATH": str(self.tools),
            "HOME": str(self.root),
            "CALLS": str(self.calls_file),
            "REAL_PYTHON": sys.executable,
        }
        return subprocess.Popen(
            [lab or self.root / "lab", *arguments],
            cwd=folder,
            env=clean | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, **options) -> str:
        """Run ./lab to its end, check its exit code, return both outputs."""
        process = self.start(*arguments, **options)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        return output + errors

    def calls(self) -> list[str]:
        """How the stand-ins were called since the last question."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text().splitlines()
        self.calls_file.unlink()
        return [line for line in lines if line != "uv --version"]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
def installed(copy: Copy) -> Copy:
    """A copy that has been installed; its calls are forgotten."""
    copy.run("up")
    copy.calls()
    return copy


def commands(calls: list[str]) -> list[str]:
    """The uv commands among the calls: ["venv", "pip"]."""
    return [call.split()[1] for call in calls if call.startswith("uv ")]


# -- The first time ---------------------------------------------------------------------------


def test_the_first_call_installs_and_then_runs_the_command(copy):
    said = copy.run("run", "two words", "--strict")
    assert "making .venv with Python 3." in said
    assert "installing 1 packages with uv" in said
    assert "arguments ['run', 'two words', '--strict']" in said
    install = next(call for call in copy.calls() if call.startswith("uv pip install"))
    assert "--require-hashes --only-binary :all: -r requirements.lock" in install


def test_the_command_has_the_process_id_of_the_script_also_after_an_install(copy):
    for _ in ("with an install", "without"):
        process = copy.start()
        output, _ = process.communicate(timeout=60)
        assert f"process {process.pid}\n" in output


def test_nothing_is_written_outside_the_two_folders(copy):
    before = set(copy.root.rglob("*"))
    copy.run()
    new = {path.relative_to(copy.root).parts[0] for path in set(copy.root.rglob("*")) - before}
    assert new == {".lab", ".venv"}


def test_every_script_of_the_environment_can_import_what_lies_in_the_root(installed, tmp_path):
    (installed.root / "celery_app.py").write_text("print('imported')\n")
    done = subprocess.run(
        [installed.venv / "bin/python", "-c", "import celery_app"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "imported\n", done.stderr


def test_the_folder_may_have_letters_of_any_language_in_every_locale(copy):
    named = copy.root.parent / "моя 学习 lab"
    copy.root.rename(named)
    copy.root = named
    for locale in ("C", "C.UTF-8", ""):
        assert "arguments" in copy.run(LC_ALL=locale)


def test_the_command_writes_no_bytecode_and_ignores_pythonhome(installed):
    assert "bytecode 1 home None" in installed.run(PYTHONHOME="/nowhere")


# -- After that -------------------------------------------------------------------------------


def test_the_second_call_calls_neither_python3_nor_uv(installed):
    assert "installing" not in installed.run("up")
    assert installed.calls() == []


def test_it_runs_from_any_folder_and_through_symlinks(installed, tmp_path):
    relative = tmp_path / "first"
    relative.symlink_to(Path("my lab") / "lab")
    absolute = tmp_path / "second"
    absolute.symlink_to(relative)
    said = installed.run("up", lab=absolute, folder=str(tmp_path))
    assert "arguments ['up']" in said
    assert f"folder {tmp_path.resolve()}" in said
    assert installed.calls() == []


def test_a_folder_named_labkit_where_the_learner_is_is_not_taken_for_the_labs(installed, tmp_path):
    (tmp_path / "labkit").mkdir()
    (tmp_path / "labkit/__init__.py").write_text("raise RuntimeError('the wrong labkit')\n")
    assert "arguments" in installed.run(folder=str(tmp_path))


def test_a_changed_lock_is_installed_into_the_same_environment(installed):
    installed.write_lock("requirements.lock", "celery==5.7.1")
    installed.run()
    assert commands(installed.calls()) == ["pip"]
    installed.run()
    assert commands(installed.calls()) == []


def test_a_moved_folder_gets_a_new_environment(installed):
    moved = installed.root.parent / "moved lab"
    installed.root.rename(moved)
    installed.root = moved
    assert "this folder was moved or copied: making .venv again" in installed.run()
    assert commands(installed.calls()) == ["venv", "pip"]


def test_the_tests_need_more_and_get_it_when_they_are_first_called(installed):
    said = installed.run("test")
    assert "installing 2 packages" in said
    assert "-r requirements-dev.lock" in installed.calls()[-1]
    for words in (["test"], ["record", "01"], ["up"]):
        installed.run(*words)
    assert installed.calls() == []


@pytest.mark.parametrize(
    "words", [["record", "99"], ["record"], ["record", "--help"], ["test", "--help"]]
)
def test_a_question_or_an_unknown_lesson_installs_nothing_more(installed, words):
    installed.run(*words)
    assert installed.calls() == []


@pytest.mark.parametrize("name", ["01", "1", "basic_usage"])
def test_a_lesson_to_be_recorded_needs_what_the_tests_need(installed, name):
    installed.run("record", name)
    assert "-r requirements-dev.lock" in installed.calls()[-1]


def test_the_larger_lock_serves_the_lab_itself_too(copy):
    copy.run("test")
    copy.calls()
    copy.run("up")
    assert copy.calls() == []


# -- An environment that is there already -----------------------------------------------------


def test_an_environment_that_the_learner_made_is_used_as_it_is(copy):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy.venv], check=True)
    (copy.venv / "mine").touch()
    copy.run()
    assert (copy.venv / "mine").exists()
    assert commands(copy.calls()) == ["pip"]


def test_an_environment_whose_python_is_gone_is_made_again(installed):
    python = installed.venv / "bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert "the Python of .venv is gone: making .venv again" in installed.run()
    assert "arguments" in installed.run()


def test_an_environment_with_an_old_python_is_left_alone(copy):
    (copy.venv / "bin").mkdir(parents=True)
    program(copy.venv / "bin/python", "#!/bin/sh\necho 3 9\n")
    said = copy.run(code=1)
    assert said.startswith("error: .venv has Python 3.9, and the lab needs 3.11 or later; ")
    assert (copy.venv / "bin/python").exists()


def test_an_environment_whose_celery_does_not_start_is_no_success(copy):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy.venv], check=True)
    program(copy.tools / "uv", UV.replace("exit 0", "exit 1"))
    assert "but its celery does not start; " in copy.run(code=1)
    assert "celery does not start" in copy.run(code=1)  # and it is not taken for installed


def local_celery(folder: Path) -> str:
    """A line for a lock file: a package celery that lies on this machine, with its hash."""
    wheel = folder / "celery-0-py3-none-any.whl"
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: celery\nVersion: 0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": "[console_scripts]\ncelery = stand_in_for_celery:main\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("stand_in_for_celery.py", "def main(): print('celery 0')\n")
        for name, text in about.items():
            archive.writestr(f"celery-0.dist-info/{name}", text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"celery @ {wheel.as_uri()} --hash=sha256:{digest}\n"


@pytest.mark.slow
def test_without_uv_pip_installs_and_gets_pip_where_the_environment_has_none(copy, tmp_path):
    (copy.tools / "uv").unlink()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy.venv], check=True)
    (copy.root / "requirements.lock").write_text(local_celery(tmp_path))
    said = copy.run()
    assert "with pip" in said
    assert "arguments" in said
    compiled = list(copy.venv.rglob("stand_in_for_celery.*.pyc"))
    assert len(compiled) == 1  # the command writes no bytecode later


@pytest.mark.slow
def test_a_package_with_another_hash_is_refused(copy, tmp_path):
    (copy.tools / "uv").unlink()
    lock = local_celery(tmp_path)
    (copy.root / "requirements.lock").write_text(re.sub("sha256:....", "sha256:0000", lock))
    said = copy.run(code=1)
    assert "making .venv with Python" in said
    assert (
        "a package is not the one that the lock file names, its hash differs; where git shows"
        in said
    )
    assert not copy.venv.exists()


# -- Which Python -----------------------------------------------------------------------------


def test_a_newer_python_under_another_name_is_found(copy):
    program(copy.tools / "python3", OLD_PYTHON)
    program(copy.tools / "python3.12", NEW_PYTHON)
    copy.run()
    assert f"{copy.tools}/python3.12 called" in copy.calls()


def test_a_python_that_is_too_old_is_named(copy):
    program(copy.tools / "python3", OLD_PYTHON)
    (copy.tools / "uv").unlink()
    said = copy.run(code=1)
    assert said.startswith("error: the lab needs Python 3.11 or later, and python3 is Python 3.9\n")
    assert "\n\nhint: " in said


def test_a_name_that_does_not_run_is_no_python(copy):
    program(
        copy.tools / "python3",
        "#!/bin/sh\necho 'pyenv: python3: command not found' >&2; exit 127\n",
    )
    (copy.tools / "uv").unlink()
    said = copy.run(code=1)
    assert said.startswith("error: the lab needs Python 3.11 or later, and there is no python3 ")
    assert "pyenv" not in said


def test_uv_brings_a_python_where_there_is_none(copy):
    (copy.tools / "python3").unlink()
    said = copy.run()
    assert "no Python 3.11 or later is here: uv fetches one" in said
    assert commands(copy.calls()) == ["python", "python", "venv", "pip"]


# -- What goes wrong --------------------------------------------------------------------------

OFFLINE = "error: Request failed after 3 retries in 4.5s\n  cause: dns error"


def test_a_failed_install_leaves_nothing_and_the_next_call_tries_again(copy):
    said = copy.run(code=1, UV_SAYS=OFFLINE)
    assert "error: the packages could not be installed: the package index does not answer" in said
    assert "does not answer: check the network; " in said
    assert not copy.venv.exists()
    assert "arguments" in copy.run()


def test_a_failed_upgrade_leaves_the_environment_as_it_was(installed):
    old = (installed.root / "requirements.lock").read_text()
    installed.write_lock("requirements.lock", "celery==5.7.1")
    installed.run(code=1, UV_SAYS=OFFLINE)
    (installed.root / "requirements.lock").write_text(old)
    assert "installing" not in installed.run()


def test_a_folder_that_cannot_be_written_is_named(copy):
    (copy.root / ".lab").touch()  # where a folder must be made: fails for root too
    said = copy.run(code=1)
    assert said.startswith("error: the lab cannot write into its folder: ")
    assert f"{copy.root}/.lab" in said
    assert "\n\nhint: cp -R " in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(copy):
    copy.root.chmod(0o555)
    try:
        said = copy.run(code=1)
    finally:
        copy.root.chmod(0o755)
    assert said.startswith("error: the lab cannot write into its folder: ")


# -- Two at once, and interruptions -----------------------------------------------------------


class Waiting:
    """An install that waits in the middle, at a fifo, until `go_on` is called."""

    def __init__(self, copy: Copy) -> None:
        self.fifo = copy.root.parent / "fifo"
        self.pid_file = Path(f"{self.fifo}.pid")
        os.mkfifo(self.fifo)
        os.mkfifo(self.pid_file)
        self.process = copy.start("up", UV_WAITS_AT=str(self.fifo))
        self.uv = ProcessId.of(int(self.pid_file.read_text()))  # blocks until uv is there

    def go_on(self) -> None:
        self.fifo.write_text("\n")

    def clean_up(self) -> None:
        """End what a failed test left."""
        self.process.kill()
        self.process.communicate()
        self.uv.kill_group()


@pytest.fixture
def waiting(copy: Copy) -> Iterator[Waiting]:
    one = Waiting(copy)
    yield one
    one.clean_up()


def test_a_second_lab_waits_for_the_first_and_installs_nothing_itself(copy, waiting):
    second = copy.start("status")
    assert second.stderr
    line = second.stderr.readline()
    assert line.startswith(f"another ./lab (process {waiting.process.pid}) is installing: waiting")
    assert second.poll() is None
    waiting.go_on()
    assert "arguments ['up']" in waiting.process.communicate(timeout=30)[0]
    assert "arguments ['status']" in second.communicate(timeout=30)[0]
    assert commands(copy.calls()) == ["venv", "pip"]


def test_what_a_killed_lab_left_of_its_lock_stops_nobody(copy):
    (copy.root / ".lab").mkdir()
    (copy.root / ".lab/installing").write_text("1\n")
    assert "waiting" not in copy.run()


@pytest.mark.parametrize(
    ("signal_number", "to_all", "code"),
    [
        (signal.SIGINT, True, 130),  # Ctrl-C: the terminal tells every process
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGHUP, False, 129),
    ],
)
def test_an_interrupted_install_ends_its_programs_and_leaves_nothing(
    copy, waiting, signal_number, to_all, code
):
    (os.killpg if to_all else os.kill)(waiting.process.pid, signal_number)
    output, errors = waiting.process.communicate(timeout=30)
    assert (waiting.process.returncode, output) == (code, "")
    assert "stopped: the next ./lab starts the install again" in errors
    assert "Traceback" not in errors
    assert not waiting.uv.running()
    assert not copy.venv.exists()
    assert "arguments" in copy.run()


def test_after_a_kill_the_install_starts_from_the_beginning(copy, waiting):
    waiting.process.kill()
    waiting.process.communicate()
    next_one = copy.start("up")
    assert next_one.stderr
    assert "another ./lab" in next_one.stderr.readline()  # what it left still writes into .venv
    waiting.go_on()
    output, errors = next_one.communicate(timeout=30)
    assert "the last install was interrupted: making .venv again" in errors
    assert "arguments ['up']" in output


def test_an_interrupted_upgrade_is_not_taken_for_installed(installed):
    (installed.venv / "lab-unfinished").touch()
    assert "the last install was interrupted" in installed.run()


# -- The lock files ---------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    """Name and version of each package in a lock file."""
    return dict(re.findall(r"^(\S+?)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_the_lock_of_the_tests_holds_everything_of_the_labs_lock():
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()
