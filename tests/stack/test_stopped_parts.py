"""A part that is stopped (kill -STOP) is named, with what lets it go on, and holds nobody up."""

import os
import signal
import subprocess

from tests.stack.helpers.labs import LEAN
from tests.stack.test_keeper import NO_PAGES, kill
from tests.stack.test_supervisor import SEND_ADD, page_of

STOPPED = "is stopped (kill -STOP)"


def type_the_hint(text: str) -> None:
    """Run the last hint in a text, as a person would who pastes it."""
    hint = text.rpartition("hint: ")[2]
    assert hint.startswith("kill -CONT ")
    subprocess.run(["bash", "-c", hint], check=True)


def test_what_is_stopped_is_named_and_keeps_nobody_from_stopping(lab):
    lab.keep_ports().up("--no-beat", "--no-flower", "--no-mail", "--no-reload")
    web = kill(lab, "web", signal.SIGSTOP)
    lab.wait_for(f"web (process {web}) is stopped (kill -STOP), and answers nothing\nhint: kill")
    assert STOPPED in lab.run("status").stdout
    assert f"hint: kill -CONT {web}\n" in lab.run("doctor", "--wait=20").stdout
    os.kill(web, signal.SIGCONT)
    lab.wait_for("web goes on")
    assert page_of(lab, "/healthz", of="web") == '{"broker":"answers"}'
    kill(lab, "lab1", signal.SIGSTOP)
    lab.wait_for("lab1 (process")
    lab.signal(signal.SIGINT)  # a patient stop, which waits for running tasks as long as they take
    assert lab.end() == -signal.SIGINT
    assert lab.left_over() == []


def test_a_lesson_names_the_worker_or_the_mail_server_that_is_stopped(lab):
    lab.up("--no-beat", *NO_PAGES, "--no-reload")
    kill(lab, "lab1", signal.SIGSTOP)
    lab.wait_for("lab1 (process")
    refused = lab.run("run", "01")
    assert refused.returncode == 1
    assert "no worker answered in 1 s\n\nhint: kill -CONT " in refused.stderr
    type_the_hint(refused.stderr)
    lab.wait_for("lab1 goes on")
    assert lab.python(SEND_ADD) == "9"
    kill(lab, "mail", signal.SIGSTOP)
    refused = lab.run("run", "50")
    assert "the lab's mail server (process " in refused.stderr
    type_the_hint(refused.stderr)
    lab.wait_for("mail goes on")


def test_a_beat_that_is_stopped_has_one_hint(lab):
    lab.up(*NO_PAGES, "--no-mail", "--no-reload")
    beat = kill(lab, "beat", signal.SIGSTOP)
    doctor = lab.run("doctor", "--wait=20").stdout
    assert f"hint: kill -CONT {beat}\n" in doctor
    assert "./start_beat.sh" not in doctor


def test_a_broker_that_is_stopped_is_named_and_goes_on_and_its_lab_can_be_ended(lab):
    lab.up(*LEAN)
    broker = lab.state()["embedded"][0]
    os.kill(broker, signal.SIGSTOP)
    said = f"(process {broker}) is stopped (kill -STOP), and answers"
    lab.wait_for(f"broker {said} nothing\nhint: kill -CONT {broker}\n")
    assert f"the lab's broker {said} nobody\n" in lab.run("run", "01").stderr
    doctor = lab.run("doctor", "--wait=20").stdout
    assert f"the lab's broker {said} nobody\n       hint: kill -CONT" in doctor
    assert f"the lab's broker {said} nobody\n" in lab.run("restart").stderr
    status = lab.run("status").stdout
    assert STOPPED in status
    type_the_hint(status)
    lab.wait_for("broker goes on")
    assert lab.python(SEND_ADD) == "9"
    os.kill(broker, signal.SIGSTOP)
    assert lab.run("down", timeout_s=30).stdout.endswith("stopped\n")  # first it may say: waiting
    assert lab.end() == -signal.SIGTERM
    assert lab.left_over() == []
