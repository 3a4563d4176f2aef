"""lab_home.py: which folder, which Redis, and no password in any sentence."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
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

HINT = "\n\nhint: "


@dataclass
class Project:
    """A folder with a copy of lab_home.py and lab_env.py, asked in a process of its own."""

    root: Path

    def ask(self, expression: str, folder: Path | None, environment: dict[str, str]):
        """Print an expression of lab_home in `folder`; return the completed process."""
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        clean |= {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, "-c", f"import lab_home; print(lab_home.{expression})"],
            cwd=folder or self.root,
            env=clean | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def value(self, expression: str, folder: Path | None = None, **environment: str) -> str:
        done = self.ask(expression, folder, environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n")

    def error(self, **environment: str) -> str:
        """The error of a start that must fail: checked to be in the house form."""
        done = self.ask("REDIS_URL", None, environment)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert HINT in done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def write_env(self, text: str) -> None:
        (self.root / ".env").write_text(text, encoding="utf-8")

    def write_broker(self, content: str) -> None:
        (self.root / ".lab").mkdir(exist_ok=True)
        (self.root / ".lab" / "broker").write_text(content)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "my lab"
    root.mkdir()
    for file in (lab_home.__file__, lab_env.__file__):
        shutil.copy(file, root)
    return Project(root.resolve())


# -- Which Redis ------------------------------------------------------------------------------


def test_without_any_setting_the_usual_address_is_used(project):
    assert project.value("REDIS_URL") == "redis://localhost:6379/0"


def test_the_running_labs_broker_comes_before_the_usual_address(project):
    project.write_broker(json.dumps({"url": "redis://:w@127.0.0.1:4000/0", "run_id": "abc"}))
    assert project.value("REDIS_URL") == "redis://:w@127.0.0.1:4000/0"


def test_env_file_comes_before_the_running_labs_broker(project):
    project.write_broker(json.dumps({"url": "redis://:w@127.0.0.1:4000/0", "run_id": "abc"}))
    project.write_env("REDIS_URL=redis://localhost:5000/1\n")
    assert project.value("REDIS_URL") == "redis://localhost:5000/1"


def test_the_environment_comes_before_the_env_file(project):
    project.write_env("REDIS_URL=redis://localhost:5000/1\n")
    url = project.value("REDIS_URL", REDIS_URL="redis://localhost:5001/2")
    assert url == "redis://localhost:5001/2"


def test_an_empty_setting_is_as_none(project):
    assert project.value("REDIS_URL", REDIS_URL="") == "redis://localhost:6379/0"


@pytest.mark.parametrize("content", ["", "{", "\x00"])
def test_a_broken_broker_file_is_as_none(project, content):
    project.write_broker(content)
    assert project.value("REDIS_URL") == "redis://localhost:6379/0"


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("localhost:6379", "must begin with redis:// or rediss://"),
        ("http://localhost:6379/0", "must begin with redis:// or rediss://"),
        ("amqp://guest:guest@localhost//", "must begin with redis:// or rediss://"),
        ("redis://", "needs a host"),
        ("redis://localhost:0/0", "a port of 1 to 65535"),
        ("redis://localhost:65536/0", "check its port"),
        ("redis://localhost:port/0", "check its port"),
        ("redis://[::1/0", "is no address"),
        ("redis://localhost:6379/first", "must end with a database number"),
        ("rediss://localhost:6379/0", "rediss:// needs ssl_cert_reqs=required in REDIS_URL"),
        ("rediss://localhost/0?ssl_cert_reqs=CERT_REQUIRED", "needs ssl_cert_reqs=required"),
        ("redis://localhost/0?socket_timeout=3", "takes no option but ssl_... ones"),
        ("rediss://localhost/0?ssl_cert_reqs=none&ssl_odd=1", "takes no option but ssl_... ones"),
        ("redis://localhost/0?ssl_cert_reqs=none", "takes no option but ssl_... ones, with rediss"),
    ],
)
def test_a_wrong_redis_url_is_named_in_one_sentence(project, url, what):
    assert what in project.error(REDIS_URL=url)


def test_the_hint_for_tls_can_be_pasted_and_keeps_the_other_options(project):
    error = project.error(
        REDIS_URL="rediss://ada:p%40w@h:1/2?ssl_ca_certs=/a/b.pem&ssl_cert_reqs=x"
    )
    line = "'rediss://ada:PASSWORD@h:1/2?ssl_ca_certs=/a/b.pem&ssl_cert_reqs=required'"
    assert error.endswith(f"hint: REDIS_URL={line} ./lab up\n")


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("redis://:w@h:1/0?db=5", "redis://:PASSWORD@h:1/5"),
        ("redis://h/2?socket_timeout=3&password=w", "redis://h/2"),
        ("redis://h/0?ssl_cert_reqs=none", "'rediss://h/0?ssl_cert_reqs=none'"),
    ],
)
def test_the_hint_for_an_option_that_is_not_taken_can_be_pasted(project, url, right):
    assert project.error(REDIS_URL=url).endswith(f"hint: REDIS_URL={right} ./lab up\n")


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
def test_celery_kombu_and_redis_py_take_every_option_that_the_lab_takes(name, value):
    url = f"rediss://h/0?ssl_cert_reqs=required&{name}={value}"
    assert lab_home._checked(url) == url
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
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379",
        "redis://:w@[::1]:6379/15",
        "rediss://user:w@redis.example.com/0?ssl_cert_reqs=required",
    ],
)
def test_a_right_redis_url_is_taken_as_it_is(project, url):
    assert project.value("REDIS_URL", REDIS_URL=url) == url


# -- Which database ---------------------------------------------------------------------------


def test_without_any_setting_the_database_is_a_file_among_the_labs_files(project):
    assert project.value("DATABASE_URL", LAB_FILES="/a/my files").endswith(
        "sqlite:////a/my%20files/shop.sqlite"
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_name_of_postgresql_means_the_driver_psycopg(project, scheme):
    url = project.value("DATABASE_URL", DATABASE_URL=f"{scheme}://lab:a%40b@127.0.0.1:5432/lab")
    assert url == "postgresql+psycopg://lab:a%40b@127.0.0.1:5432/lab"


def test_a_relative_database_file_starts_in_the_folder_of_the_lab(project, tmp_path):
    url = project.value("DATABASE_URL", tmp_path, DATABASE_URL="sqlite:///data/my%3Fshop.sqlite")
    assert url == f"sqlite:///{quote(str(project.root))}/data/my%3Fshop.sqlite"


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("mysql://root:secret@localhost/lab", "must begin with sqlite:/// or postgresql://"),
        ("sqlite://", "must begin with sqlite:/// or postgresql://"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("postgresql://localhost", "is no address of the form"),
        ("postgresql://lab:sec/ret@localhost:5432/lab", "is no address of the form"),
        ("postgresql://localhost:0/lab", "is no address of the form"),
    ],
)
def test_a_wrong_database_url_is_named_in_one_sentence(project, url, what):
    error = project.error(DATABASE_URL=url)
    assert what in error and "sec" not in error


# -- Which mail server ------------------------------------------------------------------------


def test_the_mail_server_is_the_usual_one_then_the_running_labs_then_the_named_one(project):
    assert project.value("choose_smtp_url()") == "smtp://127.0.0.1:1025"
    (project.root / ".lab").mkdir(exist_ok=True)
    (project.root / ".lab" / "mail-server").write_text('{"url": "smtp://127.0.0.1:4000"}')
    assert project.value("choose_smtp_url()") == "smtp://127.0.0.1:4000"
    project.write_env("SMTP_URL=smtp://localhost:4001\n")
    assert project.value("choose_smtp_url()") == "smtp://localhost:4001"
    named = project.value("choose_smtp_url()", SMTP_URL="smtp://[::1]:4002")
    assert named == "smtp://[::1]:4002"


@pytest.mark.parametrize(
    "url", ["localhost:25", "smtp://localhost", "smtps://h:465", "smtp://h:0", "smtp://h:1/x"]
)
def test_a_wrong_smtp_url_is_named_in_one_sentence(project, url):
    assert f"SMTP_URL must be smtp://HOST:PORT, got {url!r}" in project.error(SMTP_URL=url)


def test_no_error_about_a_mail_server_shows_a_password(project):
    assert "secret" not in project.error(SMTP_URL="smtp://ada:secret@localhost:25")


# -- Which folder -----------------------------------------------------------------------------


def test_the_labs_files_lie_beside_lab_home_py(project, tmp_path):
    assert project.value("LAB_HOME", folder=tmp_path) == str(project.root / ".lab")
    assert project.value("LAB_FILES", folder=tmp_path) == str(project.root / ".lab" / "files")


def test_only_its_owner_may_read_the_labs_folder(project):
    project.value("LAB_HOME")
    assert (project.root / ".lab").stat().st_mode & 0o777 == 0o700


def test_lab_home_may_be_elsewhere_and_takes_lab_files_along(project, tmp_path):
    home = tmp_path / "else where"
    assert project.value("LAB_FILES", LAB_HOME=str(home)) == str(home / "files")
    assert home.is_dir()


def test_a_relative_lab_home_is_the_same_from_every_folder(project, tmp_path):
    for folder in (project.root, tmp_path):
        assert project.value("LAB_HOME", folder, LAB_HOME="state") == str(project.root / "state")


def test_a_tilde_in_lab_home_is_the_home_folder(project, tmp_path):
    assert project.value("LAB_HOME", LAB_HOME="~/lab", HOME=str(tmp_path)) == f"{tmp_path}/lab"


def test_a_folder_that_cannot_be_made_is_left_to_whoever_writes_there(project):
    assert project.value("LAB_HOME", LAB_HOME="/dev/null/lab") == "/dev/null/lab"


# -- The file .env ----------------------------------------------------------------------------


def test_the_env_file_of_a_parent_folder_is_not_read(project, tmp_path):
    (tmp_path / ".env").write_text("LAB_HOME=/somewhere/else\n")
    assert project.value("LAB_HOME") == str(project.root / ".lab")


def test_the_env_file_of_the_current_folder_is_not_read(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text("LAB_HOME=/somewhere/else\n")
    assert project.value("LAB_HOME", elsewhere) == str(project.root / ".lab")


def test_an_env_file_as_the_notepad_of_windows_saves_it_is_read(project):
    project.write_env("\ufeffLAB_HOME=/a/b\r\nLAB_FILES=/c\r\n")
    assert project.value("LAB_HOME") == "/a/b"
    assert project.value("LAB_FILES") == "/c"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("REDIS_URL redis://localhost\n", 1),
        ("REDIS_URL\n", 1),
        ("LAB_HOME=/a\n# comment\n\n\nLAB_FILES: /b\n", 5),
        ('LAB_HOME="/a\n', 1),
    ],
)
def test_a_broken_line_in_the_env_file_is_an_error_with_its_number(project, text, line):
    project.write_env(text)
    assert f".env line {line} is not of the form NAME=value" in project.error()


def test_an_env_file_that_is_no_text_is_an_error(project):
    (project.root / ".env").write_bytes(b"LAB_HOME=\xff\xfe\x00")
    assert ".env cannot be read" in project.error()


def test_a_module_that_celery_would_take_its_settings_from_is_refused(project):
    told = project.error(CELERY_CONFIG_MODULE="nosuch")
    assert "CELERY_CONFIG_MODULE is set" in told
    assert "hint: unset CELERY_CONFIG_MODULE" in told


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"])
def test_a_variable_that_celery_would_obey_in_silence_is_refused(project, name):
    assert f"{name} is set" in project.error(**{name: "redis://localhost:1/0"})


def test_every_setting_is_in_env_example(project):
    """The example names each setting, and is itself a right .env once its comments are opened."""
    example = (lab_home.ROOT / ".env.example").read_text(encoding="utf-8")
    opened = example.replace("\n#REDIS_URL=", "\nREDIS_URL=").replace("\n#LAB_", "\nLAB_")
    opened = opened.replace("\n#DATABASE_", "\nDATABASE_").replace("\n#SMTP_", "\nSMTP_")
    for name in ("REDIS_URL", "LAB_HOME", "LAB_FILES", "DATABASE_URL", "SMTP_URL"):
        assert f"\n{name}=" in opened
    source = Path(lab_home.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'os\.environ\.get\("(\w+)"', source))
    assert "AMQP_URL" in read
    assert [name for name in read if f"#{name}=" not in example] == []
    project.write_env(opened)
    assert project.value("REDIS_URL") == "redis://localhost:6379/0"
    assert project.value("LAB_HOME") == str(project.root / ".lab")
    assert project.value("LAB_FILES") == str(project.root / ".lab/files")


# -- No password in any sentence --------------------------------------------------------------

MARKER = "s3cretWord"  # a part of each password
passwords = st.builds("{}{}{}".format, st.text(max_size=8), st.just(MARKER), st.text(max_size=8))
hosts = st.sampled_from(["localhost", "127.0.0.1:6379", "[::1]:6379", "h:port", "h:0", ""])
ends = st.sampled_from(["", "/", "/0", "/first", "/0?ssl_cert_reqs=none"])
users = st.sampled_from(["", "default", "user name"])
schemes = st.sampled_from(["redis://", "rediss://", "http://", "redis:", "//", ""])


@given(schemes, users, passwords, st.booleans(), hosts, ends)
def test_masked_never_shows_the_password(scheme, user, password, quoted, host, end):
    word = quote(password, safe="") if quoted else password
    assert MARKER not in lab_home.masked(f"{scheme}{user}:{word}@{host}{end}")


@given(schemes, users, passwords, st.booleans(), hosts, ends)
def test_no_error_about_a_url_shows_the_password(scheme, user, password, quoted, host, end):
    word = quote(password, safe="") if quoted else password
    try:
        lab_home._checked(f"{scheme}{user}:{word}@{host}{end}")
    except SystemExit as error:
        assert MARKER not in str(error)
        assert HINT in str(error)


def test_masked_hides_a_password_in_the_query_too():
    assert lab_home.masked("redis://h/0?password=w&a=1") == "redis://h/0?password=***&a=1"


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://h/1?ssl_cert_reqs=none"])
def test_masked_leaves_a_url_without_a_password_as_it_is(url):
    assert lab_home.masked(url) == url


def test_masked_keeps_user_host_port_and_database():
    assert lab_home.masked("redis://ada:w@h:1/2") == "redis://ada:***@h:1/2"
    assert lab_home.masked("redis://:w@h:1/2") == "redis://:***@h:1/2"
