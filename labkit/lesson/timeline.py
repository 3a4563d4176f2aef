"""A timeline for the terminal: who was busy when, in blocks of characters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labkit.own.workers import Worker
from work.ledger import Ledger


@dataclass(frozen=True)
class Span:
    """One job: when it began and when it ended, in seconds from the first job's beginning."""

    job: str
    start_s: float
    end_s: float


def who_did_what(ledger: Ledger, workers: Iterable[Worker]) -> dict[str, list[Span]]:
    """{short name of a worker: its jobs, in their order}, by what the jobs have written down.

    Each job has ended, and was done once.
    """
    ends = {entry.job: entry.time for entry in ledger.entries() if entry.event == "END"}
    starts = [entry for entry in ledger.entries() if entry.event == "START"]
    begin = min((entry.time for entry in starts), default=0.0)
    return {
        worker.short_name: [
            Span(entry.job, entry.time - begin, ends[entry.job] - begin)
            for entry in starts
            if worker.wrote(entry)
        ]
        for worker in workers
    }


def show_timeline(rows: Mapping[str, Sequence[Span]], column_s: float) -> float:
    """Print a row for each worker, and the seconds below; return when the last job ended.

    column_s: what one character stands for, in seconds.
    """
    width = max(map(len, rows))
    for name, spans in rows.items():
        blocks = timeline_row([(one.start_s, one.end_s) for one in spans], column_s)
        print(f"  {name:<{width}}  {blocks}")
    took_s = max((one.end_s for spans in rows.values() for one in spans), default=0.0)
    print(f"  {'':<{width}}  {axis(took_s, column_s)}")
    return took_s


def timeline_row(spans_s: Sequence[tuple[float, float]], column_s: float) -> str:
    """Draw spans (start, end), in seconds, as blocks; one character stands for column_s seconds.

    The last half character of a block stays empty, so that neighbours can be told apart.  Spans
    come in order and do not overlap; each gets one character at least.

    >>> timeline_row([(0, 0.3), (0.31, 0.61), (0.9, 1.2)], column_s=0.1)
    '██▌██▌   ██▌'
    >>> timeline_row([], column_s=0.1)
    ''
    """
    row = ""
    for start_s, end_s in spans_s:
        width = max(1, round((end_s - start_s) / column_s))
        row = row.ljust(round(start_s / column_s)) + "█" * (width - 1) + "▌"
    return row


def axis(seconds: float, column_s: float) -> str:
    """A line of whole seconds to stand below such rows.

    >>> axis(2.1, column_s=0.1)
    '0 s       1         2'
    """
    line = "0 s"
    for second in range(1, int(seconds) + 1):
        line = line.ljust(round(second / column_s)) + str(second)
    return line
