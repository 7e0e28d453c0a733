"""Statements sent as pipelines over one connection, straight on libpq.

A *round* is a list of calls sent together and answered together: one round trip. Every statement is prepared on first
use, in the same round; parameters and results are binary. A round that does not commit ends with a flush request
instead of a sync: PostgreSQL keeps the implicit transaction of a pipeline open until the sync, so a transaction of
two rounds needs neither BEGIN nor COMMIT, and an error anywhere rolls it back at the sync.

The driver's cursors would do the same work for several times the CPU; its connection set-up is used as it is.
"""

from __future__ import annotations

import itertools
import select
from collections.abc import Sequence
from typing import Final, NamedTuple

import psycopg
from psycopg import pq

from extenddb.storage.errors import Ambiguous, Unavailable
from extenddb.storage_postgres import errors
from extenddb.storage_postgres.readiness import Readiness

_FATAL: Final = pq.ExecStatus.FATAL_ERROR
_CONNECTED: Final = pq.ConnStatus.OK
_IDLE: Final = pq.TransactionStatus.IDLE
_BINARY: Final = pq.Format.BINARY
_PREPARED_LIMIT: Final = 2000
"""Prepared statements a connection keeps before it forgets all: some ten for every table in use."""

_names = itertools.count(1)


class Statement:
    """One constant SQL text, prepared under its own name where it is used."""

    __slots__ = ("formats", "name", "sql")

    def __init__(self, sql: str) -> None:
        """Take a text whose parameters are $1, $2, ... with their types cast."""
        self.sql: Final = sql.encode()
        self.name: Final = b"x%d" % next(_names)
        self.formats: Final[dict[int, list[int]]] = {}

    def __call__(self, *parameters: bytes | None) -> Call:
        """Return the call of this statement with packed parameters."""
        return Call(self, parameters)


class Call(NamedTuple):
    """A statement with its parameters in binary."""

    statement: Statement
    parameters: tuple[bytes | None, ...]


class Counter:
    """How many statements and round trips were made; tests hold the numbers."""

    __slots__ = ("rounds", "statements")

    def __init__(self) -> None:
        self.rounds = 0
        self.statements = 0


_BINARIES: Final = [[_BINARY] * n for n in range(16)]


