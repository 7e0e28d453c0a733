"""Vector search with boto3, client and resource, over HTTP and PostgreSQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from extenddb.server.testing import Server

pytestmark = pytest.mark.postgres

BOOKS: dict[str, tuple[str, tuple[str, str, str]]] = {
    "dune": ("science", ("0.9", "0.1", "0")),
    "solaris": ("science", ("0.8", "0.3", "0.1")),
    "emma": ("classic", ("0", "0.2", "0.9")),
}


def filled(server: Server, name: str) -> Any:
    """Create a table of books with a vector index and return a client."""
    client = server.client("dynamodb")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "title", "AttributeType": "S"},
            {"AttributeName": "shelf", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "title", "KeyType": "HASH"}],
        VectorIndexes=[
            {
                "IndexName": "meaning",
                "VectorAttribute": {"AttributeName": "embedding"},
                "Dimensions": 3,
                "DistanceFunction": "COSINE",
                "SearchSchema": [{"AttributeName": "shelf", "SearchSchemaElementType": "INLINE_FILTER"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    client.get_waiter("table_exists").wait(TableName=name)
    for title, (shelf, vector) in BOOKS.items():
        embedding = {"L": [{"N": component} for component in vector]}
        client.put_item(TableName=name, Item={"title": {"S": title}, "shelf": {"S": shelf}, "embedding": embedding})
    return client


def test_a_search_finds_the_nearest_first(server: Server) -> None:
    client = filled(server, "vector-books")
    query = [{"N": "1"}, {"N": "0"}, {"N": "0"}]
    answer = client.search_vectors(
        TableName="vector-books", IndexName="meaning", SearchVector=query, TopK=2, ReturnConsumedCapacity="TOTAL"
    )
    assert [hit["Item"]["title"]["S"] for hit in answer["SearchResults"]] == ["dune", "solaris"]
    assert [hit["Score"] for hit in answer["SearchResults"]] == pytest.approx([0.0061, 0.0700], abs=1e-3)
    assert all("embedding" not in hit["Item"] for hit in answer["SearchResults"])
    assert answer["ConsumedCapacity"] == {"VectorSearchRequestBytes": 1024.0}
    answer = client.search_vectors(
        TableName="vector-books",
        IndexName="meaning",
        SearchVector=query,
        TopK=5,
        SearchConditionExpression="shelf = :s",
        ExpressionAttributeValues={":s": {"S": "classic"}},
        ProjectionExpression="title",
    )
    assert [hit["Item"] for hit in answer["SearchResults"]] == [{"title": {"S": "emma"}}]


def test_a_wrong_vector_is_refused_and_the_index_described(server: Server) -> None:
    client = filled(server, "vector-refused")
    with pytest.raises(ClientError) as caught:
        client.put_item(TableName="vector-refused", Item={"title": {"S": "x"}, "embedding": {"L": [{"N": "1"}]}})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "Expected: 3, Actual: 1" in caught.value.response["Error"]["Message"]
    (index,) = client.describe_table(TableName="vector-refused")["Table"]["VectorIndexes"]
    assert (index["IndexStatus"], index["ItemCount"], index["Dimensions"]) == ("ACTIVE", 3, 3)


def test_the_table_resource_writes_vectors_of_decimals(server: Server) -> None:
    client = filled(server, "vector-resource")
    session = boto3.session.Session(server.access_key_id, server.secret_access_key, region_name=server.region)
    table = session.resource("dynamodb", endpoint_url=server.endpoint).Table("vector-resource")
    table.put_item(Item={"title": "near", "shelf": "new", "embedding": [Decimal("1"), Decimal("0"), Decimal("0")]})
    query = [{"N": "2"}, {"N": "0"}, {"N": "0"}]
    answer = client.search_vectors(TableName="vector-resource", IndexName="meaning", SearchVector=query, TopK=1)
    assert answer["SearchResults"] == [{"Item": {"title": {"S": "near"}, "shelf": {"S": "new"}}, "Score": 0.0}]
