"""Vector indexes in CreateTable and UpdateTable: what is refused, and how they are described. Pure.

Sources: "Vector indexes" and "Troubleshooting vector indexes" of the developer guide, the API reference, and AWS's
published notes on vector search (`amazon-dynamodb/references/vector-search.md` of its agent toolkit), which quote the
numbers and most of the texts. Texts without a source are our own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import LIMIT_EXCEEDED, ServiceError, resource_not_found, validation
from extenddb.core.limits import INLINE_FILTERS, VECTOR_DIMENSIONS, VECTOR_INDEXES
from extenddb.engine.tables import rules
from extenddb.engine.tables.table import Table
from extenddb.engine.tables.vector_definitions import COUNTER, IDS, MEMBER, names_of
from extenddb.storage.model import Estimate

if TYPE_CHECKING:
    from extenddb.engine.tables.update import Draft

ON_DEMAND = "Vector indexes are only supported on tables with BillingMode PAY_PER_REQUEST"
ONE_INDEX = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
_NOTHING = Estimate(rows=0, bytes=0)


def check_create(request: Mapping[str, Any]) -> None:
    """Check the vector indexes of CreateTable. Raises ValidationException."""
    types = {each["AttributeName"]: each["AttributeType"] for each in request["AttributeDefinitions"]}
    check(request.get(MEMBER), types, request.get("BillingMode"))


def check(indexes: Sequence[Mapping[str, Any]] | None, types: Mapping[str, str], billing: str | None) -> None:
    """Check the vector indexes a table will have; the names of all its indexes are checked elsewhere."""
    if indexes is None:
        return
    if not indexes:
        raise rules.invalid(f"List of {MEMBER} is empty")
    if not rules.is_on_demand(billing):
        raise rules.invalid(ON_DEMAND)
    if len(indexes) > VECTOR_INDEXES:
        raise rules.invalid(f"VectorIndex count exceeds the per-table limit of {VECTOR_INDEXES}")
    dimensions: dict[str, int] = {}
    for index in indexes:
        _check(index, types)
        attribute = index["VectorAttribute"]["AttributeName"]
        if dimensions.setdefault(attribute, index["Dimensions"]) != index["Dimensions"]:
            raise rules.invalid(f"All vector indexes on attribute {attribute} must have the same Dimensions")


def _check(index: Mapping[str, Any], types: Mapping[str, str]) -> None:
    rules.check_projection(index["Projection"])
    if index["Dimensions"] > VECTOR_DIMENSIONS:
        raise rules.invalid(f"Number of dimensions must be between 1 and {VECTOR_DIMENSIONS} inclusive.")
    if index["VectorAttribute"]["AttributeName"] in types:
        raise rules.invalid(
            f"The vector attribute of index {index['IndexName']} cannot be defined in AttributeDefinitions"
        )
    names = names_of(index)
    used = (*names["HASH"], *names["INLINE_FILTER"])
    if not set(used) <= types.keys():
        raise rules.invalid("One element in SearchSchema is not defined in attribute definitions")
    if len(set(used)) != len(used):
        raise rules.invalid(f"An attribute stands more than once in the SearchSchema of index {index['IndexName']}")
    if len(names["HASH"]) > 1:
        raise rules.invalid(f"More than one HASH element in the SearchSchema of index {index['IndexName']}")
    if len(names["INLINE_FILTER"]) > INLINE_FILTERS:
        raise rules.invalid(
            f"Number of INLINE_FILTER elements of index {index['IndexName']} exceeds the limit of {INLINE_FILTERS}"
        )


def described(given: Mapping[str, Any], arn: TableArn) -> dict[str, Any]:
    """Return the description of a new vector index that is active."""
    members = ("IndexName", "SearchSchema", "Projection", "VectorAttribute", "Dimensions", "DistanceFunction")
    description = {name: given[name] for name in members if given.get(name) is not None}
    return {**description, "IndexStatus": "ACTIVE", "IndexArn": arn.index(given["IndexName"])}


def counted(table: Table, estimates: Mapping[str | None, Estimate], status: str | None) -> dict[str, Any]:
    """Return the VectorIndexes member of a description with its counts; empty without vector indexes."""
    if MEMBER not in table.description:
        return {}
    ids = table.settings.get(IDS, {})
    return {MEMBER: [_counted(index, estimates, ids, status) for index in table.description[MEMBER]]}


def _counted(
    index: Mapping[str, Any], estimates: Mapping[str | None, Estimate], ids: Mapping[str, str], status: str | None
) -> dict[str, Any]:
    # Without an index in the store nobody knows how many items have a vector: at most all of them.
    known = estimates.get(ids.get(index["IndexName"]), _NOTHING)
    counted = {**index, "IndexSizeBytes": known.bytes, "ItemCount": known.rows}
    if status is not None:
        counted["IndexStatus"] = status
    return counted


def numbered(description: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new table's settings with ids for all its vector indexes."""
    indexes = description.get(MEMBER, ())
    if not indexes:
        return dict(settings)
    ids = {index["IndexName"]: f"v{number}" for number, index in enumerate(indexes)}
    return {**settings, IDS: ids, COUNTER: len(ids)}


