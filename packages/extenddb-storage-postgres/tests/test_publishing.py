"""A stream that nobody read for long: its records get their numbers by pieces, in linear time, in the right order."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.postgres

BACKLOG = 10_001
SECONDS = 30.0  # a plan that compares all with all takes minutes
_INSERT = (
    "INSERT INTO changes (stream, b, created, body)"
    " SELECT 's', 0, 0, convert_to(n::text, 'UTF8') FROM generate_series(1, %s) AS n"
)


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
                    page = await backend.streams.read("s", after=len(bodies), limit=3000)
                    assert len(page) == min(3000, BACKLOG - len(bodies))
                    assert [each.sequence for each in page] == [len(bodies) + n + 1 for n in range(len(page))]
                    bodies += [bytes(each.body) for each in page]
            assert bodies == [str(n + 1).encode() for n in range(BACKLOG)]
        finally:
            await harness.destroy(backend)

    asyncio.run(scenario())
