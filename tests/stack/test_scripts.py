"""start_worker.sh, start_beat.sh, flowerconfig.py: what they start, with a stand-in for celery."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab_home import ROOT
from labkit.broker.inspector import LAB_QUEUES
from tests.helpers.stand_ins import program
from tests.stack.helpers.scripts_copy import CELERY, received, scripts

__all__ = ["scripts"]

# -- Both -------------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("script", ["start_worker.sh", "start_beat.sh"])


@BOTH
def test_the_first_line_is_the_command_that_runs_as_a_person_would_type_it(scripts, script):
    setting = 'broker.transport_options=(dict){"visibility_timeout": 10}'
    _, output, _ = scripts.run(script, "--", setting, "it's", "")
    assert shlex.split(output.splitlines()[0]) == ["celery", *received(output)]
    assert received(output)[-4:] == ["--", setting, "it's", ""]


@BOTH
def test_celery_runs_in_the_labs_folder_whatever_the_current_folder_is(scripts, script):
    _, output, _ = scripts.run(script)
    assert f"in {scripts.root} with pid" in output


@BOTH
def test_celery_has_the_process_id_of_the_script(scripts, script):
    process = scripts.start(script)
    output, _ = process.communicate(timeout=30)
    assert f"with pid {process.pid} from" in output


@BOTH
def test_help_is_handed_through(scripts, script):
    code, output, _ = scripts.run(script, "--help")
    assert code == 0
    assert received(output)[-1] == "--help"


@BOTH
def test_the_labs_own_celery_comes_before_the_one_on_the_path(scripts, script):
    own = program(scripts.root / ".venv/bin/celery", CELERY)
    _, output, _ = scripts.run(script)
    assert f"from {own}" in output


@BOTH
def test_an_active_environment_with_the_lab_in_it_comes_first(scripts, script, tmp_path):
    program(scripts.root / ".venv/bin/celery", CELERY)
    active = program(tmp_path / "active/bin/celery", CELERY)
    program(tmp_path / "active/bin/lab", CELERY)
    _, output, _ = scripts.run(script, VIRTUAL_ENV=str(tmp_path / "active"))
    assert f"from {active}" in output


@BOTH
def test_the_active_environment_of_another_project_is_passed_over(scripts, script, tmp_path):
    own = program(scripts.root / ".venv/bin/celery", CELERY)
    program(tmp_path / "other/bin/celery", CELERY)
    _, output, _ = scripts.run(script, VIRTUAL_ENV=str(tmp_path / "other"))
    assert f"from {own}" in output


@BOTH
def test_without_celery_the_hint_is_lab_up(scripts, script):
    (scripts.tools / "celery").unlink()
    if shutil.which("celery", path=os.defpath):
        pytest.skip("this machine has a celery of its own in its system folders")
    code, output, errors = scripts.run(script)
    assert (code, output) == (1, "")
    assert errors == "error: celery is not installed here\n\nhint: ./lab up\n"


# -- The worker -------------------------------------------------------------------------------


def test_a_worker_takes_all_three_queues_with_four_slots(scripts):
    _, output, _ = scripts.run("start_worker.sh")
    assert received(output)[:3] == ["-A", "celery_app", "worker"]
    assert f"--queues={','.join(LAB_QUEUES)}" in received(output)
    assert "--concurrency=4" in received(output)


def test_what_the_caller_says_comes_after_the_defaults_and_so_wins(scripts):
    _, output, _ = scripts.run("start_worker.sh", "--concurrency=1")
    words = received(output)
    assert words.index("--concurrency=4") < words.index("--concurrency=1")


# -- Beat -------------------------------------------------------------------------------------


def pid_file(output: str) -> str:
    return re.findall(r"^got --pidfile=(.*)$", output, re.MULTILINE)[0]


def test_the_pid_file_of_beat_lies_in_lab_home(scripts, tmp_path):
    home = tmp_path / "home"
    assert pid_file(scripts.run("start_beat.sh")[1]) == f"{scripts.root}/.lab/beat.pid"
    _, output, _ = scripts.run("start_beat.sh", LAB_HOME=str(home))
    assert pid_file(output) == f"{home}/beat.pid"


def test_lab_home_may_stand_in_the_env_file_alone(scripts, tmp_path):
    home = tmp_path / "the home"
    (scripts.root / ".env").write_text(f"LAB_HOME='{home}'\n")
    assert pid_file(scripts.run("start_beat.sh")[1]) == f"{home}/beat.pid"


def test_a_broken_env_file_stops_beat_in_one_sentence(scripts):
    (scripts.root / ".env").write_text("LAB_HOME: /a\n")
    code, output, errors = scripts.run("start_beat.sh")
    assert (code, output) == (1, "")
    assert errors.startswith("error: .env line 1 is not of the form NAME=value\n\nhint: ")


def test_a_lab_home_that_cannot_be_written_stops_beat_in_one_sentence(scripts):
    code, _, errors = scripts.run("start_beat.sh", LAB_HOME="/dev/null/lab")
    assert code == 1
    assert errors.startswith("error: Beat cannot write into /dev/null/lab\n\nhint: ")


@pytest.fixture
def running_beat(scripts) -> Iterator[subprocess.Popen]:
    """A first Beat that has written its pid file."""
    process = scripts.start("start_beat.sh")
    assert process.stdout
    while (line := process.stdout.readline()) and not line.startswith("in "):
        pass  # the pid file is written before this line
    yield process
    process.communicate(timeout=30)


def test_a_second_beat_is_refused_and_the_first_one_is_named(scripts, running_beat):
    code, output, errors = scripts.run("start_beat.sh")
    assert (code, output) == (1, "")
    assert errors.startswith(
        f"error: Beat runs already (process {running_beat.pid}), "
        "and two would send every task twice\n\nhint: "
    )


def test_a_beat_with_a_pid_file_of_its_own_is_another_one(scripts, running_beat, tmp_path):
    own = f"--pidfile={tmp_path}/my own.pid"
    code, output, errors = scripts.run("start_beat.sh", own, "--", "--pidfile=no option any more")
    assert (code, errors) == (0, "")
    assert [word for word in received(output) if word.startswith("--pidfile")] == [
        own,
        "--pidfile=no option any more",
    ]


def test_and_that_one_is_refused_a_second_time(scripts, running_beat, tmp_path):
    own = tmp_path / "own.pid"
    own.write_text(f"{running_beat.pid}\n")
    code, _, errors = scripts.run("start_beat.sh", f"--pidfile={own}")
    assert code == 1
    assert errors.startswith(f"error: Beat runs already (process {running_beat.pid})")


def test_help_is_shown_also_while_a_beat_runs(scripts, running_beat):
    assert scripts.run("start_beat.sh", "--help")[0] == 0


def test_an_old_pid_file_whose_number_another_program_has_now_is_no_beat(scripts):
    old = scripts.root / ".lab/beat.pid"
    old.parent.mkdir()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        old.write_text(f"{other.pid}\n")
        code, output, errors = scripts.run("start_beat.sh")
        assert other.poll() is None  # and it is left alone
        other.communicate()
    assert (code, errors) == (0, "")
    assert received(output)


def test_an_old_pid_file_of_a_process_that_ended_is_no_beat(scripts):
    ended = subprocess.Popen(["true"])
    ended.wait()
    (scripts.root / ".lab").mkdir()
    (scripts.root / ".lab/beat.pid").write_text(f"{ended.pid}\n")
    assert scripts.run("start_beat.sh")[0] == 0


# -- Flower -----------------------------------------------------------------------------------

ASK_FLOWER = """\
import sys
from tornado.options import options
from flower.command import apply_env_options, apply_options
apply_env_options()
apply_options("flower", sys.argv[1:])
print(options.address, options.port)
"""


@pytest.mark.parametrize(
    ("arguments", "environment", "where"),
    [
        ([], {}, "127.0.0.1 5555"),
        (["--port=5600"], {}, "127.0.0.1 5600"),
        ([], {"FLOWER_PORT": "5601"}, "127.0.0.1 5601"),
        (["--address=0.0.0.0"], {}, "0.0.0.0 5555"),
    ],
)
def test_flower_listens_on_this_machine_only_unless_it_is_told_otherwise(
    arguments, environment, where
):
    done = subprocess.run(
        [sys.executable, "-c", ASK_FLOWER, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=100,  # importing Flower takes 2 s, and far longer on a busy machine
        check=False,
    )
    assert done.stdout.strip() == where, done.stderr
