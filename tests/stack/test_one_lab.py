"""One lab in a folder, and every command says the same of it, whatever becomes of the folder."""

import shutil
from pathlib import Path

import pytest
from redis import Redis

from labkit.broker.server import EmbeddedBroker
from labkit.errors import LabError
from labkit.stack.worker_check import require_workers
from tests.stack.helpers.labs import LEAN, Lab
from tests.stack.test_supervisor import SEND_ADD


def remove(home: Path) -> None:
    """Remove a folder in which others write at this moment."""
    gone = home.with_name("gone")
    home.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def test_a_lab_whose_folder_is_removed_ends_and_leaves_nothing(lab):
    lab.up("--no-flower")
    remove(lab.home)
    assert lab.end() == 1
    assert f"the folder {lab.home} was moved or removed, so everything stops\n" in lab.printed()
    assert "\nhint: ./lab up\n" in lab.printed()
    assert "Traceback" not in lab.printed()
    assert lab.left_over() == []
    assert not lab.home.exists()


def test_a_lab_that_is_started_in_the_place_of_another_keeps_its_files(lab):
    lab.up(*LEAN)
    remove(lab.home)
    other = Lab(lab.home)
    other.output = lab.output.with_name("other.txt")
    try:
        other.up(*LEAN)
        assert lab.end() == 1
        assert (lab.left_over(), other.launcher().poll()) == ([], None)
        assert "lab1" in other.run("status").stdout
        assert other.python(SEND_ADD) == "9"
    finally:
        other.clean_up()


def test_a_lab_that_is_moved_ends_with_a_sentence_and_leaves_no_folder(tree, tmp_path):
    lab = Lab(tmp_path / "unused", root=tree, LAB_HOME="")  # .lab in the tree, as usual
    try:
        lab.up("--no-flower")
        tree.rename(tmp_path / "elsewhere")
        assert lab.end() == 1
        assert f"the folder {tree / '.lab'} was moved or removed" in lab.printed()
        assert "Traceback" not in lab.printed()
        assert lab.left_over() == []
        assert not tree.exists()
    finally:
        lab.root = tmp_path / "elsewhere"
        lab.clean_up()


def test_after_flushall_of_a_redis_of_ones_own_the_lab_is_still_up(lab, redis_server):
    url = redis_server()
    lab.environment["REDIS_URL"] = url
    lab.up(*LEAN)
    with Redis.from_url(url) as client:
        client.flushall()
    lab.environment["REDIS_URL"] = ""  # a second terminal, which does not know the variable
    run = lab.run("run", "01")
    assert (run.returncode, "no lab is up" in run.stderr) == (0, False)
    assert "lab1" in lab.run("status").stdout
    lab.environment["REDIS_URL"] = url


def test_a_broker_that_goes_away_while_the_workers_are_asked_is_a_sentence(tmp_path):
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    broker.stop()
    with pytest.raises(LabError, match=r"^error: the broker at \S+ stopped answering: "):
        require_workers(broker.url, ["basic"])
