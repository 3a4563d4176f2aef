"""What a page in the learner's browser reaches of a running lab: every listener, asked for real."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest

from tests.stack.helpers.labs import ROOT, Lab, wait_until

SEND_ADD = "from tasks.basic_tasks import add; task = add.delay(4, 5); task.get(10); print(task.id)"
LOCAL = ("localhost:{port}", "127.0.0.1:{port}")
FOREIGN = (
    "shop.example.com:{port}",
    "shop.example.com",
    "localhost.example.com:{port}",
    "example-localhost:{port}",
    "127.0.0.1.example.com:{port}",
    "",
)
EMAIL = """\
EHLO page\r
MAIL FROM:<eve@example.com>\r
RCPT TO:<ada@example.com>\r
DATA\r
Subject: hello\r
\r
from a page\r
.\r
"""


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    """A whole lab, as `./lab up` starts it."""
    return shared_lab


@pytest.fixture(scope="module")
def partners(lab: Lab) -> Iterator[subprocess.Popen]:
    """Its `./lab partners`."""
    line = [sys.executable, "-m", "labkit.cli", "partners"]
    with subprocess.Popen(line, cwd=ROOT, env=lab.environment, stdout=subprocess.DEVNULL) as one:
        try:
            wait_until((lab.home / "partners").exists, what="the services listen")
            yield one
        finally:
            one.terminate()


def port_of(lab: Lab, part: str) -> int:
    """Where the broker, the mail server, Flower, the web app or the partner services listen."""
    address = lab.state().get(part) or json.loads((lab.home / part).read_text())["url"]
    return urlsplit(address).port or 0


def ask(port: int, host: str, path: str, method: str = "GET") -> tuple[int, str]:
    """One request with this Host, which may be ""; return number and text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = "{}" if method == "POST" else None
    connection.request(method, path, body, headers={"Host": host.format(port=port)})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def say(port: int, text: str) -> str:
    """Send a text to a port as the body of a browser's POST; return all that comes back."""
    request = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: keep-alive\r\n"
        f"Content-Length: {len(text)}\r\nUser-Agent: Mozilla/5.0\r\n"
        "Content-Type: text/plain;charset=UTF-8\r\nAccept: */*\r\n"
        f"Origin: http://shop.example.com\r\n\r\n{text}"
    )
    told = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode())
        try:
            while more := connection.recv(4096):
                told += more
        except ConnectionResetError:  # it was closed while the request still came
            pass
    return told.decode()


def test_everything_listens_on_this_machine_alone(lab, partners):
    processes = [*lab.descendants(), psutil.Process(partners.pid)]
    sockets = [one for process in processes for one in process.net_connections(kind="tcp")]
    listening = {tuple(one.laddr) for one in sockets if one.status == psutil.CONN_LISTEN}
    parts = ("broker", "mail", "flower", "web", "partners")
    assert listening == {("127.0.0.1", port_of(lab, part)) for part in parts}


def test_flower_shows_its_pages_by_the_names_of_this_machine_alone(lab):
    port, task_id = port_of(lab, "flower"), lab.python(SEND_ADD)
    task, worker = f"/task/{task_id}", f"/worker/lab1@{quote(socket.gethostname())}"
    wait_until(lambda: ask(port, LOCAL[0], task)[0] == 200, what="Flower knows the task")
    wait_until(lambda: ask(port, LOCAL[0], worker)[0] == 200, what="Flower knows the worker")
    everything = ["/", "/tasks", "/broker", "/metrics", "/healthcheck", task, worker]
    for path in everything:
        assert {ask(port, host, path)[0] for host in LOCAL} == {200}, path
        assert {ask(port, host, path)[0] for host in FOREIGN} == {403}, path
    assert "add" in ask(port, LOCAL[0], task)[1]
    assert task_id not in ask(port, FOREIGN[0], task)[1]
    assert ask(port, FOREIGN[0], f"/api/task/revoke/{task_id}", "POST")[0] == 403


def test_the_web_app_answers_by_the_names_of_this_machine_alone(lab):
    port = port_of(lab, "web")
    assert {ask(port, host, "/healthz")[0] for host in LOCAL} == {200}
    assert {ask(port, host, "/healthz")[0] for host in FOREIGN} == {403}


@pytest.mark.usefixtures("partners")
def test_the_partner_services_answer_by_the_names_of_this_machine_alone(lab):
    port = port_of(lab, "partners")
    assert {ask(port, host, "/books")[0] for host in LOCAL} == {200}
    assert {ask(port, host, "/books")[0] for host in FOREIGN} == {403}
    assert {ask(port, host, "/go", "POST")[0] for host in FOREIGN} == {403}


def test_the_mail_server_hangs_up_before_it_comes_to_what_a_page_says(lab):
    port, before = port_of(lab, "mail"), kept(lab)
    assert "goodbye" in say(port, EMAIL)
    assert kept(lab) == before
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(EMAIL.encode())  # without the head of a request
        wait_until(lambda: kept(lab) > before, what="it is kept")


def kept(lab: Lab) -> set[Path]:
    """The e-mails that the mail server has."""
    return set(lab.home.glob("files/mail/**/*.eml"))


def test_the_broker_hangs_up_before_it_comes_to_what_a_page_says(lab):
    url = urlsplit(lab.python("from celery_app import app; print(app.conf.broker_url)"))
    assert url.port and url.password
    words = f"AUTH {url.password}\r\nSET page here\r\nGET page\r\nDEL page\r\nQUIT\r\n"
    assert say(url.port, words) == ""
    with socket.create_connection(("127.0.0.1", url.port), timeout=20) as connection:
        connection.sendall(words.encode())  # without the head of a request
        assert b"here" in b"".join(iter(lambda: connection.recv(4096), b""))
