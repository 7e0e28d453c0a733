"""Graphs (HNSW) over indexes of vectors: what pgvector can hold, and how they are made over entries that are there.

A graph that is kept while entries come costs several times what one made over all of them at the end does. So a table
gets its graphs with its indexes, while they are empty, unless it is made to be loaded; an index that is made later has
none either. `build` makes what is missing. Until then every vector is looked at.

Making one takes minutes for millions of vectors. It runs on a connection of its own, and goes on at the server when
this process ends; who comes then finds it at work, finished, or broken off, in which case it begins anew.
"""

# ruff: noqa: S608  (what is put into these texts is checked names and constants)

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import psycopg
from psycopg import pq

from extenddb.storage.errors import Unavailable
from extenddb.storage.model import Space, VectorSpace
from extenddb.storage_postgres import errors
from extenddb.storage_postgres.background import Background
from extenddb.storage_postgres.config import Config
from extenddb.storage_postgres.ddl import index_name, table_name
from extenddb.storage_postgres.pool import Pool, connect

if TYPE_CHECKING:
    from extenddb.core.types.vector import Distance

log = logging.getLogger("extenddb.storage_postgres")

FULL_MOST: Final = 2000
"""Dimensions of a graph over single precision; of half precision there are twice as many."""
_HALF_MOST: Final = 4000
_OLDEST: Final = (0, 8)  # the first pgvector that goes on with a graph until a filter has let enough through
_POLL: Final = 0.1
_REST: Final = 600.0
"""Seconds before a graph is tried again that could not be made."""
_LOCK: Final = 0x67726170 << 32
"""Advisory lock, with the table's number, of who makes a graph; only keeps two from doing the same work."""

OPERATORS: Mapping[Distance, tuple[str, str]] = {
    "COSINE": ("<=>", "cosine"),
    "DOT_PRODUCT": ("<#>", "ip"),
    "EUCLIDEAN": ("<->", "l2"),
}
"""pgvector's operator, smaller for a better score, and the name of its operator class."""

_STATE = (
    "SELECT c.relname, x.indisvalid FROM (SELECT %s::regclass AS rows, %s::regclass AS entries) AS t"
    " LEFT JOIN (pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid"
    " JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'hnsw') ON x.indrelid = t.entries"
)
MEMORY: Final = (
    # A graph that outgrows this goes on at a fraction of the speed; what an operator has set higher stays.
    "SELECT set_config('maintenance_work_mem', '256MB', false) FROM pg_settings"
    " WHERE name = 'maintenance_work_mem' AND setting::bigint < 262144"
)
_TAKE = (
    f"SELECT pg_try_advisory_lock({_LOCK} | %s::regclass::oid::bigint)"
    " AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE relid = %s::regclass)"
)
_STOP = (
    "SELECT pg_cancel_backend(p.pid) FROM pg_stat_progress_create_index AS p"
    " JOIN pg_stat_activity AS a ON a.pid = p.pid WHERE p.relid = to_regclass(%s) AND a.usename = current_user"
)
_GONE: Final = frozenset(("42P01", "57014"))
"""SQLSTATEs of work that is not wanted any more: the table is gone, or its going has broken the work off."""
_PASSING: Final = frozenset((None, "08", "57"))
"""Classes of SQLSTATE after which the same may succeed."""


class Graphs(NamedTuple):
    """pgvector, as far as it is there."""

    schema: str | None
    """Where it is installed; None without it, or when it is too old."""


async def installed(connection: psycopg.AsyncConnection) -> Graphs:
    """Return what the database has of pgvector."""
    cursor = await connection.execute(
        "SELECT n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'vector'"
    )
    row = await cursor.fetchone()
    if row is None or tuple(int(part) for part in row[1].split(".")[:2]) < _OLDEST:
        return Graphs(None)
    return Graphs(row[0])


def column(where: VectorSpace, graphs: Graphs) -> str | None:
    """Return the expression over `x.v` that a graph is over; None when there can be none."""
    if graphs.schema is None or where.dimensions > _HALF_MOST:
        return None
    kind = "vector" if where.dimensions <= FULL_MOST else "halfvec"
    return f'(x.v::"{graphs.schema}".{kind}({where.dimensions}))'


def create(space: Space, where: VectorSpace, graphs: Graphs, *, beside: bool = False) -> str | None:
    """Return the statement that makes a graph, perhaps beside writes that go on; None when there can be none."""
    over = column(where, graphs)
    if over is None:
        return None
    kind = "halfvec" if ".halfvec(" in over else "vector"
    family = f'"{graphs.schema}".{kind}_{OPERATORS[where.distance][1]}_ops'
    table = index_name(space, where.id)
    way = "INDEX CONCURRENTLY" if beside else "INDEX"
    return f'CREATE {way} "{table}_graph" ON "{table}" USING hnsw ({over.replace("x.v", "v")} {family}) WHERE graph'


