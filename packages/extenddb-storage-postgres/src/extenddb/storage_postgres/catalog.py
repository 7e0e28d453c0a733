"""The catalog port: records and physical tables change in one transaction."""

# ruff: noqa: S608  (what is put into these texts is constants)

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from psycopg import errors as pg

from extenddb.storage.errors import AlreadyExists, Conflict, NotFound, SchemaMismatch, SerializationFailure
from extenddb.storage.model import Estimate, Space, TableRecord, VectorSpace
from extenddb.storage_postgres import ddl, graphs, vectors
from extenddb.storage_postgres.pool import Pool

if TYPE_CHECKING:
    from extenddb.core.types.vector import Distance

_COLUMNS = "namespace, name, id, epoch, indexes, version, document, vectors"
_FIND = f"SELECT {_COLUMNS} FROM tables WHERE namespace = %s AND name = %s"
_BY_ID = f"SELECT {_COLUMNS} FROM tables WHERE id = %s FOR UPDATE"
_RECORDS = f"SELECT {_COLUMNS} FROM tables WHERE id > %s ORDER BY id LIMIT %s"
_NAMES = "SELECT name FROM tables WHERE namespace = %s AND name > %s ORDER BY name LIMIT %s"
_INSERT = f"INSERT INTO tables ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_UPDATE = (
    "UPDATE tables SET epoch = %s, indexes = %s, version = %s, document = %s, vectors = %s, namespace = %s, name = %s"
    " WHERE id = %s"
)
_DELETE = f"DELETE FROM tables WHERE id = %s RETURNING {_COLUMNS}"

_DDL_WAIT = "SET LOCAL lock_timeout = '1s'"
"""A waiting ALTER TABLE holds up everyone behind it: it gives way, and tries again."""
_DDL_ATTEMPTS = 20
_DDL_PAUSE = 0.05

_EXACT = 10_000
"""Up to so many rows are counted; more are estimated."""
_SAMPLE = "SELECT count(*), coalesce(sum(s.size), 0) FROM (SELECT {size} AS size FROM {relation} LIMIT %s) AS s"
_RELATION = (
    "SELECT reltuples::float8, relpages, pg_relation_size(oid) / current_setting('block_size')::int"
    " FROM pg_class WHERE oid = %s::regclass"
)
_ROW_OVERHEAD = 80
"""Bytes a row takes beside its item, for tables that were never analysed."""
_BLOCK = 8192

Result = TypeVar("Result")


class PostgresCatalog:
    """`spi.Catalog` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, record: TableRecord, *, loading: bool = False) -> None:
        """See `spi.Catalog.create`: primary keys and graphs of what is loaded are made at the end."""
        space = record.space
        async with self._pool.connection() as connection:
            try:
                async with connection.transaction():
                    await connection.execute(_INSERT, _values(record))
                    for statement in ddl.create_table(space, keyed=not loading):
                        await connection.execute(statement)
                    for index in space.indexes:
                        await connection.execute(ddl.create_index(space, index, keyed=not loading))
                    await _create_vectors(connection, space, space.vectors, whole=not loading, keyed=not loading)
            except (pg.UniqueViolation, pg.DuplicateTable) as error:
                raise AlreadyExists(f"{record.namespace}/{record.name}") from error

    async def find(self, namespace: str, name: str) -> TableRecord | None:
        """See `spi.Catalog.find`."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_FIND, [namespace, name], binary=True)).fetchone()
        return None if row is None else _record(row)

    async def names(self, namespace: str, *, after: str = "", limit: int) -> list[str]:
        """See `spi.Catalog.names`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_NAMES, [namespace, after, limit])
            return [name for (name,) in await cursor.fetchall()]

    async def records(self, *, after: str = "", limit: int) -> list[TableRecord]:
        """See `spi.Catalog.records`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_RECORDS, [after, limit], binary=True)
            return [_record(row) for row in await cursor.fetchall()]

    async def alter(self, record: TableRecord, *, expected: int) -> TableRecord:
        """See `spi.Catalog.alter`."""
        return await self._altering(lambda connection: _alter(connection, record, expected))

    async def drop(self, space: Space) -> None:
        """See `spi.Catalog.drop`."""
        await self._altering(lambda connection: _drop(connection, space))

    async def estimate(self, space: Space) -> dict[str | None, Estimate]:
        """See `spi.Catalog.estimate`."""
        async with self._pool.connection() as connection:
            found = {None: await _estimate(connection, ddl.table_name(space), "size")}
            sized = f"coalesce(size, {_average(found[None])})"
            return found | {
                index: await _estimate(connection, ddl.index_name(space, index), sized)
                for index in (*space.indexes, *(each.id for each in space.vectors))
            }

    async def _altering(self, work: Callable[[psycopg.AsyncConnection], Awaitable[Result]]) -> Result:
        """Run DDL that waits for running writers, giving way to them again and again."""
        for _ in range(_DDL_ATTEMPTS - 1):
            try:
                return await self._once(work)
            except SerializationFailure:
                await asyncio.sleep(_DDL_PAUSE)
        return await self._once(work)

    async def _once(self, work: Callable[[psycopg.AsyncConnection], Awaitable[Result]]) -> Result:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_DDL_WAIT)
            return await work(connection)


