"""boto3 as its users know it: tables as resources, native values, conditions, waiters, paginators, batch writers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.config import Config
from botocore.exceptions import ClientError

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("boto3")]
_names = (f"boto3-{number}" for number in itertools.count())
_ORDERS = {
    "AttributeDefinitions": [
        {"AttributeName": "customer", "AttributeType": "S"},
        {"AttributeName": "placed", "AttributeType": "N"},
        {"AttributeName": "state", "AttributeType": "S"},
        {"AttributeName": "total", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "customer", "KeyType": "HASH"},
        {"AttributeName": "placed", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-state",
            "KeySchema": [
                {"AttributeName": "state", "KeyType": "HASH"},
                {"AttributeName": "total", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by-total",
            "KeySchema": [
                {"AttributeName": "customer", "KeyType": "HASH"},
                {"AttributeName": "total", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="module")
def dynamodb(server: Server) -> Any:
    """The service resource."""
    session = boto3.session.Session(server.access_key_id, server.secret_access_key, region_name=server.region)
    return session.resource("dynamodb", endpoint_url=server.endpoint)


@pytest.fixture
def orders(dynamodb: Any) -> Iterator[Any]:
    """A table of orders with three customers and ten orders each."""
    table = dynamodb.create_table(TableName=next(_names), **_ORDERS)
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for number in range(30):
            batch.put_item(Item=order(f"c{number % 3}", number))
    yield table
    table.delete()
    table.wait_until_not_exists()


def order(customer: str, number: int) -> dict[str, Any]:
    """Return an order."""
    state = "open" if number % 2 else "paid"
    return {
        "customer": customer,
        "placed": number,
        "state": state,
        "total": Decimal(number * 7 % 30),
        "lines": [number],
    }


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Return the error's code."""
    return str(error.value.response["Error"]["Code"])


def test_a_table_describes_itself(orders: Any, dynamodb: Any) -> None:
    orders.reload()
    assert orders.table_status == "ACTIVE"
    assert orders.key_schema == _ORDERS["KeySchema"]
    assert orders.billing_mode_summary["BillingMode"] == "PAY_PER_REQUEST"
    assert orders.table_arn == f"arn:aws:dynamodb:us-east-1:000000000000:table/{orders.name}"
    assert orders.creation_date_time.tzinfo is not None
    assert [index["IndexStatus"] for index in orders.global_secondary_indexes] == ["ACTIVE"]
    assert orders.name in [table.name for table in dynamodb.tables.all()]
    assert orders.name in [table.name for table in dynamodb.tables.limit(1000)]


def test_every_type_comes_back_as_it_went(orders: Any) -> None:
    item = {
        "customer": "types",
        "placed": Decimal("1e20"),
        "text": "a\x00é\U0001f600",
        "empty": "",
        "small": Decimal("-1E-130"),
        "large": Decimal("1E+37"),
        "precise": Decimal("12345678901234567890.123456789012345678"),
        "bytes": Binary(b"\x00\xff"),
        "yes": True,
        "nothing": None,
        "list": [1, "a", [Decimal("1.5"), {}], None],
        "map": {"a": {"b": {"c": [False]}}, "": 1},
        "strings": {"a", "b"},
        "numbers": {Decimal(1), Decimal("-2.5")},
        "binaries": {Binary(b"a"), Binary(b"b")},
    }
    orders.put_item(Item=item)
    assert orders.get_item(Key={"customer": "types", "placed": 10**20}, ConsistentRead=True)["Item"] == item


