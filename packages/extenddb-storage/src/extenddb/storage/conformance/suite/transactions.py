"""All or nothing over any keys and tables."""

from __future__ import annotations

import pytest

from extenddb.storage.conformance.harness import Kit, Suite, requires, scenario
from extenddb.storage.conformance.values import added, append, blind_put, create_only, delete, keep, key, put, reject
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Change, Decision, Keep, Mutation, Put, Reject, Row, Space


class _BoomError(Exception):
    pass


def _boom(old: Row | None) -> Decision:
    raise _BoomError


class TransactionsSuite(Suite):
    """`Items.transact`."""

    needs = ("transactions",)

    @scenario
    async def test_all_decisions_are_applied(self, kit: Kit) -> None:
        one, two = await kit.table("i"), await kit.table()
        await kit.mutate(put(two, key(2), b"old"), put(one, key(3), b"old"))
        decisions = await kit.backend.items.transact(
            [
                put(one, key(1), b"new", indexes=added("i", key(50)), answer="first"),
                delete(two, key(2)),
                append(one, key(3), b"er"),
                keep(two, key(4)),
                blind_put(two, key(5), b"blind"),
            ]
        )
        assert decisions[0].answer == "first"
        assert await kit.items(one) == {key(1): b"new", key(3): b"older"}
        assert await kit.items(two) == {key(5): b"blind"}
        assert [row.key for row in (await kit.scan(one, index="i")).rows] == [key(1)]

    @scenario
    async def test_one_reject_and_nothing_is_applied(self, kit: Kit) -> None:
        one, two = await kit.table("i"), await kit.table()
        await kit.mutate(put(two, key(2), b"old"))
        before = await kit.get(two, key(2))
        decisions = await kit.backend.items.transact(
            [
                put(one, key(1), b"new", indexes=added("i", key(50))),
                create_only(two, key(2), b"new"),
                reject(one, key(3), "why"),
                blind_put(two, key(4), b"new"),
            ]
        )
        assert [type(decision) for decision in decisions] == [Put, Reject, Reject, Put]
        assert decisions[2].answer == "why"
        assert await kit.items(one) == {}
        assert (await kit.scan(one, index="i")).rows == []
        assert await kit.items(two) == {key(2): b"old"}
        assert await kit.get(two, key(2)) == before

    @scenario
    async def test_keep_checks_without_changing(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(put(space, key(1), b"a"))
        before = await kit.get(space, key(1))

        def present(old: Row | None) -> Decision:
            return Reject() if old is None else Keep(answer=old.item)

        decisions = await kit.backend.items.transact([Mutation(space, key(1), present), put(space, key(2), b"b")])
        assert decisions[0].answer == b"a"
        assert await kit.get(space, key(1)) == before
        decisions = await kit.backend.items.transact([Mutation(space, key(9), present), put(space, key(3), b"c")])
        assert isinstance(decisions[0], Reject)
        assert await kit.items(space) == {key(1): b"a", key(2): b"b"}

    @scenario
    async def test_an_exception_of_decide_applies_nothing(self, kit: Kit) -> None:
        space = await kit.table()
        with pytest.raises(_BoomError):
            await kit.backend.items.transact([put(space, key(1)), Mutation(space, key(2), _boom)])
        assert await kit.items(space) == {}

    @scenario
    async def test_a_stale_space_applies_nothing(self, kit: Kit) -> None:
        space = await kit.table()
        with pytest.raises(SchemaMismatch):
            await kit.backend.items.transact([put(space, key(1)), put(Space(id=kit.unique()), key(1))])
        assert await kit.items(space) == {}

    @scenario
    async def test_a_hundred_keys(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.backend.items.transact([put(space, key(n), b"%d" % n) for n in range(100)])
        assert await kit.items(space) == {key(n): b"%d" % n for n in range(100)}

    @scenario
    @requires("streams")
    async def test_stream_records_are_published_with_the_rest_or_not_at_all(self, kit: Kit) -> None:
        space, stream = await kit.table(), kit.unique()
        change = (Change(stream, 1, b"seen"),)
        await kit.backend.items.transact([put(space, key(1), changes=change), reject(space, key(2))])
        assert await kit.records(stream) == []
        await kit.backend.items.transact([put(space, key(1), changes=change), delete(space, key(2), changes=change)])
        assert [record.body for record in await kit.records(stream)] == [b"seen"]
