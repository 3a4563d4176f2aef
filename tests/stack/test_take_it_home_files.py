"""The unit, the container files and the copied parts of docs/take-it-home.md, each by itself."""

import ast
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import redis
import yaml

from labkit.broker.server import free_port
from tests.helpers.required import require
from tests.helpers.stand_ins import program
from tests.stack.helpers.labs import ROOT, wait_until
from tests.stack.helpers.page_reader import answers
from tests.stack.helpers.typed_page import Block, blocks, clean_environment, there

PAGE = (ROOT / "docs/take-it-home.md").read_text(encoding="utf-8")
BLOCKS = blocks(PAGE)
FILES = {block.file: block.text for block in BLOCKS if block.file}
HARD_LIMIT_S = int(re.findall(r"task_time_limit=(\d+)", FILES["celery_app.py"])[0])


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a line of shell in this folder."""
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=clean_environment() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_block_is_a_file_or_typed_or_what_came_out():
    assert {block.language for block in BLOCKS if not block.file} == {"sh", "text"}
    for before, block in pairwise(BLOCKS):
        assert block.language != "text" or before.language == "sh"


# -- Settings -----------------------------------------------------------------------------------
def settings_in(code: str) -> dict[str, str]:
    """The settings of an app.conf.update(...), and what its be_patient does, as Python writes it.

    >>> settings_in("app.conf.update(a=5)")
    {'a': '5'}
    """
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "app.conf.update":
            found |= {str(one.arg): ast.unparse(one.value) for one in node.keywords}
        if isinstance(node, ast.FunctionDef) and node.name == "be_patient":
            lines = [one for one in node.body if not isinstance(one, ast.Expr)]  # no docstring
            found["be_patient"] = "\n".join(map(ast.unparse, lines))
    return found


def test_the_app_of_the_page_has_the_values_of_the_lab():
    page = settings_in(FILES["celery_app.py"])
    lab = settings_in((ROOT / "celery_app.py").read_text())
    assert len(page) > 12
    assert {name: lab[name] for name in page} | {"task_default_queue": "'shop'"} == page


# -- systemd ------------------------------------------------------------------------------------
@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, in a folder in which its program is there."""
    require("systemd", there("systemd-analyze"), "apt-get install systemd")
    program(tmp_path / ".venv/bin/celery", "#!/bin/sh\n")
    file = tmp_path / "shop-worker.service"
    file.write_text(FILES[file.name].replace("/srv/shop", str(tmp_path)))
    return file


def verified(unit: Path) -> str:
    """What the page's command says of the unit."""
    [line] = [block.text for block in BLOCKS if "systemd-analyze" in block.text]
    done = run(line, unit.parent)
    return done.stdout + done.stderr


def test_systemd_has_nothing_to_say_against_the_unit(unit):
    assert verified(unit) == ""


@pytest.mark.parametrize("mistake", ["KillMode=mixd", "KilMode=mixed", "ExecStart=/no/such"])
def test_systemd_would_say_so(unit, mistake):
    unit.write_text(unit.read_text().replace("[Install]", f"{mistake}\n[Install]"))
    assert "shop-worker.service" in verified(unit)


def test_the_unit_stops_the_worker_warmly_and_starts_the_one_of_the_page():
    unit = FILES["shop-worker.service"]
    assert "\nKillMode=mixed\n" in unit
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) > HARD_LIMIT_S
    [command] = re.findall(r"^ExecStart=/srv/shop/\.venv/bin/(.+)$", unit, re.MULTILINE)
    assert f"{command}\n" in [block.text for block in BLOCKS if block.goes_on]


