"""Say when a queue grows faster than it drains.

A long queue need not be trouble: after a newsletter there are a thousand e-mails, and then fewer.
A queue that becomes longer at each look is trouble, however long it is: it has no end.
"""

LOOKS = 3  # in a row: one or two longer ones happen in any queue
FLOOR = 10  # messages; nobody needs to come for fewer


class GrowthAlert:
    """An alert for one queue.  Ask for its length at regular intervals, and tell it each time.

    Raised: longer than the time before, `looks` times in a row, and at least `floor` messages.
    Cleared: shorter, `looks` times in a row, or empty.  In between it stays as it is, so that a
    queue that goes up and down a little does not raise and clear it all the time.

    >>> alert = GrowthAlert()
    >>> [alert.look(length) for length in (0, 12, 15, 21, 30, 25, 24, 11, 9)]
    [None, None, None, 'raised', None, None, None, 'cleared', None]
    """

    def __init__(self, looks: int = LOOKS, floor: int = FLOOR) -> None:
        if looks < 1 or floor < 1:
            raise ValueError(f"looks and floor must be 1 or more, got {looks} and {floor}")
        self.raised = False
        self._looks, self._floor = looks, floor
        self._last: int | None = None
        self._longer = self._shorter = 0  # times in a row

    def look(self, length: int) -> str | None:
        """Take in one length; "raised" or "cleared" in the moment of the change, else None."""
        last = length if self._last is None else self._last
        self._longer = self._longer + 1 if length > last else 0
        self._shorter = self._shorter + 1 if length < last else 0
        self._last = length
        if not self.raised and self._longer >= self._looks and length >= self._floor:
            self.raised = True
            return "raised"
        if self.raised and (self._shorter >= self._looks or length == 0):
            self.raised = False
            return "cleared"
        return None
