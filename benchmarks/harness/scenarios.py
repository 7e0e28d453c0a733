"""The table of what is measured. A scenario is an operation and the request with a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import data, vectors
from benchmarks.harness.data import DELETE, GROUPS, INDEXED, MAIN, VECTORS, WIDE, Table

Body = dict[str, Any]
_SCAN_SEGMENT_BYTES = 2_000_000
"""Size of a segment from which one Scan takes its first page of 1 MB."""
_ITEM_BYTES = 400


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One line of the result."""

    name: str
    about: str
    operation: str
    body: Callable[[int, int], Body]
    """Makes the request from its number and the number of items loaded."""
    tables: tuple[Table, ...] = (MAIN,)
    pool: int = 1_000_000
    """Most distinct requests; the option --pool is the other bound."""
    once: bool = False
    """Each request may be sent only once: the level ends with its share of the pool."""
    floor: str = ""
    """Statement set of the database's floor to compare with, as `db_floor` names it."""
    units: int = 1
    """Rows of the floor that one request is worth."""
    background: str = ""
    """Scenario that two further clients send at the same time, uncounted."""
    neighbours: str | None = None
    """A search of vectors, whose recall is told: among items of this colour, all for an empty one."""


def _named(table: Table, **members: Any) -> Body:
    return {"TableName": table.name, **members}


def _get(number: int, items: int) -> Body:
    return _named(MAIN, Key=data.key(data.spread(number, items)))


def _put_new(number: int, items: int) -> Body:
    return _named(MAIN, Item=data.item(data.fresh(number)))


def _put_over(number: int, items: int) -> Body:
    return _named(MAIN, Item=data.item(data.spread(number, items), number))


def _put_absent(number: int, items: int) -> Body:
    # Further numbers than those of put-new, which goes before.
    body = _named(MAIN, Item=data.item(data.fresh(data.fresh(number))))
    return body | {"ConditionExpression": "attribute_not_exists(p)"}


def _put_exists(number: int, items: int) -> Body:
    return _put_over(number, items) | {"ConditionExpression": "attribute_exists(p)"}


