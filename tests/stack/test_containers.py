"""The containers, with a real engine: LAB_DOCKER=1 ./lab test -n0 tests/stack/test_containers.py

About 5 minutes.  Where the base images cannot be fetched, root gets stand-ins from debootstrap.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import httpx
import pytest
import redis

from labkit.processes.start import child_environment
from tests.helpers.compose_text import base_images
from tests.helpers.required import require
from tests.stack.helpers.containers import IMAGE, Compose, run, wait_for_line
from tests.stack.helpers.docker_stand_ins import build_stand_ins, can_be_fetched, is_there
from tests.stack.helpers.labs import copy_of_the_tree, lab_environment, wait_until

pytestmark = pytest.mark.timeout(900)

PROTECTED = """\
REDIS_PASSWORD=secret-1
REDIS_URL=redis://:${REDIS_PASSWORD}@localhost:${REDIS_PORT}/0
"""
EVERYBODY = ("basic", "advanced", "realworld", "celerybeat")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An engine with the base images; the ones that were not there before are removed again."""
    if os.environ.get("LAB_DOCKER") != "1":
        pytest.skip("LAB_DOCKER=1 runs the containers; they take about 5 minutes")
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("the containers share ports: LAB_DOCKER=1 ./lab test -n0 tests/stack/...")
    there = shutil.which("docker") and run("docker", "info", check=False).returncode == 0
    require("docker", bool(there), "start Docker")
    if run("docker", "container", "inspect", "celery_redis", check=False).returncode == 0:
        pytest.skip("a container celery_redis is there already: docker-compose down")
    ours = [] if is_there(IMAGE) else [IMAGE]
    missing = {
        name: image
        for name, image in base_images().items()
        if not is_there(image) and not can_be_fetched(image)
    }
    if missing:
        able = os.geteuid() == 0 and shutil.which("debootstrap")
        require("docker", bool(able), f"docker pull {' '.join(missing.values())}")
        ours += build_stand_ins(missing, tmp_path_factory.mktemp("stand-ins"))
    yield
    run("docker", "image", "rm", *ours, check=False)


@pytest.fixture
def compose(engine: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Compose]:
    """A project that is not up yet; its .env file is the test's parameter, none without one."""
    settings = getattr(request, "param", "")
    one = Compose(copy_of_the_tree(tmp_path / "project"), settings)
    yield one
    one.down()


@pytest.fixture(scope="module")
def full_stack(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """Everything, with a password, when everybody answers."""
    root = copy_of_the_tree(tmp_path_factory.mktemp("full") / "project")
    one = Compose(root, PROTECTED)
    try:
        one(*one.full, "up", "--detach", "--build")
        one.wait_for_nodes(*EVERYBODY)
        yield one
    finally:
        one.down()


def test_plain_up_starts_redis_alone_on_this_machine_only(compose):
    compose("up", "--detach")
    container = compose.container("redis")
    wait_until(container.is_healthy, 30, "Redis is healthy")
    assert compose.running() == {"redis"}
    facts = container.facts()
    assert facts["Name"] == "/celery_redis"
    assert facts["NetworkSettings"]["Ports"] == {
        "6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": compose.ports["REDIS_PORT"]}]
    }
    assert container.user_of_its_process() != 0


def test_redis_keeps_its_data_when_its_container_is_replaced(compose):
    compose("up", "--detach")
    container = compose.container("redis")
    wait_until(container.is_healthy, 30, "Redis is healthy")
    container.exec("redis-cli", "lpush", "letters", "a", "b")
    compose("up", "--detach", "--force-recreate")
    again = compose.container("redis")
    assert again.identity != container.identity
    wait_until(again.is_healthy, 30, "Redis is healthy")
    assert again.exec("redis-cli", "llen", "letters").stdout == "2\n"


@pytest.mark.parametrize("compose", ["", PROTECTED], indirect=True, ids=["open", "password"])
def test_redis_cli_in_the_container_answers_pong_and_nothing_else(compose):
    compose("up", "--detach")
    wait_until(compose.container("redis").is_healthy, 30, "Redis is healthy")
    answer = run("docker", "exec", "celery_redis", "redis-cli", "ping")
    assert (answer.stdout.strip(), answer.stderr) == ("PONG", "")


@pytest.mark.parametrize("compose", [PROTECTED], indirect=True, ids=["password"])
def test_with_a_password_a_stranger_is_refused_and_no_process_list_shows_it(compose):
    compose("up", "--detach")
    wait_until(compose.container("redis").is_healthy, 30, "Redis is healthy")
    stranger = redis.Redis(port=int(compose.ports["REDIS_PORT"]))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    processes = run("docker", "top", "celery_redis", "-eo", "pid,args").stdout
    assert "redis-server" in processes
    assert "secret-1" not in processes


@pytest.mark.parametrize("compose", ["REDIS_PASSWORD=a@b\n"], indirect=True, ids=["a@b"])
def test_a_password_that_cannot_be_part_of_an_address_is_refused_in_the_log(compose):
    compose("up", "--detach", check=False)
    wait_until(lambda: "error: REDIS_PASSWORD may hold" in compose("logs", "redis").stdout)


