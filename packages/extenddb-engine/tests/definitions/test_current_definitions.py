"""No process answers by a definition of a table that is no longer in force: two engines over one store.

One engine changes tables, the other knows them from before and never reads a definition again because of its age. All
operations stand in tables; one that is not there fails a test.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pytest
from definition_kit import (
    BY_INDEX,
    BY_INDEX_KEY,
    BY_KEY,
    CALLER,
    EVERY_BY_KEY,
    GLOBAL,
    SEARCH,
    TAB,
    VECTORS,
    Pair,
    Request,
    put,
    table,
    two_engines,
)

from extenddb.engine import Caller, Engine
from extenddb.engine import engine as engine_module
from extenddb.engine.context import Context
from extenddb.engine.operations import BY_MEMORY, OPERATIONS
from extenddb.storage.coalesce import Coalescer
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import Decision, Mutation


def test_every_operation_on_items_stands_in_the_tables() -> None:
    assert set(BY_KEY) | {"SearchVectors"} == BY_MEMORY
    writes = {"PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems"}
    statements = {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}
    assert {operation for operation, _ in BY_INDEX_KEY} == writes | statements


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_only_operations_on_items_meet_remembered_tables(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[bool] = []

    async def spy(context: Context, _caller: Caller, _request: object) -> dict[str, Any]:
        met.append(context.is_current)
        return {}

    monkeypatch.setattr(engine_module, "OPERATIONS", {operation: spy})
    monkeypatch.setattr(engine_module, "decode", lambda _operation, payload: payload)
    asyncio.run(Engine(MemoryBackend()).execute(operation, CALLER, {}))
    assert met == [operation not in BY_MEMORY]


@pytest.mark.parametrize("case", range(len(EVERY_BY_KEY)), ids=[operation for operation, _ in EVERY_BY_KEY])
def test_a_table_made_anew_with_a_key_of_another_type(pair: Pair, case: int) -> None:
    operation, request = EVERY_BY_KEY[case]
    pair.change("CreateTable", **table("S"))
    pair.learn()
    pair.recreate(table("N"))
    pair.change("PutItem", **put(TAB, {"N": "1"}))
    pair.accepted(operation, request(TAB, {"N": "1"}))
    pair.recreate(table("S"))
    pair.refused(operation, request(TAB, {"N": "1"}))


@pytest.mark.parametrize("case", range(len(EVERY_BY_KEY)), ids=[operation for operation, _ in EVERY_BY_KEY])
def test_a_table_that_is_gone(pair: Pair, case: int) -> None:
    operation, request = EVERY_BY_KEY[case]
    pair.change("CreateTable", **table("S"))
    pair.learn()
    pair.change("DeleteTable", TableName=TAB)
    pair.refused(operation, request(TAB, {"N": "1"}))
    pair.refused(operation, request(TAB, {"S": "a"}))
    pair.change("CreateTable", **table("S"))
    pair.change("PutItem", **put(TAB, {"S": "a"}))
    pair.accepted(operation, request(TAB, {"S": "a"}))


def _change_index(pair: Pair, **update: Request) -> None:
    definitions = [{"AttributeName": "g", "AttributeType": "S"}] if "Create" in update else []
    pair.change(
        "UpdateTable",
        TableName=TAB,
        GlobalSecondaryIndexUpdates=[update],
        **({"AttributeDefinitions": definitions} if definitions else {}),
    )


@pytest.mark.parametrize("case", range(len(BY_INDEX_KEY)), ids=[operation for operation, _ in BY_INDEX_KEY])
def test_a_write_is_judged_by_the_indexes_there_are(pair: Pair, case: int) -> None:
    operation, request = BY_INDEX_KEY[case]
    pair.change("CreateTable", **table())
    pair.learn()
    _change_index(pair, Create=GLOBAL)
    pair.refused(operation, request)
    _change_index(pair, Delete={"IndexName": "gix"})
    pair.accepted(operation, request)


@pytest.mark.parametrize("case", range(len(BY_INDEX)), ids=[operation for operation, _ in BY_INDEX])
def test_an_index_is_read_as_soon_as_it_is_active_and_not_once_it_is_gone(pair: Pair, case: int) -> None:
    operation, request = BY_INDEX[case]
    pair.change("CreateTable", **table())
    pair.learn()
    pair(pair.changer, "UpdateTable", _creating())
    pair.refused(operation, request)  # by an index that is being filled: this is what is remembered then
    pair.change("PutItem", **put(TAB, {"S": "a"}, g={"S": "x"}))
    pair.accepted(operation, request)
    _change_index(pair, Delete={"IndexName": "gix"})
    pair.refused(operation, request)


def _creating() -> Request:
    definitions = [{"AttributeName": "g", "AttributeType": "S"}]
    return {
        "TableName": TAB,
        "AttributeDefinitions": definitions,
        "GlobalSecondaryIndexUpdates": [{"Create": GLOBAL}],
    }


def test_an_index_of_vectors_is_searched_as_soon_as_it_is_active_and_not_once_it_is_gone(pair: Pair) -> None:
    pair.change("CreateTable", **table())
    pair.learn()
    pair.refused("SearchVectors", SEARCH)
    pair.change("UpdateTable", TableName=TAB, VectorIndexUpdates=[{"Create": VECTORS}])
    pair.accepted("SearchVectors", SEARCH)
    short = put(TAB, {"S": "a"}, v={"L": [{"N": "1"}]})
    pair.refused("PutItem", short)
    pair.change("UpdateTable", TableName=TAB, VectorIndexUpdates=[{"Delete": {"IndexName": "vec"}}])
    pair.refused("SearchVectors", SEARCH)
    pair.accepted("PutItem", short)
    pair.change("DeleteTable", TableName=TAB)
    pair.refused("SearchVectors", SEARCH)


OTHER: Final = "other"
BATCH: Request = {
    "RequestItems": {
        name: [{"PutRequest": {"Item": {"p": {"S": "a"}}}}, {"DeleteRequest": {"Key": {"p": {"S": "b"}}}}]
        for name in (OTHER, TAB)
    }
}


@pytest.mark.parametrize("left", [None, "gone", "another key"])
def test_what_a_batch_has_applied_is_not_applied_again(left: str | None) -> None:
    with two_engines("memory") as pair:
        pair.change("CreateTable", **{**table(), "TableName": OTHER})
        pair.change("CreateTable", **table())
        pair(pair.knower, "BatchWriteItem", BATCH)
        for name in (OTHER, TAB):
            pair.change("PutItem", **put(name, {"S": "b"}))
        if left is None:
            _change_index(pair, Create=GLOBAL)
        else:
            pair.change("DeleteTable", TableName=TAB)
        if left == "another key":
            pair.change("CreateTable", **table("N"))
        mutated = _count_mutations(pair.knower)
        answer = pair(pair.knower, "BatchWriteItem", BATCH)
        assert answer["UnprocessedItems"] == ({} if left is None else {TAB: BATCH["RequestItems"][TAB]})
        assert +mutated == {OTHER: 2, **({TAB: 2} if left is None else {})}


def _count_mutations(engine: Engine) -> Counter[str]:
    """Count what is applied from now on, by table."""
    counted: Counter[str] = Counter()
    items, tables = engine.context.backend.items, engine.context.tables
    mutate = items.mutate

    async def counting(mutations: Sequence[Mutation]) -> list[Decision]:
        decisions = await mutate(mutations)
        for mutation in mutations:
            for name in (OTHER, TAB):
                known = await tables.load(CALLER.account, name)
                counted[name] += known is not None and known.space.id == mutation.space.id
        return decisions

    items.mutate = counting  # type: ignore[method-assign]
    engine.context.items = Coalescer(items)
    return counted


def test_a_write_is_recorded_by_the_streams_there_are(pair: Pair) -> None:
    pair.change("CreateTable", **table())
    pair.learn()
    images = []
    for number, view in enumerate(("NEW_IMAGE", "OLD_IMAGE", "NEW_IMAGE")):
        stream = {"StreamEnabled": True, "StreamViewType": view}
        shown = pair.change("UpdateTable", TableName=TAB, StreamSpecification=stream)["TableDescription"]
        pair.accepted("PutItem", put(TAB, {"S": "a"}, n={"N": str(number)}))
        images.append(_images(pair, shown["LatestStreamArn"]))
        pair.change("UpdateTable", TableName=TAB, StreamSpecification={"StreamEnabled": False})
        pair.accepted("PutItem", put(TAB, {"S": "a"}, n={"N": f"-{number + 1}"}))
        assert len(_images(pair, shown["LatestStreamArn"])) == 1
    assert images == [[{"NewImage": "0"}], [{"OldImage": "-1"}], [{"NewImage": "2"}]]


def _images(pair: Pair, arn: str) -> list[dict[str, str]]:
    described = pair(pair.knower, "DescribeStream", {"StreamArn": arn})["StreamDescription"]
    where = {"StreamArn": arn, "ShardId": described["Shards"][0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = pair(pair.knower, "GetShardIterator", where)["ShardIterator"]
    records = pair(pair.knower, "GetRecords", {"ShardIterator": iterator})["Records"]
    return [
        {image: each["dynamodb"][image]["n"]["N"] for image in ("OldImage", "NewImage") if image in each["dynamodb"]}
        for each in records
    ]


def test_what_expires_is_noted_by_the_attribute_there_is(pair: Pair) -> None:
    pair.change("CreateTable", **table())
    pair.learn()
    for name in ("one", "other"):
        specification = {"Enabled": True, "AttributeName": name}
        pair.change("UpdateTimeToLive", TableName=TAB, TimeToLiveSpecification=specification)
        pair.accepted("PutItem", put(TAB, {"S": name}, **{name: {"N": "1700000000"}}))
        assert _entries(pair) == 1
        pair.change("UpdateTimeToLive", TableName=TAB, TimeToLiveSpecification={**specification, "Enabled": False})
        pair.accepted("DeleteItem", {"TableName": TAB, "Key": {"p": {"S": name}}})


def _entries(pair: Pair) -> int:
    """Return how many items the hidden index holds."""
    context = pair.changer.context

    async def count() -> int:
        found = await context.tables.load(context.namespace(CALLER), TAB)
        assert found is not None
        return (await context.backend.catalog.estimate(found.space))["ttl"].rows

    return pair._runner.run(count())
