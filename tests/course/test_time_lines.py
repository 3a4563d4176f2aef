"""The pictures of recorded runs show what the facts say, and are those that the lab draws."""

import json
import xml.etree.ElementTree as ET

import pytest

from lab_home import ROOT
from labkit.course.lessons import lesson_of_script, scripts
from labkit.course.time_line_picture import (
    BAR_H,
    Hold,
    Run,
    holds_of,
    in_words,
    picture,
    runs_of,
)
from labkit.course.time_lines import draw, facts_file, facts_for, plan_file
from labkit.errors import LabError
from tests.helpers.small_lab import SmallLab, write

LESSONS = [lesson_of_script(path) for path in scripts().values()]
DRAWN = [lesson for lesson in LESSONS if plan_file(lesson).is_file()]

FACTS = {
    "one": [
        {"event": "START", "job": "TL-1", "process": 1, "seconds": 0.0},
        {"event": "START", "job": "TL-2", "process": 2, "seconds": 0.5},
        {"event": "KILLED", "job": "TL-1", "process": 1, "seconds": 1.0},
        {"event": "END", "job": "TL-2", "process": 2, "seconds": 2.5},
        {"event": "START", "job": "TL-1", "process": 2, "seconds": 4.0},
        {"event": "END", "job": "TL-1", "process": 2, "seconds": 10.0},
    ]
}
HELD = [
    {"event": "TAKEN", "job": "TL-1", "process": 0, "seconds": 0.0},
    {"event": "LEFT", "job": "TL-1", "process": 0, "seconds": 5.0},
    {"event": "TAKEN", "job": "TL-1", "process": 0, "seconds": 5.0},
    {"event": "START", "job": "TL-1", "process": 1, "seconds": 8.0},
    {"event": "START", "job": "TL-1", "process": 2, "seconds": 8.0},
    {"event": "LEFT", "job": "TL-1", "process": 0, "seconds": 8.0},
    {"event": "END", "job": "TL-1", "process": 1, "seconds": 9.0},
    {"event": "END", "job": "TL-1", "process": 2, "seconds": 9.0},
]
KILLED_JOBS = [
    {"event": event, "job": job, "process": process, "seconds": seconds}
    for event, job, process, seconds in [
        ("START", "late", 1, 0.0),
        ("EFFECT", "late", 1, 0.1),
        ("START", "soon", 2, 1.0),
        ("EFFECT", "soon", 2, 1.1),
        ("KILLED", "late", 1, 1.2),
        ("KILLED", "soon", 2, 1.2),
        ("START", "before", 3, 2.0),
        ("KILLED", "before", 3, 2.1),
        ("START", "before", 4, 2.2),
        ("EFFECT", "before", 4, 2.2),
        ("END", "before", 4, 2.3),
        ("START", "soon", 4, 3.0),
        ("END", "soon", 4, 3.5),
        ("START", "late", 4, 4.0),
        ("END", "late", 4, 5.0),
        ("START", "never", 4, 5.5),
        ("EFFECT", "never", 4, 5.6),
        ("KILLED", "never", 4, 5.7),
    ]
]
EFFECT_PLAN = """
title = "T"
effect = "charged"
no_effect = "known"
[rows]
one = "row of {job}"
"""
PLAN = 'title = "A < B"\njob = "TL-1"\n[rows]\none = "the & row"\n'


def words_in(svg: str) -> list[str]:
    """Every text of a picture; it must be XML."""
    return [one.text or "" for one in ET.fromstring(svg).iter() if one.tag.endswith("text")]  # noqa: S314


@pytest.mark.parametrize("lesson", DRAWN, ids=lambda lesson: lesson.number)
def test_the_picture_of_a_lesson_is_the_one_that_the_lab_draws(lesson, monkeypatch):
    file = plan_file(lesson).with_suffix(".svg")
    before = file.read_text(encoding="utf-8")
    drawn = []
    monkeypatch.setattr("pathlib.Path.write_text", lambda _path, text, *_: drawn.append(text))
    assert draw(lesson) == file
    assert drawn == [before], "python -m labkit.course.time_lines"


