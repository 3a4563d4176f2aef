"""Serialization and security: see what a message can do to a worker, and who may send one.

A message is bytes from a network.  Whoever can write to your broker can send your workers any task
with any arguments.  If a worker accepts pickle, they can send it any code: unpickling calls the
functions that the bytes name.  So the lab's workers take JSON, which is data and nothing else.

Two workers get the same pickle message, one with the lab's settings and one that accepts pickle.
The code in the message is harmless: it writes the number of its process into a file.  Then you see
what JSON, YAML and pickle keep of a value; a broker with a password; a user of the broker that may
only send; TLS; and signed messages.  Keys and certificates are made on the spot.

Broker and workers are this lesson's own.  The lab's broker has no TLS, so a small program stands
before it that has, as `stunnel` would.  Beside this file are three_serializers.py, which compares,
locked_broker.py, which tries to get in, and signed_messages.py with signed_shop.py, an app that
signs what it sends.

The task is `total_price` in tasks/advanced_tasks/prices.py.

    ./lab run 39        # about 10 s

Watch: how a refusal looks in a worker's log: less .lab/logs/lesson39-strict.log
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ celery --workdir=examples/advanced -A signed_shop worker -n lesson39-signed@%h ...
    $ ./start_worker.sh -n lesson39-strict@%h --queues=lesson39.strict --concurrency=1
    $ ./start_worker.sh -n lesson39-trusting@%h ... -- 'accept.content=(json)["json", "pickle"]'
    strict: kombu.exceptions.ContentDisallowed: Refusing to deserialize untrusted content of type...
    strict: the next message, in JSON: 25800
    true: strict: the message is gone, and its sender is told nothing: PENDING for ever
    true: trusting: the code ran in a process of the worker, and the task says SUCCESS
                         json         yaml       pickle
    text, numbers, None  same         same       same
    datetime             same         same       same
    bytes                same         same       same
    Decimal              same         refused    same
    UUID                 same         refused    same
    tuple                [12, 'A']    [12, 'A']  same
    set                  refused      same       same
    dict with int keys   {'12': 'A'}  same       same
    a class of your own  refused      refused    same
    200 flights, bytes   ...
    the time, JSON = 1   1.0          ...
    true: YAML takes more than 10 times as long as JSON: Python code reads it, not C
    without a password: Authentication required.
    ACL SETUSER web reset on >PASSWORD
        +ping +multi +exec +llen +sadd +lpush %W~lesson39.strict* ...
    web sends a task; its result is 25800
    look into the queue    User web has no permissions to run the 'lrange' command
    take a message         User web has no permissions to run the 'rpop' command
    read that result       User web has no permissions to run the 'get' command
    send to another queue  No permissions to access a key
    stop all workers       User web has no permissions to run the 'publish' command
    true: a user that may only send can do nothing else of these
    the right certificate       25800
    another certificate         [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed...
    nothing about certificates  A rediss:// URL must have parameter ssl_cert_reqs ...
    true: a broker with another certificate gets no message; Celery wants to be told which
    signed by the shop    charged TL-1
    not signed            refused: Refusing to deserialize untrusted content of type json
    signed by a stranger  refused: Unknown certificate
    another order in it   refused: Bad signature
    another task named    refunded TL-1
    true: what is not signed by the shop, or was changed, did not run
    true: but the signature covers the arguments alone: the task that is named beside them ran

Try next.  Guess first:
  1. In three_serializers.py, import timedelta from datetime, and add "timedelta":
     timedelta(hours=2) to VALUES.  Who refuses it?
  2. Add +publish &* to MAY_SEND.  What is the user able to do now?
  3. In signed_shop.py, take JSON, too: accept_content=["auth", "json"].  What does Celery say?
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import three_serializers
from locked_broker import as_a_sender, by_tls, without_a_password
from signed_messages import send_all, signing_worker

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from labkit.long_lines import show_line
from labkit.own.broker import own_broker
from tasks.advanced_tasks import total_price

TIMEOUT_S = 30  # nothing here takes 2 s; the rest is room for a busy machine
ACCEPT = {"strict": [], "trusting": ['accept.content=(json)["json", "pickle"]']}
AS_ROOT = {"C_FORCE_ROOT": "1"}  # as root, a worker that accepts pickle does not start without
# What a program needs that sends to one queue and reads nothing.  %W: keys that it may write only.
MAY_SEND = (
    "+ping +multi +exec +llen +sadd +lpush %W~lesson39.strict* %W~_kombu.binding*.lesson39.strict"
)
TLS = "?ssl_cert_reqs=required&ssl_ca_certs={certificate}"  # behind rediss://..., for Celery


class Code:
    """Python code as a message: whoever unpickles it calls eval with this text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return eval, (self.text,)


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        own_broker("lesson39") as broker,
        broker.app() as shop,
        signing_worker(broker, keys := Path(folder)) as signed,
        trial("lesson39", ACCEPT, "--concurrency=1", broker=broker, environment=AS_ROOT) as setups,
    ):
        strict, trusting = setups
        # accept_content is asked before a message is unpickled: then nothing of it can run.  The
        # code here is harmless, it writes the number of its process into a file.
        marker = broker.home / "marker"
        code = f"open({str(marker)!r}, 'w').write(str(__import__('os').getpid()))"
        refused, taken = (
            shop.send_task(total_price.name, (Code(code), 2), queue=one.queue, serializer="pickle")
            for one in setups
        )
        show_line(f"strict: {strict.worker.line_with('ContentDisallowed', TIMEOUT_S)}")
        after = shop.send_task(total_price.name, (12900, 2), queue=strict.queue)
        print("strict: the next message, in JSON:", after.get(timeout=TIMEOUT_S))
        claim(
            refused.state == "PENDING" and not strict.queued() + strict.unacked(),
            "strict: the message is gone, and its sender is told nothing: PENDING for ever",
        )
        taken.get(timeout=TIMEOUT_S)
        claim(
            int(marker.read_text()) in {one.pid for one in trusting.worker.identity.group()},
            f"trusting: the code ran in a process of the worker, and the task says {taken.state}",
        )

        # JSON is data.  What it cannot carry it refuses, or changes, and the sender sees which.
        claim(
            three_serializers.show() > 10,
            "YAML takes more than 10 times as long as JSON: Python code reads it, not C",
        )

        # A password keeps strangers out.  A rule says what one user may do, command by command and
        # key by key: a web server need not be able to read what others send.
        print("without a password:", without_a_password(broker))
        print(f"ACL SETUSER web reset on >PASSWORD\n    {MAY_SEND}")
        refusals = as_a_sender(broker, shop, MAY_SEND)
        table(rows=refusals.items())
        claim(all(refusals.values()), "a user that may only send can do nothing else of these")

        # TLS without a check of the certificate hides the messages, and may bring them to anybody.
        answers = by_tls(broker, keys, TLS)
        table(rows=answers.items())
        _, other, unsaid = answers.values()
        claim(
            "CERTIFICATE_VERIFY_FAILED" in other and "ssl_cert_reqs" in unsaid,
            "a broker with another certificate gets no message; Celery wants to be told which",
        )

        # accept_content=["auth"] is the setting; it needs the sender's key and certificates.
        send_all(broker, shop, signed, keys)


if __name__ == "__main__":
    run_lesson(main, queues=[])
