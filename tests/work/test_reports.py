"""Reports: what is drawn, what is sent, and what is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.realworld_tasks import generate_report, send_report
from tests.helpers.mail_servers import ADA, server
from work.flights import reports
from work.flights.summary import summarise
from work.flights.timetable import read
from work.mail.mailbox import emails, read_email
from work.mail.smtp import MailRefused

__all__ = ["server"]


pytestmark = pytest.mark.usefixtures("files")


def test_a_report_has_a_row_and_a_bar_for_each_route(files):
    report = generate_report("north")
    content = (files / report["file"]).read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    for text in (b"(Timetable north) Tj", b"(4 flights a day, 694 seats) Tj", b"(99.00 EUR) Tj"):
        assert text in content
    for route in (b"(AMS-OSL) Tj", b"(AMS-HEL) Tj", b"(AMS-ARN) Tj"):
        assert content.count(route) == 2  # in the table, and below the bar
    assert report == {
        "file": "reports/north-by-hand.pdf",
        "source": "north",
        "flights": 4,
        "seats": 694,
        "size_bytes": len(content),
    }
    assert json.loads(json.dumps(report)) == report


def test_the_same_timetable_gives_the_same_bytes(tmp_path):
    summary = summarise(read("source", tmp_path))
    assert reports.draw(summary) == reports.draw(summary)


def test_a_task_that_runs_twice_leaves_one_report(files):
    for _ in range(2):
        generate_report.apply(("north",), task_id="5f0c1a2b-1111")
    assert [file.name for file in (files / "reports").iterdir()] == ["north-5f0c1a2b.pdf"]


@pytest.mark.parametrize("source", ["west", "../north", "", None, "north/x", "销售"])
def test_an_unknown_timetable_is_refused_and_nothing_is_written(files, source):
    with pytest.raises(ValueError, match=r"^source must be "):
        generate_report(source)
    assert not (files / "reports").exists()


def test_a_timetable_of_too_many_routes_is_refused(files):
    lines = [f"TL{number},AMS,A{chr(65 + number // 26)}{chr(65 + number % 26)},07:30,180,99.00"
             for number in range(21)]  # fmt: skip
    (files / "timetables").mkdir(parents=True)
    header = "flight,origin,destination,departs,seats,price_eur"
    (files / "timetables" / "many.csv").write_text("\n".join([header, *lines]))
    with pytest.raises(ValueError, match=r"^a report must have 1 to 20 routes, got 21$"):
        generate_report("many")


def test_a_report_arrives_as_an_attachment(server, files):
    report = generate_report("north")
    receipt = send_report(report, ADA)
    (file,) = emails(server.folder, ADA)
    message = read_email(file)
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "north-by-hand.pdf"
    assert attachment.get_content_type() == "application/pdf"
    assert attachment.get_payload(decode=True) == (files / report["file"]).read_bytes()
    assert receipt == {"to": ADA, "message_id": message["Message-ID"], "file": report["file"]}


def test_a_busy_server_is_asked_again_and_the_report_is_not_drawn_again(server, files):
    report = generate_report("north")
    before = (files / report["file"]).stat().st_ino
    server.will_answer("451", "drop")
    # Eager: the attempts run here, one after the other, and the waits are left out.
    assert send_report.apply((report, ADA)).state == "SUCCESS"
    assert server.answered() == ["451", "drop", "250"]
    assert (files / report["file"]).stat().st_ino == before


def test_a_refusal_is_not_tried_again(server):
    server.will_answer("550")
    outcome = send_report.apply((generate_report("north"), ADA))
    assert type(outcome.result) is MailRefused
    assert server.answered() == ["550"]


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ({"file": "reports/none.pdf"}, "file must name a report that is there, got 'reports/none"),
        ({"file": "../secret.pdf"}, "file must stay inside the lab's files, got '../secret.pdf'"),
        ({"file": "/etc/passwd"}, "file must stay inside the lab's files"),
        ({"file": "reports"}, "file must name a report that is there"),
        ({"file": ""}, "file must be a path of 1 to 200 characters"),
        ({}, "report must be what generate_report returns, got {}"),
        (None, "report must be what generate_report returns, got None"),
        ("reports/north.pdf", "report must be what generate_report returns"),
    ],
)
def test_what_is_no_report_is_refused_and_nothing_is_sent(server, files, report, sentence):
    (files / "reports").mkdir(parents=True)
    (files / "secret.pdf").write_bytes(b"%PDF-")
    outcome = send_report.apply((report, ADA))
    assert type(outcome.result) is ValueError
    assert str(outcome.result).startswith(sentence)
    assert server.kept() == []


def test_a_link_out_of_the_reports_is_refused(server, files):
    (files / "reports").mkdir(parents=True)
    (files / "secret.pdf").write_bytes(b"%PDF-")
    (files / "reports" / "link.pdf").symlink_to(files / "secret.pdf")
    outcome = send_report.apply(({"file": "reports/link.pdf"}, ADA))
    assert str(outcome.result).startswith("file must stay inside the lab's files")


def test_a_line_break_in_the_address_is_refused(server):
    report = generate_report("north")
    outcome = send_report.apply((report, "ada@example.com\nBcc: bob@example.com"))
    assert type(outcome.result) is ValueError
    assert server.kept() == []


NAME = st.from_regex(r"[A-Z]{3}-[A-Z]{3}", fullmatch=True)
ROUTE = st.fixed_dictionaries(
    {
        "flights": st.integers(1, 1000),
        "seats": st.integers(0, 999_000),
        "first": st.just("07:30"),
        "cheapest_cents": st.integers(0, 9_999_999),
    }
)


@settings(deadline=None)  # a drawing takes 0.07 s alone, and longer on a busy machine
@given(st.dictionaries(NAME, ROUTE, min_size=1, max_size=reports.MAX_ROUTES))
def test_every_summary_can_be_drawn_on_one_page(routes):
    summary = {"source": "north", "flights": 1, "seats": 1, "routes": routes}
    content = reports.draw(summary)
    assert b"/Count 1" in content
    for name in routes:
        assert content.count(f"({name}) Tj".encode()) == 2
