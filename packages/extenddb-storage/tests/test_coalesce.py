"""The coalescer against a recording store whose calls the test lets go one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from extenddb.core.types.keys import Key
from extenddb.storage.coalesce import Coalescer, CoalesceSettings
from extenddb.storage.errors import Ambiguous, SchemaMismatch, SerializationFailure, StorageError, Unavailable
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import (
    Decision,
    Mutation,
    Page,
    PointRead,
    Put,
    RangeRead,
    Row,
    ScanRead,
    Space,
    TableRecord,
)

SPACE = Space(id="t")
OTHER = Space(id="u")


class Recorder:
    """Items of a memory store; notes every call, can hold calls back and fail them."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._items = backend.items
        self.reads: list[list[PointRead]] = []
        self.writes: list[list[Mutation]] = []
        self.gate: asyncio.Event | None = None
        self.fail: Callable[[list[Mutation]], Exception | None] = lambda batch: None

    async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
        self.reads.append(list(reads))
        await self._wait()
        return await self._items.get(reads)

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        batch = list(mutations)
        self.writes.append(batch)
        await self._wait()
        error = self.fail(batch)
        if error is not None:
            raise error
        return await self._items.mutate(batch)

    async def snapshot(self, reads: Sequence[PointRead]) -> list[Row | None]:
        return await self._items.snapshot(reads)

    async def read_range(self, read: RangeRead) -> Page:
        return await self._items.read_range(read)

    async def scan(self, read: ScanRead) -> Page:
        return await self._items.scan(read)

    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        return await self._items.transact(mutations)

    async def _wait(self) -> None:
        if self.gate is not None:
            await self.gate.wait()


Script = Callable[[Recorder, Coalescer], Coroutine[Any, Any, None]]


def play(script: Script, pauses: list[float] | None = None, **settings: Any) -> None:
    async def main() -> None:
        backend = MemoryBackend()
        for space in (SPACE, OTHER):
            await backend.catalog.create(TableRecord(namespace="n", name=space.id, space=space, document=b""))

        async def sleep(seconds: float) -> None:
            if pauses is not None:
                pauses.append(seconds)

        recorder = Recorder(backend)
        coalescer = Coalescer(recorder, CoalesceSettings(**settings), sleep=sleep, chance=lambda: 1.0)
        await asyncio.wait_for(script(recorder, coalescer), 20)
        await asyncio.wait_for(coalescer.close(), 20)

    asyncio.run(main())


def key(number: int) -> Key:
    return Key(number.to_bytes(24, "big"), b"")


def put(number: int, item: bytes = b"x", space: Space = SPACE) -> Mutation:
    return Mutation(space, key(number), lambda old: Put(item, len(item)))


def append(number: int, letter: bytes) -> Mutation:
    return Mutation(SPACE, key(number), lambda old: Put((old.item if old else b"") + letter, 1))


def boom(old: Row | None) -> Decision:
    raise ZeroDivisionError


async def idle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_reads_of_one_iteration_share_a_call() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        await coalescer.mutate_many([put(n, b"%d" % n) for n in range(5)])
        rows = await asyncio.gather(*(coalescer.get(SPACE, key(n)) for n in range(6)))
        assert [row and row.item for row in rows] == [b"0", b"1", b"2", b"3", b"4", None]
        assert len(store.reads) == 1
        assert (coalescer.reads.batches, coalescer.reads.members) == (1, 6)

    play(script)


def test_without_gathering_every_call_is_one_call_of_the_store() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        await asyncio.gather(*(coalescer.mutate(put(n)) for n in range(5)))
        await asyncio.gather(*(coalescer.get(SPACE, key(n)) for n in range(5)))
        assert [len(batch) for batch in store.writes] == [1] * 5
        assert [len(batch) for batch in store.reads] == [1] * 5
        assert await coalescer.get_many([]) == []

    play(script, gather=False)


def test_calls_queue_while_the_lane_is_busy_and_leave_together() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.gate = asyncio.Event()
        first = asyncio.create_task(coalescer.mutate(put(0)))
        await idle()
        rest = [asyncio.create_task(coalescer.mutate(put(n))) for n in range(1, 9)]
        await idle()
        assert [len(batch) for batch in store.writes] == [1]
        store.gate.set()
        await asyncio.gather(first, *rest)
        assert [len(batch) for batch in store.writes] == [1, 8]
        assert (coalescer.writes.batches, coalescer.writes.members) == (2, 9)

    play(script, write_lanes=1)


