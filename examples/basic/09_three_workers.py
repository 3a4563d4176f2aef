"""Three workers: the same 30 jobs with one worker and then with three, drawn as a timeline.

A queue does not care how many take from it.  That is how such a system grows: more workers are
started, here or on other machines, and nothing else changes.  No worker knows of the others.
Each takes the next message when it has room for it.

A job rests for 0.3 s, like one that waits for a database or for somebody's server.  Jobs that
compute gain only as long as there are processors for them (lesson 28).  Each worker has one slot,
and takes one message in advance, not four: so none sits on jobs that another one could do
(lesson 34).  The task is `noted_nap` in tasks/basic_tasks.py.

    ./lab run 09        # about 17 s

Watch: http://localhost:5555/workers counts what each worker has done.

You should see:

    $ ./start_worker.sh -n lesson09a@%h --queues=lesson09 --concurrency=1 --prefetch-multiplier=1
    30 jobs, 1 worker:
      lesson09a  █▌...
                 0 s ...
    true: each of the 30 jobs was done once
    $ ./start_worker.sh -n lesson09b@%h --queues=lesson09 --concurrency=1 --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson09c@%h --queues=lesson09 --concurrency=1 --prefetch-multiplier=1
    30 jobs, 3 workers:
      lesson09a  ...█▌...
      lesson09b  ...█▌...
      lesson09c  ...█▌...
                 0 s ...
    true: each of the 30 jobs was done once
      lesson09a did the jobs ...
      lesson09b did the jobs ...
      lesson09c did the jobs ...
    true: each of the three had its share
    ... s with one worker, ... s with three: ... times as fast
    true: three workers were at least 2.5 times as fast as one

Each block is a job, drawn where it began and as long as it took; both pictures have one scale.

Try next.  Guess first:
  1. Send 4 jobs (range(1, 5) in JOBS).  How many times as fast are three workers, and why not 3?
  2. Set JOB_S to 0.05.  What do the gaps between the blocks say?
  3. While the first picture is made, type ./start_worker.sh -n mine@%h --queues=lesson09 in a
     second terminal.  What is missing in the picture, and who did it?
"""

from labkit.lesson import claim, run_lesson
from labkit.lesson.timeline import show_timeline, who_did_what
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, own_workers
from tasks.basic_tasks import noted_nap
from work.ledger import Ledger

QUEUE = "lesson09"
JOBS = [str(number) for number in range(1, 31)]
JOB_S = 0.3
OPTIONS = ["--concurrency=1", "--prefetch-multiplier=1"]
COLUMN_S = JOB_S / 2  # what one character of the pictures stands for
TIMEOUT_S = 60  # the longer run takes 10 s; the rest is room for a busy machine
Shares = dict[str, list[str]]  # {worker: its jobs}


def main() -> None:
    with (
        own_ledgers("lesson09", "one", "three") as (alone, together),
        own_queues(QUEUE),
        own_workers(["lesson09a"], [QUEUE], *OPTIONS) as first,
    ):
        one_s, _ = do_jobs(alone, first)
        # Two more workers of the same queue.  Nobody is told: not the first one, not the sender.
        with own_workers(["lesson09b", "lesson09c"], [QUEUE], *OPTIONS) as others:
            three_s, shares = do_jobs(together, [*first, *others])
            first[0].ask_to_stop()  # now, so that all three stop at the same time

    # Nobody shared the jobs out.  Whoever had room took the next one.
    for name, jobs in shares.items():
        print(f"  {name} did the jobs {' '.join(jobs)}")
    claim(
        all(len(jobs) >= len(JOBS) // 4 for jobs in shares.values()),
        "each of the three had its share",
    )
    times = one_s / three_s
    print(f"{one_s:.1f} s with one worker, {three_s:.1f} s with three: {times:.2f} times as fast")
    claim(times >= 2.5, "three workers were at least 2.5 times as fast as one")


def do_jobs(ledger: Ledger, workers: list[Worker]) -> tuple[float, Shares]:
    """Send all jobs, wait for them, and draw who did what when.

    Returns the seconds from the first start to the last end, and each worker's jobs.
    """
    results = [noted_nap.apply_async((ledger.run, job, JOB_S), queue=QUEUE) for job in JOBS]
    for result in results:
        result.get(timeout=TIMEOUT_S)

    # Each job has written down its own START and END, so that nothing else is measured: neither
    # the start of the workers nor the way of the results.
    print(f"{len(JOBS)} jobs, {len(workers)} worker{'s' if len(workers) > 1 else ''}:")
    spans = who_did_what(ledger, workers)
    took_s = show_timeline(spans, COLUMN_S)
    done = sorted(entry.job for entry in ledger.entries() if entry.event == "END")
    claim(done == sorted(JOBS), f"each of the {len(JOBS)} jobs was done once")
    return took_s, {name: [one.job for one in mine] for name, mine in spans.items()}


if __name__ == "__main__":
    run_lesson(main, queues=[])
