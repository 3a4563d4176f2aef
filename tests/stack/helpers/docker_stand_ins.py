"""Stand-ins for the base images, where an engine runs but cannot fetch images.

Both are a Debian made by debootstrap (needs root, about 1 minute) under the names that
docker-compose.yml and the Dockerfile use.  Whoever built them removes them, and a
real image is never replaced.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers.compose_text import ROOT

BASE = "celery-learning-lab-stand-in"
PACKAGES = "ca-certificates,python3,python3-venv,python3-pip,redis-server"
FETCH_TIMEOUT_S = 120
BUILD_TIMEOUT_S = 600

# What the official images promise and our files rely on: the programs in /usr/local/bin, /data
# that belongs to the user redis, and an entry point that changes to that user.
REDIS = r"""FROM {base}
RUN groupmod -g 999 redis && usermod -u 999 -g 999 redis \
 && ln -s /usr/bin/redis-server /usr/bin/redis-cli /usr/local/bin/ \
 && mkdir /data && chown redis:redis /data
COPY docker-entrypoint.sh /usr/local/bin/
VOLUME /data
WORKDIR /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
"""
ENTRY_POINT = r"""#!/bin/sh
set -e
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    chown -R redis /data
    exec setpriv --reuid redis --regid redis --clear-groups "$0" "$@"
fi
exec "$@"
"""
# pip inside a build finds the packages of requirements.lock in the image, and asks nobody.
PYTHON = r"""FROM {base}
RUN rm /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s /usr/bin/python3 /usr/local/bin/python
COPY wheels /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
"""
DOCKERFILES = {"redis": REDIS, "python": PYTHON}


def is_there(image: str) -> bool:
    """True if the engine has this image."""
    look = ["docker", "image", "inspect", image]
    return subprocess.run(look, capture_output=True, check=False).returncode == 0


def can_be_fetched(image: str) -> bool:
    """Fetch the image; False if that fails."""
    try:
        fetched = subprocess.run(
            ["docker", "pull", image], capture_output=True, timeout=FETCH_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return fetched.returncode == 0


def build_stand_ins(images: dict[str, str], folder: Path) -> list[str]:
    """Build some of base_images() from a Debian in `folder`; return their names, and its own."""
    base = BASE
    root = folder / "debian"
    _run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root)
    with subprocess.Popen(
        ["tar", "-C", root, "--exclude=./var/cache/apt/archives/*.deb", "-c", "."],
        stdout=subprocess.PIPE,
    ) as tar:
        _run("docker", "import", "-", base, stdin=tar.stdout)
    shutil.rmtree(root)
    _download_wheels(folder / "wheels", folder / "any.lock")
    (folder / "docker-entrypoint.sh").write_text(ENTRY_POINT)
    (folder / "docker-entrypoint.sh").chmod(0o755)
    for name, image in images.items():
        file = folder / f"Dockerfile.{name}"
        file.write_text(DOCKERFILES[name].format(base=base))
        _run("docker", "build", "--tag", image, "--file", file, folder)
    return [*images.values(), base]


def _download_wheels(folder: Path, any_lock: Path) -> None:
    """Everything that the lock names, for the Python of the stand-in, by this machine's pip."""
    lock = (ROOT / "requirements.lock").read_text()
    any_lock.write_text(re.sub(r" ; .* \\$", r" \\", lock, flags=re.MULTILINE))  # on any system
    python = Path(sys.base_prefix, "bin", "python3")
    pip = ["-m", "pip", "download", "--quiet"]
    pip += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", str(any_lock)]
    _run(python, *pip, "--python-version", "3.11", "--dest", folder)


def _run(*command: str | Path, stdin=subprocess.DEVNULL) -> None:
    finished = subprocess.run(
        command,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert finished.returncode == 0, f"{command}:\n{finished.stdout}{finished.stderr}"
