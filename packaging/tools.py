"""Paths, and the tools that read the packaging's files."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "packaging/compose"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
STATE = pathlib.Path(os.environ.get("PROVSYNC_HOME", ROOT / ".provsync")) / "packaging"
# The loader that docker compose itself is built on.
LOADER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"


def run(*command, **options):
    """A command with its output; what it printed is in the failure's message."""
    options = {"cwd": ROOT, "text": True, "capture_output": True, "timeout": 300, **options}
    done = subprocess.run([str(word) for word in command], **options)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def built(name):
    """A program of the workspace."""
    path = TARGET / "debug" / name
    if not path.exists():
        raise unittest.SkipTest(f"{path} is not built")
    return path


def has_compose():
    return shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0


def loader():
    """compose-go, built once."""
    folder = (STATE / LOADER.rsplit("@", 1)[1]).resolve()
    if not (folder / "cmd").exists():
        if not shutil.which("go"):
            raise unittest.SkipTest("neither docker compose nor go is here: docker-compose.yml is not checked")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            run("go", "install", LOADER, env={**os.environ, "GOBIN": str(folder)})
        except AssertionError as error:
            raise unittest.SkipTest(f"compose-go cannot be built here: docker-compose.yml is not checked: {error}") from error
    return folder / "cmd"


def project(**variables):
    """docker-compose.yml as compose understands it, all profiles, by its specification's schema."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PROVSYNC_", "MSSQL_", "NEO4J_"))}
    environment |= variables
    if has_compose():
        return json.loads(run("docker", "compose", "--profile", "*", "config", "--format", "json", env=environment))
    return json.loads(run(loader(), "-format", "json", "docker-compose.yml", env={**environment, "COMPOSE_PROFILES": "*"}))