async def stop(connection: psycopg.AsyncConnection, tables: Iterable[str]) -> None:
    """Break off the making of graphs, and of keys, over tables that are about to go."""
    for table in tables:
        await connection.execute(_STOP, [table])


class _State(NamedTuple):
    """The graphs of one index that the catalog knows of."""

    whole: tuple[str, ...]
    broken: tuple[str, ...]
    """Names of those that are being made, or whose making was broken off."""


async def _state(connection: psycopg.AsyncConnection, space: Space, index: str) -> _State:
    """Return what there is. Raises UndefinedTable."""
    cursor = await connection.execute(_STATE, [table_name(space), index_name(space, index)])
    found = [(name, valid) for name, valid in await cursor.fetchall() if name is not None]
    return _State(tuple(name for name, valid in found if valid), tuple(name for name, valid in found if not valid))


class GraphBuilds:
    """The graphs that one process makes, one at a time."""

    def __init__(self, pool: Pool, config: Config) -> None:
        """Make nothing yet."""
        self._pool = pool
        self._config = config
        self._installed: Graphs | None = None
        self._turn = asyncio.Lock()
        self._background = Background()
        self._rests: dict[str, float] = {}

    async def installed(self) -> Graphs:
        """Return what the database has of pgvector, as of the first time somebody asked."""
        if self._installed is None:
            async with self._pool.connection() as connection:
                self._installed = await installed(connection)
        return self._installed

    async def build(self, space: Space, where: VectorSpace, *, alone: bool) -> bool:
        """See `spi.VectorItems.build`."""
        graphs = await self.installed()
        async with self._pool.connection() as connection:
            state = await _state(connection, space, where.id)
        statement = create(space, where, graphs, beside=not alone)
        name = index_name(space, where.id)
        if statement is None or state.whole or self._rests.get(name, 0.0) > time.monotonic():
            return True
        return await self._background.done(name, partial(self._make, space, where, statement))

    async def close(self) -> None:
        """Leave what is under way to the server."""
        await self._background.close()

    async def _make(self, space: Space, where: VectorSpace, statement: str) -> None:
        async with self._turn:
            connection = await connect(self._config)
            try:
                await connection.execute("SET statement_timeout = 0")
                await connection.execute(MEMORY)
                await _work(connection, space, where.id, statement)
            except psycopg.Error as error:
                state = error.sqlstate
                if state in _GONE:
                    log.debug("A graph is not wanted any more: %s", error)
                elif (state and state[:2]) in _PASSING:
                    raise Unavailable(errors.sentence(error)) from error
                else:
                    self._give_up(index_name(space, where.id), error)
            finally:
                connection.pgconn.finish()

    def _give_up(self, name: str, error: Exception) -> None:
        log.warning("No graph can be made over %s, searches look at every vector: %s", name, errors.sentence(error))
        self._rests[name] = time.monotonic() + _REST


async def _work(connection: psycopg.AsyncConnection, space: Space, index: str, statement: str) -> None:
    """Make a graph unless there is one, in turn with other processes. Raises psycopg.Error."""
    name, parallel = index_name(space, index), True
    while True:
        cursor = await connection.execute(_TAKE, [name, name])
        if await cursor.fetchone() != (True,):
            await asyncio.sleep(_POLL)
            continue
        state = await _state(connection, space, index)
        if state.whole:
            return
        for broken in state.broken:
            await connection.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{broken}"'.encode())
        try:
            await _run(connection, statement)
        except psycopg.errors.DuplicateTable:  # where advisory locks keep nobody away, such as behind a pooler
            await asyncio.sleep(_POLL)
        except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory):
            if not parallel:
                raise
            parallel = False  # workers share memory, of which containers often have little
            await connection.execute("SET max_parallel_maintenance_workers = 0")
        else:
            return


async def _run(connection: psycopg.AsyncConnection, statement: str) -> None:
    """Run one statement, which goes on at the server when the caller is cancelled. Raises psycopg.Error."""
    pg = connection.pgconn
    pg.send_query(statement.encode())
    while True:
        pg.flush()
        pg.consume_input()
        if not pg.is_busy():
            break
        await asyncio.sleep(_POLL)
    failed: psycopg.Error | None = None
    while (result := pg.get_result()) is not None:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode("utf-8", "replace")
            failed = psycopg.errors.lookup(state)(message) if state else psycopg.OperationalError(message)
    if failed is not None:
        raise failed
