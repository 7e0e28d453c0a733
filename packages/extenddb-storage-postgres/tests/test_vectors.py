"""Searches of vectors: the graph is used where it may be, and nothing is lost where it may not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from extenddb.core.types.vector import Distance, pack
from extenddb.storage.conformance.values import key, put
from extenddb.storage.model import IndexChange, Space, TableRecord, VectorEntry, VectorSearch, VectorSpace
from extenddb.storage_postgres import vectors
from extenddb.storage_postgres.backend import PostgresBackend
from extenddb.storage_postgres.wire import Statement

pytestmark = pytest.mark.postgres


async def filled(backend: PostgresBackend, where: VectorSpace, rows: Sequence[tuple[float, ...]]) -> Space:
    """Return a space with one row for each vector, every third one labelled."""
    space = Space(id=f"s{where.dimensions}{where.distance[:1].lower()}", vectors=(where,))
    await backend.catalog.create(TableRecord(namespace="n", name=space.id, space=space, document=b"{}"))
    for start in range(0, len(rows), 200):
        mutations = [
            put(space, key(n), indexes=(IndexChange("v", None, VectorEntry(pack(rows[n]), (b"l",) * (n % 3 == 0))),))
            for n in range(start, min(start + 200, len(rows)))
        ]
        await backend.items.mutate(mutations)
    return space


async def explained(backend: PostgresBackend, statement: Statement, probe: str) -> str:
    """Return the plan of a search without labels."""
    text = statement.sql.decode().replace("$1", f"'{probe}'").replace("$2", "40")
    async with backend.pool.connection() as connection, connection.transaction():
        await connection.execute(vectors._SETTINGS.sql)
        cursor = await connection.execute(f"EXPLAIN {text}".encode())
        return "\n".join(line for (line,) in await cursor.fetchall())


@pytest.mark.parametrize(
    ("dimensions", "count", "distance"),
    [(3, 1200, "COSINE"), (3, 1200, "DOT_PRODUCT"), (3, 1200, "EUCLIDEAN"), (2100, 1050, "COSINE")],
)
def test_the_graph_answers(harness, dimensions: int, count: int, distance: Distance) -> None:  # type: ignore[no-untyped-def]
    where = VectorSpace("v", dimensions, distance)

    async def check() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            rng = random.Random(3)
            rows = [tuple(rng.gauss(0, 1) for _ in range(dimensions)) for _ in range(count)]
            space = await filled(backend, where, rows)
            graphs = await backend._graphs.installed()
            assert graphs.schema is not None
            statements = vectors._searches(space, where, graphs, False)
            statement, every = statements.graph, statements.exact
            assert statement is not None
            assert every is not None
            assert "v_graph on x_" in await explained(backend, statement, str(list(rows[3])))
            search = VectorSearch(space=space, index="v", vector=pack(rows[500]), limit=20)
            hits = await backend.items.search(search)
            exact = await backend.items._searches._compared(search, where, every)
            assert len({hit.row.key for hit in hits} & {hit.row.key for hit in exact}) >= 18
            labelled = await backend.items.search(replace(search, labels=(b"l",), limit=100))
            assert len(labelled) == 100
        finally:
            await harness.destroy(backend)

    asyncio.run(check())


def test_a_space_beyond_graphs_is_searched_exactly(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend: PostgresBackend = await harness.create()
        try:
            where = VectorSpace("v", 4096, "EUCLIDEAN")
            space = await filled(backend, where, [(float(n), *[0.0] * 4095) for n in range(30)])
            search = VectorSearch(space=space, index="v", vector=pack((7.0, *[0.0] * 4095)), limit=3)
            assert [hit.score for hit in await backend.items.search(search)] == [0.0, 1.0, 1.0]
            graphs = await backend._graphs.installed()
            assert vectors._searches(space, where, graphs, False).graph is None
        finally:
            await harness.destroy(backend)

    asyncio.run(check())


def test_real_arrays_are_the_vectors() -> None:
    stored = pack((1.5, -2.25, 3e38))
    assert vectors._stored(vectors._reals(stored)) == stored
