"""The lab's services do what real ones do, also when they are told to fail."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from labkit.services.json_server import MAX_BODY_BYTES
from labkit.services.partners import PartnerServices
from tests.helpers.running_service import running
from work.orders.partners import Busy, Partners, Refused, WrongRequest


@pytest.fixture
def services() -> PartnerServices:
    return PartnerServices(work_s=0)


@pytest.fixture
def url(services) -> Iterator[str]:
    with running(services.respond) as url:
        yield url


def go_wrong(services: PartnerServices, **fault) -> None:
    answer = services.respond("POST", "/faults", "", fault)
    assert answer and answer[0] == 201


def test_a_key_that_is_known_changes_nothing_and_gets_the_same_answer(services, url):
    partners = Partners(url)
    assert partners.seats.do("TL-1") == partners.seats.do("TL-1")
    assert services.books["seats"].done == {"TL-1": 1}


def test_without_keys_each_request_is_a_new_one(services, url):
    partners = Partners(url, keys=False)
    assert partners.seats.do("TL-1") != partners.seats.do("TL-1")
    assert services.books["seats"].balance == {"TL-1": 2}


def test_a_refusal_is_final_and_says_why(services, url):
    go_wrong(services, path="/cards", fault="refuse", orders=["TL-1"])
    for _ in range(2):
        with pytest.raises(Refused, match="cards refused: no for TL-1"):
            Partners(url).cards.do("TL-1")
    assert not services.books["cards"].done


@pytest.mark.parametrize(
    ("number", "error"),
    [
        *((number, Refused) for number in (402, 410)),
        *((number, Busy) for number in (408, 409, 423, 425, 429, 500, 502, 503, 504)),
        *((number, WrongRequest) for number in (302, 400, 401, 403, 404, 405, 418, 422)),
    ],
)
def test_only_an_agreed_number_is_a_refusal_and_the_others_wait_or_need_somebody(number, error):
    with running(lambda *_request: (number, {}, {"reason": "because"})) as url:
        for ask in (Partners(url).cards.do, Partners(url).cards.undo):
            with pytest.raises(error, match=r"because|answered \d+$"):
                ask("TL-1")


def test_a_busy_service_has_done_nothing(services, url):
    go_wrong(services, path="/cards", fault="busy", orders=["TL-1"], times=1)
    with pytest.raises(Busy, match="cards answered 503"):
        Partners(url).cards.do("TL-1")
    assert not services.books["cards"].done
    Partners(url).cards.do("TL-1")


def test_a_service_that_hangs_up_has_done_it_and_the_key_makes_the_second_time_harmless(
    services, url
):
    go_wrong(services, path="/cards", fault="hang up", orders=["TL-1"], times=1)
    with pytest.raises(Busy, match="cards gave no answer: RemoteProtocolError"):
        Partners(url).cards.do("TL-1")
    Partners(url).cards.do("TL-1")
    assert services.books["cards"].done == {"TL-1": 1}


def test_a_service_that_is_not_there_is_busy(url, services):
    with pytest.raises(Busy, match="seats gave no answer: ConnectError"):
        Partners("http://127.0.0.1:1").seats.do("TL-1")


def test_a_request_that_comes_after_its_undoing_is_refused(services, url):
    partners = Partners(url)
    partners.cards.undo("TL-1")
    with pytest.raises(Refused, match="cards-TL-1 was undone"):
        partners.cards.do("TL-1")
    assert not services.books["cards"].done


def test_a_held_answer_comes_after_go_and_the_work_is_done_before(services, url):
    go_wrong(services, path="/seats", fault="hold", prefix="TL-", times=1)
    asking = threading.Thread(target=Partners(url).seats.do, args=("TL-1",))
    asking.start()
    while not services.held:
        asking.join(0.01)
    assert services.books["seats"].done == {"TL-1": 1}
    httpx.post(f"{url}/go", json={})
    asking.join()
    assert not services.held


def test_a_fault_strikes_each_named_order_so_often_and_a_prefix_in_all(services):
    go_wrong(services, path="/seats", fault="busy", orders=["A-1", "A-2"], times=1)
    go_wrong(services, path="/seats", fault="busy", prefix="B-", times=1)

    def numbers(*orders: str) -> list[int]:
        answers = [services.respond("POST", "/seats", "", {"order": order}) for order in orders]
        return [answer[0] for answer in answers if answer]

    assert numbers("A-1", "A-1", "A-2", "A-2", "A-3") == [503, 201, 503, 201, 201]
    assert numbers("B-1", "B-2") == [503, 201]


@pytest.mark.parametrize(
    ("method", "path", "content", "number"),
    [
        ("GET", "/nowhere", None, 404),
        ("POST", "/trains", {"order": "TL-1"}, 404),
        ("POST", "/seats/redo", {"order": "TL-1"}, 404),
        ("POST", "/seats", ["TL-1"], 400),
        ("POST", "/seats", {"order": 7}, 400),
        ("POST", "/faults", {"path": "/seats", "fault": "explode"}, 400),
        ("POST", "/faults", {"wrong": 1}, 400),
        ("POST", "/faults", [], 400),
    ],
)
def test_what_no_service_knows_is_refused(url, method, path, content, number):
    assert httpx.request(method, url + path, json=content).status_code == number


@pytest.mark.parametrize("body", [b"no json", b"x" * (MAX_BODY_BYTES + 1)])
def test_a_body_that_is_no_json_or_too_long_is_refused(url, body):
    assert httpx.post(f"{url}/seats", content=body).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example.com:{port}"},
        {"Host": "localhost:1"},
        {"Host": ""},
        {"Origin": "https://shop.example.com"},
        {"Origin": "null"},
    ],
)
def test_a_page_from_elsewhere_is_refused_and_nothing_is_done(services, url, headers):
    port = url.rpartition(":")[2]
    headers = {name: value.format(port=port) for name, value in headers.items()}
    # What a page may send without asking first: a text.
    text = headers | {"Content-Type": "text/plain"}
    answers = [
        httpx.post(f"{url}/seats", content='{"order": "TL-1"}', headers=text),
        httpx.post(f"{url}/go", content="{}", headers=text),
        httpx.get(f"{url}/books", headers=headers),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert "this machine" in answer.text or f"must be localhost:{port}" in answer.text
    assert not services.books["seats"].done


def test_a_page_of_this_machine_is_served(services, url):
    port = url.rpartition(":")[2]
    headers = {"Host": f"localhost:{port}", "Origin": "http://localhost:8000"}
    assert httpx.post(f"{url}/seats", json={"order": "TL-1"}, headers=headers).status_code == 201
    assert httpx.get(f"{url}/books", headers=headers).json()["seats"]["done"] == {"TL-1": 1}
