"""A sorted set of tuples of bytes, kept in chunks so that an insertion moves a bounded number of elements."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TypeAlias

Place: TypeAlias = tuple[bytes, ...]
"""Where something stands in an order; shorter tuples may be used as bounds."""

_CHUNK = 1024
"""Elements after which a chunk is split in two."""


class Ordered:
    """Places in ascending order. Invariant: no chunk is empty, `_heads` holds the first place of each."""

    __slots__ = ("_chunks", "_heads", "_size")

    def __init__(self) -> None:
        self._chunks: list[list[Place]] = []
        self._heads: list[Place] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, place: Place) -> None:
        """Insert a place; one that is there already stays there once."""
        if not self._chunks:
            self._chunks.append([place])
            self._heads.append(place)
            self._size = 1
            return
        number = max(0, bisect_right(self._heads, place) - 1)
        chunk = self._chunks[number]
        offset = bisect_left(chunk, place)
        if offset < len(chunk) and chunk[offset] == place:
            return
        chunk.insert(offset, place)
        self._size += 1
        self._heads[number] = chunk[0]
        if len(chunk) > _CHUNK:
            self._split(number)

    def discard(self, place: Place) -> None:
        """Remove a place; one that is not there is removed without complaint."""
        number = bisect_right(self._heads, place) - 1
        if number < 0:
            return
        chunk = self._chunks[number]
        offset = bisect_left(chunk, place)
        if offset == len(chunk) or chunk[offset] != place:
            return
        del chunk[offset]
        self._size -= 1
        if chunk:
            self._heads[number] = chunk[0]
        else:
            del self._chunks[number], self._heads[number]

    def between(self, low: Place, high: Place | None, *, reverse: bool = False) -> Iterator[Place]:
        """Iterate over low <= place < high (None is unbounded), largest first when `reverse`."""
        return self._down(low, high) if reverse else self._up(low, high)

    def _split(self, number: int) -> None:
        chunk = self._chunks[number]
        upper = chunk[_CHUNK // 2 :]
        del chunk[_CHUNK // 2 :]
        self._chunks.insert(number + 1, upper)
        self._heads.insert(number + 1, upper[0])

    def _up(self, low: Place, high: Place | None) -> Iterator[Place]:
        first = max(0, bisect_right(self._heads, low) - 1)
        for number in range(first, len(self._chunks)):
            chunk = self._chunks[number]
            for offset in range(bisect_left(chunk, low) if number == first else 0, len(chunk)):
                place = chunk[offset]
                if high is not None and place >= high:
                    return
                yield place

    def _down(self, low: Place, high: Place | None) -> Iterator[Place]:
        last = len(self._chunks) if high is None else bisect_left(self._heads, high)
        for number in range(last - 1, -1, -1):
            chunk = self._chunks[number]
            end = len(chunk) if high is None else bisect_left(chunk, high)
            for offset in range(end - 1, -1, -1):
                place = chunk[offset]
                if place < low:
                    return
                yield place
