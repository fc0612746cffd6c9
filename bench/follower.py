"""`provsync sync` as a process: its processor time, its memory, and what its own metrics say."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass

import machine
import provsync

SUMS = re.compile(r'^(provsync_\w+?)_(sum|count)\{(?:call|how)="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Cpu:
    """Processor seconds so far."""

    worker: float
    source: float
    graph: float
    at: float

    def since(self, before: "Cpu") -> dict[str, float]:
        """Cores that each has used."""
        seconds = self.at - before.at
        return {name: (getattr(self, name) - getattr(before, name)) / seconds for name in ("worker", "source", "graph")}


class Follower:
    def __init__(self, environment: dict[str, str], log: pathlib.Path):
        self.environment, self.log = environment, log
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.metrics_at = f"127.0.0.1:{free.getsockname()[1]}"
        wanted = {key: value for key, value in self.environment.items() if key.startswith("PROVSYNC_")}
        environment = os.environ | wanted | {"PROVSYNC_METRICS__LISTEN": self.metrics_at}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([provsync.RELEASE / "provsync", "sync"], env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        if code:
            raise SystemExit(f"provsync sync ended with {code}; its log is {self.log}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def cpu(self) -> Cpu:
        beside = [self.environment[f"PROVSYNC_{side}__PASSWORD_FILE"] for side in ("SOURCE", "GRAPH")]
        source, graph = (machine.cpu_s(machine.pid_beside(file)) for file in beside)
        return Cpu(machine.cpu_s(self.process.pid), source, graph, time.monotonic())

    def peak_mib(self) -> float:
        return provsync.high_water_kib(self.process.pid) / 1024

    def sums(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Seconds and number of each call and each kind of window so far, from its metrics."""
        with urllib.request.urlopen(f"http://{self.metrics_at}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found: dict[tuple[str, str], dict[str, float]] = {}
        for name, what, label, value in SUMS.findall(text):
            found.setdefault((name, label), {})[what] = float(value)
        return {key: (value["sum"], value["count"]) for key, value in found.items()}
