"""SearchVectors and vector indexes, from the request to the answer, over every kind of store."""

from __future__ import annotations

from typing import Any

import pytest

TENANT = {"tenant": "HASH", "colour": "INLINE_FILTER", "year": "INLINE_FILTER"}
VALUES = {":t": {"S": "a"}, ":c": {"S": "red"}, ":y": {"N": "1999"}}


def values(*names: str) -> dict[str, Any]:
    """Return the ExpressionAttributeValues of these symbols."""
    return {"ExpressionAttributeValues": {name: VALUES[name] for name in names}}


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ("COSINE", [("same", 0.0), ("far", 0.0), ("zero", 1.0), ("side", 1.0), ("back", 2.0)]),
        ("EUCLIDEAN", [("same", 0.0), ("zero", 1.0), ("side", 2**0.5), ("back", 2.0), ("far", 9.0)]),
        ("DOT_PRODUCT", [("far", 10.0), ("same", 1.0), ("zero", 0.0), ("side", 0.0), ("back", -1.0)]),
    ],
)
def test_each_distance_orders_and_scores(searcher: Any, distance: str, expected: list[tuple[str, float]]) -> None:
    name = f"order-{distance}"
    searcher.table(name, searcher.index(DistanceFunction=distance))
    vectors = {"same": (1.0, 0.0), "far": (10.0, 0.0), "zero": (0.0, 0.0), "side": (0.0, 1.0), "back": (-1.0, 0.0)}
    for key, vector in vectors.items():
        searcher.put(name, key, vector)
    found = searcher.search(name, (1.0, 0.0))
    assert sorted(found) == sorted((key, pytest.approx(score)) for key, score in expected)
    assert [score for _, score in found] == [pytest.approx(score) for _, score in expected]
    assert searcher.search(name, (1.0, 0.0), top=2) == found[:2]


def test_equal_scores_have_one_order_everywhere(searcher: Any) -> None:
    searcher.table("ties", searcher.index())
    for number in range(30):
        searcher.put("ties", str(number), (1.0, 1.0))
    scanned = [item["id"]["S"] for item in searcher("Scan", TableName="ties")["Items"]]
    assert [key for key, _ in searcher.search("ties", (0.0, 0.0), top=11)] == scanned[:11]


def test_conditions_choose_by_hash_and_filters(searcher: Any) -> None:
    searcher.table("parts", searcher.index(SearchSchema=searcher.schema(**TENANT)))
    searcher.put("parts", "1", (1.0, 0.0), tenant={"S": "a"}, colour={"S": "red"}, year={"N": "1999"})
    searcher.put("parts", "2", (2.0, 0.0), tenant={"S": "a"}, colour={"S": "blue"})
    searcher.put("parts", "3", (3.0, 0.0), tenant={"S": "b"}, colour={"S": "red"})
    searcher.put("parts", "4", (4.0, 0.0), colour={"S": "red"})
    searcher.put("parts", "5", (5.0, 0.0), tenant={"S": "a"}, year={"N": "1999.0"})
    query = (0.0, 0.0)
    assert [k for k, _ in searcher.search("parts", query, "tenant = :t", **values(":t"))] == ["1", "2", "5"]
    both = values(":t", ":c")
    assert [k for k, _ in searcher.search("parts", query, "tenant = :t AND colour = :c", **both)] == ["1"]
    year = "(:y = #y) AND tenant = :t"
    named = {"ExpressionAttributeNames": {"#y": "year"}, **values(":t", ":y")}
    assert [k for k, _ in searcher.search("parts", query, year, **named)] == ["1", "5"]


def test_updates_and_deletes_are_followed(searcher: Any) -> None:
    searcher.table("moving", searcher.index(SearchSchema=searcher.schema(tenant="HASH")))
    key = {"id": {"S": "1"}}
    searcher.put("moving", "1", (1.0, 0.0), tenant={"S": "a"})

    def found() -> Any:
        return searcher.search("moving", (0.0, 0.0), "tenant = :t", **values(":t"))

    def update(expression: str, **values_: Any) -> None:
        more = {"ExpressionAttributeValues": {f":{name}": value for name, value in values_.items()}} if values_ else {}
        searcher("UpdateItem", TableName="moving", Key=key, UpdateExpression=expression, **more)

    assert found() == [("1", 1.0)]
    update("SET v = :v", v=searcher.listed((0.0, 3.0)))
    assert found() == [("1", 3.0)]
    update("SET note = :n", n={"S": "more"})
    assert found() == [("1", 3.0)]
    update("REMOVE tenant")
    assert found() == []
    update("SET tenant = :t", t={"S": "a"})
    assert found() == [("1", 3.0)]
    update("REMOVE v")
    assert found() == []
    searcher.put("moving", "1", (2.0, 0.0), tenant={"S": "a"})
    assert found() == [("1", 2.0)]
    searcher("DeleteItem", TableName="moving", Key=key)
    assert found() == []


