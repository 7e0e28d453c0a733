"""What of the memory backend the kit cannot see: its sorted set, its clock, its plugin."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extenddb.storage.conformance.values import added, key, put
from extenddb.storage.errors import Unavailable
from extenddb.storage.memory import MemoryBackend, ordered, plugin
from extenddb.storage.memory.ordered import Ordered
from extenddb.storage.model import Estimate, Space, TableRecord

_places = st.tuples(st.binary(max_size=2), st.binary(max_size=1))


@given(st.lists(st.tuples(st.booleans(), _places)), _places, st.none() | _places)
def test_the_sorted_set_is_a_sorted_set(
    script: list[tuple[bool, tuple[bytes, ...]]], low: tuple[bytes, ...], high: tuple[bytes, ...] | None
) -> None:
    ours, model = Ordered(), set[tuple[bytes, ...]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "_CHUNK", 4)
        for adding, place in script:
            if adding:
                ours.add(place)
                model.add(place)
            else:
                ours.discard(place)
                model.discard(place)
    want = sorted(place for place in model if place >= low and (high is None or place < high))
    assert len(ours) == len(model)
    assert list(ours.between(low, high)) == want
    assert list(ours.between(low, high, reverse=True)) == want[::-1]


def test_leases_expire_by_the_stores_clock() -> None:
    async def main() -> None:
        now = 100.0
        store = MemoryBackend(clock=lambda: now)
        assert await store.leases.acquire("l", "one", seconds=10)
        now = 109.9
        assert not await store.leases.acquire("l", "two", seconds=10)
        assert await store.leases.acquire("l", "one", seconds=10)
        now = 119.8
        assert not await store.leases.acquire("l", "two", seconds=10)
        now = 119.9
        assert await store.leases.acquire("l", "two", seconds=10)

    asyncio.run(main())


def test_estimates_of_the_memory_backend_are_exact() -> None:
    async def main() -> None:
        store, space = MemoryBackend(), Space(id="t", indexes=("i",))
        await store.catalog.create(TableRecord(namespace="n", name="t", space=space, document=b""))
        await store.items.mutate(
            [put(space, key(1), b"xx", indexes=added("i", key(9), 1)), put(space, key(1), b"xxxxx"), put(space, key(2))]
        )
        found = await store.catalog.estimate(space)
        assert found == {None: Estimate(rows=2, bytes=7), "i": Estimate(rows=1, bytes=1)}

    asyncio.run(main())


def test_the_plugin_opens_empty_stores_that_can_be_closed() -> None:
    async def main() -> None:
        async with plugin.provision({"some": "setting"}) as settings:
            assert settings == {"some": "setting"}
            store = await plugin.open(settings)
            assert await store.catalog.records(limit=1) == []
            await store.close()
            with pytest.raises(Unavailable):
                await store.ping()

    asyncio.run(main())
