"""From matches of one form to rows, column by column. Pure.

The stored bytes of an item are a piece of its record. Its size is a constant of the form, and the length of these
bytes, and what numbers, booleans and a few other texts in it count beyond their length. What is not surely right has a
size below zero in between and becomes None: the caller parses and checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import repeat
from typing import cast

from extenddb.core.limits import ITEM_SIZE, SORT_KEY_SIZE
from extenddb.core.types import number
from extenddb.core.types.keys import Key, digest
from extenddb.core.types.table import IndexDefinition
from extenddb.engine import codec
from extenddb.engine.imports import excess
from extenddb.engine.imports.patterns import BODY
from extenddb.storage.model import Entry, NewRow

Entries = tuple[tuple[str, Entry], ...]
_key = cast("Callable[[tuple[bytes, bytes]], Key]", partial(tuple.__new__, Key))
_new_row = cast("Callable[[tuple[Key, bytes, int, Entries]], NewRow]", partial(tuple.__new__, NewRow))
"""Named tuples without the detour over their own constructors."""
_UNSURE = b""  # no key has these bytes
_REMEMBERED = 1 << 14  # texts of numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How records of one form become rows."""

    constant: int
    """What an item's size is beyond the length of its bytes and what is counted."""
    kinds: tuple[str, ...]
    """Types of the key attributes of the table and its indexes; that of the partition is the first."""
    range: int | None
    """Which of them is the table's sort key."""
    indexes: tuple[tuple[IndexDefinition, int, int | None], ...]
    """Indexes that all items of the form stand in, and which of the key attributes are their partition and sort key."""
    measured: tuple[tuple[str, int], ...]
    """Types of values whose size needs a look, and how deep they stand."""
    groups: tuple[int, ...]
    """The groups of a match that are looked at: the end, keys, what is measured, then numbers and booleans."""

    def rows(self, records: Sequence[bytes], texts: Sequence[tuple[bytes, ...]]) -> list[NewRow | None]:
        """Return the rows of records, given with the texts of the groups; None where there is doubt."""
        bodies = [record[BODY] for record in records]
        _, *columns = zip(*texts, strict=True)
        parts = [_PARTS[kind](column) for kind, column in zip(self.kinds, columns, strict=False)]
        first = len(parts) + len(self.measured)
        further = self._further(bodies, columns[len(parts) : first])
        counted = [map(excess.of_scalar, column) for column in columns[first:]]
        sizes = list(map(sum, zip(repeat(self.constant), map(len, bodies), *further, *counted, strict=False)))
        for column in parts:
            _mark(sizes, column)
        keys = _keys(parts[0], None if self.range is None else parts[self.range])
        rows = list(map(_new_row, zip(keys, bodies, sizes, self._entries(parts, bodies, sizes), strict=False)))
        if min(sizes) > 0 and max(sizes) <= ITEM_SIZE:
            return [*rows]
        return [row if 0 < row.size <= ITEM_SIZE else None for row in rows]

    def _further(self, bodies: Sequence[bytes], columns: Sequence[Sequence[bytes]]) -> list[list[int]]:
        """Return what measured values, and unusual strings, count beyond their length."""
        found = [
            excess.of_values(kind, depth, column) for (kind, depth), column in zip(self.measured, columns, strict=True)
        ]
        joined = b"".join(bodies)
        if not joined.isascii() or b"\\" in joined:
            texts: Iterable[Sequence[bytes]] = zip(*columns, strict=True) if columns else repeat(())
            found.append([_strings(body, inner) for body, inner in zip(bodies, texts, strict=False)])
        return found

    def _entries(
        self, parts: Sequence[Sequence[bytes]], bodies: Sequence[bytes], sizes: Sequence[int]
    ) -> Iterable[Entries]:
        columns: list[list[tuple[str, Entry]]] = []
        for index, hash_, range_ in self.indexes:
            keys = _keys(parts[hash_], None if range_ is None else parts[range_])
            if index.projected is None:
                columns.append([(index.id, Entry(key)) for key in keys])
            else:
                own = [
                    index.entry_size(codec.load(body)) if size > 0 else None
                    for body, size in zip(bodies, sizes, strict=True)
                ]
                columns.append([(index.id, Entry(*each)) for each in zip(keys, own, strict=True)])
        return zip(*columns, strict=True) if columns else repeat(())


class Pile:
    """Records of one form, each with the place it is known by."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.groups = recipe.groups
        self.places: list[int] = []
        self.records: list[bytes] = []
        self.texts: list[tuple[bytes, ...]] = []

    def rows(self, first: int, last: int) -> Iterator[tuple[int, NewRow | None]]:
        """Return some of the records' places and rows; None where there is doubt."""
        places = self.places[first:last]
        if not places:
            return iter(())
        return zip(places, self._recipe.rows(self.records[first:last], self.texts[first:last]), strict=True)


def _keys(partitions: Sequence[bytes], sorts: Iterable[bytes] | None) -> list[Key]:
    different = dict.fromkeys(partitions)
    if 2 * len(different) > len(partitions):
        digests = map(digest, partitions)
    else:  # exports hold the items of a partition together
        digests = map({each: digest(each) for each in different}.__getitem__, partitions)
    return list(map(_key, zip(digests, repeat(b"") if sorts is None else sorts, strict=False)))


def _mark(sizes: list[int], parts: Sequence[bytes]) -> None:
    """Put the rows in doubt whose key is."""
    if not all(parts):
        for place, part in enumerate(parts):
            if not part:
                sizes[place] = excess.DOUBT


def _strings(body: bytes, measured: Sequence[bytes]) -> int:
    """Return what escapes count beyond their length, except those in measured texts; doubt for what is no UTF-8."""
    if body.isascii():
        if b"\\" not in body:
            return 0
    else:
        try:
            body.decode()
        except UnicodeDecodeError:
            return excess.DOUBT
    return excess.of_escapes(body) - sum(map(excess.of_escapes, measured))


def _string_parts(texts: Sequence[bytes]) -> Sequence[bytes]:
    if max(map(len, texts)) <= SORT_KEY_SIZE and b"\\" not in b"".join(texts):
        return texts
    return [text if len(text) <= SORT_KEY_SIZE and b"\\" not in text else _UNSURE for text in texts]


@lru_cache(_REMEMBERED)
def _number_part(text: bytes) -> bytes:
    return number.encode(text.decode())


def _number_parts(texts: Sequence[bytes]) -> Sequence[bytes]:
    return list(map(_number_part, texts))


def _binary_parts(texts: Sequence[bytes]) -> Sequence[bytes]:
    found = map(excess.binary, texts)
    return [data if data is not None and len(data) <= SORT_KEY_SIZE else _UNSURE for data in found]


_PARTS: Mapping[str, Callable[[Sequence[bytes]], Sequence[bytes]]] = {
    "S": _string_parts,
    "N": _number_parts,
    "B": _binary_parts,
}
"""By type of a key attribute: from its texts to the bytes they have in keys."""
