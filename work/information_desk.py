"""A connection to an information desk: ask a question, and read the answer that comes first."""

import socket

QUESTION_BYTES = 16
TIMEOUT_S = 5  # an answer takes some milliseconds


def connect(address: str) -> socket.socket:
    """Open a connection to HOST:PORT.  Raises OSError where nobody answers."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT_S)


def ask(connection: socket.socket, question: str) -> str:
    """Ask for up to 16 characters of ASCII; return what came back.

    One question at a time: whoever shares the connection with another process takes the answer
    that comes first, whosever it is.
    Raises OSError when no answer comes.
    """
    connection.sendall(question.ljust(QUESTION_BYTES).encode("ascii"))
    answer = b""
    while len(answer) < QUESTION_BYTES:
        piece = connection.recv(QUESTION_BYTES - len(answer))
        if not piece:
            raise ConnectionResetError("the desk has hung up")
        answer += piece
    return answer.decode("ascii").rstrip()
