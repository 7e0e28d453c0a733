"""Engines to search vectors with: over a store that looks at all, over PostgreSQL, over one that keeps no vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec
from extenddb.engine.jobs.runner import Jobs
from extenddb.engine.jobs.table import STEPS
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.registry import load_backend

STORES = ("memory", "plain", pytest.param("postgres", marks=pytest.mark.postgres))


def listed(vector: Any) -> dict[str, Any]:
    """Return a vector as an attribute value."""
    return {"L": [{"N": repr(component)} for component in vector]}


def index(name: str = "vec", **members: Any) -> dict[str, Any]:
    """Return a vector index of a request."""
    return {
        "IndexName": name,
        "VectorAttribute": {"AttributeName": "v"},
        "Dimensions": 2,
        "DistanceFunction": "EUCLIDEAN",
        "Projection": {"ProjectionType": "ALL"},
        **members,
    }


def schema(**kinds: str) -> list[dict[str, str]]:
    """Return a SearchSchema of attributes and their kinds."""
    return [{"AttributeName": name, "SearchSchemaElementType": kind} for name, kind in kinds.items()]


class Searcher:
    """An engine and the requests of these tests."""

    listed = staticmethod(listed)
    index = staticmethod(index)
    schema = staticmethod(schema)

    def __init__(self, runner: asyncio.Runner, engine: Engine) -> None:
        self.runner = runner
        self.engine = engine

    def __call__(self, operation: str, **request: Any) -> Any:
        """Return the answer of an operation."""
        return codec.parse(codec.dump(self.runner.run(self.engine.execute(operation, Caller(), request))))

    def refused(self, operation: str, **request: Any) -> str:
        """Return the text with which an operation must be refused as invalid."""
        with pytest.raises(ServiceError) as caught:
            self(operation, **request)
        assert caught.value.kind.name == "ValidationException"
        return caught.value.message

    def work(self) -> None:
        """Do all background work there is."""
        jobs = Jobs(self.engine.context, STEPS, ())

        async def all_of_it() -> None:
            while await jobs.tick():
                pass

        self.runner.run(all_of_it())

    def table(self, name: str, *indexes: dict[str, Any], **members: Any) -> Any:
        """Create a table with vector indexes and return its description."""
        types = {"id": "S", "tenant": "S", "colour": "S", "year": "N"}
        used = {"id"} | {each["AttributeName"] for index in indexes for each in index.get("SearchSchema", ())}
        request = {
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": each, "AttributeType": types[each]} for each in sorted(used)],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            **({"VectorIndexes": list(indexes)} if indexes else {}),
            **members,
        }
        return self("CreateTable", **request)["TableDescription"]

    def put(self, table: str, key: str, vector: Any, **attributes: Any) -> Any:
        """Write an item with a vector; None writes it without one."""
        item = {"id": {"S": key}, **attributes}
        if vector is not None:
            item["v"] = listed(vector)
        return self("PutItem", TableName=table, Item=item)

    def search(self, table: str, vector: Any, condition: str | None = None, top: int = 100, **members: Any) -> Any:
        """Return keys and scores of what is found."""
        answer = self(
            "SearchVectors",
            TableName=table,
            IndexName=members.pop("index", "vec"),
            SearchVector=listed(vector)["L"],
            TopK=top,
            **({"SearchConditionExpression": condition} if condition is not None else {}),
            **members,
        )
        return [(hit["Item"].get("id", {}).get("S"), hit["Score"]) for hit in answer["SearchResults"]]


@contextmanager
def searching(store: str) -> Iterator[Searcher]:
    """Give an engine over a fresh store."""
    plugin = load_backend("memory" if store == "plain" else store)
    with asyncio.Runner() as runner:
        provisioned = plugin.provision({"memory": "true"})
        backend = runner.run(plugin.open(runner.run(provisioned.__aenter__())))
        if store == "plain":
            assert isinstance(backend, MemoryBackend)
            backend.capabilities = replace(backend.capabilities, vectors=False)
        engine = Engine(backend, EngineSettings(settle_seconds=0.0))
        try:
            yield Searcher(runner, engine)
        finally:
            runner.run(engine.close())
            runner.run(backend.close())
            runner.run(provisioned.__aexit__(None, None, None))


@pytest.fixture(scope="module", params=STORES)
def searcher(request: pytest.FixtureRequest) -> Iterator[Searcher]:
    """An engine of each module's own over every kind of store."""
    with searching(request.param) as made:
        yield made


@pytest.fixture(scope="session")
def open_store() -> Callable[[str], AbstractContextManager[Searcher]]:
    """How to open a store of a kind."""
    return searching
