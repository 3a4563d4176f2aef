"""The verdict: what became of the jobs that were sent, by what the work itself wrote down.

It asks no state of Celery's.  A job is its business key, such as an order's number, so that a job
counts as done twice whether one message came twice or somebody sent two.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from labkit.errors import LabError
from work.ledger import Entry

MAX_NAMES = 8  # as many as fit into a line
MAX_WIDTH = 80  # of the table, in characters: a terminal's
# The jobs of these are named.
AMISS = ("lost", "stuck", "started_twice", "finished_twice", "effects_twice")


@dataclass(frozen=True)
class Verdict:
    """Jobs, each field in the order in which they were sent; see verdict_on()."""

    sent: list[str]
    started: list[str]  # at least once
    finished: list[str]  # at least once
    lost: list[str]  # sent, never finished, and no message is left
    stuck: list[str]  # sent, not finished, and its message is still there
    started_twice: list[str]  # twice or more
    finished_twice: list[str]
    effects_twice: list[str]
    effects: int  # how many effects were applied in all
    wrong: list[str]  # lines that cannot be: an END without its START, a job that nobody sent
    runs: dict[str, int] = field(default_factory=dict)  # job -> how many times it was started
    task_ids: dict[str, str] = field(default_factory=dict)  # job -> id, where it was told


def verdict_on(
    sent: Mapping[str, str] | Iterable[str],
    entries: Iterable[Entry],
    effects: Iterable[str] | None = None,
    with_a_message: Collection[str] = (),
) -> Verdict:
    """Compare what was sent with what was written down.

    sent: the jobs, or {job: task id}.
    effects: a job for each effect that was applied, where something better than the ledger knows
        that (the database that keeps them); else the EFFECT lines count.
    with_a_message: the jobs whose message is queued or unacked
        (labkit.broker.quiet.jobs_in_messages): they are not lost.
    """
    ids = dict(sent) if isinstance(sent, Mapping) else dict.fromkeys(sent, "")
    lines = list(entries)
    starts, ends, applied = (
        Counter(entry.job for entry in lines if entry.event == event)
        for event in ("START", "END", "EFFECT")
    )
    if effects is not None:
        applied = Counter(effects)
    everything = starts + ends + applied
    return Verdict(
        sent=list(ids),
        started=[job for job in ids if starts[job]],
        finished=[job for job in ids if ends[job]],
        lost=[job for job in ids if not ends[job] and job not in with_a_message],
        stuck=[job for job in ids if not ends[job] and job in with_a_message],
        started_twice=[job for job in ids if starts[job] > 1],
        finished_twice=[job for job in ids if ends[job] > 1],
        effects_twice=[job for job in ids if applied[job] > 1],
        effects=applied.total(),
        wrong=[
            *(f"{job}: nobody sent it" for job in everything if job not in ids),
            *(
                f"{job}: {ends[job]} END lines, {starts[job]} START lines"
                for job in ids
                if ends[job] > starts[job]
            ),
        ],
        runs={job: starts[job] for job in ids},
        task_ids={job: task_id for job, task_id in ids.items() if task_id},
    )


def verdict_table(
    verdicts: Mapping[str, Verdict], *, effects: str = "", names: bool = True
) -> list[str]:
    """A short table, a column for each verdict, and below it the jobs that are not as they should.

    A row for stuck jobs is there only if there are some.
    effects: what an effect is called ("charged"), where the jobs have effects to count.
    names: False for the numbers alone, and for what is not possible.
    """
    fields = ["sent", "started", "finished", *AMISS]
    if not any(one.stuck for one in verdicts.values()):
        fields.remove("stuck")
    if not effects:
        fields.remove("effects_twice")
    titles = {
        one: one.replace("effects", effects).replace("_twice", " twice or more") for one in fields
    }
    width = max(map(len, titles.values())) + 2
    widths = [max(6, len(name)) + 2 for name in verdicts]
    if width + sum(widths) > MAX_WIDTH:  # no wider than the names need
        width, widths = width - 2, [len(name) + 2 for name in verdicts]
    lines = ["verdict".ljust(width) + _right(verdicts, widths)]
    for each, title in titles.items():
        numbers = (str(len(getattr(one, each))) for one in verdicts.values())
        lines.append(title.ljust(width) + _right(numbers, widths))
    named = {each: title for each, title in titles.items() if names and each in AMISS}
    for name, one in verdicts.items():
        for each, title in (named | {"wrong": "not possible"}).items():
            if jobs := getattr(one, each):
                lines.append(f"  {name}, {title}: {_names(jobs, one.task_ids)}")
    return lines


def show_verdicts(
    verdicts: Mapping[str, Verdict], *, effects: str = "", names: bool = True
) -> None:
    """Print the table.  Raises LabError, behind it, for what is not possible."""
    print(*verdict_table(verdicts, effects=effects, names=names), sep="\n")
    require_possible(verdicts)


def require_possible(verdicts: Mapping[str, Verdict]) -> None:
    """Raise LabError if a ledger holds what cannot be: then nothing else that it says counts."""
    for name, one in verdicts.items():
        if one.wrong:
            raise LabError(
                f"the ledger of {name} holds what cannot be: {_names(one.wrong, {})}",
                "git diff tasks work",
            )


def _right(cells: Iterable[str], widths: list[int]) -> str:
    return "".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


def _names(jobs: list[str], task_ids: Mapping[str, str]) -> str:
    """Job and the beginning of its task id, as Flower shows it: "TL-1 (5f0c81d2)"."""
    named = [
        f"{job} ({task_ids[job].partition('-')[0]})" if job in task_ids else job
        for job in jobs[:MAX_NAMES]
    ]
    more = len(jobs) - MAX_NAMES
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
