"""Leases of processes that died do not pile up."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.postgres

_AGE = "UPDATE leases SET expires = expires - make_interval(hours => %s) WHERE name = %s"
_NAMES = "SELECT name FROM leases ORDER BY name"


def test_what_nobody_gave_back_goes_after_a_day(harness) -> None:  # type: ignore[no-untyped-def]
    async def scenario() -> None:
        backend = await harness.create()
        try:
            for name in ("held", "lately", "long-ago"):
                assert await backend.leases.acquire(name, "dead", seconds=10)
            async with backend.pool.connection() as connection:
                await connection.execute(_AGE, [23, "lately"])
                await connection.execute(_AGE, [25, "long-ago"])
            await backend.leases.release("another", "alive")
            async with backend.pool.connection() as connection:
                rows = await (await connection.execute(_NAMES)).fetchall()
            assert [name for (name,) in rows] == ["held", "lately"]
            assert not await backend.leases.acquire("held", "alive", seconds=10)
        finally:
            await harness.destroy(backend)

    asyncio.run(scenario())
