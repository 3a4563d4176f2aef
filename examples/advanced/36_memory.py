"""Memory: let a task leak, and see what replaces its process, when, and when not.

A pool process does thousands of tasks.  What a task leaves in memory (a list in a module, a cache
without a limit) stays until the process ends.  You see it as a worker that takes more each day,
until the system kills one of its processes (lesson 31).  The cure is to find the leak.  Two
settings keep the worker alive until then, because they replace the process:

- max_tasks_per_child: after so many tasks;
- max_memory_per_child: after the first task that leaves it above so much.  The unit is KiB, 1024
  bytes.

Both look only between two tasks.  They stop no task that takes too much by itself: neither of them
is a limit for a task.

Three workers with one slot each get 12 jobs.  Each job puts 20 MB into a list and leaves them
there.  Then the worker that has a limit for memory gets one job that takes 250 MB.

The task is `draw_boarding_pass` in tasks/advanced_tasks/memory.py; it says how much memory its
process has at its end.

    ./lab run 36        # about 14 s

Watch: http://localhost:5555/tasks lists the jobs, with what they returned.  Flower does not tell
how much memory a pool process takes.

You should see:

    $ ./start_worker.sh -n lesson36-none@%h --queues=lesson36.none --concurrency=1
    $ ./start_worker.sh -n lesson36-tasks@%h ... --concurrency=1 --max-tasks-per-child=4
    $ ./start_worker.sh -n lesson36-memory@%h ... --concurrency=1 --max-memory-per-child=150000
    memory of the process, in MB, after each of 12 jobs; 150000 KiB are 154 MB
        no limit                  4 tasks                   150000 KiB
    350 ...
    300 ...
    250 ...
    200 ...
    150 ...
    100 ...
     50 ...
    no limit: process ... did 12
    4 tasks: process ... did 4, ... did 4, ... did 4
    150000 KiB: process ... did ...
    true: no limit: one process did all jobs, and each made it about 20 MB larger
    true: 4 tasks: three processes did four jobs each, and each of them began small
    true: 150000 KiB: a process ended after the first job that left it above the limit
    a job that takes 250 MB: ... MB in process ...; the next job: ... MB in process ...
    true: the limit did not stop that job, it ended the process after it

Try next.  Guess first:
  1. Write LIMIT_KIB = 200, as somebody who means MB.  How many processes do the 12 jobs need?
  2. Give all workers two slots.  What becomes of the picture, and of the first sentence?
  3. In work/boarding_passes.py, empty the list before the return: _drawn.clear().  Then set JOB_MB
     to 120.  Nothing leaks now.  Which worker needs twelve processes all the same?  (On Linux the
     limit looks at the most that a process has ever had, not at what it has.)
"""

from itertools import groupby

from labkit.lesson import claim, run_lesson
from labkit.lesson.bars import BAR_WIDTH, bar_chart
from labkit.own.queues import own_queues
from labkit.own.workers import WorkerLine, workers_of
from tasks.advanced_tasks import draw_boarding_pass

JOBS = 12
JOB_MB = 20
BIG_JOB_MB = 250
MAX_TASKS = 4
LIMIT_KIB = 150_000  # 154 MB; a process of this worker begins with 60 to 100 MB
LIMIT_MB = LIMIT_KIB * 1024 / 1e6
ROOM_MB = 10  # a process needs a little more or less, from job to job
ROW_MB, ROWS = 50, 7  # of the picture
TIMEOUT_S = 40  # nothing here takes 2 s; the rest is room for a busy machine
# The worker's name -> its options beside one slot, and what they are called here.
LIMITS = {
    "none": ([], "no limit"),
    "tasks": ([f"--max-tasks-per-child={MAX_TASKS}"], f"{MAX_TASKS} tasks"),
    "memory": ([f"--max-memory-per-child={LIMIT_KIB}"], f"{LIMIT_KIB} KiB"),
}


def main() -> None:
    queues = {name: f"lesson36.{name}" for name in LIMITS}
    lines = [
        WorkerLine(f"lesson36-{name}", [queues[name]], ["--concurrency=1", *options])
        for name, (options, _) in LIMITS.items()
    ]
    with own_queues(*queues.values()), workers_of(lines):
        sent = {
            name: [draw_boarding_pass.apply_async((JOB_MB,), queue=queue) for _ in range(JOBS)]
            for name, queue in queues.items()
        }
        done = {name: [one.get(timeout=TIMEOUT_S) for one in sent[name]] for name in LIMITS}
        show(done)
        one_big_job(queues["memory"])


def show(done: dict[str, list[dict]]) -> None:
    """Draw the memory after each job, name the processes, and claim what the limits did."""
    print(f"memory of the process, in MB, after each of {JOBS} jobs; ", end="")
    print(f"{LIMIT_KIB} KiB are {LIMIT_MB:.0f} MB")
    names = [called for _, called in LIMITS.values()]
    width = JOBS * BAR_WIDTH
    print(" " * 4 + "  ".join(name.ljust(width) for name in names).rstrip())
    memory = [[job["memory_mb"] for job in jobs] for jobs in done.values()]
    charts = [bar_chart(values, ROW_MB, ROWS) for values in memory]
    for row, bars in enumerate(zip(*charts, strict=True)):
        print(f"{(ROWS - row) * ROW_MB:>3} " + "  ".join(bars).rstrip())
    # Each process, in turn, as the memory that it had after each of its jobs.
    processes = {name: by_process(jobs) for name, jobs in done.items()}
    for called, one in zip(names, processes.values(), strict=True):
        shares = ", ".join(f"{pid} did {len(values)}" for pid, values in one)
        print(f"{called}: process {shares}")

    [(_, grown), *others] = processes["none"]
    growth_mb = (grown[-1] - grown[0]) / (JOBS - 1)
    claim(
        not others and 0.8 * JOB_MB < growth_mb < 1.2 * JOB_MB,
        f"no limit: one process did all jobs, and each made it about {JOB_MB} MB larger",
    )
    firsts = [values[0] for _, values in processes["tasks"]]
    claim(
        [len(values) for _, values in processes["tasks"]] == [MAX_TASKS] * 3
        and max(firsts) - min(firsts) < ROOM_MB,
        "4 tasks: three processes did four jobs each, and each of them began small",
    )
    *replaced, _last = [values for _, values in processes["memory"]]
    claim(
        bool(replaced)
        and all(
            max(before, default=0) < LIMIT_MB + ROOM_MB and last > LIMIT_MB - ROOM_MB
            for *before, last in replaced
        ),
        f"{LIMIT_KIB} KiB: a process ended after the first job that left it above the limit",
    )


def by_process(jobs: list[dict]) -> list[tuple[int, list[float]]]:
    """[(pid, memory after each of its jobs in MB), ...], in the order of the jobs."""
    return [
        (pid, [job["memory_mb"] for job in group])
        for pid, group in groupby(jobs, key=lambda job: job["pid"])
    ]


def one_big_job(queue: str) -> None:
    """Send a job that takes more than the limit allows, and one after it."""
    sent = [draw_boarding_pass.apply_async((size,), queue=queue) for size in (BIG_JOB_MB, JOB_MB)]
    big, after = [one.get(timeout=TIMEOUT_S) for one in sent]
    print(
        f"a job that takes {BIG_JOB_MB} MB: {big['memory_mb']:.0f} MB in process {big['pid']}; "
        f"the next job: {after['memory_mb']:.0f} MB in process {after['pid']}"
    )
    claim(
        big["memory_mb"] > LIMIT_MB + 100 and after["pid"] != big["pid"],
        "the limit did not stop that job, it ended the process after it",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
