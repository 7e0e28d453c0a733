"""What CreateTable refuses, in the service's order and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.hashing import hash_set, hash_table
from extenddb.core.limits import GLOBAL_INDEXES, LOCAL_INDEXES, PROJECTED_ATTRIBUTES
from extenddb.engine.tables import vector_definitions

_INVALID = "One or more parameter values were invalid: "
NO_UNITS = "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
"""What tables that are on demand have no use for."""
_MAX_INDEX_KEYS = 4  # attributes of each half of a multi-attribute global index key
_TABLE_CLASSES = ("STANDARD", "STANDARD_INFREQUENT_ACCESS")

Schema = Sequence[Mapping[str, str]]
Index = Mapping[str, Any]


def invalid(message: str) -> ServiceError:
    """Return the error with which the service introduces most of these."""
    return validation(_INVALID + message)


def check_create(request: Mapping[str, Any]) -> None:
    """Raise a ValidationException for a table that cannot be.

    Which attributes are defined and used is settled before anything else is asked of indexes.
    """
    check_throughput(request)
    types = _attribute_types(request)
    check_key_schema(request["KeySchema"], types)
    local = request.get("LocalSecondaryIndexes")
    global_ = request.get("GlobalSecondaryIndexes")
    _check_list(local, "LocalSecondaryIndexes")
    _check_list(global_, "GlobalSecondaryIndexes")
    indexes = [*(local or ()), *(global_ or ())]
    for index in indexes:
        _check_defined(index["KeySchema"], types)
    _check_all_used(request, indexes)
    for index in local or ():
        _check_local(index, request["KeySchema"])
    for index in global_ or ():
        _check_new_global(index, request.get("BillingMode"))
    vectors = request.get(vector_definitions.MEMBER)
    _check_index_names([*indexes, *(vectors or ())])
    _check_counts(local or (), global_ or (), vectors or ())
    _check_stream(request.get("StreamSpecification"))


def check_present(request: Mapping[str, Any]) -> None:
    """Raise a ValidationException if the members are missing that only some kinds of table do without."""
    missing = [
        f"Value null at '{member[0].lower()}{member[1:]}' failed to satisfy constraint: Member must not be null"
        for member in ("AttributeDefinitions", "KeySchema")
        if request.get(member) is None
    ]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise validation(f"{len(missing)} validation error{plural} detected: {'; '.join(missing)}")


def check_class(table_class: str | None) -> None:
    """Raise a ValidationException for a TableClass there is none of; it is no violation like other enumerations."""
    if table_class is not None and table_class not in _TABLE_CLASSES:
        raise validation(
            "Invalid table-class parameter provided. Please try again with a valid table-class value: "
            f"[{', '.join(_TABLE_CLASSES)}]."
        )


def _attribute_types(request: Mapping[str, Any]) -> dict[str, str]:
    types: dict[str, str] = {}
    for each in request["AttributeDefinitions"]:
        name = each["AttributeName"]
        if name in types:
            raise validation(f"Attribute Name is duplicated: {name}")
        types[name] = each["AttributeType"]
    return types


def check_throughput(request: Mapping[str, Any]) -> None:
    """Check a table's ProvisionedThroughput against BillingMode."""
    throughput = request.get("ProvisionedThroughput")
    if is_on_demand(request.get("BillingMode")):
        if throughput is not None:
            raise on_demand_units()
    elif throughput is None:
        raise invalid("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")


def on_demand_units() -> ServiceError:
    """Return the error for capacity units of a table that is on demand."""
    return invalid(NO_UNITS)


def is_on_demand(billing: str | None) -> bool:
    """Tell whether a BillingMode, which is PROVISIONED by default, is on demand."""
    return billing == "PAY_PER_REQUEST"


def _check_index_throughput(index: Index, billing: str | None) -> None:
    throughput = index.get("ProvisionedThroughput")
    if is_on_demand(billing):
        if throughput is not None:
            raise invalid(
                f"ProvisionedThroughput should not be specified for index: {index['IndexName']} "
                "when BillingMode is PAY_PER_REQUEST"
            )
    elif throughput is None:
        raise invalid(f"ProvisionedThroughput is not specified for index: {index['IndexName']}")


def _names(schema: Schema) -> list[str]:
    return [element["AttributeName"] for element in schema]


def _check_defined(schema: Schema, types: Mapping[str, str]) -> None:
    names = _names(schema)
    if any(name not in types for name in names):
        raise invalid(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(hash_table(list(types)))}]"
        )


def check_key_schema(schema: Schema, types: Mapping[str, str]) -> None:
    """Check the definitions, the order and the kinds of a table's key elements."""
    if len(types) < len(schema) and any(name not in types for name in _names(schema)):
        raise validation("Invalid KeySchema: Some index key attribute have no definition")
    _check_defined(schema, types)
    _check_order(schema)


def _check_order(schema: Schema) -> None:
    """Check the key of a table or a local index: a hash key, and a range key of another name if there is a second."""
    kinds = [element["KeyType"] for element in schema]
    _check_first(kinds)
    if len(kinds) > 1 and kinds[1] != "RANGE":
        raise validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if len(set(_names(schema))) != len(schema):
        raise validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")


