"""The API beside its own description: schemathesis draws requests from it, allowed and forbidden.

Used without its pytest plugin, which every start of pytest would have to load.
"""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.stack.helpers.web_parts import Web, web_server

EXAMPLES = 100  # for each call and mode
CHECKS = [
    not_a_server_error,  # no 5xx, 503 included: the broker is there
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STREAM = "/tasks/{task_id}/events"  # it ends when the task ends, and here nobody works
CALLS = {
    "POST /send_email",
    "GET /tasks/{task_id}",
    "DELETE /tasks/{task_id}",
    "POST /orders",
    "GET /orders/{order_id}",
    "GET /healthz",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server without workers."""
    with web_server(tmp_path_factory.mktemp("schema"), "schema") as one:
        one.add_flight()
        yield one


@pytest.fixture(scope="module")
def calls(web: Web) -> dict:
    """The described calls, by name, without the stream of events."""
    schema = schemathesis.openapi.from_url(f"{web.url}/openapi.json")
    found = schema.exclude(path=STREAM).get_all_operations()
    return {call.ok().label: call.ok() for call in found if isinstance(call, Ok)}


def test_every_call_is_described(calls):
    assert set(calls) == CALLS


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        (name, mode)
        for name in sorted(CALLS)
        for mode in GenerationMode
        if (name, mode) != ("GET /healthz", GenerationMode.NEGATIVE)  # it has no arguments
    ],
)
def test_no_request_makes_a_server_error_or_an_answer_that_is_not_described(web, calls, name, mode):
    known = {"task_id": web.send(), "order_id": web.order()}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(calls[name].as_strategy(generation_mode=mode), st.booleans())
    def check(case, take_a_known_one):
        if take_a_known_one:
            for argument in set(known) & set(case.path_parameters or {}):
                case.path_parameters[argument] = known[argument]
        case.call_and_validate(checks=CHECKS)

    check()


@pytest.mark.parametrize(("path", "model"), [("/send_email", "Email"), ("/orders", "Order")])
def test_the_example_of_the_description_works(web, path, model):
    described = web.ask.get("/openapi.json").json()
    (example,) = described["components"]["schemas"][model]["examples"]
    assert web.ask.post(path, json=example).status_code == 202
