"""The checking wrapper finds what either side breaks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from extenddb.core.types.keys import Key
from extenddb.storage import contract, spi
from extenddb.storage.conformance.values import added, blind_put, key, partition, put
from extenddb.storage.contract import checked
from extenddb.storage.errors import Conflict, ContractViolation, NotFound, SchemaMismatch
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.memory.items import MemoryItems
from extenddb.storage.model import (
    Decision,
    Delete,
    Keep,
    Mutation,
    Page,
    PointRead,
    Position,
    Put,
    RangeRead,
    Reject,
    Row,
    ScanRead,
    Space,
    TableRecord,
)
from extenddb.storage.spi import Backend

SPACE = Space(id="t", indexes=("i",))
RANGE = RangeRead(space=SPACE, partition=partition(1), max_bytes=1000)
SCAN = ScanRead(space=SPACE, max_bytes=1000)
AFTER = Position(key(1, b"a"))

Call = Callable[[Backend], Awaitable[object]]


def deciding(decision: object, *, blind: bool = False) -> Call:
    mutation = Mutation(SPACE, key(5), lambda old: decision, blind=blind)  # type: ignore[arg-type,return-value]
    return lambda store: store.items.mutate([mutation])


CALLER: dict[str, Call] = {
    "space id": lambda s: s.items.get([PointRead(Space(id="Not-Good"), key(1))]),
    "digest": lambda s: s.items.get([PointRead(SPACE, Key(b"short", b""))]),
    "sort key": lambda s: s.items.get([PointRead(SPACE, key(1, b"x" * 1025))]),
    "sort key of an entry": deciding(Put(b"", 0, added("i", key(9, b"x" * 8199)))),
    "limit": lambda s: s.items.read_range(replace(RANGE, limit=0)),
    "bytes": lambda s: s.items.scan(replace(SCAN, max_bytes=0)),
    "unknown index": lambda s: s.items.scan(replace(SCAN, index="x")),
    "base key over a table": lambda s: s.items.read_range(replace(RANGE, after=Position(key(1), key(1)))),
    "no base key in an index": lambda s: s.items.read_range(replace(RANGE, index="i", after=AFTER)),
    "position elsewhere": lambda s: s.items.read_range(replace(RANGE, after=Position(key(2)))),
    "long bound": lambda s: s.items.scan(replace(SCAN, lower=b"x" * 25)),
    "same key twice": lambda s: s.items.transact([put(SPACE, key(1)), put(SPACE, key(1))]),
    "no decision": deciding(None),
    "delete of nothing": deciding(Delete()),
    "blind keep": deciding(Keep(), blind=True),
    "blind reject": deciding(Reject(), blind=True),
    "blind entry": deciding(Put(b"", 0, added("i", key(9))), blind=True),
    "entries of nothing": deciding(Keep(added("i", key(9)))),
    "decision about an unknown index": deciding(Put(b"", 0, added("x", key(9)))),
    "an index twice": deciding(Put(b"", 0, added("i", key(9)) * 2)),
    "negative size": deciding(Put(b"", -1)),
    "names limit": lambda s: s.catalog.names("n", limit=0),
    "version of a new record": lambda s: s.catalog.create(
        TableRecord(namespace="n", name="y", space=Space(id="y"), version=2, document=b"")
    ),
    "buckets": lambda s: s.streams.read("s", buckets=(0, 5000), limit=1, max_bytes=1),
    "stream bytes": lambda s: s.streams.read("s", limit=1, max_bytes=0),
    "stream id": lambda s: s.streams.last("NO"),
}


class Wrong(MemoryItems):
    """Answers and errors as a test wants them."""

    answer: Any = None
    error: Exception | None = None

    async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
        return await self._wrong()  # type: ignore[no-any-return]

    async def read_range(self, read: RangeRead) -> Page:
        return await self._wrong()  # type: ignore[no-any-return]

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        return await self._wrong()  # type: ignore[no-any-return]

    async def _wrong(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.answer


def row(sort: bytes, size: int = 10, number: int = 1) -> Row:
    return Row(key(number, sort), b"x", size, 1)


PAGES: dict[str, tuple[RangeRead, Page]] = {
    "order": (RANGE, Page([row(b"b"), row(b"a")], False)),
    "reverse order": (replace(RANGE, reverse=True), Page([row(b"a"), row(b"b")], False)),
    "twice": (replace(RANGE, index="i"), Page([row(b"a"), row(b"a")], False)),
    "over the limit": (replace(RANGE, limit=1), Page([row(b"a"), row(b"b")], True)),
    "over the bytes": (replace(RANGE, max_bytes=5), Page([row(b"a"), row(b"b")], True)),
    "stopped for nothing": (RANGE, Page([row(b"a")], True)),
    "stopped and silent": (replace(RANGE, limit=1), Page([row(b"a")], False)),
    "below": (replace(RANGE, lower=b"b"), Page([row(b"a")], False)),
    "above": (replace(RANGE, upper=b"a"), Page([row(b"a")], False)),
    "the position itself": (replace(RANGE, after=AFTER), Page([row(b"a")], False)),
    "another partition": (RANGE, Page([row(b"a", number=2)], False)),
    "version": (RANGE, Page([Row(key(1), b"x", 1, 0)], False)),
}


def play(script: Callable[[Backend, MemoryBackend], Awaitable[None]]) -> None:
    async def main() -> None:
        backend = MemoryBackend()
        await backend.catalog.create(TableRecord(namespace="n", name="x", space=SPACE, document=b""))
        await script(checked(backend), backend)

    asyncio.run(main())


@pytest.mark.parametrize("name", CALLER)
def test_a_callers_mistake_is_found_and_changes_nothing(name: str) -> None:
    async def script(store: Backend, backend: MemoryBackend) -> None:
        with pytest.raises(ContractViolation):
            await CALLER[name](store)
        assert (await backend.items.scan(SCAN)).rows == []

    play(script)


@pytest.mark.parametrize("name", PAGES)
def test_a_wrong_page_is_found(name: str) -> None:
    async def script(store: Backend, backend: MemoryBackend) -> None:
        wrong = Wrong(backend.state, backend._enter)
        read, wrong.answer = PAGES[name]
        vars(backend)["items"] = wrong
        with pytest.raises(ContractViolation):
            await checked(backend).items.read_range(read)

    play(script)


@pytest.mark.parametrize("answer", [[], [row(b"a"), None], [row(b"b")], [row(b"a")._replace(version=0)]])
def test_wrong_rows_are_found(answer: list[Row | None]) -> None:
    async def script(store: Backend, backend: MemoryBackend) -> None:
        wrong = Wrong(backend.state, backend._enter)
        wrong.answer = answer
        vars(backend)["items"] = wrong
        with pytest.raises(ContractViolation):
            await checked(backend).items.get([PointRead(SPACE, key(1, b"a"))])

    play(script)


@pytest.mark.parametrize("answer", [[], [Put(b"x", 1)], [Keep(), Keep()]])
def test_decisions_that_nobody_took_are_found(answer: list[Decision]) -> None:
    async def script(store: Backend, backend: MemoryBackend) -> None:
        wrong = Wrong(backend.state, backend._enter)
        wrong.answer = answer
        vars(backend)["items"] = wrong
        with pytest.raises(ContractViolation):
            await checked(backend).items.mutate([put(SPACE, key(1))])

    play(script)


@pytest.mark.parametrize("error", [KeyError("x"), NotFound("x"), Conflict("x")])
def test_an_error_that_may_not_leave_a_method_is_found(error: Exception) -> None:
    async def script(store: Backend, backend: MemoryBackend) -> None:
        wrong = Wrong(backend.state, backend._enter)
        wrong.error = error
        vars(backend)["items"] = wrong
        with pytest.raises(ContractViolation) as caught:
            await checked(backend).items.get([PointRead(SPACE, key(1))])
        assert caught.value.__cause__ is error

    play(script)


def test_legal_errors_and_exceptions_of_decide_pass() -> None:
    def boom(old: Row | None) -> Decision:
        raise ZeroDivisionError

    async def script(store: Backend, backend: MemoryBackend) -> None:
        with pytest.raises(SchemaMismatch):
            await store.items.mutate([put(replace(SPACE, epoch=5), key(1))])
        with pytest.raises(ZeroDivisionError):
            await store.items.mutate([blind_put(SPACE, key(1), b"x"), Mutation(SPACE, key(2), boom)])
        with pytest.raises(NotFound):
            await store.catalog.drop(Space(id="nosuch"))

    play(script)


def test_the_table_of_errors_names_every_method_of_the_contract() -> None:
    ports = [
        ("catalog", spi.Catalog),
        ("items", spi.Items),
        ("items", spi.VectorItems),
        ("items", spi.BulkItems),
        ("streams", spi.Streams),
    ]
    ports += [("documents", spi.Documents), ("leases", spi.Leases)]
    methods = {
        f"{name}.{method}"
        for name, port in ports
        for method, member in vars(port).items()
        if inspect.iscoroutinefunction(member)
    }
    assert set(contract.LEGAL) == methods | {"ping", "close"}
