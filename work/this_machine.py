"""Who may ask a server that listens on 127.0.0.1: programs and pages of this machine, nobody else.

A browser on this machine carries out what pages from elsewhere tell it.  Such a page can send a
POST here, without asking, as long as the body is text or a form; the browser then says in Origin
where the page came from.  Or it gives its own name the address 127.0.0.1 (DNS rebinding); then that
name stands in Host.  So a server looks at both, before it looks at anything else.
"""

import re
from collections.abc import Sequence

_LOCAL = r"(?:localhost|127\.0\.0\.1|\[::1\])"
_HOST = re.compile(rf"{_LOCAL}(?::(\d{{1,5}}))?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_LOCAL}(?::\d{{1,5}})?", re.IGNORECASE)
HTTP_PORT = 80  # the one that a browser leaves out


def refusal(hosts: Sequence[str], origins: Sequence[str], port: int) -> str:
    """Why a request is refused; "" if it is not.

    hosts, origins: what its headers Host and Origin say.  port: where the server listens.

    >>> refusal(["localhost:8000"], [], 8000)
    ''
    >>> refusal(["localhost:8000"], ["https://shop.example.com"], 8000)
    "only pages of this machine may ask, got Origin 'https://shop.example.com'"
    """
    if len(hosts) != 1 or not is_local_host(hosts[0], port):
        return f"the Host header must be localhost:{port}, got {', '.join(hosts)!a:.80}"
    if not all(map(is_local_origin, origins)):
        return f"only pages of this machine may ask, got Origin {', '.join(origins)!a:.80}"
    return ""


def is_local_host(host: str, port: int) -> bool:
    """True if a Host header names this machine, and the port on which we listen.

    >>> is_local_host("localhost:8000", 8000), is_local_host("[::1]:8000", 8000)
    (True, True)
    >>> is_local_host("shop.example.com:8000", 8000), is_local_host("localhost:9000", 8000)
    (False, False)
    """
    found = _HOST.fullmatch(host)
    return found is not None and int(found[1] or HTTP_PORT) == port


def is_local_origin(origin: str) -> bool:
    """True if an Origin header names a page of this machine, on any port.

    >>> is_local_origin("http://localhost:8000"), is_local_origin("http://localhost.example.com")
    (True, False)
    >>> is_local_origin("null")
    False
    """
    return bool(_ORIGIN.fullmatch(origin))