@pytest.mark.parametrize("lesson", DRAWN, ids=lambda lesson: lesson.number)
def test_a_picture_is_on_the_page_of_its_lesson(lesson):
    page = lesson.page.read_text(encoding="utf-8")
    assert f"](pictures/{plan_file(lesson).stem}.svg)" in page


def test_facts_are_kept_for_pictures_alone():
    facts = {path.stem for path in (ROOT / "examples/runs").glob("*.json")}
    assert facts == {lesson.number for lesson in DRAWN}


def test_a_run_ends_where_its_process_ends_it_or_is_killed():
    assert runs_of(FACTS["one"]) == [
        Run("TL-1", 0.0, 1.0, "KILLED"),
        Run("TL-2", 0.5, 2.5, "END"),
        Run("TL-1", 4.0, 10.0, "END"),
    ]


def test_a_run_of_which_no_end_is_known_lasts_to_the_last_event():
    assert runs_of(FACTS["one"][:4])[:1] == [Run("TL-1", 0.0, 1.0, "KILLED")]
    assert runs_of(FACTS["one"][:2]) == [Run("TL-1", 0.0, 0.5, ""), Run("TL-2", 0.5, 0.5, "")]


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (["KILLED"], "1 run, never done"),
        (["KILLED", "END"], "2 runs, done once"),
        (["END", "END", ""], "3 runs, done twice"),
        (["END", "END", "END"], "3 runs, done 3 times"),
    ],
)
def test_what_came_of_a_job_is_counted_from_its_runs(ends, said):
    assert in_words([Run("TL-1", 0, 1, ended) for ended in ends], "TL-1") == said


def test_where_an_effect_counts_the_runs_that_had_it_are_counted():
    runs = [Run("TL-1", 0, 1, "KILLED", 0.5), Run("TL-1", 2, 3, "END"), Run("B", 2, 3, "END", 2.5)]
    assert in_words(runs, "TL-1", "charged") == "2 runs, charged once"


def test_a_picture_has_a_label_for_each_row_and_what_came_of_it():
    words = words_in(picture("A < B", "TL-1", {"one": "the & row"}, FACTS))
    assert "✕ its process is killed; dashed: until the next run" in words
    assert {"A < B", "the & row", "2 runs, done once", "TL-1", "TL-2", "0 s", "10"} <= set(words)


def test_a_bar_is_as_long_as_its_run_took():
    svg = picture("T", "TL-1", {"one": "row"}, FACTS)
    bars = [one for one in ET.fromstring(svg).iter() if one.get("rx")]  # noqa: S314
    pale, first, second = (float(bar.get("width", "")) for bar in bars)  # the pale one lies behind
    assert second == pytest.approx(6 * first, abs=0.5)
    assert pale == pytest.approx(2 * first, abs=0.5)


def test_a_message_that_was_taken_is_shown_until_its_timeout_is_over():
    facts = {"one": [{"event": "TAKEN", "job": "TL-3", "process": 0, "seconds": 1.0}]}
    shown = words_in(picture("T", "TL-1", {"one": "row"}, facts, timeout_s=10))
    assert "TL-3" in shown
    assert "11" in shown  # on the axis: the picture goes on until then
    assert "blue: taken, until visibility_timeout (10 s) is over" in shown[-1]
    assert "TL-3" not in words_in(picture("T", "TL-1", {"one": "row"}, facts))


def test_a_message_that_was_taken_twice_came_back_in_between():
    assert holds_of(HELD) == [
        Hold(0.0, 5.0, "back in the queue after 5.0 s"),
        Hold(5.0, 8.0, "acknowledged"),
    ]
    assert holds_of(HELD[:1]) == []


