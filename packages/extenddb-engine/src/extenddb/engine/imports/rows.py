"""From the records of a batch to the rows to be written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from extenddb.core.errors import ServiceError
from extenddb.core.types.plain import plain_key
from extenddb.engine import indexes, keys
from extenddb.engine.imports.forms import Forms
from extenddb.engine.imports.items import BadRecord, Put, parse_json
from extenddb.engine.imports.reading import Batch
from extenddb.engine.new_items import new_item
from extenddb.engine.tables.table import Table
from extenddb.storage.model import NewRow

_QUICK, _LONG = 200, 50  # records looked at, in the quick and the long way, before others get their turn

Made = TypeVar("Made")
Maker = Callable[[Table, Put], Made | NewRow]
"""The long way from a record's put to what is written. Raises BadRecord and ServiceError for no item of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed(Generic[Made]):
    """What a batch of records holds, by their places in it."""

    rows: list[Made | NewRow | None]
    """None for records that are no items of the table."""
    problems: dict[int, str]
    """What is wrong with those."""


class Rows(Generic[Made]):
    """Makes rows of one table, quickly of records that are like others before."""

    def __init__(self, table: Table, maker: Maker[Made], *, quick: bool = True) -> None:
        """`quick` allows rows that the maker has not seen."""
        self.table = table
        self._maker = maker
        self._quick = quick
        self._forms = Forms(table)

    async def parsed(self, batch: Batch) -> Parsed[Made]:
        """Return the rows of a batch, giving others their turn in between."""
        found: Parsed[Made] = Parsed(rows=[None] * len(batch.records), problems={})
        places: Sequence[int] = range(len(batch.records))
        quick = self._quick and batch.parser is parse_json
        while places:
            if quick:
                places = await self._quickly(batch, places, found)
            places = await self._longer(batch, places, found, quick=quick)
        return found

    async def _quickly(self, batch: Batch, places: Sequence[int], found: Parsed[Made]) -> Sequence[int]:
        """Make rows of all records of known forms, and return the places of the others."""
        sorted_ = self._forms.sorted()
        for first in range(0, len(places), _QUICK):
            part = places[first : first + _QUICK]
            sorted_.add(part, [batch.records[place] for place in part])
            await asyncio.sleep(0)
        left = sorted_.unknown
        for pile in sorted_.piles():
            for first in range(0, len(pile.places), _QUICK):
                for place, row in pile.rows(first, first + _QUICK):
                    found.rows[place] = row
                    if row is None:
                        left.append(place)
                await asyncio.sleep(0)
        left.sort()
        return left

    async def _longer(self, batch: Batch, places: Sequence[int], found: Parsed[Made], *, quick: bool) -> Sequence[int]:
        """Parse and check records until a form is learned; return the places that were not reached."""
        for first in range(0, len(places), _LONG):
            enough = False
            for place in places[first : first + _LONG]:
                record = batch.records[place]
                try:
                    made = self._maker(self.table, batch.parser(record))
                except (BadRecord, ServiceError) as error:
                    found.problems[place] = error.message if isinstance(error, ServiceError) else str(error)
                    continue
                found.rows[place] = made
                enough |= quick and isinstance(made, NewRow) and self._forms.notice(record, made)
            await asyncio.sleep(0)
            if enough and await asyncio.to_thread(self._forms.study):
                return places[first + _LONG :]
        return ()


def put_row(table: Table, put: Put) -> NewRow:
    """Return the row of a put. Raises ServiceError for what is no item of this table."""
    new = new_item(put["Item"])
    key = plain_key(table.schema, new.item) or keys.require_item_key(table.schema, new.item)
    if table.indexes or table.vectors:
        keys.check_index_keys(table, new.item)
    return NewRow(key, new.body, new.size, indexes.new_entries(table, new.item))