@pytest.mark.parametrize("compose", ["", PROTECTED], indirect=True, ids=["open", "password"])
def test_a_lesson_on_the_host_uses_the_redis_of_the_container(compose, tmp_path):
    """With a worker typed by hand, and REDIS_URL from .env, or not set at all."""
    settings = compose.ports | {"PYTHONPATH": str(compose.root)}
    if not compose.settings and compose.ports["REDIS_PORT"] != "6379":
        pytest.skip("port 6379 is taken, and without REDIS_URL the lab looks there")
    compose("up", "--detach")
    wait_until(compose.container("redis").is_healthy, 30, "Redis is healthy")
    environment = lab_environment(tmp_path / "home", **settings)
    environment["PATH"] = child_environment()["PATH"]
    del environment["REDIS_URL"]  # the one in .env counts
    log = tmp_path / "worker.log"
    with log.open("w") as output:
        line = "celery -A celery_app worker --loglevel=info --queues=basic,advanced,realworld"
        worker = subprocess.Popen(
            line.split(), cwd=compose.root, env=environment, stdout=output, stderr=output
        )
    try:
        wait_for_line(log, " ready.")
        lesson = subprocess.run(
            [sys.executable, "examples/basic/01_first_task.py"],
            cwd=compose.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        worker.terminate()
        worker.wait(30)
    assert lesson.returncode == 0, lesson.stderr
    assert ".get() brought 9" in lesson.stdout


def test_the_full_profile_starts_everything_but_the_lab_as_a_normal_user(full_stack):
    levels = {"worker_basic", "worker_advanced", "worker_realworld"}
    assert full_stack.running() == {"redis", "beat", "flower", "mail", "web"} | levels
    for service in full_stack.running():
        assert full_stack.container(service).user_of_its_process() != 0, service


def test_a_lesson_runs_in_the_lab_service(full_stack):
    lesson = full_stack.lab("python", "examples/basic/01_first_task.py")
    assert ".get() brought 9" in lesson.stdout


def test_the_lab_command_works_in_the_lab_service_and_installs_nothing(full_stack):
    lessons = full_stack.lab("./lab", "lessons")
    assert "01  First task" in lessons.stdout
    assert "install" not in lessons.stderr


def test_the_image_holds_no_hidden_file_and_no_password(full_stack):
    (full_stack.root / ".env").stat()  # there, and not in the image
    hidden = full_stack.lab("find", ".", "-maxdepth", "1", "-name", ".*", "-not", "-name", ".")
    assert hidden.stdout.split() == ["./.venv"]
    assert "secret-1" not in run("docker", "image", "inspect", IMAGE).stdout


def test_flower_shows_the_workers_on_this_machine_only(full_stack):
    ports = full_stack.container("flower").facts()["NetworkSettings"]["Ports"]
    port = full_stack.ports["FLOWER_PORT"]
    assert ports == {"5555/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}

    def page() -> str:
        with urlopen(f"http://127.0.0.1:{port}/workers", timeout=10) as answer:
            return answer.read().decode()

    wait_until(lambda: "basic@" in page() and "realworld@" in page(), 30, "Flower lists them")


def test_the_web_app_on_this_machine_has_an_email_sent(full_stack):
    port = full_stack.ports["WEB_PORT"]
    ports = full_stack.container("web").facts()["NetworkSettings"]["Ports"]
    assert ports == {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}
    letter = {"to_email": "ada@example.com", "subject": "From a container", "body": "text"}
    with httpx.Client(base_url=f"http://localhost:{port}", timeout=10) as web:
        wait_until(lambda: web.get("/healthz").is_success, 30, "the web app answers")
        sent = web.post("/send_email", json=letter)
        assert sent.status_code == httpx.codes.ACCEPTED
        task = sent.headers["Location"]
        wait_until(lambda: web.get(task).json()["state"] == "SUCCESS", 30, "the e-mail is sent")
    assert "From a container" in full_stack.lab("./lab", "mail").stdout
    assert full_stack.container("mail").facts()["NetworkSettings"]["Ports"] in ({}, None)


def test_health_checks_pass_where_all_is_well(full_stack):
    for service in full_stack.running():
        container = full_stack.container(service)
        wait_until(container.passes_its_health_check, 30, f"{service} passes its health check")


@pytest.mark.parametrize("service", ["worker_basic", "beat", "flower", "mail", "web", "redis"])
def test_health_check_fails_where_the_process_hangs(full_stack, service):
    container = full_stack.container(service)
    container.signal("STOP")
    try:
        assert not container.passes_its_health_check()
    finally:
        container.signal("CONT")
    full_stack.wait_for_nodes(*EVERYBODY)


@pytest.mark.parametrize("service", ["worker_basic", "beat", "redis"])
def test_what_was_killed_is_there_again(full_stack, service):
    full_stack.container(service).crash()
    full_stack.wait_for_nodes(*EVERYBODY)


def test_a_second_beat_is_refused_while_the_first_one_runs(full_stack):
    assert "beat" in full_stack.running()
    second = full_stack("run", "--rm", "-T", "beat", check=False)
    assert second.returncode == 1
    assert "flock: failed to get lock" in second.stdout + second.stderr


def test_two_workers_of_one_level_have_two_names(full_stack):
    scale = ["up", "--detach", "--no-recreate", "--scale"]
    full_stack(*full_stack.full, *scale, "worker_advanced=2")
    full_stack.wait_for_nodes("advanced", *EVERYBODY)
    full_stack(*full_stack.full, *scale, "worker_advanced=1")


def test_down_leaves_nothing(full_stack):
    full_stack.down()
    assert full_stack.left_over() == {"containers": "", "volumes": "", "networks": ""}
