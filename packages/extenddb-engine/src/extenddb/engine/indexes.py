"""From a change of an item to the changes of its index entries, and to what they cost. Pure."""

from __future__ import annotations

from extenddb.core.types.attribute import Item, item_size
from extenddb.core.types.capacity import Consumed, write_units
from extenddb.core.types.table import IndexDefinition
from extenddb.engine import ttl
from extenddb.engine.tables.table import Table
from extenddb.engine.vectors import entries
from extenddb.storage.model import Entry, IndexChange, VectorEntry


def entry(index: IndexDefinition, item: Item | None) -> Entry | None:
    """Return where an item stands in an index; None when it has no key for it (a sparse index)."""
    key = index.schema.entry_key(item) if item is not None else None
    return Entry(key, index.entry_size(item)) if item is not None and key is not None else None


def new_entries(table: Table, item: Item) -> tuple[tuple[str, Entry | VectorEntry], ...]:
    """Return the entries of an item that is new, by the ids of their indexes."""
    found: list[tuple[str, Entry | VectorEntry]] = [
        (index.id, place) for index in table.indexes if (place := entry(index, item)) is not None
    ]
    if table.ttl is not None and (place := ttl.entry(item, table.ttl)) is not None:
        found.append((ttl.INDEX, place))
    if table.vectors:
        found += [(change.id, change.new) for change in entries.changes(table, None, item) if change.new is not None]
    return tuple(found)


def changes(table: Table, old: Item | None, new: Item | None) -> tuple[IndexChange, ...]:
    """Return the index entries that differ between two states of an item."""
    found = []
    for index in table.indexes:
        before, after = entry(index, old), entry(index, new)
        if before != after:
            found.append(IndexChange(index.id, before, after))
    if table.ttl is not None:
        before, after = ttl.entry(old, table.ttl), ttl.entry(new, table.ttl)
        if before != after:
            found.append(IndexChange(ttl.INDEX, before, after))
    if table.vectors:
        found.extend(entries.changes(table, old, new))
    return tuple(found)


def write_capacity(table: Table, old: Item | None, new: Item | None, consumed: Consumed) -> None:
    """Add what the table's indexes consume for a change of an item.

    An entry that appears or goes costs its size, one whose key changes costs both, one whose projected attributes
    change costs the larger, and one that stays the same costs nothing.
    """
    for index in table.indexes:
        before, after = _projected(index, old), _projected(index, new)
        if before == after:
            continue
        units = _entry_units(index, before, after)
        parts = consumed.local if index.kind == "LOCAL" else consumed.global_
        parts[index.name] = parts.get(index.name, 0.0) + units
    if table.vectors:
        entries.write_capacity(table, old, new, consumed)


def _projected(index: IndexDefinition, item: Item | None) -> Item | None:
    if item is None or index.schema.entry_key(item) is None:
        return None
    return index.project(item)


def _entry_units(index: IndexDefinition, before: Item | None, after: Item | None) -> float:
    if before is None or after is None:
        return write_units(item_size(before or after or {}))
    if index.schema.attributes(before) == index.schema.attributes(after):
        return write_units(item_size(before), item_size(after))
    return write_units(item_size(before)) + write_units(item_size(after))
