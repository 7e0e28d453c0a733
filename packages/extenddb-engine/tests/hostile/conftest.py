"""Counting what a request makes the interpreter do: the same number on every machine, however busy."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec
from extenddb.storage.memory import MemoryBackend

SCHEMA = {
    "TableName": "tab",
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class Bench:
    """An engine over memory with one table, whose requests are counted."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.engine = Engine(MemoryBackend(), EngineSettings(settle_seconds=0.0))
        self.execute("CreateTable", dict(SCHEMA))

    def execute(self, operation: str, payload: Any) -> dict[str, Any]:
        """Answer a request; raises ServiceError."""
        return self._runner.run(self.engine.execute(operation, Caller(), payload))

    def answer(self, operation: str, payload: Any) -> tuple[str, int]:
        """Return the text of the error, empty for none, and the bytes of the answer."""
        try:
            return "", len(codec.dump(self.execute(operation, payload)))
        except ServiceError as error:
            return error.message, len(codec.dump(error.body()))

    def calls(self, operation: str, payload: Any) -> int:
        """Return how many functions, of Python and of C, are called to answer a request."""
        self.answer(operation, payload)  # what is made once and kept is no work of the second request
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            self.answer(operation, payload)
        finally:
            sys.setprofile(None)
        return count

    def close(self) -> None:
        """Finish what is queued."""
        self._runner.run(self.engine.close())


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench of each test's own."""
    with asyncio.Runner() as runner:
        bench = Bench(runner)
        yield bench
        bench.close()


@pytest.fixture
def no_collections() -> Iterator[Callable[[], int]]:
    """No garbage collection but when called: what has gone then has gone by its references alone."""
    gc.collect()
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.enable()
