"""Indexes of vectors: which rows a search finds, in which order, and that entries follow their rows."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import suppress
from dataclasses import replace

import pytest

from extenddb.core.types.vector import Distance, pack
from extenddb.storage.conformance.concurrency import mutate
from extenddb.storage.conformance.harness import Kit, Suite, requires, scenario
from extenddb.storage.conformance.values import delete, keep, key, put, reject
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Hit, IndexChange, Key, Space, VectorEntry, VectorSearch, VectorSpace

_DISTANCES: tuple[Distance, ...] = ("COSINE", "DOT_PRODUCT", "EUCLIDEAN")


def _added(vector: tuple[float, ...], *labels: bytes, index: str = "v", size: int | None = None) -> IndexChange:
    return IndexChange(index, None, VectorEntry(pack(vector), labels, size))


async def _table(kit: Kit, dimensions: int = 2, distance: Distance = "EUCLIDEAN", *indexes: str) -> Space:
    record = kit.record(*indexes)
    space = replace(record.space, vectors=(VectorSpace("v", dimensions, distance),))
    await kit.backend.catalog.create(replace(record, space=space))
    return space


async def _search(
    kit: Kit, space: Space, vector: tuple[float, ...], *labels: bytes, limit: int = 100, index: str = "v"
) -> list[Hit]:
    items = kit.backend.items
    search = VectorSearch(space=space, index=index, vector=pack(vector), labels=labels, limit=limit)
    hits: list[Hit] = await items.search(search)  # type: ignore[attr-defined]
    return hits


async def _built(kit: Kit, space: Space, *, alone: bool = False) -> bool:
    """Ask for an index to be built until it is."""
    build = kit.backend.items.build  # type: ignore[attr-defined]
    while not await build(space, "v", alone=alone):
        pass
    return True


def _keys(hits: list[Hit]) -> list[Key]:
    return [hit.row.key for hit in hits]


def _expected(distance: Distance, query: tuple[float, ...], vector: tuple[float, ...]) -> float:
    """Return a score, written apart from the function that stores use."""
    dot = sum(a * b for a, b in zip(query, vector, strict=True))
    if distance == "DOT_PRODUCT":
        return dot
    if distance == "EUCLIDEAN":
        return math.sqrt(sum((a - b) ** 2 for a, b in zip(query, vector, strict=True)))
    lengths = math.hypot(*query) * math.hypot(*vector)
    return 1 - dot / lengths if lengths else 1.0


class VectorsSuite(Suite):
    """`VectorItems.search`."""

    needs = ("vectors",)

    @scenario
    async def test_every_distance_gives_its_scores_best_first(self, kit: Kit) -> None:
        vectors = {1: (1.0, 0.0), 2: (0.0, 3.0), 3: (-2.0, 0.5), 4: (4.0, 4.0), 5: (0.0, 0.0)}
        query = (2.0, 1.0)
        for distance in _DISTANCES:
            space = await _table(kit, 2, distance)
            await kit.mutate(*(put(space, key(n), indexes=(_added(vector),)) for n, vector in vectors.items()))
            hits = await _search(kit, space, query)
            scores = {hit.row.key: hit.score for hit in hits}
            for number, vector in vectors.items():
                assert scores[key(number)] == pytest.approx(_expected(distance, query, vector), abs=1e-9)
            found = [hit.score for hit in hits]
            assert found == sorted(found, reverse=distance == "DOT_PRODUCT")

    @scenario
    async def test_equal_scores_stand_in_the_order_of_keys(self, kit: Kit) -> None:
        space = await _table(kit)
        await kit.mutate(*(put(space, key(n % 7, b"%d" % n), indexes=(_added((1.0, 1.0)),)) for n in range(40)))
        every = sorted(key(n % 7, b"%d" % n) for n in range(40))
        assert _keys(await _search(kit, space, (0.0, 0.0))) == every
        assert _keys(await _search(kit, space, (0.0, 0.0), limit=9)) == every[:9]

    @scenario
    async def test_a_hit_is_the_row_with_the_size_of_its_entry(self, kit: Kit) -> None:
        space = await _table(kit)
        await kit.mutate(
            put(space, key(1), b"one", size=30, indexes=(_added((1.0, 0.0)),)),
            put(space, key(2), b"two", size=30, indexes=(_added((2.0, 0.0), size=12),)),
        )
        hits = await _search(kit, space, (0.0, 0.0))
        assert [(hit.row.item, hit.row.size, hit.score) for hit in hits] == [(b"one", 30, 1.0), (b"two", 12, 2.0)]

    @scenario
    async def test_labels_are_all_needed_and_lose_nothing(self, kit: Kit) -> None:
        space = await _table(kit)
        await kit.mutate(
            put(space, key(1), indexes=(_added((1.0, 0.0), b"a", b"b"),)),
            put(space, key(2), indexes=(_added((2.0, 0.0), b"a"),)),
            put(space, key(3), indexes=(_added((3.0, 0.0), b"b", b"a"),)),
            put(space, key(4), indexes=(_added((4.0, 0.0)),)),
        )
        query = (0.0, 0.0)
        assert _keys(await _search(kit, space, query, b"a")) == [key(1), key(2), key(3)]
        assert _keys(await _search(kit, space, query, b"b", b"a")) == [key(1), key(3)]
        assert _keys(await _search(kit, space, query, b"a", limit=1)) == [key(1)]
        assert _keys(await _search(kit, space, query, b"c")) == []
        assert len(await _search(kit, space, query)) == 4

    @scenario
    async def test_a_rare_label_is_found_among_many_rows(self, kit: Kit) -> None:
        space = await _table(kit)
        for start in range(0, 1500, 250):
            await kit.mutate(
                *(
                    put(space, key(n), indexes=(_added((float(n), 1.0), b"rare" if n % 500 == 499 else b"often"),))
                    for n in range(start, start + 250)
                )
            )
        assert _keys(await _search(kit, space, (0.0, 1.0), b"rare", limit=5)) == [key(499), key(999), key(1499)]
        near = await _search(kit, space, (700.0, 1.0), limit=3)
        assert near[0].row.key == key(700)
        assert {hit.score for hit in near} == {0.0, 1.0}

    @scenario
    async def test_entries_follow_their_rows(self, kit: Kit) -> None:
        space = await _table(kit)
        first, second = VectorEntry(pack((1.0, 0.0)), (b"a",)), VectorEntry(pack((0.0, 5.0)), (b"b",))
        change = (IndexChange("v", first, second),)
        await kit.mutate(put(space, key(1), indexes=(IndexChange("v", None, first),)))
        await kit.mutate(put(space, key(1), b"{1}", indexes=change))
        assert await _search(kit, space, (0.0, 0.0), b"a") == []
        (hit,) = await _search(kit, space, (0.0, 0.0), b"b")
        assert (hit.row.item, hit.score) == (b"{1}", 5.0)
        await kit.mutate(put(space, key(1), b"{2}"))
        (hit,) = await _search(kit, space, (0.0, 0.0), b"b")
        assert hit.row.item == b"{2}"
        await kit.mutate(delete(space, key(1), indexes=(IndexChange("v", second, None),)))
        assert await _search(kit, space, (0.0, 0.0)) == []

    @scenario
    async def test_changes_of_one_batch_follow_each_other(self, kit: Kit) -> None:
        space = await _table(kit)
        one, two = VectorEntry(pack((1.0, 0.0))), VectorEntry(pack((2.0, 0.0)))
        await kit.mutate(
            put(space, key(1), indexes=(IndexChange("v", None, one),)),
            put(space, key(1), b"{1}", indexes=(IndexChange("v", one, two),)),
            put(space, key(2), indexes=(IndexChange("v", None, one),)),
            put(space, key(2), b"{2}", indexes=(IndexChange("v", one, None),)),
        )
        assert [(hit.row.key, hit.score) for hit in await _search(kit, space, (0.0, 0.0))] == [(key(1), 2.0)]

    @scenario
    async def test_a_kept_row_gets_an_entry_however_often(self, kit: Kit) -> None:
        space = await _table(kit)
        await kit.mutate(put(space, key(1), b"a"))
        for _ in range(2):
            await kit.mutate(keep(space, key(1), indexes=(_added((1.0, 0.0)),)))
        assert [hit.row.item for hit in await _search(kit, space, (0.0, 0.0))] == [b"a"]

    @scenario
    @requires("transactions")
    async def test_a_transaction_writes_all_entries_or_none(self, kit: Kit) -> None:
        space = await _table(kit)
        await kit.backend.items.transact(
            [put(space, key(1), indexes=(_added((1.0, 0.0)),)), reject(space, key(2))],
        )
        assert await _search(kit, space, (0.0, 0.0)) == []
        await kit.backend.items.transact(
            [put(space, key(1), indexes=(_added((1.0, 0.0)),)), put(space, key(2), indexes=(_added((2.0, 0.0)),))],
        )
        assert _keys(await _search(kit, space, (0.0, 0.0))) == [key(1), key(2)]

    @scenario
    async def test_indexes_of_vectors_come_and_go_with_alter(self, kit: Kit) -> None:
        record = kit.record("i")
        await kit.backend.catalog.create(record)
        old = record.space
        await kit.mutate(put(old, key(1)))
        wanted = replace(old, vectors=(VectorSpace("v", 2, "EUCLIDEAN"), VectorSpace("w", 3, "COSINE")))
        new = await kit.backend.catalog.alter(replace(record, space=wanted), expected=1)
        assert (new.space.epoch, set(new.space.vectors)) == (2, set(wanted.vectors))
        with pytest.raises(SchemaMismatch):
            await kit.mutate(put(old, key(1)))
        both = (_added((1.0, 0.0)), _added((1.0, 0.0, 0.0), index="w"))
        await kit.mutate(keep(new.space, key(1), indexes=both))
        assert len(await _search(kit, new.space, (1.0, 1.0, 1.0), index="w")) == 1
        found = await kit.backend.catalog.find(record.namespace, record.name)
        assert found == new
        less = replace(new, space=replace(new.space, vectors=new.space.vectors[:1]))
        less = await kit.backend.catalog.alter(less, expected=2)
        assert less.space.epoch == 3
        with pytest.raises(SchemaMismatch):
            await _search(kit, new.space, (1.0, 0.0))
        await kit.backend.catalog.drop(less.space)

    @scenario
    async def test_estimates_count_entries(self, kit: Kit) -> None:
        space = await _table(kit)
        await kit.mutate(put(space, key(1), size=10, indexes=(_added((1.0, 0.0), size=7),)), put(space, key(2)))
        estimates = await kit.backend.catalog.estimate(space)
        assert (estimates["v"].rows, estimates["v"].bytes) == (1, 7)

    @scenario
    async def test_extreme_components_neither_fail_nor_get_lost(self, kit: Kit) -> None:
        large = (3e38, -3e38, *[0.0] * 2198)
        small = (1e-38, *[0.0] * 2199)
        for distance in _DISTANCES:
            space = await _table(kit, 2200, distance)
            await kit.mutate(
                put(space, key(1), indexes=(_added(large),)),
                put(space, key(2), indexes=(_added(small),)),
                put(space, key(3), indexes=(_added((0.0,) * 2200),)),
                put(space, key(4), indexes=(_added((1.0,) * 2200),)),
            )
            assert len(await _search(kit, space, (1.0,) * 2200)) == 4

    @scenario
    async def test_building_loses_nothing_and_can_be_repeated(self, kit: Kit) -> None:
        """Over entries that were there before, for an index that comes with `alter`."""
        record = kit.record()
        await kit.backend.catalog.create(record)
        vectors = {n: (float(n), 1.0) for n in range(1200)}
        await kit.mutate(*(put(record.space, key(n)) for n in vectors))
        wanted = replace(record.space, vectors=(VectorSpace("v", 2, "EUCLIDEAN"),))
        space = (await kit.backend.catalog.alter(replace(record, space=wanted), expected=1)).space
        assert await _built(kit, space)  # of nothing
        for start in range(0, 1200, 300):
            entries = ((n, _added(vectors[n], b"l")) for n in range(start, start + 300))
            await kit.mutate(*(keep(space, key(n), indexes=(entry,)) for n, entry in entries))
        before = await _search(kit, space, (700.2, 1.0), limit=20)
        for _ in range(2):
            assert await _built(kit, space)
            assert await _search(kit, space, (700.2, 1.0), limit=20) == before
            assert await _search(kit, space, (700.2, 1.0), b"l", limit=20) == before
        await kit.mutate(put(space, key(2000), indexes=(_added((700.2, 1.0)),)))
        (nearest, *_) = await _search(kit, space, (700.2, 1.0), limit=20)
        assert nearest.row.key == key(2000)

    @scenario
    async def test_writes_go_on_while_something_is_built(self, kit: Kit) -> None:
        record = kit.record()
        await kit.backend.catalog.create(record)
        wanted = replace(record.space, vectors=(VectorSpace("v", 2, "EUCLIDEAN"),))
        space = (await kit.backend.catalog.alter(replace(record, space=wanted), expected=1)).space
        await kit.mutate(*(put(space, key(n), indexes=(_added((float(n), 0.0)),)) for n in range(1100)))

        async def write(first: int) -> None:
            for n in range(first, first + 40):
                gone, there = VectorEntry(pack((float(n), 0.0))), VectorEntry(pack((float(n), 9.0)))
                await mutate(kit.backend, put(space, key(n), indexes=(IndexChange("v", gone, there),)))
                await mutate(kit.backend, put(space, key(5000 + n), indexes=(_added((float(n), 0.0)),)))

        await asyncio.gather(_built(kit, space), *(write(first) for first in (100, 200, 300)))
        assert await _built(kit, space)
        for n in (100, 139, 220, 339):
            near = {hit.row.key: hit.score for hit in await _search(kit, space, (float(n), 0.0), limit=40)}
            assert near.get(key(5000 + n)) == 0.0
            assert near.get(key(n), 9.0) == 9.0

    @scenario
    async def test_what_is_not_current_is_not_built(self, kit: Kit) -> None:
        space = await _table(kit)
        for stale in (replace(space, epoch=2), replace(space, id=kit.unique())):
            with pytest.raises(SchemaMismatch):
                await kit.backend.items.build(stale, "v")  # type: ignore[attr-defined]

    @scenario
    async def test_a_table_goes_while_something_is_built(self, kit: Kit) -> None:
        record = kit.record()
        await kit.backend.catalog.create(record)
        wanted = replace(record.space, vectors=(VectorSpace("v", 64, "COSINE"),))
        space = (await kit.backend.catalog.alter(replace(record, space=wanted), expected=1)).space
        rng = random.Random(3)  # noqa: S311  (the same in every run)
        for start in range(0, 3000, 500):
            vectors = {n: tuple(rng.gauss(0, 1) for _ in range(64)) for n in range(start, start + 500)}
            await kit.mutate(*(put(space, key(n), indexes=(_added(vector),)) for n, vector in vectors.items()))
        building = asyncio.create_task(kit.backend.items.build(space, "v"))  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        await kit.backend.catalog.drop(space)
        with suppress(SchemaMismatch):
            await building
        with pytest.raises(SchemaMismatch):
            await _built(kit, space)

    @scenario
    async def test_the_approximate_choice_is_good(self, kit: Kit) -> None:
        """Among three thousand vectors in clusters, nine of ten true neighbours are found."""
        rng = random.Random(7)  # noqa: S311  (the same in every run)
        centres = [[rng.gauss(0, 1) for _ in range(8)] for _ in range(20)]
        vectors = {n: tuple(component + rng.gauss(0, 0.3) for component in rng.choice(centres)) for n in range(3000)}
        space = await _table(kit, 8, "EUCLIDEAN")
        for start in range(0, 3000, 250):
            await kit.mutate(*(put(space, key(n), indexes=(_added(vectors[n]),)) for n in range(start, start + 250)))
        right = 0
        for probe in range(10):
            query = vectors[probe * 7]
            nearest = sorted(vectors, key=lambda n: math.dist(vectors[n], query))[:10]
            right += len({key(n) for n in nearest} & set(_keys(await _search(kit, space, query, limit=10))))
        assert right >= 90
