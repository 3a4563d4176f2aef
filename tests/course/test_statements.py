"""Sentences of the pages that a few lines of Celery can confirm or refute, without a broker."""

import enum
import re
import uuid
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import click
import pytest
from celery import Celery
from celery.bin.worker import worker
from celery.worker import control
from kombu.exceptions import EncodeError
from kombu.utils.json import dumps, loads
from pydantic import BaseModel, ValidationError

from tests.course.test_docs import ROOT

PROGRESS = (ROOT / "examples/basic/06_progress.md").read_text(encoding="utf-8")
TYPED = (ROOT / "examples/advanced/17_typed_arguments.md").read_text(encoding="utf-8")
TROUBLES = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
CONTROL = "".join(
    page.read_text(encoding="utf-8") for page in sorted(ROOT.glob("examples/advanced/2[0-8]_*.md"))
)


def told(words: str, page: str) -> None:
    """The page says this, wherever its lines break."""
    assert words in " ".join(page.split()), f"not on the page: {words}"


# -- What JSON lets through ------------------------------------------------------------------


class Colour(enum.StrEnum):
    RED = "red"


class Money:
    def __json__(self) -> dict:
        return {"cents": 12900}


class Plain(enum.Enum):
    RED = "red"


class Seat(BaseModel):
    row: int


Point = namedtuple("Point", "x y")
COMES_BACK = [
    datetime(2026, 1, 31, 7, 30, tzinfo=UTC),
    date(2026, 1, 31),
    time(7, 30),
    Decimal("12.90"),
    uuid.UUID(int=7),
    b"\xff\x00",
]
COMES_BACK_AS = {
    "tuple": ((1, 2), [1, 2]),
    "namedtuple": (Point(1, 2), [1, 2]),
    "StrEnum": (Colour.RED, "red"),
    "IntEnum": (enum.IntEnum("Level", {"LOW": 1}).LOW, 1),  # type: ignore[attr-defined]
    "__json__": (Money(), {"cents": 12900}),
    "key": ({1: "one"}, {"1": "one"}),
}
REFUSED = [timedelta(hours=1), {1, 2}, Plain.RED, Seat(row=1), object()]


@pytest.mark.parametrize("value", COMES_BACK, ids=lambda value: type(value).__name__)
def test_the_types_that_celery_adds_to_json_come_back_as_they_were(value):
    told(f"`{type(value).__name__}`", PROGRESS)
    back = loads(dumps({"value": value}))["value"]
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("name", COMES_BACK_AS)
def test_some_values_pass_and_come_back_as_something_else(name):
    if name != "key":
        told(f"`{name}`", PROGRESS)
    value, expected = COMES_BACK_AS[name]
    back = loads(dumps(value))
    assert back == expected
    assert type(back) is type(expected)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match="is not JSON serializable"):
        dumps(value)


# -- Typed arguments -------------------------------------------------------------------------


class Order(BaseModel):
    seats: int


@pytest.fixture
def typed() -> Iterator[Celery]:
    one = Celery("typed", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield one
    one.close()


def task_that_takes(typed: Celery, annotation: object):
    def book(order):
        return type(order).__name__

    book.__annotations__["order"] = annotation
    return typed.task(pydantic=True, name="book")(book)


@pytest.mark.parametrize("annotation", [Order, Order | None])
def test_a_model_or_none_is_checked_and_may_be_sent(typed, annotation):
    told("`Order` or `Order | None`", TYPED)
    book = task_that_takes(typed, annotation)
    with pytest.raises(ValidationError):
        book({"seats": "many"})
    assert book({"seats": 2}) == "Order"
    assert book.apply_async((Order(seats=2),)).id


@pytest.mark.parametrize(
    ("annotation", "bad", "good"),
    [
        (list[Order], [{"seats": "many"}], [Order(seats=2)]),
        (Order | int, {"seats": "many"}, Order(seats=2)),
    ],
)
def test_a_list_of_models_is_not_checked_and_may_not_be_sent(typed, annotation, bad, good):
    told("`list[Order]`", TYPED)
    book = task_that_takes(typed, annotation)
    assert book(bad) == type(bad).__name__
    with pytest.raises(EncodeError, match="Object of type Order is not JSON serializable"):
        book.apply_async((good,))


# -- Commands of docs/troubleshooting.md and of the lessons on control -----------------------

COMMAND = re.compile(r"celery -A celery_app (inspect|control) (\w+)")


@pytest.mark.parametrize("page", [TROUBLES, CONTROL], ids=["troubleshooting", "control"])
def test_every_question_and_order_to_a_worker_is_one_that_workers_know(page):
    found = set(COMMAND.findall(page))
    assert found
    for kind, name in found:
        assert control.Panel.meta[name].type == kind, name


def test_every_worker_that_the_page_starts_can_be_started():
    lines = re.findall(r"`\./start_worker\.sh ([^`]+)`", TROUBLES)
    assert lines
    for line in lines:
        with click.Context(worker, obj=None):
            worker.make_parser(click.Context(worker)).parse_args(line.split())
