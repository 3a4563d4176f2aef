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
    memory in MB after each of 12 jobs; 150000 KiB are 154 MB
        none                      tasks                     memory
    350 ...
    300 ...
    250 ...
    200 ...
    150 ...
    100 ...
     50 ...
    worker  jobs of each of its processes
    none    12
    tasks   4, 4, 4
    memory  ...
    true: none: each job made its process about 20 MB larger
    true: tasks: each of the three processes began small
    true: memory: a process ended after the first job that left it above the limit
    a job of 250 MB: ... MB; the process of the next one: ... MB
    true: the limit did not stop that job, it ended the process after it

Try next.  Guess first:
  1. Write LIMIT_KIB = 200, as somebody who means MB.  How many processes do the 12 jobs need?
  2. Give all workers two slots.  What becomes of the picture, and of the first sentence?
  3. In work/boarding_passes.py, empty the list before the return: _drawn.clear().  Then set JOB_MB
     to 120.  Nothing leaks now.  Which worker needs twelve processes all the same?  (On Linux the
     limit looks at the most that a process has ever had, not at what it has.)
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.bars import show_bars
from labkit.lesson.memory import by_process
from labkit.lesson.trial import trial
from tasks.advanced_tasks import draw_boarding_pass

JOBS = 12
JOB_MB = 20
BIG_JOB_MB = 250
MAX_TASKS = 4
LIMIT_KIB = 150_000  # 154 MB; a process of this worker begins with 60 to 100 MB
LIMIT_MB = LIMIT_KIB * 1024 / 1e6
ROOM_MB = 10  # a process needs a little more or less, from job to job
TIMEOUT_S = 40  # nothing here takes 2 s; the rest is room for a busy machine
# As settings: worker_max_tasks_per_child and worker_max_memory_per_child.  By default neither is
# set, and a process lives as long as its worker.
LIMITS = {
    "none": [],
    "tasks": [f"--max-tasks-per-child={MAX_TASKS}"],
    "memory": [f"--max-memory-per-child={LIMIT_KIB}"],
}


def draw(queue: str, sizes_mb: list[int]) -> list[dict]:
    """Send a job for each size; what they returned: the "pid" and "memory_mb" of a process."""
    sent = [draw_boarding_pass.apply_async((size,), queue=queue) for size in sizes_mb]
    return [job.get(timeout=TIMEOUT_S) for job in sent]


def main() -> None:
    with trial("lesson36", LIMITS, "--concurrency=1") as setups:
        done = {one.name: draw(one.queue, [JOB_MB] * JOBS) for one in setups}

        # The limit lies far below the first of these.  A limit that stops a task is one of the
        # system's: of a container, or of a systemd unit.  Then the process is killed (lesson 31).
        big, after = draw(setups["memory"].queue, [BIG_JOB_MB, JOB_MB])

    # A list in a module names all that was drawn.  So Python can give none of it back, and each
    # process grows until it ends.
    print(f"memory in MB after each of {JOBS} jobs; {LIMIT_KIB} KiB are {LIMIT_MB:.0f} MB")
    memory = {name: [job["memory_mb"] for job in jobs] for name, jobs in done.items()}
    show_bars(memory, row_height=50, rows=7)
    none, tasks, limited = processes = [by_process(jobs, "memory_mb") for jobs in done.values()]
    shares = [", ".join(str(len(jobs)) for jobs in one) for one in processes]
    table("worker", "jobs of each of its processes", rows=zip(LIMITS, shares, strict=True))

    # A new process has nothing of what the old one had collected.  That is all that the two do.
    growth_mb = (none[0][-1] - none[0][0]) / (JOBS - 1)
    claim(
        0.8 * JOB_MB < growth_mb < 1.2 * JOB_MB,
        f"none: each job made its process about {JOB_MB} MB larger",
    )
    firsts = [jobs[0] for jobs in tasks]
    claim(max(firsts) - min(firsts) < ROOM_MB, "tasks: each of the three processes began small")
    *replaced, _last = limited
    before = max((mb for *before, _ in replaced for mb in before), default=0)
    claim(
        before < LIMIT_MB + ROOM_MB
        and min((last for *_, last in replaced), default=0) > LIMIT_MB - ROOM_MB,
        "memory: a process ended after the first job that left it above the limit",
    )

    # The limit is looked at when a task has ended.
    print(f"a job of {BIG_JOB_MB} MB: {big['memory_mb']:.0f} MB; ", end="")
    print(f"the process of the next one: {after['memory_mb']:.0f} MB")
    claim(
        big["memory_mb"] > LIMIT_MB + 100 and after["pid"] != big["pid"],
        "the limit did not stop that job, it ended the process after it",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
