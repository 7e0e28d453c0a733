"""Child processes: started through the launcher, waited for without a thread and without polling where possible."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from extenddb.storage.errors import Unavailable
from extenddb.storage_postgres.embedded import launch

_POLL = 0.05
"""Seconds between looks at a child where the system has no descriptor for processes."""
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who PostgreSQL runs as; `switch` says whether that is someone else than we are."""

    uid: int
    gid: int
    switch: bool


def choose_user(directory: Path) -> User:
    """Return the user to run PostgreSQL as: ourselves, or as root the directory's owner or `nobody`."""
    if os.geteuid() != 0:
        return User(uid=os.geteuid(), gid=os.getegid(), switch=False)
    owner = directory.stat()
    if owner.st_uid != 0:
        return User(uid=owner.st_uid, gid=owner.st_gid, switch=True)
    try:
        entry = pwd.getpwnam(_NOBODY)
    except KeyError:
        raise Unavailable(
            f"PostgreSQL does not run as root and there is no user {_NOBODY}: give {directory} to another user."
        ) from None
    return User(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)


def spawn(user: User, command: Sequence[str], *, output: IO[bytes], cwd: Path) -> subprocess.Popen[bytes]:
    """Start a program as `user`; it ends when this process does."""
    uid, gid = (user.uid, user.gid) if user.switch else (-1, -1)
    launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(uid), str(gid)]
    # The system's locale must not choose languages or orders; PostgreSQL's own messages are matched nowhere.
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))}, "LC_ALL": "C"}
    return subprocess.Popen(  # noqa: S603
        [*launcher, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=cwd,
        env=environment,
        start_new_session=True,
    )


async def wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a child's end and return its exit code (negative: the signal)."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        while process.poll() is None:  # noqa: ASYNC110  (such systems tell nobody)
            await asyncio.sleep(_POLL)
        return process.wait()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()
