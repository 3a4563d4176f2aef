"""What a picture is drawn from is looked at first: a mistake in it is told in a sentence."""

import json

import pytest

from labkit.course.lessons import lesson_of_script
from labkit.course.time_lines import draw, facts_file, main, plan_file
from labkit.errors import LabError
from tests.course.test_time_lines import FACTS, PLAN
from tests.helpers.small_lab import SmallLab, write


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("title = ", "is not TOML: Invalid value"),
        (PLAN.replace("title", "titel"), "needs a title, which is a text"),
        (PLAN.replace('"TL-1"', "1"), "needs a job, which is a text"),
        (f'effect = "paid"\n{PLAN}', "needs a no_effect, which is a text"),
        (PLAN.replace("[rows]", "[row]"), "needs [rows], with a label for each"),
        (PLAN.replace('"the & row"', "1"), "needs [rows], with a label for each"),
        (f'timeout_s = "NAME"\n{PLAN}', "names 'NAME', which is no number"),
    ],
)
def test_a_plan_from_which_nothing_can_be_drawn_is_told(small_lab: SmallLab, plan, said):
    script = small_lab.lesson()
    small_lab.edit("examples/basic/01_sums.py", "\n\ndef main", "\nNAME = 'x'\n\n\ndef main")
    lesson = lesson_of_script(script, small_lab.root)
    write(plan_file(lesson), plan)
    write(facts_file(lesson), json.dumps(FACTS))
    with pytest.raises(LabError) as caught:
        draw(lesson)
    assert caught.value.sentence.startswith(f"examples/basic/pictures/01_sums.toml {said}")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is no object with a list for each row"),
        ('{"one": {}}', "it is no object with a list for each row"),
        ('{"one": [1]}', "an event needs event: 1"),
        ('{"one": [{"event": "START", "job": "TL-1"}]}', "an event needs process: {'event': "),
    ],
)
def test_facts_from_which_nothing_can_be_drawn_are_told(small_lab: SmallLab, facts, said):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    write(plan_file(lesson), PLAN)
    write(facts_file(lesson), facts)
    with pytest.raises(LabError) as caught:
        draw(lesson)
    assert caught.value.sentence.startswith(f"examples/runs/01.json holds no facts: {said}")
    assert caught.value.hint == "./lab record 01"


def test_a_plan_that_no_lesson_has_is_told(small_lab: SmallLab, capsys):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    write(plan_file(lesson), PLAN)
    write(facts_file(lesson), json.dumps(FACTS))
    main(small_lab.root)
    assert capsys.readouterr().out == "examples/basic/pictures/01_sums.svg\n"
    plan_file(lesson).rename(plan_file(lesson).with_name("01_sum.toml"))
    with pytest.raises(
        LabError, match=r"^error: examples/basic/pictures/01_sum\.toml is of no les"
    ):
        main(small_lab.root)
