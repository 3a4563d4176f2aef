"""Messages on which workers ended, and which labkit/broker/careful.py has set aside.

./lab aside                 list them
./lab aside back ID         put one back into its queue (ID: of the message, or `all`)
./lab aside drop ID         throw one away for good
"""

import contextlib
import json
from dataclasses import dataclass
from shlex import quote
from typing import Any

import click
import redis

from lab_home import REDIS_URL
from labkit.broker.check import broker_error, check_redis, client_for
from labkit.broker.messages import Message, decode_taken
from labkit.broker.unread import trouble
from labkit.errors import LabError
from labkit.words import clock, fitted, printable, several

SET_ASIDE = "celery_learning:set-aside"  # as labkit/broker/careful.py names it
LOGGED = "set aside, see `./lab aside`: "  # how the line begins that it logs then
ALL = "all"
SHOWN = 2000  # characters of a message: an ordinary one has under 1,000


@dataclass(frozen=True)
class Kept:
    """One message that was set aside.

    tag: its delivery tag, by which it is kept.  message: None where it cannot be read.
    queue: "" where that cannot be read.  workers: the two that ended on it; None where no worker
    wrote the entry.  time: when the second one did (seconds since 1970).  why: the error.
    taken: what Redis held, as text.
    """

    tag: str
    message: Message | None
    queue: str
    workers: tuple[str, str] | None
    time: float
    why: str
    taken: str

    @property
    def name(self) -> str:
        """What it is called in a command: the id of its task, else its tag."""
        return (self.message and self.message.task_id) or self.tag

    @property
    def typed(self) -> str:
        """The name, as it is typed in a shell."""
        return quote(self.name)

    @property
    def payload(self) -> str:
        """The message alone, as it lay in its queue; ValueError and others where it is none."""
        return json.dumps(json.loads(self.taken)[0])

    @property
    def at_fault(self) -> bool:
        """True if the message is known to be of a kind on which every worker ends."""
        with contextlib.suppress(ValueError, TypeError, IndexError, RecursionError):
            return bool(trouble(self.payload))
        return True  # no message at all

    @property
    def sentence(self) -> str:
        """What happened to it."""
        if self.workers is None:
            return f"what {SET_ASIDE} holds under {self.tag!r} was not written by a worker"
        task = (self.message and self.message.task) or "a task that it does not name"
        first, second = self.workers
        both = first if first == second else f"{first} and {second}"
        return (
            f"{task} [{self.name}] is set aside since {clock(self.time)}, out of the queue "
            f"{self.queue!r}: {both} ended or reconnected on it, twice, because of {self.why}"
        )


def last_of(worker: str, url: str) -> Kept | None:
    """What this worker (lab1@host) set aside last; None too where the broker cannot be asked."""
    with contextlib.suppress(redis.RedisError), client_for(url) as client:
        some = [one for one in kept_messages(client) if one.workers and one.workers[1] == worker]
        return some[-1] if some else None
    return None


def kept_messages(client: redis.Redis) -> list[Kept]:
    """All of them, the oldest first."""
    answer: Any = client.hgetall(SET_ASIDE)
    return sorted((_kept(tag, text) for tag, text in answer.items()), key=lambda one: one.time)


def _kept(tag: str, text: str) -> Kept:
    try:
        noted = json.loads(text)
        workers = (noted["before"]["worker"], noted["worker"])
        when, why, taken = float(noted["time"]), str(noted["why"]), str(noted["taken"])
    except (ValueError, TypeError, KeyError, RecursionError):  # no worker of ours wrote this
        return Kept(tag, None, "", None, 0.0, "", text)
    message, queue = None, ""
    with contextlib.suppress(ValueError):
        message, _, queue = decode_taken(taken)
    return Kept(tag, message, queue, workers, when, why, taken)


def aside(what: str | None, which: str | None) -> None:
    """The command `./lab aside`.  what: "back", "drop", or None to list."""
    check_redis(REDIS_URL)
    client = client_for(REDIS_URL)
    try:
        every = kept_messages(client)
        if what is None:
            _print(every)
            return
        do, done = {"back": (_put_back, "put back"), "drop": (_drop, "thrown away")}[what]
        some = _named(every, which)
        for one in some:
            do(client, one)
            click.echo(f"{done}: {printable(one.name)}")
        if not some:
            click.echo("no message is set aside")
    except redis.RedisError as error:
        raise broker_error(error, REDIS_URL, client) from None
    finally:
        client.close()


def _print(every: list[Kept]) -> None:
    if not every:
        click.echo("no message is set aside")
    for one in every:
        click.echo(fitted(one.sentence))
        click.echo(f"    what Redis held: {_short(one.taken)}")
        if one.queue:
            put_back = f"./lab aside back {one.typed}"
            click.echo(f"    to put it back, when its cause is mended: {put_back}")
        click.echo(f"    to throw it away for good: ./lab aside drop {one.typed}")


def _short(taken: str) -> str:
    """What Redis held; a long text only in part."""
    if len(taken) <= SHOWN:
        return printable(taken)
    return f"{printable(taken[:SHOWN])} ... (of {len(taken)} characters)"


def _named(every: list[Kept], which: str | None) -> list[Kept]:
    """Those that are meant; LabError if there is none."""
    if which is None:
        raise LabError("say which message: its id, or all", "./lab aside", 2)
    found = every if which == ALL else [one for one in every if which in {one.name, one.tag}]
    if not found and which != ALL:
        there = f"{several(len(every), 'message')} {'is' if len(every) == 1 else 'are'}"
        raise LabError(f"no message {which!r} is set aside; {there}", "./lab aside", 2)
    return found


def _put_back(client: redis.Redis, one: Kept) -> None:
    """Into its queue, behind what waits there.  If it ends workers again, it is set aside again."""
    if not one.queue:
        raise LabError(
            f"the message {one.name} does not say its queue", f"./lab aside drop {quote(one.name)}"
        )
    with client.pipeline() as both:  # MULTI: it is never in two places, and never in none
        both.lpush(one.queue, one.payload)
        both.hdel(SET_ASIDE, one.tag)
        both.execute()


def _drop(client: redis.Redis, one: Kept) -> None:
    client.hdel(SET_ASIDE, one.tag)
