"""The lines to copy come from the files that run; what is gone is told in a sentence."""

import pytest

from labkit.course.snippets import MAX_LINES, own_code
from labkit.errors import LabError
from tests.helpers.small_lab import SmallLab, write

FILE = "tasks/shop.py"
SOURCE = '''\
"""The shop."""

LIMIT_S = 20  # seconds
app.conf.task_acks_late = True


@app.task(
    acks_late=True,
)
def sell(order):
    """Sell a seat.

    Raises ValueError.
    """
    # region charge
    charge(order)

    # region mail
    mail(order)
    # endregion
    # endregion
    return order


class Till:
    """Money."""

    def open(self):
        return 1


OPTIONS = {
    "late": ["acks_late"],
}

app.conf.update(
    task_routes={  # Celery: none
        "tasks.*": {"queue": "basic"},
    },
    broker_transport_options={
        "visibility_timeout": 3600,  # seconds
    },
)
'''


@pytest.fixture
def lab(small_lab: SmallLab) -> SmallLab:
    """A small lab whose tasks/shop.py holds one of each."""
    write(small_lab.root / FILE, SOURCE)
    return small_lab


def code(lab: SmallLab, *names: str, **options) -> str:
    """The lines in the block, without the link above it."""
    link, _, block = own_code(FILE, *names, root=lab.root, **options).partition("\n\n```python\n")
    assert link == "[tasks/shop.py](../../tasks/shop.py):"
    return block.removesuffix("\n```\n")


def refused(lab: SmallLab, *names: str, **options) -> str:
    """The sentence of the error."""
    with pytest.raises(LabError) as caught:
        own_code(FILE, *names, root=lab.root, **options)
    return caught.value.sentence


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("LIMIT_S", "LIMIT_S = 20  # seconds"),
        ("app.conf.task_acks_late", "app.conf.task_acks_late = True"),
        ("Till.open", "def open(self):\n    return 1"),
        ("Till", 'class Till:\n    """Money."""\n\n    def open(self):\n        return 1'),
        ("late", '"late": ["acks_late"],'),
        (
            "task_routes",
            "app.conf.update(\n    task_routes={  # Celery: none\n"
            '        "tasks.*": {"queue": "basic"},\n    },\n)',
        ),
        (
            "visibility_timeout",
            "app.conf.update(\n    broker_transport_options={\n"
            '        "visibility_timeout": 3600,  # seconds\n    },\n)',
        ),
    ],
)
def test_what_has_a_name_is_found_by_it(lab, name, lines):
    assert code(lab, name) == lines


def test_a_function_has_its_decorators_and_the_first_line_of_its_docstring(lab):
    lines = code(lab, "sell").splitlines()
    assert lines[:5] == [
        *["@app.task(", "    acks_late=True,", ")"],
        *["def sell(order):", '    """Sell a seat. ..."""'],
    ]
    assert lines[-1] == "    return order"


def test_three_dots_stand_for_a_body_and_for_nothing_where_there_is_none(lab):
    assert code(lab, "sell", body=False).endswith('    """Sell a seat. ..."""\n    ...')
    lab.edit(FILE, "    def open(self):\n        return 1\n", "")
    assert code(lab, "Till", body=False) == 'class Till:\n    """Money."""'


def test_several_names_stand_in_one_block_in_the_order_that_is_asked_for(lab):
    shown = code(lab, "Till.open", "LIMIT_S").splitlines()
    assert [line for line in shown[2:] if line] == ["LIMIT_S = 20  # seconds"]


def test_beside_a_function_in_one_block_are_two_empty_lines_as_the_formatter_wants(lab):
    assert code(lab, "Till.open", "LIMIT_S").splitlines()[2:4] == ["", ""]
    assert code(lab, "LIMIT_S", "LIMIT_S").splitlines()[1:] == ["", "LIMIT_S = 20  # seconds"]


