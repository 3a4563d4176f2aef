"""lab_home.py: which folder, which Redis, and no password in any sentence."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st

import lab_env
import lab_home
from tests.helpers.a_project import HINT, project

__all__ = ["project"]  # the fixture

ADDRESSES = ("REDIS_URL", "DATABASE_URL", "SMTP_URL")
TLS = "rediss://h/0?ssl_cert_reqs=required"


@pytest.fixture(autouse=True)
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a lab without settings, in which no lab runs."""
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lab_env, "_lines", {})
    monkeypatch.setattr(lab_home, "BROKER_FILE", tmp_path / "broker")
    monkeypatch.setattr(lab_home, "MAIL_FILE", tmp_path / "mail-server")
    return tmp_path


def error_of(name: str) -> str:
    """The lab's error for an address."""
    with pytest.raises(SystemExit) as seen:
        lab_home.address(name)
    error = str(seen.value)
    assert error.startswith(f"error: {name} must be ")
    assert error.count(HINT) == 1
    return error


# -- Addresses --------------------------------------------------------------------------------
def test_redis_url_comes_before_the_running_labs_broker_and_that_before_the_usual_one(
    nothing_is_set, monkeypatch
):
    assert lab_home.choose_redis_url() == "redis://localhost:6379/0"
    for broken in ("", "{", "\x00"):
        (nothing_is_set / "broker").write_text(broken)
        assert lab_home.choose_redis_url() == "redis://localhost:6379/0"
    (nothing_is_set / "broker").write_text(json.dumps({"url": "redis://h:1/0", "run_id": "a"}))
    assert lab_home.choose_redis_url() == "redis://h:1/0"
    monkeypatch.setenv("REDIS_URL", "")
    assert lab_home.choose_redis_url() == "redis://h:1/0"
    monkeypatch.setenv("REDIS_URL", "redis://h:2/0")
    assert lab_home.choose_redis_url() == "redis://h:2/0"


def test_smtp_url_comes_before_the_running_labs_mail_server_and_that_before_the_usual_one(
    nothing_is_set, monkeypatch
):
    assert lab_home.choose_smtp_url() == "smtp://127.0.0.1:1025"
    (nothing_is_set / "mail-server").write_text('{"url": "smtp://127.0.0.1:4000"}')
    assert lab_home.choose_smtp_url() == "smtp://127.0.0.1:4000"
    monkeypatch.setenv("SMTP_URL", "smtp://[::1]:4002")
    assert lab_home.choose_smtp_url() == "smtp://[::1]:4002"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("", f"sqlite:///{quote(str(lab_home.LAB_FILES))}/shop.sqlite"),
        ("sqlite:////a/b.sqlite?timeout=9", "sqlite:////a/b.sqlite?timeout=9"),
        ("sqlite:///my%3Fshop.sqlite", f"sqlite:///{quote(str(lab_home.ROOT))}/my%3Fshop.sqlite"),
        ("postgres://lab:a%40b@h:5432/lab", "postgresql+psycopg://lab:a%40b@h:5432/lab"),
        ("postgresql://h/lab", "postgresql+psycopg://h/lab"),
        ("postgresql+psycopg://h/lab", "postgresql+psycopg://h/lab"),
    ],
)
def test_the_database_is_a_file_in_the_labs_folder_or_a_postgresql(monkeypatch, given, used):
    monkeypatch.setenv("DATABASE_URL", given)
    assert lab_home.choose_database_url() == used


