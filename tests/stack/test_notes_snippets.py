"""docs/from-your-notes.md: the tasks of older notes, typed as they stand, on a real worker."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from PIL import Image

from labkit.own.workers import own_worker
from tests.helpers.mail_servers import MailServer, own_mail_server
from tests.stack.helpers.labs import ROOT
from tests.stack.helpers.patient import Patient
from work.mail.mailbox import read_email

TYPED_S = 240  # together the lines take 10 s
pytestmark = pytest.mark.timeout(TYPED_S + 60)  # the first test waits for all of them

PAGE = (ROOT / "docs/from-your-notes.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Tasks: ")[2].partition("\n## ")[0]
BLOCK = SECTION.partition("```python\n")[2].partition("```")[0].split("\n")
ROWS = {
    older: (answer, today)
    for older, answer, today in re.findall(r"^\| `(.*?)`.*? \| (.*) \| (.*) \|$", SECTION, re.M)
}

# Other forms in which notes have them.  What each brings is a result, not an error.
VARIATIONS = """
add.apply_async((4, 4), queue='basic', priority=5, expires=60)
(add.s(2, 2) | add.s(4))()
chain(fetch_data.s(source='users'), process_item.s(), save_result.s()).apply_async()
group([fetch_data.s('A'), fetch_data.s('источник')]).apply_async()
group(fetch_data.s(f'source{i}') for i in range(3))()
chord([fetch_data.s('db'), fetch_data.s('data.json')])(process_item.s())
chord([fetch_data.s(f's{i}') | process_item.s() for i in range(20)], save_result.s())()
(group(fetch_data.s('a'), fetch_data.s('b')) | merge_items.s() | save_result.s())()
send_email.apply_async(args=['user@example.com', 'Привет', 'Текст'], countdown=1)
send_email.apply_async(kwargs={'to_email': 'root@localhost', 'subject': 'Hi', 'body': 'Text'})
(generate_report.s('Monthly') | send_report.s('boss@example.com'))()
import_data.delay(csv_path='uploads/orders.csv')
""".strip().splitlines()

# Types the lines that stdin has, and waits for each result: prints [line, result or error].
TYPIST = """
import ast, json, sys
from tasks.advanced_tasks import merge_items
from tasks.realworld_tasks import cleanup_files, export_data, send_report
for line in json.load(sys.stdin):
    answer = None
    try:
        if isinstance(ast.parse(line).body[0], ast.Expr):
            answer = eval(line).get(timeout=60)
        else:
            exec(line)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps([line, answer]))
"""


def calls_in(cell: str) -> list[str]:
    """The code in a cell of the table, calls or words of an answer."""
    return [code for code in re.findall(r"`([^`]+)`", cell) if code != "dry_run=False"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Patient, MailServer]]:
    """A broker, a mail server and a worker for all queues."""
    patient = Patient(tmp_path_factory.mktemp("snippets"))
    with own_mail_server(patient.home / "files/mail") as server, pytest.MonkeyPatch.context() as m:
        m.setattr("labkit.own.program.LAB_HOME", patient.home)
        patient.environment["SMTP_URL"] = server.url
        queues = ["basic", "advanced", "realworld"]
        with own_worker("notes", queues, environment=patient.environment, show=False):
            yield patient, server
    patient.close()


@pytest.fixture(scope="module")
def typed(place) -> dict[str, object]:
    """Every line of the section and of VARIATIONS, in this order, with what it brought."""
    lines = BLOCK + VARIATIONS
    for older, (_answer, today) in ROWS.items():
        lines += [older, *calls_in(today)]
    printed = subprocess.run(
        [sys.executable, "-c", TYPIST],
        cwd=ROOT,
        env=place[0].environment,
        input=json.dumps([*dict.fromkeys(filter(None, lines))]),
        stdout=subprocess.PIPE,
        text=True,
        timeout=TYPED_S,
        check=True,
    ).stdout
    return dict(json.loads(line) for line in printed.splitlines())


def is_error(answer: object) -> bool:
    """Whether a line brought an error: "ValueError: ..."."""
    return isinstance(answer, str)


@pytest.mark.parametrize("line", [*filter(None, BLOCK), *VARIATIONS])
def test_a_line_of_older_notes_works_as_it_stands(typed, line):
    assert not is_error(typed[line]), typed[line]


def test_the_lines_do_what_they_say(typed, place):
    files, server = place[0].home / "files", place[1]
    for line, file in {
        'chain(fetch_data.s("source"), process_item.s(), save_result.s())()': "source",
        "chord(header)(callback)": "source1+source2+数据源3",
    }.items():
        assert typed[line]["file"] == f"results/{file}.json"
        assert json.loads((files / typed[line]["file"]).read_text())["source"] == file
    assert typed["add.delay(4, 4)"] == typed["(add.s(2, 2) | add.s(4))()"] == 8
    pair = typed['group(fetch_data.s("source1"), fetch_data.s("source2"))()']
    assert [table["source"] for table in pair] == ["source1", "source2"]
    assert pair[0]["flights"] == pair[1]["flights"] != []
    with Image.open(files / "images/test-resize.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1600, 1200))
    subjects = [read_email(server.folder / name)["Subject"] for name in server.kept()]
    assert {"欢迎", "Привет", "Hi"} <= set(subjects)
    assert typed['import_data.delay("data.csv")']["rows"] == 1000


@pytest.mark.parametrize("older", ROWS)
def test_what_stays_an_error_says_why_and_what_to_write_works(typed, older):
    answer, today = ROWS[older]
    assert is_error(typed[older])
    for words in calls_in(answer):
        assert words in typed[older]
    for call in calls_in(today):
        assert not is_error(typed[call]), typed[call]