def test_conditions_are_kept(orders: Any) -> None:
    with pytest.raises(orders.meta.client.exceptions.ConditionalCheckFailedException) as error:
        orders.put_item(
            Item=order("c0", 0),
            ConditionExpression=Attr("customer").not_exists() & Attr("placed").not_exists(),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert code(error) == "ConditionalCheckFailedException"
    assert error.value.response["Error"]["Message"] == "The conditional request failed"
    assert error.value.response["Item"]["state"] == {"S": "paid"}
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    many = (
        Attr("total").between(0, 100)
        & Attr("lines").size().gte(1)
        & Attr("state").is_in(["paid", "open"])
        & ~Attr("state").begins_with("x")
        & (Attr("lines").contains(0) | Attr("state").eq("never"))
        & Attr("state").attribute_type("S")
    )
    put = orders.put_item(Item=order("c0", 0), ConditionExpression=many, ReturnValues="ALL_OLD")
    assert put["Attributes"] == order("c0", 0)


def test_updates(orders: Any) -> None:
    answer = orders.update_item(
        Key={"customer": "c1", "placed": 1},
        UpdateExpression="SET #t = #t + :one, #l = list_append(#l, :more), note = if_not_exists(note, :n) "
        "REMOVE #s ADD tags :tags, visits :one",
        ConditionExpression=Attr("state").eq("open"),
        ExpressionAttributeNames={"#t": "total", "#l": "lines", "#s": "state"},
        ExpressionAttributeValues={":one": 1, ":more": [2], ":n": "new", ":tags": {"a", "b"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        "customer": "c1",
        "placed": 1,
        "total": 8,
        "lines": [1, 2],
        "note": "new",
        "tags": {"a", "b"},
        "visits": 1,
    }
    answer = orders.update_item(
        Key={"customer": "c1", "placed": 1},
        UpdateExpression="DELETE tags :a SET #l[0] = :zero",
        ExpressionAttributeNames={"#l": "lines"},
        ExpressionAttributeValues={":a": {"a"}, ":zero": 0},
        ReturnValues="UPDATED_NEW",
    )
    assert answer["Attributes"] == {"tags": {"b"}, "lines": [0]}


def test_updates_without_expressions(orders: Any) -> None:
    answer = orders.update_item(
        Key={"customer": "c1", "placed": 4},
        AttributeUpdates={
            "total": {"Action": "ADD", "Value": 5},
            "state": {"Action": "PUT", "Value": "lost"},
            "lines": {"Action": "DELETE"},
        },
        Expected={"state": {"Value": "paid", "ComparisonOperator": "EQ"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {"customer": "c1", "placed": 4, "total": 33, "state": "lost"}


def test_queries(orders: Any) -> None:
    mine = Key("customer").eq("c0")
    placed = [item["placed"] for item in orders.query(KeyConditionExpression=mine)["Items"]]
    assert placed == list(range(0, 30, 3))
    turned = orders.query(KeyConditionExpression=mine, ScanIndexForward=False)["Items"]
    assert [item["placed"] for item in turned] == placed[::-1]
    some = orders.query(KeyConditionExpression=mine & Key("placed").between(6, 12))
    assert [item["placed"] for item in some["Items"]] == [6, 9, 12]
    filtered = orders.query(KeyConditionExpression=mine, FilterExpression=Attr("state").eq("open"))
    assert (filtered["Count"], filtered["ScannedCount"]) == (5, 10)
    projected = orders.query(
        KeyConditionExpression=mine & Key("placed").lt(3),
        ProjectionExpression="#s, #l[0]",
        ExpressionAttributeNames={"#s": "state", "#l": "lines"},
    )
    assert projected["Items"] == [{"state": "paid", "lines": [0]}]
    assert orders.query(KeyConditionExpression=mine, Select="COUNT")["Count"] == 10


def test_key_conditions(orders: Any) -> None:
    placed = Key("placed")
    for condition, right in (
        (placed.eq(9), [9]),
        (placed.lt(6), [0, 3]),
        (placed.lte(6), [0, 3, 6]),
        (placed.gt(21), [24, 27]),
        (placed.gte(21), [21, 24, 27]),
        (placed.between(5, 12), [6, 9, 12]),
        (placed.between(4, 5), []),
    ):
        found = orders.query(KeyConditionExpression=Key("customer").eq("c0") & condition)["Items"]
        assert [item["placed"] for item in found] == right


def test_filter_conditions(orders: Any) -> None:
    for condition, count in (
        (Attr("total").eq(0), 1),
        (Attr("total").ne(0), 9),
        (Attr("total").is_in([0, 21]), 2),
        (Attr("total").between(1, 12), 4),
        (Attr("lines").contains(9), 1),
        (Attr("lines").size().eq(1), 10),
        (Attr("state").begins_with("op"), 5),
        (Attr("state").attribute_type("S"), 10),
        (Attr("lines[0]").gte(15), 5),
        (Attr("none").exists(), 0),
        (Attr("none").not_exists() & ~(Attr("state").eq("open") | Attr("total").lt(10)), 3),
    ):
        answer = orders.scan(FilterExpression=Attr("customer").eq("c0") & condition)
        assert (answer["Count"], answer["ScannedCount"]) == (count, 30)


def test_indexes(orders: Any) -> None:
    totals = [
        item["total"]
        for item in orders.query(IndexName="by-state", KeyConditionExpression=Key("state").eq("open"))["Items"]
    ]
    assert totals == sorted(Decimal(number * 7 % 30) for number in range(1, 30, 2))
    local = orders.query(
        IndexName="by-total",
        KeyConditionExpression=Key("customer").eq("c2") & Key("total").gte(10),
        ConsistentRead=True,
    )
    right = sorted((number * 7 % 30, number) for number in range(2, 30, 3) if number * 7 % 30 >= 10)
    assert [(item["total"], item["placed"]) for item in local["Items"]] == right
    assert {frozenset(item) for item in local["Items"]} == {frozenset(("customer", "placed", "total"))}


def test_paginators(orders: Any, server: Server) -> None:
    pages = orders.meta.client.get_paginator("scan").paginate(TableName=orders.name, PaginationConfig={"PageSize": 7})
    sizes = [page["Count"] for page in pages]
    assert sizes[:4] == [7, 7, 7, 7]
    assert sum(sizes) == 30
    query = server.client().get_paginator("query")
    wish: dict[str, Any] = {
        "TableName": orders.name,
        "IndexName": "by-state",
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":s": {"S": "paid"}},
    }
    first = query.paginate(**wish, PaginationConfig={"PageSize": 4, "MaxItems": 10}).build_full_result()
    rest = query.paginate(**wish, PaginationConfig={"StartingToken": first["NextToken"]}).build_full_result()
    assert (len(first["Items"]), len(rest["Items"])) == (10, 5)
    totals = [int(item["total"]["N"]) for item in first["Items"] + rest["Items"]]
    assert totals == sorted(number * 7 % 30 for number in range(0, 30, 2))


def test_parallel_scan(orders: Any) -> None:
    def segment(number: int) -> list[Any]:
        answer = orders.scan(TotalSegments=4, Segment=number)
        return [(item["customer"], item["placed"]) for item in answer["Items"]]

    with ThreadPoolExecutor(4) as pool:
        found = [key for part in pool.map(segment, range(4)) for key in part]
    assert sorted(found) == sorted((f"c{number % 3}", number) for number in range(30))


def test_batches(dynamodb: Any, orders: Any) -> None:
    with orders.batch_writer(overwrite_by_pkeys=["customer", "placed"]) as batch:
        for number in range(60):
            batch.put_item(Item=order("batch", number % 50))
        batch.delete_item(Key={"customer": "batch", "placed": 0})
    keys = [{"customer": "batch", "placed": number} for number in range(50)]
    answer = dynamodb.batch_get_item(RequestItems={orders.name: {"Keys": keys, "ConsistentRead": True}})
    assert answer["UnprocessedKeys"] == {}
    assert sorted(item["placed"] for item in answer["Responses"][orders.name]) == list(range(1, 50))


def test_batches_that_do_not_fit_at_once(dynamodb: Any, orders: Any) -> None:
    with orders.batch_writer() as batch:
        for number in range(50):
            batch.put_item(Item={"customer": "large", "placed": number, "body": "x" * 390_000})
    keys = [{"customer": "large", "placed": number} for number in range(50)]
    waiting: dict[str, Any] = {orders.name: {"Keys": keys, "ProjectionExpression": "placed"}}
    placed: list[int] = []
    requests = 0
    while waiting:
        answer = dynamodb.batch_get_item(RequestItems=waiting)
        placed.extend(item["placed"] for item in answer["Responses"][orders.name])
        waiting = answer["UnprocessedKeys"]
        requests += 1
    assert sorted(placed) == list(range(50))
    assert requests == 2


def test_expiry_and_streams_are_set(orders: Any, server: Server) -> None:
    client = orders.meta.client
    wish = {"AttributeName": "until", "Enabled": True}
    assert (
        client.update_time_to_live(TableName=orders.name, TimeToLiveSpecification=wish)["TimeToLiveSpecification"]
        == wish
    )
    client.update_table(
        TableName=orders.name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    )
    orders.delete_item(Key={"customer": "c0", "placed": 0})
    streams = server.client("dynamodbstreams")
    arn = client.describe_table(TableName=orders.name)["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records: list[Any] = []
    token = iterator["ShardIterator"]
    for _ in range(200):
        page = streams.get_records(ShardIterator=token)
        records, token = page["Records"], page["NextShardIterator"]
        if records:
            break
    (removed,) = records
    assert removed["eventName"] == "REMOVE"
    assert removed["dynamodb"]["Keys"] == {"customer": {"S": "c0"}, "placed": {"N": "0"}}


def test_transactions(orders: Any) -> None:
    client, name = orders.meta.client, orders.name
    items = [
        {"Put": {"TableName": name, "Item": order("t", 1)}},
        {
            "Update": {
                "TableName": name,
                "Key": {"customer": "c0", "placed": 0},
                "UpdateExpression": "SET note = :n",
                "ExpressionAttributeValues": {":n": "in a transaction"},
            }
        },
        {"Delete": {"TableName": name, "Key": {"customer": "c0", "placed": 3}}},
    ]
    client.transact_write_items(TransactItems=items, ClientRequestToken="once")
    client.transact_write_items(TransactItems=items, ClientRequestToken="once")
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.transact_write_items(TransactItems=items[:2], ClientRequestToken="once")
    check = {
        "ConditionCheck": {
            "TableName": name,
            "Key": {"customer": "c0", "placed": 3},
            "ConditionExpression": "attribute_exists(customer)",
        }
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as error:
        client.transact_write_items(TransactItems=[items[0], check])
    reasons = error.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert "[None, ConditionalCheckFailed]" in error.value.response["Error"]["Message"]
    got = client.transact_get_items(
        TransactItems=[{"Get": {"TableName": name, "Key": {"customer": "c0", "placed": placed}}} for placed in (0, 3)]
    )
    assert got["Responses"][0]["Item"]["note"] == "in a transaction"
    assert got["Responses"][1] == {}


def test_consumed_capacity(orders: Any) -> None:
    put = orders.put_item(Item=order("capacity", 1), ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert put["CapacityUnits"] == 3
    assert put["Table"] == {"CapacityUnits": 1}
    assert put["GlobalSecondaryIndexes"] == {"by-state": {"CapacityUnits": 1}}
    assert put["LocalSecondaryIndexes"] == {"by-total": {"CapacityUnits": 1}}
    key = {"customer": "capacity", "placed": 1}
    assert orders.get_item(Key=key, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]["CapacityUnits"] == 0.5
    strong = orders.get_item(Key=key, ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    assert strong["ConsumedCapacity"]["CapacityUnits"] == 1


def test_errors_have_their_classes(dynamodb: Any, orders: Any) -> None:
    client = orders.meta.client
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        dynamodb.Table("no-such-table").get_item(Key={"a": 1})
    with pytest.raises(client.exceptions.ResourceInUseException):
        dynamodb.create_table(TableName=orders.name, **_ORDERS)
    with pytest.raises(ClientError) as error:
        orders.get_item(Key={"customer": "c0"})
    assert code(error) == "ValidationException"
    assert error.value.response["Error"]["Message"] == "The provided key element does not match the schema"
    assert len(error.value.response["ResponseMetadata"]["RequestId"]) == 52


def test_large_pages_are_cut(orders: Any) -> None:
    with orders.batch_writer() as batch:
        for number in range(12):
            batch.put_item(Item={"customer": "large", "placed": number, "body": "x" * 150_000})
    first = orders.query(KeyConditionExpression=Key("customer").eq("large"))
    assert first["Count"] == 7
    assert first["LastEvaluatedKey"] == {"customer": "large", "placed": 6}
    second = orders.query(
        KeyConditionExpression=Key("customer").eq("large"), ExclusiveStartKey=first["LastEvaluatedKey"]
    )
    assert second["Count"] == 5
    assert "LastEvaluatedKey" not in second


def test_counters_lose_nothing(orders: Any, server: Server) -> None:
    client = server.client(config=Config(max_pool_connections=8))
    key = {"customer": {"S": "counter"}, "placed": {"N": "0"}}

    def add(_: int) -> None:
        client.update_item(
            TableName=orders.name,
            Key=key,
            UpdateExpression="ADD visits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(200)))
    assert client.get_item(TableName=orders.name, Key=key)["Item"]["visits"] == {"N": "200"}


def test_optimistic_locking_lets_one_win(orders: Any) -> None:
    def claim(worker: int) -> bool:
        try:
            orders.update_item(
                Key={"customer": "lock", "placed": 0},
                UpdateExpression="SET holder = :w",
                ConditionExpression="attribute_not_exists(holder)",
                ExpressionAttributeValues={":w": worker},
            )
        except orders.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


def test_retries_are_not_needed(server: Server) -> None:
    """A client that never repeats a request is answered too, under the load of several threads."""
    client = server.client(config=Config(retries={"total_max_attempts": 1}, max_pool_connections=8))
    name = next(_names)
    client.create_table(TableName=name, **_ORDERS)
    client.get_waiter("table_exists").wait(TableName=name)

    def write(number: int) -> int:
        item = {"customer": {"S": "w"}, "placed": {"N": str(number)}, "total": {"N": "1"}, "state": {"S": "s"}}
        return int(client.put_item(TableName=name, Item=item)["ResponseMetadata"]["RetryAttempts"])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(100))) == {0}
    counted = client.query(
        TableName=name,
        IndexName="by-state",
        Select="COUNT",
        KeyConditionExpression="#s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "s"}},
    )
    assert counted["Count"] == 100
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name)
