"""The container files, checked without an engine; tests/stack/test_containers.py runs them."""

import re
import subprocess
from pathlib import Path

import pytest

from celery_app import app
from labkit.broker.inspector import LAB_QUEUES
from labkit.install.main import stamp_content
from labkit.processes.start import child_environment
from tests.helpers.compose_text import (
    COMPOSE_FILE,
    DOCKERFILE,
    ROOT,
    base_images,
    blocks,
    redis_script,
    services,
)

COMPOSE = COMPOSE_FILE.read_text()
SHARED = blocks(COMPOSE)["x-lab"]
WORKERS = {name: block for name, block in services().items() if name.startswith("worker_")}


def test_every_port_is_published_on_this_machine_only():
    published = re.findall(r'^ +- "(\S+:\S+)"', COMPOSE, re.MULTILINE)
    assert published == [
        "127.0.0.1:${REDIS_PORT:-6379}:6379",
        "127.0.0.1:${FLOWER_PORT:-5555}:5555",
        "127.0.0.1:${WEB_PORT:-8000}:${WEB_PORT:-8000}",
        "127.0.0.1:${RABBITMQ_PORT:-5672}:5672",
        "127.0.0.1:${POSTGRES_PORT:-5432}:5432",
    ]
    assert COMPOSE.count("ports:") == len(published)


def test_redis_alone_starts_without_a_profile():
    profiles = {name: blocks(block, indent=4).get("profiles") for name, block in services().items()}
    others = [name for name, block in services().items() if "<<: *lab\n" not in block]
    assert {name: profiles[name] for name in others} == {
        "redis": None,
        "rabbitmq": " [rabbitmq]\n",
        "postgres": " [postgres]\n",
    }
    assert "profiles: [full]" in SHARED


def test_nothing_is_used_that_one_of_the_two_compose_versions_refuses():
    assert not {"name", "version"} & blocks(COMPOSE).keys()
    refused = ("start_interval", "env_file", "develop", "configs", "include", ":+")
    assert [word for word in refused if word in COMPOSE] == []


def test_every_setting_of_the_file_is_explained_in_the_example():
    example = (ROOT / ".env.example").read_text()
    passed_on = re.findall(r"^ {6}([A-Z_]+):(?: #.*)?$", COMPOSE, re.MULTILINE)  # without a value
    settings = set(re.findall(r"\$\{(\w+)", COMPOSE) + passed_on)
    ports = {f"{name}_PORT" for name in ("REDIS", "FLOWER", "WEB", "RABBITMQ", "POSTGRES")}
    assert settings == {"REDIS_PASSWORD", "FLOWER_BASIC_AUTH", *ports}
    assert [name for name in settings if f"#{name}=" not in example] == []


def test_the_queues_that_labkit_names_are_those_of_celery_app():
    assert [queue.name for queue in app.conf.task_queues] == list(LAB_QUEUES)


def test_every_queue_has_a_worker_with_a_name_and_a_ping_of_its_own():
    queues = {queue.name for queue in app.conf.task_queues}
    assert {name.removeprefix("worker_") for name in WORKERS} == queues
    for queue in queues:
        parts = blocks(WORKERS[f"worker_{queue}"], indent=4)
        assert parts["command"].strip() == f"./start_worker.sh --queues={queue} -n {queue}@%h"
        assert f" -d {queue}@$$HOSTNAME\n" in parts["healthcheck"]


def test_everything_that_stays_up_has_a_health_check_and_is_restarted():
    for name, block in services().items():
        if name != "lab":
            assert "healthcheck:" in block, name
            assert "restart:" not in block or "restart: unless-stopped" in block, name
    assert "restart: unless-stopped" in SHARED


