"""The streams port in memory: sequences are drawn at the commit, so their order is the commit order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice

from extenddb.storage.memory.state import State, Stream
from extenddb.storage.model import Published, Records

_NOTHING = Stream()


class MemoryStreams:
    """`spi.Streams` over a `State`."""

    def __init__(self, state: State, enter: Callable[[], Awaitable[None]]) -> None:
        self._state = state
        self._enter = enter

    async def read(
        self,
        stream: str,
        *,
        after: int = 0,
        until: int | None = None,
        buckets: tuple[int, int] = (0, 4096),
        limit: int,
        max_bytes: int,
    ) -> Records:
        """See `spi.Streams.read`."""
        await self._enter()
        records = self._state.streams.get(stream, _NOTHING).records
        first = bisect_right(records, after, key=_sequence)
        last = len(records) if until is None else bisect_right(records, until, key=_sequence)
        low, high = buckets
        return _bounded((r for r in islice(records, first, last) if low <= r.bucket < high), limit, max_bytes)

    async def last(self, stream: str) -> int:
        """See `spi.Streams.last`."""
        await self._enter()
        return self._state.streams.get(stream, _NOTHING).last

    async def trim(self, stream: str, *, before: int) -> int:
        """See `spi.Streams.trim`."""
        await self._enter()
        found = self._state.streams.get(stream, _NOTHING)
        kept = [record for record in found.records if record.created >= before]
        removed = len(found.records) - len(kept)
        if removed:
            found.records = kept
        return removed

    async def drop(self, stream: str) -> None:
        """See `spi.Streams.drop`."""
        await self._enter()
        self._state.streams.pop(stream, None)


def _bounded(records: Iterable[Published], limit: int, max_bytes: int) -> Records:
    taken: list[Published] = []
    total = 0
    for record in records:
        total += len(record.body)
        if taken and total > max_bytes:
            return Records(taken, True)
        taken.append(record)
        if len(taken) == limit:
            return Records(taken, True)
    return Records(taken, False)


def _sequence(record: Published) -> int:
    return record.sequence