def test_each_time_that_a_message_was_taken_has_a_lane_with_the_run_after_it():
    shapes = ET.fromstring(picture("T", "TL-1", {"one": "row"}, {"one": HELD}))  # noqa: S314
    first, second = (float(one.get("y", "")) for one in shapes.iter() if one.get("rx"))
    lines = {one.get("y"): one.text for one in shapes.iter() if one.get("font-size") == "10"}
    assert second > first + BAR_H
    assert lines == {
        f"{first + BAR_H:g}": "back in the queue after 5.0 s",
        f"{second + BAR_H:g}": "acknowledged",
    }
    dashed = [one.get("d", "") for one in shapes.iter() if one.get("stroke-dasharray") == "3 3"]
    assert [f" {first + BAR_H / 2:g} " in line for line in dashed] == [True]


def test_words_that_find_no_room_are_not_written():
    short = [HELD[0], {**HELD[1], "seconds": 0.1}]
    assert "acknowledged" not in words_in(picture("T", "TL-1", {"one": "row"}, {"one": short}))


def test_the_timeout_of_a_plan_is_a_constant_of_the_lesson(small_lab: SmallLab):
    script = small_lab.lesson()
    small_lab.edit(
        "examples/basic/01_sums.py", "\n\ndef main", "\nOLD_S = 7  # seconds\n\n\ndef main"
    )
    lesson = lesson_of_script(script, small_lab.root)
    plan = write(plan_file(lesson), f'timeout_s = "OLD_S"\n{PLAN}')
    write(facts_file(lesson), json.dumps(FACTS))
    drawn = draw(lesson)
    assert drawn
    assert "visibility_timeout (7 s)" in words_in(drawn.read_text())[-1]
    plan.write_text(f'timeout_s = "NEW_S"\n{PLAN}')
    with pytest.raises(LabError, match=r"01_sums\.toml names 'NEW_S', and the lesson has none"):
        draw(lesson)


def test_a_plan_without_a_job_is_about_one_that_was_killed_after_its_effect_and_soon_done(
    small_lab: SmallLab,
):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    write(plan_file(lesson), EFFECT_PLAN)
    kept = facts_for(lesson, json.dumps({"one": KILLED_JOBS}))
    assert [(one["event"], one["job"], one["seconds"]) for one in json.loads(kept)["one"]] == [
        ("START", "soon", 0.0),
        ("EFFECT", "soon", 0.1),
        ("KILLED", "soon", 0.2),
        ("START", "soon", 2.0),
        ("END", "soon", 2.5),
    ]
    write(facts_file(lesson), kept)
    drawn = draw(lesson)
    assert drawn
    said = words_in(drawn.read_text())
    assert {"row of soon", "2 runs, charged once", "charged", "known"} <= set(said)


def test_a_run_in_which_no_job_was_killed_so_gives_no_such_picture(small_lab: SmallLab):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    write(plan_file(lesson), EFFECT_PLAN)
    with pytest.raises(LabError, match="no job of one was killed after its effect") as caught:
        facts_for(lesson, json.dumps({"one": KILLED_JOBS[-3:]}))
    assert caught.value.hint == "./lab record 01"


def test_a_lesson_without_a_plan_has_no_picture(small_lab: SmallLab):
    assert draw(lesson_of_script(small_lab.lesson(), small_lab.root)) is None


def test_facts_or_a_row_that_are_missing_are_told_with_the_command_that_makes_them(
    small_lab: SmallLab,
):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    write(plan_file(lesson), PLAN)
    with pytest.raises(LabError, match=r"examples/runs/01\.json is missing") as caught:
        draw(lesson)
    assert caught.value.hint == "./lab record 01"
    write(facts_file(lesson), json.dumps({"two": []}))
    with pytest.raises(LabError, match="has no row 'one'"):
        draw(lesson)
    write(facts_file(lesson), json.dumps(FACTS))
    drawn = draw(lesson)
    assert drawn
    assert words_in(drawn.read_text())[0] == "A < B"
