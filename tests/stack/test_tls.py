"""REDIS_URL=rediss://...: a whole lab runs with it, and a spelling that would fail is refused."""

from typing import Any

import pytest
import redis
from celery import Celery
from kombu import Connection

from labkit.broker.check import NoAnswer, check_redis
from labkit.errors import LabError
from tests.stack.helpers.labs import Lab
from tests.stack.test_security import TlsRedis, tls_redis

__all__ = ["tls_redis"]

ADD = "from tasks.basic_tasks import add; print(add.delay(4, 5).get(timeout=30))"


def url_of(server: TlsRedis, spelling: str) -> str:
    options = f"ssl_cert_reqs={spelling}&ssl_ca_certs={server.certificate}"
    return f"rediss://127.0.0.1:{server.port}/0?{options}"


def test_a_lab_runs_on_a_redis_with_tls(tls_redis, tmp_path):
    lab = Lab(tmp_path / "home", REDIS_URL=tls_redis.url())
    try:
        lab.up("--no-beat", "--no-mail", "--no-reload")
        assert lab.python(ADD) == "9"
        answer = lab.run("doctor", "--wait=60")
        assert "answers, and its database is the lab's" in answer.stdout
    finally:
        lab.clean_up()


@pytest.mark.parametrize("spelling", ["required", "optional", "none"])
def test_celery_kombu_and_redis_py_share_these_spellings(tls_redis, spelling):
    url = url_of(tls_redis, spelling)
    with redis.Redis.from_url(url) as client, Connection(url) as connection:
        assert client.ping()
        channel: Any = connection.default_channel
        assert channel.client.ping()
    with Celery(broker=url, backend=url, set_as_current=False) as app:
        backend: Any = app.backend
        assert backend.client.ping()


def test_the_spelling_of_celery_s_own_error_is_none_for_redis_py(tls_redis):
    """Why lab_home asks for another one, although Celery says CERT_REQUIRED."""
    with pytest.raises(redis.RedisError, match="CERT_REQUIRED"):
        redis.Redis.from_url(url_of(tls_redis, "CERT_REQUIRED")).ping()


def test_a_certificate_that_is_not_trusted_is_named_and_what_helps_is_named(tls_redis, monkeypatch):
    unknown = f"rediss://127.0.0.1:{tls_redis.port}/0?ssl_cert_reqs=required"
    with pytest.raises(LabError) as seen:
        check_redis(unknown)
    assert not isinstance(seen.value, NoAnswer)
    assert "and its certificate is not trusted here: self-signed certificate" in str(seen.value)
    said = seen.value.sentence
    assert "; SSL_CERT_FILE, or ssl_ca_certs in REDIS_URL, names the file" in said
    assert check_redis(f"{unknown}&ssl_ca_certs={tls_redis.certificate}") == "empty"
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_redis.certificate))
    assert check_redis(unknown) == "empty"
    with pytest.raises(LabError, match=r"not trusted here: .*mismatch") as seen:
        check_redis(unknown.replace("127.0.0.1", "127.1"))
    assert "SSL_CERT_FILE" not in seen.value.sentence


@pytest.mark.parametrize("query", ["", "?ssl_cert_reqs=CERT_REQUIRED", "?ssl_cert_reqs="])
def test_another_spelling_is_refused_at_the_start_with_a_line_to_paste(tls_redis, tmp_path, query):
    right = "?ssl_cert_reqs=required"
    lab = Lab(tmp_path / "home")
    for verb in ("up", "doctor", "monitor"):
        answer = lab.run(verb, REDIS_URL=f"rediss://localhost:{tls_redis.port}/0{query}")
        assert answer.returncode == 1
        assert answer.stderr.startswith("error: REDIS_URL must be ")
        assert "rediss://... with ?ssl_cert_reqs=required at its end" in answer.stderr
        hint = f"hint: REDIS_URL='rediss://localhost:{tls_redis.port}/0{right}' ./lab up"
        assert hint in answer.stderr and "Traceback" not in answer.stderr
