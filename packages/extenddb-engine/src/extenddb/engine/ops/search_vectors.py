"""SearchVectors: the items of a vector index that are most similar to a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Projection, bind_projection
from extenddb.core.limits import BATCH_SIZE, TOP_K
from extenddb.core.types import number, vector
from extenddb.core.types.attribute import Item, item_size
from extenddb.core.types.table import VectorDefinition
from extenddb.engine import codec, parameters
from extenddb.engine.context import Caller, Context
from extenddb.engine.requests import require_table
from extenddb.engine.tables.table import Table
from extenddb.engine.vectors import condition
from extenddb.engine.vectors.entries import LEAST_BYTES, entry_bytes
from extenddb.engine.vectors.searching import search
from extenddb.storage.model import Hit

if TYPE_CHECKING:
    from extenddb.core.model.requests import SearchVectorsInput

_NOT_A_VECTOR = (
    "Search vector contains invalid values. "
    "All values in the search vector must be a 32-bit floating-point number attribute"
)
_TOO_LARGE = "The items found exceed the response limit of 16 MB: reduce TopK or ask for fewer attributes"
_EXPRESSIONS = ("ProjectionExpression", condition.MEMBER)


async def search_vectors(context: Context, caller: Caller, request: SearchVectorsInput) -> dict[str, Any]:
    """Answer SearchVectors: scores are exact, and equal ones stand in the order of the table's keys."""
    limit = request["TopK"]
    if limit > TOP_K:
        raise validation(
            f"Provided TopK value '{limit}' is out of valid range. The value must be between 1 and {TOP_K} inclusive"
        )
    values, projection = _bind(request)
    query = _query(request["SearchVector"])
    table = await require_table(context, caller, request["TableName"])
    index = require_index(table, request["IndexName"])
    given = len(query) // vector.FLOAT_SIZE
    if given != index.dimensions:
        raise validation(
            f"Input search vector dimension {given} does not match vector index dimension {index.dimensions}"
        )
    hits = await search(context, table, index, query, condition.labels(index, values), limit)
    return _answer(request, index, projection, hits)


def _bind(request: Mapping[str, Any]) -> tuple[Item, Projection | None]:
    parameters.check_mix(request, _EXPRESSIONS, ())
    projection_text, condition_text = (request.get(member) for member in _EXPRESSIONS)
    if projection_text is None and condition_text is None:
        return {}, None
    names_and_values = parameters.placeholders(request)
    values = condition.bind(condition_text, names_and_values) if condition_text is not None else {}
    projection = bind_projection(projection_text, names_and_values) if projection_text is not None else None
    names_and_values.check_unused()
    return values, projection


def _query(elements: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the stored form of a SearchVector. Raises ValidationException."""
    components = []
    for element in elements:
        if list(element) != ["N"]:
            raise validation(_NOT_A_VECTOR)
        components.append(float(number.normalize(element["N"])))
    try:
        return vector.pack(components)
    except OverflowError:
        raise validation(_NOT_A_VECTOR) from None


def require_index(table: Table, name: str) -> VectorDefinition:
    """Return a vector index that can be searched. Raises ValidationException."""
    for index in table.vectors:
        if index.name == name:
            if name in table.backfilling:
                raise validation(f"Cannot search backfilling vector index: {name}")
            return index
    raise validation(f"The table does not have the specified index: {name}")


def _answer(
    request: Mapping[str, Any], index: VectorDefinition, projection: Projection | None, hits: Sequence[Hit]
) -> dict[str, Any]:
    results, size, examined = [], 0, 0
    for hit in hits:
        held = index.project(codec.load(hit.row.item))
        examined += entry_bytes(index, held)
        item = _visible(index, projection, held)
        size += item_size(item)
        results.append({"Item": item, "Score": hit.score})
    if size > BATCH_SIZE:
        raise validation(_TOO_LARGE).settle()
    response: dict[str, Any] = {"SearchResults": results}
    if request.get("ReturnConsumedCapacity", "NONE") != "NONE":
        response["ConsumedCapacity"] = {"VectorSearchRequestBytes": float(max(examined, LEAST_BYTES))}
    return response


def _visible(index: VectorDefinition, projection: Projection | None, item: Item) -> Item:
    """Return what is answered of an entry: what is asked for, else everything but the vector.

    The vector is the index's own, of 32-bit components (recorded 2026-08 in eu-west-2).
    """
    if projection is not None:
        content = item.get(index.attribute)
        if content is not None and index.attribute in projection.top_level_names:
            components = vector.texts([float(element["N"]) for element in content["L"]])
            item = {**item, index.attribute: {"L": [{"N": number.normalize(text)} for text in components]}}
        return projection.project(item)
    return {name: value for name, value in item.items() if name != index.attribute}
