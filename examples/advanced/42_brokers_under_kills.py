"""Brokers under kills: kill the workers of Redis and RabbitMQ 60 times, and count what is lost.

Late acknowledgement says: a message is there until its task has ended.  On RabbitMQ the broker
sees to that: it hands a message out, and keeps it until the worker acknowledges it or its
connection is gone.  On Redis the worker does both.  It pops the message from a list, and in a
second step it writes it down as unacked.  A worker that is killed between the two takes the message
with it, and nobody knows that there was one.  That moment is short.  So this lesson kills often,
and each time soon after the end of a job: then a worker takes its next message.

A worker on each is killed (kill -9) 60 times under a stream of short jobs with late
acknowledgement, and the jobs are counted.  RabbitMQ takes part where AMQP_URL names one.  A killed
worker must be replaced quickly: the workers are forked from a process that has imported Celery.
The task is `print_ticket_elsewhere` in tasks/other_app.py, which has acks_late=True.

    ./lab run 42        # about 40 s

Watch: `tail -f .lab/files/ledgers/lesson42*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ celery -A tasks.other_app worker -n lesson42-redis@%h ...
    ...rabbitmq...
    verdict                    Redis...
    sent                         360...
    started                   ...
    finished                  ...
    lost                      ...
    started twice or more     ...
    finished twice or more    ...
    true: Redis: jobs of killed workers came back, and began again
    ...: RabbitMQ: jobs of killed workers came back, and began again
    ...: RabbitMQ lost no job

How many jobs Redis loses differs from run to run: none to a dozen of 360.  That takes 60 kills.
One worker that dies loses one message at most in this way, and seldom that.  If none may be lost,
somebody must look what is not done, and send it again (lesson 61).

Try next.  Guess first:
  1. Set JOB_S to 0.1.  Does Redis lose fewer jobs?  (What matters is when the kill comes.)
  2. In tasks/other_app.py, take acks_late=True away.  Which broker loses jobs now?
  3. Set VISIBILITY_S to 8.  What takes longer now, and does Redis lose fewer jobs?
"""

from labkit.lesson import claim, run_lesson
from labkit.lesson.tables import claim_where
from labkit.lesson.verdict import show_verdicts
from labkit.side_by_side.bench import both_benches
from labkit.side_by_side.kills import verdicts_of, work_and_kill, work_to_the_end
from tasks.other_app import app_on, print_ticket_elsewhere

KILLS = 60
JOBS_PER_KILL = 6  # sent for each worker; it is killed after about half of them
JOB_S = 0.005  # short, for there are 360 jobs
VISIBILITY_S = 4  # of Redis; longer than any job here
SETTLED_S = 2.0 * VISIBILITY_S  # longer than Redis needs to give an old message back


def main() -> None:
    task = print_ticket_elsewhere.name
    with both_benches("lesson42", ["work"], VISIBILITY_S, task, app_on) as benches:
        # The workers have one slot and --prefetch-multiplier=1, so they take one message at a time,
        # and each time may be the one in which they are killed.
        for turn in range(KILLS):
            for number in range(JOBS_PER_KILL):
                for bench in benches:
                    bench.send(f"job {turn}.{number}", JOB_S)
            work_and_kill(benches, JOBS_PER_KILL // 2)

        # What the last killed ones held comes back: at once on RabbitMQ, and when it is
        # VISIBILITY_S old on Redis.
        work_to_the_end(benches, SETTLED_S)
        verdicts = verdicts_of(benches)
    show_verdicts(verdicts, names=False)

    # Both promise "at least once".  RabbitMQ keeps it.  Redis keeps it for a message that some
    # worker has written down.  Its number is printed as it came, for it may be 0.
    redis, *others = verdicts.values()
    again = "jobs of killed workers came back, and began again"
    claim(bool(redis.started_twice), f"Redis: {again}")
    claim_where(bool(others), all(one.started_twice for one in others), f"RabbitMQ: {again}")
    claim_where(bool(others), not any(one.lost for one in others), "RabbitMQ lost no job")


if __name__ == "__main__":
    run_lesson(main, queues=[])