def _update(number: int, expression: str, names: dict[str, str], values: Body) -> Body:
    return _named(
        MAIN,
        Key=data.key(number),
        UpdateExpression=expression,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def _update_set(number: int, items: int) -> Body:
    value = {"S": f"name of {number:09d}, changed"}
    return _update(data.spread(number, items), "SET #n = :v", {"#n": "name"}, {":v": value})


def _update_add(number: int, items: int) -> Body:
    return _update(data.spread(number, items), "ADD #c :one", {"#c": "count"}, {":one": {"N": "1"}})


def _update_hot(number: int, items: int) -> Body:
    return _update(0, "ADD #c :one", {"#c": "count"}, {":one": {"N": "1"}})


def _delete(number: int, items: int) -> Body:
    return _named(DELETE, Key=data.key(data.fresh(number)))


def _query_page(number: int, items: int) -> Body:
    partition = data.key(data.spread(number, items))["p"]
    return _named(MAIN, KeyConditionExpression="p = :p", ExpressionAttributeValues={":p": partition}, Limit=50)


def _query_filter(number: int, items: int) -> Body:
    return _named(
        WIDE,
        KeyConditionExpression="p = :p",
        FilterExpression="#c = :c AND begins_with(#n, :n)",
        ExpressionAttributeNames={"#c": "count", "#n": "name"},
        ExpressionAttributeValues={
            ":p": {"S": data.WIDE_KEY},
            ":c": {"N": str(number % 1000)},
            ":n": {"S": "name of"},
        },
    )


def _scan_page(number: int, items: int) -> Body:
    segments = max(1, items * _ITEM_BYTES // _SCAN_SEGMENT_BYTES)
    return _named(MAIN, TotalSegments=segments, Segment=number % segments)


def _scan_filter(number: int, items: int) -> Body:
    return _scan_page(number, items) | {
        "FilterExpression": "#c = :c",
        "ExpressionAttributeNames": {"#c": "count"},
        "ExpressionAttributeValues": {":c": {"N": str(number % 1000)}},
    }


def _query_index(number: int, items: int) -> Body:
    groups = max(1, min(items, 10_000) // data.GROUP)
    wanted = data.indexed_item(data.spread(number, groups) * data.GROUP)["g1"]
    return _named(GROUPS, IndexName="by_g1", KeyConditionExpression="g1 = :g", ExpressionAttributeValues={":g": wanted})


def _block(number: int, items: int, size: int) -> list[int]:
    """Return the numbers of items that no request close in time shares: writers must not wait for each other."""
    return [(number * size + place) * 7919 % items for place in range(size)]


def _batch_get(number: int, items: int) -> Body:
    keys = [data.key(each) for each in dict.fromkeys(_block(number, items, 100))]
    return {"RequestItems": {MAIN.name: {"Keys": keys}}}


def _batch_write(number: int, items: int) -> Body:
    numbers = dict.fromkeys(_block(number, items, 25))
    return {"RequestItems": {MAIN.name: [{"PutRequest": {"Item": data.item(each, number)}} for each in numbers]}}


def _transact_write(number: int, items: int) -> Body:
    numbers = dict.fromkeys(_block(number, items, 10))
    return {"TransactItems": [{"Put": _named(MAIN, Item=data.item(each, number))} for each in numbers]}


def _transact_get(number: int, items: int) -> Body:
    numbers = dict.fromkeys(_block(number, items, 10))
    return {"TransactItems": [{"Get": _named(MAIN, Key=data.key(each))} for each in numbers]}


def _statement(number: int, items: int) -> Body:
    wanted = data.key(data.spread(number, items))
    return {
        "Statement": f'SELECT * FROM "{MAIN.name}" WHERE p = ? AND s = ?',
        "Parameters": [wanted["p"], wanted["s"]],
    }


def _put_indexed(table: Table) -> Callable[[int, int], Body]:
    def body(number: int, items: int) -> Body:
        return _named(table, Item=data.indexed_item(data.fresh(number)))

    return body


def _indexed(count: int) -> Scenario:
    return Scenario(
        name=f"put-index-{count}",
        about=f"PutItem, new key, indexes: {count}",
        operation="PutItem",
        body=_put_indexed(INDEXED[count]),
        tables=(INDEXED[count],),
        once=True,
        floor="put-32",
    )


def _searching(name: str, about: str, colour: str) -> Scenario:
    return Scenario(
        name=name,
        about=about,
        operation="SearchVectors",
        body=lambda number, items: vectors.search(VECTORS.name, number, colour),
        tables=(VECTORS,),
        pool=500,
        neighbours=colour,
    )


def _put_vector(number: int, items: int) -> Body:
    return _named(VECTORS, Item=vectors.item(data.fresh(data.fresh(number))))


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="get", about="GetItem", operation="GetItem", body=_get, floor="get-32"),
    Scenario(name="put-new", about="PutItem, new key", operation="PutItem", body=_put_new, once=True, floor="put-32"),
    Scenario(name="put-over", about="PutItem over an item", operation="PutItem", body=_put_over, floor="put-32"),
    Scenario(
        name="put-absent",
        about="PutItem if absent, new key",
        operation="PutItem",
        body=_put_absent,
        once=True,
        floor="change-32",
    ),
    Scenario(name="put-exists", about="PutItem if present", operation="PutItem", body=_put_exists, floor="change-32"),
    Scenario(name="update-set", about="UpdateItem SET", operation="UpdateItem", body=_update_set, floor="change-32"),
    Scenario(name="update-add", about="UpdateItem ADD", operation="UpdateItem", body=_update_add, floor="change-32"),
    Scenario(
        name="update-hot",
        about="UpdateItem ADD, one hot key",
        operation="UpdateItem",
        body=_update_hot,
        pool=1,
        floor="change-32",
    ),
    Scenario(
        name="delete",
        about="DeleteItem",
        operation="DeleteItem",
        body=_delete,
        tables=(DELETE,),
        once=True,
        floor="change-32",
    ),
    Scenario(
        name="query-50", about="Query, page of 50 items", operation="Query", body=_query_page, floor="page-50", units=50
    ),
    Scenario(
        name="query-filter",
        about="Query, 1 MB page with a filter",
        operation="Query",
        body=_query_filter,
        tables=(WIDE,),
        pool=200,
    ),
    Scenario(name="scan-page", about="Scan, 1 MB page", operation="Scan", body=_scan_page, pool=200),
    Scenario(name="scan-filter", about="Scan, 1 MB page with a filter", operation="Scan", body=_scan_filter, pool=200),
    Scenario(
        name="get-beside-filter",
        about="GetItem while 2 clients query 1 MB",
        operation="GetItem",
        body=_get,
        tables=(MAIN, WIDE),
        background="query-filter",
    ),
    *(_indexed(count) for count in INDEXED),
    Scenario(
        name="query-index",
        about="Query on an index, 50 items",
        operation="Query",
        body=_query_index,
        tables=(GROUPS,),
        floor="page-50",
        units=50,
    ),
    Scenario(
        name="batch-get-100",
        about="BatchGetItem, 100 items",
        operation="BatchGetItem",
        body=_batch_get,
        pool=2_000,
        floor="get-32",
        units=100,
    ),
    Scenario(
        name="batch-write-25",
        about="BatchWriteItem, 25 items",
        operation="BatchWriteItem",
        body=_batch_write,
        pool=4_000,
        floor="put-32",
        units=25,
    ),
    Scenario(
        name="transact-write-10",
        about="TransactWriteItems, 10 items",
        operation="TransactWriteItems",
        body=_transact_write,
        pool=5_000,
        floor="change-32",
        units=10,
    ),
    Scenario(
        name="transact-get-10",
        about="TransactGetItems, 10 items",
        operation="TransactGetItems",
        body=_transact_get,
        pool=5_000,
        floor="get-32",
        units=10,
    ),
    Scenario(
        name="statement-get",
        about="ExecuteStatement, one item by key",
        operation="ExecuteStatement",
        body=_statement,
        floor="get-32",
    ),
    _searching("search-10", f"SearchVectors, 10 of {vectors.MOST:,} with {vectors.DIMENSIONS} dimensions", ""),
    _searching("search-half", "SearchVectors, filter that half pass", "blue"),
    _searching("search-rare", f"SearchVectors, filter that 1 of {vectors.RARE} passes", "rare"),
    Scenario(
        name="put-vector",
        about=f"PutItem, vector of {vectors.DIMENSIONS} dimensions",
        operation="PutItem",
        body=_put_vector,
        tables=(VECTORS,),
        pool=4_000,
        once=True,
    ),
)
"""Everything that is measured, in the order of the result."""
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
