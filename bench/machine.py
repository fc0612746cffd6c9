"""What the figures were measured on; nothing that names the machine or its user."""

import os
import pathlib
import platform
import re


def describe() -> dict:
    cpu = re.search(r"^model name\s*:\s*(.+)$", read("/proc/cpuinfo"), re.MULTILINE)
    memory_kb = re.search(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), re.MULTILINE)
    system = re.search(r'^PRETTY_NAME="(.+)"$', read("/etc/os-release"), re.MULTILINE)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memoryGiB": round(int(memory_kb[1]) / 2**20, 1) if memory_kb else None,
        "system": system[1] if system else platform.system(),
        "python": platform.python_version(),
    }


def read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
