"""Where this lab keeps its files, and which Redis, database and mail server it talks to.

celery_app.py takes the broker's address and the folder for files from here.  A project of your own
does not need it: os.environ["REDIS_URL"] and os.environ["DATABASE_URL"] stand for what it gives.

It imports neither Celery nor labkit, so that a command that needs no broker starts quickly.
"""

import contextlib
import json
import os
import re
from pathlib import Path
from shlex import quote as quoted
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from lab_env import ROOT, house_error, line_that_sets, load_env_file, look_or_unset, where_set

if TYPE_CHECKING:
    import redis

LAST_RESORT_URL = "redis://localhost:6379/0"
LAST_RESORT_SMTP_URL = "smtp://127.0.0.1:1025"  # where development mail servers usually listen

# Celery lets these variables win over everything that celery_app.py says, without a word.
_VARIABLES_THAT_WIN = ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"]
_VARIABLES_THAT_WIN += ["CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_CONFIG_MODULE"]

# The key by which the lab knows its database: it is set there before all others.
MARK = "celery_learning:lab"

# What kombu leaves of a program that only asked for workers, such as Flower.  It is nobody's data.
_OF_QUESTIONS = [f"_kombu.binding{end}" for end in ("_deadlines", ".celeryev", ".celery.pidbox")]


# -- Addresses --------------------------------------------------------------------------------
class _Form(NamedTuple):
    """What an address must look like."""

    pattern: str
    words: str  # the same, for people
    advice: str


_USER = "([^/?#@]*@)?"
_HOST = r"([\w.-]+|\[[0-9a-fA-F:.]+\])"
_PORT = r":[1-9]\d{0,4}"
_REDIS = rf"{_USER}{_HOST}({_PORT})?(/\d*)?"
# What Celery, kombu and redis-py all know.
_SSL = "ssl_(ca_certs|check_hostname|certfile|keyfile|password)=[^&#]*"
_CERT_REQS = "ssl_cert_reqs=(required|optional|none)"
_ESCAPES = "in a password write / as %2F and @ as %40"

_FORMS = {
    "REDIS_URL": _Form(  # in small letters: redis-py knows no capitals
        rf"redis://{_REDIS}|rediss://{_REDIS}\?({_SSL}&)*{_CERT_REQS}(&{_SSL})*",
        "redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER], or rediss://... with "
        "?ssl_cert_reqs=required at its end",
        _ESCAPES,
    ),
    "DATABASE_URL": _Form(  # one in memory would belong to one process, and the lab has several
        rf"sqlite:///(?!:memory:)[^?].*|postgres(ql(\+psycopg)?)?://{_USER}[^/?#@]*/[^/?#].*",
        "sqlite:///FILE or postgresql://[USER[:PASSWORD]@]HOST[:PORT]/NAME",
        _ESCAPES,
    ),
    "SMTP_URL": _Form(
        rf"smtp://{_HOST}{_PORT}",
        "smtp://HOST:PORT",
        "without it the lab has a mail server of its own",
    ),
}


def masked(url: str) -> str:
    """The URL with its password hidden: redis://:***@127.0.0.1:6379/0."""
    url = re.sub(r"(password=)[^&#]*", r"\1***", url)  # redis-py takes it from the query too
    # Not by urlsplit: in a URL with a mistake the password may stand where it sees a path.
    before, at, host = url.rpartition("@")
    if not at:
        return url
    scheme_and_user = re.match(r"[a-z+]+://[^:]*", before)
    return f"{scheme_and_user[0]}:***@{host}" if scheme_and_user else f"***@{host}"


def _line_with(name: str, url: str) -> str:
    """The line that starts the lab with this address, but for its password."""
    return f"{name}={quoted(masked(url).replace('***', 'PASSWORD'))} ./lab up"


def other_address(url: str, *, password: str = "") -> str:
    """The line with another password or database; where .env sets the address, look there."""
    if line_that_sets("REDIS_URL"):
        return look_or_unset("REDIS_URL")
    parts = urlsplit(url)
    if password:
        host = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{parts.username or ''}:{password}@{host}")
    else:
        parts = parts._replace(path="/6" if parts.path == "/5" else "/5")
    return _line_with("REDIS_URL", urlunsplit(parts))


def _fits(name: str, url: str) -> bool:
    try:
        return bool(re.fullmatch(_FORMS[name].pattern, url)) and urlsplit(url).port != 0
    except ValueError:  # a port above 65535
        return False


def address(name: str) -> str:
    """An address from the environment, or the lab's error if it is none; "" where it is not set."""
    url = os.environ.get(name, "")
    if url and not _fits(name, url):
        raise SystemExit(wrong_address(name, url))
    return url


