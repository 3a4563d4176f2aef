"""The setups of a trial together: their workers, what is waited for, and what came of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from labkit.broker.quiet import messages, still_for, wait_until_quiet, wait_until_settled
from labkit.lesson.setup import Setup
from labkit.lesson.verdict import Verdict, show_verdicts
from labkit.own.ledgers import wait_for_lines
from labkit.own.workers import wait_for_ends, workers_of

WAIT_S = 90  # no wait of a lesson takes half of it; the rest is room for a busy machine
SURE_S = 1.0  # a message on its way from one place to another is in none for some milliseconds


class Setups(Sequence[Setup]):
    """The variants of a trial, in their order; setups["late"] is one by its name."""

    def __init__(self, setups: list[Setup], of_databases: list[Setup]) -> None:
        """of_databases: one setup for each database that they use."""
        self.running = ExitStack()  # their workers
        self._all = setups
        self._of_databases = of_databases
        self._shown = False

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, str):
            return next(one for one in self._all if one.name == which)
        return self._all[which]

    def __len__(self) -> int:
        return len(self._all)

    @property
    def queues(self) -> list[str]:
        """Their queues."""
        return [one.queue for one in self]

    # -- Their workers --------------------------------------------------------------------------

    def start(self) -> None:
        """Start their workers, and wait until they answer; the lines are printed the first time."""
        lines = [replace(one.line, show=not self._shown) for one in self]
        self._shown = True
        workers = self.running.enter_context(workers_of(lines))
        for one, worker in zip(self, workers, strict=True):
            one.worker = worker

    def stop(self) -> None:
        """Stop their workers warmly: what runs is finished."""
        self.running.close()

    def kill(self) -> float:
        """Kill their workers (kill -9), with their pools, as a power cut would.

        Returns the moment: seconds since 1970.
        """
        for one in self:
            one.kill()
        self.running.close()
        return time.time()

    def wait_for_ends(self) -> dict[str, float]:
        """Wait until all workers have ended; {name: when, in seconds since 1970}."""
        ended_at = wait_for_ends([one.worker for one in self], WAIT_S)
        return {one.name: moment for one, moment in zip(self, ended_at, strict=True)}

    # -- Waiting --------------------------------------------------------------------------------

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that the tasks write down; `what` names it.

        Raises LabError when it does not come in WAIT_S seconds, and at once where the ledgers
        cannot be written any more.
        """
        wait_for_lines([one.ledger for one in self], condition, WAIT_S, what)

    def wait_until_done(self, *jobs: str) -> None:
        """Wait until these jobs have come to their end in each setup; () for all that were sent."""

        def done() -> bool:
            return all(set(jobs or one.results) <= set(one.done()) for one in self)

        self.wait_until(done, f"the end of {', '.join(jobs) or 'all jobs'}")

    def wait_until_more_done(self, jobs: int) -> None:
        """Wait until so many more jobs have come to their end in each setup."""
        goals = [len(one.done()) + jobs for one in self]

        def done() -> bool:
            return all(len(one.done()) >= goal for one, goal in zip(self, goals, strict=True))

        self.wait_until(done, f"the end of {jobs} more jobs")

    def wait_until_begun(self, job: str) -> None:
        """Wait until work on the job has begun in each setup."""
        self.wait_until(lambda: all(one.began(job) for one in self), f"the start of {job}")

    def wait_until_all_run(self, one: Setup, unacked: int) -> None:
        """Wait until work on all that was sent to one of them has begun.

        unacked: as many of their messages are not acknowledged then: those of the late ones.
        """
        self.wait_until(
            lambda: all(map(one.began, one.results)) and one.unacked() == unacked,
            f"the start of all jobs on {one.name}",
        )

    def wait_until_worked_for(self, seconds: float) -> None:
        """Wait until work has gone on for so many seconds in each setup."""
        self.wait_until(
            lambda: time.time() > max(one.when("START") for one in self) + seconds,
            f"{seconds:g} s",
        )

    def wait_for_results(self) -> None:
        """Wait until each task that was sent has succeeded, failed, or was revoked."""

        def ready() -> bool:
            return all(result.ready() for one in self for result in one.results.values())

        self.wait_until(ready, "the end of all tasks")

    def wait_until_settled(self) -> None:
        """Wait until the workers have taken from their queues what they take."""
        wait_until_settled(self[0].client, self.queues, WAIT_S)

    def wait_until_quiet(self, timeout_s: float = WAIT_S) -> None:
        """Wait until no message has been anywhere for a while, timeout_s seconds at most.

        A task that runs with early acknowledgement has no message any more.
        """
        clients = [one.client for one in self._of_databases]
        wait_until_quiet(clients, self.queues, timeout_s)

    def wait_until_done_or_lost(self, enough: Callable[[Verdict], bool]) -> None:
        """Wait until each job is finished or has no message any more, and it is enough.

        enough: of a verdict.  Where messages come again and again the queues may never be empty;
        so this waits no longer when each verdict is enough.
        """

        def more_to_come() -> bool:
            verdicts = self.verdicts().values()
            if any(one.stuck for one in verdicts):
                return True
            left = (messages(one.client, self.queues) for one in self._of_databases)
            return not all(map(enough, verdicts)) and any(left)

        self.wait_until(still_for(SURE_S, more_to_come), "the end of all jobs")

    # -- What came of it ------------------------------------------------------------------------

    def verdicts(self, effects: Mapping[str, Sequence[str]] | None = None) -> dict[str, Verdict]:
        """{name: what became of the jobs that were sent to it}.

        effects: {name: a job for each effect}, as verdict_on() takes them.
        """
        return {one.name: one.verdict((effects or {}).get(one.name)) for one in self}

    def show_verdicts(self, **options: Any) -> None:
        """Print them as a table; options: as for labkit.lesson.verdict.show_verdicts."""
        show_verdicts(self.verdicts(), **options)