WRONG = {
    "REDIS_URL": [
        *("localhost:6379", "http://localhost:6379/0", "REDIS://localhost/0", "redis://"),
        *("redis://localhost:0/0", "redis://localhost:65536/0", "redis://localhost:port/0"),
        *("redis://[::1/0", "redis://localhost/first", "redis://:secret/1@h/0"),
        *("redis://localhost/0?socket_timeout=3", "redis://localhost/0?ssl_cert_reqs=none"),
        *("rediss://h/0", "rediss://h/0?ssl_cert_reqs=CERT_REQUIRED", f"{TLS}&ssl_odd=1"),
    ],
    "DATABASE_URL": [
        *("mysql://root:secret@h/lab", "sqlite://", "sqlite:///", "sqlite:///:memory:"),
        *("postgresql://h", "postgresql://lab:sec/ret@h:1/lab", "postgresql://h:0/lab"),
        "postgresql://h:port/lab",
    ],
    "SMTP_URL": [
        *("localhost:25", "smtp://localhost", "smtps://h:465", "smtp://h:0", "smtp://h:1/x"),
        "smtp://ada:secret@h:25",
    ],
}


@pytest.mark.parametrize(("name", "url"), [(name, url) for name in WRONG for url in WRONG[name]])
def test_a_wrong_address_is_named_in_one_sentence_without_its_password(monkeypatch, name, url):
    monkeypatch.setenv(name, url)
    error = error_of(name)
    assert f"got {lab_home.masked(url)!r}; " in error
    assert "sec" not in error


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:6379", "redis://:w@[::1]:6379/15", TLS.replace("//", "//ada:w@")],
)
def test_a_right_redis_url_is_taken_as_it_is(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    assert lab_home.choose_redis_url() == url


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("redis://:w@h:1/2?db=5", "REDIS_URL=redis://:PASSWORD@h:1/2 ./lab up"),
        (
            "rediss://ada:w@h/2?ssl_cert_reqs=x",
            "REDIS_URL='rediss://ada:PASSWORD@h/2?ssl_cert_reqs=required' ./lab up",
        ),
        ("localhost:6379", "unset REDIS_URL"),
    ],
)
def test_the_hint_is_the_right_line_where_only_the_options_are_wrong(monkeypatch, url, hint):
    monkeypatch.setenv("REDIS_URL", url)
    assert error_of("REDIS_URL").endswith(f"{HINT}{hint}")


@pytest.mark.parametrize(("given", "named"), [("", "/5"), ("/0", "/5"), ("/5", "/6")])
def test_the_other_database_is_never_the_one_that_is_refused(given, named):
    assert lab_home.other_address(f"redis://:secret@127.0.0.1:7000{given}") == (
        f"REDIS_URL=redis://:PASSWORD@127.0.0.1:7000{named} ./lab up"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ssl_ca_certs", "/a.pem"),
        ("ssl_certfile", "/a.pem"),
        ("ssl_keyfile", "/a.pem"),
        ("ssl_password", "w"),
        ("ssl_check_hostname", "true"),
    ],
)
def test_celery_kombu_and_redis_py_take_every_option_that_the_lab_takes(monkeypatch, name, value):
    url = f"{TLS}&{name}={value}"
    monkeypatch.setenv("REDIS_URL", url)
    assert lab_home.choose_redis_url() == url
    wanted = {name: True if value == "true" else value}.items()
    with Celery(broker=url, backend=url, set_as_current=False) as app, app.connection() as there:
        of_kombu: Any = there.ssl
        of_celery: Any = app.backend
        assert wanted <= of_kombu.items()
        assert wanted <= of_celery.connparams.items()
    pool = redis.ConnectionPool.from_url(url)
    assert wanted <= pool.connection_kwargs.items()
    assert pool.make_connection()  # it refuses a name that it does not know


@pytest.mark.parametrize(
    "name", ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "CELERY_CONFIG_MODULE"]
)
def test_a_variable_that_celery_would_obey_in_silence_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "redis://localhost:1/0")
    with pytest.raises(SystemExit, match=f"{name} is set.*\n\nhint: unset {name}$"):
        lab_home._refuse_hidden_settings()


