"""Servers and programs that a test needs and that may not be on this machine."""

import os

import pytest


def require(server: str, there: bool, hint: str) -> None:
    """Skip where a server is missing; fail where LAB_REQUIRE names it (CI does).

    server: its name in LAB_REQUIRE.  hint: how to get it.
    """
    if there:
        return
    sentence = f"{server} is not on this machine; {hint}"
    if server in os.environ.get("LAB_REQUIRE", "").split(","):
        pytest.fail(sentence)
    pytest.skip(sentence)
