"""Entry 58: batches, and transactions of other processes, wait for a transaction under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from extenddb.engine import Caller, Engine
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import Decision, Mutation

TABLE: dict[str, Any] = {
    "TableName": "tab",
    "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
BATCH = {"RequestItems": {"tab": [{"PutRequest": {"Item": {"p": {"S": "a"}, "by": {"S": "batch"}}}}]}}
READ = {"TransactItems": [{"Get": {"TableName": "tab", "Key": {"p": {"S": "a"}}}}]}


def write(by: str) -> dict[str, Any]:
    return {"TransactItems": [{"Put": {"TableName": "tab", "Item": {"p": {"S": "a"}, "by": {"S": by}}}}]}


async def rivals(backend: MemoryBackend, *, operation: str, request: dict[str, Any], same: bool) -> list[Any]:
    """Return the answers of a transaction that the store makes wait and of who came meanwhile."""
    engines = [Engine(backend), Engine(backend)]
    await engines[0].execute("CreateTable", Caller(), TABLE)
    began, go = asyncio.Event(), asyncio.Event()
    transact: Callable[[Sequence[Mutation]], Awaitable[list[Decision]]] = backend.items.transact

    async def halted(mutations: Sequence[Mutation]) -> list[Decision]:
        if not began.is_set():
            began.set()
            await go.wait()
        return await transact(mutations)

    backend.items.transact = halted  # type: ignore[method-assign]
    first = asyncio.create_task(engines[0].execute("TransactWriteItems", Caller(), write("first")))
    await began.wait()
    second = asyncio.create_task(engines[0 if same else 1].execute(operation, Caller(), request))
    await asyncio.sleep(0)
    go.set()
    answers = [await first, await second]
    for engine in engines:
        await engine.close()
    return answers


def test_a_batch_is_written() -> None:
    answers = asyncio.run(rivals(MemoryBackend(), operation="BatchWriteItem", request=BATCH, same=True))
    assert answers == [{}, {"UnprocessedItems": {}}]


def test_a_transaction_of_another_process_is_applied_too() -> None:
    answers = asyncio.run(rivals(MemoryBackend(), operation="TransactWriteItems", request=write("second"), same=False))
    assert answers == [{}, {}]


def test_a_snapshot_of_another_process_is_read() -> None:
    answers = asyncio.run(rivals(MemoryBackend(), operation="TransactGetItems", request=READ, same=False))
    assert len(answers[1]["Responses"]) == 1
