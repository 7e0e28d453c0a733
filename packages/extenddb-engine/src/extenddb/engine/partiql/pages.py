"""Reading the pages of a SELECT from the store.

A page ends at Limit, at one megabyte of items read, and, where the statement names several keys, at ten items
(developer guide, PartiQL operators, IN): such a statement costs at most ten range reads or one set of point reads a
page, apart from ORDER BY a sort key over several partitions, which looks into each of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from extenddb.core.errors import validation
from extenddb.core.limits import PAGE_SIZE
from extenddb.core.types.attribute import Item
from extenddb.core.types.capacity import Consumed, read_units
from extenddb.engine import codec, cursors, read_path
from extenddb.engine.context import Context
from extenddb.engine.cursors import Bounds
from extenddb.engine.partiql.reads import Selection
from extenddb.engine.partiql.resume import MISMATCH, Resume
from extenddb.storage.model import Page, PointRead, Position, RangeRead, Row, ScanRead

IN_PAGE = 10
"""Most items, and most ranges but for merged ones, of one page of a statement that names several keys."""


@dataclass(slots=True)
class Result:
    """One page, before filter and projection."""

    rows: list[Row] = field(default_factory=list)
    consumed: Consumed = field(default_factory=Consumed)
    following: Resume | None = None
    """Where the next page begins; None when there is none."""
    last_key: Item | None = None
    """LastEvaluatedKey, where one range or scan was read and has not ended."""


async def read_page(context: Context, wanted: Selection, start: Resume, limit: int | None) -> Result:
    """Return the page that begins at a place. Raises ServiceError and StorageError."""
    if start.number >= len(wanted.points or wanted.ranges or (None,)):
        raise validation(MISMATCH)
    if wanted.several:
        limit = IN_PAGE if limit is None else min(limit, IN_PAGE)
    if wanted.points is not None:
        return await _points(context, wanted, start.number, limit if wanted.several else None)
    if wanted.ranges is None:
        return await _scan(context, wanted, start, limit)
    if wanted.merged:
        return await _merged(context, wanted, start, limit or IN_PAGE)
    return await _ranges(context, wanted, start, limit)


async def _points(context: Context, wanted: Selection, first: int, limit: int | None) -> Result:
    """Read single items, each counted whether or not it is there."""
    points = wanted.points or ()
    keys = points[first : first + limit if limit is not None else None]
    reads = [PointRead(wanted.table.space, key) for key in keys]
    found = [await context.items.get(*reads[0])] if len(reads) == 1 else await context.items.get_many(reads)
    result = Result()
    size = done = 0
    for row in found:
        done += 1
        row_size = row.size if row is not None else 0
        result.consumed.table += read_units(row_size, consistent=wanted.reading.consistent)
        if row is not None:
            result.rows.append(row)
        size += row_size
        if size >= PAGE_SIZE:
            break
    if first + done < len(points):
        result.following = Resume(number=first + done)
    return result


async def _scan(context: Context, wanted: Selection, start: Resume, limit: int | None) -> Result:
    reading = wanted.reading
    page = await context.backend.items.scan(
        ScanRead(
            space=wanted.table.space,
            index=reading.index.id if reading.index is not None else None,
            after=_scan_position(wanted, start.after),
            limit=limit,
            max_bytes=PAGE_SIZE,
        )
    )
    result = Result(page.rows, read_path.consumed(reading, page))
    if page.stopped and page.rows:
        result.last_key = read_path.last_evaluated_key(reading, page.rows[-1])
        result.following = Resume(after=result.last_key)
    return result


def _scan_position(wanted: Selection, after: Item | None) -> Position | None:
    if after is None:
        return None
    return cursors.scan_position(wanted.table, wanted.reading.index, after, None)


async def _ranges(context: Context, wanted: Selection, start: Resume, limit: int | None) -> Result:
    """Read one range behind the other until the page is full."""
    ranges = wanted.ranges or ()
    result = Result()
    number, after, budget = start.number, start.after, PAGE_SIZE
    end = min(len(ranges), number + IN_PAGE)
    while number < end:
        page = await _read(context, wanted, _span(wanted, number, after), limit, budget)
        result.rows.extend(page.rows)
        result.consumed.add(read_path.consumed(wanted.reading, page))
        if page.stopped and page.rows:
            last_key = read_path.last_evaluated_key(wanted.reading, page.rows[-1])
            result.last_key = None if wanted.several else last_key
            result.following = Resume(number=number, after=last_key)
            return result
        number, after = number + 1, None
        budget -= sum(row.size for row in page.rows)
        limit = None if limit is None else limit - len(page.rows)
    if number < len(ranges):
        result.following = Resume(number=number)
    return result


async def _merged(context: Context, wanted: Selection, start: Resume, limit: int) -> Result:
    """Read the heads of all ranges and return the first items of their common order.

    Items of equal sort keys come in the order of the ranges. Behind the last item read of a range that goes on nothing
    may be returned: what follows there could come first.
    """
    spans = _spans(wanted, start)
    share = max(1, PAGE_SIZE // len(spans))
    pages = await asyncio.gather(*(_read(context, wanted, span, limit, share) for span in spans))
    result = Result()
    heads: list[tuple[bytes, int, Row]] = []
    for number, page in enumerate(pages):
        result.consumed.add(read_path.consumed(wanted.reading, page))
        heads.extend((_sort(wanted, row), number, row) for row in page.rows)
    heads.sort(key=lambda head: head[0], reverse=wanted.reverse)
    for _, number, row in heads:
        result.rows.append(row)
        is_last_read = pages[number].stopped and row is pages[number].rows[-1]
        if is_last_read or len(result.rows) == limit:
            result.following = Resume(number=number, after=read_path.last_evaluated_key(wanted.reading, row))
            break
    return result


def _spans(wanted: Selection, start: Resume) -> list[_Span]:
    """Return what is left of the ranges behind the item a merged page ended with."""
    last = _span(wanted, start.number, start.after)
    if last.after is None:
        return [_span(wanted, number, None) for number in range(len(wanted.ranges or ()))]
    sort = last.after.key.sort
    spans = []
    for number, (partition, bounds) in enumerate(wanted.ranges or ()):
        keeps_equal = number > start.number
        cut = sort if keeps_equal != wanted.reverse else sort + b"\0"
        if wanted.reverse:
            rest = bounds._replace(upper=cut if bounds.upper is None else min(bounds.upper, cut))
        else:
            rest = bounds._replace(lower=cut if bounds.lower is None else max(bounds.lower, cut))
        spans.append(last if number == start.number else _Span(partition, rest, None))
    return spans


def _sort(wanted: Selection, row: Row) -> bytes:
    """Return the sort key bytes by which a row stands in what is read."""
    index = wanted.reading.index
    return row.key.sort if index is None else index.schema.key(codec.load(row.item)).sort


class _Span(NamedTuple):
    """A range of one partition, and where in it to begin."""

    partition: bytes
    bounds: Bounds
    after: Position | None


def _span(wanted: Selection, number: int, after: Item | None) -> _Span:
    partition, bounds = (wanted.ranges or ())[number]
    if after is None:
        return _Span(partition, bounds, None)
    position = cursors.query_position(wanted.table, wanted.reading.index, after, partition, bounds)
    return _Span(partition, bounds, position)


async def _read(context: Context, wanted: Selection, span: _Span, limit: int | None, max_bytes: int) -> Page:
    index = wanted.reading.index
    return await context.backend.items.read_range(
        RangeRead(
            space=wanted.table.space,
            index=index.id if index is not None else None,
            partition=span.partition,
            lower=span.bounds.lower,
            upper=span.bounds.upper,
            reverse=wanted.reverse,
            after=span.after,
            limit=limit,
            max_bytes=max_bytes,
        )
    )
