"""Searches of vectors: one order for equal scores, a score for vectors without direction, bytes of what is found."""

from __future__ import annotations

from typing import Any

from dynamodb_cases.service import World


def vector(*components: int) -> dict[str, Any]:
    return {"L": [{"N": str(component)} for component in components]}


def test_order_scores_and_bytes(world: World) -> None:
    account = world.account()
    index = {
        "IndexName": "near",
        "VectorAttribute": {"AttributeName": "v"},
        "Dimensions": 2,
        "DistanceFunction": "COSINE",
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    request = {
        "TableName": "vectors",
        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "VectorIndexes": [index],
    }
    world.must(account, "CreateTable", request)
    stored = {"zero": vector(0, 0), "same": vector(2, 0), **{f"side{n}": vector(0, n + 1) for n in range(5)}}
    for key, value in stored.items():
        world.must(account, "PutItem", {"TableName": "vectors", "Item": {"p": {"S": key}, "v": value}})
    search = {"TableName": "vectors", "IndexName": "near", "SearchVector": vector(1, 0)["L"], "TopK": 10}
    answer = world.must(account, "SearchVectors", {**search, "ReturnConsumedCapacity": "TOTAL"})
    found = [(hit["Item"]["p"]["S"], hit["Score"]) for hit in answer["SearchResults"]]
    scanned = [item["p"]["S"] for item in world.must(account, "Scan", {"TableName": "vectors"})["Items"]]
    assert found == [("same", 0.0), *((key, 1.0) for key in scanned if key != "same")]
    assert answer["ConsumedCapacity"] == {"VectorSearchRequestBytes": 1024.0}
