"""From a table's description to what its vector indexes are, for requests and for the store. Pure.

`settings["VectorIds"]` holds the id of each vector index that the store keeps, by name. An index without one is
searched by looking at every item of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.types.table import KeySchema, VectorDefinition
from extenddb.storage.model import VectorSpace

MEMBER = "VectorIndexes"
"""Where requests and descriptions hold the vector indexes."""
IDS = "VectorIds"
"""Where a table's settings hold their ids."""
COUNTER = "NextVector"
"""Where a table's settings hold the number of the next id, which is never given twice."""


def spaces(description: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[VectorSpace, ...]:
    """Return the vector indexes that the store keeps of a table."""
    ids = settings.get(IDS, {})
    return tuple(
        VectorSpace(ids[index["IndexName"]], index["Dimensions"], index["DistanceFunction"])
        for index in description.get(MEMBER, ())
        if index["IndexName"] in ids
    )


def definitions(description: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[VectorDefinition, ...]:
    """Return the definitions of a table's vector indexes."""
    if MEMBER not in description:
        return ()
    types = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    table = tuple(element["AttributeName"] for element in description["KeySchema"])
    ids = settings.get(IDS, {})
    return tuple(_definition(index, types, table, ids) for index in description[MEMBER])


def _definition(
    index: Mapping[str, Any], types: Mapping[str, str], table: tuple[str, ...], ids: Mapping[str, str]
) -> VectorDefinition:
    names = names_of(index)
    attribute = index["VectorAttribute"]["AttributeName"]
    attributes = index["Projection"].get("NonKeyAttributes", ())
    whole = index["Projection"]["ProjectionType"] == "ALL"
    return VectorDefinition(
        name=index["IndexName"],
        id=ids.get(index["IndexName"]),
        attribute=attribute,
        dimensions=index["Dimensions"],
        distance=index["DistanceFunction"],
        schema=KeySchema(hash=names["HASH"], types={name: types[name] for name in names["HASH"]}),
        filters={name: types[name] for name in names["INLINE_FILTER"]},
        projected=None
        if whole
        else frozenset((*table, attribute, *names["HASH"], *names["INLINE_FILTER"], *attributes)),
    )


def names_of(index: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the names in an index's SearchSchema by kind, `HASH` and `INLINE_FILTER`."""
    schema = index.get("SearchSchema") or ()
    return {
        kind: tuple(each["AttributeName"] for each in schema if each["SearchSchemaElementType"] == kind)
        for kind in ("HASH", "INLINE_FILTER")
    }


def used_names(holder: Mapping[str, Any]) -> set[str]:
    """Return the attributes that the search schemas of a request or a description use."""
    return {each["AttributeName"] for index in holder.get(MEMBER) or () for each in index.get("SearchSchema") or ()}


def projected(index: Mapping[str, Any]) -> int:
    """Return how many attributes an index counts towards the table's limit: included ones, filters, the vector."""
    return len(index["Projection"].get("NonKeyAttributes") or ()) + len(names_of(index)["INLINE_FILTER"]) + 1
