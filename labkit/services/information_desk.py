"""An information desk: it answers each question with the question, after a moment.

A question has 16 bytes, and so has its answer.  The desk answers the questions of one connection
one after another, as a database does.
"""

import argparse
import asyncio
import signal

from labkit.services.json_server import READY
from work.information_desk import QUESTION_BYTES

THINKS_S = 0.005


async def serve() -> None:
    """Listen on a free port of 127.0.0.1 until SIGTERM."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"{READY}{host}:{port}", flush=True)
    await stop.wait()
    server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            question = await reader.readexactly(QUESTION_BYTES)
            await asyncio.sleep(THINKS_S)
            writer.write(question)
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):  # whoever asked has gone
        writer.close()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(serve())
