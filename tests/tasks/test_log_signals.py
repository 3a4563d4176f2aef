"""tasks/log_signals.py: errors go into a file with their ids, and one id goes from task to task."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.app.task import Context
from celery.signals import after_setup_task_logger
from celery.utils.log import get_task_logger

from tasks import log_signals
from tasks.basic_tasks import add, divide
from tasks.log_signals import HEADER, correlation_id, send_the_id_along


@pytest.fixture
def error_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The error file of a worker that has just set up its loggers."""
    path = tmp_path / "logs" / "errors.log"
    monkeypatch.setattr(log_signals, "ERROR_LOG", path)
    loggers = [logging.getLogger(name) for name in ("celery", "celery.task")]
    before = [list(logger.handlers) for logger in loggers]
    propagate = loggers[1].propagate
    loggers[1].propagate = False  # as Celery sets it in a worker
    after_setup_task_logger.send(sender=None, logger=loggers[1])
    yield path
    loggers[1].propagate = propagate
    for logger, handlers in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers = handlers


@pytest.fixture(autouse=True)
def without_an_id() -> Iterator[None]:
    """Each test begins without an id, and leaves none behind."""
    token = correlation_id.set("-")
    yield
    correlation_id.reset(token)


def test_what_celery_reports_goes_into_the_file_with_the_correlation_id(error_log):
    correlation_id.set("order-1")
    logging.getLogger("celery.app.trace").error("task raised")
    assert error_log.read_text().endswith(" order-1 ???[???] task raised\n")


def test_an_error_that_a_task_logs_goes_into_the_file_once(error_log):
    get_task_logger("tasks.some_tasks").error("card refused")
    assert error_log.read_text().count("card refused") == 1


def test_what_is_no_error_stays_out_of_the_file(error_log):
    logging.getLogger("celery.worker").warning("slow")
    get_task_logger("tasks.some_tasks").warning("slow")
    assert error_log.read_text() == ""


def test_errors_of_other_libraries_stay_out_of_the_file(error_log):
    logging.getLogger("some.library").error("not ours")
    assert error_log.read_text() == ""


def test_the_file_is_added_to_and_not_overwritten(error_log):
    error_log.write_text("older\n")
    logging.getLogger("celery").error("newer")
    assert [line.split()[-1] for line in error_log.read_text().splitlines()] == ["older", "newer"]


def test_the_id_of_the_sender_goes_into_the_headers():
    correlation_id.set("order-1")
    headers: dict = {}
    send_the_id_along(headers=headers, sender="tasks.basic_tasks.add")
    assert headers == {HEADER: "order-1"}


def test_an_id_that_the_caller_put_there_stays():
    headers = {HEADER: "order-2"}
    send_the_id_along(headers=headers)
    assert headers == {HEADER: "order-2"}


def test_the_header_is_not_a_name_that_celery_uses_itself():
    assert not hasattr(Context(), HEADER)


def test_each_task_logs_its_end_with_the_id_from_its_message_and_none_of_the_last_one(caplog):
    with caplog.at_level(logging.INFO, logger=log_signals.logger.name):
        add.apply((1, 2), headers={HEADER: "order-4"})
        divide.apply((1, 0), headers={HEADER: "order-5"})
        add.apply((1, 2))
    ends = [one.message for one in caplog.records if one.name == log_signals.logger.name]
    assert ends == ["order-4 SUCCESS", "order-5 FAILURE", "- SUCCESS"]
