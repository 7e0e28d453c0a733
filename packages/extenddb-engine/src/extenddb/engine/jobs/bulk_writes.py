"""What the records of a bulk put become: writes, or mere rows where nothing but the item matters. Pure, but for turns
given to others.

A row is enough for a put without a condition into a table whose changes nobody follows. Most are made without being
parsed, like those of an import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from extenddb.engine import codec, indexes
from extenddb.engine.imports import bulk
from extenddb.engine.imports.items import Put as RecordPut
from extenddb.engine.imports.reading import Batch
from extenddb.engine.imports.rows import Rows, put_row
from extenddb.engine.ops.put_item import plan_put
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Write
from extenddb.storage.model import Decision, Entry, IndexChange, Keep, Mutation, NewRow, Put, Row, VectorEntry

Made = Write | NewRow
"""What is put of a record."""


@dataclass(slots=True)
class Work:
    """One portion of records on its way."""

    batch: Batch
    puts: list[tuple[Made, bytes]] = field(default_factory=list)
    """What is put, each with its record."""
    errors: list[bytes] = field(default_factory=list)
    """Lines of the report on what is no item."""
    failed: set[int] = field(default_factory=set)
    """Numbers of the puts whose conditions do not hold."""

    def kept(self) -> Iterator[Made]:
        """Yield what is put."""
        return (made for number, (made, _) in enumerate(self.puts) if number not in self.failed)


def maker(table: Table) -> Rows[Write]:
    """Return what makes writes and rows of the records for a table."""
    followed = bool(table.captures or table.vectors)
    return Rows(table, _write if followed else _write_or_row, quick=not followed)


def _write_or_row(table: Table, put: RecordPut) -> Made:
    return _write(table, put) if "ConditionExpression" in put else put_row(table, put)


def _write(table: Table, put: RecordPut) -> Write:
    return plan_put(put).bind(table)


async def prepared(rows: Rows[Write], batch: Batch) -> Work:
    """Return what becomes of a portion of records."""
    work = Work(batch)
    parsed = await rows.parsed(batch)
    for place, (made, record) in enumerate(zip(parsed.rows, batch.records, strict=True)):
        if made is not None:
            work.puts.append((made, record))
        else:
            work.errors.append(bulk.report_line(bulk.ERROR, batch.place.object, record, parsed.problems[place]))
    if batch.problem is not None:
        work.errors.append(bulk.report_line(bulk.ERROR, batch.place.object, b"", batch.problem))
    return work


def mutation(table: Table, made: Made, now_ms: int) -> Mutation:
    """Return what the store is asked to do."""
    if isinstance(made, Write):
        return made.mutation(now_ms)
    return Mutation(table.space, made.key, partial(decide, table, made, now_ms=now_ms), blind=not table.watched)


def decide(table: Table, made: Made, row: Row | None, *, now_ms: int) -> Decision:
    """Decide about the row as it is."""
    if isinstance(made, Write):
        return made.decide(row, now_ms)
    if row is None:
        return Put(made.item, made.size, tuple(IndexChange(id_, None, entry) for id_, entry in made.entries))
    if row.item == made.item:
        return Keep()
    if not table.watched:
        return Put(made.item, made.size)
    return Put(made.item, made.size, indexes.changes(table, codec.load(row.item), codec.load(made.item)))


def sizes(table: Table, made: Made) -> tuple[int, tuple[tuple[str, Entry | VectorEntry], ...]]:
    """Return the size of what is put, and its entries by the ids of their indexes."""
    if isinstance(made, NewRow):
        return made.size, made.entries
    new = made.transform(None) if made.transform is not None else None
    assert new is not None  # noqa: S101  (a put)
    return new.size, indexes.new_entries(table, new.item)
