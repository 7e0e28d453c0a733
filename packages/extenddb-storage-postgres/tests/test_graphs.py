"""Graphs over indexes of vectors: made once over what is there, by whoever comes, however often it is broken off."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from extenddb.core.types.vector import pack
from extenddb.storage.conformance.values import key, put
from extenddb.storage.errors import SchemaMismatch, Unavailable
from extenddb.storage.model import IndexChange, NewRow, Space, TableRecord, VectorEntry, VectorSearch, VectorSpace
from extenddb.storage_postgres import graphs, vectors
from extenddb.storage_postgres.backend import PostgresBackend

pytestmark = pytest.mark.postgres

MANY, DIMENSIONS = 5000, 192
"""So that a graph takes a second or two."""
WHERE = VectorSpace("v", DIMENSIONS, "EUCLIDEAN")
SPACE = Space(id="pictures", vectors=(WHERE,))
RECORD = TableRecord(namespace="n", name="pictures", space=SPACE, document=b"{}")
TABLE = "x_pictures_v"
SECONDS = 60.0

_rng = random.Random(11)
_centres = [[_rng.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(40)]
VECTORS = [tuple(component + _rng.gauss(0, 0.8) for component in _centres[n % len(_centres)]) for n in range(MANY)]

Scenario = Callable[[PostgresBackend], Awaitable[None]]


def run(harness: Any, scenario: Scenario) -> None:
    """Run a scenario on a fresh store with the table."""

    async def main() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            async with asyncio.timeout(SECONDS):
                await backend.catalog.create(RECORD)
                await scenario(backend)
        finally:
            await harness.destroy(backend)

    asyncio.run(main())


async def load(backend: PostgresBackend, count: int = MANY) -> None:
    """Make the table anew and load rows with vectors."""
    await backend.catalog.drop(SPACE)
    await backend.catalog.create(RECORD, loading=True)
    for first in range(0, count, 1000):
        numbers = range(first, min(first + 1000, count))
        rows = [NewRow(key(n), b"%d" % n, 1, (("v", VectorEntry(pack(VECTORS[n]))),)) for n in numbers]
        await backend.items.load(SPACE, rows)
    while not await backend.items.finish(SPACE, lambda _item: ()):
        pass


async def made(backend: PostgresBackend) -> list[tuple[str, bool]]:
    """Return name and validity of every graph of the table."""
    async with backend.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT c.relname, x.indisvalid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
            " JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw' AND x.indrelid = %s::regclass",
            [TABLE],
        )
        return [(name, valid) for name, valid in await cursor.fetchall()]


async def workers(backend: PostgresBackend) -> list[int]:
    """Return who is making a graph."""
    async with backend.pool.connection() as connection:
        cursor = await connection.execute("SELECT pid FROM pg_stat_progress_create_index")
        return [pid for (pid,) in await cursor.fetchall()]


async def begun(backend: PostgresBackend) -> int:
    """Return the server's process that makes a graph, once there is one."""
    for _ in range(500):
        found = await workers(backend)
        if found:
            return found[0]
        await asyncio.sleep(0.01)
    raise AssertionError("nothing is made")


async def idle(backend: PostgresBackend) -> None:
    """Return when no graph is being made."""
    for _ in range(1000):
        if not await workers(backend):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("something is made for ever")


async def build(backend: PostgresBackend, space: Space = SPACE, *, alone: bool = False) -> int:
    """Ask for the graph until it is there; return how often that was."""
    count = 1
    while not await backend.items.build(space, "v", alone=alone):
        count += 1
    return count


async def plan(backend: PostgresBackend, space: Space = SPACE) -> str:
    """Return the plan of a search that may use the graph."""
    known = await backend._graphs.installed()
    statement = vectors._searches(space, WHERE, known, False).graph
    assert statement is not None
    text = statement.sql.decode().replace("$1", f"'{list(VECTORS[3])}'").replace("$2", "40")
    async with backend.pool.connection() as connection, connection.transaction():
        await connection.execute(vectors._SETTINGS.sql)
        cursor = await connection.execute(f"EXPLAIN {text}".encode())
        return "\n".join(line for (line,) in await cursor.fetchall())


