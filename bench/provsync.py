"""Runs the release build of provsync, and the emulator that it reads from, and measures."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Iterator

import neo4j

import graph
import machine

RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", graph.ROOT / "target")) / "release"
KINDS = {
    "carrying graph.AtomGraphNodes": "nodes",
    "carrying graph.AtomGraphEdges": "edges",
    "carrying provenance.GenerationStreams": "streams",
}
SOURCE = graph.ROOT / "scripts" / "source"


@dataclass
class Run:
    seconds: float
    peak_mib: float
    cpu_s: float
    source_cpu_s: float  # the emulator's, on the same cores
    kinds: dict[str, tuple[int, float]]  # rows and seconds
    changed: int


@contextlib.contextmanager
def source(data: list[pathlib.Path]) -> Iterator[dict[str, str]]:
    """A source with the project's tables and the data; yields what provsync needs to reach it."""
    environment = os.environ | {
        "SOURCE_INSTANCE": "bench",
        "SOURCE_BINARY": str(RELEASE / "sqlgraph-emulator"),
        "SOURCE_READY_S": "900",
    }
    init = [*sorted((graph.ROOT / "sql" / "graph").glob("*.sql")), *data]
    try:
        out = subprocess.run([SOURCE, "start", *init], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        yield dict(line.split("=", 1) for line in shlex.split(out))
    finally:
        subprocess.run([SOURCE, "stop"], env=environment, check=True)


@contextlib.contextmanager
def loaded(instance: str, data: list[pathlib.Path]) -> Iterator[tuple[dict[str, str], neo4j.Driver]]:
    """A source with the data, and a server of its own that `provsync full` has loaded; yields what reaches both."""
    environment = graph.start(instance)
    try:
        with graph.connect(environment) as driver, source(data) as of_source:
            environment |= of_source
            graph.empty(driver)
            graph.apply_schema(driver)
            full(environment)
            yield environment, driver
    finally:
        graph.script(instance, "stop")
        graph.script(instance, "remove")


@dataclass
class Process:
    """A run of a command to its end."""

    seconds: float  # wall clock, to 10 ms
    peak_mib: float
    cpu_s: float
    source_cpu_s: float  # the emulator's, on the same cores
    result: dict  # what it printed
    log: list[str]


def run(environment: dict[str, str], *arguments: str) -> Process:
    """One run of provsync that must end with 0."""
    wanted = {key: value for key, value in environment.items() if key.startswith("PROVSYNC_")}
    command = [str(RELEASE / "provsync"), *arguments, "--output", "json", "--log-format", "json", "--log-level", "info"]
    peak_kib, cpu = 0, 0.0
    source_pid = machine.pid_beside(environment["PROVSYNC_SOURCE__PASSWORD_FILE"])
    source_cpu = machine.cpu_s(source_pid)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ | wanted, stdout=out, stderr=log)
        while process.poll() is None:
            peak_kib = max(peak_kib, high_water_kib(process.pid))
            cpu = max(cpu, machine.cpu_s(process.pid))
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        out.seek(0)
        log.seek(0)
        lines = log.read().decode().splitlines()
        if process.returncode:
            raise SystemExit(f"provsync {arguments[0]} failed:\n" + "\n".join(lines[-20:]))
        result = json.loads(out.read())
    return Process(seconds, peak_kib / 1024, cpu, machine.cpu_s(source_pid) - source_cpu, result, lines)


def full(environment: dict[str, str]) -> Run:
    """One `provsync full`."""
    done = run(environment, "full")
    kinds = done.result["kinds"]
    return Run(
        seconds=done.seconds,
        peak_mib=done.peak_mib,
        cpu_s=done.cpu_s,
        source_cpu_s=done.source_cpu_s,
        kinds=phases(done.log),
        changed=sum(kind[what] for kind in kinds.values() for what in ("created", "updated", "deleted")),
    )


def phases(lines: list[str]) -> dict[str, tuple[int, float]]:
    """Rows and seconds of each kind, from the log: the summary has only the time of the whole."""
    found = {}
    for line in lines:
        fields = json.loads(line)["fields"]
        kind = KINDS.get(fields.get("phase"))
        if kind and fields["message"] == "done" and fields["rows"]:
            found[kind] = fields["rows"], fields["rows"] / fields["rows_per_second"]
    return found


def high_water_kib(pid: int) -> int:
    """The kernel's own mark of the process; getrusage would count this process' memory too, from before exec."""
    found = re.search(r"^VmHWM:\s*(\d+) kB", machine.read(f"/proc/{pid}/status"), re.MULTILINE)
    return int(found[1]) if found else 0
