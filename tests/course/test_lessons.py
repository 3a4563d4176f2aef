"""The catalogue reads from a script's source what it says of itself and which files it uses."""

import re

import pytest

from labkit.course.index import FIRST_STEPS, WIDTH, index
from labkit.course.lesson_text import lesson_text
from labkit.course.lessons import lesson_of_number, lesson_of_script, scripts
from labkit.course.signpost import what_next
from labkit.errors import LabError
from tests.helpers.small_lab import write

SENT = [("id-1", "basic"), ("id-2", "basic"), ("id-3", "own")]


def test_the_parts_of_the_docstring_are_told_apart(small_lab):
    text = lesson_of_script(small_lab.lesson(promise="one\n\n  two"), small_lab.root).text
    assert text.title == "Sums: add two numbers"
    assert text.why == "One sentence about why, with `code`."
    assert (text.command, text.time) == ("./lab run 01", "about 1 s")
    assert text.watch == "http://localhost:5555/tasks\nshows the task."
    assert text.promise == "one\n\n  two\n"
    assert text.try_next.startswith("Try next.  Guess first:\n  1. Change the sum.")


def test_text_after_the_promise_belongs_to_the_remarks_and_not_to_the_promise():
    text = lesson_text("T.\n\nYou should see:\n\n    9\n\nThe 9 is a sum.\n\nTry next.\n  1. x")
    assert (text.promise, text.remarks) == ("9\n", "The 9 is a sum.")


def test_indented_code_in_the_explanation_is_not_taken_for_the_command():
    text = lesson_text("T.\n\nSend it:\n\n    add.delay(4, 5)\n\n    ./lab run 01   # about 2 s\n")
    assert text.why == "Send it:\n\n    add.delay(4, 5)"
    assert text.time == "about 2 s"


def test_a_script_without_a_docstring_has_empty_parts(tmp_path):
    lesson = lesson_of_script(write(tmp_path / "mine.py", "print(1)\n"), tmp_path)
    assert (lesson.number, lesson.level, lesson.text.promise) == ("mine", "", "")
    assert lesson.header() == "mine\n   lesson: mine.py"


def test_queues_and_extras_come_from_the_call_of_run_lesson(small_lab):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    assert (lesson.queues, lesson.extras) == (("basic",), ("flower",))


def test_the_header_names_number_title_task_file_and_work_file(small_lab):
    assert lesson_of_script(small_lab.lesson(), small_lab.root).header() == (
        "01 Sums: add two numbers\n   lesson: examples/basic/01_sums.py\n"
        "   task: tasks/basic_tasks.py (add)\n   work: work/sums.py"
    )


def test_the_header_names_the_lessons_page(small_lab):
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    assert "page" not in lesson.header()
    write(small_lab.root / "examples/basic/01_sums.md", "# 01 Sums: add\n")
    assert lesson.header().splitlines()[2] == "   page: examples/basic/01_sums.md"


@pytest.mark.parametrize("number", [number for number in scripts() if number.isdecimal()])
def test_every_lesson_has_a_page_and_fits_on_a_terminal(number):
    lesson = lesson_of_number(number)
    assert lesson.page
    assert max(map(len, f"{lesson.header()}\n{what_next(lesson)}".splitlines())) <= 100


def test_what_comes_next_is_the_tries_and_then_the_next_lesson(small_lab):
    first = lesson_of_script(small_lab.lesson(), small_lab.root)
    small_lab.lesson(number="02", title="Letters: send one")
    last = lesson_of_script(
        small_lab.lesson(number="35", level="realworld", title="Mail: " + "a long way " * 10),
        small_lab.root,
    )
    assert what_next(first) == (
        "Try next.  Guess first:\n  1. Change the sum.\n     What comes then?\n"
        "next: ./lab run 02\n      Letters: send one"
    )
    second = lesson_of_number("02", small_lab.root)
    assert "\nnext: ./lab run 35\n      Mail: a long way" in what_next(second)
    assert len(what_next(second).splitlines()) == 6  # the title goes on below
    write(small_lab.root / "examples/basic/02_sums.md", "# 02 Letters: send one\n")
    assert what_next(first).endswith("\n      Letters: send one\n      examples/basic/02_sums.md")
    assert what_next(last).endswith("\nnext: ./lab run playground")  # which has no title here
    assert what_next(lesson_of_number("playground", small_lab.root)) == ""


@pytest.mark.parametrize(
    "line",
    [
        "from tasks.basic_tasks import add",
        "from tasks import basic_tasks\nbasic_tasks.add",
        "import tasks.basic_tasks\ntasks.basic_tasks.add",
        "from tasks import basic_tasks as b\nb.add",
        "from tasks.offered import add",
        "def later():\n    from tasks.offered import add",
    ],
)
def test_a_task_is_found_however_it_is_imported(small_lab, line):
    write(small_lab.root / "tasks/offered/__init__.py", "from tasks.basic_tasks import add\n")
    lesson = lesson_of_script(write(small_lab.root / "x.py", line), small_lab.root)
    assert [use.name for use in lesson.tasks] == ["add"]
    assert lesson.task_files == [small_lab.root / "tasks/basic_tasks.py"]
    assert lesson.work_files == [small_lab.root / "work/sums.py"]


