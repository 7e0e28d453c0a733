"""BatchExecuteStatement and ExecuteTransaction over the memory store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine.context import Caller
from extenddb.engine.engine import Engine
from extenddb.storage.errors import SchemaMismatch, Unavailable
from extenddb.storage.memory import MemoryBackend

_CALLER = Caller()


class _Items:
    """The items port, counting its calls, and failing where a test says so."""

    def __init__(self, items: Any) -> None:
        self._items = items
        self.calls: Counter[str] = Counter()
        self.failures: list[Exception] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._items, name)

        async def counted(*arguments: Any) -> Any:
            self.calls[name] += 1
            if self.failures:
                raise self.failures.pop(0)
            return await method(*arguments)

        return counted


class _Service:
    """An engine with two tables, used from plain functions."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        backend: Any = MemoryBackend()
        self.items = backend.items = _Items(backend.items)
        self.engine = Engine(backend)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        answer = self._runner.run(self.engine.execute(operation, _CALLER, request))
        plain: dict[str, Any] = orjson.loads(orjson.dumps(answer))
        return plain

    def batch(self, *statements: Any, **members: Any) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self.call("BatchExecuteStatement", Statements=_members(statements), **members)[
            "Responses"
        ]
        return answers

    def transact(self, *statements: Any, **members: Any) -> dict[str, Any]:
        return self.call("ExecuteTransaction", TransactStatements=_members(statements), **members)

    def canceled(self, *statements: Any, **members: Any) -> list[dict[str, Any]]:
        with pytest.raises(ServiceError) as caught:
            self.transact(*statements, **members)
        assert caught.value.kind.name == "TransactionCanceledException"
        reasons: list[dict[str, Any]] = orjson.loads(orjson.dumps(caught.value.members["CancellationReasons"]))
        return reasons

    def all(self, table: str = "plain") -> dict[str, Any]:
        found = self.call("ExecuteStatement", Statement=f'SELECT * FROM "{table}"')["Items"]
        return {item["k"]["S"]: item for item in found}

    def close(self) -> None:
        self._runner.run(self.engine.close())


def _members(statements: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"Statement": each} if isinstance(each, str) else each for each in statements]