def test_our_containers_and_redis_have_no_rights_that_they_do_not_need():
    closed = blocks(COMPOSE)["x-closed"]
    assert "init: true" in closed
    assert "cap_drop: [ALL]" in closed
    assert '["no-new-privileges:true"]' in closed
    assert "<<: *closed\n" in SHARED and "mem_limit: " in SHARED
    redis = services()["redis"]
    assert "<<: *closed\n" in redis and "mem_limit: " in redis
    assert "maxmemory 512mb\n" in redis_script()
    for name, block in services().items():
        if name != "redis":
            assert "cap_add" not in block, name


def test_images_have_a_version_and_are_not_alpine():
    others = [blocks(services()[name], indent=4)["image"] for name in ("rabbitmq", "postgres")]
    for image in [*base_images().values(), *others]:
        assert ":" in image
        assert "alpine" not in image


def test_the_image_runs_as_a_normal_user_and_installs_only_what_the_lock_names():
    lines = DOCKERFILE.read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER lab"]
    assert not [line for line in lines[lines.index("USER lab") :] if line.startswith("RUN")]
    assert "--require-hashes --only-binary :all:" in DOCKERFILE.read_text()


def test_no_hidden_file_gets_into_the_image():
    assert "**/.*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_stamp_in_the_image_is_the_one_that_the_lab_command_looks_for():
    stamp = re.search(r"\{ (.+); \} > \.venv/lib/(\S+)\.stamp", DOCKERFILE.read_text())
    assert stamp
    written = subprocess.run(["sh", "-c", stamp[1]], cwd=ROOT, capture_output=True, check=True)
    assert written.stdout == stamp_content(stamp[2])


class RedisStart:
    """The start script of the Redis container, with programs of our own in place of its image's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.program("docker-entrypoint.sh", 'echo "arguments: $*"; cat')
        self.program("real-redis-cli", 'echo "$REDISCLI_AUTH|$*"')

    def program(self, name: str, line: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.folder / name).chmod(0o755)

    def run(self, password: str) -> subprocess.CompletedProcess[str]:
        script = redis_script().replace("/usr/local/sbin", str(self.folder))
        script = script.replace("/usr/local/bin/redis-cli", str(self.folder / "real-redis-cli"))
        assert "/usr/local" not in script, "the test would write outside its folder"
        return subprocess.run(
            ["sh", "-euc", script],
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "REDIS_PASSWORD": password},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )


@pytest.fixture
def redis_start(tmp_path: Path) -> RedisStart:
    return RedisStart(tmp_path / "bin")


def test_without_a_password_redis_asks_for_none(redis_start):
    started = redis_start.run("")
    assert started.returncode == 0, started.stderr
    assert "arguments: redis-server -\n" in started.stdout
    assert "appendonly yes\n" in started.stdout
    assert "requirepass" not in started.stdout
    assert not (redis_start.folder / "redis-cli").exists()


def test_the_password_goes_in_by_standard_input(redis_start):
    started = redis_start.run("Abc-1._~")
    assert started.stdout.startswith("arguments: redis-server -\n")
    assert started.stdout.endswith("requirepass Abc-1._~\n")


def test_redis_cli_brings_the_password_along(redis_start):
    redis_start.run("secret")
    asked = subprocess.run(
        [redis_start.folder / "redis-cli", "get", "two words"],
        env={"REDIS_PASSWORD": "secret"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "secret|get two words\n"


@pytest.mark.parametrize("password", ["a@b", "a b", "a/b", "a%b", 'a"b', "a\nb", "é"])
def test_a_password_that_would_break_the_address_is_refused_with_a_hint(redis_start, password):
    started = redis_start.run(password)
    assert started.returncode == 1
    assert started.stdout.startswith("error: REDIS_PASSWORD may hold ")
    assert "\n\nhint: grep -n REDIS_PASSWORD .env" in started.stdout
    assert password not in started.stdout


def test_shellcheck_accepts_the_start_script():
    # SC2016: what stands in single quotes is meant for the shell of the script that it writes.
    check = ["shellcheck", "--shell=sh", "--exclude=SC2016", "-"]
    environment = child_environment()
    subprocess.run(check, input=redis_script(), env=environment, text=True, check=True)
