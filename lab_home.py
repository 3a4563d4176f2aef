"""Where this lab keeps its files, and which Redis, database and mail server it talks to.

celery_app.py takes the broker's address and the folder for files from here, and the check that
keeps the lab out of a database that belongs to somebody else.  In a project of your own two lines
replace this file:

    REDIS_URL = os.environ["REDIS_URL"]
    DATABASE_URL = os.environ["DATABASE_URL"]

It imports neither Celery nor labkit, so that a command that needs no broker starts quickly.
"""

import contextlib
import json
import os
import re
from pathlib import Path
from shlex import quote as quoted
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from lab_env import (
    ROOT,
    house_error,
    line_that_sets,
    load_env_file,
    look_or_unset,
    where_set,
)

if TYPE_CHECKING:
    import redis


LAST_RESORT_URL = "redis://localhost:6379/0"
LAST_RESORT_SMTP_URL = "smtp://127.0.0.1:1025"  # where development mail servers usually listen

# Celery lets these variables win over everything that celery_app.py says, without a word.
_VARIABLES_THAT_WIN = ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"]
_VARIABLES_THAT_WIN += ["CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_CONFIG_MODULE"]

_SSL_CERT_REQS = {"required", "optional", "none"}  # what Celery, kombu and redis-py all know
_SSL_OPTION = re.compile("ssl_(cert_reqs|ca_certs|check_hostname|certfile|keyfile|password)")

# A worker of this app sets this key before all others.  It marks a database as the lab's.
MARK = "celery_learning:lab"

# What this app's clients write before anybody has set the mark.  Only the first kind is ours alone:
# waiting messages and bindings of our queues.  The names of another project's queues fit nowhere.
_OUR_KEYS = re.compile(
    r"(basic|advanced|realworld|lesson\d\d[a-z0-9_.-]*)(\x06\x16\d)?$"
    r"|_kombu\.binding(_permanent)?\.(basic|advanced|realworld|lesson\d\d[a-z0-9_.-]*)$"
)
_ANY_CELERYS_KEYS = re.compile(  # questions to workers, and what these took
    r"_kombu\.binding(_permanent)?\.(celery\.pidbox|celeryev|reply\.celery\.pidbox)$"
    r"|_kombu\.binding_deadlines$|unacked|.*\.reply\.celery\.pidbox$"
)
_RESULTS = re.compile(r"celery-task-|celery-taskset-")  # ours only beside a queue of ours
_KEYS_TO_LOOK_AT = 1000  # one SCAN's worth; a database with more keys and no mark is not ours


def masked(url: str) -> str:
    """The URL with its password hidden: redis://:***@127.0.0.1:6379/0."""
    url = re.sub(r"(password=)[^&#]*", r"\1***", url)  # redis-py takes it from the query too
    # Not by urlsplit: in a URL with a mistake the password may stand where it sees a path.
    before, at, host = url.rpartition("@")
    if not at:
        return url
    scheme_and_user = re.match(r"[a-z+]+://[^:]*", before)
    return f"{scheme_and_user[0]}:***@{host}" if scheme_and_user else f"***@{host}"


def other_address(url: str, *, path: str | None = None, password: str | None = None) -> str:
    """The line that names another database, or another password; where .env does, look there."""
    if line_that_sets("REDIS_URL"):
        return look_or_unset("REDIS_URL")
    parts = urlsplit(url)
    if password:
        host = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{parts.username or ''}:{password}@{host}")
    right = masked(urlunsplit(parts._replace(path=path or parts.path))).replace("***", "PASSWORD")
    return f"REDIS_URL={quoted(right)} ./lab up"


def _wrong_setting(name: str, wrong: str, right: str) -> str:
    """The error for a setting that cannot be used: where it stands, or a line with a right one."""
    if line_that_sets(name):  # for one command the environment would win; the next one fails again
        return house_error(f"{wrong}{where_set(name)}; right is {right}", look_or_unset(name))
    return house_error(wrong, f"{name}={right} ./lab up")


