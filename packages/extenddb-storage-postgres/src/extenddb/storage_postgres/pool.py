"""Connections: opened when needed, kept while healthy, replaced when lost.

psycopg_pool would open them in background workers that hide why a connection fails; here the waiting call itself
connects, so it can say so, and nothing runs while nothing is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from extenddb.storage.errors import Unavailable
from extenddb.storage_postgres.config import Config
from extenddb.storage_postgres.errors import ConnectionLost, sentence, translated
from extenddb.storage_postgres.wire import Counter, Session

Result = TypeVar("Result")

OLDEST_SERVER: Final = 140000
"""Oldest supported server, as libpq counts versions."""

_DEFAULTS: Final = {
    "application_name": "extenddb",
    "connect_timeout": "10",
    # A peer that vanishes without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_HOPELESS: Final = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "not permitted to log in",
    "could not translate host name",
    "failed to resolve host",
    "is older than 14",
)
"""Parts of messages after which trying again soon is of no use; libpq gives no codes for failed connections."""
_RETRY_FIRST, _RETRY_MOST = 0.02, 0.3
"""Seconds between attempts to connect while a server starts."""
_CONNECT_LEAST: Final = 1.0
"""Seconds a connection gets even when waiting for its place took all the time."""
_ABANDON_LIMIT: Final = 5.0
"""Seconds that ending a cancelled call's statement may take."""


def conninfo(url: str) -> str:
    """Return a DSN completed with our defaults. Raises Unavailable for one that libpq does not understand."""
    try:
        return make_conninfo("", **{**_DEFAULTS, **conninfo_to_dict(url)})
    except psycopg.Error as error:
        raise Unavailable(f"The PostgreSQL address (url) is not understood: {sentence(error)}") from None


async def connect(config: Config) -> psycopg.AsyncConnection:
    """Open one connection as all calls expect it. Raises Unavailable with one sentence."""
    try:
        # The driver must not prepare anything: it would forget all prepared statements, ours too, after a DROP.
        connection = await psycopg.AsyncConnection.connect(
            conninfo(config.url or ""), autocommit=True, prepare_threshold=None
        )
    except psycopg.Error as error:
        raise Unavailable(f"PostgreSQL cannot be reached: {_reason(error)}") from error
    try:
        if connection.info.server_version < OLDEST_SERVER:
            raise Unavailable(f"The PostgreSQL server (version {connection.info.server_version}) is older than 14.")
        await _settle(connection, config)
    except BaseException:
        await connection.close()
        raise
    return connection


def _reason(error: psycopg.Error) -> str:
    text = sentence(error).removeprefix("connection failed: ")
    return text.replace("FATAL:  ", "")


async def _settle(connection: psycopg.AsyncConnection, config: Config) -> None:
    """Set the session up: every hot statement wants its primary key, planned once."""
    values = {
        "search_path": config.schema,
        "bytea_output": "hex",
        "client_encoding": "UTF8",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "enable_memoize": "off",
        "max_parallel_workers_per_gather": "0",
        "lock_timeout": f"{config.lock_timeout * 1000:.0f}",
        "idle_in_transaction_session_timeout": "60000",
        "default_transaction_isolation": "read committed",
    }
    calls = sql.SQL(", ").join(sql.SQL("set_config({}, {}, false)").format(*pair) for pair in values.items())
    with translated():
        await connection.execute(sql.SQL("SELECT {}").format(calls))


class Pool:
    """At most `pool_size` sessions of one process."""

    def __init__(self, config: Config) -> None:
        """Open nothing yet."""
        self.counter: Final = Counter()
        self._config: Final = config
        self._idle: deque[Session] = deque()
        self._places = asyncio.Semaphore(config.pool_size)
        self._abandoned: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, work: Callable[[Session], Awaitable[Result]]) -> Result:
        """Run work that may be repeated when its connection was lost before it committed anything.

        Hides a server's restart from everyone whose commit was not on its way.
        """
        try:
            return await self._run(work)
        except ConnectionLost:
            return await self._run(work)

    async def _run(self, work: Callable[[Session], Awaitable[Result]]) -> Result:
        session = await self.take()
        try:
            return await work(session)
        finally:
            self.give(session)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """Lend a session's connection for the driver's own calls, and translate what they raise."""
        session = await self.take()
        self.counter.rounds += 1
        try:
            with translated():
                yield session.lend()
        finally:
            self.give(session)

    async def take(self) -> Session:
        """Return a session that must be given back."""
        if self._closed:
            raise Unavailable("The store is closed.")
        deadline = time.monotonic() + self._config.pool_timeout
        if self._places.locked():
            try:
                async with asyncio.timeout(self._config.pool_timeout):
                    await self._places.acquire()
            except TimeoutError:
                raise Unavailable("All connections to PostgreSQL are busy.") from None
        else:
            await self._places.acquire()
        try:
            while self._idle:
                session = self._idle.pop()
                if not session.stale():
                    return session
                self._abandon(session)
            return await self._open(deadline)
        except BaseException:
            self._places.release()
            raise

    def give(self, session: Session) -> None:
        """Take a session back; one that is not healthy any more is ended and replaced by the next that asks."""
        self._places.release()
        if session.healthy and not self._closed:
            self._idle.append(session)
        else:
            self._abandon(session)

    async def close(self) -> None:
        """Close all connections; those in use when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().finish()
        if self._abandoned:
            await asyncio.wait(self._abandoned)

    async def _open(self, deadline: float) -> Session:
        pause = _RETRY_FIRST
        while True:
            try:
                async with asyncio.timeout(max(_CONNECT_LEAST, deadline - time.monotonic())):
                    return Session(await connect(self._config), self.counter)
            except TimeoutError:
                raise Unavailable("PostgreSQL does not answer.") from None
            except Unavailable as error:
                hopeless = any(part in str(error) for part in _HOPELESS)
                if hopeless or time.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _RETRY_MOST)

    def _abandon(self, session: Session) -> None:
        """End a session whose state is unknown: its statement is cancelled so that its locks go at once."""
        task = asyncio.get_running_loop().create_task(_finish(session))
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)


async def _finish(session: Session) -> None:
    with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
        if not session.healthy and not session.broken:
            async with asyncio.timeout(_ABANDON_LIMIT):
                await session.connection.cancel_safe(timeout=_ABANDON_LIMIT)
    session.finish()