def test_batches_are_bounded_by_count() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        await asyncio.gather(*(coalescer.mutate(put(n)) for n in range(10)))
        assert [len(batch) for batch in store.writes] == [4, 4, 2]
        await asyncio.gather(*(coalescer.get(SPACE, key(n)) for n in range(7)))
        assert sorted(len(batch) for batch in store.reads) == [1, 3, 3]

    play(script, write_lanes=1, write_batch=4, read_batch=3)


def test_batches_are_bounded_by_weight() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        weights = [30, 30, 60, 500, 10, 10]
        await asyncio.gather(*(coalescer.mutate(put(n), weight=weight) for n, weight in enumerate(weights)))
        assert [len(batch) for batch in store.writes] == [2, 1, 1, 2]

    play(script, write_lanes=1, write_bytes=100)


def test_mutations_of_one_key_keep_their_order_across_batches() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        letters = [bytes((65 + n,)) for n in range(26)]
        await asyncio.gather(*(coalescer.mutate(append(7, letter)) for letter in letters))
        row = await coalescer.get(SPACE, key(7))
        assert row is not None
        assert row.item == b"".join(letters)

    play(script, write_batch=5)


def test_order_holds_while_a_batch_is_taken_apart() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.fail = lambda batch: SerializationFailure("busy") if len(batch) > 2 else None
        letters = [bytes((65 + n,)) for n in range(11)]
        await asyncio.gather(*(coalescer.mutate(append(7, letter)) for letter in letters))
        row = await coalescer.get(SPACE, key(7))
        assert row is not None
        assert row.item == b"".join(letters)
        assert coalescer.writes.splits > 0

    play(script, repeats=0)


def test_a_raising_decide_fails_its_own_caller_only() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        calls = [coalescer.mutate(put(n)) for n in range(3)]
        calls.insert(1, coalescer.mutate(Mutation(SPACE, key(9), boom)))
        calls.insert(3, coalescer.mutate(Mutation(SPACE, key(8), boom, blind=True)))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [Put, ZeroDivisionError, Put, ZeroDivisionError, Put]
        assert len(store.writes) == 2
        assert all(await coalescer.get_many([PointRead(SPACE, key(n)) for n in range(3)]))
        assert await coalescer.get(SPACE, key(9)) is None

    play(script, write_lanes=1)


def test_a_store_that_stumbles_over_one_member_fails_that_member_only() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.fail = lambda batch: TypeError("poison") if key(5) in [m.key for m in batch] else None
        results = await asyncio.gather(*(coalescer.mutate(put(n)) for n in range(8)), return_exceptions=True)
        assert [type(result) for result in results] == [Put] * 5 + [TypeError] + [Put] * 2

    play(script, write_lanes=1)


