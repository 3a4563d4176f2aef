"""A saved file restarts the workers warmly; a saved mistake does not."""

import httpx
import psutil
import pytest

from tests.stack.helpers.labs import wait_until

SEND_ADD = "from tasks.basic_tasks import add; print(add.delay(4, 5).get(timeout=10))"
LEAN = ("--no-beat", "--no-flower", "--no-web", "--no-mail")


@pytest.fixture
def add_file(tree):
    return tree / "tasks" / "basic_tasks.py"


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


NEVER_READY = """
import time
from celery.signals import worker_init


@worker_init.connect
def wait_for_ever(**_):
    time.sleep(3600)
"""


def test_new_workers_run_a_changed_task_while_an_old_one_finishes_what_runs(lab_in_tree, add_file):
    lab = lab_in_tree.up(*LEAN, "--workers=2")
    assert lab.python(SEND_ADD) == "9"
    task_id = lab.python("from tasks.basic_tasks import nap; print(nap.delay(8).id)")
    wait_until(lambda: "received" in lab.printed())
    change(add_file, "return x + y", "return x - y")
    lab.wait_for("ready again: lab1, lab2")
    assert lab.python(SEND_ADD) == "-1"  # the new workers are at work beside the old one
    lab.wait_for(f"{task_id}] succeeded")


def test_code_that_cannot_be_imported_leaves_the_old_workers_and_is_not_restarted_with(
    lab_in_tree, add_file
):
    lab = lab_in_tree.up(*LEAN)
    change(add_file, "return x + y", "return x +")
    lab.wait_for("not reloaded, the old workers stay: tasks/basic_tasks.py line")
    assert (
        lab.python(
            "from celery_app import app; print(app.send_task("
            "'tasks.basic_tasks.add', (4, 5)).get(timeout=10))"
        )
        == "9"
    )
    assert "older code" in lab.run("status").stdout
    refused = lab.run("restart")
    assert refused.returncode == 1
    assert "nothing was restarted" in refused.stderr
    assert f"; ./lab restore {add_file.relative_to(lab.root)}\n" in refused.stderr
    assert lab.run("status").returncode == 0
    assert lab.printed().count("not reloaded") == 1  # after several looks at the file
    change(add_file, "return x +\n", "return x + y\n")
    wait_until(lambda: "older code" not in lab.run("status").stdout)


def test_a_change_of_the_app_restarts_beat_and_flower_too(lab_in_tree, tree):
    lab = lab_in_tree.keep_ports().up()
    flower = lab.state()["flower"]
    change(tree / "celery_app.py", "result_expires=3600", "result_expires=1800")
    lab.wait_for("ready again: lab1, beat, flower, web")  # the mail server runs no code of these
    assert lab.state()["flower"] == flower


def test_a_changed_web_app_restarts_alone_at_its_address_and_a_broken_one_does_not(
    lab_in_tree, tree
):
    lab = lab_in_tree.keep_ports().up("--no-beat", "--no-flower", "--no-mail")
    address = lab.state()["web"]
    with (tree / "web" / "api.py").open("a") as file:
        file.write("\n\n@app.get('/new')\nasync def new() -> str:\n    return 'new'\n")
    lab.wait_for("the code has changed: restarting web\n")
    lab.wait_for("ready again: web\n")
    assert lab.state()["web"] == address
    assert httpx.get(f"{address}/new").json() == "new"
    with (tree / "web" / "api.py").open("a") as file:
        file.write("\n\ndef (\n")
    lab.wait_for("not reloaded, the old web app stays: web/api.py line")
    assert httpx.get(f"{address}/healthz").status_code == httpx.codes.OK
    change(tree / "tasks" / "basic_tasks.py", "return x + y", "return x - y")
    lab.wait_for("ready again: lab1\n")  # the workers do not wait for the web app
    assert lab.python(SEND_ADD) == "-1"


def test_beat_restarts_for_a_change_of_the_app_also_where_no_worker_runs(lab_in_tree, tree):
    lab = lab_in_tree.up("--workers=0", "--no-flower", "--no-web", "--no-mail")
    change(tree / "celery_app.py", "result_expires=3600", "result_expires=1800")
    lab.wait_for("ready again: beat")


def test_a_restart_does_not_start_a_second_beat_beside_one_that_hangs(lab):
    lab.up("--workers=0", "--no-flower", "--no-web", "--no-mail", "--no-reload")
    before = psutil.Process(lab.pid_of("beat"))
    before.suspend()
    result = lab.run("restart")
    assert result.returncode == 0, result.stderr + lab.printed()
    assert not before.is_running()


def test_no_reload_means_no_reload_and_run_says_so(lab_in_tree, add_file):
    lab = lab_in_tree.up(*LEAN, "--no-reload")
    change(add_file, "return x + y", "return x - y")
    result = lab.run("run", "01")
    assert "run older code than the files hold" in result.stderr
    assert lab.run("restart").returncode == 0
    assert lab.python(SEND_ADD) == "-1"


def test_up_with_code_that_cannot_be_imported_names_the_line(lab_in_tree, add_file):
    change(add_file, "return x + y", "return x +")
    lab = lab_in_tree.up(*LEAN, wait=False)
    assert lab.end() == 1
    assert "so everything stops: tasks/basic_tasks.py line" in lab.printed()
    assert "everything else stays up" not in lab.printed()


def test_code_whose_worker_never_answers_holds_up_no_mended_code(lab_in_tree, tree):
    lab = lab_in_tree.up(*LEAN)
    playground = tree / "tasks" / "playground.py"
    good = playground.read_text()
    playground.write_text(good + NEVER_READY)
    lab.wait_for("the code has changed: restarting lab1")
    before = lab.pid_of("lab1")
    wait_until(lambda: lab.pid_of("lab1") != before, what="it is started with that code")
    playground.write_text(good)
    lab.wait_for("ready again: lab1")
