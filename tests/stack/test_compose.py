"""Each Compose of this machine takes the compose file: `config` needs no engine."""

import shutil
import subprocess

import pytest

from tests.helpers.compose_text import COMPOSE_FILE


def compose_commands() -> list[list[str]]:
    """The Compose programs of this machine: docker-compose, and docker's own `compose`."""
    found = [[path]] if (path := shutil.which("docker-compose")) else []
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        found += [["docker", "compose"]] if plugin.returncode == 0 else []
    return found


@pytest.mark.parametrize("password", ["", "secret"])
def test_compose_accepts_the_file(tmp_path, password):
    """`config` needs no engine."""
    if not compose_commands():
        pytest.skip("neither docker-compose nor docker compose is on this machine")
    settings = tmp_path / "settings"
    settings.write_text(f"REDIS_PASSWORD={password}\n" if password else "")
    options = ["--env-file", str(settings), "--file", str(COMPOSE_FILE)]
    for command in compose_commands():
        full = subprocess.run(
            [*command, *options, "--profile", "full", "config"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert full.returncode == 0, full.stderr
        assert full.stderr == ""
        # Compose 2 prints the shared block too.
        assert full.stdout.count(f"REDIS_URL: redis://:{password}@redis:6379/0") in {8, 9}
