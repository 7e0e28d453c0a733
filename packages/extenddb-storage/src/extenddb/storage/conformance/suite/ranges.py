"""Pages of one partition, compared with a list that is sorted and cut here, in the plainest way there is."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from typing import ClassVar, NamedTuple

from extenddb.storage.conformance.harness import Kit, Suite, scenario
from extenddb.storage.conformance.values import added, delete, keep, key, moved, partition, put, removed
from extenddb.storage.model import IndexChange, Key, Page, Position, Row, Space

SORTS = [
    b"",
    b"\x00",
    b"\x00\x00",
    b"\x00\x01",
    b"\x01",
    b"A",
    b"B",
    b"a",
    b"a\x00",
    b"a\x00b",
    b"aa",
    b"b",
    b"\xc3\xbc",
    b"\xff",
    b"\xff\xff",
]
"""Sort keys whose order text comparison, collations and padding get wrong; ascending."""
BOUNDS = [None, b"\x00\x00", b"A", b"a", b"a\x01", b"\xff\xff\xff"]
"""Bounds on rows, between rows, and beyond all rows."""


COMMON = bytes(sha256(b"%d" % n).digest()[0] or 1 for n in range(2000))
"""Bytes that do not compress, without a zero."""


class Place(NamedTuple):
    """Where a row stands in the order under test: its sort key, and in an index its base key."""

    sort: bytes
    base: Key


def expected(places: list[Place], lower: bytes | None, upper: bytes | None, reverse: bool) -> list[Place]:
    """Return the places within bounds, in order."""
    found = [p for p in places if (lower is None or p.sort >= lower) and (upper is None or p.sort < upper)]
    return sorted(found, reverse=reverse)


class RangesSuite(Suite):
    """`Items.read_range` over a table."""

    index: str | None = None
    sorts: ClassVar[Sequence[bytes]] = SORTS
    bounds: ClassVar[Sequence[bytes | None]] = BOUNDS

    async def fill(self, kit: Kit) -> tuple[Space, bytes, list[Place]]:
        """Make a table with rows in three partitions; return the middle one and the places in it."""
        space = await kit.table("i")
        await kit.mutate(*(put(space, key(n, sort), sort + b"|") for n in (1, 2, 3) for sort in reversed(self.sorts)))
        return space, partition(2), [Place(sort, key(2, sort)) for sort in self.sorts]

    def position(self, part: bytes, place: Place) -> Position:
        """Return the position of a place."""
        return Position(Key(part, place.sort))

    async def read(self, kit: Kit, space: Space, part: bytes, **options: object) -> Page:
        """Read a page of the order under test."""
        return await kit.range(space, part, index=self.index, **options)

    @scenario
    async def test_all_bounds_in_both_directions(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        for lower in self.bounds:
            for upper in self.bounds:
                for reverse in (False, True):
                    page = await self.read(kit, space, part, lower=lower, upper=upper, reverse=reverse)
                    want = [place.base for place in expected(places, lower, upper, reverse)]
                    assert [row.key for row in page.rows] == want, (lower, upper, reverse)
                    assert not page.stopped

    @scenario
    async def test_reverse_is_the_mirror_of_forward(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        forward = (await self.read(kit, space, part)).rows
        assert len(forward) == len(places)
        assert (await self.read(kit, space, part, reverse=True)).rows == forward[::-1]

    @scenario
    async def test_a_limit_ends_the_page_and_says_so(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        for reverse in (False, True):
            everything = expected(places, None, None, reverse)
            for limit in (1, 2, len(places) - 1, len(places), len(places) + 1):
                page = await self.read(kit, space, part, limit=limit, reverse=reverse)
                assert [row.key for row in page.rows] == [place.base for place in everything[:limit]]
                assert page.stopped == (limit <= len(places)), limit

    @scenario
    async def test_bytes_end_the_page_behind_the_row_that_reaches_them(self, kit: Kit) -> None:
        space, part, _ = await self.fill(kit)
        rows = (await self.read(kit, space, part)).rows
        total = sum(row.size for row in rows)
        for bound in (1, 2, 7, total - 1, total, total + 1):
            page = await self.read(kit, space, part, max_bytes=bound)
            taken, stopped = _cut(rows, bound)
            assert (page.rows, page.stopped) == (taken, stopped), bound

    @scenario
    async def test_pages_join_to_the_whole(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        lower, upper = self.sorts[1], self.sorts[-4]
        for reverse in (False, True):
            want = expected(places, lower, upper, reverse)
            for limit in (1, 3, 4):
                got: list[Key] = []
                after = None
                stopped = True
                while stopped:
                    page = await self.read(
                        kit, space, part, lower=lower, upper=upper, reverse=reverse, limit=limit, after=after
                    )
                    got += [row.key for row in page.rows]
                    stopped = page.stopped
                    if stopped:
                        after = self.position(part, want[len(got) - 1])
                assert got == [place.base for place in want]

    @scenario
    async def test_a_position_need_not_exist(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        for sort in (b"a\x00a", b"0", b"\xff\xff\xff\xff", *(sort + b"\x00\x01" for sort in self.sorts)):
            nowhere = Place(sort, key(2, sort[:1000]))
            for reverse in (False, True):
                page = await self.read(kit, space, part, after=self.position(part, nowhere), reverse=reverse)
                everything = expected(places, None, None, reverse)
                want = [p.base for p in everything if (p < nowhere if reverse else p > nowhere)]
                assert [row.key for row in page.rows] == want, (sort, reverse)

    @scenario
    async def test_a_position_outside_the_bounds(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        first, last = self.position(part, places[0]), self.position(part, places[-1])
        page = await self.read(kit, space, part, after=first, lower=b"a", upper=b"b")
        assert [row.key for row in page.rows] == [p.base for p in expected(places, b"a", b"b", False)]
        assert (await self.read(kit, space, part, after=last, lower=b"a", upper=b"b")).rows == []
        page = await self.read(kit, space, part, after=last, lower=b"a", upper=b"b", reverse=True)
        assert [row.key for row in page.rows] == [p.base for p in expected(places, b"a", b"b", True)]
        assert (await self.read(kit, space, part, after=first, lower=b"a", upper=b"b", reverse=True)).rows == []

    @scenario
    async def test_an_absent_partition_is_an_empty_page(self, kit: Kit) -> None:
        space, _, _ = await self.fill(kit)
        assert await self.read(kit, space, partition(4)) == Page([], False)
        assert await self.read(kit, space, partition(4), limit=1, reverse=True) == Page([], False)

    @scenario
    async def test_a_range_shows_writes_committed_before(self, kit: Kit) -> None:
        space, part, places = await self.fill(kit)
        gone = places[3]
        await kit.mutate(delete(space, gone.base, indexes=self.removal(part, gone)))
        page = await self.read(kit, space, part)
        assert [row.key for row in page.rows] == [p.base for p in expected(places, None, None, False) if p != gone]

    def removal(self, part: bytes, place: Place) -> tuple[IndexChange, ...]:
        """Return the index changes that go with removing a row; none over a table."""
        return ()


class IndexRangesSuite(RangesSuite):
    """`Items.read_range` over an index; every test of the table's ranges, with ties."""

    index = "i"

    async def fill(self, kit: Kit) -> tuple[Space, bytes, list[Place]]:
        space = await kit.table("i", "j")
        places = [Place(sort, key(n, b"row" + sort)) for n in range(3) for sort in self.sorts]
        puts = [
            put(space, place.base, place.sort + b"|", indexes=added("i", Key(partition(40), place.sort)))
            for place in places
        ]
        other = [put(space, key(9, sort), indexes=added("i", key(41, sort))) for sort in self.sorts]
        mute = [put(space, key(10, sort), indexes=added("j", key(40, sort))) for sort in self.sorts]
        await kit.mutate(*puts, *other, *mute)
        return space, partition(40), sorted(places)

    def position(self, part: bytes, place: Place) -> Position:
        return Position(Key(part, place.sort), place.base)

    def removal(self, part: bytes, place: Place) -> tuple[IndexChange, ...]:
        return removed("i", Key(part, place.sort))


