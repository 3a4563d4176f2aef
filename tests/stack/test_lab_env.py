""".env: how it is read, which line sets what, and which name in it is a misspelled one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lab_env
from lab_home import ROOT
from tests.helpers.a_project import HINT, project

__all__ = ["project"]  # the fixture

ANYWHERE = "redis://localhost:1/0"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The .env of this process, in which nothing of it is set yet."""
    monkeypatch.setattr(lab_env, "ENV_FILE", tmp_path / ".env")
    monkeypatch.setattr(lab_env, "_lines", {})
    monkeypatch.setattr(os, "environ", {})
    return tmp_path / ".env"


def test_an_env_file_as_the_notepad_of_windows_saves_it_is_read(env_file):
    env_file.write_bytes("\ufeffLAB_HOME=/a/b\r\nLAB_FILES='/c'\r\n".encode())
    lab_env.load_env_file()
    assert (os.environ["LAB_HOME"], os.environ["LAB_FILES"]) == ("/a/b", "/c")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("REDIS_URL redis://localhost\n", 1),
        ("REDIS_URL\n", 1),
        ("LAB_HOME=/a\n# comment\n\n\nLAB_FILES: /b\n", 5),
        ('LAB_HOME="/a\n', 1),
    ],
)
def test_a_broken_line_is_an_error_with_its_number(env_file, text, line):
    env_file.write_text(text)
    with pytest.raises(SystemExit, match=f"^error: .env line {line} is not of the form") as seen:
        lab_env.load_env_file()
    assert str(seen.value).endswith(f"{HINT}sed -n {line}p .env; cat .env.example")
    assert "LAB_HOME" not in os.environ


def test_an_env_file_that_is_no_text_is_an_error(env_file):
    env_file.write_bytes(b"LAB_HOME=\xff\xfe\x00")
    with pytest.raises(SystemExit, match=f"^error: .env cannot be read as UTF-8 text: .*{HINT}mv"):
        lab_env.load_env_file()


def test_a_setting_is_known_to_stand_in_the_env_file_by_its_value(env_file):
    """A lesson gets REDIS_URL in its environment from the ./lab that has read it."""
    env_file.write_text(f"# mine\n\nexport REDIS_URL={ANYWHERE}\nLAB_HOME=/a\nLAB_FILES=/b\n")
    os.environ |= {"REDIS_URL": ANYWHERE, "LAB_HOME": "/elsewhere"}
    lab_env.load_env_file()
    assert lab_env.where_set("REDIS_URL") == " (line 3 of .env sets it)"
    assert lab_env.look_or_unset("REDIS_URL") == "grep -n REDIS_URL .env"
    assert lab_env.where_set("LAB_HOME") == ""
    assert lab_env.look_or_unset("LAB_HOME") == "unset LAB_HOME"
    assert lab_env.where_set("LAB_FILES") == " (line 5 of .env sets it)"


@pytest.mark.parametrize(
    ("name", "value"),
    [("CELERY_BROKER_URL", ANYWHERE), ("SMTP_URL", "localhost"), ("REDIS_URL", "rediss://h/0")],
)
def test_a_wrong_setting_of_the_env_file_is_shown_there_and_not_unset(project, name, value):
    project.write_env(f"# mine\n\nexport {name}={value}\n")
    error = project.error()
    assert "line 3 of .env sets it" in error
    assert error.endswith(f"{HINT}grep -n {name} .env\n")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("REDIS_ULR=x", "REDIS_URL"),
        ("REDISURL=x", "REDIS_URL"),
        ("redis_url=x", "REDIS_URL"),
        ("WEB_PROT=1", "WEB_PORT"),
    ],
)
def test_a_name_that_is_one_letter_off_is_said_with_its_line(env_file, line, meant):
    env_file.write_text(f"LAB_FILES=files\n\n{line}\n")
    lab_env.load_env_file()
    name = line.partition("=")[0]
    assert lab_env.misspelled_names() == [
        f"warning: line 3 of .env sets {name}, which the lab does not know; did you mean {meant}?"
        f"{HINT}sed -n 3p .env"
    ]


def test_known_names_and_the_learners_own_are_not_warned_of(env_file):
    known = re.findall(r"^#([A-Z_]+=.*)", (ROOT / ".env.example").read_text(), re.MULTILINE)
    env_file.write_text("\n".join([*known, "SMTP_USER=x", "MY_SHOP=1", "HTTPS_PROXY=p"]))
    lab_env.load_env_file()
    assert "REDIS_URL" in os.environ and "MY_SHOP" in os.environ
    assert lab_env.misspelled_names() == []


# -- The list of lessons, which needs no settings -----------------------------------------------
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


def test_the_list_of_lessons_refuses_nothing(project):
    for name in ("labkit", "examples"):
        shutil.copytree(ROOT / name, project.root / name)
    shutil.copy(ROOT / ".env.example", project.root)
    (project.root / "celery_app.py").write_text("import flaskk\n")
    wrong = dict.fromkeys(["REDIS_URL", "DATABASE_URL", "SMTP_URL", "CELERY_BROKER_URL"], "nowhere")
    for text, environment, says in [
        ("REDIS_URL\n", {}, "error: .env line 1 is not of the form"),
        ("", wrong, "error: CELERY_BROKER_URL is set"),
        ("", wrong | {"CELERY_BROKER_URL": ""}, "error: SMTP_URL must be"),
        ("REDIS_ULR=x\n", {}, "warning: line 1 of .env sets REDIS_ULR"),
    ]:
        project.write_env(text)
        assert command(project.root, "status", **environment).stderr.startswith(says)
        told = command(project.root, "lessons", **environment)
        assert (told.returncode, told.stderr) == (0, "")
        assert "lesson" in told.stdout
    for words in ([], ["--help"]):
        told = command(project.root, *words, **wrong)
        assert (told.returncode, told.stderr) == (0, "")
        assert "lesson" in told.stdout
