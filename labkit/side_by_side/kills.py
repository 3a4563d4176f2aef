"""Workers of two brokers that are killed again and again, and what becomes of their jobs."""

from collections.abc import Sequence

from labkit.broker.quiet import still_for
from labkit.lesson.verdict import Verdict, verdict_on
from labkit.own.ledgers import wait_for_lines
from labkit.side_by_side.bench import Bench, wait_for_work

TITLES = "Redis", "RabbitMQ"
TIMEOUT_S = 60  # no lesson's last jobs take 15 s; the rest is room for a busy machine


def work_and_kill(benches: Sequence[Bench], jobs: int) -> None:
    """Start the workers, and kill each (kill -9, with its pool) when it has done so many jobs."""
    goals = {bench: bench.ended() + jobs for bench in benches}
    for bench in benches:
        bench.worker.start()

    def all_killed() -> bool:
        for bench, goal in list(goals.items()):
            if bench.ended() >= goal:
                bench.worker.kill()
                del goals[bench]
        return not goals

    wait_for_work(goals, all_killed)


def work_to_the_end(benches: Sequence[Bench], settled_s: float) -> None:
    """Start the workers, and wait until each job is done, or nothing was done for settled_s."""
    for bench in benches:
        bench.worker.start()
    before: list[int] = []
    complete = False

    def moves() -> bool:
        nonlocal before, complete
        last, before = before, [bench.ended() for bench in benches]
        if before != last:
            complete = all(set(bench.ids) <= bench.finished() for bench in benches)
        return before != last

    settled = still_for(settled_s, moves)
    ledgers = [bench.ledger for bench in benches]
    wait_for_lines(ledgers, lambda: settled() or complete, TIMEOUT_S, "the end of the jobs")


def verdicts_of(benches: Sequence[Bench]) -> dict[str, Verdict]:
    """{broker: what became of the jobs that were sent to it}."""
    return {
        title: verdict_on(
            dict(bench.ids), bench.ledger.entries(), with_a_message=bench.orders_left()
        )
        for title, bench in zip(TITLES, benches, strict=False)
    }
