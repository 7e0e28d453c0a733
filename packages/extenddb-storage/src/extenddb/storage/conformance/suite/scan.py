"""Pages over all partitions, and their parts by ranges of digests."""

from __future__ import annotations

from extenddb.storage.conformance.harness import Kit, Suite, scenario
from extenddb.storage.conformance.suite.ranges import COMMON
from extenddb.storage.conformance.values import added, key, partition, put
from extenddb.storage.model import Key, Position, Space

Where = tuple[Key, Key | None]
"""A place in scan order: the key, and in an index the base key."""


class ScanSuite(Suite):
    """`Items.scan` over a table."""

    index: str | None = None

    async def fill(self, kit: Kit) -> tuple[Space, list[Where]]:
        """Make a table; return its places in order."""
        space = await kit.table("i")
        keys = [key(n, b"%d" % sort) for n in range(12) for sort in range(3)]
        await kit.mutate(*(put(space, where, b"x" * (n % 5 + 1)) for n, where in enumerate(keys)))
        return space, [(where, None) for where in sorted(keys)]

    def rows_at(self, places: list[Where]) -> list[Key]:
        """Return the keys of the rows that stand at places."""
        return [base or where for where, base in places]

    @scenario
    async def test_a_scan_is_in_order_of_digest_then_sort_key(self, kit: Kit) -> None:
        space, places = await self.fill(kit)
        page = await kit.scan(space, index=self.index)
        assert [row.key for row in page.rows] == self.rows_at(places)
        assert not page.stopped

    @scenario
    async def test_limits_and_positions_join_to_the_whole(self, kit: Kit) -> None:
        space, places = await self.fill(kit)
        for limit in (1, 5, len(places)):
            got: list[Key] = []
            after = None
            stopped = True
            while stopped:
                page = await kit.scan(space, index=self.index, limit=limit, after=after)
                got += [row.key for row in page.rows]
                stopped = page.stopped
                if stopped:
                    assert len(page.rows) == limit
                    after = Position(*places[len(got) - 1])
            assert got == self.rows_at(places)

    @scenario
    async def test_bytes_end_a_page(self, kit: Kit) -> None:
        space, _ = await self.fill(kit)
        rows = (await kit.scan(space, index=self.index)).rows
        for bound in (1, 9, 20):
            page = await kit.scan(space, index=self.index, max_bytes=bound)
            assert page.stopped
            assert page.rows == rows[: len(page.rows)]
            assert sum(row.size for row in page.rows[:-1]) < bound <= sum(row.size for row in page.rows)

    @scenario
    async def test_segments_cover_everything_once(self, kit: Kit) -> None:
        space, places = await self.fill(kit)
        for cuts in ([b"\x80"], [b"\x10", b"\x55\x5f", b"\xaa\xa0", b"\xf0"]):
            got: list[Key] = []
            for lower, upper in zip([b"", *cuts], [*cuts, None], strict=True):
                page = await kit.scan(space, index=self.index, lower=lower, upper=upper)
                assert all(lower <= where.partition for where, _ in places[len(got) : len(got) + len(page.rows)])
                got += [row.key for row in page.rows]
            assert got == self.rows_at(places)

    @scenario
    async def test_bounds_include_the_lower_and_exclude_the_upper(self, kit: Kit) -> None:
        space, places = await self.fill(kit)
        low, high = places[6][0].partition, places[-1][0].partition
        want = [place for place in places if low <= place[0].partition < high]
        page = await kit.scan(space, index=self.index, lower=low, upper=high)
        assert [row.key for row in page.rows] == self.rows_at(want)
        page = await kit.scan(space, index=self.index, lower=low, upper=high, after=Position(*want[0]), limit=2)
        assert [row.key for row in page.rows] == self.rows_at(want[1:3])

    @scenario
    async def test_a_position_need_not_exist(self, kit: Kit) -> None:
        space, places = await self.fill(kit)
        middle = places[10][0].partition
        base = None if self.index is None else Key(b"\xff" * 24, b"")
        page = await kit.scan(space, index=self.index, after=Position(Key(middle, b"\xff\xff"), base))
        assert [row.key for row in page.rows] == self.rows_at([p for p in places if p[0].partition > middle])

    @scenario
    async def test_an_empty_table(self, kit: Kit) -> None:
        page = await kit.scan(await kit.table("i"), index=self.index, limit=1)
        assert (page.rows, page.stopped) == ([], False)


class IndexScanSuite(ScanSuite):
    """`Items.scan` over an index: sparse, with ties, ordered by base key last."""

    index = "i"

    async def fill(self, kit: Kit) -> tuple[Space, list[Where]]:
        space = await kit.table("i")
        places: list[Where] = [
            (key(100 + n, b"%d" % (sort // 2)), key(n * 7 + sort)) for n in range(6) for sort in range(6)
        ]
        await kit.mutate(
            *(
                put(space, base or where, b"x" * (n % 5 + 1), indexes=added("i", where))
                for n, (where, base) in enumerate(places)
            ),
            put(space, Key(partition(999), b"not in the index")),
        )
        return space, sorted(places, key=lambda place: (place[0], place[1] or place[0]))


class LongIndexScanSuite(IndexScanSuite):
    """The same with sort keys that are longer than many a store's own keys may be."""

    async def fill(self, kit: Kit) -> tuple[Space, list[Where]]:
        space = await kit.table("i")
        sorts = (b"", COMMON[:1536], COMMON + b"\x00", COMMON + b"\x00\xff", COMMON * 4, COMMON + b"\xff")
        places: list[Where] = [
            (key(100 + n, sort), key(n * 7 + twin)) for n, sort in enumerate(sorts * 2) for twin in range(3)
        ]
        places += [(key(50, sort), key(505 - n)) for n, sort in enumerate(sorts)]
        await kit.mutate(
            *(
                put(space, base or where, b"x" * (n % 5 + 1), indexes=added("i", where))
                for n, (where, base) in enumerate(places)
            )
        )
        return space, sorted(places, key=lambda place: (place[0], place[1] or place[0]))
