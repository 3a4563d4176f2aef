"""The companies that a ticket order needs: the airline (seats), the bank (cards), the post (mails).

Each is a service that is asked over HTTP.  It can be busy, it can refuse, and its answer can get
lost on the way although it has done what it was asked to do.  For that there is the idempotency
key: whoever is asked again with a key that it knows does nothing, and answers as it did before.

    POST /seats        Idempotency-Key: seats-TL-7   {"order": "TL-7", "seats": 2}
    POST /seats/undo   Idempotency-Key: seats-TL-7   {"order": "TL-7"}
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10  # a service that is asked for so long gives no answer any more
# Numbers that these services have agreed on as a "no" to an order: no money, or taken back already.
# No other number ends one.  A password that has run out answers 401 to all orders of a day.
REFUSALS = {402, 410}
TRY_LATER = {408, 409, 423, 425, 429}  # too slow, just being done, locked, too early, too many


class Refused(Exception):
    """The service says no to this order; asking again does not help."""


class Busy(Exception):
    """No answer, or "try again later": nobody knows whether it was done.  Ask again."""


class WrongRequest(Exception):
    """The service does not know us, or not what we ask for: somebody has to look."""


class Partner:
    """One of the services: BASE_URL/NAME.

    keys: False leaves the idempotency keys out, as a careless program does.
    """

    def __init__(self, base_url: str, name: str, *, keys: bool = True) -> None:
        self.url = f"{base_url}/{name}"
        self.name = name
        self.keys = keys

    def do(self, order_id: str, **details: Any) -> dict:
        """Ask for what the service does, for one order; return its answer.

        Raises Refused, Busy and WrongRequest.  After Busy it may be done, or may be done later.
        """
        return self._ask(self.url, order_id, details)

    def undo(self, order_id: str) -> dict:
        """Ask to take back what was done for one order.

        With a key this is safe at any time: a service that has done nothing notes the key, and
        refuses it if it comes later.  Raises what do() raises.
        """
        return self._ask(f"{self.url}/undo", order_id, {})

    def _ask(self, url: str, order_id: str, details: dict) -> dict:
        import httpx

        # region key
        # From the order, not from the task's id: a second message is not a second intention.
        headers = {"Idempotency-Key": f"{self.name}-{order_id}"} if self.keys else {}
        try:
            answer = _client().post(url, json={"order": order_id, **details}, headers=headers)
        except httpx.TransportError as error:  # refused, reset, too slow
            raise Busy(f"{self.name} gave no answer: {type(error).__name__}") from None
        # endregion
        number = answer.status_code
        if number in REFUSALS:
            raise Refused(f"{self.name} refused: {_reason(answer)}")
        if number in TRY_LATER or answer.is_server_error:
            raise Busy(f"{self.name} answered {number}")
        if not answer.is_success:
            raise WrongRequest(f"{self.name} answered {number} to POST {url}: {_reason(answer)}")
        return answer.json()


class Partners:
    """The three services of one shop."""

    def __init__(self, base_url: str, *, keys: bool = True) -> None:
        self.seats = Partner(base_url, "seats", keys=keys)
        self.cards = Partner(base_url, "cards", keys=keys)
        self.mails = Partner(base_url, "mails", keys=keys)


def _reason(answer: "httpx.Response") -> str:
    """What the service says, or its number where it says nothing that we understand."""
    try:
        return str(answer.json()["reason"])
    except (ValueError, KeyError, TypeError):
        return f"it answered {answer.status_code}"


@cache
def _client() -> "httpx.Client":
    """One client for each process, made when it is used first: its connections are kept open."""
    import httpx

    return httpx.Client(timeout=TIMEOUT_S, trust_env=False)
