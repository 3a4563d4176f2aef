"""A service of the lab's in a thread of the test's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from labkit.services.json_server import Server


@contextmanager
def running(respond) -> Iterator[str]:
    """Serve for as long as the `with` block takes; the URL."""
    with Server(respond) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
