"""Reading items: point reads, snapshots and pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from extenddb.core.types.keys import Key, bucket
from extenddb.storage.model import Page, PointRead, RangeRead, Row, ScanRead, Space
from extenddb.storage_postgres.arrays import int8, key_arrays
from extenddb.storage_postgres.ddl import HEAD
from extenddb.storage_postgres.pool import Pool
from extenddb.storage_postgres.statements import statements
from extenddb.storage_postgres.wire import Call, Session, Statement

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

_FIRST_CHUNK = 256
_LARGEST_CHUNK = 2048
"""Rows asked for at once; what a chunk brings in bytes is bounded by the page's budget."""
_SPARE = 1.25
"""How many more rows to ask for than the average size suggests."""

_key = cast("Callable[[tuple[bytes, bytes]], Key]", partial(tuple.__new__, Key))
_row = cast("Callable[[tuple[Key, bytes, int, int]], Row]", partial(tuple.__new__, Row))
"""Named tuples without the detour over their own constructors: pages have thousands."""

_BEGIN_SNAPSHOT = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
_COMMIT = Statement("COMMIT")


def rows_of(result: PGresult) -> list[Row]:
    """Return the rows of a result whose first columns are partition, sort key, item, size and version."""
    value: Any = result.get_value
    number = int.from_bytes
    return [
        _row((_key((value(n, 0), value(n, 1))), value(n, 2), number(value(n, 3), "big"), number(value(n, 4), "big")))
        for n in range(result.ntuples)
    ]


def _calls(reads: Sequence[PointRead]) -> tuple[list[Space], list[Call]]:
    groups: dict[Space, dict[Key, None]] = {}
    for space, key in reads:
        groups.setdefault(space, {})[key] = None
    return list(groups), [statements(space).get(*key_arrays(list(keys))) for space, keys in groups.items()]


def _answers(reads: Sequence[PointRead], spaces: Sequence[Space], results: Sequence[PGresult]) -> list[Row | None]:
    found: dict[Space, dict[Key, Row]] = {
        space: {row.key: row for row in rows_of(result)} for space, result in zip(spaces, results, strict=True)
    }
    return [found[space].get(key) for space, key in reads]


async def get(pool: Pool, reads: Sequence[PointRead]) -> list[Row | None]:
    """See `spi.Items.get`."""
    if not reads:
        return []
    spaces, calls = _calls(reads)
    results = await pool.run(lambda session: session.read(calls))
    return _answers(reads, spaces, results[: len(calls)])


async def snapshot(pool: Pool, reads: Sequence[PointRead]) -> list[Row | None]:
    """See `spi.Items.snapshot`."""
    spaces, calls = _calls(reads)
    if len(calls) <= 1:  # a single statement is a snapshot
        return await get(pool, reads)
    results = await pool.run(lambda session: session.transaction(_BEGIN_SNAPSHOT(), calls, _COMMIT()))
    return _answers(reads, spaces, results)


async def read_range(pool: Pool, read: RangeRead) -> Page:
    """See `spi.Items.read_range`."""
    return await _pages(pool, _RangePlace(read), read.limit, read.max_bytes)


async def scan(pool: Pool, read: ScanRead) -> Page:
    """See `spi.Items.scan`."""
    return await _pages(pool, _ScanPlace(read), read.limit, read.max_bytes)


async def _pages(pool: Pool, place: _RangePlace | _ScanPlace, limit: int | None, max_bytes: int) -> Page:
    rows: list[Row] = []
    total = 0
    while True:
        wanted = _chunk(len(rows), total, limit, max_bytes)
        call = place.call(int8(max(max_bytes - total, 1)), int8(wanted))
        result = (await pool.run(partial(Session.read, calls=[call])))[0]
        if place.doubts(result):
            continue
        chunk = rows_of(result)
        rows += chunk
        total += sum([row.size for row in chunk])
        if rows and (total >= max_bytes or len(rows) == limit):
            return Page(rows, True)
        if len(chunk) < wanted:
            return Page(rows, False)
        place.advance(result, chunk[-1])


def _chunk(count: int, total: int, limit: int | None, max_bytes: int) -> int:
    wanted = _FIRST_CHUNK
    if count:
        average = max(total / count, 1)
        wanted = min(max(int((max_bytes - total) / average * _SPARE), _FIRST_CHUNK), _LARGEST_CHUNK)
    return wanted if limit is None else max(min(wanted, limit - count), 1)


