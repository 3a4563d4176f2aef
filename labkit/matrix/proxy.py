"""A TCP proxy in front of a broker of one's own: it spoils the network between it and a worker.

    with (
        own_broker("mine") as broker,
        proxy_to(broker.address()) as proxy,
        own_worker("cut", ["q"], environment={"REDIS_URL": proxy.url}),
    ):
        proxy.reset()  # every connection breaks, as when a firewall restarts

It runs in a thread of its own, and its methods are called from ordinary code: what they say has
happened when they return.  Who connects to the broker itself is not disturbed.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

HOST = "127.0.0.1"
READ_BYTES = 65536  # at once
RST_WHEN_CLOSED = struct.pack("ii", 1, 0)  # SO_LINGER for 0 s: closing sends RST, not FIN
STOP_TIMEOUT_S = 5  # it takes milliseconds

Result = TypeVar("Result")


class _Connection:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.writers = [client]
        self.pumps: list[asyncio.Task] = []

    def reset(self) -> None:
        """Break both sides; what was not sent yet is thrown away."""
        for writer in self.writers:
            connected = writer.get_extra_info("socket")
            with suppress(OSError):  # the other side was quicker
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_WHEN_CLOSED)
            writer.transport.abort()
        self._stop_pumps()

    def close(self) -> None:
        """End both sides as it is usual (FIN), after what is still to be sent."""
        for writer in self.writers:
            writer.close()
        self._stop_pumps()

    def _stop_pumps(self) -> None:
        for pump in self.pumps:
            pump.cancel()


class Proxy:
    """Moves bytes between its own port and a server.  proxy_to() makes one.

    url: the server's URL with the proxy's port in it.
    """

    def __init__(self, server_url: str) -> None:
        self._server_url = urlsplit(server_url)
        self._connections: set[_Connection] = set()
        self._delay_s = 0.0
        self._moving = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._bound = _bound_socket(0)
        before, _, _ = self._server_url.netloc.rpartition(":")
        netloc = f"{before}:{self._bound.getsockname()[1]}"
        self.url = urlunsplit(self._server_url._replace(netloc=netloc))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # -- What the caller asks for, in the caller's thread ----------------------------------------

    def forward(self) -> None:
        """Move bytes at once and take new connections; it begins so.

        What half_open() held back is moved now.  Connections that were reset stay so.
        """
        self._do(self._forward())

    def delay(self, seconds: float) -> None:
        """Hold each piece of data for so long; what comes behind it waits until it has gone.

        Raises ValueError for less than 0.
        """
        if seconds < 0:
            raise ValueError(f"seconds must be 0 or more, got {seconds}")
        self._delay_s = seconds

    def reset(self) -> int:
        """Break every connection on both sides (RST); return how many there were.

        New ones are taken at once, unless refuse() was called.
        """
        return self._do(self._reset())

    def refuse(self) -> None:
        """Refuse new connections; those that are there stay."""
        self._do(self._refuse())

    def half_open(self) -> None:
        """Keep all sockets open and move no more bytes, as when a cable is cut.

        New connections are taken, and hear nothing either.
        """
        self._do(self._half_open())

    def connections(self) -> int:
        """How many connections there are now."""
        return len(self._connections)

    # -- What happens in the proxy's thread ------------------------------------------------------

    def _do(self, coroutine: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    async def _forward(self) -> None:
        self._delay_s = 0.0
        self._moving.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accepted, sock=self._bound)

    async def _refuse(self) -> None:
        """A port that is bound and not listened at refuses, and nobody else can take it."""
        if self._listener:
            self._listener.close()
            self._listener = None
            self._bound = _bound_socket(self._bound_port())

    def _bound_port(self) -> int:
        return urlsplit(self.url).port or 0

    async def _half_open(self) -> None:
        self._moving.clear()

    async def _reset(self) -> int:
        broken = list(self._connections)
        for connection in broken:
            connection.reset()
        self._connections.clear()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn
        return len(broken)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            server = await asyncio.open_connection(HOST, self._server_url.port)
            connection.writers.append(server[1])
            if connection not in self._connections:  # reset() came meanwhile
                raise ConnectionResetError
            pairs = ((reader, server[1]), (server[0], writer))
            connection.pumps = [asyncio.create_task(self._pump(*pair)) for pair in pairs]
            done, _ = await asyncio.wait(connection.pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in done:
                pump.result()
            connection.close()
        except (OSError, asyncio.CancelledError):  # nobody listens there; one side broke; reset()
            connection.reset()
        finally:
            self._connections.discard(connection)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Move what comes, until the one who sends has no more."""
        while data := await reader.read(READ_BYTES):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._moving.wait()
            writer.write(data)
            await writer.drain()

    async def _stop(self) -> None:
        if self._listener:
            self._listener.close()
        self._bound.close()
        await self._reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # -- Its life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        self.forward()

    def stop(self) -> None:
        """Break all connections, give the port back, end the thread."""
        if not self._thread.is_alive():
            self._bound.close()
            self._loop.close()
            return
        with suppress(TimeoutError):
            self._do(self._stop(), STOP_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _bound_socket(port: int) -> socket.socket:
    """A socket that is bound to a port of 127.0.0.1 (0: a free one), and does not listen yet."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound


@contextmanager
def proxy_to(server_url: str) -> Iterator[Proxy]:
    """Put a proxy before the server of a URL (on 127.0.0.1); it is gone after the block.

    Put it inside the broker and around the workers: a worker that stops still needs it.
    """
    proxy = Proxy(server_url)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()