class Session:
    """A connection with its prepared statements; used by one task at a time."""

    def __init__(self, connection: psycopg.AsyncConnection, counter: Counter) -> None:
        """Take over an open autocommit connection."""
        self.connection: Final = connection
        self.counter: Final = counter
        self._pg: Final = connection.pgconn
        self._ready: Final = Readiness(connection.pgconn.socket)
        self._prepared: set[Statement] = set()
        self._poll: Final = select.poll()
        self._poll.register(connection.pgconn.socket, select.POLLIN)
        self._open = False
        self._spoiled = False
        self._pg.nonblocking = 1

    @property
    def healthy(self) -> bool:
        """Whether the connection can serve another task."""
        usable = not self._open and not self._spoiled
        return usable and self._pg.status == _CONNECTED and self._pg.transaction_status == _IDLE

    @property
    def broken(self) -> bool:
        """Whether the connection is lost."""
        return self._pg.status != _CONNECTED

    def stale(self) -> bool:
        """Return whether the server said anything while the connection lay idle: mostly that it is closing it."""
        return bool(self._poll.poll(0))

    def lend(self) -> psycopg.AsyncConnection:
        """Return the connection for the driver's own calls, which wait for its socket themselves."""
        self._ready.release()
        return self.connection

    def finish(self) -> None:
        """Close the connection, whatever is under way on it."""
        self._ready.release()
        self._pg.finish()

    async def run(self, calls: Sequence[Call]) -> list[pq.abc.PGresult]:
        """Send the calls as one round and commit; return their results. Raises errors of the contract.

        Also ends a transaction that `begin` opened. Raises Ambiguous when the connection is lost.
        """
        return await self._round(calls, commit=True)

    async def read(self, calls: Sequence[Call]) -> list[pq.abc.PGresult]:
        """Send calls that change nothing as one round; like `run`, but never Ambiguous."""
        try:
            return await self._round(calls, commit=True)
        except Ambiguous as error:
            raise errors.ConnectionLost(str(error)) from error

    async def transaction(self, begin: Call, calls: Sequence[Call], commit: Call) -> list[pq.abc.PGresult]:
        """Send reads inside an explicit transaction as one round; return the results of the reads."""
        try:
            return (await self.read([begin, *calls, commit]))[1 : len(calls) + 1]
        except Exception:
            if self._pg.status == _CONNECTED and self._pg.transaction_status != _IDLE:
                await self.read([_ROLLBACK()])
            raise

    async def begin(self, calls: Sequence[Call]) -> list[pq.abc.PGresult]:
        """Send the calls as one round and leave their transaction open for a second one."""
        return await self._round(calls, commit=False)

    async def rollback(self) -> None:
        """End the transaction that `begin` opened; it has only locked, so its commit changes nothing."""
        if self._open:
            await self.read([])

    async def _round(self, calls: Sequence[Call], *, commit: bool) -> list[pq.abc.PGresult]:
        try:
            fresh = self._send(calls, commit=commit)
            results = await self._collect(len(calls) + len(fresh), sync=commit)
            failed = _failure(results)
            if failed is not None and not commit:
                self._pg.pipeline_sync()
                await self._collect(0, sync=True)
        except psycopg.OperationalError as error:
            # libpq has closed the socket: the next connection gets its number, and must not meet our watch on it.
            self._ready.release()
            raise self._lost(error, commit=commit) from error
        self._open = not commit and failed is None
        if not self._open:
            self._pg.exit_pipeline_mode()
        if fresh:
            results = self._remember(fresh, results)
        if failed is not None:
            self._spoiled = isinstance(failed, Unavailable)
            raise failed
        return results

    def _remember(self, fresh: Sequence[Statement], results: Sequence[pq.abc.PGresult]) -> list[pq.abc.PGresult]:
        """Note what was prepared, which outlives a failed transaction; return the other results."""
        answers = iter(fresh)
        kept: list[pq.abc.PGresult] = []
        for result, keep in zip(results, self._kept, strict=True):
            if keep:
                kept.append(result)
                continue
            statement = next(answers)
            if result.status == pq.ExecStatus.COMMAND_OK:
                self._prepared.add(statement)
        return kept

    def _send(self, calls: Sequence[Call], *, commit: bool) -> list[Statement]:
        pg, prepared = self._pg, self._prepared
        if not self._open:
            if len(prepared) > _PREPARED_LIMIT:
                pg.exec_(b"DEALLOCATE ALL")
                prepared.clear()
            pg.enter_pipeline_mode()
            self._open = True
        fresh: list[Statement] = []
        kept: list[bool] = []
        for statement, parameters in calls:
            if statement not in prepared and statement not in fresh:
                pg.send_prepare(statement.name, statement.sql)
                fresh.append(statement)
                kept.append(False)
            kept.append(True)
            pg.send_query_prepared(statement.name, parameters, _BINARIES[len(parameters)], _BINARY)
        if commit:
            pg.pipeline_sync()
            kept.append(True)
        else:
            pg.send_flush_request()
        self._kept = kept
        self.counter.rounds += 1
        self.counter.statements += len(calls)
        return fresh

    async def _collect(self, count: int, *, sync: bool) -> list[pq.abc.PGresult]:
        pg = self._pg
        while pg.flush():
            await self._ready.writable()
            pg.consume_input()
        results: list[pq.abc.PGresult] = []
        expected = count + sync
        while len(results) < expected:
            while pg.is_busy():
                await self._ready.readable()
                pg.consume_input()
            result = pg.get_result()
            if result is not None:
                results.append(result)
                if result.status == _FATAL and pg.status != _CONNECTED:
                    raise psycopg.OperationalError(pg.get_error_message())
            elif pg.status != _CONNECTED:
                raise psycopg.OperationalError(pg.get_error_message())
        if not sync and count:
            pg.get_result()  # the empty answer that ends the last command's results
        return results

    def _lost(self, error: psycopg.OperationalError, *, commit: bool) -> Exception:
        text = f"The connection to PostgreSQL is lost: {errors.sentence(error)}"
        return Ambiguous(text) if commit else errors.ConnectionLost(text)


_ROLLBACK = Statement("ROLLBACK")


def _failure(results: Sequence[pq.abc.PGresult]) -> Exception | None:
    for result in results:
        if result.status == _FATAL:
            state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"XX000").decode()
            message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode("utf-8", "replace")
            return errors.from_state(state, message)
    return None