def test_a_stale_space_fails_its_own_mutations_only() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        stale = Space(id="u", epoch=7)
        results = await asyncio.gather(
            *(coalescer.mutate(put(n, space=space)) for n in range(3) for space in (SPACE, stale, OTHER)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [Put, SchemaMismatch, Put] * 3
        assert len(store.writes) == 4

    play(script, write_lanes=1)


def test_retryable_errors_are_repeated_with_growing_pauses() -> None:
    pauses: list[float] = []

    async def script(store: Recorder, coalescer: Coalescer) -> None:
        failures = iter([SerializationFailure("1"), SerializationFailure("2"), SerializationFailure("3")])
        store.fail = lambda batch: next(failures, None)
        await asyncio.gather(coalescer.mutate(put(1)), coalescer.mutate(put(2)))
        assert len(store.writes) == 4
        assert pauses == [0.005, 0.01, 0.02]
        assert coalescer.writes.repeats == 3

    play(script, pauses, write_lanes=1)


def test_a_member_that_always_conflicts_does_not_fail_its_neighbours() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.fail = lambda batch: SerializationFailure("busy") if key(2) in [m.key for m in batch] else None
        results = await asyncio.gather(*(coalescer.mutate(put(n)) for n in range(4)), return_exceptions=True)
        assert [type(result) for result in results] == [Put, Put, SerializationFailure, Put]

    play(script, write_lanes=1)


def test_a_store_that_is_away_is_not_asked_once_per_member() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.fail = lambda batch: Unavailable("away")
        results = await asyncio.gather(*(coalescer.mutate(put(n)) for n in range(8)), return_exceptions=True)
        assert [type(result) for result in results] == [Unavailable] * 8
        assert len({id(result) for result in results}) == 8
        assert len(store.writes) == 3

    play(script, write_lanes=1, repeats=2)


def test_ambiguous_is_told_to_every_member_and_never_repeated() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.fail = lambda batch: Ambiguous("lost while committing")
        results = await asyncio.gather(*(coalescer.mutate(put(n)) for n in range(4)), return_exceptions=True)
        assert [type(result) for result in results] == [Ambiguous] * 4
        assert len(store.writes) == 1

    play(script, write_lanes=1)


def test_a_cancelled_caller_is_dropped_before_and_ignored_after_sending() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.gate = asyncio.Event()
        sent = [asyncio.create_task(coalescer.mutate(put(n))) for n in (0, 1)]
        await idle()
        queued = [asyncio.create_task(coalescer.mutate(put(n))) for n in (2, 3)]
        await idle()
        sent[0].cancel()
        queued[0].cancel()
        await idle()
        store.gate.set()
        assert isinstance(await sent[1], Put)
        assert isinstance(await queued[1], Put)
        assert [[m.key for m in batch] for batch in store.writes] == [[key(0), key(1)], [key(3)]]
        assert await coalescer.get(SPACE, key(2)) is None
        assert await coalescer.get(SPACE, key(0)) is not None

    play(script, write_lanes=1)


def test_mutate_many_gives_each_member_its_own_outcome() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        results = await coalescer.mutate_many([put(1), put(2, space=Space(id="gone")), put(3)])
        assert [type(result) for result in results] == [Put, SchemaMismatch, Put]
        assert isinstance(results[1], StorageError)
        with pytest.raises(ZeroDivisionError):
            await coalescer.mutate_many([put(4), Mutation(SPACE, key(5), boom), put(6)])
        assert await coalescer.get(SPACE, key(6)) is not None

    play(script)


def test_get_many_keeps_the_order_asked_and_raises_the_first_error() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        await coalescer.mutate_many([put(n, b"%d" % n) for n in range(4)])
        rows = await coalescer.get_many([PointRead(SPACE, key(n)) for n in (3, 9, 0, 3)])
        assert [row and row.item for row in rows] == [b"3", None, b"0", b"3"]
        with pytest.raises(SchemaMismatch):
            await coalescer.get_many([PointRead(SPACE, key(1)), PointRead(Space(id="gone"), key(1))])

    play(script)


def test_a_flood_on_one_table_does_not_starve_another() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        flood = [asyncio.create_task(coalescer.mutate(put(n))) for n in range(40)]
        await asyncio.gather(*(coalescer.mutate(put(n, space=OTHER)) for n in range(4)))
        assert [m.space.id for m in store.writes[0]].count("u") == 4
        await asyncio.gather(*flood)

    play(script, write_lanes=1, write_batch=8)


def test_many_tables_take_turns() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        spaces = [Space(id=f"gone{n}") for n in range(9)]
        await coalescer.mutate_many([put(n, space=space) for n in range(2) for space in spaces])
        first = [mutation.space.id for batch in store.writes for mutation in batch if len(batch) == 4]
        assert first[:4] == ["gone0", "gone1", "gone2", "gone3"]
        assert first[4:8] == ["gone4", "gone5", "gone6", "gone7"]

    play(script, write_lanes=1, write_batch=4)


def test_close_answers_what_is_queued_and_refuses_more() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        calls = [asyncio.create_task(coalescer.mutate(put(n))) for n in range(20)]
        await asyncio.sleep(0)
        await coalescer.close()
        assert all(call.done() for call in calls)
        assert [type(call.result()) for call in calls] == [Put] * 20
        with pytest.raises(Unavailable):
            await coalescer.get(SPACE, key(1))

    play(script, write_batch=3)


def test_a_store_that_answers_too_little_is_a_violation_not_a_hang() -> None:
    class Short(Recorder):
        async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
            return []

    async def main() -> None:
        coalescer = Coalescer(Short(MemoryBackend()))
        with pytest.raises(StorageError, match="0 results for 1 calls"):
            await asyncio.wait_for(coalescer.get(SPACE, key(1)), 5)

    asyncio.run(main())


def test_interrupted_lane_tells_its_callers_that_the_outcome_is_unknown() -> None:
    async def script(store: Recorder, coalescer: Coalescer) -> None:
        store.gate = asyncio.Event()
        others = asyncio.all_tasks()
        call = asyncio.create_task(coalescer.mutate(put(1)))
        await idle()
        (lane,) = asyncio.all_tasks() - others - {call}
        lane.cancel()
        with pytest.raises(Ambiguous):
            await call
        store.gate.set()
        assert isinstance(await coalescer.mutate(put(1)), Put)

    play(script)
