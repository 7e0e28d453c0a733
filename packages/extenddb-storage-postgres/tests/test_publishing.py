"""A stream that nobody read for long: its records get their numbers by pieces, in linear time, in the right order."""

from __future__ import annotations

import asyncio

import pytest

from extenddb.storage_postgres.backend import PostgresBackend

pytestmark = pytest.mark.postgres

BACKLOG = 10_001
SECONDS = 30.0  # a plan that compares all with all takes minutes
_INSERT = (
    "INSERT INTO changes (stream, b, created, body)"
    " SELECT 's', 0, 0, convert_to(n::text, 'UTF8') FROM generate_series(1, %s) AS n"
)


_ENLARGE = "UPDATE changes SET body = convert_to(repeat('x', 700000), 'UTF8') WHERE serial <= 40"
_BLOCKS = "SELECT toast_blks_hit + toast_blks_read FROM pg_statio_user_tables WHERE relid = 'changes'::regclass"


async def _toast_blocks(backend: PostgresBackend) -> int:
    """Return how many blocks of what is stored out of line were looked at so far."""
    async with backend.pool.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT 1")
        ((blocks,),) = await (await connection.execute(_BLOCKS)).fetchall()
    return int(blocks)


@pytest.mark.parametrize("first", ["read", "last"])
def test_a_backlog_is_numbered_as_it_was_written(harness, first: str) -> None:  # type: ignore[no-untyped-def]
    async def scenario() -> None:
        backend = await harness.create()
        try:
            async with backend.pool.connection() as connection:
                await connection.execute(_INSERT, [BACKLOG])
            async with asyncio.timeout(SECONDS):
                if first == "last":
                    assert await backend.streams.last("s") == BACKLOG
                bodies: list[bytes] = []
                while len(bodies) < BACKLOG:
                    page, stopped = await backend.streams.read("s", after=len(bodies), limit=3000, max_bytes=1 << 30)
                    assert len(page) == min(3000, BACKLOG - len(bodies))
                    assert stopped == (len(page) == 3000)
                    assert [each.sequence for each in page] == [len(bodies) + n + 1 for n in range(len(page))]
                    bodies += [bytes(each.body) for each in page]
            assert bodies == [str(n + 1).encode() for n in range(BACKLOG)]
        finally:
            await harness.destroy(backend)

    asyncio.run(scenario())


def test_large_records_are_numbered_and_fetched_as_far_as_they_are_asked_for(harness) -> None:  # type: ignore[no-untyped-def]
    """A read of a megabyte numbers one step of the backlog, and fetches the records that it answers, no others."""

    async def scenario() -> None:
        backend = await harness.create()
        try:
            async with backend.pool.connection() as connection:
                await connection.execute(_INSERT, [BACKLOG])
                await connection.execute(_ENLARGE)
            for after, count in ((0, 1), (38, 1), (39, 1000)):
                page, stopped = await backend.streams.read("s", after=after, limit=1000, max_bytes=1 << 20)
                assert (len(page), stopped) == (count, True)
            async with backend.pool.connection() as connection:
                cursor = await connection.execute("SELECT count(*), count(seq) FROM changes")
                assert await cursor.fetchone() == (BACKLOG, 2000)
            before = await _toast_blocks(backend)
            await backend.streams.read("s", limit=1000, max_bytes=1 << 20)
            assert 0 < await _toast_blocks(backend) - before < 3 * 700_000 / 8192
        finally:
            await harness.destroy(backend)

    asyncio.run(scenario())
