"""What one partner service has done: its effects, each once for a key, and how to undo them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

REFUSAL = 402
GONE = 410  # the key was undone before it came


@dataclass
class Books:
    """The books of one service, such as the bank's.  Not for several threads at once.

    balance: {order: effects that stand}, such as {"TL-7": 1}: charged, and not given back.
    done, undone: how often each was really done, whatever was asked for.
    repeated: how many requests came with a key that was known already.
    """

    balance: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    _answers: dict[str, tuple[int, dict]] = field(default_factory=dict)

    def do(self, key: str, order: str, refuse: bool = False) -> tuple[int, dict]:
        """Apply the effect, or refuse it for good; return number and content of the answer.

        With a key, only the first time: then comes the answer that was given the first time.
        Without a key each request is a new one.

        >>> bank = Books()
        >>> [bank.do("pay-1", "TL-1")[0] for _ in range(3)], bank.balance["TL-1"]
        ([201, 201, 201], 1)
        >>> [bank.do("", "TL-2")[0] for _ in range(3)], bank.balance["TL-2"]
        ([201, 201, 201], 3)
        """
        if key and key in self._answers:
            self.repeated += 1
            return self._answers[key]
        if refuse:
            answer: tuple[int, dict] = (REFUSAL, {"reason": f"no for {order}"})
        else:
            self.balance[order] += 1
            self.done[order] += 1
            answer = (201, {"order": order, "number": self.done.total()})
        if key:
            self._answers[key] = answer
        return answer

    def undo(self, key: str, order: str) -> tuple[int, dict]:
        """Take the effect back, if there is one.  A key that is undone is refused from now on.

        >>> bank = Books()
        >>> _ = bank.undo("pay-1", "TL-1")
        >>> bank.do("pay-1", "TL-1")[0], bank.balance["TL-1"]
        (410, 0)
        """
        if self.balance[order] > 0:
            self.balance[order] -= 1
            self.undone[order] += 1
        if key:
            self._answers[key] = (GONE, {"reason": f"{key} was undone"})
        return 200, {"order": order}

    def as_json(self) -> dict[str, Any]:
        """The counts, without orders whose count is 0."""
        return {
            "balance": dict(+self.balance),
            "done": dict(+self.done),
            "undone": dict(+self.undone),
            "repeated": self.repeated,
        }
