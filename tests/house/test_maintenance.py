"""What a maintainer's tools read: the same checks as `./lab test`, and nothing from elsewhere."""

import configparser
import re
import shlex
import tomllib
from pathlib import Path

import yaml

from labkit.checks import steps
from tests.test_house import our_files

ROOT = Path(__file__).parents[2]


def our_texts() -> dict[str, str]:
    """Every file under git that is text, with the ends of its lines as they are."""
    found = {}
    for path in our_files():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_bytes().decode()
        except UnicodeDecodeError:  # a picture
            continue
    return found


def test_before_a_commit_the_checks_of_lab_test_run_but_for_the_tests():
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    *checks, _pytest = steps(fast=False, pytest_arguments=[])
    assert repo["repo"] == "local"
    assert [(hook["name"], shlex.split(hook["entry"])) for hook in repo["hooks"]] == [
        (step.name, [f".venv/bin/{step.command[0]}", *step.command[1:]]) for step in checks
    ]
    for hook in repo["hooks"]:
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)


def test_the_workflow_runs_all_of_ci_with_the_oldest_python_and_a_newer_one():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML reads the key `on` as true
    (job,) = workflow["jobs"].values()
    oldest, newest = job["strategy"]["matrix"]["python"]
    assert f">={oldest}" == project()["requires-python"]
    assert int(newest.removeprefix("3.")) > int(oldest.removeprefix("3."))
    last = job["steps"][-1]
    assert last["run"].partition(" #")[0] == 'sudo LAB_PYTHON="$LAB_PYTHON" .ci/run'
    (python,) = [step for step in job["steps"] if step.get("id") == "python"]
    assert python["with"]["python-version"] == "${{ matrix.python }}"
    assert last["env"] == {"LAB_PYTHON": "${{ steps.python.outputs.python-path }}"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_files_are_as_the_editor_is_told_to_write_them():
    settings = configparser.ConfigParser()
    settings.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    of_all = dict(settings["*"])
    assert (of_all["charset"], of_all["end_of_line"]) == ("utf-8", "lf")
    assert of_all["insert_final_newline"] == of_all["trim_trailing_whitespace"] == "true"
    wrong = [
        name
        for name, text in our_texts().items()
        if text and (text[-1] != "\n" or "\r" in text or re.search(r"[ \t]$", text, re.MULTILINE))
    ]
    assert wrong == []


def test_editor_and_formatter_agree_on_the_width_of_a_line():
    settings = configparser.ConfigParser()
    settings.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert settings["*.py"]["max_line_length"] == str(ruff["line-length"])


def test_every_place_that_contributing_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tops = {name.partition("/")[0] for name in our_texts()}
    places = [name for name in re.findall(r"`([\w./-]+)`", text) if name.partition("/")[0] in tops]
    assert {"labkit/cli.py", "tests/stack/", ".ci/run"} <= set(places)
    assert [one for one in places if "LEVEL" not in one and not (ROOT / one).exists()] == []