def _check_first(kinds: Sequence[str]) -> None:
    if kinds[0] != "HASH":
        raise validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")


def _check_many(schema: Schema) -> None:
    """Check the key of a global index: several hash keys, then several range keys."""
    kinds = [element["KeyType"] for element in schema]
    _check_first(kinds)
    hashes = kinds.count("HASH")
    if kinds != ["HASH"] * hashes + ["RANGE"] * (len(kinds) - hashes):
        raise invalid("All HASH key attributes must precede RANGE key attributes in the KeySchema")
    for kind in ("HASH", "RANGE"):
        if kinds.count(kind) > _MAX_INDEX_KEYS:
            raise invalid(f"The KeySchema exceeds the maximum allowed number of {kind} key attributes")
    if len(set(_names(schema))) != len(schema):
        if kinds == ["HASH", "RANGE"]:
            raise validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
        raise validation("The KeySchema contains multiple key attributes with the same name")


def _check_list(indexes: Sequence[Any] | None, member: str) -> None:
    if indexes is not None and not indexes:
        raise invalid(f"List of {member} is empty")


def _check_local(index: Index, table: Schema) -> None:
    name = index["IndexName"]
    _check_order(index["KeySchema"])
    if len(table) < 2:
        raise invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    if len(index["KeySchema"]) < 2:
        raise invalid(f"Index KeySchema does not have a range key for index: {name}")
    leading, hash_key = index["KeySchema"][0]["AttributeName"], table[0]["AttributeName"]
    if leading != hash_key:
        raise invalid(
            f"Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. "
            f"index hash key: {leading}, table hash key: {hash_key}"
        )
    check_projection(index["Projection"])


def _check_new_global(index: Index, billing: str | None) -> None:
    _check_many(index["KeySchema"])
    check_projection(index["Projection"])
    _check_index_throughput(index, billing)


def check_added_global(index: Index, types: Mapping[str, str]) -> None:
    """Check the key and the projection of a global index that UpdateTable adds, given the definitions it can use."""
    if any(name not in types for name in _names(index["KeySchema"])):
        raise invalid(f"AttributeDefinitions is not specified for index: {index['IndexName']}")
    _check_many(index["KeySchema"])
    check_projection(index["Projection"])


def check_projection(projection: Mapping[str, Any]) -> None:
    """Check that ProjectionType and NonKeyAttributes go together."""
    kind = projection.get("ProjectionType")
    attributes: Sequence[str] | None = projection.get("NonKeyAttributes")
    if kind is None:
        raise invalid("Unknown ProjectionType: null")
    if kind == "INCLUDE" and not attributes:
        raise invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if kind != "INCLUDE" and attributes is not None:
        raise invalid(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    seen: set[str] = set()
    for attribute in attributes or ():
        if attribute in seen:
            raise invalid(f"Duplicate element in NonKeyAttributes: {attribute}")
        seen.add(attribute)


def _check_index_names(indexes: Sequence[Index]) -> None:
    seen: set[str] = set()
    for index in indexes:
        if index["IndexName"] in seen:
            raise invalid(f"Duplicate index name: {index['IndexName']}")
        seen.add(index["IndexName"])


def _check_counts(local: Sequence[Index], global_: Sequence[Index], vectors: Sequence[Index]) -> None:
    if len(local) > LOCAL_INDEXES:
        raise invalid(f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES}")
    if len(global_) > GLOBAL_INDEXES:
        raise invalid(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES}")
    projected = sum(len(index["Projection"].get("NonKeyAttributes") or ()) for index in (*local, *global_))
    projected += sum(map(vector_definitions.projected, vectors))
    if projected > PROJECTED_ATTRIBUTES:
        raise invalid(
            "Number of projected attributes across all indexes exceeds the per-table limit of "
            f"{PROJECTED_ATTRIBUTES}: {projected}"
        )


def _check_all_used(request: Mapping[str, Any], indexes: Iterable[Index]) -> None:
    used = {name: None for schema in (request, *indexes) for name in _names(schema["KeySchema"])}
    used |= dict.fromkeys(sorted(vector_definitions.used_names(request)))
    defined = [each["AttributeName"] for each in request["AttributeDefinitions"]]
    if used.keys() == set(defined):
        return
    if not indexes:
        raise invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise invalid(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(hash_table(defined))}], "
        f"keys used: [{', '.join(hash_set(list(used)))}]"
    )


def _check_stream(specification: Mapping[str, Any] | None) -> None:
    """Check that a stream that is enabled has a view type, and one that is not has none."""
    if specification is None:
        return
    view = specification.get("StreamViewType")
    if specification["StreamEnabled"] and view is None:
        raise invalid("Table is being created with a stream enabled, UpdateViewType is required")
    if not specification["StreamEnabled"] and view is not None:
        raise invalid("Table is being created with a stream disabled, UpdateViewType should not be specified")
