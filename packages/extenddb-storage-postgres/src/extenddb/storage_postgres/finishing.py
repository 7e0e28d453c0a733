"""Finishing what was loaded: primary keys over what is there, and one row of each key.

A B-tree that is made of sorted entries costs a fraction of one that grows while they come in no order. So what is
created for loading has no primary keys, and one key may be loaded several times, by a step that was repeated or because
it stands more than once in what is imported. The last of its rows stays.

All keys come in one transaction, which other writers wait for and readers do not notice: whoever still loads, because
it was thought dead, finds a space like any other.
"""

# ruff: noqa: S608  (what is put into these texts is checked names and constants)

from __future__ import annotations

from functools import partial
from typing import Final

import psycopg
from psycopg import errors as pg
from psycopg import sql

from extenddb.core.types.keys import Key
from extenddb.storage.model import EntriesOf, NewRow, Space
from extenddb.storage_postgres import ddl
from extenddb.storage_postgres.background import Background
from extenddb.storage_postgres.config import Config
from extenddb.storage_postgres.errors import translated
from extenddb.storage_postgres.graphs import MEMORY
from extenddb.storage_postgres.loading import load_entries
from extenddb.storage_postgres.pool import Pool, connect

_KEYLESS = (
    "SELECT c.relname FROM pg_class AS c WHERE c.oid = ANY(%s::regclass[])"
    " AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)"
)
_SETTINGS = "SET statement_timeout = 0; SET lock_timeout = 0; SET client_connection_check_interval = '1s'"
_NO_WORKERS = "SET max_parallel_maintenance_workers = 0"
_ALONE = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE")
# What every statement of a request needs, the primary key, is not there.
_PLANS = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_FIND = (  # no temporary table: not every role may make one
    f"CREATE UNLOGGED TABLE {{doubles}} AS SELECT {ddl.ROW_KEY} FROM {{table}} GROUP BY {ddl.ROW_KEY}"
    " HAVING count(*) > 1"
)
_REMOVE = (
    "DELETE FROM {table} AS t USING (SELECT r.ctid AS place, row_number() OVER (PARTITION BY r.b, r.ph, r.sk"
    f" ORDER BY r.ver DESC, r.ctid DESC) AS number FROM {{table}} AS r JOIN {{doubles}} USING ({ddl.ROW_KEY})) AS found"
    " WHERE t.ctid = found.place AND found.number > 1"
)
_REMOVE_ENTRIES = "DELETE FROM {table} AS x USING {doubles} AS d WHERE x.bph = d.ph AND x.bsk = d.sk"
_REMOVE_VECTORS = "DELETE FROM {table} AS x USING {doubles} AS d WHERE x.b = d.b AND x.ph = d.ph AND x.sk = d.sk"
_LEFT = f"SELECT t.ph, t.sk, t.item, t.size FROM {{table}} AS t JOIN {{doubles}} USING ({ddl.ROW_KEY})"
_ROWS: Final = 500
"""Rows whose entries are made anew at a time."""


class Finishing:
    """The spaces that one process finishes."""

    def __init__(self, pool: Pool, config: Config) -> None:
        """Finish nothing yet."""
        self._pool = pool
        self._config = config
        self._background = Background()

    async def finish(self, space: Space, entries: EntriesOf) -> bool:
        """See `spi.BulkItems.finish`."""
        async with self._pool.connection() as connection:
            if not await _keyless(connection, space):
                return True
        return await self._background.done(ddl.table_name(space), partial(self._make, space, entries))

    async def close(self) -> None:
        """Break off what is under way: it begins anew with the next who asks."""
        await self._background.close()

    async def _make(self, space: Space, entries: EntriesOf) -> None:
        with translated():
            connection = await connect(self._config)
            try:
                await connection.execute(_SETTINGS)
                await connection.execute(MEMORY)
                await _finish(connection, space, entries)
            finally:
                await connection.close()


async def _keyless(connection: psycopg.AsyncConnection, space: Space) -> set[str]:
    """Return the tables of a space that have no primary key. Raises UndefinedTable."""
    names = [f'"{name}"' for name in ddl.keys(space)]
    return {name for (name,) in await (await connection.execute(_KEYLESS, [names])).fetchall()}


async def _finish(connection: psycopg.AsyncConnection, space: Space, entries: EntriesOf) -> None:
    """Make all keys, after all but the last row of each are gone. Raises psycopg.Error."""
    parallel = True
    while True:
        try:
            await _make_keys(connection, space)
        except pg.UniqueViolation:
            await _remove_doubles(connection, space, entries)
        except (pg.DiskFull, pg.OutOfMemory):
            if not parallel:
                raise
            parallel = False  # workers share memory, of which containers often have little
            await connection.execute(_NO_WORKERS)
        else:
            return


async def _make_keys(connection: psycopg.AsyncConnection, space: Space) -> None:
    async with connection.transaction():
        await _lock(connection, space)
        keyless = await _keyless(connection, space)
        made = [ddl.make_key(table, columns) for table, columns in ddl.keys(space).items() if table in keyless]
        for make, _ in made:
            await connection.execute(make)
        for _, take in made:
            await connection.execute(take)


async def _lock(connection: psycopg.AsyncConnection, space: Space) -> None:
    """Keep out who else writes or finishes the space: all begin with its table."""
    await connection.execute(_ALONE.format(sql.Identifier(ddl.table_name(space))))


async def _remove_doubles(connection: psycopg.AsyncConnection, space: Space, entries: EntriesOf) -> None:
    """Leave the last row of each key, and the entries it has."""
    table = ddl.table_name(space)
    async with connection.transaction():
        await _lock(connection, space)
        await connection.execute(_PLANS)
        for statement in (_FIND, "ANALYZE {doubles}", _REMOVE):
            await connection.execute(_about(space, statement, table))
        removals = [(index, _REMOVE_ENTRIES) for index in space.indexes]
        removals += [(each.id, _REMOVE_VECTORS) for each in space.vectors]
        for index, removal in removals:
            await connection.execute(_about(space, removal, ddl.index_name(space, index)))
        if removals:
            await _make_entries(connection, space, entries)
        await connection.execute(_about(space, "DROP TABLE {doubles}", table))


def _about(space: Space, statement: str, table: str) -> sql.Composed:
    """Return a statement about a table and the keys that were there more than once."""
    doubles = sql.Identifier(f"d_{space.id}")
    return sql.SQL(statement).format(table=sql.Identifier(table), doubles=doubles)


async def _make_entries(connection: psycopg.AsyncConnection, space: Space, entries: EntriesOf) -> None:
    """Make the entries of what is left of the doubles."""
    async with connection.cursor("doubles") as cursor:
        await cursor.execute(_about(space, _LEFT, ddl.table_name(space)), binary=True)
        while found := await cursor.fetchmany(_ROWS):
            rows = [NewRow(Key(ph, sk), item, size, entries(item)) for ph, sk, item, size in found]
            await load_entries(connection, space, rows)
