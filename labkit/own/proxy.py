"""A TCP proxy in front of a server of one's own: it spoils the network, or speaks TLS for it.

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
import ssl
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

HOST = "127.0.0.1"
READ_BYTES = 65536  # at once
RST_WHEN_CLOSED = struct.pack("ii", 1, 0)  # SO_LINGER for 0 s: closing sends RST, not FIN
TIMEOUT_S = 5  # what is asked of its thread takes milliseconds

Result = TypeVar("Result")


class Proxy:
    """Moves bytes between its own port and a server.  proxy_to() makes one.

    url: the server's URL with the proxy's port in it.
    """

    def __init__(self, server_url: str) -> None:
        self._server_url = urlsplit(server_url)
        self._connections: list[list[asyncio.StreamWriter]] = []  # of both sides
        self._delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # a client that hangs up is no news
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self, tls: ssl.SSLContext | None) -> None:
        """Begin to listen on a free port."""
        self._thread.start()
        self._listener = self._do(asyncio.start_server(self._accepted, HOST, 0, ssl=tls))
        self.port = self._listener.sockets[0].getsockname()[1]
        before, _, _ = self._server_url.netloc.rpartition(":")
        self.url = urlunsplit(self._server_url._replace(netloc=f"{before}:{self.port}"))

    def delay(self, seconds: float) -> None:
        """Hold each piece of data for so long; what comes behind it waits until it has gone."""
        self._delay_s = seconds

    def reset(self) -> int:
        """Break every connection on both sides (RST); return how many there were.

        New ones are taken at once.
        """
        return self._do(self._reset())

    def stop(self) -> None:
        """Break all connections, give the port back, end the thread."""
        with suppress(TimeoutError):
            self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run it in the proxy's thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        self._connections.append(writers)
        try:
            server = await asyncio.open_connection(HOST, self._server_url.port)
            writers.append(server[1])
            await asyncio.gather(self._pass_on(reader, server[1]), self._pass_on(server[0], writer))
        except OSError:  # nobody listens there
            writer.close()
        finally:
            self._connections.remove(writers)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Move bytes until one side ends; then the other one ends, too."""
        with suppress(OSError):
            while data := await reader.read(READ_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _reset(self) -> int:
        broken = list(self._connections)
        for writer in [one for writers in broken for one in writers]:
            connected = writer.get_extra_info("socket")
            with suppress(OSError):  # the other side was quicker
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_WHEN_CLOSED)
            writer.transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn
        return len(broken)

    async def _end(self) -> None:
        self._listener.close()
        await self._reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def proxy_to(server_url: str, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Put a proxy before the server of a URL (on 127.0.0.1); it is gone after the block.

    Put it inside the broker and around the workers: a worker that stops still needs it.
    tls: the proxy speaks TLS with its clients, and plain text with the server.
    """
    proxy = Proxy(server_url)
    try:
        proxy.start(tls)
        yield proxy
    finally:
        proxy.stop()
