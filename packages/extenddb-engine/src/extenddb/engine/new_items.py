"""The items that puts and updates make, whichever operation or statement asks for them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Update
from extenddb.core.limits import ITEM_SIZE
from extenddb.core.types.attribute import Item, item_size, measured_item
from extenddb.core.types.plain import PlainItem
from extenddb.core.types.table import KeySchema
from extenddb.engine import keys, write_path
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import NewItem, Written

TOO_LARGE = "Item size has exceeded the maximum allowed size"
UPDATE_TOO_LARGE = "Item size to update has exceeded the maximum allowed size"


def new_item(item: Any) -> NewItem:
    """Return a request's item, normal and measured; raises for values that are none and for too much of them."""
    if type(item) is PlainItem:  # the first check of the request told that nothing has to be done
        return NewItem(item, item.size)
    normal, size = measured_item(item)
    if size > ITEM_SIZE:
        raise validation(TOO_LARGE)
    return NewItem(normal, size)


def check_targets(schema: KeySchema, update: Update | None) -> None:
    """Refuse an update of a key attribute."""
    if update is None:
        return
    for name in schema.names:
        if name in update.top_level_names:
            raise validation(
                "One or more parameter values were invalid: "
                f"Cannot update attribute {name}. This attribute is part of the key"
            )


def transform(table: Table, update: Update | None, key: Item) -> Callable[[Item | None], NewItem | None]:
    """Return the change of the item: its old state, or just its key, with the update applied.

    An update that only takes away makes no item where there is none; one without any action does (both as publicly
    observed of the service: github.com/scylladb/scylladb/issues/5862).
    """

    def apply(old: Item | None) -> NewItem | None:
        item = old if old is not None else key
        if update is not None:
            item = update.apply(item)
            if old is None and update.paths and item == key:
                return None
            if table.indexes or table.vectors:
                keys.check_updated_index_keys(table, item, update.top_level_names)
        size = item_size(item)
        if size > ITEM_SIZE:
            raise validation(UPDATE_TOO_LARGE)
        return NewItem(item, size)

    return apply


def attributes(mode: str, update: Update | None, written: Written) -> Any:
    """Return what ReturnValues asks for of an update; None when there is none."""
    if mode in write_path.RETURNED:
        return write_path.RETURNED[mode](written)
    if update is None or written.new is None:
        return None
    old, new = written.old_item, written.new.item
    if mode == "UPDATED_NEW":
        return update.updated_new(old or {}, new)
    return update.updated_old(old, new) if old is not None else None