async def recall(backend: PostgresBackend, space: Space = SPACE) -> float:
    """Return how many of the ten nearest are found, of twenty vectors."""
    right = 0
    known = await backend._graphs.installed()
    every = vectors._searches(space, WHERE, known, False).exact
    assert every is not None
    for probe in range(0, MANY, MANY // 20):
        search = VectorSearch(space=space, index="v", vector=pack(VECTORS[probe]), limit=10)
        exact = await backend.items._searches._compared(search, WHERE, every)
        found = await backend.items.search(search)
        right += len({hit.row.key for hit in exact} & {hit.row.key for hit in found})
    return right / 200


def test_a_loaded_table_gets_its_graph_at_the_end(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        assert await made(backend) == [(f"{TABLE}_graph", True)]  # as CreateTable wants it
        await load(backend)
        assert await made(backend) == []  # as a table has it that is made to be loaded
        assert "_graph" not in await plan(backend)
        assert await build(backend, alone=True) >= 1
        assert await made(backend) == [(f"{TABLE}_graph", True)]
        assert f"Index Scan using {TABLE}_graph on {TABLE}" in await plan(backend)
        assert await recall(backend) >= 0.9
        assert await build(backend, alone=True) == 1
        assert await made(backend) == [(f"{TABLE}_graph", True)]

    run(harness, scenario)


def test_an_index_that_is_made_later_gets_its_graph_once_it_is_filled(harness: Any) -> None:
    """Also one that has been without for long: a table older than its graph, or than pgvector."""

    async def scenario(backend: PostgresBackend) -> None:
        await backend.catalog.drop(SPACE)
        await backend.catalog.create(replace(RECORD, space=Space(id=SPACE.id)))
        altered = await backend.catalog.alter(RECORD, expected=1)
        space = altered.space
        assert await made(backend) == []
        for first in range(0, MANY, 500):
            entries = [(n, IndexChange("v", None, VectorEntry(pack(VECTORS[n])))) for n in range(first, first + 500)]
            await backend.items.mutate([put(space, key(n), b"%d" % n, indexes=(entry,)) for n, entry in entries])
        assert await made(backend) == []
        assert await build(backend, space) >= 1
        assert await made(backend) == [(f"{TABLE}_graph", True)]
        assert f"Index Scan using {TABLE}_graph on {TABLE}" in await plan(backend, space)
        assert await recall(backend, space) >= 0.9

    run(harness, scenario)


@pytest.mark.parametrize("alone", [True, False])
def test_it_goes_on_when_the_process_ends_and_another_finds_it(harness: Any, alone: bool) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await load(backend)
        first: PostgresBackend = await harness.another(backend)
        asked = asyncio.create_task(first.items.build(SPACE, "v", alone=alone))
        pid = await begun(backend)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await first.close()
        assert await workers(backend) == [pid]
        await build(backend, alone=alone)
        assert await made(backend) == [(f"{TABLE}_graph", True)]
        assert await recall(backend) >= 0.9

    run(harness, scenario)


def test_two_processes_make_one(harness: Any) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await load(backend)
        other: PostgresBackend = await harness.another(backend)
        try:
            await asyncio.gather(build(backend), build(other))
        finally:
            await other.close()
        assert await made(backend) == [(f"{TABLE}_graph", True)]

    run(harness, scenario)


@pytest.mark.parametrize("alone", [True, False])
def test_what_was_broken_off_is_begun_anew(harness: Any, alone: bool) -> None:
    """The server's process is killed in the middle; beside writes it leaves an index that is not valid."""

    async def scenario(backend: PostgresBackend) -> None:
        await load(backend)
        asked = asyncio.create_task(backend.items.build(SPACE, "v", alone=alone))
        pid = await begun(backend)
        async with backend.pool.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        await asyncio.gather(asked, return_exceptions=True)
        await idle(backend)
        assert await made(backend) == ([] if alone else [(f"{TABLE}_graph", False)])
        with suppress(Unavailable):  # that of the lost connection, if nobody was told yet
            await build(backend, alone=alone)
        await build(backend, alone=alone)
        assert await made(backend) == [(f"{TABLE}_graph", True)]

    run(harness, scenario)


@pytest.mark.parametrize("way", ["drop", "alter"])
def test_a_table_or_index_that_goes_does_not_wait_for_its_graph(harness: Any, way: str) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await load(backend)
        asked = asyncio.create_task(backend.items.build(SPACE, "v"))
        await begun(backend)
        before = time.monotonic()
        if way == "drop":
            await backend.catalog.drop(SPACE)
        else:
            await backend.catalog.alter(replace(RECORD, space=Space(id=SPACE.id)), expected=1)
        assert time.monotonic() - before < 2.0
        await asyncio.gather(asked, return_exceptions=True)
        with pytest.raises(SchemaMismatch):
            await build(backend)
        await idle(backend)

    run(harness, scenario)


def test_a_graph_that_cannot_be_made_is_said_so_and_done_without(
    harness: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(backend: PostgresBackend) -> None:
        await load(backend, 10)
        monkeypatch.setattr(graphs, "create", lambda *_, **__: f"CREATE INDEX ON {TABLE} ((1 / (cardinality(v) * 0)))")
        with caplog.at_level(logging.WARNING):
            assert await build(backend) == 1
            assert await build(backend) == 1
        assert caplog.text.count("No graph can be made over x_pictures_v") == 1
        assert await made(backend) == []
        search = VectorSearch(space=SPACE, index="v", vector=pack(VECTORS[4]), limit=1)
        assert [hit.row.item for hit in await backend.items.search(search)] == [b"4"]

    run(harness, scenario)


def test_where_workers_find_no_memory_it_is_made_without_them(harness: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    real = graphs._run

    async def short(connection: psycopg.AsyncConnection, statement: str) -> None:
        cursor = await connection.execute("SHOW max_parallel_maintenance_workers")
        ran.extend(value for (value,) in await cursor.fetchall())
        if ran[-1] != "0":
            raise psycopg.errors.DiskFull("could not resize shared memory segment")
        await real(connection, statement)

    monkeypatch.setattr(graphs, "_run", short)

    async def scenario(backend: PostgresBackend) -> None:
        await load(backend, 1000)
        await build(backend)
        assert await made(backend) == [(f"{TABLE}_graph", True)]
        assert ran == ["2", "0"]

    run(harness, scenario)
