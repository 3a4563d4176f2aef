"""A lab whose celery_app.py names its keys and lists in its own way, as a real project may."""

import json
import re

from tests.stack.helpers.labs import LEAN, Lab

SETTINGS = """
        "priority_steps": list(range(10)),
        "queue_order_strategy": "priority",
        "sep": ":",
        "global_keyprefix": "shop:",
        "unacked_key": "taken",
        "unacked_index_key": "taken_at","""


def with_settings_of_its_own(lab: Lab) -> None:
    """Ten lists a queue, a separator, a prefix and key names of its own; results in database 1."""
    file = lab.root / "celery_app.py"
    text = file.read_text()
    for old, new in {
        "broker_transport_options={": f"broker_transport_options={{{SETTINGS}",
        "backend=REDIS_URL,": 'backend=REDIS_URL.rsplit("/", 1)[0] + "/1",',
        'task_default_queue="basic",': 'task_default_queue="basic", control_exchange="shop",',
    }.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text)


def test_the_lab_finds_messages_results_and_workers_where_the_settings_put_them(lab_in_tree):
    lab = lab_in_tree
    with_settings_of_its_own(lab)
    lab.up(*LEAN)
    waiting, ended, held = lab.python(
        "from tasks.basic_tasks import add, nap\n"
        "four = [add.apply_async((1, 2), queue='nobody', priority=one) for one in (0, 4, 5, 7)]\n"
        "ended = add.delay(4, 5); assert ended.get(timeout=30) == 9\n"
        "held = nap.apply_async((1,), countdown=600)\n"
        "print(four[1].id, ended.id, held.id)\n"
    ).split()
    seen = json.loads(lab.run("monitor", "--json").stdout)
    assert seen["queues"]["nobody"]["by_priority"] == {
        str(one): int(one in {0, 4, 5, 7}) for one in range(10)
    }
    assert (seen["queues"]["basic"]["unacked"], seen["unacked"], seen["unread"]) == (1, 1, [])
    assert len(seen["workers"]) == 1
    table = lab.run("monitor", "--once").stdout
    assert "p0 to p9: the 10 lists of a queue" in table
    assert " p0  p4  p5  p7  taken by" in table

    assert "waits in the queue 'nobody', behind 1 message" in lab.run("doctor", waiting).stdout
    assert "the result is 9" in lab.run("doctor", ended).stdout
    # On a busy machine there may be no time to hear the worker: then its message alone is seen.
    assert re.search("waits in lab1@|took its message from", lab.run("doctor", held).stdout)
    assert "'nobody'" in lab.run("doctor").stdout
