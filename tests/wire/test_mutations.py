"""Good requests made bad: whatever is done to them, the answer is an answer or an error of the client's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_kit import CORAL, MODELLED, VALIDATE, Answer, Wire

from extenddb.core.model.data_operations import OPERATION_ROWS
from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("wire")]
T = "mutants"
_KEY = {"p": {"S": "a"}, "s": {"N": "1"}}
_SCHEMA = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]
_CREATE: dict[str, Any] = {
    "TableName": T,
    "AttributeDefinitions": [
        {"AttributeName": "p", "AttributeType": "S"},
        {"AttributeName": "s", "AttributeType": "N"},
        {"AttributeName": "g", "AttributeType": "B"},
    ],
    "KeySchema": _SCHEMA,
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    "Tags": [{"Key": "a", "Value": "b"}],
}
_ITEM = {**_KEY, "g": {"B": "YQ=="}, "x": {"M": {"l": {"L": [{"NS": ["1"]}, {"NULL": True}, {"BOOL": False}]}}}}
_VALUES = {":v": {"N": "1"}}
_SEEDS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "PutItem",
        {
            "TableName": T,
            "Item": _ITEM,
            "ConditionExpression": "#p <> :v",
            "ExpressionAttributeNames": {"#p": "p"},
            "ExpressionAttributeValues": _VALUES,
            "ReturnValues": "ALL_OLD",
        },
    ),
    (
        "PutItem",
        {
            "TableName": T,
            "Item": _ITEM,
            "Expected": {"x": {"Exists": False}, "y": {"Exists": False}},
            "ConditionalOperator": "AND",
        },
    ),
    (
        "UpdateItem",
        {
            "TableName": T,
            "Key": _KEY,
            "UpdateExpression": "SET x.l[0] = :v, y = if_not_exists(y, :v) + :v REMOVE z ADD n :v",
            "ExpressionAttributeValues": _VALUES,
            "ReturnValues": "UPDATED_NEW",
        },
    ),
    ("UpdateItem", {"TableName": T, "Key": _KEY, "AttributeUpdates": {"n": {"Action": "ADD", "Value": {"N": "1"}}}}),
    (
        "DeleteItem",
        {"TableName": T, "Key": _KEY, "ReturnConsumedCapacity": "INDEXES", "ReturnItemCollectionMetrics": "SIZE"},
    ),
    ("GetItem", {"TableName": T, "Key": _KEY, "ProjectionExpression": "x.l[1], g", "ConsistentRead": True}),
    (
        "Query",
        {
            "TableName": T,
            "IndexName": "by-g",
            "KeyConditionExpression": "g = :g AND s BETWEEN :v AND :v",
            "FilterExpression": "size(x) > :v",
            "ExpressionAttributeValues": {":g": {"B": "YQ=="}, **_VALUES},
            "Limit": 1,
            "ScanIndexForward": False,
            "ExclusiveStartKey": {**_KEY, "g": {"B": "YQ=="}},
            "Select": "ALL_PROJECTED_ATTRIBUTES",
        },
    ),
    (
        "Query",
        {
            "TableName": T,
            "KeyConditions": {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}},
            "QueryFilter": {"x": {"ComparisonOperator": "NOT_NULL"}},
            "AttributesToGet": ["p"],
        },
    ),
    (
        "Scan",
        {
            "TableName": T,
            "TotalSegments": 2,
            "Segment": 1,
            "Limit": 3,
            "ExclusiveStartKey": _KEY,
            "ScanFilter": {"p": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "a"}]}},
        },
    ),
    (
        "BatchGetItem",
        {
            "RequestItems": {
                T: {
                    "Keys": [_KEY],
                    "ProjectionExpression": "#x",
                    "ExpressionAttributeNames": {"#x": "x"},
                    "ConsistentRead": True,
                }
            }
        },
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {T: [{"PutRequest": {"Item": _ITEM}}, {"DeleteRequest": {"Key": {**_KEY, "s": {"N": "2"}}}}]}},
    ),
    (
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": T, "Item": _ITEM}},
                {
                    "ConditionCheck": {
                        "TableName": T,
                        "Key": {**_KEY, "s": {"N": "3"}},
                        "ConditionExpression": "attribute_not_exists(p)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
            ],
            "ClientRequestToken": "t",
        },
    ),
    ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": T, "Key": _KEY, "ProjectionExpression": "p"}}]}),
    (
        "ExecuteStatement",
        {
            "Statement": f'SELECT * FROM "{T}" WHERE p = ? AND x.l[0] IS NOT MISSING',
            "Parameters": [{"S": "a"}],
            "Limit": 2,
        },
    ),
    (
        "BatchExecuteStatement",
        {"Statements": [{"Statement": f"DELETE FROM {T} WHERE p = ? AND s = 5", "Parameters": [{"S": "a"}]}]},
    ),
    (
        "ExecuteTransaction",
        {
            "TransactStatements": [{"Statement": f"UPDATE {T} SET x = 1 WHERE p = 'a' AND s = 1"}],
            "ClientRequestToken": "u",
        },
    ),
    ("CreateTable", _CREATE),
    ("DescribeTable", {"TableName": T}),
    (
        "UpdateTable",
        {
            "TableName": T,
            "AttributeDefinitions": _CREATE["AttributeDefinitions"],
            "GlobalSecondaryIndexUpdates": [
                {"Create": {"IndexName": "more", "KeySchema": _SCHEMA[:1], "Projection": {"ProjectionType": "ALL"}}}
            ],
        },
    ),
    ("UpdateTable", {"TableName": T, "DeletionProtectionEnabled": False}),
    (
        "UpdateTable",
        {
            "TableName": T,
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            "GlobalSecondaryIndexUpdates": [
                {
                    "Update": {
                        "IndexName": "by-g",
                        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                    }
                }
            ],
        },
    ),
    ("UpdateTimeToLive", {"TableName": T, "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}}),
    ("ListTables", {"Limit": 1, "ExclusiveStartTableName": "aaa"}),
    (
        "TagResource",
        {"ResourceArn": f"arn:aws:dynamodb:us-east-1:000000000000:table/{T}", "Tags": [{"Key": "k", "Value": "v"}]},
    ),
)
_TEXTS = (
    "",
    "a",
    T,
    "#p",
    ":v",
    "p.q[0]",
    "SET",
    "\x00",
    "\U0001f600",
    "x" * 300,
    "1e999",
    "arn:aws:dynamodb:::",
    "((((",
    "🦆 = :v",
)
_JUNK: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    1.5,
    1e300,
    2**63,
    -(2**70),
    [],
    {},
    [[]],
    [None],
    {"": {}},
    {"S": "a"},
    {"N": "1"},
    {"NS": []},
    {"L": [{}]},
)
Path = tuple[Any, ...]


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Yield the way to every part of a value."""
    yield here
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from paths(part, (*here, name))


