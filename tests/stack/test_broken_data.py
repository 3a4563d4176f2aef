"""An append-only file that is damaged: what can be read is loaded, else one command begins anew."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.broker.check import client_for
from labkit.broker.server import EmbeddedBroker
from labkit.errors import LabError
from tests.stack.helpers.labs import Lab, running

COUNT = 5


def add_zeros(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(bytes(200_000))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def add_garbage(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"garbage\r\n" * 5)


def spoil_the_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20] = b"\xff" * 20
    file.write_bytes(content)


def spoil_the_manifest(file: Path) -> None:
    file.with_name("appendonly.aof.manifest").write_bytes(b"\xff\xff")


def remove_the_base(file: Path) -> None:
    next(file.parent.glob("*.rdb")).unlink()


def remove_the_manifest(file: Path) -> None:
    file.with_name("appendonly.aof.manifest").unlink()


def cut_the_base(file: Path) -> None:
    base = next(file.parent.glob("*.rdb"))
    base.write_bytes(base.read_bytes()[:60])


def stopped_broker(home: Path) -> tuple[EmbeddedBroker, Path]:
    """A broker that has stopped, with messages in its file."""
    broker = EmbeddedBroker(home)
    with running(broker), broker_client(broker) as client:
        client.rpush("basic", *range(COUNT))
    (file,) = home.glob("redis/appendonlydir/*.incr.aof")
    return broker, file


def broker_client(broker: EmbeddedBroker):
    return client_for(broker.url)


@pytest.mark.parametrize(("damage", "left"), [(add_zeros, COUNT), (cut, 0)])
def test_what_can_be_read_is_loaded(tmp_path, damage, left):
    broker, file = stopped_broker(tmp_path)
    damage(file)
    with running(broker), broker_client(broker) as client:
        assert client.llen("basic") == left
        client.rpush("basic", "one more")
    with running(broker), broker_client(broker) as client:
        assert client.llen("basic") == left + 1


@pytest.mark.parametrize(
    "damage",
    [
        add_garbage,
        spoil_the_middle,
        spoil_the_manifest,
        remove_the_manifest,
        remove_the_base,
        cut_the_base,
    ],
)
def test_what_cannot_be_read_is_named_and_stays(tmp_path, damage: Callable[[Path], None]):
    broker, file = stopped_broker(tmp_path)
    damage(file)
    before = {one.name: one.read_bytes() for one in file.parent.iterdir()}
    with pytest.raises(LabError, match=f"^error: the broker's file {file.parent}/appendonly"):
        broker.start()
    assert {one.name: one.read_bytes() for one in file.parent.iterdir()} == before


def test_zeros_that_were_cut_off_are_told(lab: Lab):
    _, file = stopped_broker(lab.home)
    add_zeros(file)
    lab.up("--workers=0", "--no-beat", "--no-flower", "--no-web", "--no-mail")
    assert f"the lab has cut 200000 zero bytes off the end of {file}; " in lab.printed()


@pytest.mark.parametrize(
    ("damage", "name", "state"),
    [(add_garbage, "", "damaged"), (remove_the_manifest, "appendonly.aof.manifest", "missing")],
)
def test_the_hint_of_up_begins_anew_and_keeps_the_old_data_and_the_doctor_agrees(
    lab: Lab, damage: Callable[[Path], None], name: str, state: str
):
    _, file = stopped_broker(lab.home)
    damage(file)
    wrong = file.with_name(name or file.name)
    up = lab.run("up")
    assert up.returncode == 1
    sentence, hint = up.stderr.removeprefix("error: ").strip().split("\n\nhint: ")
    assert sentence == (
        f"the broker's file {wrong} is {state}, and its messages and results cannot be loaded"
    )
    doctor = lab.run("doctor").stdout
    assert sentence in doctor
    assert f"hint: {hint}" in doctor
    move, start = hint.split("; ")
    assert start == "./lab up"
    assert shlex.split(move)[1:] == [str(lab.home / "redis"), str(lab.home / "redis-broken")]
    subprocess.run(move, shell=True, check=True)  # noqa: S602 - as a person pastes it
    assert sentence not in lab.run("doctor").stdout
    lab.up("--workers=0", "--no-beat", "--no-flower", "--no-web", "--no-mail")
    assert (lab.home / "redis-broken/appendonlydir" / file.name).exists()


def test_a_folder_in_the_place_of_a_file_is_no_error_of_pythons(tmp_path):
    broker, file = stopped_broker(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(LabError, match=r"^error: the "):
        broker.start()