def test_what_is_imported_beside_the_tasks_is_not_taken_for_a_task(small_lab):
    small_lab.edit("tasks/basic_tasks.py", '"""Tasks."""', "MAX_S = 60")
    path = write(small_lab.root / "x.py", "from tasks.basic_tasks import MAX_S, greet")
    lesson = lesson_of_script(path, small_lab.root)
    assert [use.name for use in lesson.tasks] == ["greet"]
    assert lesson.work_files == [small_lab.root / "work/text.py"]


@pytest.mark.parametrize(
    "number",
    ["1", "01", "001", "01_sums", "examples/basic/01_sums.py", "examples/basic/01_sums.md"],
)
def test_a_lesson_is_found_by_its_number(small_lab, number):
    path = small_lab.lesson()
    assert lesson_of_number(number, small_lab.root).path == path


def test_scripts_without_a_number_are_found_by_their_names(small_lab):
    write(small_lab.root / "examples/basic_usage.py", "print(1)\n")
    assert lesson_of_number("basic_usage", small_lab.root).level == "basic"
    assert lesson_of_number("playground", small_lab.root).level == ""


@pytest.mark.parametrize("number", ["02", "77", "9" * 5000])
def test_an_unknown_number_is_something_that_the_learner_can_mend(small_lab, number):
    small_lab.lesson()
    with pytest.raises(LabError, match="there is no lesson") as caught:
        lesson_of_number(number, small_lab.root)
    assert caught.value.exit_code == 1
    assert "hint: ./lab lessons" in str(caught.value)


@pytest.mark.parametrize("number", ["01_other", "1-sums", "examples/basic/01_other.py"])
def test_a_name_that_begins_with_a_lessons_number_is_answered_with_that_lesson(small_lab, number):
    small_lab.lesson()
    with pytest.raises(LabError, match=r"there is no lesson '.*'; lesson 01 is 01_sums") as caught:
        lesson_of_number(number, small_lab.root)
    assert caught.value.hint == "./lab run 01"


@pytest.mark.parametrize("number", ["x", "2.5", "", "-1", "²", "../x", "02_other"])
def test_what_is_no_number_is_wrong_usage(small_lab, number):
    small_lab.lesson()
    with pytest.raises(LabError, match="a lesson is a number") as caught:
        lesson_of_number(number, small_lab.root)
    assert caught.value.exit_code == 2


def test_a_typing_mistake_is_told_with_file_and_line(small_lab):
    small_lab.lesson(body="print(1)\nprint(")
    with pytest.raises(
        LabError, match=r"01_sums.py line \d+ is not Python: .* never closed"
    ) as told:
        lesson_of_number("1", small_lab.root)
    file = "examples/basic/01_sums.py"
    assert re.fullmatch(rf"sed -n \d+p {file}; ./lab restore {file}", told.value.hint)


def test_the_scripts_come_in_the_order_of_the_course(small_lab):
    for number, level in [
        ("35", "realworld"),
        ("02", "basic"),
        ("10", "advanced"),
        ("01", "basic"),
    ]:
        small_lab.lesson(number=number, level=level)
    write(small_lab.root / "examples/basic_usage.py", "")
    order = ["01", "02", "basic_usage", "10", "35", "playground"]
    assert list(scripts(small_lab.root)) == order


def test_the_list_groups_by_level_and_fits_a_terminal(small_lab):
    small_lab.lesson(title="Long: " + "many words and still more of them " * 4)
    small_lab.lesson(number="35", level="realworld")
    text = index(small_lab.root)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.startswith("Basic\n  01  Long: many words")
    assert "Real world\n  35  Sums: add two numbers" in text
    assert "page" not in text
    write(small_lab.root / "examples/realworld/35_sums.md", "# 35 Sums\n")
    assert index(small_lab.root).endswith(": examples/realworld/35_sums.md")


def test_the_list_names_a_broken_lesson_and_goes_on(small_lab):
    small_lab.lesson(body="print(")
    small_lab.lesson(number="02")
    text = index(small_lab.root)
    assert "is not Python" in text
    assert "  02  Sums: add two numbers" in text


def test_the_list_of_a_lab_without_lessons_says_how_to_get_them(tmp_path):
    with pytest.raises(LabError, match="there are no lessons"):
        index(tmp_path)


def test_the_first_steps_are_up_and_lesson_01():
    assert FIRST_STEPS.index("./lab up") < FIRST_STEPS.index("./lab run 01")


@pytest.mark.parametrize(
    ("state", "sent", "said"),
    [
        ({"flower": "http://localhost:5556"}, SENT, "look: http://localhost:5556/task/id-2"),
        ({"flower": "http://localhost:5556"}, [("id-3", "own")], ""),
        ({"flower": "http://localhost:5556"}, [], ""),
        ({"flower": None}, SENT, ""),
        (None, SENT, ""),
    ],
)
def test_the_footer_is_the_address_of_the_last_task_on_the_shared_queues(
    small_lab, monkeypatch, state, sent, said
):
    monkeypatch.setattr("labkit.course.lessons.read_state", lambda _home: state)
    lesson = lesson_of_script(small_lab.lesson(), small_lab.root)
    assert lesson.footer(sent) == said
