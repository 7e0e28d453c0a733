"""The leases port: rows with an expiry on the database's clock."""

from __future__ import annotations

from extenddb.storage_postgres.pool import Pool

_ACQUIRE = (
    "INSERT INTO leases AS l (name, holder, expires)"
    " VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires"
    " WHERE l.holder = excluded.holder OR l.expires <= clock_timestamp() RETURNING 1"
)
_RELEASE = (
    "DELETE FROM leases WHERE (name = %s AND holder = %s)"
    # What a process that died never gave back, and nobody wanted since: the table is small, no index is worth it.
    " OR expires < clock_timestamp() - interval '1 day'"
)


class PostgresLeases:
    """`spi.Leases` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def acquire(self, name: str, holder: str, *, seconds: float) -> bool:
        """See `spi.Leases.acquire`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_ACQUIRE, [name, holder, float(seconds)])
            return await cursor.fetchone() is not None

    async def release(self, name: str, holder: str) -> None:
        """See `spi.Leases.release`."""
        async with self._pool.connection() as connection:
            await connection.execute(_RELEASE, [name, holder])