class _Order:
    """In which order a page is read: that of the heads of sort keys, until one shows that has more.

    Heads alone are in the order of whole keys as long as neither the place asked for nor a row found is longer.
    """

    def __init__(self, index: str | None, *sorts: bytes | None) -> None:
        self._index = index
        self.whole = index is not None and any(len(sort) > HEAD for sort in sorts if sort is not None)

    def doubts(self, result: PGresult) -> bool:
        """Tell whether a page is to be read again in the order of whole keys, and from now on."""
        if self.whole or self._index is None:
            return False
        value: Any = result.get_value
        self.whole = any(len(value(n, 6)) >= HEAD for n in range(result.ntuples))
        return self.whole


class _RangePlace(_Order):
    """Where a range read stands: everything between two places, the near one moving."""

    def __init__(self, read: RangeRead) -> None:
        super().__init__(read.index, read.lower, read.upper, read.after.key.sort if read.after else None)
        self._read = read
        self._lower = read.lower or b""
        self._upper = read.upper
        self._after: tuple[bytes, bytes, bytes] | None = None
        """In an index: sort key, base partition and base sort key of the last entry."""
        if read.after is not None:
            self._move(read.after.key.sort, read.after.base)

    def _move(self, sort: bytes, base: Key | None) -> None:
        if base is not None:
            self._after = (sort, base.partition, base.sort)
        elif self._read.reverse:
            self._upper = sort if self._upper is None else min(self._upper, sort)
        else:
            self._lower = max(self._lower, sort + b"\x00")

    def call(self, *head: bytes) -> Call:
        """Return the statement that reads on from here, `head` before the place's own parameters."""
        read = self._read
        # The cursor of a reverse read closes an end that was open.
        bounded = self._upper is not None or (read.reverse and self._after is not None)
        sql = statements(read.space)
        statement = sql.range(read.index, reverse=read.reverse, bounded=bounded, whole=self.whole)
        partition = (int8(bucket(read.partition)), read.partition)
        return Call(statement, (*head, *partition, *self._near(), *(self._far() if bounded else ())))

    def _near(self) -> tuple[bytes, ...]:
        if self._read.index is None or self._read.reverse:
            return (self._lower,)
        start = (self._lower, b"", b"")
        return start if self._after is None else max(start, self._after)

    def _far(self) -> tuple[bytes | None, ...]:
        if self._read.index is None or not self._read.reverse:
            return (self._upper,)
        return self._end()

    def _end(self) -> tuple[bytes, bytes, bytes]:
        ends = [] if self._upper is None else [(self._upper, b"", b"")]
        return min(ends if self._after is None else [*ends, self._after])

    def advance(self, result: PGresult, last: Row) -> None:
        """Move behind the last row read."""
        if self._read.index is None:
            self._move(last.key.sort, None)
        else:
            sort = result.get_value(result.ntuples - 1, 6)
            self._move(sort or b"", last.key)


class _ScanPlace(_Order):
    """Where a scan stands."""

    def __init__(self, read: ScanRead) -> None:
        super().__init__(read.index, read.after.key.sort if read.after else None)
        self._read = read
        self._near: tuple[bytes, ...] = (read.lower, b"") if read.index is None else (read.lower, b"", b"", b"")
        self._far = () if read.upper is None else (int8(_padded_bucket(read.upper)), read.upper)
        if read.after is not None:
            self._near = max(self._near, self._behind(read.after.key, read.after.base))

    def _behind(self, key: Key, base: Key | None) -> tuple[bytes, ...]:
        return (*key, *base) if base is not None else (key.partition, key.sort + b"\x00")

    def call(self, *head: bytes) -> Call:
        """Return the statement that reads on from here, `head` before the place's own parameters."""
        read = self._read
        statement = statements(read.space).scan(read.index, bounded=read.upper is not None, whole=self.whole)
        return statement(*head, int8(_padded_bucket(self._near[0])), *self._near, *self._far)

    def advance(self, result: PGresult, last: Row) -> None:
        """Move behind the last row read."""
        if self._read.index is not None:
            at = result.ntuples - 1
            key = Key(result.get_value(at, 5) or b"", result.get_value(at, 6) or b"")
            self._near = self._behind(key, last.key)
        else:
            self._near = self._behind(last.key, None)


def _padded_bucket(prefix: bytes) -> int:
    return bucket(prefix[:2].ljust(2, b"\x00"))
