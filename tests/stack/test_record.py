"""`./lab record` keeps a run that was as promised, without names of this machine."""

import json
import os

import pytest

from labkit.course.record import record, without_machine_names
from labkit.errors import LabError
from tests.helpers.small_lab import StandInStack, write


def test_a_recorded_run_is_the_command_and_its_output(small_lab):
    small_lab.lesson()
    record("1", stack=StandInStack(), root=small_lab.root)
    kept = (small_lab.root / "examples/runs/01.txt").read_text()
    assert kept == "$ ./lab run 01\nthe sum is 9\n"


def test_a_run_that_is_not_as_promised_is_not_recorded(small_lab):
    small_lab.lesson(promise="the sum is 10")
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    with pytest.raises(LabError, match="nothing was recorded"):
        record("1", stack=StandInStack(), root=small_lab.root)
    assert not (small_lab.root / "examples/runs").exists()


def test_recording_fills_in_the_chapter(small_lab):
    small_lab.lesson()
    chapter = write(
        small_lab.root / "examples/basic/README.md",
        "<!-- [[[cog cog.out('filled in\\n') ]]] -->\n<!-- [[[end]]] -->\n",
    )
    record("1", stack=StandInStack(), root=small_lab.root)
    assert "\nfilled in\n" in chapter.read_text()


def test_names_of_this_machine_are_taken_out_of_a_recorded_run(tmp_path):
    computer = os.uname().nodename
    home = f"{tmp_path}/.lab"
    text = f"lab1@{computer} wrote {tmp_path}/work/a.py, {home}/x and {home}/temporary/stack-1f/y"
    cleaned = without_machine_names(text, tmp_path, tmp_path / ".lab")
    assert cleaned == "lab1@host wrote work/a.py, .lab/x and .lab/y"


def test_a_run_with_a_plan_for_a_picture_keeps_its_facts_and_draws_it(small_lab):
    facts = '{"one": [{"event": "START", "job": "TL-1", "process": 1, "seconds": 0}]}'
    body = f"import os\nopen(os.environ['LAB_FACTS'], 'w').write('''{facts}''')\nprint(9)"
    small_lab.lesson(body, "9")
    plan = 'title = "T"\njob = "TL-1"\n[rows]\none = "a row"\n'
    plan_file = write(small_lab.root / "examples/basic/pictures/01_sums.toml", plan)
    record("1", stack=StandInStack(), root=small_lab.root)
    kept = (small_lab.root / "examples/runs/01.json").read_text()
    assert json.loads(kept) == json.loads(facts)
    assert "1 run, never done" in plan_file.with_suffix(".svg").read_text()


def test_a_run_of_which_no_picture_can_be_drawn_leaves_the_facts_of_the_last_one(small_lab):
    body = "import os\nopen(os.environ['LAB_FACTS'], 'w').write('{\"two\": []}')\nprint(9)"
    small_lab.lesson(body, "9")
    plan = 'title = "T"\njob = "TL-1"\n[rows]\none = "a row"\n'
    write(small_lab.root / "examples/basic/pictures/01_sums.toml", plan)
    kept = write(small_lab.root / "examples/runs/01.json", '{"one": []}')
    with pytest.raises(LabError, match="the recorded run has no row 'one'"):
        record("1", stack=StandInStack(), root=small_lab.root)
    assert kept.read_text() == '{"one": []}'


def test_a_plan_for_a_picture_of_a_run_without_a_ledger_is_refused(small_lab):
    small_lab.lesson()
    write(small_lab.root / "examples/basic/pictures/01_sums.toml", "")
    with pytest.raises(
        LabError, match=r"01_sums\.toml wants a picture, and the run wrote no ledger"
    ):
        record("1", stack=StandInStack(), root=small_lab.root)


def test_a_page_whose_region_is_gone_is_told_in_one_sentence_before_the_run(small_lab):
    small_lab.lesson()
    code = f"own_code('work/sums.py', region='gone', root=Path({str(small_lab.root)!r}))"
    mark = f"<!-- [[[cog from labkit.course.snippets import *; cog.out({code}) ]]] -->"
    write(small_lab.root / "examples/basic/01_sums.md", f"{mark}\n<!-- [[[end]]] -->\n")
    with pytest.raises(LabError) as caught:
        record("1", stack=StandInStack(), root=small_lab.root)
    assert caught.value.sentence == (
        "examples/basic/01_sums.md cannot be filled in: work/sums.py has no region 'gone'"
    )
    assert not (small_lab.root / "examples/runs").exists()


def test_a_mistake_in_a_pages_own_line_is_a_sentence(small_lab):
    small_lab.lesson()
    page = "<!-- [[[cog cog.out(page.head( ]]] -->\n<!-- [[[end]]] -->\n"
    write(small_lab.root / "examples/basic/01_sums.md", page)
    with pytest.raises(LabError, match=r"01_sums\.md cannot be filled in: "):
        record("1", stack=StandInStack(), root=small_lab.root)
