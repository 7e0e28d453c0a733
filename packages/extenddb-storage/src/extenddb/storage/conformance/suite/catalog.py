"""Tables come, change and go together with their spaces."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extenddb.storage.conformance.harness import Kit, Suite, requires, scenario
from extenddb.storage.conformance.values import added, key, put
from extenddb.storage.errors import AlreadyExists, Conflict, NotFound, SchemaMismatch
from extenddb.storage.model import Estimate, PointRead, TableRecord


class CatalogSuite(Suite):
    """`Catalog`."""

    @scenario
    async def test_a_created_table_is_found_as_it_was_given(self, kit: Kit) -> None:
        record = replace(kit.record("i", "j"), document=b"\x00\xff any bytes")
        await kit.backend.catalog.create(record)
        assert await kit.backend.catalog.find(record.namespace, record.name) == record
        assert await kit.backend.catalog.find(record.namespace, "no-such-table") is None
        assert await kit.backend.catalog.find("elsewhere", record.name) is None
        assert (await kit.scan(record.space)).rows == []
        assert (await kit.scan(record.space, index="j")).rows == []

    @scenario
    async def test_a_name_is_taken_once_per_namespace(self, kit: Kit) -> None:
        record = kit.record()
        await kit.backend.catalog.create(record)
        await kit.mutate(put(record.space, key(1)))
        with pytest.raises(AlreadyExists):
            await kit.backend.catalog.create(kit.record(name=record.name))
        await kit.backend.catalog.create(kit.record(name=record.name, namespace="another"))
        assert await kit.backend.catalog.find("kit", record.name) == record
        assert list(await kit.items(record.space)) == [key(1)]

    @scenario
    async def test_names_are_listed_in_byte_order_page_by_page(self, kit: Kit) -> None:
        namespace = kit.unique()
        names = ["b", "A", "a-1", "a.1", "a_1", "B2", "10", "9", "aa", "a"]
        for name in names:
            await kit.backend.catalog.create(kit.record(name=name, namespace=namespace))
        want = sorted(names, key=str.encode)
        assert await kit.backend.catalog.names(namespace, limit=100) == want
        got: list[str] = []
        while page := await kit.backend.catalog.names(namespace, after=got[-1] if got else "", limit=3):
            assert len(page) <= 3
            got += page
        assert got == want
        assert await kit.backend.catalog.names(kit.unique(), limit=5) == []

    @scenario
    async def test_records_are_listed_over_all_namespaces(self, kit: Kit) -> None:
        mine = {}
        for namespace in ("one", "two"):
            record = kit.record("i", namespace=namespace)
            await kit.backend.catalog.create(record)
            mine[record.space.id] = record
        got: list[TableRecord] = []
        while page := await kit.backend.catalog.records(after=got[-1].space.id if got else "", limit=2):
            assert len(page) <= 2
            got += page
        assert [record.space.id for record in got] == sorted({record.space.id for record in got})
        assert {record.space.id: record for record in got if record.space.id in mine} == mine

    @scenario
    async def test_altering_the_document_keeps_the_epoch(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        await kit.mutate(put(record.space, key(1), indexes=added("i", key(50))))
        new = await kit.backend.catalog.alter(replace(record, document=b"new"), expected=1)
        assert new == replace(record, document=b"new", version=2)
        assert await kit.backend.catalog.find(record.namespace, record.name) == new
        assert len((await kit.scan(record.space, index="i")).rows) == 1

    @scenario
    async def test_an_unexpected_version_changes_nothing(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        for wrong in (0, 2):
            with pytest.raises(Conflict):
                await kit.backend.catalog.alter(
                    replace(record, document=b"new", space=replace(record.space, indexes=())), expected=wrong
                )
        assert await kit.backend.catalog.find(record.namespace, record.name) == record
        assert (await kit.scan(record.space, index="i")).rows == []

    @scenario
    async def test_indexes_come_and_go_with_the_epoch(self, kit: Kit) -> None:
        record = kit.record("i", "j")
        await kit.backend.catalog.create(record)
        entries = (*added("i", key(50)), *added("j", key(51)))
        await kit.mutate(put(record.space, key(1), b"kept", indexes=entries))
        wish = replace(record, space=replace(record.space, indexes=("j", "k")))
        new = await kit.backend.catalog.alter(wish, expected=1)
        assert (new.version, new.space.epoch, set(new.space.indexes)) == (2, 2, {"j", "k"})
        assert await kit.items(new.space) == {key(1): b"kept"}
        assert [row.key for row in (await kit.scan(new.space, index="j")).rows] == [key(1)]
        assert (await kit.scan(new.space, index="k")).rows == []
        await kit.mutate(put(new.space, key(2), indexes=added("k", key(52))))
        assert [row.key for row in (await kit.scan(new.space, index="k")).rows] == [key(2)]

    @scenario
    async def test_the_next_epoch_can_be_asked_for(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        await kit.mutate(put(record.space, key(1), b"kept", indexes=added("i", key(50))))
        new = await kit.backend.catalog.alter(replace(record, space=replace(record.space, epoch=2)), expected=1)
        assert (new.version, new.space.epoch) == (2, 2)
        assert [row.item for row in (await kit.scan(new.space, index="i")).rows] == [b"kept"]
        with pytest.raises(SchemaMismatch):
            await kit.mutate(put(record.space, key(1)))

    @scenario
    async def test_an_index_that_comes_back_is_empty(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        await kit.mutate(put(record.space, key(1), indexes=added("i", key(50))))
        without = replace(record, space=replace(record.space, indexes=()))
        await kit.backend.catalog.alter(without, expected=1)
        new = await kit.backend.catalog.alter(record, expected=2)
        assert new.space.epoch == 3
        assert (await kit.scan(new.space, index="i")).rows == []

    @scenario
    async def test_an_old_epoch_is_refused_and_writes_nothing(self, kit: Kit) -> None:
        record = kit.record()
        await kit.backend.catalog.create(record)
        new = await kit.backend.catalog.alter(replace(record, space=replace(record.space, indexes=("i",))), expected=1)
        with pytest.raises(SchemaMismatch):
            await kit.mutate(put(record.space, key(1)))
        assert await kit.items(new.space) == {}

    @scenario
    async def test_a_dropped_table_is_gone_and_its_name_is_free(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        await kit.mutate(put(record.space, key(1), indexes=added("i", key(50))))
        await kit.backend.catalog.drop(record.space)
        assert await kit.backend.catalog.find(record.namespace, record.name) is None
        with pytest.raises(SchemaMismatch):
            await kit.backend.items.get([PointRead(record.space, key(1))])
        again = kit.record("i", name=record.name)
        await kit.backend.catalog.create(again)
        assert await kit.items(again.space) == {}
        assert (await kit.scan(again.space, index="i")).rows == []

    @scenario
    @requires("renaming")
    async def test_a_table_gets_another_name(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        await kit.mutate(put(record.space, key(1), b"kept", indexes=added("i", key(50))))
        wish = replace(record, namespace="elsewhere", name=kit.unique(), document=b"new")
        moved = await kit.backend.catalog.alter(
            replace(wish, space=replace(record.space, epoch=2, indexes=())), expected=1
        )
        assert (moved.namespace, moved.name, moved.document) == (wish.namespace, wish.name, b"new")
        assert (moved.version, moved.space.epoch, moved.space.indexes) == (2, 2, ())
        assert await kit.backend.catalog.find(record.namespace, record.name) is None
        assert await kit.backend.catalog.find(wish.namespace, wish.name) == moved
        assert record.name not in await kit.backend.catalog.names(record.namespace, limit=1000)
        assert await kit.items(moved.space) == {key(1): b"kept"}
        with pytest.raises(SchemaMismatch):
            await kit.mutate(put(record.space, key(2)))
        again = kit.record(name=record.name)
        await kit.backend.catalog.create(again)
        assert await kit.items(again.space) == {}
        await kit.backend.catalog.drop(moved.space)
        assert await kit.backend.catalog.find(wish.namespace, wish.name) is None

    @scenario
    @requires("renaming")
    async def test_a_taken_name_changes_nothing(self, kit: Kit) -> None:
        record, other = kit.record("i"), kit.record()
        for each in (record, other):
            await kit.backend.catalog.create(each)
        with pytest.raises(AlreadyExists):
            await kit.backend.catalog.alter(
                replace(record, name=other.name, space=replace(record.space, epoch=2)), expected=1
            )
        assert await kit.backend.catalog.find(record.namespace, record.name) == record
        assert await kit.backend.catalog.find(other.namespace, other.name) == other
        await kit.mutate(put(record.space, key(1), b"kept", indexes=added("i", key(50))))
        assert await kit.items(record.space) == {key(1): b"kept"}

    @scenario
    async def test_what_does_not_exist_is_not_found(self, kit: Kit) -> None:
        record = kit.record()
        with pytest.raises(NotFound):
            await kit.backend.catalog.drop(record.space)
        with pytest.raises(NotFound):
            await kit.backend.catalog.alter(record, expected=1)

    @scenario
    async def test_estimates_tell_of_the_table_and_each_index(self, kit: Kit) -> None:
        space = await kit.table("i", "j")
        found = await kit.backend.catalog.estimate(space)
        assert set(found) == {None, "i", "j"}
        assert found[None] == Estimate(rows=0, bytes=0)
        with pytest.raises(SchemaMismatch):
            await kit.backend.catalog.estimate(replace(space, epoch=2))
