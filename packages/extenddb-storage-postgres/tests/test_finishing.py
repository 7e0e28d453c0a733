"""Primary keys that come at the end of a load: who waits for them, who does not, what happens when they break off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from extenddb.storage.conformance.values import key, put
from extenddb.storage.errors import SchemaMismatch, Unavailable
from extenddb.storage.model import Entry, Key, NewRow, RangeRead, ScanRead, Space, TableRecord
from extenddb.storage_postgres.backend import PostgresBackend
from extenddb.storage_postgres.ddl import HEAD

pytestmark = pytest.mark.postgres

SPACE = Space(id="imported", indexes=("i", "j"))
RECORD = TableRecord(namespace="n", name="imported", space=SPACE, document=b"{}")
TABLE = "i_imported_1"
SECONDS = 60.0
LONG = b"x" * HEAD
Entries = tuple[tuple[str, Entry], ...]
Scenario = Callable[[PostgresBackend], Awaitable[None]]


def run(harness: Any, scenario: Scenario) -> None:
    """Run a scenario on a fresh store with a table to be loaded."""

    async def main() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            async with asyncio.timeout(SECONDS):
                await backend.catalog.create(RECORD, loading=True)
                await scenario(backend)
        finally:
            await harness.destroy(backend)

    asyncio.run(main())


def entries(item: bytes) -> Entries:
    """Return an entry in each index, one of them with a long key."""
    number, version = item.split(b" ")
    return (
        ("i", Entry(Key(key(1).partition, version + number), 3)),
        ("j", Entry(Key(key(2).partition, LONG + version + number), None)),
    )


def rows(numbers: range, version: bytes) -> list[NewRow]:
    """Return rows whose items tell number and version."""
    items = [b"%d %s" % (number, version) for number in numbers]
    return [NewRow(key(int(item.split()[0])), item, 9, entries(item)) for item in items]


async def finish(backend: PostgresBackend) -> None:
    while not await backend.items.finish(SPACE, entries):
        pass


async def keyed(backend: PostgresBackend) -> set[str]:
    """Return the tables that have a primary key."""
    async with backend.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT c.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid WHERE x.indisprimary"
            " AND c.relname LIKE '%%imported%%'"
        )
        return {name for (name,) in await cursor.fetchall()}


async def contents(backend: PostgresBackend) -> dict[str, list[bytes]]:
    """Return all items in the order of the table and of its indexes."""
    page = await backend.items.scan(ScanRead(space=SPACE, limit=None, max_bytes=1 << 30))
    found = {"table": sorted(row.item for row in page.rows)}
    for number, index in enumerate("ij", start=1):
        read = RangeRead(
            space=SPACE, index=index, partition=key(number).partition, lower=b"", upper=None, max_bytes=1 << 30
        )
        found[index] = [row.item for row in (await backend.items.read_range(read)).rows]
    return found


async def waiting(backend: PostgresBackend) -> int:
    """Return the server's process that waits for the table, as soon as there is one."""
    while True:
        async with backend.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT pid FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [TABLE]
            )
            row = await cursor.fetchone()
        if row is not None:
            return int(row[0])
        await asyncio.sleep(0.02)


async def writer(backend: PostgresBackend) -> psycopg.AsyncConnection:
    """Return a connection in the middle of a load."""
    async with backend.pool.connection() as connection:
        schema = await (await connection.execute("SHOW search_path")).fetchone()
        dsn = connection.info.dsn
        password = connection.info.password
    assert schema is not None
    other = await psycopg.AsyncConnection.connect(dsn, password=password)
    await other.execute(f"SET search_path = {schema[0]}".encode())
    await other.execute(f"INSERT INTO {TABLE} VALUES (1, '\\x01', '\\x01', '\\x01', 1, 1)".encode())
    return other


def test_nothing_has_keys_until_the_end(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await backend.items.load(SPACE, rows(range(100), b"a"))
        assert await keyed(backend) == set()
        await finish(backend)
        assert await keyed(backend) == {TABLE, "x_imported_i", "x_imported_j"}
        await backend.items.mutate([put(SPACE, key(1), b"changed")])
        await finish(backend)

    run(harness, scenario)


def test_rows_of_one_key_leave_the_last_with_its_entries(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        for numbers, version in ((range(3000), b"a"), (range(1000, 2500), b"b"), (range(2000, 2200), b"c")):
            await backend.items.load(SPACE, rows(numbers, version))
        await finish(backend)
        versions = dict.fromkeys(range(3000), b"a")
        versions |= dict.fromkeys(range(1000, 2500), b"b") | dict.fromkeys(range(2000, 2200), b"c")
        wanted = [b"%d %s" % pair for pair in versions.items()]
        ordered = sorted(wanted, key=lambda item: b"".join(item.split()[::-1]))
        assert await contents(backend) == {"table": sorted(wanted), "i": ordered, "j": ordered}

    run(harness, scenario)


def test_it_waits_for_writers_and_readers_go_on(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await backend.items.load(SPACE, rows(range(100), b"a"))
        other = await writer(backend)
        try:
            assert not await backend.items.finish(SPACE, entries)
            assert (await backend.catalog.estimate(SPACE))[None].rows == 100
            await other.rollback()
        finally:
            await other.close()
        await finish(backend)
        assert len((await contents(backend))["table"]) == 100

    run(harness, scenario)


def test_what_was_broken_off_is_begun_anew(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        for version in (b"a", b"b"):
            await backend.items.load(SPACE, rows(range(100), version))
        other = await writer(backend)
        try:
            asked = asyncio.create_task(backend.items.finish(SPACE, entries))
            pid = await waiting(backend)
            async with backend.pool.connection() as connection:
                await connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            await asyncio.gather(asked, return_exceptions=True)
        finally:
            await other.close()
        with suppress(Unavailable):  # that of the lost connection, if nobody was told yet
            await finish(backend)
        await finish(backend)
        assert (await contents(backend))["table"] == sorted(b"%d b" % number for number in range(100))

    run(harness, scenario)


def test_two_processes_finish_one_space(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        for version in (b"a", b"b"):
            await backend.items.load(SPACE, rows(range(2000), version))
        other: PostgresBackend = await harness.another(backend)
        try:
            await asyncio.gather(finish(backend), finish(other))
        finally:
            await other.close()
        found = await contents(backend)
        assert [len(items) for items in found.values()] == [2000, 2000, 2000]

    run(harness, scenario)


def test_a_process_that_ends_leaves_it_to_the_next(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await backend.items.load(SPACE, rows(range(100), b"a"))
        first: PostgresBackend = await harness.another(backend)
        other = await writer(backend)
        try:
            assert not await first.items.finish(SPACE, entries)
            await first.close()
            await other.rollback()
        finally:
            await other.close()
        assert await keyed(backend) == set()
        await finish(backend)

    run(harness, scenario)


def test_a_space_that_is_gone_is_not_finished(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await backend.catalog.drop(SPACE)
        with pytest.raises(SchemaMismatch):
            await finish(backend)

    run(harness, scenario)
