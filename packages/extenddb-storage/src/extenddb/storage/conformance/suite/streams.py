"""Records of committed changes."""

from __future__ import annotations

import pytest

from extenddb.storage.conformance.harness import Kit, Suite, scenario
from extenddb.storage.conformance.values import append, delete, keep, key, put, reject
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Change, Published, Space


class StreamsSuite(Suite):
    """`Streams`."""

    needs = ("streams",)

    async def fill(self, kit: Kit, count: int = 10) -> tuple[Space, str, list[Published]]:
        """Write `count` keys, created 1000 apart; return the records in stream order."""
        space, stream = await kit.table(), kit.unique()
        for n in range(count):
            await kit.mutate(put(space, key(n), changes=(Change(stream, 1000 * n, b"%d" % n),)))
        return space, stream, await kit.backend.streams.read(stream, limit=1000)

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
        records = await kit.backend.streams.read(stream, limit=100)
        assert [record.body for record in records] == [b"a", b"ab", b"abc", b"abcd", b"gone"]

    @scenario
    async def test_what_is_not_applied_is_not_published(self, kit: Kit) -> None:
        space, stream = await kit.table(), kit.unique()
        await kit.mutate(reject(space, key(1)), keep(space, key(2)), delete(space, key(3)))
        with pytest.raises(SchemaMismatch):
            await kit.mutate(append(space, key(1), b"a", stream=stream), put(Space(id=kit.unique()), key(1)))
        assert await kit.backend.streams.read(stream, limit=100) == []
        assert await kit.backend.streams.last(stream) == 0

    @scenario
    async def test_one_mutation_may_tell_several_streams(self, kit: Kit) -> None:
        space, one, two = await kit.table(), kit.unique(), kit.unique()
        await kit.mutate(put(space, key(1), changes=(Change(one, 1, b"1"), Change(two, 2, b"2"), Change(one, 3, b"3"))))
        assert [record.body for record in await kit.backend.streams.read(one, limit=9)] == [b"1", b"3"]
        assert [record.body for record in await kit.backend.streams.read(two, limit=9)] == [b"2"]

    @scenario
    async def test_after_until_and_limit_cut_exactly(self, kit: Kit) -> None:
        _, stream, records = await self.fill(kit)
        read = kit.backend.streams.read
        low, high = records[2].sequence, records[6].sequence
        assert await read(stream, after=low, limit=1000) == records[3:]
        assert await read(stream, until=high, limit=1000) == records[:7]
        assert await read(stream, after=low, until=high, limit=1000) == records[3:7]
        assert await read(stream, after=low, until=high, limit=2) == records[3:5]
        assert await read(stream, after=records[-1].sequence, limit=5) == []
        assert await read(kit.unique(), limit=5) == []

    @scenario
    async def test_buckets_divide_a_stream(self, kit: Kit) -> None:
        _, stream, records = await self.fill(kit, 20)
        cut = sorted(record.bucket for record in records)[10]
        for buckets in ((0, cut), (cut, 4096), (cut, cut), (cut, cut + 1)):
            want = [record for record in records if buckets[0] <= record.bucket < buckets[1]]
            assert await kit.backend.streams.read(stream, buckets=buckets, limit=1000) == want
            assert await kit.backend.streams.read(stream, buckets=buckets, limit=3) == want[:3]

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
        assert await kit.backend.streams.read(stream, limit=1000) == records[4:]
        assert await kit.backend.streams.trim(stream, before=4000) == 0
        await kit.mutate(put(space, key(1), changes=(Change(stream, 99000, b"later"),)))
        (later,) = await kit.backend.streams.read(stream, after=records[-1].sequence, limit=1000)
        assert later.body == b"later"

    @scenario
    async def test_drop_removes_one_stream_and_no_other(self, kit: Kit) -> None:
        _, one, _ = await self.fill(kit)
        _, two, records = await self.fill(kit)
        await kit.backend.streams.drop(one)
        await kit.backend.streams.drop(kit.unique())
        assert await kit.backend.streams.read(one, limit=10) == []
        assert await kit.backend.streams.read(two, limit=10) == records

    @scenario
    async def test_a_stream_outlives_its_table(self, kit: Kit) -> None:
        space, stream, records = await self.fill(kit)
        await kit.backend.catalog.drop(space)
        assert await kit.backend.streams.read(stream, limit=10) == records
