"""The documents port."""

from __future__ import annotations

from extenddb.core.types.keys import successor
from extenddb.storage.errors import Conflict
from extenddb.storage.model import Document
from extenddb.storage_postgres.pool import Pool

_GET = "SELECT body, version FROM documents WHERE kind = %s AND key = %b"
_PUT = (
    "INSERT INTO documents AS d (kind, key, body, version) VALUES (%s, %b, %b, 1)"
    " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body, version = d.version + 1 RETURNING version"
)
_CREATE = (
    "INSERT INTO documents (kind, key, body, version) VALUES (%s, %b, %b, 1)"
    " ON CONFLICT (kind, key) DO NOTHING RETURNING version"
)
_REPLACE = (
    "UPDATE documents SET body = %b, version = version + 1 WHERE kind = %s AND key = %b AND version = %s"
    " RETURNING version"
)
_DELETE = "DELETE FROM documents WHERE kind = %s AND key = %b"
_DELETE_VERSION = "DELETE FROM documents WHERE kind = %s AND key = %b AND version = %s"
_LIST = (
    "SELECT key, body, version FROM documents WHERE kind = %s AND key >= %b AND key > %b"
    " AND (%b::bytea IS NULL OR key < %b) ORDER BY key LIMIT %s"
)


class PostgresDocuments:
    """`spi.Documents` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, kind: str, key: str) -> Document | None:
        """See `spi.Documents.get`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_GET, [kind, key.encode()], binary=True)
            row = await cursor.fetchone()
        return None if row is None else Document(key=key, body=row[0], version=row[1])

    async def put(self, kind: str, key: str, body: bytes, *, expected: int | None = None) -> int:
        """See `spi.Documents.put`."""
        name = key.encode()
        if expected is None or expected == 0:
            values: list[object] = [kind, name, body]
            statement = _PUT if expected is None else _CREATE
        else:
            statement, values = _REPLACE, [body, kind, name, expected]
        async with self._pool.connection() as connection:
            row = await (await connection.execute(statement, values)).fetchone()
        if row is None:
            raise Conflict(f"{kind} {key}: not version {expected}")
        return int(row[0])

    async def delete(self, kind: str, key: str, *, expected: int | None = None) -> None:
        """See `spi.Documents.delete`."""
        name = key.encode()
        if expected == 0:
            if await self.get(kind, key) is not None:
                raise Conflict(f"{kind} {key}: exists")
            return
        async with self._pool.connection() as connection:
            if expected is None:
                await connection.execute(_DELETE, [kind, name])
                return
            cursor = await connection.execute(_DELETE_VERSION, [kind, name, expected])
        if cursor.rowcount != 1:
            raise Conflict(f"{kind} {key}: not version {expected}")

    async def list(self, kind: str, *, prefix: str = "", after: str = "", limit: int) -> list[Document]:
        """See `spi.Documents.list`."""
        start, end = prefix.encode(), successor(prefix.encode())
        async with self._pool.connection() as connection:
            values = [kind, start, after.encode(), end, end, limit]
            # An empty key is above nothing: `after` empty must not hide it.
            statement = _LIST if after else _LIST.replace("key > %b", "(key > %b OR true)")
            cursor = await connection.execute(statement, values, binary=True)
            return [
                Document(key=key.decode(), body=body, version=version) for key, body, version in await cursor.fetchall()
            ]