def suited(table: Table, *, stored: bool) -> Table:
    """Return the table as a store can have it: where it keeps no vectors, indexes have no ids and are ready at once."""
    if stored or IDS not in table.settings:
        return table
    settings = {name: value for name, value in table.settings.items() if name != IDS}
    description = dict(table.description)
    if MEMBER in description:
        description[MEMBER] = [active(index) for index in description[MEMBER]]
    return table.edited(description=description, settings=settings)


def active(index: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of an index that is filled."""
    return {name: value for name, value in index.items() if name != "Backfilling"} | {"IndexStatus": "ACTIVE"}


def edit(draft: Draft) -> None:
    """Apply VectorIndexUpdates. Raises ServiceError."""
    updates = draft.request["VectorIndexUpdates"]
    others = draft.request.get("GlobalSecondaryIndexUpdates") or ()
    running = len(draft.table.backfilling) if draft.strict else 0
    if running + len(updates) + sum(not update.get("Update") for update in others) > 1:
        raise ServiceError(LIMIT_EXCEEDED, ONE_INDEX)
    for update in updates:
        create, delete = update.get("Create"), update.get("Delete")
        if (create is None) == (delete is None):
            raise rules.invalid("One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be null")
        if create is not None:
            _create(draft, create)
        else:
            _delete(draft, delete)


def _create(draft: Draft, body: Mapping[str, Any]) -> None:
    indexes = draft.description.get(MEMBER, [])
    name = body["IndexName"]
    if name in draft.index_ids or any(index["IndexName"] == name for index in indexes):
        raise validation("Attempting to create an index which already exists")
    if len(indexes) >= VECTOR_INDEXES:
        raise ServiceError(LIMIT_EXCEEDED, f"Subscriber limit exceeded: {VECTOR_INDEXES} vector indexes per table")
    check([*indexes, body], draft.types, "PAY_PER_REQUEST" if draft.on_demand else None)
    new = {**described(body, draft.arn), "IndexStatus": "CREATING", "Backfilling": True}
    draft.description[MEMBER] = [*indexes, new]
    number = draft.settings.get(COUNTER, 0)
    draft.settings[COUNTER] = number + 1
    draft.settings[IDS] = {**draft.settings.get(IDS, {}), name: f"v{number}"}


def _delete(draft: Draft, body: Mapping[str, Any]) -> None:
    name = body["IndexName"]
    indexes = draft.description.get(MEMBER, [])
    left = [index for index in indexes if index["IndexName"] != name]
    if len(left) == len(indexes):
        raise resource_not_found()
    draft.description[MEMBER] = left
    if not left:
        del draft.description[MEMBER]
    draft.settings[IDS] = {each: id_ for each, id_ in draft.settings.get(IDS, {}).items() if each != name}


def check_billing(draft: Draft) -> None:
    """Refuse provisioned capacity for a table with vector indexes."""
    if draft.description.get(MEMBER):
        raise rules.invalid(ON_DEMAND)
