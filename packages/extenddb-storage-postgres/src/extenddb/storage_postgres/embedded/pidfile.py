"""What `postmaster.pid` says, and whether it is still true.

A process id alone proves nothing: after a crash, and always in containers, it may belong to another program by now.
A running server is believed only when the process works in this very data directory, or answers on the socket named
in the file.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

_LINES = 8
_PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True, kw_only=True)
class PidFile:
    """The lines of `postmaster.pid` that matter."""

    pid: int
    socket_directory: str
    port: str
    ready: bool


def read(data: Path) -> PidFile | None:
    """Return the contents of the data directory's pid file; None if it is missing or still being written."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        pid = abs(int(lines[0]))
    except (OSError, ValueError, IndexError):
        return None
    lines += [""] * (_LINES - len(lines))
    return PidFile(pid=pid, port=lines[3].strip(), socket_directory=lines[4].strip(), ready=lines[7].strip() == "ready")


def running(data: Path, file: PidFile) -> bool:
    """Return whether the process of the file is a PostgreSQL of this data directory."""
    if file.pid == os.getpid():
        return False
    if _PROC.is_dir():
        return _works_in(file.pid, data)
    return _alive(file.pid) and _answers(file)


def _works_in(pid: int, data: Path) -> bool:
    try:
        if not os.path.samefile(f"/proc/{pid}/cwd", data):
            return False
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z" and Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip().startswith("postgres")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _answers(file: PidFile) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(f"{file.socket_directory}/.s.PGSQL.{file.port}")
        except OSError:
            return False
    return True


def disown(data: Path) -> None:
    """Put our own process id into a stale file.

    PostgreSQL refuses to start while the id in the file is alive, whatever it belongs to, but ignores its own
    parent's id. The rest of the file stays: by it PostgreSQL finds the shared memory of orphans that still run, which
    deleting the file would hide.
    """
    path = data / "postmaster.pid"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[0] = b"%d\n" % os.getpid()
    with path.open("r+b") as file:
        file.writelines(lines)
        file.truncate()
