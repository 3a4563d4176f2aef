"""What ends by itself is started again, and only the broker's end ends the lab."""

import os
import shelve
import shutil
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis

from labkit.own.broker import own_broker
from tests.stack.helpers.labs import LEAN, Lab, wait_until
from tests.stack.test_supervisor import SEND_ADD, SEND_EMAIL, page_of

NO_PAGES = ("--no-flower", "--no-web")
PARTS = ("lab1", "beat", "flower", "mail", "web")
SHUTDOWN = "from celery_app import app; app.control.shutdown()"
PING = "from celery_app import app; print(len(app.control.ping(timeout=20, limit=2)))"


def kill(lab: Lab, part: str, number: int = signal.SIGKILL) -> int:
    """Send a part a signal; return the process id that it had."""
    pid = lab.pid_of(part)
    os.kill(pid, number)
    return pid


def is_back(lab: Lab, part: str, times: int = 1) -> None:
    """Wait until `./lab up` has said so often that this part is back."""
    said = f"{part} is back after"
    wait_until(lambda: lab.printed().count(said) == times, 90, f"{times} x {said}: {lab.printed()}")


def is_started_again(lab: Lab, before: int) -> bool:
    """True once lab1 has another process than this one."""
    return lab.pid_of("lab1") != before


@contextmanager
def squatter_on(port: int) -> Iterator[None]:
    """Another program listens on this port, which a killed one gives back in a moment."""
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_until(lambda: is_bound(squatter, port), what=f"port {port} is free")
        squatter.listen()
        yield


def is_bound(squatter: socket.socket, port: int) -> bool:
    """Take the port, if it is free."""
    try:
        squatter.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_each_part_that_is_killed_comes_back_and_the_rest_stays(lab):
    lab.keep_ports().up("--no-reload")
    before = {part: lab.pid_of(part) for part in PARTS}
    addresses = lab.state()["flower"], lab.state()["web"]
    for part in PARTS:
        kill(lab, part)
    for part in PARTS:
        is_back(lab, part)
        assert f"\n{part} was ended by signal 9 (SIGKILL); it is started again\n" in lab.printed()
        assert lab.pid_of(part) != before[part]
    assert "hint:" not in lab.printed()  # nothing is to be done
    assert page_of(lab, "/healthcheck") == "OK"
    assert page_of(lab, "/healthz", of="web") == '{"broker":"answers"}'
    assert (lab.state()["flower"], lab.state()["web"]) == addresses
    assert lab.python(SEND_EMAIL) == "ada@example.com"
    assert lab.python(PING) == "2"  # a worker, and Beat
    assert lab.run("down").returncode == 0
    assert lab.left_over() == []


def test_a_lesson_waits_for_a_killed_worker_and_one_that_was_asked_to_stop_comes_back(lab):
    lab.up(*LEAN)
    kill(lab, "lab1")
    ran = lab.run("run", "01")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    is_back(lab, "lab1")
    lab.python(SHUTDOWN)
    lab.wait_for("lab1 was asked to stop by remote control (`celery control shutdown`")
    is_back(lab, "lab1", 2)
    assert lab.python(SEND_ADD) == "9"


def test_a_line_of_garbage_ends_a_worker_for_a_moment_and_the_log_says_why(lab):
    lab.up(*LEAN)
    shutil.rmtree(lab.home / "logs")  # what is written there is lost; the part comes back
    kill(lab, "lab1")
    is_back(lab, "lab1")
    with redis.Redis.from_url(lab.broker_url()) as client:
        client.lpush("basic", "garbage, not json")
    lab.wait_for("lab1 ended with exit code 1\n    Unrecoverable error: JSONDecodeError(")
    is_back(lab, "lab1", 2)
    assert lab.python(SEND_ADD) == "9"


def test_a_redis_of_ones_own_that_is_away_meanwhile(lab):
    with own_broker("keeper") as broker:
        lab.environment["REDIS_URL"] = broker.address()
        lab.up(*LEAN)
        before = kill(lab, "lab1")
        broker.kill()
        wait_until(lambda: is_started_again(lab, before), what="lab1 is started without a broker")
        broker.restart()
        is_back(lab, "lab1")
        assert lab.python(SEND_ADD) == "9"
        assert lab.run("down").returncode == 0


def test_what_ends_five_times_in_a_minute_is_given_up_until_a_restart(lab):
    lab.up("--no-beat", *NO_PAGES, "--no-reload")
    worker = lab.pid_of("lab1")
    for times in range(1, 5):
        kill(lab, "mail")
        is_back(lab, "mail", times)
    kill(lab, "mail")
    lab.wait_for("mail is not started again, because it ended 5 times in a minute")
    lab.wait_for("everything else stays up\nhint: ./lab restart\n")
    status = lab.run("status")
    assert "out: it ended 5 times in a minute" in status.stdout
    assert status.stdout.endswith("\nhint: ./lab restart\n")
    doctor = lab.run("doctor", "--wait=20")
    assert doctor.returncode == 1
    assert "mail does not run, because it ended 5 times in a minute" in doctor.stdout
    assert lab.pid_of("lab1") == worker
    assert lab.python(SEND_ADD) == "9"

    assert lab.run("restart").returncode == 0
    assert "out:" not in lab.run("status").stdout
    kill(lab, "lab1")  # a restart begins to count anew
    is_back(lab, "lab1")


