"""docs/from-your-notes.md tells the truth: each line of older notes is tried with today's Celery.

A trial is a small program in a folder of its own.  What it must print stands here and, word for
word, on the page.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery

from labkit.broker.server import EmbeddedBroker
from tests.stack.helpers.labs import ROOT, wait_until

PAGE = (ROOT / "docs/from-your-notes.md").read_text(encoding="utf-8")
TIMEOUT_S = 30
OLD_SETTINGS = dict(re.findall(r"^\| `([A-Z_]+)` \| `([a-z_]+)` \|$", PAGE, re.MULTILINE))

# The app of most trials.  `settings` and `broker` come from the trial; the tasks are the same.
APP = """
import os, time
from celery import Celery

app = Celery("notes", broker=os.environ.get("TRIAL_BROKER") or None, backend={backend})
{settings}

@app.task
def add(x, y=0):
    return x + y

class User:
    pass
"""


class Trial:
    """A folder with an app.py, in which programs are run as a reader of old notes would."""

    def __init__(self, folder: Path, broker: str = "", *, backend: bool = True) -> None:
        self.folder = folder
        self.backend = backend
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        own = {"HOME": str(folder), "TRIAL_BROKER": broker}
        python = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        self.environment = kept | own | python
        self.settings()

    def settings(self, code: str = "") -> None:
        """Write app.py with these lines of settings."""
        backend = 'os.environ["TRIAL_BROKER"]' if self.backend else "None"
        (self.folder / "app.py").write_text(APP.format(backend=backend, settings=code))

    def run(self, *command: str) -> str:
        """What the command prints, on one line; it may fail."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return " ".join(done.stdout.split())

    def python(self, code: str) -> str:
        return self.run("-c", code)

    def celery(self, *arguments: str) -> str:
        """The `celery` program of this environment (not -m: the folder would come first)."""
        return self.run(str(Path(sys.executable).parent / "celery"), *arguments)

    @contextmanager
    def worker(self, *options: str, ready: str = " ready.") -> Iterator[Path]:
        """A worker of app.py; gives its log when `ready` stands there."""
        log = self.folder / "worker.log"
        program = str(Path(sys.executable).parent / "celery")
        quick = ["--without-mingle", "--without-gossip", "-l", "info", "-n", "notes@%h"]
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, program, "-A", "app", "worker", *quick, *options],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        try:
            wait_until(lambda: ready in log.read_text() or process.poll() is not None, TIMEOUT_S)
            yield log
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """A folder for one trial, without a broker."""
    return Trial(tmp_path, backend=False)


@pytest.fixture(scope="module")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module's own."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("notes"))
    broker.start()
    yield broker.url
    broker.stop()


@pytest.fixture
def with_broker(tmp_path: Path, broker_url: str) -> Iterator[Trial]:
    """A folder for one trial, with a broker that is empty."""
    yield Trial(tmp_path, broker_url)
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()  # our own server, started above


def told(words: str) -> str:
    """The words, if the page has them: what a trial must print is what the page says."""
    assert words in PAGE, f"not on the page: {words}"
    return words


OLD_IMPORTS = {
    "from celery.decorators import task": "No module named 'celery.decorators'",
    "from celery.task import task, periodic_task": "No module named 'celery.task'",
    "from celery.task.schedules import crontab": "No module named 'celery.task'",
    "from celery import task": "cannot import name 'task' from 'celery'",
    "import djcelery": "No module named 'djcelery'",
}


@pytest.mark.parametrize("line", OLD_IMPORTS)
def test_an_old_import_fails(trial, line):
    assert told(OLD_IMPORTS[line]) in trial.python(told(line))


def test_a_file_named_celery_hides_the_library(trial):
    (trial.folder / "celery.py").write_text("from celery import Celery\napp = Celery('mine')\n")
    message = "cannot import name 'Celery' from partially initialized module 'celery'"
    assert told(message) in trial.run("celery.py")
    report = trial.celery("-A", "celery", "report")
    assert told("transport:amqp") in report
    assert "mine" not in report


COMMANDS = [
    ("-A app.celery_app report", "ModuleNotFoundError: No module named 'app'"),
    ("worker -A celery_app", "You are using `-A` as an option of the worker sub-command"),
    ("celeryd", "No such command 'celeryd'"),
    ("-A app worker --autoreload", "No such option '--autoreload'"),
    ("-A app worker -P eventlet", "ModuleNotFoundError: No module named 'eventlet'"),
]


