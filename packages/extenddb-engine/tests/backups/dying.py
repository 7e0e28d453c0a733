"""A store and buckets that a process loses at its n-th call, so that every place to die in can be tried.

From that call on nothing that this process does reaches the store: it is as good as dead. Whether the last call was
carried out is the one thing nobody can know, so both are tried.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import md5
from typing import Any

from extenddb.engine.buckets import BROKEN, NO_BUCKET, BucketError, Buckets, ObjectInfo
from extenddb.storage.errors import Unavailable
from extenddb.storage.spi import Backend

_PORTS = ("catalog", "items", "streams", "documents", "leases")


class Life:
    """How many calls a process has left."""

    def __init__(self, calls: int | None = None, *, last_is_done: bool = False) -> None:
        """Live for so many calls, for ever without a number; `last_is_done` carries out the one that kills."""
        self.used = 0
        self.dead = False
        self._calls = calls
        self._last_is_done = last_is_done

    async def spend(self, call: Callable[[], Awaitable[Any]], death: Exception) -> Any:
        """Return what a call returns, or raise `death` from the last one on."""
        if self.dead:
            raise death
        self.used += 1
        if self.used == self._calls:
            self.dead = True
            if self._last_is_done:
                await call()
            raise death
        return await call()


class _Port:
    def __init__(self, port: Any, life: Life) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        assert inspect.iscoroutinefunction(method)

        async def spent(*values: Any, **named: Any) -> Any:
            return await self._life.spend(lambda: method(*values, **named), Unavailable("this process is dead"))

        return spent


class DyingBackend:
    """A store as long as a process lives."""

    def __init__(self, backend: Backend, life: Life) -> None:
        self.capabilities = backend.capabilities
        for port in _PORTS:
            setattr(self, port, _Port(getattr(backend, port), life))


class DyingBuckets:
    """Buckets as long as a process lives."""

    def __init__(self, buckets: Buckets, life: Life) -> None:
        self._buckets = buckets
        self._life = life

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        return str(await self._life.spend(lambda: self._buckets.put(bucket, key, body), _lost()))

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        listed = lambda: self._buckets.list(bucket, prefix=prefix, after=after, limit=limit)  # noqa: E731
        found: list[ObjectInfo] = await self._life.spend(listed, _lost())
        return found

    async def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        async for piece in self._buckets.read(bucket, key):
            yield piece


def _lost() -> BucketError:
    return BucketError(BROKEN, "this process is dead")


class DictBuckets:
    """Buckets in memory, which are quickly copied."""

    def __init__(self, objects: dict[tuple[str, str], bytes]) -> None:
        self.objects = objects
        """By bucket and key."""

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        self.objects[bucket, key] = body
        return md5(body).hexdigest()

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        if bucket not in (name for name, _ in self.objects):
            raise BucketError(NO_BUCKET, f"The specified bucket does not exist: {bucket}")
        found = [
            ObjectInfo(key=key, size=len(body))
            for (name, key), body in sorted(self.objects.items())
            if name == bucket and key.startswith(prefix) and key > after
        ]
        return found[:limit]

    async def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        yield self.objects[bucket, key]
