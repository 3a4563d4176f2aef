"""Ports for pages: which one is free, and whose process listens on it."""

import contextlib
import socket

import psutil

from labkit.errors import LabError
from labkit.processes.identity import ProcessId

PORTS_TO_TRY = 50


def taken(port: int) -> bool:
    """True if anybody listens on this port of the loopback, IPv4 or IPv6.

    A browser may try ::1 first when it is told "localhost", so a listener there counts too.
    """
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((host, port)) == 0:
                return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def next_free_port(preferred: int, hint: str) -> int:
    """The preferred port, or the first free one after it.

    hint: what to type where there is none.
    """
    last = min(preferred + PORTS_TO_TRY, 2**16) - 1
    for port in range(preferred, last + 1):
        if not taken(port):
            return port
    raise LabError(f"the ports {min(preferred, last)} to {last} are all taken", hint)


def listens(process: ProcessId, port: int) -> bool:
    """True if this process, or one of its group, listens on the port: then the page is ours."""
    for member in process.group():
        with contextlib.suppress(psutil.Error):
            for connection in member.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
    return False
