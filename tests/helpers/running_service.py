"""A service of the lab's in a thread of the test's own process."""

import threading

from labkit.services.json_server import Server


class Running:
    """A service that runs in a thread of this process."""

    def __init__(self, respond) -> None:
        self.server = Server(respond)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
