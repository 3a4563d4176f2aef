"""The examples in the docstrings of the lab's code are true."""

import doctest
from importlib import import_module

import pytest

from lab_home import ROOT

FOLDERS = ("work", "labkit", "web", "tests/helpers")
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_what_the_examples_of_a_module_say_comes_out(module):
    result = doctest.testmod(import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
