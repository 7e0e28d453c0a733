"""Two handles of one store at once. No test depends on who wins; each states what must hold whoever does.

Errors that allow it are repeated as the engine does, a bounded number of times; everything else is a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from extenddb.storage.conformance.harness import Kit, Suite, requires, scenario
from extenddb.storage.conformance.values import append, create_only, key, looking, put
from extenddb.storage.errors import SchemaMismatch, StorageError
from extenddb.storage.model import Decision, Keep, Key, Mutation, PointRead, Put, Reject, Row, Space
from extenddb.storage.spi import Backend

TRIES = 200
"""How often a call is repeated before the test gives up."""
ROUNDS = 12
"""How often a race is run."""

_Result = TypeVar("_Result")


async def persist(call: Callable[[], Awaitable[_Result]]) -> _Result:
    """Repeat a call for as long as its errors allow that, and give others a turn in between."""
    for _ in range(TRIES):
        try:
            return await call()
        except StorageError as error:
            if not error.retry:
                raise
        await asyncio.sleep(0)
    return await call()


async def mutate(backend: Backend, *mutations: Mutation) -> list[Decision]:
    """Apply a batch, persistently."""
    return await persist(lambda: backend.items.mutate(list(mutations)))


async def transact(backend: Backend, *mutations: Mutation) -> list[Decision]:
    """Apply a transaction, persistently."""
    return await persist(lambda: backend.items.transact(list(mutations)))


def turns() -> Iterator[int]:
    """Yield how many turns of the event loop to let pass before a cancellation, early to late."""
    yield from range(10)
    yield from (1 << exponent for exponent in range(4, 12))


class ConcurrencySuite(Suite):
    """`Items`, `Catalog` and `Streams` under concurrent use."""

    @scenario
    async def test_a_write_that_returned_is_seen_by_every_handle(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        for n in range(ROUNDS):
            await mutate(kit.backend, put(space, key(1), b"%d" % n))
            (row,) = await other.items.get([PointRead(space, key(1))])
            assert row is not None
            assert row.item == b"%d" % n

    @scenario
    async def test_no_update_is_lost(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        await asyncio.gather(
            *(mutate(backend, append(space, key(1), b"x")) for _ in range(20) for backend in (kit.backend, other))
        )
        assert await kit.items(space) == {key(1): b"x" * 40}

    @scenario
    async def test_an_absent_key_is_created_once(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        for n in range(ROUNDS):
            answers = await asyncio.gather(
                *(mutate(backend, create_only(space, key(n))) for _ in range(4) for backend in (kit.backend, other))
            )
            kinds = [type(decision) for (decision,) in answers]
            assert kinds.count(Put) == 1, kinds
            assert kinds.count(Reject) == 7, kinds

    @scenario
    async def test_first_writers_of_an_absent_key_see_each_other(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        for n in range(ROUNDS):
            await asyncio.gather(
                mutate(kit.backend, append(space, key(n), b"a")), mutate(other, append(space, key(n), b"b"))
            )
            row = await kit.get(space, key(n))
            assert row is not None
            assert sorted(row.item) == sorted(b"ab")

    @scenario
    async def test_batches_that_cross_do_not_block_each_other_for_ever(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        places = [key(n) for n in range(10)]

        async def write(backend: Backend, order: Sequence[Key], letter: bytes) -> None:
            for _ in range(ROUNDS // 2):
                await mutate(backend, *(append(space, where, letter) for where in order))

        await asyncio.gather(write(kit.backend, places, b"a"), write(other, places[::-1], b"b"))
        assert {"".join(sorted(item.decode())) for item in (await kit.items(space)).values()} == {"aaaaaabbbbbb"}

    @scenario
    async def test_no_write_of_an_old_epoch_commits_after_alter(self, kit: Kit) -> None:
        other, record, under_way = await kit.other(), kit.record(), asyncio.Event()
        await kit.backend.catalog.create(record)

        async def write() -> int:
            for n in range(1, 20_000):
                try:
                    await mutate(other, put(record.space, key(n)))
                except SchemaMismatch:
                    return n
                if n == 3:
                    under_way.set()
            return 0

        writer = asyncio.create_task(write())
        await under_way.wait()
        wish = replace(record, space=replace(record.space, indexes=("i",)))
        new = await persist(lambda: kit.backend.catalog.alter(wish, expected=1))
        after = await kit.items(new.space)
        refused = await writer
        assert refused > 3
        assert await kit.items(new.space) == after
        assert set(after) == {key(n) for n in range(1, refused)}

    @scenario
    async def test_cancelling_a_mutation_releases_its_locks(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        places = [key(n) for n in range(3)]
        for pause in turns():
            await mutate(other, *(put(space, where, b"") for where in places))
            task = asyncio.create_task(
                kit.backend.items.mutate([append(space, where, b"cancelled") for where in places])
            )
            await _cancel(task, pause)
            await mutate(other, *(append(space, where, b"|") for where in places))
            assert set((await kit.items(space)).values()) in ({b"|"}, {b"cancelled|"}), pause

    @scenario
    async def test_cancelling_reads_uses_nothing_up(self, kit: Kit) -> None:
        space = await kit.table()
        await kit.mutate(put(space, key(1), b"x"))
        for pause in (0, 1, 2, 3, 5, 8, 13, 21) * 5:
            await _cancel(asyncio.create_task(kit.backend.items.get([PointRead(space, key(1))])), pause)
        assert await kit.items(space) == {key(1): b"x"}


class TransactionRacesSuite(Suite):
    """Transactions against each other and against single mutations."""

    needs = ("transactions",)

    @scenario
    async def test_no_write_skew_through_absent_keys(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        for n in range(ROUNDS):
            left, right = key(2 * n), key(2 * n + 1)
            answers = await asyncio.gather(
                transact(kit.backend, _absent(space, left), put(space, right)),
                transact(other, _absent(space, right), put(space, left)),
            )
            rejected = [any(isinstance(decision, Reject) for decision in decisions) for decisions in answers]
            assert rejected.count(True) == 1, rejected
            rows = await kit.backend.items.get([PointRead(space, left), PointRead(space, right)])
            assert sum(row is not None for row in rows) == 1

    @scenario
    async def test_money_is_neither_made_nor_lost(self, kit: Kit) -> None:
        one, two, other = await kit.table(), await kit.table(), await kit.other()
        await kit.mutate(put(one, key(1), b"100"), put(two, key(2), b"100"))

        async def move(backend: Backend, amount: int) -> None:
            await transact(backend, _add(one, key(1), amount), _add(two, key(2), -amount))

        await asyncio.gather(*(move((kit.backend, other)[n % 2], n - 7) for n in range(24)))
        (left,), (right,) = (await kit.items(one)).values(), (await kit.items(two)).values()
        assert (int(left), int(right)) == (100 + sum(range(-7, 17)), 100 - sum(range(-7, 17)))

    @scenario
    @requires("snapshots")
    async def test_a_snapshot_is_never_torn(self, kit: Kit) -> None:
        one, two, other = await kit.table(), await kit.table(), await kit.other()
        await kit.mutate(put(one, key(1), b"0"), put(two, key(2), b"0"))

        async def write() -> None:
            for n in range(1, 40):
                await transact(other, put(one, key(1), b"%d" % n), put(two, key(2), b"%d" % n))

        writer = asyncio.create_task(write())
        while not writer.done():
            left, right = await persist(
                lambda: kit.backend.items.snapshot([PointRead(one, key(1)), PointRead(two, key(2))])
            )
            assert left is not None
            assert right is not None
            assert left.item == right.item
        await writer

    @scenario
    async def test_a_kept_row_does_not_change_until_the_commit(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        for n in range(ROUNDS):
            flag, log, seen = key(2 * n), key(2 * n + 1), list[Row | None]()
            await kit.mutate(put(space, flag, b"open"))
            first, _ = await asyncio.gather(
                transact(kit.backend, _present(space, flag, b"open"), put(space, log, b"entry")),
                transact(other, put(space, flag, b"shut"), looking(space, log, seen, lambda old: Keep())),
            )
            went_first = not isinstance(first[0], Reject)
            assert went_first == (seen != [None])
            assert went_first == (await kit.get(space, log) is not None)

    @scenario
    async def test_cancelling_a_transaction_releases_its_locks(self, kit: Kit) -> None:
        space, other = await kit.table(), await kit.other()
        places = [key(n) for n in range(3)]
        for pause in turns():
            await mutate(other, *(put(space, where, b"") for where in places))
            task = asyncio.create_task(
                kit.backend.items.transact([append(space, where, b"cancelled") for where in places])
            )
            await _cancel(task, pause)
            await transact(other, *(append(space, where, b"|") for where in places))
            assert set((await kit.items(space)).values()) in ({b"|"}, {b"cancelled|"}), pause


class StreamRacesSuite(Suite):
    """Streams while they are written."""

    needs = ("streams",)

    @scenario
    async def test_stream_order_is_commit_order_per_key(self, kit: Kit) -> None:
        space, stream, other = await kit.table(), kit.unique(), await kit.other()
        places = [key(n) for n in range(3)]

        async def write(backend: Backend, order: Sequence[Key]) -> None:
            for _ in range(10):
                await mutate(backend, *(append(space, where, b"x", stream=stream) for where in order))

        await asyncio.gather(*(write((kit.backend, other)[n % 2], places[n % 3 :]) for n in range(6)))
        records = await persist(lambda: kit.records(stream, limit=10000))
        final = await kit.items(space)
        assert len(records) == sum(len(item) for item in final.values())
        for where in places:
            bucket = int(where.partition.hex()[:3], 16)
            lengths = [len(record.body) for record in records if record.bucket == bucket]
            assert lengths == list(range(1, len(final[where]) + 1))

    @scenario
    async def test_a_reader_that_goes_on_from_the_last_sequence_misses_nothing(self, kit: Kit) -> None:
        space, stream, other = await kit.table(), kit.unique(), await kit.other()
        seen: list[int] = []

        async def write(backend: Backend, number: int) -> None:
            for _ in range(12):
                await mutate(backend, append(space, key(number), b"x", stream=stream))

        async def follow() -> None:
            after = seen[-1] if seen else 0
            seen.extend(r.sequence for r in await kit.records(stream, after=after, limit=7))

        writers = asyncio.gather(*(write((kit.backend, other)[n % 2], n) for n in range(6)))
        while not writers.done():
            await follow()
            await asyncio.sleep(0)
        await writers
        last = await kit.backend.streams.last(stream)
        while not seen or seen[-1] < last:
            await follow()
        every = await kit.records(stream, limit=10000)
        assert len(every) == 72
        assert seen == [record.sequence for record in every]


async def _cancel(task: asyncio.Task[_Result], pause: int) -> None:
    for _ in range(pause):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _absent(space: Space, where: Key) -> Mutation:
    return Mutation(space, where, lambda old: Keep() if old is None else Reject())


def _present(space: Space, where: Key, item: bytes) -> Mutation:
    return Mutation(space, where, lambda old: Keep() if old is not None and old.item == item else Reject())


def _add(space: Space, where: Key, amount: int) -> Mutation:
    def decide(old: Row | None) -> Decision:
        item = b"%d" % ((int(old.item) if old else 0) + amount)
        return Put(item, len(item))

    return Mutation(space, where, decide)