# -- Containers ---------------------------------------------------------------------------------
def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with its arguments."""
    pairs = [line.partition(" ") for line in FILES["Dockerfile"].splitlines()]
    return [(instruction, arguments) for instruction, _, arguments in pairs]


def test_the_dockerfile_runs_celery_itself_and_not_as_root():
    instructions = dockerfile()
    assert instructions[0] == ("FROM", "python:3.11-slim")
    assert instructions[-2] == ("USER", "shop")
    assert instructions[-1][0] == "CMD"
    assert json.loads(instructions[-1][1])[0] == "celery"  # the form with brackets: no shell


def test_nothing_is_copied_into_the_image_that_dockerignore_holds_back():
    everything, *shown = FILES[".dockerignore"].split()
    assert everything == "*"
    copied = [arguments.split()[:-1] for name, arguments in dockerfile() if name == "COPY"]
    assert sorted(f"!{name}" for names in copied for name in names) == sorted(shown)


@pytest.fixture
def services(tmp_path: Path) -> dict:
    """The services, as docker-compose reads them, with the .env of the page."""
    require("docker-compose", there("docker-compose"), "apt-get install docker-compose")
    for name in (".env", "docker-compose.yml", "Dockerfile"):
        (tmp_path / name).write_text(FILES[name])
    done = run("docker-compose config", tmp_path)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def test_compose_reads_the_file(services):
    worker, broker = services["worker"], services["redis"]
    assert worker["environment"] == {"REDIS_URL": "redis://:a-long-word@redis:6379/0"}
    assert "ports" not in broker | worker
    grace = re.fullmatch(r"(?:(\d+)m)?(\d+)s", worker["stop_grace_period"])  # 330s or 5m30s
    assert grace
    assert int(grace[1] or 0) * 60 + int(grace[2]) > HARD_LIMIT_S


def test_compose_refuses_to_start_without_a_password(tmp_path):
    require("docker-compose", there("docker-compose"), "apt-get install docker-compose")
    (tmp_path / "docker-compose.yml").write_text(FILES["docker-compose.yml"])
    done = run("docker-compose config", tmp_path)
    assert done.returncode != 0
    assert "REDIS_PASSWORD" in done.stderr


def test_the_redis_of_the_compose_file_asks_for_its_password(tmp_path):
    require("redis", there("redis-server"), "apt-get install redis-server")
    shell, option, script = yaml.safe_load(FILES["docker-compose.yml"])["services"]["redis"][
        "command"
    ]
    # That of the image changes the user, too.
    program(tmp_path / "docker-entrypoint.sh", '#!/bin/sh\nexec "$@"\n')
    port = free_port()
    script = script.replace("$$", "$").replace("<<", f"--port {port} --bind 127.0.0.1 <<")
    environment = clean_environment() | {"REDIS_PASSWORD": "a-long-word"}
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [shell, option, script], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
    try:
        with (
            redis.Redis(port=port, password="a-long-word") as known,  # noqa: S106
            redis.Redis(port=port) as stranger,
        ):
            wait_until(lambda: answers(known), what="this Redis answers")
            # It is process 1 itself, so it gets the TERM of `docker stop`.
            assert known.info("server")["process_id"] == process.pid
            assert known.config_get("appendonly") == {"appendonly": "yes"}
            with pytest.raises(redis.AuthenticationError):
                stranger.ping()
    finally:
        process.terminate()
        process.wait(10)


# -- Parts of the lab ----------------------------------------------------------------------------
def part_blocks() -> tuple[Block, Block]:
    """The two typed blocks that copy: the files, and the change of their imports."""
    copying, renaming, *_ = [
        one
        for one in blocks(PAGE, {"/path/to/the/lab": str(ROOT)})
        if one.section == "Parts of the lab" and one.language == "sh"
    ]
    return copying, renaming


def table_of_parts() -> list[list[str]]:
    """The files of each row of the table that are copied as they are."""
    rows = re.findall(r"^\| \d \|[^|]+\|([^|]+)\|", PAGE, re.MULTILINE)
    return [re.findall(r"\[([\w/]+\.py)\]", row) for row in rows if "the idea of" not in row]


def test_the_commands_copy_what_the_table_says():
    _lab, _mkdir, *lines = part_blocks()[0].text.splitlines()
    assert [re.findall(r'"\$LAB"/([\w/]+\.py)', line) for line in lines] == table_of_parts()


@pytest.mark.parametrize("rows", range(1, len(table_of_parts()) + 1))
def test_each_part_works_without_the_ones_below_it(rows, tmp_path):
    for name in ("celery_app.py", "tasks/text.py", "settings.py"):
        [block] = [one for one in BLOCKS if one.file == name]
        block.write(tmp_path)
    (tmp_path / "tasks/__init__.py").touch()
    copying, renaming = part_blocks()
    typed = copying.text.splitlines()[: 2 + rows] + renaming.text.splitlines()
    done = run("set -e\n" + "\n".join(typed), tmp_path)
    assert done.returncode == 0, done.stderr
    copied = {
        file for folder in ("tasks", "work") for file in (tmp_path / folder).rglob("[a-z]*.py")
    }
    files = sorted(copied - {tmp_path / "tasks/text.py"})
    assert len(files) == sum(map(len, table_of_parts()[:rows]))
    modules = [".".join(file.relative_to(tmp_path).with_suffix("").parts) for file in files]
    # Where they come from: the lab's own modules can be imported in this environment, too.
    code = f"import sys, {', '.join(modules)}\n"
    code += f"for name in {modules}: print(sys.modules[name].__file__)\n"
    code += "assert not {'lab_home', 'labkit'} & sys.modules.keys()"
    done = run(f'{sys.executable} -c "{code}"', tmp_path, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.stdout.split() == list(map(str, files)), done.stderr


def test_celery_app_can_be_copied_as_its_first_lines_say(tmp_path):
    text = (ROOT / "celery_app.py").read_text()
    copied = re.sub(r"^from lab_guard .+\n", "import os\n\n", text, flags=re.MULTILINE)
    url = 'REDIS_URL = os.environ["REDIS_URL"]\n'
    copied = re.sub(r"^from lab_home .+\n", url, copied, flags=re.MULTILINE)
    copied = re.sub(r"^(protect\(|    beat_schedule_filename=).+\n", "", copied, flags=re.MULTILINE)
    assert "lab_home" not in copied
    (tmp_path / "celery_app.py").write_text(copied)
    code = "import celery_app; print(celery_app.app.conf.broker_url, celery_app.__file__)"
    done = run(f"{sys.executable} -c '{code}'", tmp_path, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.stdout == f"redis://127.0.0.1:1/0 {tmp_path / 'celery_app.py'}\n", done.stderr
