"""How many statements and round trips an operation costs; a budget, not a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from extenddb.core.types.keys import digest
from extenddb.storage.model import (
    Change,
    Entry,
    IndexChange,
    Keep,
    Key,
    Mutation,
    PointRead,
    Put,
    RangeRead,
    ScanRead,
    Space,
    TableRecord,
)
from extenddb.storage_postgres.backend import PostgresBackend

pytestmark = pytest.mark.postgres

Work = Callable[[PostgresBackend, Space, Space], Awaitable[object]]
PLENTY = 1 << 20


def key(number: int) -> Key:
    return Key(digest(b"%d" % number), b"")


def put(space: Space, number: int, *indexes: str, blind: bool = False, stream: str | None = None) -> Mutation:
    entries = tuple(IndexChange(index, None, Entry(key(number + 1000))) for index in indexes)
    changes = () if stream is None else (Change(stream, 1, b"c"),)
    return Mutation(space, key(number), lambda old: Put(b"{}", 2, entries, changes), blind)


def keep(space: Space, number: int) -> Mutation:
    return Mutation(space, key(number), lambda old: Keep())


def batch(count: int, *indexes: str, blind: bool = False, stream: str | None = None, start: int = 0) -> Work:
    async def work(backend: PostgresBackend, plain: Space, indexed: Space) -> None:
        space = indexed if indexes else plain
        await backend.items.mutate([put(space, start + n, *indexes, blind=blind, stream=stream) for n in range(count)])

    return work


def get(*numbers: int) -> Work:
    return lambda backend, plain, _: backend.items.get([PointRead(plain, key(n)) for n in numbers])


def both(backend: PostgresBackend, plain: Space, indexed: Space) -> list[PointRead]:
    return [PointRead(plain, key(1)), PointRead(indexed, key(1))]


BUDGETS: dict[str, tuple[Work, int, int]] = {
    # operation: (work, round trips, statements)
    "get": (get(1), 1, 1),
    "get of 32": (get(*range(32)), 1, 1),
    "get of two tables": (lambda b, p, i: b.items.get(both(b, p, i)), 1, 2),
    "snapshot of one table": (lambda b, p, _: b.items.snapshot([PointRead(p, key(1)), PointRead(p, key(2))]), 1, 1),
    "snapshot of two tables": (lambda b, p, i: b.items.snapshot(both(b, p, i)), 1, 4),
    "blind put": (batch(1, blind=True), 1, 1),
    "blind put of 32": (batch(32, blind=True), 1, 2),
    "put": (batch(1), 2, 2),
    "put of 32": (batch(32), 2, 2),
    "put of a new key": (batch(1, start=500), 2, 2),
    "put with a stream": (batch(1, stream="s"), 2, 3),
    "put of 32 with a stream": (batch(32, stream="s"), 2, 3),
    "put with three indexes": (batch(1, "a", "b", "c"), 2, 5),
    "put of 32 with three indexes": (batch(32, "a", "b", "c"), 2, 5),
    "keep": (lambda b, p, _: b.items.mutate([keep(p, 1)]), 2, 1),
    "transact of ten": (lambda b, p, _: b.items.transact([put(p, n) for n in range(10)]), 2, 2),
    "transact with absences kept": (
        lambda b, p, _: b.items.transact([put(p, 1), *(keep(p, n) for n in range(900, 909))]),
        2,
        4,
    ),
    "range": (lambda b, p, _: b.items.read_range(RangeRead(space=p, partition=key(1)[0], max_bytes=PLENTY)), 1, 1),
    "scan of 100": (lambda b, p, _: b.items.scan(ScanRead(space=p, max_bytes=PLENTY, limit=100)), 1, 1),
    "index scan of 100": (
        lambda b, _, i: b.items.scan(ScanRead(space=i, index="a", max_bytes=PLENTY, limit=100)),
        1,
        1,
    ),
    "stream read": (lambda b, *_: b.streams.read("none", limit=10, max_bytes=PLENTY), 1, 2),
}


@pytest.fixture(scope="module")
def opened(harness):  # type: ignore[no-untyped-def]
    """A runner, a store, a table without and one with three indexes, both holding what the budgets overwrite."""
    with asyncio.Runner() as runner:
        backend = runner.run(harness.create())
        plain, indexed = Space(id="plain"), Space(id="indexed", indexes=("a", "b", "c"))

        async def fill() -> None:
            for space in (plain, indexed):
                record = TableRecord(namespace="n", name=space.id, space=space, document=b"{}")
                await backend.catalog.create(record)
                await backend.items.mutate([put(space, n, *space.indexes) for n in range(300)])

        runner.run(fill())
        yield runner, backend, plain, indexed
        runner.run(harness.destroy(backend))


@pytest.mark.parametrize("operation", BUDGETS)
def test_an_operation_costs_a_fixed_number_of_trips_and_statements(operation: str, opened) -> None:  # type: ignore[no-untyped-def]
    runner, backend, plain, indexed = opened
    work, rounds, statements = BUDGETS[operation]
    counter = backend.pool.counter

    async def measured() -> tuple[int, int]:
        before = counter.rounds, counter.statements
        await work(backend, plain, indexed)
        return counter.rounds - before[0], counter.statements - before[1]

    assert runner.run(measured()) == (rounds, statements)
