"""Loading many new rows at once: COPY in its binary format, table and indexes in one transaction.

COPY has no conflict clause, so a key that is there fails the whole, which is what the contract asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from struct import Struct
from typing import Final

import psycopg
from psycopg import errors as pg
from psycopg import sql

from extenddb.core.types.keys import DIGEST_SIZE, Key, bucket
from extenddb.storage.errors import Conflict, Unsupported
from extenddb.storage.model import Entry, Put, Space
from extenddb.storage_postgres.ddl import HEAD, index_name, table_name
from extenddb.storage_postgres.pool import Pool

_COPY_ROWS: Final = sql.SQL("COPY {} (b, ph, sk, item, size, ver) FROM STDIN (FORMAT BINARY)")
_COPY_ENTRIES: Final = sql.SQL("COPY {} (b, ph, sk, bph, bsk, size) FROM STDIN (FORMAT BINARY)")
_COPY_LONG_ENTRIES: Final = sql.SQL("COPY {} (b, ph, sk, bph, bsk, size, rest) FROM STDIN (FORMAT BINARY)")
_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_PLACE: Final = Struct(f">hiqi{DIGEST_SIZE}si")  # columns; bucket, partition, length of the sort key
_LENGTH: Final = Struct(">i")
_END: Final = Struct(">iiiq")  # size and version
_BASE: Final = Struct(f">i{DIGEST_SIZE}si")
_PIECE: Final = 500
"""Rows handed to the driver at a time."""


async def load(pool: Pool, space: Space, rows: Sequence[tuple[Key, Put]]) -> None:
    """See `spi.BulkItems.load`."""
    if space.vectors:
        raise Unsupported("a space with indexes of vectors is not loaded")
    async with pool.connection() as connection:
        try:
            async with connection.transaction():
                await _load(connection, space, rows)
        except pg.UniqueViolation as error:
            raise Conflict("a row to be loaded is there already") from error


async def _load(connection: psycopg.AsyncConnection, space: Space, rows: Sequence[tuple[Key, Put]]) -> None:
    ((version,),) = await (await connection.execute(_NOW)).fetchall()
    await _copy(connection, _COPY_ROWS.format(sql.Identifier(table_name(space))), _rows(rows, int(version)))
    entries: dict[str, list[tuple[Entry, Key]]] = {}
    for key, put in rows:
        for change in put.indexes:
            if isinstance(change.new, Entry):
                entries.setdefault(change.id, []).append((change.new, key))
    for index, found in entries.items():
        found.sort(key=_entry_order)
        table = sql.Identifier(index_name(space, index))
        long = [each for each in found if len(each[0].key.sort) > HEAD]
        short = [each for each in found if len(each[0].key.sort) <= HEAD] if long else found
        for some, statement in ((short, _COPY_ENTRIES), (long, _COPY_LONG_ENTRIES)):
            if some:
                await _copy(connection, statement.format(table), _entries(some))


async def _copy(connection: psycopg.AsyncConnection, statement: sql.Composed, lines: Iterable[bytes]) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(_HEAD)
        remaining = iter(lines)
        while piece := b"".join(islice(remaining, _PIECE)):
            await copy.write(piece)
        await copy.write(_TAIL)


def _rows(rows: Iterable[tuple[Key, Put]], version: int) -> Iterator[bytes]:
    place, length, end = _PLACE.pack, _LENGTH.pack, _END.pack
    for (partition, sort), put in rows:
        head = place(6, 8, bucket(partition), DIGEST_SIZE, partition, len(sort))
        yield b"".join((head, sort, length(len(put.item)), put.item, end(4, put.size, 8, version)))


def _entries(entries: Iterable[tuple[Entry, Key]]) -> Iterator[bytes]:
    for entry, base in entries:
        partition, whole = entry.key
        sort, rest = whole[:HEAD], whole[HEAD:]
        head = _PLACE.pack(7 if rest else 6, 8, bucket(partition), DIGEST_SIZE, partition, len(sort))
        end = _LENGTH.pack(-1) if entry.size is None else _LENGTH.pack(4) + _LENGTH.pack(entry.size)
        if rest:
            end += _LENGTH.pack(len(rest)) + rest
        yield b"".join((head, sort, _BASE.pack(DIGEST_SIZE, base.partition, len(base.sort)), base.sort, end))


def _entry_order(pair: tuple[Entry, Key]) -> tuple[Key, Key]:
    entry, base = pair
    return entry.key, base
