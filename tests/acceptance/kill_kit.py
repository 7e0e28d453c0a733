"""What tests that end processes share: the processes of a server, its store seen from outside, and requests by hand.

The requests are plain HTTP: sixty thousand items are read in a second, and nothing is repeated behind a test's back.
"""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from extenddb.server.testing import Server

PATIENCE = 60.0  # seconds for anything to happen
WORKER = "extenddb.server.worker"
_TARGETS = {"dynamodb": "DynamoDB_20120810", "streams": "DynamoDBStreams_20120810"}
_LOG = 6000  # characters of a server's log shown with a failure
_POLL = 0.01


class Refused(Exception):
    """A request was not answered as it should be."""


def call(server: Server, operation: str, service: str = "dynamodb", **request: Any) -> dict[str, Any]:
    """Return the answer to one request, which is sent once. Raises Refused."""
    headers = {"X-Amz-Target": f"{_TARGETS[service]}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    sent = urllib.request.Request(server.endpoint, json.dumps(request).encode(), headers)
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise Refused(error.read().decode()) from error
    except (OSError, ValueError) as error:  # no connection, half an answer
        raise Refused(repr(error)) from error


def insist(server: Server, operation: str, **request: Any) -> dict[str, Any]:
    """Return the answer to a request that is repeated until there is one: what it asks for may be asked for twice."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call(server, operation, **request)
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)


def items_of(server: Server, table: str, **request: Any) -> list[dict[str, Any]]:
    """Return all items of a table, or of one of its indexes."""
    items: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        page = call(server, "Scan", TableName=table, **request, **start)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def wait_until(holds: Callable[[], bool], what: Callable[[], str] | str, server: Server) -> None:
    """Return when a condition holds; fails with the server's log when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        said = what if isinstance(what, str) else what()
        assert time.monotonic() < deadline, f"waited in vain for {said}\n{server.logs()[-_LOG:]}"
        time.sleep(_POLL)


def processes() -> Iterator[tuple[int, int, str]]:
    """Yield the id, the parent's id and the command line of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                command = (entry / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield int(entry.name), int(stat.rpartition(")")[2].split()[1]), command


def family(root: int, wanted: str) -> dict[int, str]:
    """Return id and command line of the processes below one whose command line contains a text, nearest first."""
    found: dict[int, str] = {}
    members = {root}
    table = sorted(processes())
    while True:
        more = [(pid, command) for pid, parent, command in table if parent in members and pid not in members]
        if not more:
            return found
        members.update(pid for pid, _ in more)
        found.update((pid, command) for pid, command in more if wanted in command)


def workers_of(server: Server) -> list[int]:
    """Return the ids of a server's worker processes; none when it answers requests itself."""
    return [*family(server.process.pid, WORKER)]


def postmaster_of(server: Server) -> int | None:
    """Return the id of a server's PostgreSQL, None while there is none."""
    return next(iter(family(server.process.pid, "bin/postgres -D")), None)


def kill_server(server: Server) -> None:
    """End all processes of a server at once, without any chance to tidy up; its PostgreSQL follows by itself."""
    for pid in (server.process.pid, *workers_of(server)):
        os.kill(pid, signal.SIGKILL)
    server.process.wait()


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as the store holds it."""

    key: str
    type: str
    state: dict[str, Any]


def address_of(server: Server) -> str:
    """Return the connection string of a server's embedded PostgreSQL. Raises LookupError while there is none."""
    commands = [*family(server.process.pid, "bin/postgres -D").values()]
    folders = [part for part in commands[0].split() if part.startswith("unix_socket_directories=")]
    return f"host={folders[0].partition('=')[2]} port=5432 user=extenddb dbname=postgres connect_timeout=2"


class Store:
    """A server's embedded PostgreSQL, looked into from outside."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: psycopg.Connection[Any] | None = None

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query, once there is a PostgreSQL."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self._connection is None:
                    self._connection = psycopg.connect(address_of(self._server), autocommit=True)
                return self._connection.execute(statement.encode(), values).fetchall()
            except (psycopg.OperationalError, LookupError):
                self.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)

    def jobs(self) -> list[Job]:
        """Return the jobs that are not done."""
        found = self.rows("SELECT key, body FROM documents WHERE kind = 'job' ORDER BY key")
        bodies = [(key.decode(), json.loads(body)) for key, body in found]
        return [Job(key=key, type=body["Type"], state=body["State"]) for key, body in bodies]

    def holder(self, job: Job) -> int | None:
        """Return the id of the process that works on a job, None while none does."""
        query = "SELECT holder FROM leases WHERE name = %s AND expires > clock_timestamp()"
        return next((int(holder.partition("-")[0]) for (holder,) in self.rows(query, f"job/{job.key}")), None)

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
