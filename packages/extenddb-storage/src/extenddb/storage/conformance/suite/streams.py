"""Records of committed changes."""

from __future__ import annotations

from functools import partial

import pytest

from extenddb.storage.conformance.harness import Kit, Suite, scenario
from extenddb.storage.conformance.values import append, delete, keep, key, put, reject
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Change, Published, Records, Space


def _bounded(records: list[Published], bound: int) -> Records:
    """Return what a read must answer; written apart from what stores use."""
    fitting = [n for n in range(1, len(records) + 1) if sum(len(each.body) for each in records[:n]) <= bound]
    count = max(fitting, default=min(1, len(records)))
    return Records(records[:count], count < len(records))


class StreamsSuite(Suite):
    """`Streams`."""

    needs = ("streams",)

    async def fill(self, kit: Kit, count: int = 10) -> tuple[Space, str, list[Published]]:
        """Write `count` keys, created 1000 apart; return the records in stream order."""
        space, stream = await kit.table(), kit.unique()
        for n in range(count):
            await kit.mutate(put(space, key(n), changes=(Change(stream, 1000 * n, b"%d" % n),)))
        return space, stream, await kit.records(stream)

    @scenario
    async def test_every_committed_change_is_published_once(self, kit: Kit) -> None:
        _, _, records = await self.fill(kit)
        assert {(record.body, record.created) for record in records} == {(b"%d" % n, 1000 * n) for n in range(10)}
        sequences = [record.sequence for record in records]
        assert len(records) == 10
        assert sequences == sorted(set(sequences))
        assert sequences[0] > 0

    @scenario
    async def test_the_bucket_is_the_first_twelve_bits_of_the_digest(self, kit: Kit) -> None:
        _, _, records = await self.fill(kit)
        for record in records:
            assert record.bucket == int(key(int(record.body)).partition.hex()[:3], 16)

    @scenario
    async def test_one_keys_records_stand_in_commit_order(self, kit: Kit) -> None:
        space, stream = await kit.table(), kit.unique()
        for letters in (b"ab", b"cd"):
            await kit.mutate(*(append(space, key(1), bytes((letter,)), stream=stream) for letter in letters))
        await kit.mutate(delete(space, key(1), changes=(Change(stream, 1, b"gone"),)))
        records = await kit.records(stream)
        assert [record.body for record in records] == [b"a", b"ab", b"abc", b"abcd", b"gone"]

    @scenario
    async def test_what_is_not_applied_is_not_published(self, kit: Kit) -> None:
        space, stream = await kit.table(), kit.unique()
        await kit.mutate(reject(space, key(1)), keep(space, key(2)), delete(space, key(3)))
        with pytest.raises(SchemaMismatch):
            await kit.mutate(append(space, key(1), b"a", stream=stream), put(Space(id=kit.unique()), key(1)))
        assert await kit.records(stream) == []
        assert await kit.backend.streams.last(stream) == 0

    @scenario
    async def test_one_mutation_may_tell_several_streams(self, kit: Kit) -> None:
        space, one, two = await kit.table(), kit.unique(), kit.unique()
        await kit.mutate(put(space, key(1), changes=(Change(one, 1, b"1"), Change(two, 2, b"2"), Change(one, 3, b"3"))))
        assert [record.body for record in await kit.records(one)] == [b"1", b"3"]
        assert [record.body for record in await kit.records(two)] == [b"2"]

    @scenario
    async def test_after_until_and_limit_cut_exactly(self, kit: Kit) -> None:
        _, stream, records = await self.fill(kit)
        read = kit.records
        low, high = records[2].sequence, records[6].sequence
        assert await read(stream, after=low) == records[3:]
        assert await read(stream, until=high) == records[:7]
        assert await read(stream, after=low, until=high) == records[3:7]
        assert await read(stream, after=low, until=high, limit=2) == records[3:5]
        assert await read(stream, after=records[-1].sequence, limit=5) == []
        assert await read(kit.unique(), limit=5) == []

    @scenario
    async def test_buckets_divide_a_stream(self, kit: Kit) -> None:
        _, stream, records = await self.fill(kit, 20)
        cut = sorted(record.bucket for record in records)[10]
        for buckets in ((0, cut), (cut, 4096), (cut, cut), (cut, cut + 1)):
            want = [record for record in records if buckets[0] <= record.bucket < buckets[1]]
            assert await kit.records(stream, buckets=buckets) == want
            assert await kit.records(stream, buckets=buckets, limit=3) == want[:3]

    @scenario
    async def test_stopped_says_whether_a_bound_ended_the_records(self, kit: Kit) -> None:
        _, stream, records = await self.fill(kit, 4)
        read = partial(kit.backend.streams.read, stream)
        assert await read(limit=3, max_bytes=100) == (records[:3], True)
        assert await read(limit=4, max_bytes=4) == (records, True)
        assert await read(limit=5, max_bytes=4) == (records, False)
        assert await read(limit=5, max_bytes=3) == (records[:3], True)
        assert await read(limit=5, max_bytes=3, until=records[2].sequence) == (records[:3], False)
        assert await read(limit=5, max_bytes=1, after=records[-1].sequence) == ([], False)

    @scenario
    async def test_bodies_have_together_at_most_max_bytes(self, kit: Kit) -> None:
        space, stream = await kit.table(), kit.unique()
        sizes = (700, 0, 300_000, 5, 40_000, 40_000, 1, 900_000, 200, 3000)
        for n, size in enumerate(sizes):
            await kit.mutate(put(space, key(n), changes=(Change(stream, n, bytes((n,)) * size),)))
        every = await kit.records(stream)
        assert [len(record.body) for record in every] == list(sizes)
        for bound in (1, 700, 701, 80_001, 340_705, 340_706, 1_000_000, 2_000_000):
            read: list[Published] = []
            while True:
                after = read[-1].sequence if read else 0
                found = await kit.backend.streams.read(stream, after=after, limit=1000, max_bytes=bound)
                assert found == _bounded(every[len(read) :], bound)
                read += found.records
                if not found.stopped:
                    break
            assert read == every

    @scenario
    async def test_bytes_of_other_buckets_do_not_count(self, kit: Kit) -> None:
        space, stream = await kit.table(), kit.unique()
        for n in range(20):
            await kit.mutate(put(space, key(n), changes=(Change(stream, n, b"x" * 50),)))
        every = await kit.records(stream)
        cut = sorted(record.bucket for record in every)[10]
        own = [record for record in every if record.bucket < cut]
        found = await kit.backend.streams.read(stream, buckets=(0, cut), limit=1000, max_bytes=120)
        assert found == _bounded(own, 120)

    @scenario
    async def test_last_is_the_largest_sequence_even_when_trimmed(self, kit: Kit) -> None:
        _, stream, records = await self.fill(kit)
        assert await kit.backend.streams.last(stream) == records[-1].sequence
        await kit.backend.streams.trim(stream, before=1 << 40)
        assert await kit.backend.streams.last(stream) == records[-1].sequence

    @scenario
    async def test_trim_removes_what_is_older(self, kit: Kit) -> None:
        space, stream, records = await self.fill(kit)
        assert await kit.backend.streams.trim(stream, before=4000) == 4
        assert await kit.records(stream) == records[4:]
        assert await kit.backend.streams.trim(stream, before=4000) == 0
        await kit.mutate(put(space, key(1), changes=(Change(stream, 99000, b"later"),)))
        (later,) = await kit.records(stream, after=records[-1].sequence)
        assert later.body == b"later"

    @scenario
    async def test_drop_removes_one_stream_and_no_other(self, kit: Kit) -> None:
        _, one, _ = await self.fill(kit)
        _, two, records = await self.fill(kit)
        await kit.backend.streams.drop(one)
        await kit.backend.streams.drop(kit.unique())
        assert await kit.records(one) == []
        assert await kit.records(two) == records

    @scenario
    async def test_a_stream_outlives_its_table(self, kit: Kit) -> None:
        space, stream, records = await self.fill(kit)
        await kit.backend.catalog.drop(space)
        assert await kit.records(stream) == records
