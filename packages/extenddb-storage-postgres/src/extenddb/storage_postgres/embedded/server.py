"""Runs a cluster: start, watch, start again after a crash, stop.

    absent -> starting -> ready -> (died) -> starting -> ...   until stopping -> absent

Nothing sleeps a fixed time: readiness is read from the pid file every few milliseconds, ends are told by the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from extenddb.storage.errors import Unavailable
from extenddb.storage_postgres.embedded import pidfile
from extenddb.storage_postgres.embedded.cluster import (
    SUPERUSER,
    Cluster,
    cannot_drop_root,
    ensure_initialised,
    give,
    hold,
    prepare,
    refusal,
    write_access,
)
from extenddb.storage_postgres.embedded.launch import EXIT_NO_PASSAGE
from extenddb.storage_postgres.embedded.process import spawn, wait

_LOG = logging.getLogger(__name__)

_LOOK = 0.004
"""Seconds between looks for readiness."""
_START_LIMIT = 120.0
"""Seconds a start may take; recovery after a crash reads up to max_wal_size of log."""
_ORPHAN_LIMIT = 15.0
"""Seconds to wait for what a killed predecessor left running."""
_ORPHAN_PATIENCE = 3.0
"""Seconds a predecessor's postgres gets to stop by itself, as its parent's end told it to."""
_FAST_LIMIT = 20.0
"""Seconds for a fast shutdown, which writes a checkpoint."""
_IMMEDIATE_LIMIT = 5.0
"""Seconds for an immediate shutdown, which writes nothing."""
_BACKOFF = (0.0, 0.1, 0.5, 2.0, 5.0)
"""Seconds before the first, second, ... start again in a row."""
_STEADY = 60.0
"""Seconds of running after which a crash counts as the first again."""
_SOCKET_ROOM = 70
"""Longest temporary directory in which a socket's path still fits the kernel's 108 bytes."""

_OPTIONS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "checkpoint_timeout": "10min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "deadlock_timeout": "250ms",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_naptime": "20s",
    "autovacuum_vacuum_cost_delay": "2ms",
    "random_page_cost": "1.1",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    # Shows LOG, FATAL and PANIC: statement errors are told to the client, and a taken key is daily work to us.
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "cluster_name": "extenddb",
}
_VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "1min"}


class EmbeddedServer:
    """One cluster under supervision."""

    def __init__(self, directory: Path, binaries: Path, *, durable: bool = True) -> None:
        """Name the cluster; `start` does the work. Not durable: nothing is synced, for data that may be lost."""
        self._directory = directory
        self._binaries = binaries
        self._durable = durable
        self._sockets: Path | None = None
        self._lock: int | None = None
        self._cluster: Cluster | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """Address of the running server."""
        return f"host={self._sockets} port=5432 user={SUPERUSER} dbname=postgres"

    @property
    def pid(self) -> int | None:
        """Process id of the running postmaster."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Initialise where necessary and return when connections are taken. Raises Unavailable with a sentence."""
        self._cluster = cluster = prepare(self._directory, self._binaries, durable=self._durable)
        self._lock = hold(cluster)
        try:
            await ensure_initialised(cluster)
            self._sockets = _socket_directory()
            give(self._sockets, cluster.user)
            await self._launch(cluster)
        except BaseException:
            await self.stop()
            raise
        self._watcher = asyncio.create_task(self._watch(cluster))

    async def stop(self) -> None:
        """Stop the server and release everything; safe at any time and more than once."""
        self._stopping = True
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        if self._process is not None:
            await _end(self._process)
            self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _launch(self, cluster: Cluster) -> None:
        deadline = time.monotonic() + _ORPHAN_LIMIT
        while True:
            await _end_predecessor(cluster.data)
            status = await self._attempt(cluster)
            if status is None:
                return
            complaint = cluster.complaint()
            if status == EXIT_NO_PASSAGE:
                raise Unavailable(cannot_drop_root(cluster))
            # Backends of a killed postmaster notice its end a moment later; their shared memory guards the data.
            if "shared memory" not in complaint or time.monotonic() > deadline:
                raise Unavailable(await refusal(cluster))
            await asyncio.sleep(0.05)

    async def _attempt(self, cluster: Cluster) -> int | None:
        """Start once; None when ready, else the exit code."""
        command = self._command(cluster)
        with cluster.start_log.open("wb") as output:
            self._process = process = spawn(cluster.user, command, output=output, cwd=cluster.directory)
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._process = None
                return process.returncode
            file = pidfile.read(cluster.data)
            if file is not None and file.ready and file.pid == process.pid:
                return None
            await asyncio.sleep(_LOOK)
        await _end(process)
        self._process = None
        raise Unavailable(f"PostgreSQL in {cluster.directory} was not ready within {_START_LIMIT:.0f} seconds.")

    def _command(self, cluster: Cluster) -> list[str]:
        hba, ident = write_access(cluster)
        options = {
            **_OPTIONS,
            **({} if cluster.durable else _VOLATILE),
            "unix_socket_directories": str(self._sockets),
            "hba_file": str(hba),
            "ident_file": str(ident),
            "log_directory": str(cluster.directory / "log"),
        }
        command = [str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-p", "5432"]
        return command + [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    async def _watch(self, cluster: Cluster) -> None:
        """Start the server again whenever it ends without being told to."""
        crashes = 0
        while self._process is not None:
            began = time.monotonic()
            status = await wait(self._process)
            if self._stopping:
                return
            crashes = 0 if time.monotonic() - began > _STEADY else crashes
            _LOG.error("the embedded PostgreSQL ended unexpectedly (%s) and is started again", status)
            while True:
                await asyncio.sleep(_BACKOFF[min(crashes, len(_BACKOFF) - 1)])
                crashes += 1
                try:
                    await self._launch(cluster)
                    break
                except (Unavailable, OSError) as error:
                    _LOG.error("the embedded PostgreSQL does not start: %s", error)


def _socket_directory() -> Path:
    """Make a private directory with a path short enough for a socket in it."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if parent and len(os.fsencode(parent)) <= _SOCKET_ROOM and os.access(parent, os.W_OK | os.X_OK):
            return Path(tempfile.mkdtemp(prefix="extenddb-", dir=parent))
    raise Unavailable("There is no temporary directory with a short path for PostgreSQL's socket: set TMPDIR.")


async def _end_predecessor(data: Path) -> None:
    """Wait for, then stop, the PostgreSQL that a killed server may have left on this directory."""
    begin = time.monotonic()
    told = False
    while (file := pidfile.read(data)) is not None:
        if not pidfile.running(data, file):
            pidfile.disown(data)
            return
        waited = time.monotonic() - begin
        if waited > _ORPHAN_LIMIT:
            raise Unavailable(f"A PostgreSQL (process {file.pid}) still runs on {data} and does not stop.")
        if waited > _ORPHAN_PATIENCE and not told:
            told = True
            with contextlib.suppress(OSError):
                os.kill(file.pid, signal.SIGINT)
        await asyncio.sleep(0.02)


async def _end(process: subprocess.Popen[bytes]) -> None:
    steps = ((signal.SIGINT, _FAST_LIMIT), (signal.SIGQUIT, _IMMEDIATE_LIMIT), (signal.SIGKILL, _IMMEDIATE_LIMIT))
    for number, limit in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await wait(process)
