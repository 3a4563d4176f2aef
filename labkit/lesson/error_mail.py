"""The reports of errors that have come to an address, and what they speak of."""

from collections import defaultdict

from lab_home import LAB_FILES
from labkit.waiting import wait_until
from work.error_report import kept_back_in
from work.mail.mailbox import emails, read_email

TIMEOUT_S = 60  # a report takes about a second; the rest is room for a busy machine


class ErrorMail:
    """The mailbox of one address; it is read each time anew."""

    def __init__(self, address: str) -> None:
        self.address = address

    def texts(self) -> dict[str, list[str]]:
        """The texts of the reports, by the name of the task that failed."""
        found: dict[str, list[str]] = defaultdict(list)
        for file in emails(LAB_FILES / "mail", self.address):
            text = "\n".join(read_email(file).get_content().splitlines())
            found[text.split()[1]].append(text)
        return found

    def counts(self, task: str) -> tuple[int, int]:
        """How many failures of a task had a report, and how many are counted in a later one."""
        texts = self.texts()[task]
        return len(texts), sum(map(kept_back_in, texts))

    def told(self) -> int:
        """How many failures all of the reports speak of: their own, and those kept back."""
        return sum(sum(self.counts(task)) for task in self.texts())

    def number(self) -> int:
        """How many reports there are."""
        return sum(map(len, self.texts().values()))

    def wait_until_told(self, failures: int) -> None:
        """Wait until they speak of so many."""
        wait_until(lambda: self.told() >= failures, TIMEOUT_S, every_s=0.2)

    def ends_of_a_traceback(self, task: str) -> str:
        """The first and the last line of the traceback in a report."""
        _, traceback = self.texts()[task][0].split("\n\n", maxsplit=1)
        first, *_, last = traceback.splitlines()
        return f"{first} ... {last}"
