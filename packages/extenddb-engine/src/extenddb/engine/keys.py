"""Keys in requests against the key schemas of a table and its indexes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from extenddb.core.errors import ServiceError, request_validation, validation
from extenddb.core.limits import PARTITION_KEY_SIZE, SORT_KEY_SIZE
from extenddb.core.types.attribute import AttributeValue, Item, normalize, size, type_of
from extenddb.core.types.keys import Key
from extenddb.core.types.table import IndexDefinition, KeySchema, VectorDefinition
from extenddb.engine.tables.table import Table
from extenddb.engine.vectors import entries

MISMATCH = "The provided key element does not match the schema"
_INVALID = "One or more parameter values were invalid: "
_NOT_VALID = "One or more parameter values are not valid. "
_EMPTY_KINDS = {"S": "string", "B": "binary"}

_Keyed: TypeAlias = IndexDefinition | VectorDefinition
"""An index whose key values are checked."""


def normal_key(key: Mapping[str, Any]) -> Item:
    """Return a request's key with normal values; raises for values that are none."""
    return {name: normalize(value) for name, value in key.items()}


def require_key(schema: KeySchema, key: Item) -> Key:
    """Return the stored key of a request's Key member, which names exactly the key attributes."""
    parts = schema.parts(key) if len(key) == len(schema.names) else None
    if parts is None:
        raise validation(MISMATCH)
    return _key(schema, key, parts)


def require_item_key(schema: KeySchema, item: Item) -> Key:
    """Return the stored key of a whole item."""
    parts = schema.parts(item)
    if parts is None:
        raise validation(_unfit(schema, item))
    return _key(schema, item, parts)


def require_batched_item_key(schema: KeySchema, item: Item) -> Key:
    """Return the stored key of a whole item of BatchWriteItem, which speaks of items as it does of keys."""
    parts = schema.parts(item)
    if parts is None:
        raise validation(MISMATCH)
    return _key(schema, item, parts)


def _key(schema: KeySchema, item: Item, parts: list[bytes]) -> Key:
    # The sizes of strings and binaries are those of their bytes; numbers are never too long.
    if b"" in parts or max(map(len, parts)) > SORT_KEY_SIZE:
        check_values(schema, item)
    return schema.joined(parts)


def _unfit(schema: KeySchema, item: Item) -> str:
    for name in schema.names:
        value = item.get(name)
        if value is None:
            return f"{_INVALID}Missing the key {name} in the item"
        if type_of(value) != schema.types[name]:
            return f"{_INVALID}Type mismatch for key {name} expected: {schema.types[name]} actual: {type_of(value)}"
    raise AssertionError  # only what does not fit is asked about


def check_values(schema: KeySchema, item: Mapping[str, AttributeValue]) -> None:
    """Refuse key values that are empty or too long."""
    for name in schema.names:
        ((kind, content),) = item[name].items()
        if not content:
            raise request_validation(
                f"{_NOT_VALID}The AttributeValue for a key attribute cannot contain an empty "
                f"{_EMPTY_KINDS[kind]} value. Key: {name}"
            )
    check_sizes([item[name] for name in schema.hash], [item[name] for name in schema.range])


def check_sizes(partition: Iterable[AttributeValue], sort: Iterable[AttributeValue]) -> None:
    """Refuse key values that are too long for any key."""
    if any(size(value) > PARTITION_KEY_SIZE for value in partition):
        raise validation(f"{_INVALID}Size of hashkey has exceeded the maximum size limit of{PARTITION_KEY_SIZE} bytes")
    if any(size(value) > SORT_KEY_SIZE for value in sort):
        raise validation(
            f"{_INVALID}Aggregated size of all range keys has exceeded the size limit of {SORT_KEY_SIZE} bytes"
        )


def check_index_keys(table: Table, item: Item) -> None:
    """Refuse values of a written item that cannot stand as keys in the table's indexes; absent ones are fine.

    Of several indexes the first by name is named, as publicly reported of the service.
    """
    found = [
        (index.name, fault.message, fault)
        for index, name, value in _index_values(table, item)
        if (fault := _put_fault(index, name, value))
    ]
    if found:
        raise min(found, key=itemgetter(0, 1))[2]
    _check_aggregates(table, item)
    if table.vectors:
        entries.check(table, item)


def _check_aggregates(table: Table, item: Item) -> None:
    """Refuse keys of several attributes that are together longer than a key may be."""
    for index in table.indexes:
        if len(index.schema.names) <= 2:
            continue
        for names, limit in ((index.schema.hash, PARTITION_KEY_SIZE), (index.schema.range, SORT_KEY_SIZE)):
            if sum(size(item[name]) for name in names if name in item) > limit:
                kind = "hash" if names is index.schema.hash else "range"
                raise validation(
                    f"{_INVALID}Aggregated size of all {kind} keys has exceeded the size limit of {limit} bytes"
                )


def check_updated_index_keys(table: Table, item: Item, changed: Container[str]) -> None:
    """Refuse values that an update gives to keys of indexes; attributes it does not change are not looked at.

    Texts from the list of cancellation reasons in the reference of TransactWriteItems.
    """
    for index, name, value in _index_values(table, item):
        fault = _update_fault(index, name, value) if name in changed else None
        if fault is not None:
            raise fault
    _check_aggregates(table, item)
    if table.vectors:
        entries.check(table, item, changed)


def _index_values(table: Table, item: Item) -> Iterator[tuple[_Keyed, str, AttributeValue]]:
    for index in table.indexes + table.vectors:
        for name in index.schema.names:
            value = item.get(name)
            if value is not None:
                yield index, name, value


def _limit(index: _Keyed, name: str) -> int:
    return PARTITION_KEY_SIZE if name in index.schema.hash else SORT_KEY_SIZE


def _put_fault(index: _Keyed, name: str, value: AttributeValue) -> ServiceError | None:
    ((kind, content),) = value.items()
    expected = index.schema.types[name]
    if kind != expected:
        return validation(
            f"{_INVALID}Type mismatch for Index Key {name} Expected: {expected} Actual: {kind} IndexName: {index.name}"
        )
    if not content:
        return request_validation(
            f"{_NOT_VALID}A value specified for a secondary index key is not supported. The AttributeValue for a key "
            f"attribute cannot contain an empty {_EMPTY_KINDS[kind]} value. IndexName: {index.name}, IndexKey: {name}"
        )
    actual, limit = size(value), _limit(index, name)
    if actual <= limit:
        return None
    return validation(
        f"{_INVALID}Size limit exceeded for Index Key {name} Actual Size: {actual} bytes Max Size: {limit} bytes "
        f"IndexName: {index.name}"
    )


def _update_fault(index: _Keyed, name: str, value: AttributeValue) -> ServiceError | None:
    ((kind, content),) = value.items()
    if kind != index.schema.types[name]:
        return validation("The update expression attempted to update the secondary index key to unsupported type")
    if not content:
        return request_validation(
            f"{_NOT_VALID}The update expression attempted to update a secondary index key to a value that is not "
            f"supported. The AttributeValue for a key attribute cannot contain an empty {_EMPTY_KINDS[kind]} value."
        )
    if size(value) > _limit(index, name):
        return validation(
            "The update expression attempted to update the secondary index key beyond allowed size limits"
        )
    return None