def _replace(parent: Any, name: Any, junk: Any) -> None:
    parent[name] = junk


def _remove(parent: Any, name: Any, junk: Any) -> None:
    del parent[name]


def _rename(parent: Any, name: Any, junk: Any) -> None:
    if isinstance(parent, dict):
        parent[junk if isinstance(junk, str) else str(junk)] = parent.pop(name)


def _repeat(parent: Any, name: Any, junk: Any) -> None:
    if isinstance(parent, list):
        parent.extend([parent[name]] * 30)


def _spoil(parent: Any, name: Any, junk: Any) -> None:
    if isinstance(parent[name], str) and isinstance(junk, str):
        middle = len(parent[name]) // 2
        parent[name] = parent[name][:middle] + junk + parent[name][middle:]


_CHANGES: tuple[Callable[[Any, Any, Any], None], ...] = (_replace, _replace, _remove, _rename, _repeat, _spoil, _spoil)


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, Any]:
    """Draw an operation and a request that was good before one, two or three changes."""
    operation, seed = draw(st.sampled_from(_SEEDS))
    request = copy.deepcopy(seed)
    for _ in range(draw(st.integers(1, 3))):
        found = [path for path in paths(request) if path]
        if not found:
            break
        *way, name = draw(st.sampled_from(found))
        parent: Any = request
        for step in way:
            parent = parent[step]
        junk = draw(st.sampled_from((*_TEXTS, *_JUNK)))
        draw(st.sampled_from(_CHANGES))(parent, name, copy.deepcopy(junk))
    return operation, request


def check(operation: str, request: Any, answer: Answer) -> None:
    """Check that an answer is one that the service might give."""
    answer.check_manners()
    assert answer.status in {200, 400}, f"{operation} {request}: {answer.body!r}"
    if answer.status == 400:
        assert answer.type.startswith((CORAL, VALIDATE, MODELLED)), answer.body


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Wire]:
    """One connection for all requests: none of them may cost it. The table is there."""
    with Wire(server.port) as wire:
        assert wire.call("CreateTable", _CREATE).status == 200
        yield wire


@pytest.fixture
def fresh(connection: Wire) -> Wire:
    """The connection, and a new table with one item, whatever was done to the old one."""
    connection.call("UpdateTable", {"TableName": T, "DeletionProtectionEnabled": False})
    for operation, request in (("DeleteTable", {"TableName": T}), ("CreateTable", _CREATE)):
        assert connection.call(operation, request).status == 200
    assert connection.call("PutItem", {"TableName": T, "Item": _ITEM}).status == 200
    return connection


@pytest.mark.parametrize("seed", _SEEDS, ids=lambda seed: seed[0])
def test_the_seeds_are_good(fresh: Wire, seed: tuple[str, Any]) -> None:
    """Otherwise the mutants would prove little."""
    answer = fresh.call(*seed)
    answer.check_manners()
    refused = {"CreateTable": "ResourceInUseException", "PutItem": "ConditionalCheckFailedException"}
    assert answer.status == 200 or answer.type == MODELLED + refused.get(seed[0], ""), answer.body


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutant=mutants())
def test_mutants_are_answered(connection: Wire, mutant: tuple[str, Any]) -> None:
    check(*mutant, connection.call(*mutant))


@pytest.mark.parametrize("operation", sorted(OPERATION_ROWS))
def test_junk_is_answered(connection: Wire, operation: str) -> None:
    prefix = OPERATION_ROWS[operation]["target_prefix"]
    table = T if operation != "DeleteTable" else "no-longer"
    for junk in ({}, {"TableName": table}, {"TableName": "none"}, {"TableName": []}, {"Unknown": 1}, *_JUNK):
        answer = connection.call("", junk if isinstance(junk, dict) else [junk], X_Amz_Target=f"{prefix}.{operation}")
        check(operation, junk, answer)
