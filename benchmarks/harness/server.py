"""Starts the server that is measured: in a folder of its own, with nothing from the environment."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from benchmarks.harness.control import call
from benchmarks.harness.cpu import is_database, memory, tree
from benchmarks.harness.target import Target

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_LOOK = 0.002

_NOT_OURS = ("EXTENDDB_", "PYTHONDONTWRITEBYTECODE")
"""Variables that would change what is measured: settings, and compiling every module anew at each start."""


class ServerError(Exception):
    """The server did not start; the text is the last line it wrote."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the server runs."""

    backend: str = "postgres"
    workers: int = 1
    gather: bool = True
    tls: bool = False
    extra: tuple[str, ...] = ()
    """Further flags, as they are given to the server."""

    def flags(self, folder: Path) -> list[str]:
        """Return the command line."""
        return [
            *("--data-dir", str(folder / "data"), "--ready-file", str(folder / "ready.json")),
            *("--port", "0", "--auth", "sigv4", "--log-level", "warning"),
            *("--backend", self.backend, "--workers", str(self.workers)),
            "--gather" if self.gather else "--no-gather",
            *(("--tls",) if self.tls else ()),
            *self.extra,
        ]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that answers."""

    target: Target
    folder: Path
    seconds: float
    """From the start of the process to the first answered, signed request."""

    def memory(self) -> list[dict[str, int | str]]:
        """Return the memory of every process that is not the database's."""
        found: list[dict[str, int | str]] = []
        for process in tree(self.target.pid):
            if not is_database(process):
                role = "server" if process.pid == self.target.pid else "worker"
                found.append({"role": role, **memory(process.pid)})
        return found

    def database_url(self) -> str:
        """Return how to reach the embedded PostgreSQL, empty if there is none."""
        for file in (self.folder / "data").rglob("postmaster.pid"):
            lines = file.read_text("ascii", "replace").splitlines()
            return f"host={lines[4].strip()} port={lines[3].strip()} user=extenddb dbname=postgres"
        return ""


@contextlib.contextmanager
def running(options: Options, folder: Path, name: str) -> Iterator[Running]:
    """Run a server as long as the context lasts. Raises ServerError."""
    log = folder / "server.log"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_OURS)}
    command = [sys.executable, "-P", "-m", "extenddb.server", *options.flags(folder)]
    begun = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=environment
        )
    try:
        target = _target(process, folder / "ready.json", log, name)
        answer = call(target, "ListTables", {})
        seconds = time.perf_counter() - begun
        if answer.error:
            raise ServerError(f"the first request failed: {answer.error}")
        yield Running(target=target, folder=folder, seconds=seconds)
    finally:
        _stop(process)


def _target(process: subprocess.Popen[bytes], ready: Path, log: Path, name: str) -> Target:
    deadline = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            raise ServerError(lines[-1] if lines else "the server did not become ready")
        time.sleep(_LOOK)
    told = orjson.loads(ready.read_bytes())
    return Target(
        name=name,
        endpoint=told["endpoint"],
        access_key_id=told["access_key_id"],
        secret_access_key=told["secret_access_key"],
        region=told["region"],
        pid=told["pid"],
        ca_bundle=told.get("ca_bundle", ""),
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
