"""Rows one by one: reading, the mutation protocol, and index entries that follow their row."""

from __future__ import annotations

import pytest

from extenddb.storage.conformance.harness import Kit, Suite, requires, scenario
from extenddb.storage.conformance.values import (
    added,
    append,
    blind_delete,
    blind_put,
    create_only,
    delete,
    keep,
    key,
    looking,
    moved,
    partition,
    put,
    reject,
    removed,
)
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Decision, Delete, Keep, Mutation, PointRead, Put, Reject, Row, Space

HARD_BYTES = [
    b"",
    b"\x00",
    b"\x00\xff\x00",
    b"\xff" * 30,
    b"\xc3\x28",
    "ü€😀".encode(),
    b"'\"\\;--%s",
    bytes(range(256)),
]
"""Bytes that text columns, escapes and prefixes get wrong."""


class _BoomError(Exception):
    pass


def _boom(old: Row | None) -> Decision:
    raise _BoomError


class ItemsSuite(Suite):
    """`Items.get`, `Items.snapshot`, `Items.mutate`."""

    @scenario
    async def test_get_answers_in_the_order_asked_and_repeats(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(*(put(space, key(n), b"%d" % n) for n in range(5)))
        rows = await kit.backend.items.get([PointRead(space, key(n)) for n in (3, 77, 0, 3, 4)])
        assert [row and (row.key, row.item) for row in rows] == [
            (key(3), b"3"),
            None,
            (key(0), b"0"),
            (key(3), b"3"),
            (key(4), b"4"),
        ]

    @scenario
    async def test_nothing_asked_nothing_answered(self, kit: Kit) -> None:
        assert await kit.backend.items.get([]) == []
        assert await kit.backend.items.mutate([]) == []

    @scenario
    async def test_items_come_back_byte_for_byte(self, kit: Kit) -> None:
        space = await kit.table()
        bodies = [*HARD_BYTES, bytes(range(256)) * 1600]
        await kit.mutate(*(put(space, key(n), body, size=n + 7) for n, body in enumerate(bodies)))
        rows = await kit.backend.items.get([PointRead(space, key(n)) for n in range(len(bodies))])
        assert [row and (row.item, row.size) for row in rows] == [(body, n + 7) for n, body in enumerate(bodies)]

    @scenario
    async def test_sort_keys_are_told_apart_byte_for_byte(self, kit: Kit) -> None:
        space = await kit.table()
        sorts = [*HARD_BYTES, b"\x00\x00", b"a", b"a\x00", b"A", bytes(range(256)) * 4]
        await kit.mutate(*(put(space, key(1, sort), b"<" + sort) for sort in sorts))
        rows = await kit.backend.items.get([PointRead(space, key(1, sort)) for sort in sorts])
        assert [row and (row.key.sort, row.item) for row in rows] == [(sort, b"<" + sort) for sort in sorts]

    @scenario
    async def test_one_get_may_span_tables(self, kit: Kit) -> None:
        one, two = await kit.table(), await kit.table()
        await kit.mutate(put(one, key(1), b"one"), put(two, key(1), b"two"))
        rows = await kit.backend.items.get([PointRead(two, key(1)), PointRead(one, key(1)), PointRead(two, key(2))])
        assert [row and row.item for row in rows] == [b"two", b"one", None]

    @scenario
    @requires("snapshots")
    async def test_snapshot_reads_like_get(self, kit: Kit) -> None:
        one, two = await kit.table(), await kit.table()
        await kit.mutate(put(one, key(1), b"one"), put(two, key(1), b"two"))
        rows = await kit.backend.items.snapshot(
            [PointRead(two, key(1)), PointRead(one, key(9)), PointRead(one, key(1))]
        )
        assert [row and row.item for row in rows] == [b"two", None, b"one"]

    @scenario
    async def test_decide_sees_the_committed_row(self, kit: Kit) -> None:
        space = await kit.table()
        seen: list[Row | None] = []
        await kit.mutate(looking(space, key(1, b"s"), seen, lambda old: Put(b"first", 11)))
        assert seen == [None]
        await kit.mutate(looking(space, key(1, b"s"), seen, lambda old: Put(b"second", 12)))
        (old,) = seen
        row = await kit.get(space, key(1, b"s"))
        assert old is not None
        assert row is not None
        assert old[:3] == (key(1, b"s"), b"first", 11)
        assert row[:3] == (key(1, b"s"), b"second", 12)
        assert row.version > old.version > 0

    @scenario
    async def test_decisions_come_back_in_order_with_their_answers(self, kit: Kit) -> None:
        space = await kit.table()
        answer = object()
        decisions = await kit.mutate(
            put(space, key(1), b"x", answer=answer), reject(space, key(2), "no"), keep(space, key(3), answer=3)
        )
        assert [type(decision) for decision in decisions] == [Put, Reject, Keep]
        assert [decision.answer for decision in decisions] == [answer, "no", 3]
        assert await kit.items(space) == {key(1): b"x"}

    @scenario
    async def test_mutations_of_one_key_see_each_other_in_order(self, kit: Kit) -> None:
        space = await kit.table()
        seen: list[bytes | None] = [None] * 5
        wanted: list[Decision] = [Put(b"a", 1), Put(b"b", 1), Delete(), Keep(), Put(b"c", 1)]

        def step(place: int) -> Mutation:
            def decide(old: Row | None) -> Decision:
                seen[place] = None if old is None else old.item
                return wanted[place]

            return Mutation(space, key(1), decide)

        await kit.mutate(*(step(place) for place in range(5)), put(space, key(2)))
        assert seen == [None, b"a", b"b", None, None]
        assert await kit.items(space) == {key(1): b"c", key(2): b"{}"}

    @scenario
    async def test_a_batch_may_end_where_it_began(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(put(space, key(1), b"a"), delete(space, key(1)))
        assert await kit.get(space, key(1)) is None
        await kit.mutate(put(space, key(2), b"a"))
        await kit.mutate(delete(space, key(2)), put(space, key(2), b"b"))
        row = await kit.get(space, key(2))
        assert row is not None
        assert row.item == b"b"

    @scenario
    async def test_versions_grow_with_every_write(self, kit: Kit) -> None:
        space = await kit.table()
        versions = []
        for body in (b"a", b"a", b"b"):
            await kit.mutate(put(space, key(1), body))
            row = await kit.get(space, key(1))
            assert row is not None
            versions.append(row.version)
        assert 0 < versions[0] < versions[1] < versions[2]

    @scenario
    async def test_versions_grow_across_a_delete(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(*(put(space, key(1), b"%d" % n) for n in range(5)))
        await kit.mutate(*(put(space, key(1), b"%d" % n) for n in range(5)))
        before = await kit.get(space, key(1))
        await kit.mutate(delete(space, key(1)))
        assert await kit.get(space, key(1)) is None
        await kit.mutate(blind_put(space, key(1), b"again"))
        after = await kit.get(space, key(1))
        assert before is not None
        assert after is not None
        assert after.version > before.version

    @scenario
    async def test_keep_and_reject_leave_row_and_version(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(put(space, key(1), b"a"))
        before = await kit.get(space, key(1))
        await kit.mutate(keep(space, key(1)), reject(space, key(1)), keep(space, key(2)), reject(space, key(3)))
        assert await kit.get(space, key(1)) == before
        assert list(await kit.items(space)) == [key(1)]

    @scenario
    async def test_a_reject_does_not_touch_its_neighbours(self, kit: Kit) -> None:
        space = await kit.table()
        decisions = await kit.mutate(
            put(space, key(1), b"a"), create_only(space, key(1)), reject(space, key(2)), put(space, key(3), b"c")
        )
        assert [type(decision) for decision in decisions] == [Put, Reject, Reject, Put]
        assert await kit.items(space) == {key(1): b"a", key(3): b"c"}

    @scenario
    async def test_blind_mutations_write_without_looking(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(put(space, key(1), b"old"), put(space, key(2), b"old"))
        decisions = await kit.mutate(
            blind_put(space, key(1), b"new"),
            blind_delete(space, key(2)),
            blind_put(space, key(3), b"new"),
            blind_delete(space, key(4)),
        )
        assert [type(decision) for decision in decisions] == [Put, Delete, Put, Delete]
        assert await kit.items(space) == {key(1): b"new", key(3): b"new"}

    @scenario
    async def test_blind_and_seeing_mutations_of_one_key_keep_their_order(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(
            append(space, key(1), b"a"),
            blind_put(space, key(1), b"B"),
            append(space, key(1), b"c"),
            blind_put(space, key(2), b"x"),
            blind_delete(space, key(2)),
            append(space, key(2), b"y"),
            append(space, key(3), b"z"),
            blind_delete(space, key(3)),
        )
        assert await kit.items(space) == {key(1): b"Bc", key(2): b"y"}

    @scenario
    async def test_an_exception_of_decide_leaves_unchanged_and_nothing_is_applied(self, kit: Kit) -> None:
        space = await kit.table()
        with pytest.raises(_BoomError):
            await kit.mutate(put(space, key(1)), Mutation(space, key(2), _boom), put(space, key(3)))
        assert await kit.items(space) == {}
        await kit.mutate(put(space, key(1)))
        assert list(await kit.items(space)) == [key(1)]

    @scenario
    async def test_a_stale_space_in_a_batch_applies_nothing(self, kit: Kit) -> None:
        space, gone = await kit.table(), Space(id=kit.unique())
        with pytest.raises(SchemaMismatch):
            await kit.mutate(put(space, key(1)), put(gone, key(1)))
        assert await kit.items(space) == {}

    @scenario
    async def test_large_batches(self, kit: Kit) -> None:
        space = await kit.table("i")
        places = [key(n, b"s") for n in range(300)]
        await kit.mutate(*(put(space, where, b"x%d" % n, indexes=added("i", where)) for n, where in enumerate(places)))
        rows = await kit.backend.items.get([PointRead(space, where) for where in places])
        assert [row and row.item for row in rows] == [b"x%d" % n for n in range(300)]
        assert len((await kit.scan(space, index="i")).rows) == 300


class EntriesSuite(Suite):
    """Index entries follow their row."""

    @scenario
    async def test_an_entry_shows_its_row_and_its_own_size(self, kit: Kit) -> None:
        space = await kit.table("i", "j")
        where, one, two = key(1, b"s"), key(50, b"x"), key(51, b"y")
        await kit.mutate(put(space, where, b"body", indexes=(*added("i", one), *added("j", two, 3))))
        (row,) = (await kit.range(space, one.partition, index="i")).rows
        assert (row.key, row.item, row.size) == (where, b"body", 4)
        (row,) = (await kit.range(space, two.partition, index="j")).rows
        assert (row.key, row.item, row.size) == (where, b"body", 3)
        assert (await kit.range(space, one.partition, index="j")).rows == []

    @scenario
    async def test_an_entry_that_stays_shows_the_new_item(self, kit: Kit) -> None:
        space = await kit.table("i")
        await kit.mutate(put(space, key(1), b"old", indexes=added("i", key(50))))
        await kit.mutate(put(space, key(1), b"newer"))
        (row,) = (await kit.range(space, partition(50), index="i")).rows
        assert (row.item, row.size) == (b"newer", 5)
        assert row == await kit.get(space, key(1))

    @scenario
    async def test_entries_move_and_go(self, kit: Kit) -> None:
        space = await kit.table("i")
        await kit.mutate(put(space, key(1), b"a", indexes=added("i", key(50, b"x"))))
        await kit.mutate(put(space, key(1), b"b", indexes=moved("i", key(50, b"x"), key(51, b"y"))))
        assert (await kit.range(space, partition(50), index="i")).rows == []
        assert [row.item for row in (await kit.range(space, partition(51), index="i")).rows] == [b"b"]
        await kit.mutate(delete(space, key(1), indexes=removed("i", key(51, b"y"))))
        assert (await kit.scan(space, index="i")).rows == []

    @scenario
    async def test_an_entry_may_change_its_size_in_place(self, kit: Kit) -> None:
        space = await kit.table("i")
        spot = key(50, b"x")
        await kit.mutate(put(space, key(1), b"a", indexes=added("i", spot, 10)))
        (old,), (new,) = added("i", spot, 10), added("i", spot, 20)
        await kit.mutate(put(space, key(1), b"b", indexes=(old._replace(old=old.new, new=new.new),)))
        assert [(row.item, row.size) for row in (await kit.scan(space, index="i")).rows] == [(b"b", 20)]

    @scenario
    async def test_entries_change_several_times_in_one_batch(self, kit: Kit) -> None:
        space = await kit.table("i")
        spots = [key(50, b"%d" % n) for n in range(4)]
        await kit.mutate(
            put(space, key(1), b"a", indexes=added("i", spots[0])),
            put(space, key(1), b"b", indexes=moved("i", spots[0], spots[1])),
            put(space, key(1), b"c", indexes=moved("i", spots[1], spots[0])),
            put(space, key(2), b"d", indexes=added("i", spots[2])),
            delete(space, key(2), indexes=removed("i", spots[2])),
            put(space, key(2), b"e", indexes=added("i", spots[3])),
        )
        page = await kit.range(space, partition(50), index="i")
        assert [(row.key, row.item) for row in page.rows] == [(key(1), b"c"), (key(2), b"e")]

    @scenario
    async def test_keep_may_add_entries_to_a_present_row(self, kit: Kit) -> None:
        space = await kit.table("i")
        await kit.mutate(put(space, key(1), b"a"))
        before = await kit.get(space, key(1))
        await kit.mutate(keep(space, key(1), indexes=added("i", key(50))))
        assert (await kit.scan(space, index="i")).rows == [before]
        await kit.mutate(keep(space, key(1), indexes=removed("i", key(50))))
        assert (await kit.scan(space, index="i")).rows == []
        assert await kit.get(space, key(1)) == before

    @scenario
    async def test_longest_keys_fit(self, kit: Kit) -> None:
        space = await kit.table("i")
        noise = b"".join(partition(n) for n in range(90))
        where, spot = key(1, noise[:1024]), key(50, noise[1024:2048])
        await kit.mutate(put(space, where, b"a", indexes=added("i", spot)))
        assert [row.key for row in (await kit.range(space, spot.partition, index="i")).rows] == [where]
