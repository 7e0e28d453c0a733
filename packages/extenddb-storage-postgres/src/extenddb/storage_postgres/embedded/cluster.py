"""The files of an embedded cluster: made once, checked at each start, held by one server at a time.

<directory>/lock        held (flock) by the supervising process
<directory>/data        PostgreSQL's data directory, complete or absent
<directory>/log         PostgreSQL's log files, one for each day of the week
<directory>/start.log   what the last initdb or start said before the log was open
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from extenddb.storage.errors import Unavailable
from extenddb.storage_postgres.embedded.launch import EXIT_NO_PASSAGE
from extenddb.storage_postgres.embedded.process import User, choose_user, spawn, wait

SUPERUSER = "extenddb"
_FIRST_BUILTIN_LOCALE = 17
"""First major version whose C.UTF-8 does not depend on the operating system."""
_VERSION = re.compile(r"postgres \(PostgreSQL\) (\d+)")
_TAIL = 400
"""Characters of the start log that go into an error's sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A data directory and the programs that serve it."""

    directory: Path
    binaries: Path
    user: User
    durable: bool

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.directory / "data"

    @property
    def start_log(self) -> Path:
        """Where initdb and an early start write."""
        return self.directory / "start.log"

    def complaint(self) -> str:
        """Return the last words of the start log, for an error's sentence."""
        try:
            text = self.start_log.read_text("utf-8", "replace").strip()
        except OSError:
            return ""
        return " ".join(text[-_TAIL:].split())


def prepare(directory: Path, binaries: Path, *, durable: bool) -> Cluster:
    """Make the cluster's directory and give it to the user PostgreSQL will run as. Raises Unavailable."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        user = choose_user(directory if directory.exists() else directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        give(directory, user)
        (directory / "log").mkdir(mode=0o700, exist_ok=True)
        give(directory / "log", user)
    except OSError as error:
        raise Unavailable(f"The data directory {directory} cannot be used: {error.strerror}.") from error
    return Cluster(directory=directory, binaries=binaries, user=user, durable=durable)


def give(path: Path, user: User) -> None:
    """Make `user` the owner of one path."""
    if user.switch:
        os.chown(path, user.uid, user.gid)


def hold(cluster: Cluster) -> int:
    """Take the cluster's lock and return its descriptor. Raises Unavailable when another server has it."""
    descriptor = os.open(cluster.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Unavailable(
            f"Another server uses the data directory {cluster.directory}: stop it, or choose another directory."
        ) from None
    return descriptor


async def ensure_initialised(cluster: Cluster) -> None:
    """Create the database files unless they exist. Raises Unavailable."""
    if not (cluster.data / "PG_VERSION").exists():
        await _initialise(cluster, await _major(cluster))


async def refusal(cluster: Cluster) -> str:
    """Return the sentence for a PostgreSQL that did not start."""
    said = cluster.complaint()
    try:
        stored = int((cluster.data / "PG_VERSION").read_text("ascii").strip())
    except (OSError, ValueError):
        return f"{cluster.data} does not look like a PostgreSQL data directory."
    if stored != (major := await _major(cluster)):
        return (
            f"{cluster.data} was made by PostgreSQL {stored} but the programs in {cluster.binaries} are version "
            f"{major}: use PostgreSQL {stored} (pg_bin) to export the data, and import it into a new directory."
        )
    return f"PostgreSQL did not start in {cluster.directory}: {said}"


async def _initialise(cluster: Cluster, major: int) -> None:
    # Made beside its place and renamed: a killed initdb leaves nothing that looks like a database.
    fresh = cluster.directory / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    give(fresh, cluster.user)
    locale = ["--locale=C"]
    if major >= _FIRST_BUILTIN_LOCALE:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["-D", str(fresh), "-U", SUPERUSER, "-E", "UTF8", "-A", "peer", "--no-instructions", *locale]
    if not cluster.durable:
        options.append("--no-sync")
    if await _run(cluster, "initdb", options) != 0:
        raise Unavailable(f"PostgreSQL's initdb failed in {cluster.directory}: {cluster.complaint()}")
    fresh.rename(cluster.data)
    _sync(cluster.directory)


def cannot_drop_root(cluster: Cluster) -> str:
    """Return the sentence for a root without the capabilities that root has."""
    return (
        f"PostgreSQL does not run as root, and this root may not start it as another user ({cluster.complaint()}): "
        "run the server as an ordinary user, or from directories that everyone may enter."
    )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _run(cluster: Cluster, program: str, options: list[str]) -> int:
    with cluster.start_log.open("wb") as output:
        process = spawn(cluster.user, [str(cluster.binaries / program), *options], output=output, cwd=cluster.directory)
        try:
            return await wait(process)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


async def _major(cluster: Cluster) -> int:
    status = await _run(cluster, "postgres", ["--version"])
    said = cluster.complaint()
    match = _VERSION.match(said)
    if status == EXIT_NO_PASSAGE or (status == 0 and match is None and cluster.user.switch):
        raise Unavailable(cannot_drop_root(cluster))
    if status != 0 or match is None:
        raise Unavailable(f"The programs in {cluster.binaries} do not run here: {said}")
    return int(match[1])


def write_access(cluster: Cluster) -> tuple[Path, Path]:
    """Write who may connect, and return the paths of the host and ident files.

    Only the users of this process and of PostgreSQL itself, as the kernel names them (`peer`). A user without a name
    in the system, common in containers, cannot be named: there the socket's private directory alone guards.
    """
    hba, ident = cluster.directory / "hba.conf", cluster.directory / "ident.conf"
    try:
        names = {pwd.getpwuid(uid).pw_name for uid in (os.geteuid(), cluster.user.uid)}
        method = "peer map=extenddb"
    except KeyError:
        names, method = set(), "trust"
    hba.write_text(f"local all all {method}\n", "ascii")
    ident.write_text("".join(f'extenddb "{name}" {SUPERUSER}\n' for name in sorted(names)), "utf-8")
    for path in (hba, ident):
        give(path, cluster.user)
    return hba, ident
