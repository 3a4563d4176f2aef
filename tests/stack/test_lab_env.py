""".env: which line sets what, and which name in it is a misspelled one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab_env import env_lines, misspelled_names
from lab_home import ROOT
from tests.stack.test_lab_home import HINT, project

__all__ = ["project"]  # the fixture

ANYWHERE = "redis://localhost:1/0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_BROKER_URL", ANYWHERE),
        ("CELERY_RESULT_BACKEND", ANYWHERE),
        ("SMTP_URL", "localhost"),
        ("REDIS_URL", "localhost"),
        ("DATABASE_URL", "mysql://localhost/x"),
    ],
)
def test_a_wrong_setting_of_the_env_file_is_shown_there_and_not_unset(project, name, value):
    project.write_env(f"# mine\n\nexport {name}={value}\n")
    error = project.error()
    assert "line 3 of .env sets it" in error
    assert error.endswith(f"{HINT}grep -n {name} .env\n")
    shown = subprocess.run(
        ["sh", "-c", error.partition(HINT)[2]], cwd=project.root, capture_output=True, check=True
    )
    assert shown.stdout.decode() == f"3:export {name}={value}\n"


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "SMTP_URL"])
def test_a_wrong_setting_of_the_environment_is_unset(project, name):
    project.write_env(f"{name}=another\n")
    error = project.error(**{name: "redis//"})
    assert error.endswith(f"{HINT}unset {name}\n")
    assert "of .env" not in error


def test_a_setting_that_was_handed_down_is_known_to_stand_in_the_env_file(project):
    """A lesson gets REDIS_URL in its environment from the ./lab that has read it."""
    project.write_env(f"REDIS_URL={ANYWHERE}\n")
    asked = "where_set('REDIS_URL') + lab_home.look_or_unset('REDIS_URL')"
    shown = " (line 1 of .env sets it)grep -n REDIS_URL .env"
    assert project.value(asked) == shown
    assert project.value(asked, REDIS_URL=ANYWHERE) == shown
    assert project.value(asked, REDIS_URL="redis://localhost:2/0") == "unset REDIS_URL"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("REDIS_ULR=x", "REDIS_URL"),
        ("REDISURL=x", "REDIS_URL"),
        ("redis_url=x", "REDIS_URL"),
        ("LAB_HOM=x", "LAB_HOME"),
        ("WEB_PROT=1", "WEB_PORT"),
        ("DATABSE_URL=x", "DATABASE_URL"),
    ],
)
def test_a_name_that_is_one_letter_off_is_said_with_its_line(tmp_path, line, meant):
    (tmp_path / ".env").write_text(f"LAB_FILES=files\n\n{line}\n")
    [warning] = misspelled_names(tmp_path / ".env")
    name = line.partition("=")[0]
    assert warning == (
        f"warning: line 3 of .env sets {name}, which the lab does not know; did you mean {meant}?"
        f"{HINT}sed -n 3p .env"
    )


def test_known_names_and_the_learners_own_are_not_warned_of(tmp_path):
    example = (ROOT / ".env.example").read_text()
    known = [line[1:] for line in example.splitlines() if line.startswith("#") and "=" in line[:20]]
    (tmp_path / ".env").write_text("\n".join([*known, "SMTP_USER=x", "MY_SHOP=1", "HTTPS_PROXY=p"]))
    assert "REDIS_URL" in env_lines(tmp_path / ".env")
    assert misspelled_names(tmp_path / ".env") == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What `./lab lessons` needs of the lab, in a folder whose .env a test may write."""
    folder = tmp_path / "my lab"
    for name in ("labkit", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("lab_env.py", "lab_home.py", "celery_app.py", ".env.example"):
        shutil.copy(ROOT / name, folder)
    return folder


def command(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-P", "-m", "labkit", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BROKEN = {
    "a broken line in .env": ("REDIS_URL\n", {}),
    "a broken REDIS_URL in .env": ("REDIS_URL=localhost\n", {}),
    "a broken REDIS_URL": ("", {"REDIS_URL": "localhost"}),
    "a broken DATABASE_URL": ("", {"DATABASE_URL": "mysql://x"}),
    "a broken SMTP_URL": ("", {"SMTP_URL": "localhost"}),
    "CELERY_BROKER_URL": ("", {"CELERY_BROKER_URL": ANYWHERE}),
    "a misspelled name": ("REDIS_ULR=x\n", {}),
}


@pytest.mark.parametrize(("text", "environment"), BROKEN.values(), ids=BROKEN)
def test_the_list_of_lessons_refuses_nothing(copy, text, environment):
    (copy / ".env").write_text(text)
    (copy / "celery_app.py").write_text("import flaskk\n")
    for words in (["lessons"], [], ["--help"]):
        told = command(copy, *words, **environment)
        assert (told.returncode, told.stderr) == (0, ""), words
        assert "lesson" in told.stdout
    said = command(copy, "status", **environment).stderr
    assert said.startswith(("error: ", "warning: "))
    assert "no lab is up here" not in said.partition(HINT)[0]
