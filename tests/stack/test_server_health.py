"""A server that answers and takes no message: each case is made for real.

Doctor, monitor, `./lab run` and `./lab up` say the same of it, and so does the web API.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from lab_home import MARK, ROOT
from labkit.broker.check import NoAnswer, TakesNoMessage, check_redis, client_for
from labkit.broker.layout import Layout
from labkit.broker.refusals import NOWHERE
from labkit.broker.server import write_broker_file
from labkit.doctor.queue_findings import stored_messages
from labkit.doctor.server_health import server_findings
from labkit.own.proxy import proxy_to
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import LONG_S, patient
from tests.stack.helpers.web_parts import ADA, ORDER, Web, house_form, web_server

__all__ = ["patient"]

FULL = "the broker's memory is full: it uses "
REPLICA = "the broker is a read-only replica of 127.0.0.1:1 (role:slave), and refuses every message"
SNAPSHOT = "the broker's last snapshot failed (rdb_last_bgsave_status:err), and it refuses every"
FILE = "the broker cannot write its append-only file, and refuses every message until it can"


def make_full(client: redis.Redis, _folder: Path) -> None:
    client.config_set("maxmemory", "1mb")


def make_replica(client: redis.Redis, _folder: Path) -> None:
    client.execute_command("REPLICAOF", "127.0.0.1", "1")


def make_failed_snapshot(client: redis.Redis, folder: Path) -> None:
    """Let a snapshot fail: its file is a folder."""
    (folder / "dump.rdb").mkdir()
    client.config_set("save", "3600 1")
    client.execute_command("BGSAVE")
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")


CASES = pytest.mark.parametrize(
    ("make", "sentence"),
    [(make_full, FULL), (make_replica, REPLICA), (make_failed_snapshot, SNAPSHOT)],
    ids=["full", "replica", "failed snapshot"],
)


def test_what_is_stored_is_counted_where_the_settings_put_it(patient):
    patient.client.lpush("shop:orders", "{}")
    told = stored_messages(patient.client, Layout(prefix="shop:")).sentence
    assert told.startswith("waiting: 1 message in 'orders';")


def test_a_user_without_info_may_send_and_the_database_is_known(patient, monkeypatch):
    rule = ["on", ">secret", "allcommands", "allkeys", "allchannels", "-@dangerous"]
    patient.client.execute_command("ACL", "SETUSER", "app", *rule)
    url = f"redis://app:secret@{patient.url.rpartition('@')[2]}"
    own = {"url": patient.url, "run_id": "1"}  # a lab that is up as well, and is not this server
    monkeypatch.setattr("lab_home.running_broker", lambda: own)
    assert check_redis(url) == "ours"
    patient.client.delete(MARK)
    assert check_redis(url) == "empty"
    client = client_for(url)
    assert [finding.kind for finding in server_findings(client)] == ["?"]
    make_full(patient.client, patient.home)
    with pytest.raises(TakesNoMessage, match="memory is full"):
        check_redis(url)
    client.close()


@CASES
def test_every_program_says_why_the_broker_takes_no_message(patient, make, sentence):
    sent = patient.send("add", 1, 1, queue="orders")
    make(patient.client, patient.broker.data)
    doctor = ["doctor", "--wait=60"]
    verbs = (doctor, [*doctor, sent.id], ["monitor", "--once"], ["run", "01"], ["up"])
    with ThreadPoolExecutor() as together:
        answers = together.map(lambda verb: patient.run("-m", "labkit.cli", *verb), verbs)
    asked, about_one, *others = answers
    assert f"wrong  {sentence}" in asked.text
    assert "waiting: 1 message in 'orders'; the workers were not asked" in asked.text
    assert f"wrong  {sentence}" in about_one.text
    assert "waits in the queue 'orders'" in about_one.text
    assert re.search(r"orders +1 ", others[0].text), "troubleshooting.md: which queue grows?"
    for answer in others:
        assert f"error: {sentence}" in answer.errors
    for answer in (asked, about_one, *others):
        printed = answer.text + answer.errors
        assert answer.code == 1
        assert (
            "hint: " in printed and "***" not in printed.partition("hint: ")[2].partition("\n")[0]
        )
        assert "stopped answering" not in printed and "no broker answers" not in printed
        assert "did not answer in time" not in printed and "Traceback" not in printed
    patient.client.config_set("save", "")  # or it refuses to end, because it could not save


@CASES
def test_a_redis_of_ones_own_is_told_what_it_refuses(redis_server, tmp_path, make, sentence):
    url = redis_server()
    with client_for(url) as client:
        make(client, tmp_path)
        with pytest.raises(TakesNoMessage, match="refuses every") as error:
            check_redis(url)
        client.config_set("save", "")  # or it refuses to end, because it could not save
    assert error.value.sentence.startswith(sentence)
    assert "./lab down" not in error.value.hint and "***" not in error.value.hint


def test_the_labs_own_broker_gets_hints_for_itself(patient, monkeypatch):
    patient.home.mkdir(exist_ok=True)
    write_broker_file(patient.home, patient.url, patient.broker.run_id)
    monkeypatch.setattr("lab_home.BROKER_FILE", patient.home / "broker")
    make_full(patient.client, patient.home)
    with pytest.raises(TakesNoMessage) as error:
        check_redis(patient.url)
    subprocess.run(["sh", "-c", error.value.hint], cwd=ROOT, env=patient.environment, check=True)
    check_redis(patient.url)


def test_a_restart_ends_the_limit_and_keeps_the_messages(patient):
    """What that hint promises."""
    patient.send("add", 1, 1, queue="orders")
    make_full(patient.client, patient.home)
    patient.broker.stop()
    patient.broker.start()
    assert check_redis(patient.broker.url) == "ours"
    with client_for(patient.broker.url) as client:
        assert client.llen("orders") == 1


def test_a_server_that_cannot_write_its_append_only_file_is_told_so(redis_server):
    blocks = "trap '' XFSZ; ulimit -f 100"  # as a full disk does: 50 kB, and no more
    url = redis_server("--appendonly", "yes", before=blocks)
    with client_for(url) as client:
        client.set(MARK, "x" * 200_000)
        wait_until(lambda: client.info("persistence")["aof_last_write_status"] == "err")
        with pytest.raises(TakesNoMessage) as error:
            check_redis(url)
    assert error.value.sentence.startswith(FILE)


def test_a_server_that_still_reads_its_data_is_not_called_absent(redis_server, tmp_path):
    with client_for(redis_server("--save", "3600 1")) as client:
        client.mset({f"key {number}": "value" for number in range(2000)})
        client.execute_command("SAVE")
    slowly = ("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
    url = redis_server(*slowly)
    with pytest.raises(TakesNoMessage, match=r"is reading its data from disk, .* so far"):
        check_redis(url)


def test_a_server_that_takes_no_more_connections_is_not_called_absent(redis_server):
    url = redis_server()
    with client_for(url) as first:
        first.config_set("maxclients", "1")
        with pytest.raises(TakesNoMessage, match="takes no more connections"):
            check_redis(url)


def test_the_question_writes_nothing(patient):
    changes = "rdb_changes_since_last_save"
    before = patient.client.info("persistence")[changes]
    assert check_redis(patient.url) == "ours"
    assert patient.client.info("persistence")[changes] == before
    assert patient.client.keys() == [MARK] and not patient.client.exists(NOWHERE)


def test_a_healthy_server_is_described_by_what_was_looked_at(patient):
    text = patient.doctor().text
    looked_at = r"takes messages: a primary, \d\.\d MB in use without a limit, append-only file on"
    assert re.search(rf"ok     Valkey [\d.]+ {looked_at}, its last write worked\n", text)


def test_a_server_that_is_nearly_full_is_named_before_it_refuses(patient):
    patient.client.setrange("celery-task-meta-1", 30_000_000, "x")  # connections take little more
    used = patient.client.info("memory")["used_memory"]
    patient.client.config_set("maxmemory", used * 100 // 95)
    assert "memory is nearly full: " in patient.doctor().text


# -- Slow, or stopped in between ----------------------------------------------------------------


def test_a_slow_broker_is_told_with_what_was_not_looked_at(patient):
    with proxy_to(patient.url) as proxy:
        proxy.delay(0.4)
        asked = patient.doctor(wait_s=2.5, REDIS_URL=proxy.url)
        about_one = patient.doctor(str(uuid4()), wait_s=2.5, REDIS_URL=proxy.url)
    assert re.search(r"wrong  there was no time to look at .*workers and queues[,;] ", asked.text)
    assert "Traceback" not in asked.errors + about_one.errors
    assert about_one.code == 1
    assert max(asked.seconds, about_one.seconds) < LONG_S


def test_a_broker_that_stops_in_between_is_said_to_have_answered_before(patient):
    patient.client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")  # it goes on to read
    try:
        with pytest.raises(NoAnswer, match="stopped answering: Timeout"):
            check_redis(patient.url)
    finally:
        patient.client.execute_command("CLIENT", "UNPAUSE")


# -- The web API --------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with web_server(tmp_path, "refused") as one:
        yield one


def heal_full(client: redis.Redis) -> None:
    client.config_set("maxmemory", "0")


def heal_replica(client: redis.Redis) -> None:
    client.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    ("make", "sentence", "heal"),
    [(make_full, FULL, heal_full), (make_replica, REPLICA, heal_replica)],
    ids=["full", "replica"],
)
def test_health_and_every_call_of_the_api_say_the_same(web, make, sentence, heal: Callable):
    task_id = web.send()
    make(web.redis, web.broker.data)
    calls = [("GET", "/healthz"), ("POST", "/send_email"), ("GET", f"/tasks/{task_id}")]
    for method, path in calls:
        answer = web.ask.request(method, path, json=ADA if method == "POST" else None)
        said = house_form(answer, 503)
        assert said.startswith(sentence) and said.endswith(", and nothing was done")
        assert "does not answer" not in said
    assert web.waiting() == 1
    heal(web.redis)
    wait_until(lambda: web.ask.get("/healthz").is_success, what="it is well again")
    web.send()


@pytest.mark.parametrize("content", [b"no database" * 500, None], ids=["no database", "cut off"])
def test_a_damaged_shop_makes_503_with_a_way_to_put_it_aside(web, content):
    web.add_flight()
    file = web.home / "files/shop.sqlite"
    file.write_bytes(content or file.read_bytes()[:5000])
    answer = web.ask.post("/orders", json=ORDER)
    said = house_form(answer, 503)
    assert said.startswith(f"the shop's database {file} is damaged: ")
    assert f"mv {file}* " in answer.json()["hint"]
    assert web.ask.get("/healthz").is_success  # the rest works
