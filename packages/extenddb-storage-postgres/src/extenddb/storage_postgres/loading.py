"""Loading many new rows at once: COPY in its binary format, table and indexes in one transaction.

What was created for loading has no primary keys yet (see `finishing`). Elsewhere a key that is there fails the whole,
for COPY has no conflict clause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import sql

from extenddb.core.types.keys import DIGEST_SIZE, Key, bucket
from extenddb.storage.errors import Conflict
from extenddb.storage.model import Entry, NewRow, Space, VectorEntry
from extenddb.storage_postgres import vectors
from extenddb.storage_postgres.ddl import HEAD, index_name, table_name
from extenddb.storage_postgres.pool import Pool

_COPY_ROWS: Final = sql.SQL("COPY {} (b, ph, sk, item, size, ver) FROM STDIN (FORMAT BINARY)")
_COPY_ENTRIES: Final = sql.SQL("COPY {} (b, ph, sk, bph, bsk, size) FROM STDIN (FORMAT BINARY)")
_COPY_LONG_ENTRIES: Final = sql.SQL("COPY {} (b, ph, sk, bph, bsk, size, rest) FROM STDIN (FORMAT BINARY)")
_COPY_VECTORS: Final = sql.SQL(f"COPY {{}} ({vectors.COLUMNS}) FROM STDIN (FORMAT BINARY)")
_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_PLACE: Final = Struct(f">hiqi{DIGEST_SIZE}si")  # columns; bucket, partition, length of the sort key
_LENGTH: Final = Struct(">i")
_SIZE: Final = Struct(">ii")
_VERSION: Final = Struct(">iq")
_BASE: Final = Struct(f">i{DIGEST_SIZE}si")
_NULL: Final = _LENGTH.pack(-1)
_PIECE: Final = 180
"""Rows handed to the driver at a time: of small items, as many bytes as it passes on without cutting them."""


_Line = TypeVar("_Line")


async def load(pool: Pool, space: Space, rows: Sequence[NewRow]) -> None:
    """See `spi.BulkItems.load`."""
    async with pool.connection() as connection:
        try:
            async with connection.transaction():
                await _load(connection, space, rows)
        except pg.UniqueViolation as error:
            raise Conflict("a row to be loaded is there already") from error


async def _load(connection: psycopg.AsyncConnection, space: Space, rows: Sequence[NewRow]) -> None:
    ((now,),) = await (await connection.execute(_NOW)).fetchall()
    version = _VERSION.pack(8, int(now))
    statement = _COPY_ROWS.format(sql.Identifier(table_name(space)))
    await _copy(connection, statement, rows, lambda piece: _rows(piece, version))
    await load_entries(connection, space, rows)


async def load_entries(connection: psycopg.AsyncConnection, space: Space, rows: Sequence[NewRow]) -> None:
    """Insert the index entries of rows, within the caller's transaction. Raises psycopg.Error."""
    entries: dict[str, list[tuple[Entry, Key]]] = {}
    vector_entries: dict[str, list[tuple[Key, VectorEntry]]] = {}
    for row in rows:
        for index, entry in row.entries:
            if isinstance(entry, VectorEntry):
                vector_entries.setdefault(index, []).append((row.key, entry))
            else:
                entries.setdefault(index, []).append((entry, row.key))
    for index, found in entries.items():
        found.sort()  # by their keys; those of one index have sizes all, or none has
        table = sql.Identifier(index_name(space, index))
        long = [each for each in found if len(each[0].key.sort) > HEAD]
        short = [each for each in found if len(each[0].key.sort) <= HEAD] if long else found
        for some, copied, packed in ((short, _COPY_ENTRIES, _entries), (long, _COPY_LONG_ENTRIES, _long_entries)):
            if some:
                await _copy(connection, copied.format(table), some, packed)
    for index, placed in vector_entries.items():
        table = sql.Identifier(index_name(space, index))
        await _copy(connection, _COPY_VECTORS.format(table), placed, _vectors_of(space, index))


def _vectors_of(space: Space, index: str) -> Callable[[Sequence[tuple[Key, VectorEntry]]], bytes]:
    return lambda piece: b"".join(vectors.loaded(space, index, piece))


async def _copy(
    connection: psycopg.AsyncConnection,
    statement: sql.Composed,
    lines: Sequence[_Line],
    packed: Callable[[Sequence[_Line]], bytes],
) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(_HEAD)
        for first in range(0, len(lines), _PIECE):
            await copy.write(packed(lines[first : first + _PIECE]))
        await copy.write(_TAIL)


def _rows(rows: Sequence[NewRow], version: bytes) -> bytes:
    place, length, sized = _PLACE.pack, _LENGTH.pack, _SIZE.pack
    return b"".join(
        [
            part
            for (partition, sort), item, size, _ in rows
            for part in (
                place(6, 8, bucket(partition), DIGEST_SIZE, partition, len(sort)),
                sort,
                length(len(item)),
                item,
                sized(4, size),
                version,
            )
        ]
    )


def _entries(entries: Sequence[tuple[Entry, Key]]) -> bytes:
    place, based = _PLACE.pack, _BASE.pack
    return b"".join(
        [
            part
            for ((partition, sort), size), (base_partition, base_sort) in entries
            for part in (
                place(6, 8, bucket(partition), DIGEST_SIZE, partition, len(sort)),
                sort,
                based(DIGEST_SIZE, base_partition, len(base_sort)),
                base_sort,
                _NULL if size is None else _SIZE.pack(4, size),
            )
        ]
    )


def _long_entries(entries: Sequence[tuple[Entry, Key]]) -> bytes:
    """Pack entries whose sort keys have a rest beside the primary key."""
    return b"".join([_long_entry(entry, base) for entry, base in entries])


def _long_entry(entry: Entry, base: Key) -> bytes:
    partition, whole = entry.key
    sort, rest = whole[:HEAD], whole[HEAD:]
    head = _PLACE.pack(7, 8, bucket(partition), DIGEST_SIZE, partition, len(sort))
    based = _BASE.pack(DIGEST_SIZE, base.partition, len(base.sort))
    size = _NULL if entry.size is None else _SIZE.pack(4, entry.size)
    return b"".join((head, sort, based, base.sort, size, _LENGTH.pack(len(rest)), rest))
