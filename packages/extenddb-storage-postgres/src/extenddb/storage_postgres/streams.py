"""The streams port: records get their final numbers when somebody reads.

A writer cannot number its records: of two writers the one that draws its number first may commit last, and a reader
in between would pass over a record below a number it has seen. So a writer draws only a serial, after it holds the
locks of its rows (so that serials of one key stand in commit order), and a reader first *publishes*: under the lock
of the stream's row it numbers everything that is visible and not numbered yet, in the order of the serials. What
becomes visible later gets later numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from extenddb.storage.model import Published, Records
from extenddb.storage_postgres.arrays import int8, integer
from extenddb.storage_postgres.pool import Pool
from extenddb.storage_postgres.wire import Call, Session, Statement

_PENDING: Final = Statement(
    "SELECT 1 FROM changes WHERE stream = convert_from($1::bytea, 'UTF8') AND seq IS NULL LIMIT 1"
)
_CREATE: Final = Statement(
    "INSERT INTO streams (id, last) VALUES (convert_from($1::bytea, 'UTF8'), 0) ON CONFLICT (id) DO NOTHING"
)
_LOCK: Final = Statement("SELECT last FROM streams WHERE id = convert_from($1::bytea, 'UTF8') FOR UPDATE")
_STEP: Final = 2000
"""Records numbered or removed in one transaction: a stream that nobody read for a day may have millions."""
_NUMBER: Final = Statement(
    # No join: a planner that believes the table to be small would compare every record with every other.
    "UPDATE changes SET seq = (SELECT last FROM streams WHERE id = convert_from($1::bytea, 'UTF8'))"
    " + width_bucket(serial, ARRAY(SELECT serial FROM changes"
    " WHERE stream = convert_from($1::bytea, 'UTF8') AND seq IS NULL ORDER BY serial LIMIT $2::bigint))"
    " WHERE stream = convert_from($1::bytea, 'UTF8') AND seq IS NULL"
    " AND serial <= (SELECT max(p.serial) FROM (SELECT serial FROM changes"
    " WHERE stream = convert_from($1::bytea, 'UTF8') AND seq IS NULL ORDER BY serial LIMIT $2::bigint) AS p)"
)
_ADVANCE: Final = Statement(
    "UPDATE streams SET last = greatest(last, coalesce("
    "(SELECT max(seq) FROM changes WHERE stream = convert_from($1::bytea, 'UTF8') AND seq IS NOT NULL), 0))"
    " WHERE id = convert_from($1::bytea, 'UTF8')"
)
_READ: Final = Statement(
    # As in pages of items sizes are added up in order, so that bodies stored out of line are fetched only if they
    # leave. The first record that does not fit leaves without its body; behind one that is too large in itself too.
    "SELECT q.seq, q.b, q.created, CASE WHEN q.before = 0 OR q.before + octet_length(q.body) <= $7::bigint"
    " THEN q.body END FROM (SELECT c.seq, c.b, c.created, c.body,"
    " sum(c.size) OVER (ORDER BY c.seq ROWS UNBOUNDED PRECEDING) - c.size AS before"
    " FROM (SELECT seq, b, created, body, least(octet_length(body), $7::bigint) AS size FROM changes"
    " WHERE stream = convert_from($1::bytea, 'UTF8') AND seq IS NOT NULL AND seq > $2::bigint AND seq <= $3::bigint"
    " AND b >= $4::bigint AND b < $5::bigint ORDER BY seq LIMIT $6::bigint) AS c) AS q WHERE q.before <= $7::bigint"
)
_LAST: Final = Statement("SELECT last FROM streams WHERE id = convert_from($1::bytea, 'UTF8')")
_TRIM: Final = (
    "DELETE FROM changes WHERE stream = %s AND created < %s AND ctid = ANY (ARRAY("
    "SELECT ctid FROM changes WHERE stream = %s AND created < %s ORDER BY created LIMIT %s))"
)
_DROP: Final = ("DELETE FROM changes WHERE stream = %s", "DELETE FROM streams WHERE id = %s")

_ALL: Final = 2**63 - 1

_Enough: TypeAlias = Callable[[Any], bool]
"""Tells whether a result is complete although not all records are numbered."""


class PostgresStreams:
    """`spi.Streams` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

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
        bounds = (after, _ALL if until is None else until, *buckets, limit, max_bytes)
        call = _READ(stream.encode(), *map(int8, bounds))
        return _records(await self._published(stream, call, lambda result: _stopped(result, limit)), max_bytes, limit)

    async def last(self, stream: str) -> int:
        """See `spi.Streams.last`."""
        result = await self._published(stream, _LAST(stream.encode()), lambda _: False)
        return integer(result.get_value(0, 0)) if result.ntuples else 0

    async def trim(self, stream: str, *, before: int) -> int:
        """See `spi.Streams.trim`."""
        removed = 0
        while True:
            async with self._pool.connection() as connection:
                values = [stream, before, stream, before, _STEP]
                cursor = await connection.execute(_TRIM, values)
            removed += cursor.rowcount
            if cursor.rowcount < _STEP:
                return removed

    async def drop(self, stream: str) -> None:
        """See `spi.Streams.drop`."""
        async with self._pool.connection() as connection, connection.transaction():
            for statement in _DROP:
                await connection.execute(statement, [stream])

    async def _published(self, stream: str, call: Call, enough: _Enough) -> Any:
        """Return the result of a read that sees everything committed before it published, or that is enough."""
        return await self._pool.run(lambda session: _read(session, stream.encode(), call, enough))


async def _read(session: Session, stream: bytes, call: Call, enough: _Enough) -> Any:
    pending, result, *_ = await session.read([_PENDING(stream), call])
    more = pending.ntuples > 0
    while more and not enough(result):
        # One statement each: every one sees what was committed while the lock was waited for.
        steps = [_CREATE(stream), _LOCK(stream), _NUMBER(stream, int8(_STEP)), _ADVANCE(stream), call]
        _, _, numbered, _, result, *_ = await session.read(steps)
        more = numbered.command_tuples == _STEP
    return result


def _stopped(result: Any, limit: int) -> bool:
    """Return whether a bound ended the records."""
    count: int = result.ntuples
    return count == limit or (count > 0 and result.get_value(count - 1, 3) is None)


def _records(result: Any, max_bytes: int, limit: int) -> Records:
    value = result.get_value
    records: list[Published] = []
    total = 0
    for n in range(result.ntuples):
        body = value(n, 3)
        total += 0 if body is None else len(body)
        if body is None or (records and total > max_bytes):  # behind empty ones the statement lets one through
            return Records(records, True)
        records.append(Published(integer(value(n, 0)), integer(value(n, 1)), integer(value(n, 2)), body))
    return Records(records, len(records) == limit)
