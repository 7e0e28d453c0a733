"""Random writes and searches: every kind of store finds the same rows with the same scores, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.postgres

DISTANCES = ("COSINE", "DOT_PRODUCT", "EUCLIDEAN")
KEYS = [str(number) for number in range(12)]
COMPONENT = st.integers(-4, 4).map(float) | st.floats(-100, 100, width=32, allow_subnormal=False)
VECTOR = st.tuples(COMPONENT, COMPONENT, COMPONENT)
WRITE = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(("put", "update", "delete")),
    st.none() | VECTOR,
    st.sampled_from((None, "a", "b")),
    st.sampled_from((None, "red", "blue")),
)
SEARCH = st.tuples(VECTOR, st.sampled_from(("a", "b")), st.sampled_from((None, "red")), st.integers(1, 8))


@pytest.fixture(scope="module")
def stores(open_store: Callable[[str], AbstractContextManager[Any]]) -> Iterator[dict[str, Any]]:
    """All stores, each with a table for each distance."""
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_store(name)) for name in ("memory", "plain", "postgres")}
        for store in opened.values():
            schema = store.schema(tenant="HASH", colour="INLINE_FILTER")
            for distance in DISTANCES:
                index = store.index(DistanceFunction=distance, Dimensions=3, SearchSchema=schema)
                store.table(f"t-{distance}", index)
        yield opened


def write(store: Any, table: str, change: Any) -> None:
    """Apply one change of an item."""
    key, kind, vector, tenant, colour = change
    if kind == "delete":
        store("DeleteItem", TableName=table, Key={"id": {"S": key}})
        return
    attributes = {name: {"S": value} for name, value in (("tenant", tenant), ("colour", colour)) if value is not None}
    if kind == "put":
        store.put(table, key, vector, **attributes)
        return
    given_ = {**attributes, **({"v": store.listed(vector)} if vector is not None else {})}
    removed = [name for name in ("tenant", "colour", "v") if name not in given_]
    expression = " ".join(
        part
        for part in (
            "SET " + ", ".join(f"{name} = :{name}" for name in given_) if given_ else "",
            "REMOVE " + ", ".join(removed) if removed else "",
        )
        if part
    )
    values = {"ExpressionAttributeValues": {f":{name}": value for name, value in given_.items()}} if given_ else {}
    store("UpdateItem", TableName=table, Key={"id": {"S": key}}, UpdateExpression=expression, **values)


@given(
    distance=st.sampled_from(DISTANCES),
    writes=st.lists(WRITE, min_size=1, max_size=12),
    searches=st.lists(SEARCH, min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_stores_agree(stores: dict[str, Any], distance: str, writes: list[Any], searches: list[Any]) -> None:
    table = f"t-{distance}"
    for store in stores.values():
        for key in KEYS:
            store("DeleteItem", TableName=table, Key={"id": {"S": key}})
        for change in writes:
            write(store, table, change)
    for query, tenant, colour, top in searches:
        condition = "tenant = :t" + (" AND colour = :c" if colour is not None else "")
        values = {":t": {"S": tenant}} | ({":c": {"S": colour}} if colour is not None else {})
        answers = {
            name: store.search(table, query, condition, top, ExpressionAttributeValues=values)
            for name, store in stores.items()
        }
        assert answers["plain"] == answers["memory"]
        assert answers["postgres"] == answers["memory"]
