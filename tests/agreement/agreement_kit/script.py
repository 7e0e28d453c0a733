"""A script: a table and what happens to it, and how a script is carried out on a pair of engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agreement_kit.pair import Answer, Pair
from agreement_kit.requests import Requests
from agreement_kit.shapes import SHAPES, TYPES, Shape
from agreement_kit.statements import Statements
from hypothesis import strategies as st

TABLE = "things"
_PAGES = 200
"""More pages than any walk over a script's few items can have."""

Step = tuple[str, Any]
"""An operation and its request, or one of the words of `_SPECIAL` and what it needs."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """One random history."""

    shape: Shape
    steps: list[Step]


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Draw a script."""
    shape = draw(st.sampled_from(SHAPES))
    steps = _steps(Requests(shape, TABLE), Statements(shape, TABLE))
    return Script(shape=shape, steps=draw(st.lists(steps, min_size=3, max_size=14)))


def _steps(requests: Requests, statements: Statements) -> st.SearchStrategy[Step]:
    writes = {
        "PutItem": requests.puts(),
        "UpdateItem": requests.updates() | requests.updates() | requests.legacy_updates(),
        "DeleteItem": requests.deletes(),
        "BatchWriteItem": requests.batch_writes(),
        "TransactWriteItems": requests.transact_writes(),
        "crowd": st.tuples(st.just(requests.shape), _crowd(requests)),
        "fill": st.tuples(st.just(requests.shape), st.lists(requests.items(), min_size=5, max_size=12)),
    }
    partiql = {
        "ExecuteStatement": statements.alone(),
        "BatchExecuteStatement": statements.batches(),
        "ExecuteTransaction": statements.transactions(),
    }
    reads = {
        "GetItem": requests.gets(),
        "BatchGetItem": requests.batch_gets(),
        "TransactGetItems": requests.transact_gets(),
        "Query": requests.queries(),
        "Scan": requests.scans(),
    }
    readers = st.one_of([st.tuples(st.just(name), each) for name, each in reads.items()])
    limits = st.integers(1, 4)
    special = {
        "walk": st.tuples(st.just("Query"), requests.queries(), limits)
        | st.tuples(st.just("Scan"), requests.scans(), limits),
        "control": st.sampled_from(
            [
                ("DescribeTable", {"TableName": TABLE}),
                ("ListTables", {"Limit": 1}),
                ("CreateTable", requests.shape.request("others")),
                ("CreateTable", requests.shape.request(TABLE)),
                ("DeleteTable", {"TableName": "others"}),
            ]
        ),
        "UpdateTable": requests.changes_of_the_table(),
        "UpdateTimeToLive": st.builds(_expiry, st.sampled_from(["ttl", "x"]), st.booleans()),
        "readers": st.lists(readers, min_size=2, max_size=6),
        "work": st.none(),
        "anew": st.just(requests.shape),
    }
    return st.one_of(
        [st.tuples(st.just(name), each) for name, each in (writes | reads | writes | partiql | special).items()]
    )


def _crowd(requests: Requests) -> st.SearchStrategy[list[Step]]:
    one = st.one_of(
        st.tuples(st.just("PutItem"), requests.puts()),
        st.tuples(st.just("UpdateItem"), requests.updates()),
        st.tuples(st.just("DeleteItem"), requests.deletes()),
    )
    return st.lists(one, min_size=2, max_size=8)


