"""What a batch of mutations does to the store: decided in memory, then sent set-at-a-time. No I/O.

Mutations of one key follow each other in memory and are written once, as the difference between the row that was
read and the row that remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from extenddb.core.types.keys import Key, bucket
from extenddb.storage.model import (
    Change,
    Decision,
    Delete,
    IndexChange,
    Keep,
    Mutation,
    Put,
    Reject,
    Row,
    Space,
    VectorEntry,
)
from extenddb.storage_postgres import vectors
from extenddb.storage_postgres.arrays import byteas, int4s, int8s, key_arrays, texts
from extenddb.storage_postgres.ddl import HEAD
from extenddb.storage_postgres.statements import statements
from extenddb.storage_postgres.wire import Call, Statement

_INSERT_CHANGES = Statement(
    "INSERT INTO changes (stream, b, created, body)"
    " SELECT k.stream, k.b, k.created, k.body"
    " FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[]) AS k(stream, b, created, body)"
)


@dataclass(slots=True)
class Slot:
    """One key's way through a batch."""

    found: Row | None
    row: Row | None
    version: int
    """Of the row found; a later write of the key has a larger one, also when the row was gone in between."""
    put: bool = False
    hold: bool = False
    """Absent and kept: the absence must last until the commit."""
    removed: dict[str, dict[Key, None]] = field(default_factory=dict)
    added: dict[str, dict[Key, int | None]] = field(default_factory=dict)
    vectors: dict[str, VectorEntry | None] = field(default_factory=dict)

    def apply(self, key: Key, decision: Decision) -> None:
        """Follow one decision."""
        if isinstance(decision, Reject):
            return
        for change in decision.indexes:
            self._reindex(change)
        if isinstance(decision, Put):
            self.version += 1
            self.row = Row(key, decision.item, decision.size, self.version)
            self.put = True
        elif isinstance(decision, Delete):
            self.row = None
        self.hold = isinstance(decision, Keep) and self.row is None and self.found is None

    def _reindex(self, change: IndexChange) -> None:
        old, new = change.old, change.new
        if isinstance(old, VectorEntry) or isinstance(new, VectorEntry):
            self.vectors[change.id] = new if isinstance(new, VectorEntry) else None
            return
        removed = self.removed.setdefault(change.id, {})
        added = self.added.setdefault(change.id, {})
        if old is not None:
            added.pop(old.key, None)
            removed[old.key] = None
        if new is not None:
            removed.pop(new.key, None)
            added[new.key] = new.size


Slots = dict[Space, dict[Key, Slot]]


