"""PartiQL through boto3: statements one by one, in batches, in transactions, with native values and typed errors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("partiql")]
_names = (f"partiql-{number}" for number in itertools.count())
SONGS = 30


@pytest.fixture(scope="module")
def session(server: Server) -> Any:
    """A session with the server's key."""
    return boto3.session.Session(server.access_key_id, server.secret_access_key, region_name=server.region)


@pytest.fixture(scope="module")
def client(server: Server, session: Any) -> Any:
    """The client, which speaks in attribute values."""
    return session.client("dynamodb", endpoint_url=server.endpoint)


@pytest.fixture(scope="module")
def native(server: Server, session: Any) -> Any:
    """The client of the resource, which speaks in Python's own values."""
    return session.resource("dynamodb", endpoint_url=server.endpoint).meta.client


@pytest.fixture
def songs(client: Any) -> Iterator[str]:
    """A table of songs by artist and number, with an index by genre."""
    name = next(_names)
    client.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "artist", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
            {"AttributeName": "genre", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "artist", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-genre",
                "KeySchema": [{"AttributeName": "genre", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name)
    for start in range(0, SONGS, 25):
        statements = [
            {
                "Statement": f"INSERT INTO \"{name}\" VALUE {{'artist': ?, 'number': ?, 'genre': ?, 'plays': 0}}",
                "Parameters": [{"S": f"a{number % 3}"}, {"N": str(number)}, {"S": ("rock", "folk")[number % 2]}],
            }
            for number in range(start, min(start + 25, SONGS))
        ]
        answers = client.batch_execute_statement(Statements=statements)["Responses"]
        assert answers == [{"TableName": name}] * len(statements)
    yield name
    client.delete_table(TableName=name)


def numbers(items: list[dict[str, Any]]) -> list[int]:
    """Return the songs' numbers, from either client."""
    return [int(item["number"]["N"] if isinstance(item["number"], dict) else item["number"]) for item in items]


def test_native_values_come_and_go(native: Any, songs: str) -> None:
    item = {
        "artist": "new",
        "number": Decimal("1.5"),
        "title": "it's",
        "tags": {"a", "b"},
        "nested": {"list": [Decimal(1), "x", None, True], "data": b"\x00\xff"},
    }
    native.execute_statement(Statement=f'INSERT INTO "{songs}" VALUE ?', Parameters=[item])
    where = 'WHERE artist = ? AND "number" = ?'
    found = native.execute_statement(
        Statement=f'SELECT * FROM "{songs}" {where}', Parameters=["new", Decimal("1.50")], ConsistentRead=True
    )["Items"]
    assert found == [item]
    changed = native.execute_statement(
        Statement=f'UPDATE "{songs}" SET nested."list"[0] = ? REMOVE tags {where} RETURNING ALL NEW *',
        Parameters=[Decimal(2), "new", Decimal("1.5")],
    )["Items"]
    del item["tags"]
    assert changed == [{**item, "nested": {"list": [Decimal(2), "x", None, True], "data": b"\x00\xff"}}]
    gone = native.execute_statement(
        Statement=f'DELETE FROM "{songs}" {where} RETURNING ALL OLD *', Parameters=["new", Decimal("1.5")]
    )["Items"]
    assert gone == changed


def test_pages_follow_their_tokens(client: Any, songs: str) -> None:
    request: dict[str, Any] = {
        "Statement": f'SELECT "number" FROM "{songs}" WHERE artist = \'a1\' ORDER BY "number" DESC',
        "Limit": 4,
    }
    found: list[list[int]] = []
    token: dict[str, Any] = {}
    while True:
        page = client.execute_statement(**request, **token)
        found.append(numbers(page["Items"]))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert [number for each in found for number in each] == list(range(28, 0, -3))
    assert [len(each) for each in found] == [4, 4, 2]


def test_an_index_is_queried(client: Any, songs: str) -> None:
    answer = client.execute_statement(
        Statement=f'SELECT * FROM "{songs}"."by-genre" WHERE genre = ? AND "number" < 10',
        Parameters=[{"S": "folk"}],
        ReturnConsumedCapacity="INDEXES",
    )
    assert sorted(numbers(answer["Items"])) == [1, 3, 5, 7, 9]
    assert answer["ConsumedCapacity"]["GlobalSecondaryIndexes"].keys() == {"by-genre"}


def test_errors_have_their_types(client: Any, songs: str) -> None:
    insert = f"INSERT INTO \"{songs}\" VALUE {{'artist': 'a0', 'number': 0}}"
    with pytest.raises(client.exceptions.DuplicateItemException):
        client.execute_statement(Statement=insert)
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        client.execute_statement(
            Statement=f'UPDATE "{songs}" SET plays = 1 WHERE artist = \'a0\' AND "number" = 0 AND plays > 5',
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"]["plays"] == {"N": "0"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.execute_statement(Statement="SELECT * FROM nosuchtable")
    with pytest.raises(client.exceptions.ClientError, match="Statement wasn't well formed"):
        client.execute_statement(Statement="SELECT * FROM")


def test_statements_of_a_batch_fail_alone(client: Any, songs: str) -> None:
    def read(artist: str, number: int, name: str = songs) -> dict[str, Any]:
        statement = f'SELECT "number" FROM "{name}" WHERE artist = ? AND "number" = ?'
        return {"Statement": statement, "Parameters": [{"S": artist}, {"N": str(number)}]}

    answers = client.batch_execute_statement(
        Statements=[read("a0", 3), read("a0", 4), read("a0", 3, "nosuchtable"), {"Statement": "SELECT"}]
    )["Responses"]
    assert answers[0] == {"TableName": songs, "Item": {"number": {"N": "3"}}}
    assert answers[1] == {"TableName": songs}
    assert [answer["Error"]["Code"] for answer in answers[2:]] == ["ResourceNotFound", "ValidationError"]


def test_a_transaction_is_all_or_nothing(client: Any, songs: str) -> None:
    insert = {"Statement": f"INSERT INTO \"{songs}\" VALUE {{'artist': 'new', 'number': 1}}"}
    update: dict[str, Any] = {
        "Statement": f'UPDATE "{songs}" SET plays = plays + 1 WHERE artist = ? AND "number" = ? AND plays = ?',
        "Parameters": [{"S": "a0"}, {"N": "0"}, {"N": "7"}],
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as canceled:
        client.execute_transaction(TransactStatements=[insert, update])
    reasons = canceled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    update["Parameters"][2] = {"N": "0"}
    client.execute_transaction(TransactStatements=[insert, update])
    reads = [
        {"Statement": f'SELECT plays FROM "{songs}" WHERE artist = \'a0\' AND "number" = 0'},
        {"Statement": f'SELECT artist FROM "{songs}" WHERE artist = \'new\' AND "number" = 1'},
        {"Statement": f'SELECT artist FROM "{songs}" WHERE artist = \'new\' AND "number" = 2'},
    ]
    answers = client.execute_transaction(TransactStatements=reads)["Responses"]
    assert answers == [{"Item": {"plays": {"N": "1"}}}, {"Item": {"artist": {"S": "new"}}}, {}]


def test_boto3_makes_tokens_for_transactions(client: Any, songs: str) -> None:
    update = {"Statement": f'UPDATE "{songs}" SET plays = plays + 1 WHERE artist = \'a1\' AND "number" = 1'}
    for token in ("first", "first", "second"):
        client.execute_transaction(TransactStatements=[update], ClientRequestToken=token)
    client.execute_transaction(TransactStatements=[update])
    found = client.execute_statement(Statement=f'SELECT plays FROM "{songs}" WHERE artist = \'a1\' AND "number" = 1')
    assert found["Items"] == [{"plays": {"N": "3"}}]
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.execute_transaction(
            TransactStatements=[{"Statement": update["Statement"].replace("a1", "a2")}], ClientRequestToken="first"
        )