def test_every_way_of_writing_maintains_the_index(searcher: Any) -> None:
    searcher.table("ways", searcher.index())

    def item(key: str, size: float) -> dict[str, Any]:
        return {"id": {"S": key}, "v": searcher.listed((size, 0.0))}

    searcher("BatchWriteItem", RequestItems={"ways": [{"PutRequest": {"Item": item("batch", 1.0)}}]})
    searcher("TransactWriteItems", TransactItems=[{"Put": {"TableName": "ways", "Item": item("transaction", 2.0)}}])
    insert = {"Statement": "INSERT INTO ways VALUE {'id': 'statement', 'v': [3, 0]}"}
    searcher("ExecuteStatement", **insert)
    expected = [("batch", 1.0), ("transaction", 2.0), ("statement", 3.0)]
    assert searcher.search("ways", (0.0, 0.0)) == expected


@pytest.mark.parametrize(
    ("vector", "text"),
    [
        ({"L": [{"N": "1"}]}, ": Invalid size for parameter v, Expected: 2, Actual: 1. IndexName: vec"),
        (
            {"L": [{"N": "1"}, {"S": "x"}]},
            ". Invalid type for parameter v[1], Expected: 32-bit floating point number, Actual: S. IndexName: vec",
        ),
        ({"S": "x"}, ": Invalid type for parameter v, Expected: L, Actual: S. IndexName: vec"),
        ({"NS": ["1", "2"]}, ": Invalid type for parameter v, Expected: L, Actual: NS. IndexName: vec"),
        (
            {"L": [{"N": "1"}, {"N": "1e99"}]},
            ": Invalid value for parameter v: an element is out of the range of 32-bit floating point numbers. "
            "IndexName: vec",
        ),
    ],
)
def test_vectors_that_cannot_be_are_refused_by_every_write(searcher: Any, vector: Any, text: str) -> None:
    if "refusing" not in searcher("ListTables")["TableNames"]:
        searcher.table("refusing", searcher.index())
    text = f"One or more parameter values were invalid{text}"
    item = {"id": {"S": "1"}, "v": vector}
    assert searcher.refused("PutItem", TableName="refusing", Item=item) == text
    assert searcher.refused("BatchWriteItem", RequestItems={"refusing": [{"PutRequest": {"Item": item}}]}) == text
    update = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": vector}}
    assert searcher.refused("UpdateItem", TableName="refusing", Key={"id": {"S": "1"}}, **update) == text
    assert searcher("Scan", TableName="refusing")["Count"] == 0


def test_values_of_the_search_schema_have_their_types(searcher: Any) -> None:
    searcher.table("typed", searcher.index(SearchSchema=searcher.schema(tenant="HASH", year="INLINE_FILTER")))
    refused = searcher.refused("PutItem", TableName="typed", Item={"id": {"S": "1"}, "tenant": {"N": "1"}})
    assert "Type mismatch for Index Key tenant Expected: S Actual: N IndexName: vec" in refused
    refused = searcher.refused("PutItem", TableName="typed", Item={"id": {"S": "1"}, "tenant": {"S": ""}})
    assert "cannot contain an empty string value" in refused
    refused = searcher.refused("PutItem", TableName="typed", Item={"id": {"S": "1"}, "year": {"S": "1"}})
    assert "Type mismatch for Index Key year" in refused


