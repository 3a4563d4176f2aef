"""Wait for a line in the log of a program of one's own."""

from labkit.nodes import Node
from labkit.waiting import wait_until


def line_with(node: Node, text: str, timeout_s: float) -> str:
    """The last line of its log that holds `text`, as soon as there is one; "" if none comes."""

    def lines() -> list[str]:
        log = node.log.read_text(errors="replace").splitlines()
        return [line for line in log if text in line]

    return lines()[-1] if wait_until(lambda: bool(lines()), timeout_s) else ""
