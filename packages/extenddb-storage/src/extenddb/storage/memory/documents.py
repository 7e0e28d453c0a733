"""The documents and leases ports in memory."""

from __future__ import annotations

from builtins import list as listing
from collections.abc import Awaitable, Callable

from extenddb.storage.errors import Conflict
from extenddb.storage.memory.state import State
from extenddb.storage.model import Document


class MemoryDocuments:
    """`spi.Documents` over a `State`."""

    def __init__(self, state: State, enter: Callable[[], Awaitable[None]]) -> None:
        self._state = state
        self._enter = enter

    async def get(self, kind: str, key: str) -> Document | None:
        """See `spi.Documents.get`."""
        await self._enter()
        return self._state.documents.get(kind, {}).get(key)

    async def put(self, kind: str, key: str, body: bytes, *, expected: int | None = None) -> int:
        """See `spi.Documents.put`."""
        await self._enter()
        version = self._version(kind, key, expected) + 1
        self._state.documents.setdefault(kind, {})[key] = Document(key=key, body=body, version=version)
        return version

    async def delete(self, kind: str, key: str, *, expected: int | None = None) -> None:
        """See `spi.Documents.delete`."""
        await self._enter()
        self._version(kind, key, expected)
        self._state.documents.get(kind, {}).pop(key, None)

    async def list(self, kind: str, *, prefix: str = "", after: str = "", limit: int) -> listing[Document]:
        """See `spi.Documents.list`."""
        await self._enter()
        found = self._state.documents.get(kind, {})
        keys = sorted(key for key in found if key.startswith(prefix) and key > after)
        return [found[key] for key in keys[:limit]]

    def _version(self, kind: str, key: str, expected: int | None) -> int:
        found = self._state.documents.get(kind, {}).get(key)
        version = 0 if found is None else found.version
        if expected is not None and expected != version:
            raise Conflict(f"document {kind}/{key} has version {version}, not {expected}")
        return version


class MemoryLeases:
    """`spi.Leases` over a `State` and the store's clock."""

    def __init__(self, state: State, enter: Callable[[], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._state = state
        self._enter = enter
        self._clock = clock

    async def acquire(self, name: str, holder: str, *, seconds: float) -> bool:
        """See `spi.Leases.acquire`."""
        await self._enter()
        now = self._clock()
        owner, until = self._state.leases.get(name, (holder, now))
        if owner != holder and now < until:
            return False
        self._state.leases[name] = (holder, now + seconds)
        return True

    async def release(self, name: str, holder: str) -> None:
        """See `spi.Leases.release`."""
        await self._enter()
        if self._state.leases.get(name, ("", 0.0))[0] == holder:
            del self._state.leases[name]
