"""Mail servers for tests: the lab's own, in a thread of the test process."""

import asyncio
from contextlib import contextmanager
from threading import Thread

import pytest

from labkit.services.mail_server import serve
from work.mail.mail_answers import given_answers, set_answers

ADA = "ada@example.com"
LETTER = (ADA, "hello", "text")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A mail server of the test's own, which every task talks to."""
    with own_mail_server(tmp_path / "mail") as one:
        monkeypatch.setenv("SMTP_URL", one.url)
        yield one


@contextmanager
def own_mail_server(folder):
    """A mail server with its mailboxes in `folder`, for as long as the `with` block takes."""
    server = MailServer(folder)
    try:
        yield server
    finally:
        server.stop()


class MailServer:
    """A mail server in a thread of this process; `folder` has its mailboxes."""

    def __init__(self, folder):
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, daemon=True).start()
        self._server = self._run(serve(folder, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def close(self):
        """Listen no more."""

        async def close():
            self._server.close()

        self._run(close())

    def stop(self):
        """Listen no more, and end the thread."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def will_answer(self, *answers):
        """Tell it how to answer the next e-mails to ADA."""
        set_answers(self.folder, ADA, answers)

    def answered(self):
        """What it has answered to e-mails to ADA since then."""
        return [given.answer for given in given_answers(self.folder, ADA)]

    def kept(self):
        """Every e-mail in every mailbox: ada@example.com/0001.eml."""
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*.eml"))
