"""Rivals of a transaction under way are refused at once, as the service refuses them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import Decision, Mutation

ONGOING = "Transaction is ongoing for the item"
CONFLICT = {"Code": "TransactionConflict", "Message": ONGOING}
NONE = {"Code": "None"}


def put(key: str) -> dict[str, Any]:
    return {"Put": {"TableName": "tab", "Item": {"p": {"S": key}}}}


class Halted:
    """An engine whose first transaction stands still before the store has decided, until it is told to go on."""

    def __init__(self) -> None:
        self.backend = MemoryBackend()
        self.engine = Engine(self.backend)
        self.go = asyncio.Event()
        self.reached = asyncio.Event()
        transact: Callable[[Sequence[Mutation]], Awaitable[list[Decision]]] = self.backend.items.transact

        async def halted(mutations: Sequence[Mutation]) -> list[Decision]:
            self.reached.set()
            await self.go.wait()
            return await transact(mutations)

        self.backend.items.transact = halted  # type: ignore[method-assign]

    async def call(self, operation: str, **request: Any) -> Any:
        return await self.engine.execute(operation, Caller(), request)

    async def start(self, *actions: dict[str, Any], **members: Any) -> asyncio.Task[Any]:
        """Start a transaction and return once it is under way."""
        await self.call(
            "CreateTable",
            TableName="tab",
            AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        task = asyncio.create_task(self.call("TransactWriteItems", TransactItems=list(actions), **members))
        await self.reached.wait()
        return task

    async def refused(self, operation: str, **request: Any) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            await self.call(operation, **request)
        return caught.value


KEY = {"p": {"S": "a"}}
SINGLE: dict[str, dict[str, Any]] = {
    "PutItem": {"TableName": "tab", "Item": KEY},
    "UpdateItem": {"TableName": "tab", "Key": KEY},
    "DeleteItem": {"TableName": "tab", "Key": KEY},
    "ExecuteStatement": {"Statement": "INSERT INTO tab VALUE {'p': 'a'}"},
}


@pytest.mark.parametrize("operation", list(SINGLE))
def test_single_writes_of_its_items_are_refused_and_others_are_not(operation: str) -> None:
    async def run() -> None:
        halted = Halted()
        task = await halted.start(put("a"))
        error = await halted.refused(operation, **SINGLE[operation])
        assert (error.kind.name, error.message) == ("TransactionConflictException", ONGOING)
        await halted.call("PutItem", TableName="tab", Item={"p": {"S": "b"}})
        assert await halted.call("GetItem", TableName="tab", Key=KEY) == {}, "reads go on"
        halted.go.set()
        await task
        if operation != "ExecuteStatement":  # which would find the item there
            await halted.call(operation, **SINGLE[operation])
        await halted.engine.close()

    asyncio.run(run())


TRANSACTIONS: dict[str, dict[str, Any]] = {
    "TransactWriteItems": {"TransactItems": [put("b"), put("a"), put("c")]},
    "TransactGetItems": {"TransactItems": [{"Get": {"TableName": "tab", "Key": {"p": {"S": key}}}} for key in "bac"]},
    "ExecuteTransaction": {
        "TransactStatements": [{"Statement": f"DELETE FROM tab WHERE p = '{key}'"} for key in "bac"]
    },
}


@pytest.mark.parametrize("held", ["Put", "ConditionCheck"])
@pytest.mark.parametrize("operation", list(TRANSACTIONS))
def test_transactions_that_meet_it_are_canceled_with_the_reason_at_its_place(operation: str, held: str) -> None:
    check = {"TableName": "tab", "Key": KEY, "ConditionExpression": "attribute_not_exists(p)"}

    async def run() -> None:
        halted = Halted()
        task = await halted.start(put("a") if held == "Put" else {held: check})
        error = await halted.refused(operation, **TRANSACTIONS[operation])
        assert error.kind.name == "TransactionCanceledException"
        assert error.members["CancellationReasons"] == [NONE, CONFLICT, NONE]
        assert error.message.endswith("[None, TransactionConflict, None]")
        halted.go.set()
        await task
        await halted.call(operation, **TRANSACTIONS[operation])
        await halted.engine.close()

    asyncio.run(run())


def test_statements_of_a_batch_are_refused_each_by_itself() -> None:
    async def run() -> None:
        halted = Halted()
        task = await halted.start(put("a"))
        statements = [{"Statement": f"INSERT INTO tab VALUE {{'p': '{key}'}}"} for key in "ab"]
        answer = await halted.call("BatchExecuteStatement", Statements=statements)
        assert answer["Responses"] == [{"Error": CONFLICT}, {"TableName": "tab"}]
        halted.go.set()
        await task
        await halted.engine.close()

    asyncio.run(run())


def test_the_same_token_again_is_told_that_the_first_is_under_way() -> None:
    async def run() -> None:
        halted = Halted()
        request: dict[str, Any] = {"TransactItems": [put("a")], "ClientRequestToken": "t"}
        task = await halted.start(put("a"), ClientRequestToken="t")
        error = await halted.refused("TransactWriteItems", **request)
        assert error.kind.name == "TransactionInProgressException"
        assert error.message == "Transaction from previous request is still in progress"
        halted.go.set()
        await task
        assert await halted.call("TransactWriteItems", **request) == {}, "afterwards it is a repetition"
        await halted.engine.close()

    asyncio.run(run())


def test_a_transaction_that_fails_or_is_given_up_holds_nothing_any_more() -> None:
    async def run() -> None:
        halted = Halted()
        check = {"TableName": "tab", "Key": KEY, "ConditionExpression": "attribute_exists(p)"}
        task = await halted.start({"ConditionCheck": check}, ClientRequestToken="t")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        halted.go.set()
        for _ in range(2):
            error = await halted.refused("TransactWriteItems", TransactItems=[{"ConditionCheck": check}])
            assert [reason["Code"] for reason in error.members["CancellationReasons"]] == ["ConditionalCheckFailed"]
        await halted.call("TransactWriteItems", TransactItems=[put("a")], ClientRequestToken="t")
        await halted.engine.close()

    asyncio.run(run())


def test_the_order_of_members_makes_no_other_request() -> None:
    async def run() -> None:
        halted = Halted()
        halted.go.set()
        item = {"p": {"S": "a"}, "m": {"M": {"x": {"N": "1"}, "y": {"S": "s"}}}}
        turned = {"m": {"M": {"y": {"S": "s"}, "x": {"N": "1"}}}, "p": {"S": "a"}}
        await (await halted.start({"Put": {"TableName": "tab", "Item": item}}, ClientRequestToken="t"))
        again = [{"Put": {"Item": turned, "TableName": "tab"}}]
        assert await halted.call("TransactWriteItems", TransactItems=again, ClientRequestToken="t") == {}
        await halted.engine.close()

    asyncio.run(run())
