"""What the benchmarks ran on, and which versions of everything."""

from __future__ import annotations

import os
import pathlib
import platform

from .lab import CACHE, PYPI, Lab, version


def describe(lab: Lab) -> dict[str, str]:
    """What a reader has to know to judge the figures, by name."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    return {
        "CPU": f"{field(info, 'model name', 'Model') or platform.machine()}, {os.cpu_count()} CPUs, {allowed()} of them usable",
        "Caches": caches(),
        "Memory": memory(),
        "Virtualised": virtualised(info),
        "Kernel": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Cgroups": cgroups(),
        "User": "root" if os.geteuid() == 0 else "a plain user",
        "Load before the run": f"{os.getloadavg()[0]:.2f} (average of a minute)",
        "Versions": "; ".join(versions(lab)),
    }


def field(text: str, *names: str) -> str:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def allowed() -> int:
    return len(os.sched_getaffinity(0))


def cache_sizes() -> dict[int, int]:
    """Bytes of the data caches of the first CPU, by level."""
    found = {}
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "type").read_text().strip() != "Instruction":
            size = (index / "size").read_text().strip()
            found[int((index / "level").read_text())] = int(size.rstrip("KM")) << (20 if size.endswith("M") else 10)
    return found


def caches() -> str:
    return ", ".join(f"L{level} {size >> 10:,} KiB" for level, size in cache_sizes().items()) or "not told"


def memory() -> str:
    kb = int(field(pathlib.Path("/proc/meminfo").read_text(), "MemTotal").split()[0])
    return f"{kb / 2**20:.1f} GiB"


def virtualised(info: str) -> str:
    flags = field(info, "flags", "Features").split()
    vendor = pathlib.Path("/sys/class/dmi/id/sys_vendor")
    name = f" ({vendor.read_text().strip()})" if vendor.exists() else ""
    return f"yes{name}" if "hypervisor" in flags else f"no sign of it{name}"


def cgroups() -> str:
    mounts = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    kinds = {line.split()[2] for line in mounts} & {"cgroup", "cgroup2"}
    return {0: "none", 1: "v2" if "cgroup2" in kinds else "v1", 2: "hybrid (v1 with a v2 tree)"}[len(kinds)]


def versions(lab: Lab) -> list[str]:
    """What of all the programs is there; called after the run, which installs them."""
    commands = [[lab.server, "--version"], [os.environ.get("GO", "go"), "version"], ["gcc", "--version"], ["xargs", "--version"],
                ["parallel", "--version"]]
    found = [text for text in map(version, commands) if text]
    found += [PYPI[peer][0] for peer in PYPI if (CACHE / peer / "installed").exists()]
    return found + [f"Python {platform.python_version()}"]