LONG = sorted(
    [
        b"",
        b"a",
        b"\xff",
        COMMON[:1535],
        COMMON[:1536],
        COMMON[:1537],
        COMMON[:-1],
        COMMON,
        COMMON + b"\x00",
        COMMON + b"\x00\x00",
        COMMON + b"\x00\xff" * 1000,
        COMMON + b"\x01",
        COMMON + b"\xff",
        COMMON + b"\xff" * 4000,
    ]
)
"""Sort keys as long as those of several values, that differ late."""


class LongIndexRangesSuite(IndexRangesSuite):
    """The same with sort keys that are longer than many a store's own keys may be, over rows with long keys."""

    sorts = LONG
    bounds = (None, b"a\x00", COMMON[:1536], COMMON + b"\x00", COMMON + b"\x00\xff\x00", COMMON + b"\xff" * 4001)

    async def fill(self, kit: Kit) -> tuple[Space, bytes, list[Place]]:
        space = await kit.table("i")
        bases = [key(n, COMMON[n : n + 1024]) for n in range(3 * len(LONG))]
        places = [Place(sort, base) for sort, base in zip([*LONG, *LONG, *LONG], bases, strict=True)]
        await kit.mutate(
            *(put(space, p.base, p.sort + b"|", indexes=added("i", Key(partition(40), p.sort))) for p in places),
            *(put(space, key(n + 99), indexes=added("i", key(41, sort))) for n, sort in enumerate(LONG)),
        )
        return space, partition(40), sorted(places)

    @scenario
    async def test_entries_of_long_keys_move_and_go(self, kit: Kit) -> None:
        space = await kit.table("i")
        base, other = key(1, COMMON[:1024]), key(2, COMMON[:1024])
        for where in (base, other):
            await kit.mutate(put(space, where, b"0", indexes=added("i", Key(partition(50), LONG[0]))))
        steps = [*pairwise([*LONG, *LONG[-2::-2], *LONG[2::3]])]
        for old, new in steps:
            change = moved("i", Key(partition(50), old), Key(partition(50), new))
            await kit.mutate(put(space, base, b"1", indexes=change))
            rows = (await kit.range(space, partition(50), index="i", lower=new, upper=new + b"\x00")).rows
            assert base in {row.key for row in rows}
            assert sorted(row.key for row in (await kit.scan(space, index="i")).rows) == sorted((base, other))
        gone = delete(space, base, indexes=removed("i", Key(partition(50), steps[-1][1])))
        await kit.mutate(gone)
        assert [row.key for row in (await kit.scan(space, index="i")).rows] == [other]

    @scenario
    async def test_an_entry_of_a_long_key_is_added_again_without_harm(self, kit: Kit) -> None:
        space = await kit.table("i")
        await kit.mutate(put(space, key(1)))
        for size in (3, 4):
            await kit.mutate(keep(space, key(1), indexes=added("i", Key(partition(50), LONG[-3]), size)))
        (row,) = (await kit.range(space, partition(50), index="i")).rows
        assert (row.key, row.size) == (key(1), 4)


def _cut(rows: list[Row], bound: int) -> tuple[list[Row], bool]:
    total = 0
    for count, row in enumerate(rows, 1):
        total += row.size
        if total >= bound:
            return rows[:count], True
    return rows, False
