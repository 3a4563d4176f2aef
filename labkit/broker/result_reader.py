"""Read results where the app's settings say that they are: result_backend.

That can be the broker's database, another one, another server, a table, files; or a place where
nobody but the sender can look.  Nothing here writes, and nothing waits longer than `timeout_s` for
a backend that does not answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import redis
from celery import Celery
from celery.app.backends import by_url
from celery.exceptions import ImproperlyConfigured
from celery.states import PENDING

from lab_home import masked
from labkit.broker.results import (
    Group,
    StoredResult,
    follow_result,
    no_result,
    result_of,
    stored_group,
    stored_text,
    unfinished_chords,
)
from labkit.errors import LabError
from labkit.waiting import Later

TIMEOUT_S = 0.8
POLL_S = 0.2  # between two looks at a backend that tells no news
ASK_AGAIN_S = 3.0  # after a backend did not answer: the doctor has no time for a second wait
REDIS = ("redis://", "rediss://", "redis+socket://", "socket://")  # not sentinel://
IMPORT_S = 10.0  # for the backend's library: it is on this machine, and may be large
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

T = TypeVar("T")


class Unusable(Exception):
    """What result_backend names cannot be made into a backend here."""


class ResultStore:
    """The result backend of an app, for somebody who only looks.

    where: its address without the password; "" if it is the broker's own database.
    readable: False where results are kept nowhere, or where nobody else can look.
    why: why there was no answer to the last read(), as a sentence; "" if there was.
    """

    def __init__(self, app: Celery, broker: redis.Redis, timeout_s: float = TIMEOUT_S) -> None:
        self._app, self._timeout_s = app, timeout_s
        self._client: redis.Redis | None = None
        self._silent_until = 0.0
        url = str(app.conf.result_backend or "disabled")
        self.where, self.why = "", _nobody_can_look(url)
        self.readable = not self.why
        if not self.readable:
            return
        self.where = masked(url)
        self._imported = Later(lambda: _import_backend(app, url))
        if url.startswith(REDIS):
            self._open_redis(broker)

    def _open_redis(self, broker: redis.Redis) -> None:
        try:
            parameters = self._backend().connparams
        except Unusable as error:
            self._give_up(error)
            return
        self._client = _client(parameters, self._timeout_s)
        if _address(parameters) == _address(broker.connection_pool.connection_kwargs):
            self.where = ""

    def _backend(self) -> Any:
        """Celery's own, one for each thread.  Some ask their server as soon as they are made."""
        try:
            return self._app.backend
        except Exception as error:  # noqa: BLE001 - a library that is missing, an odd address, ...
            raise Unusable(_short(error)) from None

    def _give_up(self, error: Exception) -> None:
        self.readable = False
        self.why = f"the result backend {self.where} cannot be used: {error}"

    def read(self, task_id: str) -> StoredResult | None:
        """What is stored for this task; None if nothing is, or `why` says why that is not known."""
        if not self.readable or time.monotonic() < self._silent_until:
            return None
        self.why = ""
        try:
            if self._client:
                text, ttl = stored_text(self._client, self._prefix("task") + task_id)
                return self._decode(text, ttl) if text else None
            return self._meta(task_id)
        except ValueError:
            self.why = no_result(task_id)[0]
        except Unusable as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - each backend has errors of its own
            self._silent_until = time.monotonic() + ASK_AGAIN_S
            self.why = f"the result backend{self._at()} {self._trouble(error)}"
        return None

    def _trouble(self, error: Exception) -> str:
        if isinstance(error, redis.AuthenticationError):  # a ConnectionError for redis-py
            given = self._client and self._client.get_connection_kwargs().get("password")
            return f"{'refuses this password' if given else 'wants a password'}: {_short(error)}"
        if isinstance(error, redis.ResponseError):
            return f"answers with an error: {_short(error)}"
        return f"does not answer: {_short(error)}"

    def follow(self, task_id: str) -> Iterator[StoredResult | None]:
        """Give each state as it is stored; None about every 0.2 s in which nothing was.

        Raises LabError where results cannot be read.
        """
        if self._client:
            try:
                yield from follow_result(self._client, task_id, self._prefix("task"), self._decode)
            except redis.AuthenticationError as error:
                why = f"the result backend{self._at()} {self._trouble(error)}"
                raise LabError(why, "./lab doctor") from None
        before = None
        while True:
            now = self.read(task_id)
            if self.why:
                raise LabError(self.why, "./lab doctor")
            yield now if now != before else None
            before = now
            time.sleep(POLL_S)

    def unfinished_chords(self) -> int | None:
        """How many chords have begun and not ended; None where that cannot be counted."""
        return self._ask_redis(lambda client: unfinished_chords(client, self._prefix("group")))

    def group(self, group_id: str) -> Group | None:
        """The group with this id; None if the backend does not know it, or cannot be asked."""
        return self._ask_redis(
            lambda client: stored_group(client, self._prefix("group") + group_id)
        )

    def _ask_redis(self, question: Callable[[redis.Redis], T]) -> T | None:
        if self._client and time.monotonic() >= self._silent_until:
            with suppress(redis.RedisError):
                return question(self._client)
        return None

    def close(self) -> None:
        """Give the connection back."""
        if self._client:
            self._client.close()

    def _at(self) -> str:
        return f" at {self.where}" if self.where else ""

    def _prefix(self, kind: str) -> str:
        return getattr(self._backend(), f"{kind}_keyprefix").decode()

    def _decode(self, text: Any, expires_in_s: int | None = None) -> StoredResult:
        """As the backend decodes; ValueError if the settings cannot read it."""
        try:
            content = self._backend().decode(text)
        except Exception as error:  # noqa: BLE001 - each serializer has errors of its own
            raise ValueError(_short(error)) from None
        return result_of(content, expires_in_s)

    def _meta(self, task_id: str) -> StoredResult | None:
        """By Celery's own call, which can take long: so it runs in a thread."""
        file = _sqlite_file(self.where)
        if file and not file.exists():  # Celery would make it
            return None
        self._imported.until(time.monotonic() + IMPORT_S, None)
        asked = Later(lambda: self._backend().get_task_meta(task_id, cache=False))
        meta = asked.until(time.monotonic() + self._timeout_s, None)
        if meta is None:
            raise TimeoutError(f"no answer in {self._timeout_s} s")
        if isinstance(error := meta.get("result"), BaseException):
            meta = meta | {
                "result": {"exc_type": type(error).__name__, "exc_message": list(error.args)}
            }
        return None if meta.get("status") == PENDING else result_of(meta)


