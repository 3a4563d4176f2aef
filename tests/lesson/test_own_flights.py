"""Flights of a lesson's own, and what a lesson says when the database does not answer."""

import pytest

from labkit.broker.server import free_port
from labkit.errors import LabError
from labkit.own import flights as own_flights_module
from labkit.own.flights import flights_in, own_flights, put_flights
from work.flights.flight_table import count, put, stream
from work.flights.sample_flights import flight_dicts


def test_only_the_flights_of_these_sources_are_gone_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(own_flights_module, "DATABASE_URL", f"sqlite:///{tmp_path}/shop.sqlite")
    with own_flights() as database:
        put(database, list(flight_dicts(3, "XA")), "theirs")
        put(database, list(flight_dicts(3, "XB")), "mine")
    with own_flights("mine") as database:
        assert (count(database, "mine"), count(database, "theirs")) == (0, 3)
        put(database, list(flight_dicts(5, "XB")), "mine")
    with own_flights() as database:
        assert (count(database, "mine"), count(database, "theirs")) == (0, 3)


def test_no_source_takes_the_flights_of_another_and_the_first_ones_have_the_remarks(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(own_flights_module, "DATABASE_URL", f"sqlite:///{tmp_path}/shop.sqlite")
    with own_flights("few", "many") as database:
        put_flights(database, {"few": 2, "many": 5001}, remarks=["=1+1"])
        assert (count(database, "few"), count(database, "many")) == (2, 5001)
        assert next(one["remark"] for one in stream(database, "few")) == "=1+1"


def test_the_rows_of_a_file_have_the_names_of_its_columns(tmp_path):
    (tmp_path / "few.csv").write_text('flight,remark\nXB1,"a, b"\n', encoding="utf-8")
    assert flights_in(tmp_path / "few.csv") == [{"flight": "XB1", "remark": "a, b"}]


def test_a_database_that_does_not_answer_is_named_without_its_password(monkeypatch):
    url = f"postgresql+psycopg://lab:secret@127.0.0.1:{free_port()}/lab"
    monkeypatch.setattr(own_flights_module, "DATABASE_URL", url)
    with pytest.raises(LabError) as error, own_flights("mine"):
        pass
    sentence, hint = str(error.value).split("\n\n")
    assert "does not answer" in sentence and "secret" not in sentence and "\n" not in sentence
    assert hint.startswith("hint: ")
