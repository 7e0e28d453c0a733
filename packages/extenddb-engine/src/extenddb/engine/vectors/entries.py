"""From items to entries of vector indexes: what stands in them, what is refused, what it costs. Pure.

Rules and texts from the sources named in `tables.vectors`; texts without one are our own words.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from hashlib import blake2b

from extenddb.core.errors import ServiceError, validation
from extenddb.core.types import keys, vector
from extenddb.core.types.attribute import AttributeValue, Item, item_size, type_of
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
            raise _wrong_type(index, f"{index.attribute}[{number}]", "N", type_of(element))
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
    """Add the bytes that a change of an item writes to vector indexes.

    An entry that is written counts with its components and its other projected attributes, one that is removed with
    what it was; all of one write together count as a kilobyte at least.
    """
    bytes_: dict[str, float] = {}
    for index in table.vectors:
        before, after = entry(index, old), entry(index, new)
        if before != after:
            item = new if after is not None else old
            bytes_[index.name] = float(entry_bytes(index, item or {}))
    if bytes_:
        first = next(iter(bytes_))
        bytes_[first] += max(0.0, LEAST_BYTES - sum(bytes_.values()))
        for name, count in bytes_.items():
            consumed.vectors[name] = consumed.vectors.get(name, 0.0) + count


def entry_bytes(index: VectorDefinition, item: Item) -> int:
    """Return how many bytes an item's entry has."""
    rest = {name: value for name, value in index.project(item).items() if name != index.attribute}
    return index.dimensions * vector.FLOAT_SIZE + item_size(rest)
