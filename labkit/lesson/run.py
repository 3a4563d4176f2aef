"""Run one lesson: check that it can run, say which files it uses, run it, say where to look."""

import argparse
import errno
import os
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from traceback import walk_tb
from typing import Any

import click

from lab_home import REDIS_URL, ROOT
from labkit.broker.check import check_redis
from labkit.course.notes import open_notes
from labkit.errors import LabError, cannot_write, full_disk, print_to_nobody, spare_the_terminal
from labkit.long_lines import LONG_LINES, WHOLE
from labkit.own.left_behind import leave_no_message, remove_old_files
from labkit.processes.lock import alone_with
from labkit.processes.signals import clean_up_on_signals, signals_held_back
from labkit.stack.worker_check import require_workers

NOBODY_READS = 128 + signal.SIGPIPE  # as a shell shows a program that SIGPIPE has ended


def run_lesson(
    main: Callable[[], None], *, queues: Sequence[str], extras: Sequence[str] = ()
) -> None:
    """Check for a broker, and for a worker on each of `queues` (about 0.1 s), then run `main`.

    queues: the queues of the shared workers that the lesson sends to; () if it starts workers
        of its own.
    extras: what else a temporary stack must start for it: "beat", "flower", "mail", "web".
        (`./lab run` reads them from the source.)
    The script's command line may have -v, to print long lines whole, or --help.
    """
    from labkit.course.lessons import lesson_of_script  # deferred: needed only here

    clean_up_on_signals()
    spare_the_terminal()
    try:
        _require_our_app()
        lesson = lesson_of_script(sys.argv[0])
        _read_arguments(lesson.number)
        check_redis(REDIS_URL)
        require_workers(REDIS_URL, queues)
        if "mail" in extras:
            from labkit.services.mail_check import require_mail_server  # deferred: for few lessons

            require_mail_server()
        alone = alone_with(f"lesson-{lesson.number}", lesson.number, f"./lab run {lesson.number}")
    except LabError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    remove_old_files(lesson.number)
    title, *files = lesson.header().splitlines()
    click.secho(title, bold=True, err=True)  # click takes the style out where no terminal is
    for file in files:
        click.secho(file, dim=True, err=True)
    sent = _note_sent_tasks()
    notes = open_notes()
    try:
        wrong = _run(main, sent)
    finally:
        with signals_held_back():
            leave_no_message(lesson.number, sent)
    alone.release()
    if last_lines := wrong or lesson.footer(sent):
        print(last_lines, file=notes, flush=True)
    if wrong:
        sys.exit(1)


