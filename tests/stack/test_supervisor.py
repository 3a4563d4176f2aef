"""`./lab up` starts everything, on ports and servers that it may use, and says READY."""

import contextlib
import http.client
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from tests.stack.helpers.labs import LEAN, READY_S, Lab

SEND_ADD = "from tasks.basic_tasks import add; print(add.delay(4, 5).get(timeout=10))"
SEND_EMAIL = """
from tasks.realworld_tasks import send_email
print(send_email.delay("ada@example.com", "hello", "text").get(timeout=10)["to"])
"""
THEIR_KEY = b"their:\xff"  # a key may be any bytes
EVERYWHERE = {
    "UVICORN_HOST": "0.0.0.0",  # noqa: S104
    "UVICORN_WORKERS": "2",
    "FLOWER_ADDRESS": "0.0.0.0",  # noqa: S104
    "FLOWER_URL_PREFIX": "elsewhere",
}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with all its parts, whose environment asks them to listen everywhere."""
    folder = tmp_path_factory.mktemp("exposed")
    (folder / "other.py").write_text("")
    one = Lab(folder / "home")
    one.environment |= EVERYWHERE | {"FLOWER_CONF": str(folder / "other.py")}
    with one.while_up("--workers=3", "--no-reload"):
        yield one


def page_of(lab: Lab, path: str, of: str = "flower") -> str:
    """A page of this lab's Flower, or of its web app."""
    address = lab.state()[of].removeprefix("http://localhost:")
    connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == http.HTTPStatus.OK, text
    return text


def test_ready_means_that_every_part_answers(exposed):
    assert exposed.python(SEND_ADD) == "9"
    assert page_of(exposed, "/healthcheck") == "OK"
    assert page_of(exposed, "/healthz", of="web") == '{"broker":"answers"}'
    assert exposed.python(SEND_EMAIL) == "ada@example.com"
    names = [child["name"] for child in exposed.state()["children"]]
    assert names == ["lab1", "lab2", "lab3", "beat", "flower", "mail", "web"]
    replies = exposed.python(
        "from celery_app import app; print(len(app.control.ping(timeout=20, limit=4)))"
    )
    assert replies == "4"  # three workers and Beat


