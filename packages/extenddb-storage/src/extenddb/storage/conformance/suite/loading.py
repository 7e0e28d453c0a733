"""Loading many new rows at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from extenddb.core.types.vector import pack
from extenddb.storage.conformance.harness import Kit, Suite, requires, scenario
from extenddb.storage.conformance.suite.ranges import COMMON
from extenddb.storage.conformance.values import key, put
from extenddb.storage.errors import Conflict, SchemaMismatch
from extenddb.storage.model import EntriesOf, Entry, Key, NewRow, Space, VectorEntry, VectorSearch, VectorSpace
from extenddb.storage.spi import VectorItems


def _rows(*numbers: int, indexed: bool = False) -> list[NewRow]:
    def entries(n: int) -> tuple[tuple[str, Entry], ...]:
        return (("i", Entry(key(1000 + n % 3), n)),) if indexed else ()

    return sorted(NewRow(key(n, b"\x00\xff%d" % n), b"%d" % n, n + 1, entries(n)) for n in numbers)


def _vector_row(number: int) -> NewRow:
    """Return a row with a vector, labels, and a size of its entry."""
    labels = (b"even",) * (number % 2 == 0) + (b"some",) * (number % 5 == 0)
    entry = VectorEntry(pack((float(number), 0.0)), labels, number % 7)
    return NewRow(key(number), b"%d" % number, 9, (("v", entry),))


def _key_of(number: int) -> Key:
    return key(number)


async def _load(kit: Kit, space: Space, rows: list[NewRow]) -> None:
    await kit.backend.items.load(space, rows)  # type: ignore[attr-defined]


async def _for_loading(kit: Kit) -> Space:
    record = kit.record("i")
    await kit.backend.catalog.create(record, loading=True)
    return record.space


async def _finish(kit: Kit, space: Space, entries: EntriesOf | None = None) -> None:
    while not await kit.backend.items.finish(space, entries or _entries_of):  # type: ignore[attr-defined]
        pass


FIFTHS = range(0, 1500, 5)


def _moved(item: bytes) -> bytes:
    return b"moved " + item


def _entries_of(item: bytes) -> tuple[tuple[str, Entry], ...]:
    """Return the entries of items that were loaded twice."""
    return (("i", Entry(key(2000), 5)),) if item.startswith(b"moved") else ()


class LoadingSuite(Suite):
    """`BulkItems.load` and `BulkItems.finish`."""

    needs = ("bulk_load",)

    @scenario
    async def test_loaded_rows_are_rows_like_others(self, kit: Kit) -> None:
        space = await kit.table()
        rows = _rows(*range(2000))
        await _load(kit, space, rows)
        await _load(kit, space, [])
        page = await kit.scan(space)
        assert [(row.key, row.item, row.size) for row in page.rows] == [row[:3] for row in rows]
        first = rows[0].key
        before = await kit.get(space, first)
        await kit.mutate(put(space, first, b"changed"))
        after = await kit.get(space, first)
        assert before is not None
        assert after is not None
        assert (after.item, after.version > before.version) == (b"changed", True)

    @scenario
    async def test_entries_are_loaded_with_their_rows(self, kit: Kit) -> None:
        space = await kit.table("i", "j")
        await _load(kit, space, _rows(*range(30), indexed=True))
        for group in range(3):
            page = await kit.range(space, key(1000 + group).partition, index="i")
            assert {(row.item, row.size) for row in page.rows} == {(b"%d" % n, n) for n in range(group, 30, 3)}
        assert (await kit.scan(space, index="j")).rows == []

    @scenario
    async def test_an_entry_without_a_size_has_that_of_its_row(self, kit: Kit) -> None:
        space = await kit.table("i")
        await _load(kit, space, [NewRow(key(1), b"body", 4, (("i", Entry(key(50))),))])
        (row,) = (await kit.scan(space, index="i")).rows
        assert (row.item, row.size) == (b"body", 4)

    @scenario
    async def test_entries_of_long_keys_are_loaded_in_their_order(self, kit: Kit) -> None:
        space = await kit.table("i")
        sorts = [COMMON + b"%03d" % n for n in range(40)] + [b"", b"a", COMMON[:1536]]
        places = [Key(key(7).partition, sort) for sort in sorts]
        rows = [NewRow(key(n), b"%d" % n, n, (("i", Entry(place, None)),)) for n, place in enumerate(places)]
        await _load(kit, space, sorted(rows, key=lambda row: row[0]))
        for reverse in (False, True):
            page = await kit.range(space, key(7).partition, index="i", reverse=reverse)
            assert [sorts[int(row.item)] for row in page.rows] == sorted(sorts, reverse=reverse)

    @scenario
    @requires("vectors")
    async def test_vectors_are_loaded_with_their_rows(self, kit: Kit) -> None:
        record = kit.record()
        space = replace(record.space, vectors=(VectorSpace("v", 2, "EUCLIDEAN"), VectorSpace("w", 3, "COSINE")))
        await kit.backend.catalog.create(replace(record, space=space))
        for first in (0, 700):
            await _load(kit, space, [_vector_row(n) for n in sorted(range(first, first + 700), key=_key_of)])
        items: VectorItems = kit.backend.items  # type: ignore[assignment]
        searches = [
            VectorSearch(space=space, index="v", vector=pack((500.2, 0.0)), limit=3),
            VectorSearch(space=space, index="v", vector=pack((500.2, 0.0)), labels=(b"even", b"some"), limit=3),
            VectorSearch(space=space, index="w", vector=pack((0.0, 1.0, 0.0)), limit=100),
        ]
        wanted = [[500, 501, 499], [500, 510, 490], []]
        for built in (False, True):
            while built and not all([await items.build(space, each, alone=True) for each in "vw"]):
                pass
            for search, numbers in zip(searches, wanted, strict=True):
                hits = await items.search(search)
                assert [int(hit.row.item) for hit in hits] == numbers, (built, search.index)
                assert all(hit.row.size == int(hit.row.item) % 7 for hit in hits)

    @scenario
    async def test_a_key_that_is_there_fails_the_whole(self, kit: Kit) -> None:
        space = await kit.table("i")
        rows = _rows(*range(10), indexed=True)
        there = rows[5].key
        await kit.mutate(put(space, there, b"first"))
        with pytest.raises(Conflict):
            await _load(kit, space, rows)
        assert await kit.items(space) == {there: b"first"}
        assert (await kit.scan(space, index="i")).rows == []

    @scenario
    async def test_a_space_for_loading_is_finished(self, kit: Kit) -> None:
        space = await _for_loading(kit)
        for first in range(0, 900, 300):
            await _load(kit, space, _rows(*range(first, first + 300), indexed=True)[::-1])
        assert (await kit.backend.catalog.estimate(space))[None].rows == 900
        await _finish(kit, space)
        rows = _rows(*range(900))
        page = await kit.scan(space)
        assert [(row.key, row.item, row.size) for row in page.rows] == [row[:3] for row in rows]
        entries = await kit.range(space, key(1001).partition, index="i")
        assert {row.item for row in entries.rows} == {b"%d" % n for n in range(1, 900, 3)}
        before = await kit.get(space, rows[0].key)
        await kit.mutate(put(space, rows[0].key, b"changed"))
        after = await kit.get(space, rows[0].key)
        assert before is not None
        assert after is not None
        assert after.version > before.version

    @scenario
    async def test_of_rows_of_one_key_the_last_loaded_stays_with_its_entries(self, kit: Kit) -> None:
        space = await _for_loading(kit)
        await _load(kit, space, _rows(*range(1500), indexed=True))
        # Every fifth again in another group of the index, every tenth also without an entry.
        again = [row._replace(item=_moved(row.item), entries=_entries_of(_moved(row.item))) for row in _rows(*FIFTHS)]
        await _load(kit, space, again)
        await _load(kit, space, [row for row in _rows(*FIFTHS) if int(row.item) % 10 == 0])
        await _finish(kit, space)
        wanted = {b"%d" % n if n % 5 or n % 10 == 0 else b"moved %d" % n for n in range(1500)}
        assert {row.item for row in (await kit.scan(space)).rows} == wanted
        for group in range(3):
            entries = await kit.range(space, key(1000 + group).partition, index="i")
            assert {row.item for row in entries.rows} == {b"%d" % n for n in range(group, 1500, 3) if n % 5}
        moved = await kit.range(space, key(2000).partition, index="i")
        assert {row.item for row in moved.rows} == {b"moved %d" % n for n in range(5, 1500, 10)}

    @scenario
    @requires("vectors")
    async def test_of_vectors_of_one_key_the_last_loaded_stays(self, kit: Kit) -> None:
        record = kit.record()
        space = replace(record.space, vectors=(VectorSpace("v", 2, "EUCLIDEAN"),))
        await kit.backend.catalog.create(replace(record, space=space), loading=True)
        await _load(kit, space, [_vector_row(n) for n in range(50)])
        far = VectorEntry(pack((999.0, 0.0)), ())
        await _load(kit, space, [_vector_row(7)._replace(item=b"far", entries=(("v", far),))])
        await _finish(kit, space, lambda item: (("v", far),) if item == b"far" else ())
        items: VectorItems = kit.backend.items  # type: ignore[assignment]
        while not await items.build(space, "v", alone=True):
            pass
        for wanted, first in ((999.0, b"far"), (7.1, b"8"), (6.9, b"6")):
            search = VectorSearch(space=space, index="v", vector=pack((wanted, 0.0)), limit=50)
            hits = await items.search(search)
            assert (len(hits), hits[0].row.item) == (50, first)

    @scenario
    async def test_a_finished_space_is_like_any_other(self, kit: Kit) -> None:
        space = await _for_loading(kit)
        rows = _rows(*range(20), indexed=True)
        await _load(kit, space, rows)
        await asyncio.gather(_finish(kit, space), _finish(kit, space))
        with pytest.raises(Conflict):
            await _load(kit, space, rows[:1])
        await _finish(kit, space)
        other = await kit.table("i")
        await _finish(kit, other)
        await kit.mutate(put(other, key(1), b"there"))
        assert await kit.items(other) == {key(1): b"there"}

    @scenario
    async def test_a_space_for_loading_can_be_dropped(self, kit: Kit) -> None:
        space = await _for_loading(kit)
        await _load(kit, space, _rows(1))
        await kit.backend.catalog.drop(space)
        with pytest.raises(SchemaMismatch):
            await _finish(kit, space)

    @scenario
    async def test_a_space_that_is_not_current_is_not_loaded(self, kit: Kit) -> None:
        with pytest.raises(SchemaMismatch):
            await _load(kit, Space(id=kit.unique()), _rows(1))

    @scenario
    async def test_of_two_loads_of_the_same_rows_one_conflicts(self, kit: Kit) -> None:
        space = await kit.table()
        rows = _rows(*range(500))
        outcomes = await asyncio.gather(*(_load(kit, space, rows) for _ in range(2)), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
        assert len((await kit.scan(space)).rows) == 500
