"""A trial: the same work under several settings, side by side.

    SETTINGS = {"early": [], "late": ["task.acks_late=True"]}

    with trial("lesson30", SETTINGS, "--concurrency=1") as setups:
        for one in setups:  # a worker, a queue and a ledger each
            one.send(print_ticket, "TL-1", 3)
        setups.wait_until_quiet()
    table("setting", "runs", rows=[(one.name, one.runs("TL-1")) for one in setups])

A word that begins with a dash is an option of `celery worker`, another one is a setting, and a dict
is broker_transport_options, for the worker and for whoever sends to it.

When the block ends, the workers finish what they do and stop; what the ledgers and the messages
then say is kept, and can be asked for behind the block.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from labkit.lesson.setup import Setup
from labkit.lesson.setups import Setups
from labkit.own.broker import OwnBroker, transport_setting
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import WorkerLine

Word = str | Mapping[str, object]


@contextmanager
def trial(
    lesson: str,
    variants: Mapping[str, Sequence[Word]] | Iterable[str],
    *for_all: Word,
    broker: OwnBroker | None = None,
    apart: bool = False,
    environment: Mapping[str, str] | None = None,
    start: bool = True,
) -> Iterator[Setups]:
    """Give each variant a worker (LESSON-NAME), a queue (LESSON.NAME) and a ledger of its own.

    variants: {name: the words of its worker}, or names where all get the same words.
    for_all: words of all of them.
    broker: a broker of the lesson's own (own_broker); else they use the shared one.
    apart: each variant gets a database of that broker for itself.
    environment: further changes to the environment of the workers.
    start: False if the lesson starts the workers itself, by setups.start().
    Raises LabError if a worker does not start, and if a ledger cannot be written.
    """
    words_of = variants if isinstance(variants, Mapping) else dict.fromkeys(variants, ())
    with ExitStack() as opened:
        ledgers = opened.enter_context(own_ledgers(lesson, *words_of))
        queues = [f"{lesson}.{name}" for name in words_of]
        shared: Any = None if broker else opened.enter_context(own_queues(*queues))
        setups = []
        for number, (name, queue, ledger) in enumerate(zip(words_of, queues, ledgers, strict=True)):
            words = [*for_all, *words_of[name]]
            typed = [one for one in words if isinstance(one, str)]
            dicts = [one for one in words if not isinstance(one, str)]
            transport = {option: value for one in dicts for option, value in one.items()}
            database = number + 1 if broker and apart else 0
            line = WorkerLine(
                f"{lesson}-{name}",
                [queue],
                [one for one in typed if one.startswith("-")],
                [transport_setting(transport)] * bool(transport)
                + [one for one in typed if not one.startswith("-")],
                (broker.environment(database) if broker else {}) | dict(environment or {}),
            )
            client = opened.enter_context(broker.client(database)) if broker else shared
            app = opened.enter_context(broker.app(database, **transport)) if broker else None
            setups.append(Setup(name, queue, ledger, line, client, app, database))
        together = Setups(setups, setups if apart else setups[:1])
        with together.running:
            if start:
                together.start()
            yield together
        for one in together:
            one.keep()
