"""Opening, closing, and what outlives it."""

from __future__ import annotations

from extenddb.storage.conformance.harness import Kit, Suite, scenario
from extenddb.storage.conformance.values import added, key, put
from extenddb.storage.model import Change, PointRead


class LifecycleSuite(Suite):
    """`Backend` itself."""

    @scenario
    async def test_the_store_answers(self, kit: Kit) -> None:
        await kit.backend.ping()

    @scenario
    async def test_declared_and_stated_capabilities_are_the_same(self, kit: Kit) -> None:
        assert kit.backend.capabilities == kit.harness.capabilities

    @scenario
    async def test_two_handles_see_one_store(self, kit: Kit) -> None:
        other = await kit.other()
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        assert await other.catalog.find(record.namespace, record.name) == record
        await other.items.mutate([put(record.space, key(1), b"x", indexes=added("i", key(50)))])
        assert await kit.items(record.space) == {key(1): b"x"}
        assert len((await kit.scan(record.space, index="i")).rows) == 1

    @scenario
    async def test_two_stores_share_nothing(self, kit: Kit) -> None:
        second = await kit.harness.create()
        try:
            record = kit.record()
            await kit.backend.catalog.create(record)
            assert await second.catalog.find(record.namespace, record.name) is None
        finally:
            await kit.harness.destroy(second)


class DurableSuite(Suite):
    """What a store that declares `durable` keeps when it is closed and opened again."""

    needs = ("durable",)

    @scenario
    async def test_everything_is_there_after_reopening(self, kit: Kit) -> None:
        record, stream = kit.record("i"), kit.unique()
        backend = await kit.harness.create()
        try:
            await backend.catalog.create(record)
            mutation = put(
                record.space, key(1), b"x", indexes=added("i", key(50)), changes=(Change(stream, 1, b"told"),)
            )
            await backend.items.mutate([mutation])
            await backend.documents.put("kind", "key", b"body")
            rows = await backend.items.get([PointRead(record.space, key(1))])
            backend = await kit.harness.reopen(backend)
            assert await backend.catalog.find(record.namespace, record.name) == record
            assert await backend.items.get([PointRead(record.space, key(1))]) == rows
            document = await backend.documents.get("kind", "key")
            assert document is not None
            assert document.body == b"body"
            if backend.capabilities.streams:
                found = await backend.streams.read(stream, limit=9, max_bytes=9)
                assert [told.body for told in found.records] == [b"told"]
        finally:
            await kit.harness.destroy(backend)
