"""What this machine lets a process use: processors and memory, including the limits of a container.

A container sees all processors and all memory of its host, and is throttled or killed when it takes
them. The limits are written in the cgroup files: /sys/fs/cgroup/cpu.max and memory.max (version 2) and
their older counterparts (version 1).
"""
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
SELF = Path("/proc/self/cgroup")  # which group this process is in


def _read_number(*paths):
    """The first number that one of these files holds; None if none does ("max" means no limit)."""
    for path in paths:
        try:
            return int(Path(path).read_text().split()[0])
        except (OSError, ValueError, IndexError):
            continue
    return None


def processors():
    """How many processors this process may keep busy: the affinity mask and the container's quota, at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _groups("cpu"):
        try:
            quota, period = (group / "cpu.max").read_text().split()  # "150000 100000": one and a half processors
        except (OSError, ValueError):
            quota = _read_number(group / "cpu.cfs_quota_us") or "max"
            period = _read_number(group / "cpu.cfs_period_us") or 100_000
        if quota != "max" and int(quota) > 0:
            count = min(count, -(-int(quota) // int(period)))  # rounded up
    return max(1, count)


def _meminfo():
    """/proc/meminfo in bytes, {} if there is none (macOS)."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    return {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}


def _groups(what):
    """The folders of this process's cgroup and of those that it is part of: each may have a limit of its own.

    what: "cpu" or "memory".
    """
    yield CGROUP                                       # a container sees its own group there
    yield CGROUP / what                                # version 1
    try:
        lines = SELF.read_text().splitlines()          # "0::/user.slice/job-3", in version 1 "4:memory:/job-3"
    except OSError:
        return
    for controllers, path in (line.split(":", 2)[1:] for line in lines if line.count(":") >= 2):
        if controllers == "" or what in controllers.split(","):
            parts = Path(path).parts[1:]
            for n in range(1, len(parts) + 1):
                yield (CGROUP / what if controllers else CGROUP).joinpath(*parts[:n])


def _reclaimable(group):
    """Bytes of files that a group holds in memory and gives up when it needs room, as of a model just downloaded."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    counts = dict(line.split()[:2] for line in lines if line.count(" ") == 1)
    return int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))


def memory():
    """Bytes of memory as (total, available), including the container's limit; None if the system does not say."""
    info = _meminfo()
    if not info:  # macOS: the total is known, what is free changes as it compresses
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
        return total, None
    machine_total = total = info["MemTotal"]
    available = info.get("MemAvailable", info["MemFree"])
    for group in _groups("memory"):
        limit = _read_number(group / "memory.max", group / "memory.limit_in_bytes")
        if limit is not None and limit < machine_total:
            used = _read_number(group / "memory.current", group / "memory.usage_in_bytes") or 0
            total, available = min(total, limit), min(available, max(0, limit - used + _reclaimable(group)))
    return total, available