@pytest.mark.parametrize(("arguments", "message"), COMMANDS)
def test_an_old_command_line_fails(trial, arguments, message):
    if "celery_app" in arguments:
        (trial.folder / "app.py").rename(trial.folder / "celery_app.py")
    if "eventlet" in arguments and importlib.util.find_spec("eventlet"):
        pytest.skip("eventlet is installed here")
    assert told(message) in trial.celery(*arguments.split())


def test_the_form_of_today_finds_the_module(trial):
    (trial.folder / "app.py").rename(trial.folder / "celery_app.py")
    assert "transport:" in trial.celery("-A", "celery_app", "report")


def test_every_old_setting_name_has_the_new_name_that_the_page_gives():
    assert len(OLD_SETTINGS) >= 20
    app = Celery("notes", set_as_current=False)
    app.conf.update({old: f"value of {old}" for old in OLD_SETTINGS})
    for old, new in OLD_SETTINGS.items():
        assert app.conf[new] == f"value of {old}", old


def test_old_and_new_setting_names_do_not_mix(trial):
    trial.settings("app.conf.update(CELERYD_MAX_TASKS_PER_CHILD=9, worker_prefetch_multiplier=1)")
    message = "Cannot mix new and old setting keys, please rename the following settings"
    assert told(message) in trial.celery("-A", "app", "report")


def test_old_setting_names_alone_work_with_a_warning(with_broker):
    with_broker.settings(
        "app = Celery('notes')\n"
        "app.conf.update(CELERYD_MAX_TASKS_PER_CHILD=9, BROKER_URL=os.environ['TRIAL_BROKER'])"
    )
    assert (
        with_broker.python("from app import app; print(app.conf.worker_max_tasks_per_child)") == "9"
    )
    with with_broker.worker("--pool=solo") as log:
        warned = " ".join(log.read_text().split())
    message = "The 'CELERYD_MAX_TASKS_PER_CHILD' setting is deprecated and scheduled for removal in"
    assert told(message) in warned


def test_celery_renames_the_settings_in_a_file(trial):
    told("celery upgrade settings FILE")
    file = trial.folder / "conf.py"
    file.write_text("CELERYBEAT_SCHEDULE = {}\n")
    trial.celery("upgrade", "settings", "conf.py")
    assert file.read_text() == "beat_schedule = {}\n"


def test_some_settings_are_ignored_without_a_word(trial):
    told("ignored without a word")
    trial.settings(
        "app.conf.update(CELERY_BROKER_URL='redis://one/1', CELERY_ENABLE_UTC=False,"
        " worker_max_task_per_child=9)"
    )
    code = "c = app.conf; print(c.broker_url, c.enable_utc, c.worker_max_tasks_per_child)"
    assert trial.python(f"from app import app; {code}") == "None True None"
    trial.settings(
        "class Django: CELERY_BROKER_URL, CELERY_ENABLE_UTC = 'redis://one/1', False\n"
        "app = Celery('notes')\napp.config_from_object(Django, namespace='CELERY')"
    )
    assert trial.python(f"from app import app; {code}") == "redis://one/1 False None"


def test_the_environment_wins_over_the_code(trial):
    told("the variable `CELERY_BROKER_URL` in the shell")
    trial.environment |= {"CELERY_BROKER_URL": "redis://two/2", "TRIAL_BROKER": "redis://one/1"}
    assert trial.python("from app import app; print(app.conf.broker_url)") == "redis://two/2"


@pytest.mark.parametrize("scheme", ["django", "db"])
def test_a_database_is_no_broker(trial, scheme):
    trial.environment["TRIAL_BROKER"] = {"django": "django://", "db": "db+sqlite:///db"}[scheme]
    message = told(f"KeyError: 'No such transport: {scheme}'")
    assert message in trial.python("from app import add; add.delay(1)")


def test_a_database_through_sqlalchemy_has_no_remote_control(trial):
    pytest.importorskip("sqlalchemy")
    trial.environment["TRIAL_BROKER"] = "sqla+sqlite:///broker.sqlite"
    with trial.worker("--pool=solo"):
        message = told("No nodes replied within time constraint")
        assert message in trial.celery("-A", "app", "inspect", "ping")