def _nobody_can_look(url: str) -> str:
    """Why results are kept where this program cannot look; "" if it can."""
    if url.startswith("disabled"):
        return "results are kept nowhere: no result_backend is set"
    if url.startswith("rpc"):
        return "results go to the program that sent the task, and nobody else can look (rpc://)"
    if url.startswith("cache+memory"):
        return "results stay in the memory of one process, and nobody else can look"
    return ""


def _import_backend(app: Celery, url: str) -> None:
    """Import the backend, and so its library.  Where that fails, making the backend says why."""
    with suppress(ImportError, ImproperlyConfigured):
        by_url(url, app.loader)


def _client(parameters: dict[str, Any], timeout_s: float) -> redis.Redis:
    """A client for the backend's address, which gives up soon and answers in bytes."""
    patience: dict[str, Any] = {"socket_timeout": timeout_s, "retry": None}
    if "path" not in parameters:  # of a Unix socket, which knows no time to connect
        patience["socket_connect_timeout"] = timeout_s
    settings = parameters | patience | {"retry_on_timeout": False}
    return redis.Redis(connection_pool=redis.ConnectionPool(**settings))


def _address(parameters: dict[str, Any]) -> tuple[str, int, int]:
    host = parameters.get("path") or parameters.get("host") or "localhost"
    return (
        "localhost" if host in LOOPBACK else host,
        int(parameters.get("port") or 6379),
        int(parameters.get("db") or 0),
    )


def _sqlite_file(url: str) -> Path | None:
    """The file of a database in SQLite; None for any other backend."""
    name = url.partition("sqlite:///")[2].partition("?")[0]
    return Path(name) if name and name != ":memory:" else None


def _short(error: Exception) -> str:
    """The first line of an error, at most 200 characters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
