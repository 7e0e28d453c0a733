"""Requests that a definition decides about, and two engines over one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec
from extenddb.engine.jobs.runner import Jobs
from extenddb.engine.jobs.table import STEPS
from extenddb.engine.tables.cache import Tables
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.memory.state import State
from extenddb.storage.registry import load_backend
from extenddb.storage.spi import Backend

CALLER: Final = Caller()
TAB: Final = "tab"
Request: TypeAlias = dict[str, Any]
Value: TypeAlias = dict[str, Any]


def literal(value: Value) -> str:
    """Return a value as PartiQL writes it."""
    ((kind, content),) = value.items()
    return f"'{content}'" if kind == "S" else str(content)


def put(table: str, key: Value, **more: Value) -> Request:
    return {"TableName": table, "Item": {"p": key, **more}}


def update(table: str, key: Value) -> Request:
    values = {":one": {"N": "1"}}
    return {
        "TableName": table,
        "Key": {"p": key},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": values,
    }


# How each operation names the table's item with a key: refused where the key's type is another one.
BY_KEY: Mapping[str, Callable[[str, Value], Request]] = {
    "GetItem": lambda table, key: {"TableName": table, "Key": {"p": key}},
    "PutItem": put,
    "UpdateItem": update,
    "DeleteItem": lambda table, key: {"TableName": table, "Key": {"p": key}},
    "Query": lambda table, key: {
        "TableName": table,
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": key},
    },
    "Scan": lambda table, key: {"TableName": table, "ExclusiveStartKey": {"p": key}},
    "BatchGetItem": lambda table, key: {"RequestItems": {table: {"Keys": [{"p": key}]}}},
    "BatchWriteItem": lambda table, key: {"RequestItems": {table: [{"PutRequest": {"Item": {"p": key}}}]}},
    "TransactGetItems": lambda table, key: {"TransactItems": [{"Get": {"TableName": table, "Key": {"p": key}}}]},
    "TransactWriteItems": lambda table, key: {"TransactItems": [{"Put": put(table, key)}]},
    "ExecuteStatement": lambda table, key: {"Statement": f"SELECT * FROM {table} WHERE p = {literal(key)}"},
    "BatchExecuteStatement": lambda table, key: {
        "Statements": [{"Statement": f"DELETE FROM {table} WHERE p = {literal(key)}"}]
    },
    "ExecuteTransaction": lambda table, key: {
        "TransactStatements": [{"Statement": f"SELECT * FROM {table} WHERE p = {literal(key)}"}]
    },
}
MORE_BY_KEY: tuple[tuple[str, Callable[[str, Value], Request]], ...] = (
    ("ExecuteStatement", lambda table, key: {"Statement": f"UPDATE {table} SET a = 1 WHERE p = {literal(key)}"}),
    (
        "BatchExecuteStatement",
        lambda table, key: {"Statements": [{"Statement": f"SELECT * FROM {table} WHERE p = {literal(key)}"}]},
    ),
    (
        "ExecuteTransaction",
        lambda table, key: {"TransactStatements": [{"Statement": f"DELETE FROM {table} WHERE p = {literal(key)}"}]},
    ),
    (
        "TransactWriteItems",
        lambda table, key: {
            "TransactItems": [
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": {"p": key},
                        "ConditionExpression": "attribute_not_exists(zz)",
                    }
                }
            ]
        },
    ),
    ("TransactWriteItems", lambda table, key: {"TransactItems": [{"Update": update(table, key)}]}),
    (
        "BatchWriteItem",
        lambda table, key: {"RequestItems": {table: [{"DeleteRequest": {"Key": {"p": key}}}]}},
    ),
)
"""Other requests of the same operations."""
EVERY_BY_KEY = (*BY_KEY.items(), *MORE_BY_KEY)

# Writes of an item whose attribute `g` is the key of an index: refused where it is not a string.
BY_INDEX_KEY: tuple[tuple[str, Request], ...] = (
    ("PutItem", put(TAB, {"S": "a"}, g={"N": "1"})),
    (
        "UpdateItem",
        {
            "TableName": TAB,
            "Key": {"p": {"S": "b"}},
            "UpdateExpression": "SET g = :g",
            "ExpressionAttributeValues": {":g": {"N": "1"}},
        },
    ),
    ("BatchWriteItem", {"RequestItems": {TAB: [{"PutRequest": {"Item": {"p": {"S": "c"}, "g": {"N": "1"}}}}]}}),
    ("TransactWriteItems", {"TransactItems": [{"Put": put(TAB, {"S": "d"}, g={"N": "1"})}]}),
    ("ExecuteStatement", {"Statement": f"INSERT INTO {TAB} VALUE {{'p': 'e', 'g': 1}}"}),
    ("BatchExecuteStatement", {"Statements": [{"Statement": f"INSERT INTO {TAB} VALUE {{'p': 'f', 'g': 1}}"}]}),
    ("ExecuteTransaction", {"TransactStatements": [{"Statement": f"INSERT INTO {TAB} VALUE {{'p': 'h', 'g': 1}}"}]}),
)
# Reads of an index: refused where there is none.
BY_INDEX: tuple[tuple[str, Request], ...] = (
    (
        "Query",
        {
            "TableName": TAB,
            "IndexName": "gix",
            "KeyConditionExpression": "g = :g",
            "ExpressionAttributeValues": {":g": {"S": "x"}},
        },
    ),
    ("Scan", {"TableName": TAB, "IndexName": "gix"}),
    ("ExecuteStatement", {"Statement": f'SELECT * FROM "{TAB}"."gix" WHERE g = \'x\''}),
)
SEARCH: Request = {"TableName": TAB, "IndexName": "vec", "SearchVector": [{"N": "1"}, {"N": "2"}], "TopK": 3}
GLOBAL: Request = {
    "IndexName": "gix",
    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
VECTORS: Request = {
    "IndexName": "vec",
    "VectorAttribute": {"AttributeName": "v"},
    "Dimensions": 2,
    "DistanceFunction": "EUCLIDEAN",
    "Projection": {"ProjectionType": "ALL"},
}


def table(kind: str = "S", **members: Any) -> Request:
    """Return a CreateTable request with a key of a type."""
    return {
        "TableName": TAB,
        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": kind}],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **members,
    }


def indexed() -> Request:
    """Return a CreateTable request with the index."""
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("g", "p")]
    return {**table(), "AttributeDefinitions": definitions, "GlobalSecondaryIndexes": [GLOBAL]}


class Pair:
    """Two engines over one store: `knower` keeps for ever what it has read once."""

    def __init__(self, runner: asyncio.Runner, first: Backend, second: Backend) -> None:
        self._runner = runner
        settings = EngineSettings(settle_seconds=0.0)
        self.changer, self.knower = Engine(first, settings), Engine(second, settings)
        self.knower.context.tables = Tables(second.catalog, max_age=1e9)

    def __call__(self, engine: Engine, operation: str, request: Request) -> Any:
        answer = self._runner.run(engine.execute(operation, CALLER, codec.parse(codec.dump(request))))
        return codec.parse(codec.dump(answer))

    def change(self, operation: str, **request: Any) -> Any:
        """Change something, and do the work behind it."""
        answer = self(self.changer, operation, request)
        self._runner.run(_work(self.changer))
        return answer

    def recreate(self, request: Request) -> None:
        """Put another table in the place of the one there is."""
        self.change("DeleteTable", TableName=TAB)
        self.change("CreateTable", **request)

    def learn(self) -> None:
        """Let the knower remember the table as it is now."""
        tables = self.knower.context.tables
        self._runner.run(tables.load(self.knower.context.namespace(CALLER), TAB))
        remembered = tables.remembered
        self._runner.run(tables.require(self.knower.context.namespace(CALLER), TAB))
        assert tables.remembered == remembered + 1

    def refusal(self, engine: Engine, operation: str, request: Request) -> object:
        """Return how a request is refused, in whole or in one of its statements; None when it is not."""
        try:
            answer = self(engine, operation, request)
        except ServiceError as error:
            return error.kind.name, error.message, error.members
        errors = [each["Error"] for each in answer.get("Responses", ()) if "Error" in each]
        return errors or None

    def refused(self, operation: str, request: Request) -> None:
        """Check that the knower refuses a request in the words of one that knows nothing."""
        told = self.refusal(self.knower, operation, request)
        assert told is not None
        assert told == self.refusal(Engine(self.changer.context.backend), operation, request)

    def accepted(self, operation: str, request: Request) -> None:
        """Check that the knower does not refuse a request."""
        assert self.refusal(self.knower, operation, request) is None


async def _work(engine: Engine) -> None:
    jobs = Jobs(engine.context, STEPS, ())
    while await jobs.tick():
        pass


@contextmanager
def two_engines(name: str) -> Iterator[Pair]:
    """Open two engines over one empty store."""
    with asyncio.Runner() as runner:
        if name == "memory":
            state = State()
            first, second = MemoryBackend(state=state), MemoryBackend(state=state)
            yield Pair(runner, first, second)
            return
        plugin = load_backend(name)
        provision = plugin.provision({"memory": "true"})
        given = runner.run(provision.__aenter__())
        stores = [runner.run(plugin.open(given)) for _ in range(2)]
        pair = Pair(runner, *stores)
        yield pair
        for engine, store in zip((pair.changer, pair.knower), stores, strict=True):
            runner.run(engine.close())
            runner.run(store.close())
        runner.run(provision.__aexit__(None, None, None))