async def _alter(connection: psycopg.AsyncConnection, record: TableRecord, expected: int) -> TableRecord:
    row = await (await connection.execute(_BY_ID, [record.space.id], binary=True)).fetchone()
    if row is None:
        raise NotFound(record.space.id)
    old = _record(row)
    if old.version != expected:
        raise Conflict(f"version {old.version}, expected {expected}")
    before, after = set(old.space.indexes), set(record.space.indexes)
    old_vectors, new_vectors = set(old.space.vectors), set(record.space.vectors)
    reshaped = before != after or old_vectors != new_vectors or record.space.epoch > old.space.epoch
    space = replace(record.space, epoch=old.space.epoch + reshaped)
    if reshaped:
        await graphs.stop(connection, [ddl.index_name(old.space, each.id) for each in old_vectors - new_vectors])
        # The table first: its lock waits for every writer, and no new one gets past it.
        await connection.execute(ddl.rename(old.space, space))
        for index in sorted((before - after) | {each.id for each in old_vectors - new_vectors}):
            await connection.execute(ddl.drop_index(space, index))
        for index in sorted(after - before):
            await connection.execute(ddl.create_index(space, index))
        await _create_vectors(connection, space, sorted(new_vectors - old_vectors), whole=False)
    new = replace(record, space=space, version=old.version + 1)
    values = [space.epoch, list(space.indexes), new.version, new.document, _texts(space), new.namespace, new.name]
    try:
        await connection.execute(_UPDATE, [*values, space.id])
    except pg.UniqueViolation as error:
        raise AlreadyExists(f"{record.namespace}/{record.name}") from error
    return new


async def _drop(connection: psycopg.AsyncConnection, space: Space) -> None:
    row = await (await connection.execute(_DELETE, [space.id], binary=True)).fetchone()
    if row is None:
        raise NotFound(space.id)
    found = _record(row).space
    await graphs.stop(connection, ddl.keys(found))
    await connection.execute(ddl.drop_table(found))
    for index in (*found.indexes, *(each.id for each in found.vectors)):
        await connection.execute(ddl.drop_index(found, index))


async def _create_vectors(
    connection: psycopg.AsyncConnection,
    space: Space,
    wanted: Sequence[VectorSpace],
    *,
    whole: bool,
    keyed: bool = True,
) -> None:
    """Create indexes of vectors, with their graphs unless others come first: entries of the rows that are there."""
    known = await graphs.installed(connection) if wanted and whole else graphs.Graphs(None)
    for each in wanted:
        for statement in (*vectors.create(space, each, keyed=keyed), graphs.create(space, each, known)):
            if statement is not None:
                await connection.execute(statement.encode())


async def _estimate(connection: psycopg.AsyncConnection, table: str, size: str) -> Estimate:
    # The name is ours, checked by ddl.
    sample = _SAMPLE.format(size=size, relation=f'"{table}"')
    ((count, total),) = await (await connection.execute(sample.encode(), [_EXACT + 1])).fetchall()
    count, total = int(count), int(total)
    if count <= _EXACT:
        return Estimate(rows=count, bytes=total)
    row = await (await connection.execute(_RELATION, [f'"{table}"'])).fetchone()
    if row is None:
        raise SchemaMismatch(table)
    tuples, pages, now = row
    density = tuples / pages if tuples > 0 and pages > 0 else _BLOCK / (total / count + _ROW_OVERHEAD)
    rows = max(int(now * density), count)
    return Estimate(rows=rows, bytes=int(rows * total / count))


def _average(estimate: Estimate) -> int:
    return estimate.bytes // estimate.rows if estimate.rows else 0


def _values(record: TableRecord) -> list[object]:
    space = record.space
    return [
        record.namespace,
        record.name,
        space.id,
        space.epoch,
        list(space.indexes),
        record.version,
        record.document,
        _texts(space),
    ]


def _texts(space: Space) -> list[str]:
    return [f"{each.id} {each.dimensions} {each.distance}" for each in space.vectors]


def _vectors(texts: Sequence[str]) -> tuple[VectorSpace, ...]:
    parts = [text.split() for text in texts]
    return tuple(VectorSpace(id_, int(dimensions), cast("Distance", distance)) for id_, dimensions, distance in parts)


def _record(row: tuple[Any, ...]) -> TableRecord:
    namespace, name, space, epoch, indexes, version, document, texts = row
    return TableRecord(
        namespace=namespace,
        name=name,
        space=Space(id=space, epoch=epoch, indexes=tuple(indexes), vectors=_vectors(texts)),
        version=version,
        document=bytes(document),
    )