def test_requests_that_cannot_be_searched(searcher: Any) -> None:
    searcher.table("asked", searcher.index(SearchSchema=searcher.schema(**TENANT)))
    query = searcher.listed((0.0, 0.0))["L"]

    def refused(**members: Any) -> str:
        request = {"TableName": "asked", "IndexName": "vec", "SearchVector": query, "TopK": 1, **members}
        text: str = searcher.refused("SearchVectors", **request)
        return text

    condition = {"SearchConditionExpression": "tenant = :t", **values(":t")}
    assert refused(**{**condition, "TopK": 101}) == (
        "Provided TopK value '101' is out of valid range. The value must be between 1 and 100 inclusive"
    )
    assert refused(**condition, IndexName="other") == "The table does not have the specified index: other"
    assert refused(**{**condition, "SearchVector": query[:1]}) == (
        "Input search vector dimension 1 does not match vector index dimension 2"
    )
    for strange in ({"S": "1"}, {"N": "1e50"}, {"L": query}):
        assert refused(**{**condition, "SearchVector": [{"N": "1"}, strange]}) == (
            "Search vector contains invalid values. "
            "All values in the search vector must be a 32-bit floating-point number attribute"
        )
    no_hash = "SearchConditionExpression must be provided when SearchSchema has a HASH key"
    assert refused() == no_hash
    assert refused(SearchConditionExpression="colour = :c", **values(":c")) == no_hash
    for comparison in ("tenant <> :t", "tenant < :t", "begins_with(tenant, :t)", "tenant = :t OR colour = :t"):
        assert refused(SearchConditionExpression=comparison, **values(":t")) == (
            "Invalid SearchConditionExpression: Invalid comparator used in SearchConditionExpression"
        )
    for wrong in ("other = :t", "tenant = :y", "tenant.x = :t", "tenant = colour", "tenant = :t AND tenant = :t"):
        used = [symbol for symbol in (":t", ":y") if symbol in wrong]
        more = values(*used) if used else {}
        assert refused(SearchConditionExpression=wrong, **more).startswith("Invalid SearchConditionExpression: ")
    assert "unused" in refused(**{**condition, **values(":t", ":c")})


def test_only_projected_attributes_come_back_and_the_vector_only_when_asked_for(searcher: Any) -> None:
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]}
    searcher.table("shown", searcher.index(Projection=projection, SearchSchema=searcher.schema(colour="INLINE_FILTER")))
    searcher.put("shown", "1", (1.0, 2.0), title={"S": "t"}, colour={"S": "red"}, secret={"S": "x"})
    request = {"TableName": "shown", "IndexName": "vec", "SearchVector": searcher.listed((0.0, 0.0))["L"], "TopK": 1}

    def item(**members: Any) -> Any:
        return searcher("SearchVectors", **request, **members)["SearchResults"][0]["Item"]

    assert item() == {"id": {"S": "1"}, "title": {"S": "t"}, "colour": {"S": "red"}}
    assert item(ProjectionExpression="title, secret") == {"title": {"S": "t"}}
    assert item(ProjectionExpression="v[1], id") == {"v": {"L": [{"N": "2"}]}, "id": {"S": "1"}}