@pytest.fixture
def service() -> Iterator[_Service]:
    with asyncio.Runner() as runner:
        service = _Service(runner)
        for table in ("plain", "other"):
            service.call(
                "CreateTable",
                TableName=table,
                KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        for key in "ab":
            service.call("PutItem", TableName="plain", Item={"k": {"S": key}, "v": {"N": "1"}})
        service.items.calls.clear()
        yield service
        service.close()


_A = {"k": {"S": "a"}, "v": {"N": "1"}}


def _code(response: dict[str, Any]) -> str | None:
    code: str | None = response.get("Error", {}).get("Code")
    return code


# Batches.


def test_batch_reads_are_one_call(service: _Service) -> None:
    answers = service.batch(
        "SELECT * FROM plain WHERE k = 'a'",
        {"Statement": "SELECT v FROM plain WHERE k = ?", "Parameters": [{"S": "b"}], "ConsistentRead": True},
        "SELECT * FROM other WHERE k = 'a'",
    )
    assert answers == [
        {"TableName": "plain", "Item": _A},
        {"TableName": "plain", "Item": {"v": {"N": "1"}}},
        {"TableName": "other"},
    ]
    assert service.items.calls == {"get": 1}


def test_batch_read_errors_stand_alone(service: _Service) -> None:
    answers = service.batch(
        "SELECT * FROM plain WHERE k = 'a'",
        "SELEC * FROM plain",
        "SELECT * FROM nosuch WHERE k = 'a'",
        "SELECT * FROM plain",
        "SELECT * FROM plain WHERE k IN ['a']",
        "SELECT * FROM plain WHERE k = 'a' AND v = 2",
        "SELECT * FROM plain WHERE k = ?",
        "SELECT * FROM plain WHERE k = 5",
        "SELECT * FROM plain.idx WHERE k = 'a'",
        "SELECT * FROM plain WHERE k = 'a' ORDER BY k",
        "SELECT * FROM plain WHERE k = 'b'",
    )
    assert answers[0] == {"TableName": "plain", "Item": _A}
    assert "Item" in answers[-1]
    assert [_code(each) for each in answers[1:-1]] == [
        "ValidationError",
        "ResourceNotFound",
        *["ValidationError"] * 7,
    ]
    assert answers[2]["Error"]["Message"] == "Requested resource not found"
    assert (
        answers[3]["Error"]["Message"]
        == answers[4]["Error"]["Message"]
        == answers[8]["Error"]["Message"]
        == ("Select statements within BatchExecuteStatement must specify the primary key in the where clause.")
    )


def test_batch_writes_are_gathered(service: _Service) -> None:
    answers = service.batch(*[f"INSERT INTO plain VALUE {{'k': 'n{number}'}}" for number in range(25)])
    assert answers == [{"TableName": "plain"}] * 25
    assert service.items.calls["mutate"] <= 2  # one for each write lane
    assert len(service.all()) == 27


def test_batch_write_errors_stand_alone(service: _Service) -> None:
    answers = service.batch(
        "INSERT INTO plain VALUE {'k': 'a'}",
        "INSERT INTO plain VALUE {'k': 'c'}",
        {
            "Statement": "UPDATE plain SET v = 2 WHERE k = 'a' AND v = 7",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
        "UPDATE plain SET v = v + 1 WHERE k = 'b' RETURNING ALL NEW *",
        "DELETE FROM plain WHERE v = 1",
        "DELETE FROM nosuch WHERE k = 'a'",
        "EXISTS(SELECT * FROM plain WHERE k = 'a')",
        "UPDATE plain SET v = nosuch + 1 WHERE k = 'a'",
    )
    assert answers[0] == {
        "Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"},
        "TableName": "plain",
    }
    assert answers[1] == {"TableName": "plain"}
    assert answers[2]["Error"] == {
        "Code": "ConditionalCheckFailed",
        "Message": "The conditional request failed",
    }
    assert answers[3] == {"TableName": "plain", "Item": {"k": {"S": "b"}, "v": {"N": "2"}}}
    assert [_code(each) for each in answers[4:]] == [
        "ValidationError",
        "ResourceNotFound",
        "ValidationError",
        "ValidationError",
    ]
    assert service.all().keys() == {"a", "b", "c"}


def test_batch_cannot_mix(service: _Service) -> None:
    with pytest.raises(ServiceError) as caught:
        service.batch("SELECT * FROM plain WHERE k = 'a'", "DELETE FROM plain WHERE k = 'a'")
    assert caught.value.kind.name == "ValidationException"
    assert "a" in service.all()


def test_batch_capacity(service: _Service) -> None:
    answer = service.call(
        "BatchExecuteStatement",
        Statements=_members(["SELECT * FROM plain WHERE k = 'a'", "SELECT * FROM other WHERE k = 'a'"]),
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [
        {"TableName": "plain", "CapacityUnits": 0.5},
        {"TableName": "other", "CapacityUnits": 0.5},
    ]
    writes = service.call(
        "BatchExecuteStatement",
        Statements=_members(["DELETE FROM plain WHERE k = 'a'", "DELETE FROM plain WHERE k = 'b'"]),
        ReturnConsumedCapacity="TOTAL",
    )
    assert writes["ConsumedCapacity"] == [{"TableName": "plain", "CapacityUnits": 2.0}]


def test_batch_writes_to_a_changed_table_are_repeated_and_others_are_not(service: _Service) -> None:
    service.items.failures = [SchemaMismatch()]
    answers = service.batch("INSERT INTO plain VALUE {'k': 'x'}", "INSERT INTO plain VALUE {'k': 'y'}")
    assert answers == [{"TableName": "plain"}] * 2
    assert service.all().keys() == {"a", "b", "x", "y"}


def test_batch_write_that_the_store_fails(service: _Service) -> None:
    service.items.failures = [Unavailable()] * 100
    answers = service.batch("INSERT INTO plain VALUE {'k': 'x'}")
    service.items.failures = []
    assert _code(answers[0]) == "InternalServerError"
    assert "x" not in service.all()


# Transactions.


def test_transaction_reads_one_snapshot(service: _Service) -> None:
    answer = service.transact(
        "SELECT * FROM plain WHERE k = 'a'",
        "SELECT * FROM other WHERE k = 'a'",
        "SELECT k FROM plain WHERE k = 'b'",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [{"Item": _A}, {}, {"Item": {"k": {"S": "b"}}}]
    assert answer["ConsumedCapacity"] == [
        {"TableName": "plain", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0},
        {"TableName": "other", "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0},
    ]
    assert service.items.calls == {"snapshot": 1}


def test_transaction_writes_and_checks(service: _Service) -> None:
    answer = service.transact(
        "EXISTS(SELECT * FROM plain WHERE k = 'a' AND nosuch IS MISSING)",
        {"Statement": "INSERT INTO plain VALUE {'k': ?}", "Parameters": [{"S": "c"}]},
        "UPDATE plain SET v = 5 WHERE k = 'b'",
        "DELETE FROM other WHERE k = 'zzz' AND v = 1",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == []
    assert {each["TableName"] for each in answer["ConsumedCapacity"]} == {"plain", "other"}
    assert service.all()["b"]["v"] == {"N": "5"}
    assert "c" in service.all()
    assert service.items.calls["transact"] == 1


def test_failed_check_cancels_everything(service: _Service) -> None:
    reasons = service.canceled(
        "INSERT INTO plain VALUE {'k': 'c'}",
        "EXISTS(SELECT * FROM plain WHERE k = 'zzz' AND v = 1)",
        "INSERT INTO plain VALUE {'k': 'b'}",
        {
            "Statement": "UPDATE plain SET v = 5 WHERE k = 'a' AND v = 9",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    )
    assert reasons == [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
        {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": _A},
    ]
    assert service.all().keys() == {"a", "b"}


@pytest.mark.parametrize(
    "wrong",
    [
        "SELEC * FROM plain",
        "UPDATE plain SET v = 1",
        "UPDATE plain SET v = 1 WHERE k = ?",
        "UPDATE plain SET v = 1 WHERE k = 'x' RETURNING ALL OLD *",
        "EXISTS(SELECT * FROM plain WHERE v = 1)",
        "EXISTS(SELECT * FROM plain.idx WHERE k = 'x')",
        "SELECT * FROM plain",
    ],
)
def test_wrong_statement_fails_the_request(service: _Service, wrong: str) -> None:
    for statements in (("INSERT INTO plain VALUE {'k': 'c'}", wrong), (wrong,)):
        with pytest.raises(ServiceError) as caught:
            service.transact(*statements)
        assert caught.value.kind.name == "ValidationException"
    assert service.all().keys() == {"a", "b"}


def test_wrong_item_is_a_reason(service: _Service) -> None:
    reasons = service.canceled("INSERT INTO plain VALUE {'k': 'c'}", "INSERT INTO plain VALUE {'v': 1}")
    assert [each["Code"] for each in reasons] == ["None", "ValidationError"]
    assert service.all().keys() == {"a", "b"}


def test_wrong_key_of_a_read_is_a_reason(service: _Service) -> None:
    reasons = service.canceled("SELECT * FROM plain WHERE k = 'a'", "SELECT * FROM plain WHERE k = 1")
    assert [each["Code"] for each in reasons] == ["None", "ValidationError"]


@pytest.mark.parametrize(
    "statements",
    [
        ("SELECT * FROM plain WHERE k = 'a'", "DELETE FROM plain WHERE k = 'a'"),
        ("SELECT * FROM plain WHERE k = 'a'", "EXISTS(SELECT * FROM plain WHERE k = 'b')"),
        ("UPDATE plain SET v = 2 WHERE k = 'a'", "DELETE FROM plain WHERE k = 'a'"),
        ("SELECT * FROM plain WHERE k = 'a'", "SELECT v FROM plain WHERE k = 'a'"),
    ],
)
def test_transactions_that_cannot_be(service: _Service, statements: tuple[str, str]) -> None:
    with pytest.raises(ServiceError) as caught:
        service.transact(*statements)
    assert caught.value.kind.name == "ValidationException"
    assert service.all()["a"] == _A


def test_unknown_table_in_a_transaction(service: _Service) -> None:
    with pytest.raises(ServiceError) as caught:
        service.transact("INSERT INTO nosuch VALUE {'k': 'c'}")
    assert caught.value.kind.name == "ResourceNotFoundException"


def test_token_makes_a_transaction_happen_once(service: _Service) -> None:
    statement = "UPDATE plain SET v = v + 1 WHERE k = 'a'"
    for _ in range(3):
        service.transact(statement, ClientRequestToken="once")
    assert service.all()["a"]["v"] == {"N": "2"}
    with pytest.raises(ServiceError) as caught:
        service.transact("UPDATE plain SET v = 9 WHERE k = 'a'", ClientRequestToken="once")
    assert caught.value.kind.name == "IdempotentParameterMismatchException"
