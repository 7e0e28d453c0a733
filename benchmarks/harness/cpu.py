"""CPU time and memory of process trees, read from /proc."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICK = 1.0 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Process:
    """One line of /proc: what matters of it."""

    pid: int
    parent: int
    name: str
    seconds: float
    """User and system time of the process and of its ended, collected children."""


def _read(pid: str) -> Process | None:
    try:
        text = (_PROC / pid / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    # Counted from the state, field 3 of proc(5): parent is 4; user, system and those of children are 14 to 17.
    ticks = sum(int(value) for value in fields[11:15])
    return Process(pid=int(pid), parent=int(fields[1]), name=head.partition("(")[2], seconds=ticks * _TICK)


def tree(root: int) -> Iterator[Process]:
    """Yield a process and everything below it."""
    below: dict[int, list[Process]] = {}
    for entry in os.listdir(_PROC):
        process = _read(entry) if entry.isdigit() else None
        if process is not None:
            below.setdefault(process.parent, []).append(process)
            if process.pid == root:
                yield process
    open_ends = [root]
    while open_ends:
        children = below.get(open_ends.pop(), [])
        yield from children
        open_ends.extend(child.pid for child in children)


def is_database(process: Process) -> bool:
    """Tell PostgreSQL's processes from the server's own."""
    return process.name.startswith("postgres")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Seconds used so far, at one moment."""

    clock: float
    server: float
    database: float
    client: float

    def since(self, earlier: Usage) -> Usage:
        """Return what was used after another moment."""
        return Usage(
            clock=self.clock - earlier.clock,
            server=self.server - earlier.server,
            database=self.database - earlier.database,
            client=self.client - earlier.client,
        )


def usage(root: int) -> Usage:
    """Return the CPU of a server's tree (root 0: of none) and of the calling process.

    A child that ends moves its time to its parent when collected, so nothing is lost or counted twice.
    """
    server = database = 0.0
    for process in tree(root) if root else ():
        if is_database(process):
            database += process.seconds
        else:
            server += process.seconds
    own = resource.getrusage(resource.RUSAGE_SELF)
    client = own.ru_utime + own.ru_stime
    return Usage(clock=time.perf_counter(), server=server, database=database, client=client)


def memory(pid: int) -> dict[str, int]:
    """Return resident and proportional bytes of one process; missing where the kernel does not tell."""
    found: dict[str, int] = {}
    for file in ("status", "smaps_rollup"):
        try:
            text = (_PROC / str(pid) / file).read_text("ascii", "replace")
        except OSError:
            continue
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name in {"VmRSS", "Pss"}:
                found["rss" if name == "VmRSS" else "pss"] = int(value.split()[0]) * _KIB
    return found
