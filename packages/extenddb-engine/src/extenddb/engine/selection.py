"""What Query and Scan share: the index, Select and its rules, and the start key's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.expressions import Condition
from extenddb.core.types.attribute import Item, normalize
from extenddb.core.types.table import IndexDefinition
from extenddb.engine.read_path import Projector, Reading
from extenddb.engine.tables.table import Table

_INVALID = "One or more parameter values were invalid: "
# Of these two only the first has a full stop (ExtendDB/extenddb#319).
_NO_QUERY = "Query operation not supported on this index type."
_NO_SCAN = "Scan operation not supported on this index type"
_NOTHING_SPECIFIC = "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"


def require_index(table: Table, request: Mapping[str, Any]) -> IndexDefinition | None:
    """Return the index a request names, or None for the table itself; raises for reads the index does not offer."""
    name = request.get("IndexName")
    if name is None:
        return None
    index = table.definition.index(name)
    if index is None and any(each.name == name for each in table.vectors):
        by_key = request.get("KeyConditionExpression") is not None or request.get("KeyConditions") is not None
        raise validation(_NO_QUERY if by_key else _NO_SCAN)
    if index is None:
        raise validation(f"The table does not have the specified index: {name}")
    if name in table.backfilling:
        raise validation(f"Cannot read from backfilling global secondary index: {name}")
    if index.kind == "GLOBAL" and request.get("ConsistentRead"):
        raise validation("Consistent reads are not supported on global secondary indexes")
    return index


def normal_start_key(request: Mapping[str, Any]) -> Item | None:
    """Return ExclusiveStartKey with normal values; raises for values that are none."""
    key = request.get("ExclusiveStartKey")
    if key is None:
        return None
    try:
        return {name: normalize(value) for name, value in key.items()}
    except ServiceError as error:
        raise validation(f"The provided starting key is invalid: {error.message}") from None


def reading(
    table: Table,
    index: IndexDefinition | None,
    request: Mapping[str, Any],
    filter_: Condition | None,
    projection: Projector | None,
) -> Reading:
    """Return what shall be done with the rows; raises where Select, index and projection do not go together."""
    select = request.get("Select")
    if select == "ALL_ATTRIBUTES" and index is not None and index.kind == "GLOBAL" and index.projected is not None:
        raise validation(
            f"{_INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} because "
            "its projection type is not ALL"
        )
    return Reading(
        table=table,
        index=index,
        filter=filter_,
        projection=projection,
        count_only=select == "COUNT",
        whole_items=_needs_whole_items(index, select, projection),
        consistent=bool(request.get("ConsistentRead")),
    )


def select_problem(request: Mapping[str, Any]) -> str | None:
    """Return what is wrong between Select and the other members of a request; None if nothing is."""
    select = request.get("Select")
    if select is None:
        return None
    given = next((name for name in ("ProjectionExpression", "AttributesToGet") if request.get(name) is not None), None)
    if select == "SPECIFIC_ATTRIBUTES":
        return None if given is not None else _NOTHING_SPECIFIC
    if given is not None:
        what = "only the Count" if select == "COUNT" else select
        return f"Cannot specify the {given} when choosing to get {what}"
    if select == "ALL_PROJECTED_ATTRIBUTES" and request.get("IndexName") is None:
        return "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
    return None


def _needs_whole_items(index: IndexDefinition | None, select: str | None, projection: Projector | None) -> bool:
    """Local indexes fetch what they do not hold; global ones answer only what they hold."""
    if index is None or index.projected is None:
        return False
    if index.kind == "GLOBAL":
        _check_projected(index, projection)
        return False
    if projection is not None:
        return not projection.top_level_names <= index.projected
    return select == "ALL_ATTRIBUTES"


def _check_projected(index: IndexDefinition, projection: Projector | None) -> None:
    if projection is None or index.projected is None:
        return
    missing = sorted(projection.top_level_names - index.projected)
    if missing:
        raise validation(f"{_INVALID}Global secondary index {index.name} does not project [{', '.join(missing)}]")