def _checked(url: str) -> str:
    """The URL, if it can be a Redis URL; else the lab's error."""
    wrong, fit = None, urlsplit("redis://localhost:6379/0")
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        tls = {name: value for name, value in options.items() if _SSL_OPTION.fullmatch(name)}
        if not url.startswith(("redis://", "rediss://")):  # redis-py knows no capitals
            wrong = f"REDIS_URL must begin with redis:// or rediss://, got {masked(url)!r}"
        elif parts.port == 0 or not parts.hostname:
            wrong = f"REDIS_URL needs a host, and a port of 1 to 65535, got {masked(url)}"
        elif parts.path.strip("/") and not parts.path.strip("/").isdigit():
            wrong = f"REDIS_URL must end with a database number, got {masked(url)}"
        elif tls != options or (tls and parts.scheme == "redis"):
            wrong = f"REDIS_URL takes no option but ssl_... ones, with rediss://, got {masked(url)}"
            if "@" not in parts.query:  # it may be a part of the password
                path = f"/{options['db']}" if options.get("db", "").isdigit() else parts.path
                scheme = "rediss" if tls else parts.scheme
                fit = parts._replace(scheme=scheme, path=path, query=urlencode(tls, safe="/"))
        elif parts.scheme == "rediss" and options.get("ssl_cert_reqs") not in _SSL_CERT_REQS:
            wrong = f"rediss:// needs ssl_cert_reqs=required in REDIS_URL, got {masked(url)}"
            fit = parts._replace(query=urlencode(tls | {"ssl_cert_reqs": "required"}, safe="/"))
    except ValueError:  # a port that is no number, ...; its own words may quote the password
        wrong = "REDIS_URL is no address: check its port; in a password write / as %2F and @ as %40"
    if wrong:
        right = masked(fit.geturl()).replace("***", "PASSWORD")
        raise SystemExit(_wrong_setting("REDIS_URL", wrong, quoted(right)))
    return url


def _refuse_hidden_settings() -> None:
    """Stop where a variable would send Celery to another broker than the lab looks at."""
    for name in _VARIABLES_THAT_WIN:
        if os.environ.get(name):
            wrong = f"{name} is set{where_set(name)}, and for Celery it wins over every other "
            wrong += "setting; REDIS_URL names a Redis for the lab"
            raise SystemExit(house_error(wrong, look_or_unset(name)))


def running_broker() -> dict[str, str] | None:
    """What the running lab wrote about its embedded broker: {"url": ..., "run_id": ...}."""
    try:
        return json.loads(BROKER_FILE.read_text())
    except (OSError, ValueError):
        return None


def choose_smtp_url() -> str:
    """SMTP_URL if it is set; else the running lab's mail server; else the usual address of one.

    Asked anew for each e-mail, because the lab's mail server may have been started after a worker.
    """
    if given := os.environ.get("SMTP_URL"):
        return given
    try:
        return json.loads(MAIL_FILE.read_text())["url"]
    except (OSError, ValueError, KeyError):
        return LAST_RESORT_SMTP_URL


def _check_smtp_url() -> None:
    """Stop with the lab's error where SMTP_URL is none."""
    given = os.environ.get("SMTP_URL")
    if given and not re.fullmatch(r"smtp://([\w.-]+|\[[0-9a-fA-F:]+\]):[1-9]\d{0,4}", given):
        wrong = f"SMTP_URL must be smtp://HOST:PORT, got {masked(given)!r}{where_set('SMTP_URL')}; "
        wrong += "without it the lab has a mail server of its own"
        raise SystemExit(house_error(wrong, look_or_unset("SMTP_URL")))


def choose_redis_url() -> str:
    """REDIS_URL if it is set; else the running lab's broker; else the usual address."""
    if given := os.environ.get("REDIS_URL"):
        return _checked(given)
    return (running_broker() or {"url": LAST_RESORT_URL})["url"]


