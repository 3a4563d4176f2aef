"""The proxy before a broker: each way to spoil a connection, seen from a real client's side."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from labkit.broker.check import client_for
from labkit.own.broker import OwnBroker, own_broker
from labkit.own.proxy import Proxy, proxy_to
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.basic_tasks import add

PATIENCE_S = 10


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LAB_HOME for one test."""
    for module in ("own.broker", "own.program"):
        monkeypatch.setattr(f"labkit.{module}.LAB_HOME", tmp_path)
    return tmp_path


@pytest.fixture
def broker(home: Path) -> Iterator[OwnBroker]:
    with own_broker("behind") as one:
        yield one


@pytest.fixture
def proxy(broker: OwnBroker) -> Iterator[Proxy]:
    with proxy_to(broker.address()) as one:
        yield one


@pytest.fixture
def client(proxy: Proxy) -> Iterator[redis.Redis]:
    """A client that goes through the proxy and is connected."""
    with client_for(proxy.url) as one:
        one.ping()
        yield one


@pytest.fixture
def echo() -> Iterator[str]:
    """The URL of a server that sends back what it gets, and ends when the client ends."""

    def serve() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connected,), daemon=True).start()

    def answer(connected: socket.socket) -> None:
        with connected:
            try:
                while data := connected.recv(65536):
                    connected.sendall(data)
            except OSError:
                pass

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(PATIENCE_S)


def connect(url: str) -> socket.socket:
    """A plain TCP connection."""
    return socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=PATIENCE_S)


def test_it_passes_everything_in_both_directions_and_in_order(echo):
    sent = bytes(range(256)) * 4096 * 4  # more than every buffer on the way holds
    with proxy_to(echo) as proxy, connect(proxy.url) as one:
        sender = threading.Thread(target=one.sendall, args=(sent,))
        sender.start()
        received = bytearray()
        while len(received) < len(sent):
            received += one.recv(65536)
        sender.join()
    assert received == sent


def test_it_ends_a_connection_when_one_side_ends_it(echo):
    with proxy_to(echo) as proxy:
        with connect(proxy.url) as one:
            one.sendall(b"last words")
            assert one.recv(100) == b"last words"
        assert wait_until(lambda: proxy.reset() == 0, PATIENCE_S)


def test_its_url_is_that_of_the_server_with_another_port(broker, proxy):
    server, through = urlsplit(broker.address()), urlsplit(proxy.url)
    assert server.port != through.port
    assert (server.password, server.path) == (through.password, through.path)


def test_several_clients_talk_at_the_same_time(broker, proxy):
    clients = [client_for(proxy.url) for _ in range(10)]
    for number, one in enumerate(clients):
        one.set(f"key{number}", number)
    assert [one.get(f"key{number}") for number, one in enumerate(clients)] == list("0123456789")
    assert proxy.reset() == len(clients)
    for one in clients:
        one.close()


def test_after_a_reset_a_client_connects_anew(proxy, client):
    before = client.client_id()
    assert proxy.reset() == 1
    assert client.client_id() != before  # redis-py sees that the old one is broken
    assert proxy.reset() == 1


def test_reset_sends_rst_to_both_sides():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        proxy_to(f"tcp://127.0.0.1:{listener.getsockname()[1]}") as proxy,
        connect(proxy.url) as client,
        listener.accept()[0] as server,
    ):
        client.sendall(b"?")
        server.settimeout(PATIENCE_S)
        assert server.recv(1) == b"?"
        proxy.reset()
        for side in (client, server):
            with pytest.raises(ConnectionResetError):
                side.recv(1)


def test_delayed_data_comes_later_and_complete(proxy, client):
    proxy.delay(0.2)
    began = time.monotonic()
    assert client.echo("hello") == "hello"
    assert time.monotonic() - began >= 0.4  # there and back
    proxy.delay(0)
    assert client.echo("hello again") == "hello again"


def test_it_resets_whoever_comes_while_the_server_is_away_and_goes_on_afterwards(broker, proxy):
    broker.stop()
    with client_for(proxy.url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    broker.restart()
    with client_for(proxy.url) as client:
        assert client.ping()


def test_after_the_block_nothing_of_it_is_left(broker):
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), proxy_to(broker.address()) as proxy:
        held = connect(proxy.url)
        held.sendall(b"PING\r\n")
        assert held.recv(100)  # by now both sides are connected
        raise KeyboardInterrupt
    assert threading.active_count() == threads
    with held, pytest.raises(ConnectionResetError):
        held.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy.url)


def test_a_worker_comes_back_after_its_connections_were_cut(broker, proxy):
    with (
        own_worker("cut", ["cut"], environment={"REDIS_URL": proxy.url}, show=False),
        broker.app() as app,
    ):
        assert app.send_task(add.name, (1, 2), queue="cut").get(timeout=20) == 3
        assert proxy.reset() > 1
        assert app.send_task(add.name, (3, 4), queue="cut").get(timeout=20) == 7