def test_an_index_made_later_is_filled_before_it_is_searched(searcher: Any) -> None:
    searcher.table("later")
    for number in range(25):
        searcher.put("later", str(number), (float(number), 0.0) if number % 5 else None)
    searcher.put("later", "odd", (1.0, 2.0, 3.0))
    create = {"Create": searcher.index()}
    answer = searcher("UpdateTable", TableName="later", VectorIndexUpdates=[create])["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    (described,) = searcher("DescribeTable", TableName="later")["Table"]["VectorIndexes"]
    if described["IndexStatus"] == "CREATING":
        assert described["Backfilling"] is True
        request = {"SearchVector": searcher.listed((0.0, 0.0))["L"], "TopK": 1}
        refused = searcher.refused("SearchVectors", TableName="later", IndexName="vec", **request)
        assert refused == "Cannot search backfilling vector index: vec"
    searcher.put("later", "7", (0.5, 0.0))
    searcher.work()
    (described,) = searcher("DescribeTable", TableName="later")["Table"]["VectorIndexes"]
    assert described["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in described
    found = searcher.search("later", (0.0, 0.0))
    assert found[:2] == [("7", 0.5), ("1", 1.0)]
    assert len(found) == 20
    update = {"UpdateExpression": "SET note = :n", "ExpressionAttributeValues": {":n": {"S": "kept"}}}
    searcher("UpdateItem", TableName="later", Key={"id": {"S": "odd"}}, **update)
    searcher("UpdateTable", TableName="later", VectorIndexUpdates=[{"Delete": {"IndexName": "vec"}}])
    assert "VectorIndexes" not in searcher("DescribeTable", TableName="later")["Table"]
    searcher.put("later", "free", (1.0,))
    searcher("UpdateTable", TableName="later", VectorIndexUpdates=[{"Create": searcher.index(Dimensions=1)}])
    searcher.work()
    assert searcher.search("later", (0.0,)) == [("free", 1.0)]


def test_descriptions_tell_everything_asked_for(searcher: Any) -> None:
    given = searcher.index(SearchSchema=searcher.schema(**TENANT), DistanceFunction="COSINE")
    created = searcher.table("described", given)["VectorIndexes"]
    assert created[0]["IndexStatus"] == "CREATING"
    searcher.put("described", "1", (1.0, 0.0), tenant={"S": "a"})
    (told,) = searcher("DescribeTable", TableName="described")["Table"]["VectorIndexes"]
    assert {name: told[name] for name in given} == given
    assert told["IndexArn"].endswith(":table/described/index/vec")
    assert told["IndexStatus"] == "ACTIVE"
    assert {"IndexSizeBytes", "ItemCount"} <= told.keys()


def test_capacity_is_told_in_bytes(searcher: Any) -> None:
    searcher.table("metered", searcher.index(Dimensions=300))
    item = {"id": {"S": "1"}, "v": searcher.listed([1.0] * 300)}

    def written(**members: Any) -> Any:
        answer = searcher("PutItem", TableName="metered", ReturnConsumedCapacity="INDEXES", **members)
        return answer["ConsumedCapacity"].get("VectorIndexes")

    entry = 4 * 300 + len("id1")
    assert written(Item=item) == {"vec": {"VectorWriteRequestBytes": entry}}
    assert written(Item={"id": {"S": "2"}}) is None
    request = {"TableName": "metered", "IndexName": "vec", "SearchVector": item["v"]["L"], "TopK": 5}
    answer = searcher("SearchVectors", **request, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"VectorSearchRequestBytes": entry}
    assert "ConsumedCapacity" not in searcher("SearchVectors", **request)
    searcher.table("small", searcher.index())
    small = {"id": {"S": "1"}, "v": searcher.listed((1.0, 1.0))}
    answer = searcher("PutItem", TableName="small", Item=small, ReturnConsumedCapacity="INDEXES")
    assert answer["ConsumedCapacity"]["VectorIndexes"] == {"vec": {"VectorWriteRequestBytes": 1024}}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Dimensions": 4097}, "Number of dimensions must be between 1 and 4096 inclusive."),
        ({"SearchSchema": [{"AttributeName": "x", "SearchSchemaElementType": "HASH"}]}, "is not defined in attribute"),
        ({"VectorAttribute": {"AttributeName": "id"}}, "cannot be defined in AttributeDefinitions"),
        ({"Projection": {"ProjectionType": "INCLUDE"}}, "NonKeyAttributes is not specified"),
    ],
)
def test_tables_that_cannot_be(searcher: Any, change: dict[str, Any], text: str) -> None:
    request = {
        "TableName": "never",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "VectorIndexes": [searcher.index(**change)],
    }
    assert text in searcher.refused("CreateTable", **request)


def test_rules_between_indexes(searcher: Any) -> None:
    request = {
        "TableName": "never",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    index = searcher.index

    def refused(*indexes: Any, **members: Any) -> str:
        text: str = searcher.refused("CreateTable", **{**request, "VectorIndexes": list(indexes), **members})
        return text

    provisioned = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    assert "PAY_PER_REQUEST" in refused(index(), BillingMode="PROVISIONED", ProvisionedThroughput=provisioned)
    assert "per-table limit of 5" in refused(*(index(f"vec{n}") for n in range(6)))
    assert "same Dimensions" in refused(index(), index("vec2", Dimensions=3))
    assert "Duplicate index name: vec" in refused(index(), index())
    searcher.table("ruled", index())
    change = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": provisioned}
    assert "PAY_PER_REQUEST" in searcher.refused("UpdateTable", TableName="ruled", **change)
    again = [{"Create": index()}]
    assert "already exists" in searcher.refused("UpdateTable", TableName="ruled", VectorIndexUpdates=again)
    nothing: list[Any] = [{}]
    assert "must not be null" in searcher.refused("UpdateTable", TableName="ruled", VectorIndexUpdates=nothing)


def test_other_reads_do_not_know_vector_indexes(searcher: Any) -> None:
    searcher.table("read", searcher.index())
    request = {"TableName": "read", "IndexName": "vec"}
    assert searcher.refused("Scan", **request) == "Scan operation not supported on this index type"
    query = {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": "1"}}}
    assert searcher.refused("Query", **request, **query) == "Query operation not supported on this index type."
