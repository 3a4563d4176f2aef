"""What lessons do with a worker on each of two brokers: ask them, kill them, count."""

from types import SimpleNamespace
from typing import Any

import pytest

from labkit.side_by_side.bench import Bench, ask_both
from labkit.side_by_side.kills import verdicts_of, work_and_kill, work_to_the_end
from work.ledger import Ledger


class Worker:
    """Does one job of its bench at each start; `calls` is what was asked of it."""

    name = "worker"
    log = "worker.log"

    def __init__(self, jobs: list[str]) -> None:
        self.jobs = jobs
        self.calls: list[str] = []
        self.bench: Any = None

    def start(self) -> None:
        self.calls.append("start")
        for job in self.jobs:
            self.bench.ledger.note("START", job)
            self.bench.ledger.note("END", job)

    def kill(self) -> None:
        self.calls.append("kill")


@pytest.fixture
def bench_of(tmp_path, monkeypatch):
    """A bench whose worker does these jobs; OSL-1 and OSL-2 were sent."""
    monkeypatch.setattr("labkit.side_by_side.bench.Bench.orders_left", lambda _self: set())

    def make(*jobs: str) -> Bench:
        worker: Any = Worker(list(jobs))
        app: Any = SimpleNamespace()
        ledger = Ledger(tmp_path, f"run-{len(list(tmp_path.iterdir()))}")
        ledger.create()
        bench = Bench({}, app, app, worker, ledger, "task", {"OSL-1": "id", "OSL-2": "id"})
        worker.bench = bench
        return bench

    return make


def test_a_missing_broker_is_left_out_of_the_table(capsys):
    one: Any = SimpleNamespace()
    assert ask_both([one], {"how many": lambda _bench: 3}) == [[3]]
    assert capsys.readouterr().out.splitlines()[1].split("  ")[-1].strip() == "left out"


def test_each_worker_is_killed_once_when_it_has_done_its_share(bench_of):
    benches = [bench_of("OSL-1"), bench_of("OSL-1", "OSL-2")]
    work_and_kill(benches, 1)
    assert [bench.worker.calls for bench in benches] == [["start", "kill"]] * 2


def test_the_end_is_there_at_once_when_all_is_done(bench_of):
    work_to_the_end([bench_of("OSL-1", "OSL-2")], settled_s=float("inf"))


def test_the_end_is_there_when_nothing_was_done_for_a_while(bench_of):
    work_to_the_end([bench_of("OSL-1")], settled_s=0.1)


def test_what_has_no_end_and_no_message_is_lost(bench_of):
    (bench,) = benches = [bench_of("OSL-1")]
    bench.worker.start()
    assert verdicts_of(benches)["Redis"].lost == ["OSL-2"]