def test_a_port_that_is_taken_meanwhile_moves_the_page_on(lab):
    lab.keep_ports().up("--workers=0", "--no-beat", "--no-flower", "--no-mail", "--no-reload")
    port = int(lab.environment["WEB_PORT"])
    kill(lab, "web")
    with squatter_on(port):
        is_back(lab, "web")
    assert "another program was faster: the web app moves on to" in lab.printed()
    assert (moved := lab.state()["web"]) != f"http://localhost:{port}"
    assert page_of(lab, "/healthz", of="web") == '{"broker":"answers"}'
    kill(lab, "web")
    is_back(lab, "web", 2)
    assert lab.state()["web"] == moved


def test_a_page_for_which_no_port_is_left_is_given_up_alone(lab):
    port = 2**16 - 1
    lab.environment["WEB_PORT"] = str(port)
    lab.up("--workers=0", "--no-beat", "--no-flower", "--no-mail", "--no-reload")
    kill(lab, "web")
    with squatter_on(port):
        lab.wait_for("web is not started again, because the ports 65535 to 65535 are all taken")
    assert lab.launcher().poll() is None
    assert lab.state()["web"] is None
    assert lab.run("restart").returncode == 0
    assert lab.state()["web"] == f"http://localhost:{port}"


def test_ctrl_c_while_a_part_is_started_again(lab):
    lab.up("--no-beat", *NO_PAGES, "--no-reload")
    kill(lab, "lab1")
    kill(lab, "mail")
    lab.wait_for("lab1 was ended by")
    lab.signal(signal.SIGINT)
    assert lab.end() == -signal.SIGINT
    assert lab.left_over() == []
    assert list((lab.home / "processes").iterdir()) == []


def test_what_fails_at_its_start_is_given_up_and_the_rest_is_ready(lab_in_tree, tree):
    (tree / "start_worker.sh").write_text("#!/bin/sh\necho no such option\nexit 3\n")
    lab = lab_in_tree.up("--no-beat", *NO_PAGES)
    printed = lab.printed()
    assert printed.count("lab1 ended with exit code 3\n    no such option\n") == 5
    assert "lab1 is not started again, because it ended 5 times in a minute" in printed
    assert "  workers  none\n" in printed
    assert "  mail     smtp://" in printed
    refused = lab.run("run", "01")
    assert refused.returncode == 1
    assert refused.stderr.endswith("no worker answered in 1 s\n\nhint: ./lab restart\n")


def test_a_worker_that_ends_while_a_mistake_is_saved_waits_for_the_next_good_code(
    lab_in_tree, tree
):
    lab = lab_in_tree.up("--no-beat", *NO_PAGES, "--no-mail")
    playground = tree / "tasks" / "playground.py"
    good = playground.read_text()
    playground.write_text(f"{good}\nthis is no Python\n")
    lab.wait_for("not reloaded, the old workers stay")
    os.kill(lab.pid_of("lab1"), signal.SIGKILL)
    lab.wait_for("lab1 is not started again, because the code cannot be imported: tasks/")
    mend = "./lab restore tasks/playground.py\n"
    lab.wait_for(mend)
    status = lab.run("status").stdout
    assert status.endswith(mend)
    doctor = lab.run("doctor", "--wait=20").stdout
    assert "./lab restart" not in doctor  # it refuses such code
    assert mend in doctor
    assert "older code" not in status  # nothing runs any
    ran = lab.run("run", "01").stderr
    assert ran.endswith(mend)
    assert "older code" not in ran
    playground.write_text(good)
    lab.wait_for("ready again: lab1")
    assert lab.python(SEND_ADD) == "9"


def test_the_numbers_of_ends_count_for_each_part_alone(lab):
    lab.up("--workers=3", *LEAN)
    names = ("lab1", "lab2", "lab3")
    for times in (1, 2):  # six ends in a minute
        for name in names:
            kill(lab, name)
        for name in names:
            is_back(lab, name, times)
    assert "not started again" not in lab.printed()
    assert lab.python(SEND_ADD) == "9"


@pytest.mark.timeout(400)  # a lesson that lost a task waits for it until its own limit
def test_ten_kills_while_lessons_run(lab):
    lab.up("--workers=3", "--no-beat", *NO_PAGES, "--no-mail", "--no-reload")
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(lab.run, "run", number, timeout_s=300) for number in ("04", "16")]
        for times in range(10):
            name = f"lab{times % 3 + 1}"
            kill(lab, name)
            is_back(lab, name, times // 3 + 1)
        for run in runs:
            done = run.result()
            errors = done.stderr.count("\nerror: ") + done.stdout.count("\nerror: ")
            assert (done.returncode, errors) in {(0, 0), (1, 1)}, done.stdout + done.stderr
            assert "Traceback" not in done.stdout + done.stderr
    assert lab.launcher().poll() is None
    assert lab.python(SEND_ADD) == "9"


def test_a_beat_whose_notes_are_damaged_begins_anew(lab):
    lab.home.mkdir()
    with shelve.open(lab.home / "beat-schedule") as notes:  # noqa: S301
        notes["entries"] = {}
    for file in lab.home.glob("beat-schedule*"):
        os.truncate(file, file.stat().st_size if file.suffix in {".dir", ".bak"} else 0)
    lab.up("--workers=0", *NO_PAGES, "--no-mail", "--no-reload")
    lab.run("down")
    assert "not started again" not in lab.printed()
    assert "  workers  none\n" in lab.printed()
