"""What CreateTable refuses, in the service's order and words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.limits import GLOBAL_INDEXES, LOCAL_INDEXES, PROJECTED_ATTRIBUTES
from extenddb.engine.tables import vector_definitions

_INVALID = "One or more parameter values were invalid: "
_MAX_INDEX_KEYS = 4  # attributes of each half of a multi-attribute global index key


def invalid(message: str) -> ServiceError:
    """Return the error with which the service introduces most of these."""
    return validation(_INVALID + message)


def check_create(request: Mapping[str, Any]) -> None:
    """Raise a ValidationException for a table that cannot be."""
    check_throughput(request)
    types = _attribute_types(request)
    check_key_schema(request["KeySchema"], types, many=False)
    table_keys = [element["AttributeName"] for element in request["KeySchema"]]
    local = request.get("LocalSecondaryIndexes")
    global_ = request.get("GlobalSecondaryIndexes")
    _check_list(local, "LocalSecondaryIndexes")
    _check_list(global_, "GlobalSecondaryIndexes")
    for index in local or ():
        _check_local(index, types, table_keys)
    for index in global_ or ():
        check_global(index, types, request.get("BillingMode"))
    vectors = request.get(vector_definitions.MEMBER)
    _check_index_names([*(local or ()), *(global_ or ()), *(vectors or ())])
    _check_counts(local or (), global_ or (), vectors or ())
    _check_all_used(request, [*(local or ()), *(global_ or ())])
    check_stream(request.get("StreamSpecification"))


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


def _attribute_types(request: Mapping[str, Any]) -> dict[str, str]:
    types: dict[str, str] = {}
    for each in request["AttributeDefinitions"]:
        name = each["AttributeName"]
        if name in types:
            raise invalid(f"Duplicate AttributeName in AttributeDefinitions: {name}")
        types[name] = each["AttributeType"]
    return types


def check_throughput(request: Mapping[str, Any]) -> None:
    """Check a table's ProvisionedThroughput against BillingMode."""
    throughput = request.get("ProvisionedThroughput")
    if is_on_demand(request.get("BillingMode")):
        if throughput is not None:
            raise invalid(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
    elif throughput is None:
        raise invalid("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")


def is_on_demand(billing: str | None) -> bool:
    """Tell whether a BillingMode, which is PROVISIONED by default, is on demand."""
    return billing == "PAY_PER_REQUEST"


def _check_index_throughput(index: Mapping[str, Any], billing: str | None) -> None:
    throughput = index.get("ProvisionedThroughput")
    if is_on_demand(billing):
        if throughput is not None:
            raise invalid(
                f"ProvisionedThroughput should not be specified for index: {index['IndexName']} "
                "when BillingMode is PAY_PER_REQUEST"
            )
    elif throughput is None:
        raise invalid(f"ProvisionedThroughput is not specified for index: {index['IndexName']}")


def check_key_schema(schema: Sequence[Mapping[str, str]], types: Mapping[str, str], *, many: bool) -> None:
    """Check the order, the kinds and the definitions of key elements; `many` allows several of a kind."""
    names = [element["AttributeName"] for element in schema]
    missing = [name for name in names if name not in types]
    if missing and len(types) < len(names):
        raise validation("Invalid KeySchema: Some index key attribute have no definition")
    if missing:
        raise invalid(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    kinds = [element["KeyType"] for element in schema]
    if kinds[0] != "HASH":
        raise validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if not many:
        if len(kinds) > 2:
            raise validation("Invalid KeySchema: The number of key schema elements must be 1 or 2")
        if len(kinds) == 2 and kinds[1] != "RANGE":
            raise validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if len(set(names)) != len(names):
        if len(names) == 2:
            raise validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
        raise validation("Invalid KeySchema: An attribute stands more than once in the KeySchema")
    if many:
        _check_many(kinds)


def _check_many(kinds: Sequence[str]) -> None:
    hashes = kinds.count("HASH")
    if list(kinds) != ["HASH"] * hashes + ["RANGE"] * (len(kinds) - hashes):
        raise validation("Invalid KeySchema: HASH key elements must come before RANGE key elements")
    if hashes > _MAX_INDEX_KEYS or len(kinds) - hashes > _MAX_INDEX_KEYS:
        raise validation(
            f"Invalid KeySchema: At most {_MAX_INDEX_KEYS} HASH and {_MAX_INDEX_KEYS} RANGE key elements are allowed"
        )


def _check_list(indexes: Sequence[Any] | None, member: str) -> None:
    if indexes is not None and not indexes:
        raise invalid(f"List of {member} is empty")


def _check_local(index: Mapping[str, Any], types: Mapping[str, str], table_keys: Sequence[str]) -> None:
    name = index["IndexName"]
    check_key_schema(index["KeySchema"], types, many=False)
    if len(table_keys) < 2:
        raise invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    if len(index["KeySchema"]) < 2:
        raise invalid(f"Index KeySchema does not have a range key for index: {name}")
    leading = index["KeySchema"][0]["AttributeName"]
    if leading != table_keys[0]:
        raise invalid(
            f"Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. "
            f"index hash key: {leading}, table hash key: {table_keys[0]}"
        )
    check_projection(index["Projection"])


def check_global(index: Mapping[str, Any], types: Mapping[str, str], billing: str | None) -> None:
    """Check one global index of CreateTable or UpdateTable."""
    check_key_schema(index["KeySchema"], types, many=True)
    check_projection(index["Projection"])
    _check_index_throughput(index, billing)


def check_projection(projection: Mapping[str, Any]) -> None:
    """Check that ProjectionType and NonKeyAttributes go together."""
    kind = projection.get("ProjectionType")
    attributes = projection.get("NonKeyAttributes")
    if kind is None:
        raise invalid("Unknown ProjectionType: null")
    if kind == "INCLUDE" and not attributes:
        raise invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if kind != "INCLUDE" and attributes is not None:
        raise invalid(f"ProjectionType is {kind}, but NonKeyAttributes is specified")


def _check_index_names(indexes: Sequence[Mapping[str, Any]]) -> None:
    seen: set[str] = set()
    for index in indexes:
        if index["IndexName"] in seen:
            raise invalid(f"Duplicate index name: {index['IndexName']}")
        seen.add(index["IndexName"])


def _check_counts(
    local: Sequence[Mapping[str, Any]], global_: Sequence[Mapping[str, Any]], vectors: Sequence[Mapping[str, Any]]
) -> None:
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


def _check_all_used(request: Mapping[str, Any], indexes: Sequence[Mapping[str, Any]]) -> None:
    used = {element["AttributeName"] for schema in (request, *indexes) for element in schema["KeySchema"]}
    used |= vector_definitions.used_names(request)
    defined = [each["AttributeName"] for each in request["AttributeDefinitions"]]
    if used == set(defined):
        return
    if not indexes:
        raise invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise invalid(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(defined)}], "
        f"keys used: [{', '.join(name for name in defined if name in used)}]"
    )


def check_stream(specification: Mapping[str, Any] | None) -> None:
    """Check that a stream that is enabled has a view type, and one that is not has none."""
    if specification is None:
        return
    view = specification.get("StreamViewType")
    if specification["StreamEnabled"] and view is None:
        raise invalid("StreamViewType must be specified when StreamEnabled is true")
    if not specification["StreamEnabled"] and view is not None:
        raise invalid("StreamViewType cannot be specified when StreamEnabled is false")
