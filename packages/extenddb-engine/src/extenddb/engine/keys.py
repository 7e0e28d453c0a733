"""Keys in requests against the key schemas of a table and its indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.limits import PARTITION_KEY_SIZE, SORT_KEY_SIZE
from extenddb.core.types.attribute import AttributeValue, Item, normalize, size, type_of
from extenddb.core.types.keys import Key
from extenddb.core.types.table import IndexDefinition, KeySchema
from extenddb.engine.tables.table import Table

MISMATCH = "The provided key element does not match the schema"
_INVALID = "One or more parameter values were invalid: "
_NOT_VALID = "One or more parameter values are not valid. "
_EMPTY_KINDS = {"S": "string", "B": "binary"}


def normal_key(key: Mapping[str, Any]) -> Item:
    """Return a request's key with normal values; raises for values that are none."""
    return {name: normalize(value) for name, value in key.items()}


def require_key(schema: KeySchema, key: Item) -> Key:
    """Return the stored key of a request's Key member, which names exactly the key attributes."""
    if len(key) != len(schema.names) or not schema.fits(key):
        raise validation(MISMATCH)
    check_values(schema, key)
    return schema.key(key)


def require_item_key(schema: KeySchema, item: Item) -> Key:
    """Return the stored key of a whole item."""
    for name in schema.names:
        value = item.get(name)
        if value is None:
            raise validation(f"{_INVALID}Missing the key {name} in the item")
        if type_of(value) != schema.types[name]:
            raise validation(
                f"{_INVALID}Type mismatch for key {name} expected: {schema.types[name]} actual: {type_of(value)}"
            )
    check_values(schema, item)
    return schema.key(item)


def check_values(schema: KeySchema, item: Mapping[str, AttributeValue]) -> None:
    """Refuse key values that are empty or too long."""
    for name in schema.names:
        ((kind, content),) = item[name].items()
        if not content:
            raise validation(
                f"{_NOT_VALID}The AttributeValue for a key attribute cannot contain an empty "
                f"{_EMPTY_KINDS[kind]} value. Key: {name}"
            )
    for name in schema.hash:
        if size(item[name]) > PARTITION_KEY_SIZE:
            raise validation(
                f"{_INVALID}Size of hashkey has exceeded the maximum size limit of{PARTITION_KEY_SIZE} bytes"
            )
    for name in schema.range:
        if size(item[name]) > SORT_KEY_SIZE:
            raise validation(
                f"{_INVALID}Aggregated size of all range keys has exceeded the size limit of {SORT_KEY_SIZE} bytes"
            )


def check_index_keys(table: Table, item: Item) -> None:
    """Refuse values that cannot stand as keys in the table's indexes; absent ones are fine."""
    for index in table.indexes:
        for name in index.schema.names:
            value = item.get(name)
            if value is not None:
                _check_index_value(index, name, value)


def _check_index_value(index: IndexDefinition, name: str, value: AttributeValue) -> None:
    ((kind, content),) = value.items()
    expected = index.schema.types[name]
    if kind != expected:
        raise validation(
            f"{_INVALID}Type mismatch for Index Key {name} Expected: {expected} Actual: {kind} IndexName: {index.name}"
        )
    if not content:
        raise validation(
            f"{_NOT_VALID}A value specified for a secondary index key is not supported. The AttributeValue for a key "
            f"attribute cannot contain an empty {_EMPTY_KINDS[kind]} value. IndexName: {index.name}, IndexKey: {name}"
        )
    limit = PARTITION_KEY_SIZE if name in index.schema.hash else SORT_KEY_SIZE
    if size(value) > limit:
        raise _index_value_too_long(name in index.schema.hash)


def _index_value_too_long(is_hash: bool) -> ServiceError:
    if is_hash:
        return validation(f"{_INVALID}Size of hashkey has exceeded the maximum size limit of{PARTITION_KEY_SIZE} bytes")
    return validation(
        f"{_INVALID}Aggregated size of all range keys has exceeded the size limit of {SORT_KEY_SIZE} bytes"
    )