def wrong_address(name: str, url: str) -> str:
    """The error; its hint is the right line, if options at the end are all that is wrong."""
    form = _FORMS[name]
    wrong = f"{name} must be {form.words}, got {masked(url)!r}{where_set(name)}; {form.advice}"
    bare = url.partition("?")[0]
    right = [one for one in (bare, f"{bare}?ssl_cert_reqs=required") if _fits(name, one)]
    by_line = right and not line_that_sets(name)
    return house_error(wrong, _line_with(name, right[0]) if by_line else look_or_unset(name))


def _refuse_hidden_settings() -> None:
    """Stop where a variable would send Celery to another broker than the lab looks at."""
    for name in _VARIABLES_THAT_WIN:
        if os.environ.get(name):
            wrong = f"{name} is set{where_set(name)}, and for Celery it wins over every other "
            wrong += "setting; REDIS_URL names a Redis for the lab"
            raise SystemExit(house_error(wrong, look_or_unset(name)))


def noted(file: Path) -> dict[str, Any]:
    """What a program of the running lab has noted in its file; {} where that cannot be read."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def running_broker() -> dict[str, str]:
    """What the running lab wrote about its embedded broker: {"url": ..., "run_id": ...}, or {}."""
    return noted(BROKER_FILE)


def choose_redis_url() -> str:
    """REDIS_URL if it is set; else the running lab's broker; else the usual address."""
    return address("REDIS_URL") or running_broker().get("url", LAST_RESORT_URL)


def choose_smtp_url() -> str:
    """SMTP_URL if it is set; else the running lab's mail server; else the usual address of one.

    Asked anew for each e-mail, because the lab's mail server may have been started after a worker.
    """
    return os.environ.get("SMTP_URL") or noted(MAIL_FILE).get("url", LAST_RESORT_SMTP_URL)


def choose_database_url() -> str:
    """DATABASE_URL, made ready for SQLAlchemy, if it is set; else SQLite among the lab's files."""
    given = address("DATABASE_URL")
    if not given:
        return f"sqlite:///{quote(str(LAB_FILES / 'shop.sqlite'))}"
    if given.startswith("sqlite"):
        path, question, options = given.removeprefix("sqlite:///").partition("?")
        return f"sqlite:///{quote(str(ROOT / unquote(path)))}{question}{options}"
    return f"postgresql+psycopg://{given.partition('://')[2]}"  # the driver that the lab has


def _folder(name: str, default: str | Path) -> Path:
    """A relative path starts here, not in the current folder: all processes must find the same."""
    return ROOT / Path(os.environ.get(name) or default).expanduser()


WITHOUT_SETTINGS = "LAB_WITHOUT_SETTINGS" in os.environ  # `./lab lessons` needs none of them
if not WITHOUT_SETTINGS:
    load_env_file()
    _refuse_hidden_settings()
    address("SMTP_URL")
LAB_HOME = _folder("LAB_HOME", ".lab")
LAB_FILES = _folder("LAB_FILES", LAB_HOME / "files")
BROKER_FILE = LAB_HOME / "broker"  # mode 0600; there while `./lab up` runs its own broker
MAIL_FILE = LAB_HOME / "mail-server"  # mode 0600; there while the lab's mail server runs
REDIS_URL = "" if WITHOUT_SETTINGS else choose_redis_url()
DATABASE_URL = "" if WITHOUT_SETTINGS else choose_database_url()  # of the shop, in level three
AMQP_URL = os.environ.get("AMQP_URL", "")  # a RabbitMQ for the lessons 40 to 42, or none

with contextlib.suppress(OSError):  # whoever writes there says what is wrong with it
    LAB_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)


# -- Whose database ---------------------------------------------------------------------------
def run_id_of(client: "redis.Redis") -> str:
    """What tells one start of this server from all others; "" where its user may not ask (ACL)."""
    from redis.exceptions import NoPermissionError

    with contextlib.suppress(NoPermissionError):
        return client.info("server")["run_id"]
    return ""


def _is_the_running_labs(client: "redis.Redis") -> bool:
    """True if the running lab uses it: `./lab up` has found that it may, and has marked it."""
    import redis

    broker = running_broker()
    if not broker:
        return False
    if broker["run_id"]:  # its own server; that makes a new one at each start
        return run_id_of(client) == broker["run_id"]
    given = redis.ConnectionPool.from_url(broker["url"]).connection_kwargs
    asked = client.connection_pool.connection_kwargs
    return all(given.get(part) == asked.get(part) for part in ("host", "port", "db"))


def whose_database(client: "redis.Redis") -> Literal["empty", "ours", "foreign"]:
    """Say whether the lab may use this Redis database.  Reads only; raises redis errors.

    Ask it with a plain client before Celery connects, because Celery's first connection
    already writes keys.
    """
    with client.pipeline() as ask:
        ask.dbsize()
        ask.exists(MARK)
        ask.exists(*_OF_QUESTIONS)
        keys, marked, of_questions = ask.execute()
    # FLUSHALL takes the mark away, and what the running lab uses is still the lab's.
    if marked or _is_the_running_labs(client):
        return "ours"
    return "empty" if keys == of_questions else "foreign"
