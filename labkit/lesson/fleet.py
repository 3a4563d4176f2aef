"""Groups of workers of one release, which are replaced one by one by workers of the next one."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from labkit.broker.quiet import wait_until_quiet
from labkit.errors import LabError
from labkit.own.broker import OwnBroker
from labkit.own.ledgers import own_ledgers
from labkit.own.shop import OwnShop
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.waiting import wait_until
from work.ledger import Ledger

AT_WORK_S = 10  # workers begin what was just sent within moments
WAIT_S = 90  # each wait takes seconds; the rest is room for a busy machine


class Fleet:
    """Each group has a queue (LESSON.GROUP) and workers with numbers (LESSON-GROUP1, ...)."""

    def __init__(
        self,
        lesson: str,
        groups: Iterable[str],
        line: WorkerLine,
        *,
        broker: OwnBroker,
        ledger: Ledger,
    ) -> None:
        """line: options, settings and environment of every worker."""
        self.queues = {group: f"{lesson}.{group}" for group in groups}
        self.running = ExitStack()
        self._lesson = lesson
        self._line = line
        self._broker = broker
        self._ledger = ledger
        self._workers: dict[tuple[str, int], Worker] = {}

    def start(self, numbers: Sequence[int], release: str, *, show: bool = False) -> None:
        """Start the workers with these numbers in each group, and wait until they answer.

        release: SHOP_RELEASE in their environment, which tasks/realworld_tasks/releases.py reads.
        show: print the line of the first one of each group.
        """
        places = [(group, number) for number in numbers for group in self.queues]
        environment = {**(self._line.environment or {}), "SHOP_RELEASE": release}
        lines = [
            WorkerLine(
                f"{self._lesson}-{group}{number}",
                [self.queues[group]],
                self._line.options,
                self._line.settings,
                environment,
                show=show and number == numbers[0],
            )
            for group, number in places
        ]
        workers = self.running.enter_context(workers_of(lines))
        self._workers |= dict(zip(places, workers, strict=True))

    def at_work(self, group: str, number: int) -> Worker:
        """Wait until a worker runs a task; return it.  Raises LabError if it gets none."""
        return self._wait_for(group, number, self._works)

    def held_at_work(self, group: str, number: int) -> Worker:
        """The same, and hold it still in the middle of the task, for kill -9."""

        def caught(worker: Worker) -> bool:
            worker.hold()
            if self._works(worker):
                return True
            worker.go_on()
            return False

        return self._wait_for(group, number, caught)

    def _wait_for(self, group: str, number: int, condition: Callable[[Worker], bool]) -> Worker:
        worker = self._workers[group, number]
        if not wait_until(lambda: condition(worker), AT_WORK_S):
            raise LabError(f"the worker {worker.name} got no task in {AT_WORK_S} s", "uptime")
        return worker

    def ended(self, group: str, release: str) -> int:
        """How many tasks of a group a release has brought to their end.

        A job's key begins with its group, as in "kill-17"; its task returns the release.
        """
        jobs = self._ledger.jobs("END")
        return sum(job.startswith(f"{group}-") and job.endswith(release) for job in jobs)

    def wait_until_quiet(self) -> None:
        """Wait until no message is in their queues any more, nor on the way back to one."""
        with self._broker.client() as client:
            wait_until_quiet([client], list(self.queues.values()), WAIT_S)

    def _works(self, worker: Worker) -> bool:
        """True while this worker runs a task."""
        lines = self._ledger.entries()
        steps = Counter(entry.event for entry in lines if entry.worker == worker.name)
        return steps["START"] > steps["END"]


@contextmanager
def own_fleet(
    lesson: str,
    groups: Iterable[str],
    options: Sequence[str],
    settings: Sequence[str],
    *,
    broker: OwnBroker,
    shop: OwnShop,
) -> Iterator[Fleet]:
    """Give a fleet without workers, whose tasks write into a ledger; stop what it starts.

    options, settings: as for own_worker.
    """
    with own_ledgers(lesson, "tickets") as (ledger,):
        where = broker.environment() | shop.environment() | {"LAB_LEDGER": ledger.run}
        line = WorkerLine("", [], options, settings, where)
        fleet = Fleet(lesson, groups, line, broker=broker, ledger=ledger)
        with fleet.running:
            yield fleet
