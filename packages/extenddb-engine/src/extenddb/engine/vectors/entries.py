"""From items to entries of vector indexes: what stands in them, what is refused, what it costs. Pure.

Rules and texts from the sources named in `tables.vectors`; texts without one are our own words.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from hashlib import blake2b

from extenddb.core.errors import ServiceError, validation
from extenddb.core.types import keys, vector
from extenddb.core.types.attribute import AttributeValue, Item, item_size, type_of
from extenddb.core.types.attribute import size as value_size
from extenddb.core.types.capacity import Consumed
from extenddb.core.types.table import VectorDefinition
from extenddb.engine.tables.table import Table
from extenddb.storage.model import IndexChange, VectorEntry

LEAST_BYTES = 1024
"""Smallest size that a search, or a write of vectors, is counted with."""
_LABEL_SIZE = 16
_INVALID = "One or more parameter values were invalid: "


def label(name: str, value: AttributeValue) -> bytes:
    """Return what entries with this value of a search attribute are found by."""
    ((kind, _),) = value.items()
    return blake2b(
        keys.joined([name.encode(), kind.encode(), keys.value_bytes(value)]), digest_size=_LABEL_SIZE
    ).digest()


def entry(index: VectorDefinition, item: Item | None) -> VectorEntry | None:
    """Return what an index holds of an item.

    None when the item lacks the vector or the index's hash attribute, or has values that a write would be refused
    for: they can be older than the index.
    """
    if item is None or index.schema.entry_key(item) is None:
        return None
    content = item.get(index.attribute)
    stored = _stored(index, content) if content is not None else None
    if stored is None:
        return None
    labels = tuple(
        label(name, item[name])
        for name, kind in (*index.schema.types.items(), *index.filters.items())
        if name in item and type_of(item[name]) == kind
    )
    return VectorEntry(stored, labels, index.entry_size(item))


def _stored(index: VectorDefinition, value: AttributeValue) -> bytes | None:
    content = value.get("L")
    if content is None or len(content) != index.dimensions:
        return None
    try:
        return vector.pack([float(element["N"]) for element in content])
    except (KeyError, OverflowError):
        return None


def changes(table: Table, old: Item | None, new: Item | None) -> Iterator[IndexChange]:
    """Yield the entries in the store that differ between two states of an item."""
    for index in table.vectors:
        if index.id is None or (old is not None and new is not None and _alike(index, old, new)):
            continue
        before, after = entry(index, old), entry(index, new)
        if before != after:
            yield IndexChange(index.id, before, after)


def _alike(index: VectorDefinition, old: Item, new: Item) -> bool:
    """Tell whether nothing an entry is made of has changed."""
    names = index.names if index.projected is None else index.projected
    return all(old.get(name) == new.get(name) for name in names)


def check(table: Table, item: Item, changed: Container[str] | None = None) -> None:
    """Refuse vectors and filter values of a written item that its vector indexes cannot hold.

    Of an update only what it `changed` is looked at. Raises ValidationException.
    """
    for index in table.vectors:
        value = item.get(index.attribute)
        if value is not None and (changed is None or index.attribute in changed):
            _check_vector(index, value)
        for name, kind in index.filters.items():
            if name in item and (changed is None or name in changed) and type_of(item[name]) != kind:
                raise validation(
                    f"{_INVALID}Type mismatch for Index Key {name} Expected: {kind} Actual: {type_of(item[name])} "
                    f"IndexName: {index.name}"
                )


def _check_vector(index: VectorDefinition, value: AttributeValue) -> None:
    content = value.get("L")
    if content is None:
        raise _wrong_type(index, index.attribute, "L", type_of(value))
    for number, element in enumerate(content):
        if "N" not in element:
            raise validation(
                f"One or more parameter values were invalid. Invalid type for parameter {index.attribute}[{number}], "
                f"Expected: 32-bit floating point number, Actual: {type_of(element)}. IndexName: {index.name}"
            )
    if len(content) != index.dimensions:
        raise validation(
            f"{_INVALID}Invalid size for parameter {index.attribute}, Expected: {index.dimensions}, "
            f"Actual: {len(content)}. IndexName: {index.name}"
        )
    if _stored(index, value) is None:
        raise validation(
            f"{_INVALID}Invalid value for parameter {index.attribute}: an element is out of the range of 32-bit "
            f"floating point numbers. IndexName: {index.name}"
        )


def _wrong_type(index: VectorDefinition, where: str, expected: str, actual: str) -> ServiceError:
    return validation(
        f"{_INVALID}Invalid type for parameter {where}, Expected: {expected}, Actual: {actual}. IndexName: {index.name}"
    )


def write_capacity(table: Table, old: Item | None, new: Item | None, consumed: Consumed) -> None:
    """Add the bytes that a change of what vector indexes hold of an item writes to them.

    An entry that is written counts with its components and its other projected attributes, one that is removed with
    what it was, and each as a kilobyte at least (recorded 2026-08 in eu-west-2).
    """
    for index in table.vectors:
        before, after = _held(index, old), _held(index, new)
        if before != after:
            count = float(max(LEAST_BYTES, entry_bytes(index, after or before or {})))
            consumed.vectors[index.name] = consumed.vectors.get(index.name, 0.0) + count


def _held(index: VectorDefinition, item: Item | None) -> Item | None:
    return index.project(item) if item is not None and entry(index, item) is not None else None


def billed_size(table: Table, item: Item | None, size: int) -> int:
    """Return the bytes for which a write of the table is charged: a vector counts four bytes for each dimension.

    `size` is the item's stored size (recorded 2026-10 in us-east-1 and eu-west-2).
    """
    if item is None:
        return size
    billed = size
    for attribute, dimensions in {index.attribute: index.dimensions for index in table.vectors}.items():
        if _is_vector(item.get(attribute), dimensions):
            billed += dimensions * vector.FLOAT_SIZE - value_size(item[attribute])
    return billed


def _is_vector(value: AttributeValue | None, dimensions: int) -> bool:
    content = value.get("L") if value is not None else None
    return content is not None and len(content) == dimensions


def entry_bytes(index: VectorDefinition, item: Item) -> int:
    """Return how many bytes an item's entry has."""
    rest = {name: value for name, value in index.project(item).items() if name != index.attribute}
    return index.dimensions * vector.FLOAT_SIZE + item_size(rest)
