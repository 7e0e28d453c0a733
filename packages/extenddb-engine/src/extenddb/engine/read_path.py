"""Pages of Query and Scan: what is done with the rows a store returned. Pure but for the pauses between slices.

A page is bounded by Limit and by one megabyte of items read, before filtering. Rows that need no look inside are
answered as stored bytes; otherwise they are parsed in slices, so that a large page does not hold up other requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from extenddb.core.expressions import Condition
from extenddb.core.types.attribute import Item, item_size
from extenddb.core.types.capacity import Consumed, read_units
from extenddb.core.types.table import IndexDefinition
from extenddb.engine import codec
from extenddb.engine.tables.table import Table
from extenddb.storage.model import Page, Row

_SLICE = 64 * 1024  # bytes of items parsed and filtered before others get their turn: about a millisecond


class Projector(Protocol):
    """Takes from items what an answer shall have of them."""

    @property
    def top_level_names(self) -> frozenset[str]:
        """The attributes it looks at."""
        ...

    def project(self, item: Item) -> Item:
        """Return what the answer has of an item; values are shared, not copied."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a page's rows are turned into."""

    table: Table
    index: IndexDefinition | None
    filter: Condition | None
    projection: Projector | None
    count_only: bool
    """Select=COUNT."""
    whole_items: bool
    """Answer every attribute of the item, also those an index does not hold."""
    consistent: bool

    @property
    def splices(self) -> bool:
        """Whether stored bytes can be answered as they are."""
        if self.filter is not None or self.projection is not None:
            return False
        return self.count_only or self.whole_items or self.index is None or self.index.projected is None


async def answer(reading: Reading, page: Page, table_name: str, mode: str | None) -> dict[str, Any]:
    """Return the response for one page; `mode` is ReturnConsumedCapacity."""
    items, count = await selected(reading, page.rows)
    response: dict[str, Any] = {"Count": count, "ScannedCount": len(page.rows)}
    if not reading.count_only:
        response["Items"] = items
    if page.stopped and page.rows:
        response["LastEvaluatedKey"] = last_evaluated_key(reading, page.rows[-1])
    if mode is not None and mode != "NONE":
        response["ConsumedCapacity"] = consumed(reading, page).describe(table_name, mode)
    return response


async def selected(reading: Reading, rows: list[Row]) -> tuple[list[Any], int]:
    """Return what is answered of the rows, and how many of them passed the filter."""
    if reading.splices:
        return [] if reading.count_only else [codec.raw(row.item) for row in rows], len(rows)
    items: list[Item] = []
    count = 0
    for number, part in enumerate(_slices(rows)):
        if number:
            await asyncio.sleep(0)
        for row in part:
            item = _visible(reading, codec.load(row.item))
            if reading.filter is not None and not reading.filter.matches(item):
                continue
            count += 1
            if not reading.count_only:
                items.append(item if reading.projection is None else reading.projection.project(item))
    return items, count


def _visible(reading: Reading, item: Item) -> Item:
    if reading.whole_items or reading.index is None:
        return item
    return reading.index.project(item)


def _slices(rows: list[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row.item)
        if size >= _SLICE:
            yield part
            part, size = [], 0
    if part:
        yield part


def last_evaluated_key(reading: Reading, row: Row) -> Item:
    """Return the key attributes of the last row read: the table's, and the index's when one was read."""
    item = codec.load(row.item)
    names = reading.table.schema.names
    if reading.index is not None:
        names = (*names, *(name for name in reading.index.schema.names if name not in names))
    return {name: item[name] for name in names}


def consumed(reading: Reading, page: Page) -> Consumed:
    """Return the capacity a page consumed: of the table, or of the index read and what was fetched behind it."""
    units = read_units(sum(row.size for row in page.rows), consistent=reading.consistent)
    index = reading.index
    if index is None:
        return Consumed(units)
    if index.kind == "GLOBAL":
        return Consumed(0.0, {}, {index.name: units})
    fetched = 0.0
    if reading.whole_items and index.projected is not None:
        fetched = sum(read_units(item_size(codec.load(row.item)), consistent=reading.consistent) for row in page.rows)
    return Consumed(fetched, {index.name: units})