def _read_arguments(number: str) -> None:
    """Do what the script's command line says.  Raises LabError for what it cannot say."""
    main = sys.modules["__main__"]
    parser = argparse.ArgumentParser(
        description=main.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print long lines whole")
    known, unknown = parser.parse_known_args()
    if unknown:
        again = f"./lab run {number}"
        raise LabError(f"a lesson's script takes -v and nothing else, got {unknown[0]}", again, 2)
    if known.verbose:
        os.environ[LONG_LINES] = WHOLE


def _require_our_app() -> None:
    """Raise LabError where another project's celery_app.py was imported in place of ours."""
    file = getattr(sys.modules.get("celery_app"), "__file__", None)
    if file and Path(file).resolve().parent != ROOT:
        raise LabError(
            f"PYTHONPATH has another celery_app.py before ours: {file}", "unset PYTHONPATH"
        )


def _run(main: Callable[[], None], sent: list[tuple[str, str]]) -> str:
    """Run the lesson; return the error that ended it, or ""."""
    try:
        main()
        print(end="", flush=True)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # everything is stopped; a second one is late
        _drop_awaited_results()
        sys.exit(130)
    except (Exception, SystemExit) as error:
        _drop_awaited_results()
        if _nobody_reads():
            sys.exit(NOBODY_READS)
        if full := full_disk():
            return str(full)  # whatever went wrong, it went wrong because of that
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return str(cannot_write(error))  # the disk that standard output goes to
        if sentence := _sentence(error, sent):
            return sentence
        raise
    return ""


def _nobody_reads() -> bool:
    """True if standard output is a pipe that was closed, as `| head -1` closes it."""
    pipe = select.poll()
    pipe.register(1, 0)  # POLLERR comes unasked
    if not any(event & select.POLLERR for _file, event in pipe.poll(0)):
        return False
    print_to_nobody()
    return True


def _sentence(error: BaseException, sent: list[tuple[str, str]]) -> str:
    """What a person is told of the error that ended a lesson.

    "" where nothing better than the error itself is known: a mistake in the lesson's code.
    """
    from celery.exceptions import TimeoutError as NoAnswer
    from kombu.exceptions import EncodeError

    from labkit.errors import last_error

    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, str) else ""  # a claim that is false
    if isinstance(error, NoAnswer | subprocess.TimeoutExpired):
        more = f"./lab doctor {quote(sent[-1][0])}" if sent else "./lab status"
        return str(LabError(_who_gave_up(error), more))
    if failed := _failed_task(error):
        why = last_error(failed.traceback) if failed.traceback else repr(error)
        return str(
            LabError(f"the task {failed.id} failed: {why}", f"./lab doctor {quote(failed.id)}")
        )
    if isinstance(error, EncodeError):
        sentence = f"an argument cannot be written as JSON, so nothing was sent: {error}; "
        sentence += "lesson 39 shows which types travel, and how"
        return str(LabError(sentence, "./lab run 39"))
    return _wrong_around_us()


def _who_gave_up(error: BaseException) -> str:
    if isinstance(error, subprocess.TimeoutExpired):  # such as `celery result`
        command = error.cmd if isinstance(error.cmd, str) else shlex.join(map(str, error.cmd))
        return f"`{command}` did not end in {error.timeout:.0f} s"
    return ".get() gave up: no result came in that time"


def _wrong_around_us() -> str:
    """What explains any error better than its traceback does: a broker that is no more."""
    try:
        check_redis(REDIS_URL)
    except LabError as gone:
        return str(gone)
    return ""


def _failed_task(error: BaseException) -> Any:
    """The AsyncResult whose .get() raised this error, which is then a task's; else None."""
    found = None
    for frame, _line in walk_tb(error.__traceback__):
        one = frame.f_locals.get("self")
        if frame.f_globals.get("__name__") == "celery.result":
            known = getattr(one, "_cache", None) or {}  # not .state: that may ask the backend
            found = one if known.get("status") == "FAILURE" else found
    return found


def _drop_awaited_results() -> None:
    """Forget results that nobody waits for any more.

    Celery keeps them until the interpreter ends, and then prints a traceback for each.
    """
    celery_app: Any = sys.modules.get("celery_app")
    if not celery_app:  # the lesson has sent nothing
        return
    from celery.backends import asynchronous

    celery_app.app.backend._pending_results.concrete.clear()
    # A traceback holds on to the results of its frames, and they leave one by one, too late.  Of
    # all backends: that of a broker of the lesson's own is gone by then, and each of its results
    # would wait for it.
    every_backend: Any = asynchronous.AsyncBackendMixin
    every_backend.remove_pending_result = lambda _self, result: result


def claim(holds: bool, sentence: str) -> None:
    """Print what the lesson claims; end the lesson with exit code 1 if it is not so."""
    if not holds:
        sys.exit(f"error: this did not come true: {sentence}")
    print(f"true: {sentence}")


def _note_sent_tasks() -> list[tuple[str, str]]:
    """A list that fills with (task id, queue) of every message this process sends."""
    from celery.signals import before_task_publish

    sent: list[tuple[str, str]] = []

    @before_task_publish.connect(weak=False)
    def note(headers=None, routing_key=None, **_kwargs) -> None:
        sent.append(((headers or {}).get("id", ""), routing_key or ""))

    return sent
