"""The epoch follows from the edit: what operations on items depend on, and that they look at nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from definition_kit import (
    CALLER,
    EVERY_BY_KEY,
    TAB,
    indexed,
    put,
)

from extenddb.engine import Engine, codec
from extenddb.engine.tables.cache import Tables
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import TableRecord

EDITS: dict[str, tuple[bool, Callable[[Table], Table]]] = {
    # what: (whether writes or reads of items depend on it, the edit)
    "nothing": (False, lambda it: it.edited()),
    "tags": (False, lambda it: it.edited(settings={**it.settings, "Tags": {"a": "b"}})),
    "protection": (False, lambda it: it.edited(description={**it.description, "DeletionProtectionEnabled": True})),
    "a stream": (
        True,
        lambda it: it.edited(settings={"Captures": {"Stream": {"Stream": "s", "Old": True, "New": True}}}),
    ),
    "time to live": (True, lambda it: it.edited(settings={"TimeToLive": {"AttributeName": "t"}})),
    "being filled": (True, lambda it: it.edited(settings={"Filling": True})),
    "an index": (True, lambda it: it.edited(index_ids={}, description=_without_index(it))),
    "a projection": (True, lambda it: it.edited(description=_projecting_keys(it))),
    "an index that is filled": (False, lambda it: it.edited(description=_backfilling(it))),
    "a hidden index": (True, lambda it: it.edited(hidden=("ttl",))),
}


def _without_index(it: Table) -> dict[str, Any]:
    return {name: value for name, value in it.description.items() if name != "GlobalSecondaryIndexes"}


def _projecting_keys(it: Table) -> dict[str, Any]:
    index = {**it.description["GlobalSecondaryIndexes"][0], "Projection": {"ProjectionType": "KEYS_ONLY"}}
    return {**it.description, "GlobalSecondaryIndexes": [index]}


def _backfilling(it: Table) -> dict[str, Any]:
    index = {**it.description["GlobalSecondaryIndexes"][0], "Backfilling": True}
    return {**it.description, "GlobalSecondaryIndexes": [index]}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_takes_the_next_epoch_when_items_depend_on_it(what: str) -> None:
    depends, edit = EDITS[what]

    async def made() -> TableRecord:
        backend = MemoryBackend()
        await Engine(backend).execute("CreateTable", CALLER, indexed())
        record = await backend.catalog.find(CALLER.account, TAB)
        assert record is not None
        return record

    before = from_record(asyncio.run(made()))
    after = edit(before)
    assert after.space.epoch == before.space.epoch + depends
    assert after.record.space == after.space
    assert from_record(after.record) == after


class Sealed(Mapping[str, Any]):
    """A part of a table that nobody may look at."""

    def __getitem__(self, key: str) -> Any:
        raise AssertionError(f"{key} can change without the store's refusing whoever has not heard of it")

    def __iter__(self) -> Iterator[str]:
        return iter(self[""])

    def __len__(self) -> int:
        return len(self[""])


@pytest.mark.parametrize("case", range(len(EVERY_BY_KEY)), ids=[operation for operation, _ in EVERY_BY_KEY])
def test_operations_on_items_look_at_nothing_but_the_shape(case: int) -> None:
    operation, request = EVERY_BY_KEY[case]

    async def run() -> None:
        engine = Engine(MemoryBackend())
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        await engine.execute("CreateTable", CALLER, {**indexed(), "StreamSpecification": stream})
        _seal(engine, await engine.context.tables.require(CALLER.account, TAB))
        await engine.execute("PutItem", CALLER, put(TAB, {"S": "a"}, g={"S": "x"}))
        asked = {"ReturnConsumedCapacity": "INDEXES"} if operation != "BatchExecuteStatement" else {}
        answer = await engine.execute(operation, CALLER, {**request(TAB, {"S": "a"}), **asked})
        assert "Error" not in codec.dump(answer).decode()
        await engine.close()

    asyncio.run(run())


def _seal(engine: Engine, found: Table) -> None:
    tables = Tables(engine.context.backend.catalog, max_age=1e9)
    sealed = replace(found, description=Sealed(), settings=Sealed(), index_ids=Sealed())

    async def require(_namespace: str, _name: str) -> Table:
        return sealed

    tables.require = require  # type: ignore[method-assign, assignment]
    engine.context.tables = tables
