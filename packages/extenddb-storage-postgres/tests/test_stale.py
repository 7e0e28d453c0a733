"""The physical schema guards cached metadata, prepared statements included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from extenddb.core.types.keys import digest
from extenddb.core.types.vector import pack
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import (
    Decision,
    Delete,
    Key,
    Mutation,
    PointRead,
    Put,
    RangeRead,
    Row,
    ScanRead,
    Space,
    TableRecord,
    VectorSearch,
    VectorSpace,
)
from extenddb.storage_postgres import ddl
from extenddb.storage_postgres.backend import PostgresBackend

pytestmark = pytest.mark.postgres

PATIENCE = 30.0
KEY = Key(digest(b"k"), b"")
OLD = Space(id="t", indexes=("a",))
RECORD = TableRecord(namespace="n", name="t", space=OLD, document=b"{}")


def put(space: Space, *, blind: bool = False) -> Mutation:
    return Mutation(space, KEY, lambda old: Put(b"{}", 2), blind)


CALLS: dict[str, Callable[[PostgresBackend], Awaitable[object]]] = {
    "get": lambda b: b.items.get([PointRead(OLD, KEY)]),
    "snapshot": lambda b: b.items.snapshot([PointRead(OLD, KEY)]),
    "range": lambda b: b.items.read_range(RangeRead(space=OLD, partition=KEY[0], max_bytes=1)),
    "index range": lambda b: b.items.read_range(RangeRead(space=OLD, index="a", partition=KEY[0], max_bytes=1)),
    "scan": lambda b: b.items.scan(ScanRead(space=OLD, max_bytes=1)),
    "index scan": lambda b: b.items.scan(ScanRead(space=OLD, index="a", max_bytes=1)),
    "put": lambda b: b.items.mutate([put(OLD)]),
    "blind put": lambda b: b.items.mutate([put(OLD, blind=True)]),
    "blind delete": lambda b: b.items.mutate([Mutation(OLD, KEY, lambda old: Delete(), True)]),
    "transact": lambda b: b.items.transact([put(OLD)]),
    "estimate": lambda b: b.catalog.estimate(OLD),
}


def run(work: Awaitable[object]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(work, PATIENCE)

    asyncio.run(bounded())


@pytest.mark.parametrize("call", CALLS)
def test_a_prepared_statement_of_an_old_epoch_fails(call: str, harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        stale = await harness.create(pool_size="1")
        await stale.catalog.create(RECORD)
        await CALLS[call](stale)
        other = await harness.another(stale)
        new = replace(RECORD, space=replace(OLD, indexes=("a", "b")))
        altered = await other.catalog.alter(new, expected=1)
        assert altered.space.epoch == 2
        for _ in range(2):
            with pytest.raises(SchemaMismatch):
                await CALLS[call](stale)
        assert await stale.items.mutate([put(altered.space)])
        await other.close()
        await harness.destroy(stale)

    run(check())


def test_an_alteration_waits_for_a_running_writer(harness) -> None:  # type: ignore[no-untyped-def]
    order: list[str] = []

    async def check() -> None:
        backend = await harness.create()
        await backend.catalog.create(RECORD)
        other = await harness.another(backend)
        loop = asyncio.get_running_loop()
        task: list[asyncio.Task[TableRecord]] = []

        async def alter() -> TableRecord:
            altered: TableRecord = await other.catalog.alter(
                replace(RECORD, space=replace(OLD, indexes=())), expected=1
            )
            order.append("altered")
            return altered

        def decide(old: Row | None) -> Decision:
            # Runs between the two rounds of the write, whose locks are held.
            task.append(loop.create_task(alter()))
            return Put(b"{}", 2)

        await backend.items.mutate([Mutation(OLD, KEY, decide)])
        order.insert(0, "written") if not order else order.append("written")
        altered = await task[0]
        (row,) = await backend.items.get([PointRead(altered.space, KEY)])
        assert row is not None
        await other.close()
        await harness.destroy(backend)

    run(check())
    assert order == ["written", "altered"]


READERS: dict[str, Callable[[PostgresBackend, Space], Awaitable[object]]] = {
    "range": lambda b, space: b.items.read_range(RangeRead(space=space, index="a", partition=KEY[0], max_bytes=1)),
    "reverse range": lambda b, space: b.items.read_range(
        RangeRead(space=space, index="a", partition=KEY[0], max_bytes=1, reverse=True)
    ),
    "scan": lambda b, space: b.items.scan(ScanRead(space=space, index="a", max_bytes=1)),
    "search": lambda b, space: b.items.search(VectorSearch(space=space, index="v", vector=pack((1.0,)), limit=1)),
}
_BLOCKED = b"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.mark.parametrize("before", [0, 1, 9], ids=["new", "prepared", "planned for good"])
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_of_an_index_that_goes_waits_without_a_lock_on_it(reader: str, before: int, harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend: PostgresBackend = await harness.create()
        other = await harness.another(backend)
        space = replace(OLD, vectors=(VectorSpace("v", 1, "EUCLIDEAN"),))
        await backend.catalog.create(replace(RECORD, space=space))
        for _ in range(before):
            await READERS[reader](backend, space)
        async with other.pool.connection() as changer, changer.transaction():  # as `alter` does it, step by step
            await changer.execute(b"SET LOCAL lock_timeout = '5s'")
            await changer.execute(ddl.rename(space, replace(space, epoch=2)))
            reading = asyncio.ensure_future(READERS[reader](backend, space))
            while (await (await changer.execute(_BLOCKED)).fetchall()) == [(0,)]:  # noqa: ASYNC110  (the server waits)
                await asyncio.sleep(0.01)
            for index in ("a", "v"):
                await changer.execute(ddl.drop_index(space, index))
        with pytest.raises(SchemaMismatch):
            await reading
        await other.close()
        await harness.destroy(backend)

    run(check())


def test_an_index_that_returns_is_empty(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await harness.create()
        await backend.catalog.create(RECORD)
        without = await backend.catalog.alter(replace(RECORD, space=replace(OLD, indexes=())), expected=1)
        again = await backend.catalog.alter(replace(without, space=replace(without.space, indexes=("a",))), expected=2)
        assert again.space.epoch == 3
        page = await backend.items.scan(ScanRead(space=again.space, index="a", max_bytes=1))
        assert page.rows == []
        await harness.destroy(backend)

    run(check())


def test_an_estimate_is_exact_when_small_and_near_when_large(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await harness.create()
        await backend.catalog.create(RECORD)
        await backend.items.mutate([put(OLD)])
        assert (await backend.catalog.estimate(OLD))[None].rows == 1
        for start in range(0, 12_000, 1000):
            keys = [Key(digest(b"%d" % number), b"") for number in range(start, start + 1000)]
            await backend.items.mutate([Mutation(OLD, key, lambda old: Put(b"x" * 300, 300), True) for key in keys])
        large = (await backend.catalog.estimate(OLD))[None]
        assert 6_000 < large.rows < 24_000
        assert 0.9 < large.bytes / large.rows / 300 < 1.1
        await harness.destroy(backend)

    run(check())
