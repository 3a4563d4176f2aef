"""Who may talk to the broker: TLS with a real Redis, and the rule of lesson 39."""

import runpy
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from celery import Celery
from kombu import pools
from kombu.exceptions import OperationalError

from labkit.broker.check import client_for
from labkit.broker.server import free_port
from labkit.own.tls import make_certificate, tls_front
from labkit.own.workers import own_worker
from tests.helpers.required import require
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import Patient, patient

__all__ = ["patient"]

LESSON = Path(__file__).parents[2] / "examples/advanced/39_serialization_and_security.py"
TASK = "tasks.basic_tasks.add"
QUEUE = "lesson39.strict"
RESULTS_TOO = "+get +mget +subscribe +unsubscribe %R~celery-task-meta-* &celery-task-meta-*"
ONE_TRY = {"max_retries": 1, "interval_start": 0}


@dataclass
class TlsRedis:
    """A real Redis that takes TLS only."""

    port: int
    certificate: Path

    def url(self, certificate: Path | None = None) -> str:
        """Its address, with the certificate to check it by."""
        by = f"ssl_cert_reqs=required&ssl_ca_certs={certificate or self.certificate}"
        return f"rediss://127.0.0.1:{self.port}/0?{by}"


@pytest.fixture
def tls_redis(tmp_path: Path) -> Iterator[TlsRedis]:
    """A Debian redis-server with TLS and no other port."""
    require("redis", bool(shutil.which("redis-server")), "apt-get install redis-server")
    key, certificate = make_certificate(tmp_path, "server")
    port = free_port()
    line = ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1"]
    line += ["--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    line += ["--tls-auth-clients", "no"]
    with (tmp_path / "redis.log").open("w") as log:
        server = subprocess.Popen([*line, "--save", ""], cwd=tmp_path, stdout=log, stderr=log)
    one = TlsRedis(port, certificate)
    try:
        wait_until(lambda: answers(one.url()), what="redis-server answers")
        yield one
    finally:
        server.terminate()
        server.wait(10)


def answers(url: str) -> bool:
    try:
        return bool(client_for(url).ping())
    except redis.RedisError:
        return False


def test_who_has_no_tls_or_another_certificate_does_not_get_in(tls_redis, tmp_path):
    _, other = make_certificate(tmp_path, "other")
    assert not answers(f"redis://127.0.0.1:{tls_redis.port}/0")
    assert not answers(tls_redis.url(other))


def test_a_front_with_tls_passes_everything_on(patient, tmp_path):
    key, certificate = make_certificate(tmp_path, "front")
    *_, behind = patient.url.rpartition(":")
    word = patient.url.split("@")[0].rpartition(":")[2]
    with tls_front(int(behind.partition("/")[0]), key, certificate) as port:
        url = f"rediss://:{word}@127.0.0.1:{port}/0?ssl_cert_reqs=required"
        client = client_for(f"{url}&ssl_ca_certs={certificate}")
        client.set("long", "x" * 1_000_000)
        assert client.get("long") == "x" * 1_000_000
        client.close()
    assert not answers(f"{url}&ssl_ca_certs={certificate}")


def may_send(patient: Patient, rule: list[str]) -> bool:
    """True if a user with this rule can send a task to the queue of lesson 39."""
    patient.client.execute_command("ACL", "SETUSER", "web", "reset", "on", ">secret", *rule)
    where = patient.url.rpartition("@")[2]
    app = Celery(broker=f"redis://web:secret@{where}", set_as_current=False)
    app.conf.broker_transport_options = ONE_TRY
    try:
        app.send_task(TASK, (2, 3), queue=QUEUE, retry=False)
    except (OperationalError, redis.RedisError):
        return False
    finally:
        pools.reset()  # else the next app takes the open connection of this one
        patient.client.delete(QUEUE)
    return True


def test_the_rule_for_a_sender_lets_it_send_and_has_nothing_to_spare(patient, monkeypatch):
    monkeypatch.syspath_prepend(LESSON.parent)  # as where the lesson runs
    rule = runpy.run_path(str(LESSON))["MAY_SEND"].split()
    assert may_send(patient, rule)
    spare = [word for word in rule if may_send(patient, [one for one in rule if one != word])]
    assert spare == []


def test_a_sender_that_may_read_results_gets_its_own(patient, monkeypatch):
    monkeypatch.syspath_prepend(LESSON.parent)
    monkeypatch.setattr("labkit.own.program.LAB_HOME", patient.home)
    rule = runpy.run_path(str(LESSON))["MAY_SEND"].split() + RESULTS_TOO.split()
    patient.client.execute_command("ACL", "SETUSER", "web", "reset", "on", ">secret", *rule)
    url = f"redis://web:secret@{patient.url.rpartition('@')[2]}"
    app = Celery(broker=url, backend=url, set_as_current=False)
    with own_worker("web", [QUEUE], "--concurrency=1", environment=patient.environment):
        assert app.send_task(TASK, (2, 3), queue=QUEUE).get(timeout=20) == 5
