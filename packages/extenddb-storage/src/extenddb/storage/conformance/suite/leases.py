"""Rights for a time. Expiry is tested with times of zero, so that nothing waits."""

from __future__ import annotations

from extenddb.storage.conformance.harness import Kit, Suite, scenario

LONG = 3600.0


class LeasesSuite(Suite):
    """`Leases`."""

    @scenario
    async def test_one_holder_at_a_time(self, kit: Kit) -> None:
        name, leases = kit.unique(), kit.backend.leases
        assert await leases.acquire(name, "one", seconds=LONG)
        assert not await leases.acquire(name, "two", seconds=LONG)
        assert await leases.acquire(name, "one", seconds=LONG)
        assert await leases.acquire(kit.unique(), "two", seconds=LONG)

    @scenario
    async def test_a_released_lease_is_free(self, kit: Kit) -> None:
        name, leases = kit.unique(), kit.backend.leases
        await leases.release(name, "one")
        assert await leases.acquire(name, "one", seconds=LONG)
        await leases.release(name, "two")
        assert not await leases.acquire(name, "two", seconds=LONG)
        await leases.release(name, "one")
        assert await leases.acquire(name, "two", seconds=LONG)

    @scenario
    async def test_an_expired_lease_is_free(self, kit: Kit) -> None:
        name, leases = kit.unique(), kit.backend.leases
        assert await leases.acquire(name, "one", seconds=0)
        assert await leases.acquire(name, "two", seconds=LONG)
        assert not await leases.acquire(name, "one", seconds=LONG)
        assert await leases.acquire(name, "two", seconds=0)
        assert await leases.acquire(name, "one", seconds=LONG)

    @scenario
    async def test_handles_see_each_others_leases(self, kit: Kit) -> None:
        name, other = kit.unique(), await kit.other()
        assert await kit.backend.leases.acquire(name, "one", seconds=LONG)
        assert not await other.leases.acquire(name, "two", seconds=LONG)