# -- Folders, and the settings as a process of its own finds them -------------------------------
def test_a_relative_folder_starts_beside_lab_home_py(monkeypatch):
    assert lab_home._folder("LAB_OF_A_TEST", ".lab") == lab_home.ROOT / ".lab"
    monkeypatch.setenv("LAB_OF_A_TEST", "state")
    assert lab_home._folder("LAB_OF_A_TEST", ".lab") == lab_home.ROOT / "state"
    monkeypatch.setenv("LAB_OF_A_TEST", "~/lab")
    assert lab_home._folder("LAB_OF_A_TEST", ".lab") == Path.home() / "lab"


def test_the_labs_folder_lies_beside_lab_home_py_and_is_its_owners_alone(project, tmp_path):
    for elsewhere in (tmp_path, tmp_path / "current folder"):  # theirs is not read
        elsewhere.mkdir(exist_ok=True)
        (elsewhere / ".env").write_text("LAB_HOME=/somewhere/else\n")
    found = project.value("LAB_FILES", tmp_path / "current folder")
    assert found == str(project.root / ".lab/files")
    assert (project.root / ".lab").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_left_to_whoever_writes_there(project):
    assert project.value("LAB_FILES", LAB_HOME="/dev/null/lab") == "/dev/null/lab/files"


def test_the_environment_comes_before_the_env_file_and_that_before_the_running_lab(project):
    (project.root / ".lab").mkdir()
    (project.root / ".lab/broker").write_text('{"url": "redis://h:1/0", "run_id": "a"}')
    assert project.value("REDIS_URL") == "redis://h:1/0"
    project.write_env("REDIS_URL=redis://h:2/0\n")
    assert project.value("REDIS_URL") == "redis://h:2/0"
    assert project.value("REDIS_URL", REDIS_URL="redis://h:3/0") == "redis://h:3/0"


def test_every_setting_is_in_env_example(project):
    """The example names each setting, and is itself a right .env once its comments are opened."""
    example = (lab_home.ROOT / ".env.example").read_text(encoding="utf-8")
    names = (*ADDRESSES, "LAB_HOME", "LAB_FILES")
    opened = re.sub(rf"\n#({'|'.join(names)})=", r"\n\1=", example)
    source = Path(lab_home.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'os\.environ\.get\("(\w+)"', source))
    assert "AMQP_URL" in read
    assert [name for name in names if f"\n{name}=" not in opened] == []
    assert [name for name in read if f"#{name}=" not in example] == []
    project.write_env(opened)
    assert project.value("REDIS_URL") == "redis://localhost:6379/0"
    assert project.value("LAB_FILES") == str(project.root / ".lab/files")


# -- No password in any sentence --------------------------------------------------------------
MARKER = "s3cretWord"  # a part of each password
passwords = st.builds("{}{}{}".format, st.text(max_size=8), st.just(MARKER), st.text(max_size=8))
hosts = st.sampled_from(["localhost", "127.0.0.1:6379", "[::1]:6379", "h:port", "h:0", ""])
ends = st.sampled_from(["", "/", "/0", "/first", "/0?ssl_cert_reqs=none"])
users = st.sampled_from(["", "default", "user name"])
schemes = st.sampled_from(["redis://", "rediss://", "http://", "redis:", "//", ""])


@given(schemes, users, passwords, st.booleans(), hosts, ends)
def test_no_sentence_shows_the_password_of_an_address(scheme, user, password, quoted, host, end):
    word = quote(password, safe="") if quoted else password
    url = f"{scheme}{user}:{word}@{host}{end}"
    assert MARKER not in lab_home.masked(url)
    for name in ADDRESSES:
        assert lab_home._fits(name, url) or MARKER not in lab_home.wrong_address(name, url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://ada:w@h:1/2", "redis://ada:***@h:1/2"),
        ("redis://:w@h:1/2", "redis://:***@h:1/2"),
        ("redis://h/0?password=w&a=1", "redis://h/0?password=***&a=1"),
    ],
)
def test_masked_hides_the_password_and_nothing_else(url, shown):
    assert lab_home.masked(url) == shown