@pytest.mark.parametrize("part", ["web", "mail", "flower"])
def test_pages_and_mail_listen_on_the_loopback_whatever_the_environment_says(exposed, part):
    sockets = psutil.Process(exposed.pid_of(part)).net_connections(kind="tcp")
    listening = [one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


def test_the_password_is_nowhere_to_be_seen(exposed):
    password = exposed.python("from lab_home import REDIS_URL; print(REDIS_URL.split('@')[0][9:])")
    assert len(password) >= 16
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it may end while we look
            assert password not in " ".join(one.cmdline())
    for one in exposed.descendants():
        assert password not in str(one.environ())
    texts = [file.read_text() for file in (exposed.home / "logs").iterdir()]
    for page in ("/workers", "/broker", "/tasks", "/worker/lab1@" + socket.gethostname()):
        texts.append(page_of(exposed, page))
    assert not any(password in text for text in [*texts, exposed.printed()])
    assert (exposed.home / "broker").stat().st_mode & 0o777 == 0o600


def test_a_second_up_in_the_same_home_is_refused(exposed):
    result = exposed.run("up")
    assert result.returncode == 1
    assert result.stderr.startswith("error: a lab is already up here")
    assert "hint: ./lab status" in result.stderr


def test_two_labs_on_one_machine_do_not_meet(lab, tmp_path):
    other = Lab(tmp_path / "other")
    try:
        for one in (lab, other):  # at the same time: both find the same port free
            one.up("--no-beat", "--no-reload", wait=False)
        for one in (lab, other):
            one.wait_for("READY after", READY_S)
        assert lab.state()["flower"] != other.state()["flower"]
        assert lab.state()["web"] != other.state()["web"]
        assert lab.python(SEND_ADD) == other.python(SEND_ADD) == "9"
        ping = "from celery_app import app; print(len(app.control.ping(timeout=1)))"
        assert lab.python(ping) == "1"
    finally:
        other.clean_up()


def test_taken_ports_move_flower_and_the_web_app_on(lab):
    with socket.socket() as usual, socket.socket() as squatter:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            usual.bind(("127.0.0.1", 5555))
            usual.listen()
        except OSError:
            pass  # somebody holds it already: as good
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        lab.environment["WEB_PORT"] = str(port)
        lab.up("--workers=0", "--no-beat", "--no-mail", "--no-reload")
        assert lab.state()["flower"] != "http://localhost:5555"
        assert lab.state()["flower"] in lab.printed()
        assert lab.state()["web"] != f"http://localhost:{port}"
        assert f"{lab.state()['web']} ({port} is in use)\n" in lab.printed()
        assert page_of(lab, "/healthz", of="web") == '{"broker":"answers"}'


def test_a_port_that_is_no_number_is_one_sentence(lab):
    result = lab.run("up", WEB_PORT="http")
    assert result.returncode == 1
    assert "error: WEB_PORT must be 1 to 65535, got 'http'\n\nhint: " in result.stderr
    assert lab.run("status").returncode == 1


def test_the_address_of_the_mail_server_is_there_while_it_runs(lab):
    lab.up("--workers=0", "--no-beat", "--no-flower", "--no-web", "--no-reload")
    assert (lab.home / "mail-server").stat().st_mode & 0o777 == 0o600
    assert lab.state()["mail"] in lab.printed()
    assert lab.state()["mail"] in lab.run("status").stdout
    assert lab.run("down").returncode == 0
    assert not (lab.home / "mail-server").exists()


def test_a_mail_server_of_ones_own_takes_the_place_of_the_labs(lab):
    lab.environment["SMTP_URL"] = "smtp://127.0.0.1:9"  # nobody is there
    lab.up("--no-beat", "--no-flower", "--no-web", "--no-reload")
    assert "  mail     smtp://127.0.0.1:9 (yours, from SMTP_URL)" in lab.printed()
    assert [child["name"] for child in lab.state()["children"]] == ["lab1"]
    lesson = lab.run("run", "54")
    assert lesson.returncode == 1
    assert "error: no mail server answers at smtp://127.0.0.1:9\n\nhint: " in lesson.stderr
    assert "Traceback" not in lesson.stderr


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    nowhere = Path("/proc/lab") if sys.platform == "linux" else Path("/dev/null/lab")
    lab = Lab(tmp_path / "unused", LAB_HOME=str(nowhere))
    result = lab.run("up")
    assert result.returncode == 1
    assert result.stderr.startswith("error: the lab cannot write its files")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("password", [True, False])
def test_a_redis_of_ones_own_serves_as_broker(lab, redis_server, password):
    lab.environment["REDIS_URL"] = redis_server(password=password)
    lab.up("--no-beat", "--no-flower", "--no-web", "--no-mail")
    assert "yours, from REDIS_URL" in lab.printed()
    assert lab.python(SEND_ADD) == "9"
    assert (lab.home / "broker").stat().st_mode & 0o777 == 0o600
    assert lab.run("down").returncode == 0
    assert not (lab.home / "broker").exists()


def test_two_labs_on_one_redis_have_workers_of_different_names(lab, redis_server, tmp_path):
    lab.environment["REDIS_URL"] = redis_server()
    other = Lab(tmp_path / "other", REDIS_URL=lab.environment["REDIS_URL"])
    try:
        lab.up(*LEAN)
        other.up(*LEAN)
        assert [child["name"] for child in lab.state()["children"]] == ["lab1"]
        assert [child["name"] for child in other.state()["children"]] == ["lab2"]
    finally:
        other.clean_up()


@pytest.mark.parametrize("password", [True, False])
def test_somebody_elses_data_is_left_alone(lab, redis_server, password):
    url = redis_server(password=password)
    with redis.Redis.from_url(url) as client:
        client.set(THEIR_KEY, "1")
        lab.environment["REDIS_URL"] = url
        result = lab.run("up")
        assert result.returncode == 1
        assert "holds somebody else's data" in result.stderr
        assert client.keys() == [THEIR_KEY]