def choose_database_url() -> str:
    """DATABASE_URL, made ready for SQLAlchemy, if it is set; else SQLite among the lab's files.

    postgresql:// means the driver that the lab has, psycopg.
    """
    given = os.environ.get("DATABASE_URL")
    if not given:
        return f"sqlite:///{quote(str(LAB_FILES / 'shop.sqlite'))}"
    if given.startswith("sqlite:///"):
        path, question, options = given.removeprefix("sqlite:///").partition("?")
        if path and path != ":memory:":
            return f"sqlite:///{quote(str(ROOT / unquote(path)))}{question}{options}"
        # A database in memory belongs to one process, and the lab has several.
        wrong = "DATABASE_URL must name a file, as in sqlite:////data/shop.sqlite"
    elif scheme := re.match(r"(postgres|postgresql|postgresql\+psycopg)://", given):
        try:
            parts = urlsplit(given)
            if parts.port != 0 and len(parts.path) > 1:
                return f"postgresql+psycopg://{given[scheme.end() :]}"
        except ValueError:  # a port that is no number, brackets that do not close
            pass
        wrong = "DATABASE_URL is no address of the form postgresql://USER:PASSWORD@HOST:PORT/NAME; "
        wrong += "in a password write / as %2F and @ as %40"
    else:
        begin = masked(given).partition("://")[0]
        wrong = f"DATABASE_URL must begin with sqlite:/// or postgresql://, got {begin!r}"
    right = "postgresql://lab:lab@127.0.0.1:5432/lab"
    raise SystemExit(_wrong_setting("DATABASE_URL", wrong, right))


WITHOUT_SETTINGS = "LAB_WITHOUT_SETTINGS" in os.environ  # `./lab lessons` needs none of them
if not WITHOUT_SETTINGS:
    load_env_file()
    _refuse_hidden_settings()
    _check_smtp_url()
# A relative path starts here, not in the current folder: all processes must find the same one.
LAB_HOME = ROOT / Path(os.environ.get("LAB_HOME") or ".lab").expanduser()
LAB_FILES = ROOT / Path(os.environ.get("LAB_FILES") or LAB_HOME / "files").expanduser()
BROKER_FILE = LAB_HOME / "broker"  # mode 0600; there while `./lab up` runs its own broker
MAIL_FILE = LAB_HOME / "mail-server"  # mode 0600; there while the lab's mail server runs
REDIS_URL = "" if WITHOUT_SETTINGS else choose_redis_url()
DATABASE_URL = "" if WITHOUT_SETTINGS else choose_database_url()  # of the shop, in level three
AMQP_URL = os.environ.get("AMQP_URL", "")  # a RabbitMQ for the lessons 33 and 34, or none

with contextlib.suppress(OSError):  # whoever writes there says what is wrong with it
    LAB_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)


def run_id_of(client: "redis.Redis") -> str:
    """What tells one start of this server from all others; "" where its user may not ask (ACL)."""
    from redis.exceptions import NoPermissionError

    with contextlib.suppress(NoPermissionError):
        return client.info("server")["run_id"]
    return ""


def whose_database(client: "redis.Redis") -> Literal["empty", "ours", "foreign"]:
    """Say whether the lab may use this Redis database.  Reads only; raises redis errors.

    Ask it with a plain client before Celery connects, because Celery's first connection
    already writes keys.
    """
    if client.exists(MARK):
        return "ours"
    # FLUSHALL takes the mark away, and the embedded broker is still nobody else's.
    own_id = (running_broker() or {}).get("run_id")  # a server makes a new one at each start
    if own_id and run_id_of(client) == own_id:
        return "ours"
    if client.dbsize() == 0:
        return "empty"
    ours = results = False
    for seen, key in enumerate(client.scan_iter(count=_KEYS_TO_LOOK_AT)):
        name = key.decode(errors="replace") if isinstance(key, bytes) else key
        kinds = [kind for kind in (_OUR_KEYS, _RESULTS, _ANY_CELERYS_KEYS) if kind.match(name)]
        if not kinds or seen >= _KEYS_TO_LOOK_AT:
            break
        ours, results = ours or _OUR_KEYS in kinds, results or _RESULTS in kinds
    else:
        if ours or not results:
            return "ours"
    # A worker that starts at this moment has set the mark before all its other keys.
    return "ours" if client.exists(MARK) else "foreign"
