"""Brokers: put the same questions to Redis, to RabbitMQ, and to a database.

Celery speaks to many brokers, and hides most of what is different between them.  Not all: Redis
keeps lists, and Celery makes a broker out of them.  RabbitMQ is a broker by itself: it routes
messages, it knows which worker holds which, and it sees when a connection is gone.

The same code asks both: which message goes first, what becomes of a full queue, what becomes of a
killed worker's message.  At the end comes a broker that is only a file: Celery's SQLAlchemy
transport, on SQLite.  Lesson 42 goes on: it kills the workers of both, and counts.

RabbitMQ takes part where AMQP_URL names one.  The lesson makes queues of its own there, and deletes
them.  The task is `print_ticket_elsewhere` in tasks/other_app.py, an app of its own; the questions
are in broker_questions.py and broker_in_a_file.py, beside this file, and so is
reader_without_celery.py, which reads a message of Celery's and has no Celery.

    ./lab run 41        # about 15 s

Watch: on the machine of RabbitMQ, as root: rabbitmqctl list_queues
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ celery -A tasks.other_app worker -n lesson41-redis@%h ...
    ...rabbitmq...
                                                 Redis           RabbitMQ
    one message to a topic exchange              2 copies        ...
    where that exchange is                       a key, 2 lines  ...
    read by a program without Celery             TL-1            ...
    priorities 0, 5, 9 ran in the order          0 5 9           ...
    given back, up to 6 times: it came           6 times         ...
    3 messages to a queue for 2                  3 sent, 3 kept  ...
    the same with publisher confirms             3 sent, 3 kept  ...
    seconds until a killed worker's job is back  ...
    $ celery -A tasks.other_app worker -n lesson41-sqlite@%h ...
    SQLite: a job starts ... ms after sending; Redis: ... ms
    SQLite: 0 workers answer a ping; Redis: 1
    SQLite: its table still has all 7 messages, done or not
    ...: on RabbitMQ the exchange is in the broker, which gave both queues a copy
    ...: on RabbitMQ 9 goes first
    ...: a quorum queue counts deliveries, and lets a message go after the last one
    ...: RabbitMQ refused a message, and told the sender that waited for the confirm
    ...: RabbitMQ gave the killed worker's job back sooner: it saw the connection end
    true: a database as a broker: no remote control, no way back for a killed worker's message

Try next.  Guess first:
  1. In priorities() in broker_questions.py, send 4, 3, 5 in place of 5, 0, 9.  Redis keeps four
     lists for a queue: 0 to 2, 3 to 5, 6 to 8, and 9.  What does each broker make of it?
  2. Set VISIBILITY_S to 8.  Which line of the table changes, and in which column alone?
  3. Set x-delivery-limit in QUORUM to 4.  How often does the message come from RabbitMQ now?
"""

from functools import partial

from broker_in_a_file import lacks_both
from broker_questions import (
    back_after_s,
    deliveries,
    kept_where,
    priorities,
    read_without_celery,
    routed,
    three_into_two,
)

from labkit.lesson import claim, run_lesson
from labkit.lesson.tables import claim_where
from labkit.side_by_side.bench import ask_both, both_benches
from tasks.other_app import app_on, print_ticket_elsewhere

NAMES = ["work", "shop", "mail", "audit", "poison", "full", "sure"]  # queues and exchanges
VISIBILITY_S = 4  # of Redis; longer than any job here
# Arguments of a queue.  RabbitMQ keeps to them; Redis takes no notice.
QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": 2}  # so often a message may come again
FULL = {"x-max-length": 2, "x-overflow": "reject-publish"}  # room for two messages
CONFIRM = {"confirm_publish": True}  # broker_transport_options of a sender: wait for the yes
QUESTIONS = {
    # Two queues are bound to it, by "ticket.*" and by "#".
    "one message to a topic exchange": routed,
    "where that exchange is": kept_where,
    # A message is JSON with headers.  It needs a library for the broker, and none of Celery's.
    "read by a program without Celery": read_without_celery,
    # task_queue_max_priority=9 gives RabbitMQ's queues their priorities, 0 to 9.
    "priorities 0, 5, 9 ran in the order": priorities,
    # Without a limit this is the loop of lesson 31: a message that kills whoever takes it.
    "given back, up to 6 times: it came": partial(deliveries, QUORUM),
    # Without CONFIRM the sender does not wait for the broker's answer, and hears no refusal.
    "3 messages to a queue for 2": partial(three_into_two, FULL, {}),
    "the same with publisher confirms": partial(three_into_two, FULL, CONFIRM),
    # Redis must wait until the message is VISIBILITY_S old, RabbitMQ until a connection is gone.
    "seconds until a killed worker's job is back": back_after_s,
}


def main() -> None:
    task = print_ticket_elsewhere.name
    with both_benches("lesson41", NAMES, VISIBILITY_S, task, app_on) as benches:
        answers = ask_both(benches, QUESTIONS)
        database_lacks_both = lacks_both(benches[0], app_on)

    # The column of Redis is in the promise of each run.  RabbitMQ answers where it takes part.
    copies, where, reader, order, came, plain, careful, back_s = (one[-1] for one in answers)
    for sentence, holds in {
        "on RabbitMQ the exchange is in the broker, which gave both queues a copy": (
            (copies, where, reader) == ("2 copies", "in the broker", "TL-1")
        ),
        "on RabbitMQ 9 goes first": order == "9 5 0",
        "a quorum queue counts deliveries, and lets a message go after the last one": (
            came == f"{1 + QUORUM['x-delivery-limit']} times, counted"
        ),
        "RabbitMQ refused a message, and told the sender that waited for the confirm": (
            (plain, careful) == ("3 sent, 2 kept", "2 sent, 2 kept")
        ),
        "RabbitMQ gave the killed worker's job back sooner: it saw the connection end": (
            back_s < answers[-1][0]
        ),
    }.items():
        claim_where(len(benches) == 2, holds, sentence)

    # The transport asks its table once a second, deletes nothing, and carries no questions to
    # workers.  Do not judge databases by it: the page names queues that are built on one.
    claim(
        database_lacks_both,
        "a database as a broker: no remote control, no way back for a killed worker's message",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
