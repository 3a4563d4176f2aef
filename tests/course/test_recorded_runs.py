"""What the chapters show of a lesson is a run of it, and fits on a page."""

import pytest

from labkit.course.chapters import run_file
from labkit.course.lessons import lesson_of_number, scripts
from labkit.long_lines import COLUMNS

RECORDED = [file for number in scripts() if (file := run_file(lesson_of_number(number))).exists()]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_no_line_of_a_recorded_run_is_wider_than_a_page(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > COLUMNS] == []