class Plan:
    """All decisions of a batch and what remains to be written."""

    def __init__(self) -> None:
        """Begin with nothing decided."""
        self.decisions: list[Decision] = []
        self._slots: Slots = {}
        self._changes: list[tuple[Change, int]] = []

    def decide(self, mutations: Sequence[Mutation], found: Mapping[Space, Mapping[Key, Row]]) -> None:
        """Take all decisions, each seeing what the ones before made of its key."""
        for mutation in mutations:
            space, key = mutation.space, mutation.key
            slots = self._slots.get(space)
            if slots is None:
                slots = self._slots[space] = {}
            slot = slots.get(key)
            if slot is None:
                row = found[space].get(key)
                slot = slots[key] = Slot(row, row, 0 if row is None else row.version)
            decision = mutation.decide(slot.row)
            slot.apply(key, decision)
            self.decisions.append(decision)
            changes: tuple[Change, ...] = getattr(decision, "changes", ())
            self._changes += [(change, bucket(key.partition)) for change in changes]

    @property
    def rejected(self) -> bool:
        """Whether any decision is a Reject."""
        return any(isinstance(decision, Reject) for decision in self.decisions)

    def calls(self, *, hold: bool, blind: bool = False) -> list[Call]:
        """Return the statements that write everything, rows of all spaces first so that their locks come first.

        `hold` keeps the absence of kept keys until the commit; `blind` means that nothing was read.
        """
        calls: list[Call] = []
        for space in sorted(self._slots, key=lambda space: space.id):
            calls += self._rows(space, hold=hold, blind=blind)
        for space, slots in self._slots.items():
            calls += _entries(space, slots)
        if self._changes:
            calls.append(_changes(self._changes))
        return calls

    def _rows(self, space: Space, *, hold: bool, blind: bool) -> Iterator[Call]:
        sql = statements(space)
        slots = sorted(self._slots[space].items())
        if blind:
            puts = [slot.row for _, slot in slots if slot.row is not None]
            if puts:
                yield sql.upsert(*_row_arrays(puts))
            gone = [key for key, slot in slots if slot.row is None]
        else:
            fresh = [slot.row for _, slot in slots if slot.put and slot.found is None and slot.row is not None]
            held = [Row(key, b"", 0, 0) for key, slot in slots if hold and slot.hold]
            if fresh or held:
                yield sql.insert(*_row_arrays(sorted([*fresh, *held]) if held else fresh))
            changed = [slot.row for _, slot in slots if slot.put and slot.found is not None and slot.row is not None]
            if changed:
                yield sql.update(*_row_arrays(changed))
            gone = [key for key, slot in slots if slot.row is None and slot.found is not None]
            gone += [row.key for row in held]
        if gone:
            yield sql.delete(*key_arrays(gone))


def _row_arrays(rows: Sequence[Row]) -> tuple[bytes, ...]:
    return (
        *key_arrays([row.key for row in rows]),
        byteas([row.item for row in rows]),
        int4s([row.size for row in rows]),
        int8s([row.version for row in rows]),
    )


def _entries(space: Space, slots: Mapping[Key, Slot]) -> Iterator[Call]:
    sql = statements(space)
    removed: dict[str, list[tuple[Key, Key]]] = {}
    added: dict[str, list[tuple[Key, Key, int | None]]] = {}
    for base, slot in slots.items():
        for index, keys in slot.removed.items():
            removed.setdefault(index, []).extend((key, base) for key in keys)
        for index, sizes in slot.added.items():
            added.setdefault(index, []).extend((key, base, size) for key, size in sizes.items())
    for index, gone in removed.items():
        if gone:
            yield sql.entry_delete(index)(*_entry_arrays([(_head(key), base) for key, base in gone]))
    for index, new in added.items():
        long = [each for each in new if len(each[0].sort) > HEAD]
        yield from _added(sql.entry_insert(index), [each for each in new if len(each[0].sort) <= HEAD] if long else new)
        yield from _added(sql.entry_insert_long(index), long)
    for each in space.vectors:
        entries = {key: slot.vectors[each.id] for key, slot in slots.items() if each.id in slot.vectors}
        if entries:
            yield from vectors.written(space, each.id, entries)


def _added(statement: Statement, entries: Sequence[tuple[Key, Key, int | None]]) -> Iterator[Call]:
    if entries:
        places = _entry_arrays([(key, base) for key, base, _ in entries])
        yield statement(*places, int4s([size for _, _, size in entries]))


def _head(key: Key) -> Key:
    """Return the key with what of its sort key stands in the primary key."""
    return key if len(key.sort) <= HEAD else Key(key.partition, key.sort[:HEAD])


def _entry_arrays(entries: Iterable[tuple[Key, Key]]) -> tuple[bytes, ...]:
    pairs = list(entries)
    return (
        *key_arrays([key for key, _ in pairs]),
        byteas([base.partition for _, base in pairs]),
        byteas([base.sort for _, base in pairs]),
    )


def _changes(changes: Sequence[tuple[Change, int]]) -> Call:
    return _INSERT_CHANGES(
        texts([change.stream for change, _ in changes]),
        int8s([number for _, number in changes]),
        int8s([change.created for change, _ in changes]),
        byteas([change.body for change, _ in changes]),
    )
