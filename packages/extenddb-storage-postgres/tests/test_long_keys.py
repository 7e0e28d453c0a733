"""Sort keys of entries that are longer than a row of the primary key holds."""

from __future__ import annotations

import asyncio
import re
from random import Random

import pytest

from extenddb.core.types.keys import Key
from extenddb.storage.conformance.values import added, key, partition, put
from extenddb.storage.model import Position, RangeRead, ScanRead, Space, TableRecord
from extenddb.storage_postgres.arrays import int8
from extenddb.storage_postgres.backend import PostgresBackend
from extenddb.storage_postgres.ddl import HEAD
from extenddb.storage_postgres.migrate import migrate
from extenddb.storage_postgres.reads import _RangePlace, _ScanPlace
from extenddb.storage_postgres.wire import Call

pytestmark = pytest.mark.postgres

SPACE = Space(id="long", indexes=("i",))
RECORD = TableRecord(namespace="n", name="long", space=SPACE, document=b"{}")
ENTRIES = 4000


def sorts() -> list[bytes]:
    """Return sort keys whose heads differ, longest keys of rows of the primary key among them."""
    rng = Random(5)
    return [rng.randbytes(HEAD + rng.choice((-1, 0, 1, 500))) for _ in range(ENTRIES)]


async def filled(backend: PostgresBackend) -> list[bytes]:
    await backend.catalog.create(RECORD)
    rng, made = Random(6), sorts()
    for first in range(0, ENTRIES, 500):
        await backend.items.mutate(
            [
                put(SPACE, key(n, rng.randbytes(1024)), indexes=added("i", Key(partition(1), made[n])))
                for n in range(first, first + 500)
            ]
        )
    return sorted(made)


async def explained(backend: PostgresBackend, call: Call) -> str:
    """Return the plan of a page of ten as the session makes it, with what it did."""
    text = call.statement.sql.decode()
    for number, value in reversed([*enumerate(call.parameters, 1)]):
        data = value or b""
        text = text.replace(f"${number}::bigint", str(int.from_bytes(data, "big", signed=True)))
        text = text.replace(f"${number}::bytea", f"'\\x{data.hex()}'::bytea")
    async with backend.pool.connection() as connection:
        cursor = await connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {text}".encode())
        return re.sub(r"'\\x[0-9a-f]*'", "''", "\n".join(line for (line,) in await cursor.fetchall()))


def test_pages_in_the_order_of_whole_keys_are_found_by_their_heads(harness) -> None:  # type: ignore[no-untyped-def]
    """Only what has equal heads is sorted, so that a page costs what it holds."""

    async def check() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            made = await filled(backend)
            part, head = partition(1), (int8(1 << 20), int8(10))
            middle = next(sort for sort in made[ENTRIES // 2 :] if len(sort) > HEAD)
            after = Position(Key(part, middle), key(1))
            reads = [
                RangeRead(
                    space=SPACE, partition=part, index="i", max_bytes=1, after=after, upper=upper, reverse=reverse
                )
                for upper in (None, made[-9])
                for reverse in (False, True)
            ]
            places: list[_RangePlace | _ScanPlace] = [_RangePlace(read) for read in reads]
            places.append(_ScanPlace(ScanRead(space=SPACE, index="i", max_bytes=1, after=after)))
            for place in places:
                assert place.whole
                plan = await explained(backend, place.call(*head))
                scan = plan.partition("using x_long_i_pkey on x_long_i x")[2].partition("->")[0]
                assert "Incremental Sort" in plan
                assert "Presorted Key: x.sk" in plan or "Presorted Key: x.b, x.ph, x.sk" in plan
                assert re.search(r"Index Cond: .*\bsk\b", scan)
                assert re.match(r" \(actual rows=[1-4]?\d(\.00)? ", scan)
        finally:
            await harness.destroy(backend)

    asyncio.run(check())


def test_what_is_short_is_read_as_ever(harness) -> None:  # type: ignore[no-untyped-def]
    """One statement a page, in the order of the primary key alone, until a long key shows."""

    async def check() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            await backend.catalog.create(RECORD)
            mutations = [put(SPACE, key(n), indexes=added("i", Key(partition(1), b"%03d" % n))) for n in range(20)]
            await backend.items.mutate(mutations)
            counter = backend.pool.counter
            for long, statements in ((False, 1), (True, 2)):
                if long:
                    where = Key(partition(1), b"005" + bytes(HEAD))
                    await backend.items.mutate([put(SPACE, key(99), indexes=added("i", where))])
                before = counter.statements
                read = RangeRead(space=SPACE, partition=partition(1), index="i", max_bytes=1 << 20)
                assert len((await backend.items.read_range(read)).rows) == 20 + long
                assert counter.statements - before == statements
        finally:
            await harness.destroy(backend)

    asyncio.run(check())


def test_tables_that_were_there_before_get_the_column(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            await backend.catalog.create(RECORD)
            async with backend.pool.connection() as connection:
                await connection.execute("ALTER TABLE x_long_i DROP COLUMN rest")
                await connection.execute("DELETE FROM migrations WHERE number = 3")
                ((schema,),) = await (await connection.execute("SELECT current_schema()")).fetchall()
                assert await migrate(connection, schema) == 1
            made = await _long(backend)
            read = RangeRead(space=SPACE, partition=partition(1), index="i", max_bytes=1 << 20)
            rows = (await backend.items.read_range(read)).rows
            assert [row.item for row in rows] == made
        finally:
            await harness.destroy(backend)

    asyncio.run(check())


async def _long(backend: PostgresBackend) -> list[bytes]:
    """Write rows whose entries differ behind their heads, in no order; return their items in order."""
    numbers = [3, 1, 2, 0]
    await backend.items.mutate(
        [put(SPACE, key(n), b"%d" % n, indexes=added("i", Key(partition(1), bytes(HEAD) + b"%d" % n))) for n in numbers]
    )
    return [b"%d" % n for n in sorted(numbers)]