def test_without_a_backend_there_is_no_result(trial):
    trial.environment["TRIAL_BROKER"] = "memory://"
    send = "from app import add; r = add.delay(1); "
    message = "NotImplementedError: No result backend is configured."
    assert told(message) in trial.python(send + "r.get(timeout=1)")
    disabled = "AttributeError: 'DisabledBackend' object has no attribute '_get_task_meta_for'"
    for code in (send + "r.state", "from celery.result import AsyncResult as R; R('x').ready()"):
        assert told(disabled) in trial.python(code)
    trial.settings("app = Celery('notes', backend='amqp')")
    message = told("Unknown result backend: 'amqp'")
    assert message in trial.python("from app import app; app.backend")


CALLS = {
    "add.delay(User())": "EncodeError: Object of type User is not JSON serializable",
    "add.delay(1, countdown=5)": "TypeError: add() got an unexpected keyword argument 'countdown'",
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_call_fails_at_the_caller(trial, call):
    trial.environment["TRIAL_BROKER"] = "memory://"
    assert told(CALLS[call]) in trial.python(f"from app import *; {call}")


def test_nine_is_the_last_priority_on_redis(with_broker):
    with_broker.python(
        "from app import add; [add.apply_async((p,), priority=p) for p in (9,5,3,0)]"
    )
    with with_broker.worker("--pool=solo") as log:
        wait_until(lambda: log.read_text().count("succeeded in") == 4)
    order = re.findall(r"succeeded in .*: (\d)$", log.read_text(), re.MULTILINE)
    assert " ".join(order) == told("0 5 3 9")  # 5 and 3 share a list: first come, first served


def test_prefetch_counts_for_each_slot(with_broker):
    with with_broker.worker("--concurrency=2"):
        stats = with_broker.celery("-A", "app", "inspect", "stats")
    assert told('"prefetch_count": 8') in stats


def test_a_worker_may_have_a_beat_of_its_own(with_broker):
    with with_broker.worker(
        "--pool=prefork", "--concurrency=1", "-B", ready="beat: Starting"
    ) as log:
        assert told("beat: Starting...") in log.read_text()


def test_a_pickled_result_is_refused(with_broker):
    with_broker.settings("app.conf.result_serializer = 'pickle'")
    with with_broker.worker("--pool=solo") as log:
        answer = with_broker.python("from app import add; add.delay(1).get(timeout=10)")
        assert told("Refusing to deserialize untrusted content of type pickle") in answer
        assert "succeeded" in log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_root_may_not_accept_pickle(with_broker):
    with_broker.settings("app.conf.accept_content = ['pickle']")
    message = (
        "Running a worker with superuser privileges when the worker accepts messages serialized"
        " with pickle is a very bad idea!"
    )
    assert told(message) in with_broker.celery("-A", "app", "worker", "--pool=solo")


def test_a_time_without_a_zone_is_read_as_utc(with_broker, broker_url):
    """On a machine in Shanghai `datetime.now()` is 8 hours ahead of UTC."""
    told("it runs **8 hours late**")
    with_broker.environment["TZ"] = "Asia/Shanghai"
    with_broker.settings("app.conf.timezone = 'Asia/Shanghai'")
    with with_broker.worker("--pool=solo") as log:
        with_broker.python(
            "from app import add; from datetime import datetime, timedelta\n"
            "add.apply_async((1,), eta=datetime.now() + timedelta(seconds=1))"
        )
        wait_until(lambda: "received" in log.read_text())
        report = with_broker.python(
            "import json; from app import app; from datetime import datetime, UTC\n"
            "[waiting] = app.control.inspect().scheduled().values()\n"
            "late = datetime.fromisoformat(waiting[0]['eta']) - datetime.now(UTC)\n"
            "print(json.dumps(late.total_seconds() / 3600))"
        )
    assert json.loads(report) == pytest.approx(8, abs=0.02)


@pytest.mark.parametrize("enable_utc", [True, False])
def test_the_timezone_alone_decides_what_a_crontab_means(trial, enable_utc):
    trial.settings(f"app.conf.update(timezone='Asia/Shanghai', enable_utc={enable_utc})")
    hour = trial.python(
        "from app import app; from celery.schedules import crontab\n"
        "due = app.now() + crontab(hour=2, minute=0, app=app).remaining_estimate(app.now())\n"
        "print(round(due.hour + due.minute / 60), due.tzinfo)"
    )
    assert hour == "2 Asia/Shanghai"


def test_a_misspelled_timezone_is_an_error(trial):
    trial.settings("app.conf.timezone = 'Asia/Shangai'")
    assert told("No time zone found with key Asia/Shangai") in trial.python(
        "from app import app; app.now()"
    )
