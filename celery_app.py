"""The one Celery app of the lab.  Workers, Beat, Flower, lessons and tests all use it.

    celery -A celery_app worker --loglevel=info --queues=basic,advanced,realworld
    celery -A celery_app beat
    celery -A celery_app flower

Every setting stands here with its reason; `Celery:` names the value it has when it is left out.

Copied into a project of your own: write REDIS_URL = os.environ["REDIS_URL"] for the two imports
from lab_..., and leave out protect(app) and beat_schedule_filename.  Then name your own modules,
queues, routes and timetable.
"""

import atexit
import sys

from celery import Celery
from celery.schedules import crontab
from celery.signals import celeryd_init
from kombu import Exchange, Queue

from lab_guard import protect
from lab_home import LAB_HOME, REDIS_URL

app = Celery(
    "celery_learning",
    # The broker carries messages to the workers, the backend keeps what the tasks return.
    # One Redis does both here; a busy system gives each its own.
    broker=REDIS_URL,
    backend=REDIS_URL,
    # The modules that hold tasks.  A worker imports them when it starts; it can run only what
    # it has imported.
    include=[
        "tasks.basic_tasks",
        "tasks.advanced_tasks",
        "tasks.realworld_tasks",
        "tasks.playground",
    ],
)

app.conf.update(
    # -- What a message may be ----------------------------------------------------------------
    # JSON is data; pickle is code that the receiver runs.  Nobody may send us code.
    task_serializer="json",  # Celery: json
    result_serializer="json",  # Celery: json
    accept_content=["json"],  # Celery: json
    # -- Queues and routes --------------------------------------------------------------------
    # One queue a level.  A worker without --queues takes from all of these.  (Without an
    # exchange and a key of its own, a Queue gets those of the default queue.)
    task_queues=[  # Celery: one, "celery"
        Queue(name, Exchange(name), routing_key=name) for name in ("basic", "advanced", "realworld")
    ],
    task_default_queue="basic",  # for tasks that no route names.  Celery: "celery"
    task_routes={  # Celery: none
        "tasks.basic_tasks.*": {"queue": "basic"},
        "tasks.advanced_tasks.*": {"queue": "advanced"},
        "tasks.realworld_tasks.*": {"queue": "realworld"},
    },
    # -- Limits -------------------------------------------------------------------------------
    # A task that hangs holds its slot for ever.  At 240 s it is asked to stop (an exception it
    # can catch, to clean up); at 300 s its process is killed.
    task_soft_time_limit=240,  # seconds.  Celery: none
    task_time_limit=300,  # seconds.  Celery: none
    # A pool process is replaced after this many tasks, so that a slow leak cannot grow for ever.
    worker_max_tasks_per_child=1000,  # Celery: never
    # Messages a worker takes ahead for each slot.  4 suits short tasks; lesson 34 shows why long
    # tasks want 1.
    worker_prefetch_multiplier=4,  # Celery: 4
    # -- What can be seen from outside --------------------------------------------------------
    task_track_started=True,  # say STARTED, not PENDING, while a task runs.  Celery: False
    worker_send_task_events=True,  # workers tell Flower what they do.  Celery: False
    task_send_sent_event=True,  # callers tell Flower what they send.  Celery: False
    # -- Results ------------------------------------------------------------------------------
    # Results stay in Redis until they expire.  An hour is enough to look at a lesson.
    result_expires=3600,  # seconds.  Celery: 86400, one day
    # -- When Redis is slow or gone -----------------------------------------------------------
    broker_transport_options={
        # Seconds until a message that a worker took and did not acknowledge is given to another
        # worker.  It must be longer than countdown + waiting for a slot + run together, or a
        # late-acknowledged task runs twice (lesson 32).  A dead worker's messages wait as long.
        "visibility_timeout": 3600,  # Celery: 3600
        # A Redis that accepts connections and says nothing: without socket_timeout `add.delay()`
        # hangs.  A pause that is longer can put one task on the queue twice, so not too short.
        "socket_connect_timeout": 2,  # seconds.  Celery: none
        "socket_timeout": 5,  # seconds; a worker's blocking read waits 1 s.  Celery: none
    },
    redis_socket_timeout=5,  # the same for results, in seconds.  Celery: 120
    # A caller without a broker is told so at once: with Celery's values `add.delay()` tries for
    # about 19 s.  A worker gets its patience back below.
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0},  # Celery: 3 retries
    result_backend_transport_options={  # Celery: 20 retries, up to 1 s apart
        "retry_policy": {"max_retries": 1, "interval_start": 0, "interval_max": 0}
    },
    # A worker waits for its broker.  Celery: None, which counts as True
    broker_connection_retry_on_startup=True,
    # -- The timetable of Beat ----------------------------------------------------------------
    # Times of day are meant in this zone.  Name your own, for example "Asia/Shanghai".  In one with
    # summer time, hourly crontabs skip an hour in the night when the clocks go back.
    timezone="UTC",  # Celery: UTC
    enable_utc=True,  # messages carry times in UTC.  Celery: True
    beat_schedule={
        # `expires`: if no worker has started it by then, the next one is already due, and a
        # worker throws the old one away.  The queue still holds it until then (lesson 07).
        "every 30 seconds": {
            "task": "tasks.basic_tasks.periodic_task",
            "schedule": 30.0,  # seconds
            "options": {"expires": 25},
        },
        "every minute": {
            # The outbox: orders whose message got lost, or that a service could not serve yet.
            "task": "tasks.realworld_tasks.orders.send_unfinished_orders",
            "schedule": 60.0,
            "options": {"expires": 50},
        },
        "Monday morning": {
            "task": "tasks.basic_tasks.add",
            "schedule": crontab(minute=30, hour=7, day_of_week="mon"),
            "args": (16, 16),
            "options": {"expires": 3600},
        },
        "every night": {
            "task": "tasks.basic_tasks.daily_task",
            "schedule": crontab(minute=0, hour=2),
            "options": {"expires": 6 * 3600},
        },
    },
    beat_schedule_filename=str(LAB_HOME / "beat-schedule"),  # Celery: in the current folder
    beat_enable_remote_control=True,  # Beat answers `celery inspect ping` too.  Celery: False
)

protect(app)  # keeps the lab out of a Redis that is somebody else's; leave it out in your project


@celeryd_init.connect
def be_patient(conf, **_kwargs) -> None:
    """Give workers Celery's own retries and long waits: a worker that gives up loses results."""
    conf.task_publish_retry_policy = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2}
    conf.result_backend_transport_options = {}
    conf.redis_socket_timeout = 120
    if "socket_timeout" in conf.broker_transport_options:  # Redis; another broker may not know it
        conf.broker_transport_options = conf.broker_transport_options | {"socket_timeout": 30}


@atexit.register
def leave_results_alone() -> None:
    """Let a program end without a last word to Redis about the results that it still holds.

    A result that is thrown away ends its subscription.  At the very end of Python that may open a
    new connection, and fails: 25 lines "Exception ignored in AsyncResult.__del__" would follow the
    program's own error.  It is not needed: Redis ends the subscriptions of whoever hangs up.
    """
    if results := sys.modules.get("celery.result"):  # else there are none
        results.AsyncResult.__del__ = lambda _result: None
