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


def cpu_s(pid: int) -> float:
    """User and system time of a process so far; 0 once it is gone."""
    after_name = read(f"/proc/{pid}/stat").rpartition(") ")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK") if after_name else 0.0


def pid_beside(password_file: str) -> int:
    """scripts/neo4j and scripts/source keep the process' number where they keep its password; 0 for a container's."""
    return int(read(str(pathlib.Path(password_file).parent / "pid")) or 0)


def read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
