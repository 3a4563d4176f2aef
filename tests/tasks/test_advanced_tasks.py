"""The tasks of the advanced level, called as plain functions, and the work behind them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.advanced_tasks import fetch_data, mail_ticket, merge_items, process_item, save_result
from tasks.advanced_tasks import retries as retries_module
from work.flights import summary, timetable
from work.flights.sample_timetables import HEADER, SAMPLES
from work.mail.mailbox import MailboxBusy

REGIONS = ("north", "east", "south")


def write_timetable(files, name, text):
    folder = files / "timetables"
    folder.mkdir(exist_ok=True)
    content = text if isinstance(text, bytes) else text.encode()
    (folder / f"{name}.csv").write_bytes(content)


# -- fetch_data, process_item, save_result, merge_items --------------------------------------


def test_the_three_steps_lead_from_a_name_to_a_saved_file(files):
    saved = save_result(process_item(fetch_data("source")))
    content = (files / saved["file"]).read_bytes()
    assert saved == {"file": "results/source.json", "size_bytes": len(content)}
    assert json.loads(content)["routes"]["AMS-OSL"] == {
        "flights": 2,
        "seats": 360,
        "first": "07:30",
        "cheapest_cents": 9900,
    }


@pytest.mark.parametrize("step", [fetch_data, lambda name: process_item(fetch_data(name))])
def test_what_a_step_hands_on_survives_the_journey_as_json(files, step):
    data = step("source")
    assert json.loads(json.dumps(data)) == data


def test_the_sample_is_written_once_and_then_belongs_to_the_learner(files):
    fetch_data("north")
    write_timetable(files, "north", HEADER + "TL999,AMS,OSL,23:59,1,0.01\n")
    assert [flight["flight"] for flight in fetch_data("north")["flights"]] == ["TL999"]


def test_a_timetable_of_the_learners_own_is_found_by_its_name(files):
    write_timetable(files, "mine", HEADER + "TL1,AMS,OSL,00:00,0,10.00\n")
    assert fetch_data("mine")["flights"][0]["price_cents"] == 1000


def test_the_mark_that_spreadsheets_put_in_front_is_no_part_of_the_header(files):
    write_timetable(
        files, "mine", b"\xef\xbb\xbf" + SAMPLES["north"].replace("\n", "\r\n").encode()
    )
    assert len(fetch_data("mine")["flights"]) == 4


@pytest.mark.parametrize("source", ["source1", "Source_A", "data.csv", "数据源1", "источник"])
def test_any_other_name_gets_a_timetable_of_its_own(files, source):
    data = fetch_data(source)
    assert data == {"source": source, "flights": fetch_data("source")["flights"]}
    assert (files / f"timetables/{source.lower()}.csv").read_text() == SAMPLES["source"]
    assert save_result(process_item(data))["file"] == f"results/{source.lower()}.json"


def test_a_source_where_the_shop_does_not_fly_is_answered_with_the_others(files):
    with pytest.raises(ValueError, match=r"^source must be one of .*north.*, got 'west'$"):
        fetch_data("west")


@pytest.mark.parametrize(
    "source",
    [
        "../north",
        "/etc/passwd",
        "",
        "a b",
        ".north",
        "https://example.com/api",
        "a" * 101,
        "x\0",
        7,
        None,
    ],
)
def test_a_source_that_is_no_plain_name_is_refused(files, source):
    with pytest.raises(ValueError, match=r"^source must be a name such as 'north', got "):
        fetch_data(source)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(files, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text(SAMPLES["north"])
    (files / "timetables").mkdir()
    (files / "timetables" / "mine.csv").symlink_to(outside)
    with pytest.raises(ValueError, match=r"^source must stay inside the lab's files"):
        fetch_data("mine")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1 must be 'flight,origin,"),
        ("flight;origin\n", "line 1 must be"),
        (HEADER + "TL101,AMS\n", "line 2 must have 6 columns, got 2"),
        (HEADER + "\n", "line 2 must have 6 columns, got 0"),
        (HEADER + "TL101,AMS,OSL,07:30,many,9.00\n", "line 2: seats must be of the form 180"),
        (HEADER + "TL101,AMS,OSL,07:30,²,9.00\n", "line 2: seats must be of the form 180"),
        (HEADER + "TL101,AMS,OSL,07:30,180,9\n", "line 2: price_eur must be of the form 129.00"),
        (HEADER + 'TL101,AMS,"OSL\n', "line 2 is not CSV"),
        ((HEADER + "TL101,AMS,Осло,07:30,180,9.00\n").encode("koi8-r"), "utf-8"),
        (HEADER + "TL1,AMS,OSL,07:30,1,9.00\n" * 1001, "at most 1000 flights, got 1001"),
        (HEADER + "x" * 100_000, "at most 100000 bytes"),
    ],
)
def test_a_file_that_is_no_timetable_is_refused_with_what_was_expected(files, text, sentence):
    write_timetable(files, "mine", text)
    with pytest.raises(ValueError, match=sentence) as caught:
        fetch_data("mine")
    assert str(caught.value).startswith("mine.csv")


@settings(deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_any_lines_after_the_header_are_flights_or_a_value_error(lines):
    try:
        flights = timetable.parse([HEADER.strip(), *lines])
    except ValueError:
        return
    assert len(flights) <= len(lines)


FLIGHTS = st.fixed_dictionaries(
    {
        "flight": st.just("TL1"),
        "origin": st.sampled_from(["AMS", "OSL"]),
        "destination": st.sampled_from(["LIS", "PEK"]),
        "departs": st.times().map(lambda time: time.strftime("%H:%M")),
        "seats": st.integers(0, 853),
        "price_cents": st.integers(0, 999_999),
    }
)


@settings(deadline=None)
@given(st.lists(st.lists(FLIGHTS, max_size=4), min_size=1, max_size=4))
def test_joining_the_summaries_of_the_parts_gives_the_summary_of_the_whole(parts):
    joined = summary.merge(
        [summary.summarise({"source": "part", "flights": part}) for part in parts]
    )
    flights = [flight for part in parts for flight in part]
    whole = summary.summarise({"source": joined["source"], "flights": flights})
    assert joined == whole
    assert whole["flights"] == len(flights)
    assert whole["seats"] == sum(flight["seats"] for flight in flights)


def test_the_regions_together_are_the_whole_sample(files):
    joined = merge_items([process_item(fetch_data(region)) for region in REGIONS])
    assert joined["routes"] == process_item(fetch_data("source"))["routes"]
    assert save_result(joined)["file"] == "results/north+east+south.json"


@pytest.mark.parametrize("step", [process_item, merge_items])
def test_what_a_chord_collects_from_fetch_data_is_summarised_and_joined(files, step):
    timetables = [fetch_data(region) for region in REGIONS]
    joined = merge_items([process_item(timetable) for timetable in timetables])
    assert step(timetables) == joined
    assert save_result(timetables) == save_result(joined)


def test_a_sum_of_many_sources_has_a_name_that_a_file_can_have(files):
    timetables = [fetch_data(f"source{number}") for number in range(50)]
    saved = [save_result(timetables[:many])["file"] for many in (40, 41, 50)]
    assert len(set(saved)) == 3
    assert saved[0].startswith("results/source0+source1+source2+")
    assert process_item(timetables)["flights"] == 600


@pytest.mark.parametrize(
    "data", [None, 5, [], {}, {"source": "x"}, {"source": "x", "flights": [1]}]
)
def test_a_step_that_gets_something_else_says_what_it_expected(data):
    with pytest.raises(ValueError, match=r"^data must be what fetch_data returns, got "):
        process_item(data)


@pytest.mark.parametrize("items", [None, 5, [5], ["x"], [{}], [{"routes": 5}]])
def test_merging_something_else_says_what_was_expected(items):
    with pytest.raises(ValueError, match=r"^items must be what process_item returns, got "):
        merge_items(items)


@pytest.mark.parametrize("data", [None, {}, [], {"source": "north"}])
def test_saving_something_else_says_what_was_expected(files, data):
    with pytest.raises(ValueError, match=r"^data must be what process_item returns, got "):
        save_result(data)
    assert not (files / "results").exists()


def test_a_result_whose_source_is_a_path_is_not_saved(files):
    with pytest.raises(ValueError, match=r"^source must be a name"):
        save_result({"source": "../../north", "routes": {}})


def test_a_result_that_is_saved_twice_is_there_once(files):
    data = process_item(fetch_data("north"))
    assert save_result(data) == save_result(data)
    assert [file.name for file in (files / "results").iterdir()] == ["north.json"]


# -- mail_ticket -----------------------------------------------------------------------------


def test_a_ticket_is_in_the_mailbox_after_one_attempt(files):
    receipt = mail_ticket("ada@example.com", "TL101", 2)
    assert receipt == {"file": "mail/ada@example.com/0001.eml", "attempts": 1}
    assert b"Subject: Your ticket for TL101\r\n" in (files / receipt["file"]).read_bytes()


def test_a_mailbox_that_stays_held_costs_four_attempts_and_then_fails(files, monkeypatch):
    attempts = []

    def busy(*_arguments):
        attempts.append(mail_ticket.request.retries)
        raise MailboxBusy("held")

    monkeypatch.setattr(retries_module, "deliver", busy)
    # Eager: the attempts run here, one after the other, and the waits are left out.
    outcome = mail_ticket.apply(("ada@example.com", "TL101", 2))
    assert attempts == [0, 1, 2, 3]
    assert (outcome.state, type(outcome.result)) == ("FAILURE", MailboxBusy)


def test_a_mailbox_that_is_let_go_is_delivered_to_at_the_next_attempt(files, monkeypatch):
    deliver, held = retries_module.deliver, [True, True]

    def busy_twice(message, folder):
        if held:
            held.pop()
            raise MailboxBusy("held")
        return deliver(message, folder)

    monkeypatch.setattr(retries_module, "deliver", busy_twice)
    outcome = mail_ticket.apply(("ada@example.com", "TL101", 2))
    assert outcome.get()["attempts"] == 3
    assert len(list(files.glob("mail/*/*.eml"))) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ada@example.com", "TL101", 12), "seats must be 1 to 9, got 12"),
        (("ada@example.com", "TL101", 0), "seats must be 1 to 9, got 0"),
        (("ada@example.com", "TL101", "2"), "seats must be 1 to 9, got '2'"),
        (("ada@example.com", "TL101", True), "seats must be 1 to 9, got True"),
        (("ada@example.com", "TL", 2), "flight must be a number such as TL101, got 'TL'"),
        (("ada", "TL101", 2), "to_email must be one address such as ada@example.com, got 'ada'"),
    ],
)
def test_a_wrong_argument_fails_at_the_first_attempt(files, monkeypatch, arguments, sentence):
    monkeypatch.setattr(mail_ticket, "retry", lambda **_: pytest.fail("it was retried"))
    outcome = mail_ticket.apply(arguments)
    assert (type(outcome.result), str(outcome.result)) == (ValueError, sentence)
    assert not (files / "mail").exists()