def test_a_region_is_what_stands_between_its_marks_without_indent_and_other_marks(lab):
    assert code(lab, region="charge") == "charge(order)\n\nmail(order)"
    assert code(lab, region="mail") == "mail(order)"


def test_a_region_may_be_in_a_file_that_is_not_python(lab):
    write(lab.root / "compose.yml", "# region redis\nredis:\n# endregion\n")
    shown = own_code("compose.yml", region="redis", root=lab.root)
    assert shown.endswith("\n```yaml\nredis:\n```\n")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# region charge", "# region pay", "has no region 'charge'"),
        ("# region mail", "# region charge", "line 18 begins region 'charge' once more"),
        ("# endregion\n    ret", "ret", "line 15 begins region 'charge', which never ends"),
        ("return order", "# endregion", "line 22 ends a region that never began"),
        ("# endregion", "# endregion pay", "line 20 ends region 'pay' inside region 'mail'"),
        ('"""Money."""', "# region till", "line 26 begins region 'till', which never ends"),
    ],
)
def test_a_region_that_is_not_there_as_a_whole_is_refused(lab, old, new, said):
    lab.edit(FILE, old, new)
    assert refused(lab, region="charge") == f"tasks/shop.py {said}"


def test_behind_a_mark_may_be_a_note_and_behind_the_end_the_name(lab):
    lab.edit(FILE, "region charge", "region charge  # once")
    lab.edit(FILE, "# endregion\n    # endregion", "# endregion mail\n    # endregion # charge")
    assert code(lab, region="charge") == "charge(order)\n\nmail(order)"
    assert "region" not in code(lab, "sell")


@pytest.mark.parametrize("wanted", [([], {}), (["sell"], {"region": "charge"})])
def test_neither_names_nor_a_region_is_refused_and_so_are_both(lab, wanted):
    names, options = wanted
    said = "own_code('tasks/shop.py') takes either names or a region"
    assert refused(lab, *names, **options) == said


@pytest.mark.parametrize("file", ["/etc/hosts", "../shop.py"])
def test_a_path_that_is_not_one_from_the_labs_folder_is_refused(lab, file):
    with pytest.raises(LabError, match=f"{file} is no path from the lab's folder"):
        own_code(file, "x", root=lab.root)


def test_a_file_that_is_not_utf_8_is_refused(lab):
    (lab.root / FILE).write_bytes("# region charge\n'é'\n# endregion\n".encode("latin-1"))
    assert refused(lab, region="charge") == "tasks/shop.py line 2 is not UTF-8"


def test_a_region_without_lines_is_refused(lab):
    write(lab.root / FILE, "# region charge\n\n# endregion\n")
    assert refused(lab, region="charge") == "region 'charge' of tasks/shop.py has no lines"


def test_a_name_that_is_gone_or_there_twice_is_refused(lab):
    assert refused(lab, "Till.close") == "tasks/shop.py has no 'Till.close'"
    lab.edit(FILE, "class Till", "def sell(): ...\n\n\nclass Till")
    assert refused(lab, "sell") == "tasks/shop.py has 2 times 'sell'"


def test_a_file_that_is_gone_or_not_python_is_refused(lab):
    write(lab.root / FILE, "def (")
    assert refused(lab, "sell").startswith("tasks/shop.py line 1 is not Python")
    (lab.root / FILE).unlink()
    for wanted in ({"region": "charge"}, {}):
        said = refused(lab, *[] if wanted else ["sell"], **wanted)
        assert said == "tasks/shop.py cannot be read: No such file or directory"


def test_more_lines_than_a_person_copies_are_refused(lab):
    long = "".join(f"a{n} = {n}\n" for n in range(MAX_LINES))
    write(lab.root / FILE, f"# region all\n{long}# endregion\n")
    assert len(code(lab, region="all").splitlines()) == MAX_LINES
    lab.edit(FILE, "a0", "b = 1\na0")
    assert "has 16 lines, and a page shows at most 15" in refused(lab, region="all")