def _expiry(attribute: str, enabled: bool) -> dict[str, Any]:
    return {"TableName": TABLE, "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled}}


def carry_out(script: Script, pair: Pair) -> None:
    """Do everything on both engines. Raises AssertionError where they differ, or contradict themselves."""
    account = pair.account()
    pair.ask(account, "CreateTable", script.shape.request(TABLE))
    try:
        for name, content in script.steps:
            if name in _SPECIAL:
                _SPECIAL[name](pair, account, content)
            else:
                pair.ask(account, name, content)
        pair.work()
        _check_indexes(pair, account, script.shape)
    finally:
        for table in (TABLE, "others"):
            pair.ask(account, "DeleteTable", {"TableName": table})


def _fill(pair: Pair, account: str, content: tuple[Shape, list[dict[str, Any]]]) -> None:
    """Put several items at the same time, never two with one key: which of them would stay is left open."""
    shape, items = content
    keyed = {shape.identity(item): item for item in items}
    pair.ask_together(account, [("PutItem", {"TableName": TABLE, "Item": item}) for item in keyed.values()])


def _write_together(pair: Pair, account: str, content: tuple[Shape, list[Step]]) -> None:
    """Write several items at the same time: one that is refused must not disturb its neighbours."""
    shape, steps = content
    keyed = {shape.identity(request.get("Item") or request["Key"]): (name, request) for name, request in steps}
    pair.ask_together(account, list(keyed.values()))


def _read_together(pair: Pair, account: str, content: list[Step]) -> None:
    pair.ask_together(account, content)


def _walk(pair: Pair, account: str, content: tuple[str, dict[str, Any], int]) -> None:
    """Read page by page, forwards and backwards: the pages together are what one request answers."""
    operation, request, limit = content
    whole = pair.ask(account, operation, request)
    if "__type" in whole:
        return
    paged = _pages(pair, account, operation, {**request, "Limit": limit})
    assert sum(page["Count"] for page in paged) == whole["Count"]
    assert sum(page["ScannedCount"] for page in paged) == whole["ScannedCount"]
    items = [item for page in paged for item in page.get("Items", ())]
    assert items == whole.get("Items", [])
    if operation == "Query":
        turned = pair.ask(account, operation, {**request, "ScanIndexForward": not request["ScanIndexForward"]})
        assert turned.get("Items", [])[::-1] == items


def _pages(pair: Pair, account: str, operation: str, request: Mapping[str, Any]) -> list[Answer]:
    pages = [pair.ask(account, operation, request)]
    while "LastEvaluatedKey" in pages[-1]:
        assert len(pages) < _PAGES
        start = {"ExclusiveStartKey": pages[-1]["LastEvaluatedKey"]}
        pages.append(pair.ask(account, operation, {**request, **start}))
    assert all(page["ScannedCount"] <= request["Limit"] for page in pages)
    return pages


def _control(pair: Pair, account: str, content: Step) -> None:
    pair.ask(account, *content)


def _anew(pair: Pair, account: str, shape: Shape) -> None:
    """Delete the table and create it again: nothing of the old one may come back."""
    pair.ask(account, "DeleteTable", {"TableName": TABLE})
    pair.ask(account, "CreateTable", shape.request(TABLE))
    assert pair.ask(account, "Scan", {"TableName": TABLE})["Count"] == 0


def _work(pair: Pair, account: str, content: None) -> None:
    pair.work()


_SPECIAL: Mapping[str, Callable[[Pair, str, Any], None]] = {
    "crowd": _write_together,
    "fill": _fill,
    "readers": _read_together,
    "walk": _walk,
    "control": _control,
    "anew": _anew,
    "work": _work,
}


def _check_indexes(pair: Pair, account: str, shape: Shape) -> None:
    """An index holds exactly the items that have its keys, whatever happened before."""
    rows = pair.ask(account, "Scan", {"TableName": TABLE})["Items"]
    table = pair.ask(account, "DescribeTable", {"TableName": TABLE})["Table"]
    for index in (*table.get("LocalSecondaryIndexes", ()), *table.get("GlobalSecondaryIndexes", ())):
        assert index.get("IndexStatus", "ACTIVE") == "ACTIVE"
        name = index["IndexName"]
        found = pair.ask(account, "Scan", {"TableName": TABLE, "IndexName": name})["Items"]
        assert sorted(map(_text, found)) == sorted(map(_text, _projected(index, shape, rows))), name


def _projected(index: dict[str, Any], shape: Shape, rows: list[Answer]) -> list[Answer]:
    keys = [element["AttributeName"] for element in index["KeySchema"]]
    projection = index["Projection"]
    seen = {*shape.keys, *keys, *projection.get("NonKeyAttributes", ())}
    inside = [row for row in rows if all(TYPES[name[0]] in row.get(name, ()) for name in keys)]
    whole = projection["ProjectionType"] == "ALL"
    return [row if whole else {name: row[name] for name in row if name in seen} for row in inside]


def _text(item: dict[str, Any]) -> str:
    return str(sorted(item.items()))
