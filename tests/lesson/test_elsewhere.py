"""A program that is run where Python does not find the lab."""

import pytest

from labkit.lesson import elsewhere
from labkit.lesson.elsewhere import run_elsewhere


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a text as the script of another program."""
    monkeypatch.setattr(elsewhere, "ROOT", tmp_path)

    def run_text(text: str) -> list[str]:
        (tmp_path / "other.py").write_text(text)
        return run_elsewhere("other.py")

    return run_text


def test_the_other_program_finds_the_libraries(run):
    assert run("import celery\nprint(celery.__name__)") == ["celery"]


def test_the_other_program_does_not_find_the_lab(run):
    assert run("import labkit") == ["ModuleNotFoundError: No module named 'labkit'"]


def test_the_error_of_the_other_program_comes_after_what_it_printed(run):
    assert run("print('first')\n1 / 0") == ["first", "ZeroDivisionError: division by zero"]
