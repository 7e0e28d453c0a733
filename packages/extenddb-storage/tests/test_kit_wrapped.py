"""The kit over memory behind the checking wrapper, and over a synchronous store behind the adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Any, cast

from extenddb.storage import conformance as kit
from extenddb.storage.contract import checked
from extenddb.storage.memory import MemoryBackend, plugin
from extenddb.storage.spi import Backend
from extenddb.storage.sync import SyncBackend, adapt


class PlainPort:
    """The methods of a memory port as plain functions: its coroutines are run by hand, under one lock."""

    def __init__(self, port: object, lock: threading.Lock) -> None:
        self._port = port
        self._lock = lock

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*args: Any, **options: Any) -> Any:
            with self._lock:
                return finished(method(*args, **options))

        return call


class PlainBackend:
    """A synchronous store."""

    def __init__(self, backend: MemoryBackend, lock: threading.Lock) -> None:
        self.backend = backend
        self.lock = lock
        self.capabilities = backend.capabilities
        for name in ("catalog", "items", "streams", "documents", "leases"):
            setattr(self, name, PlainPort(getattr(backend, name), lock))

    def ping(self) -> None:
        finished(self.backend.ping())

    def close(self) -> None:
        finished(self.backend.close())


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        while True:
            work.send(None)
    except StopIteration as end:
        return end.value


class CheckedHarness:
    """Memory behind the checking wrapper."""

    capabilities = plugin.capabilities

    def __init__(self) -> None:
        self._inner: dict[int, MemoryBackend] = {}

    async def create(self) -> Backend:
        return self._wrapped(MemoryBackend())

    async def reopen(self, backend: Backend) -> Backend:
        raise AssertionError("memory is not durable")

    async def another(self, backend: Backend) -> Backend:
        return self._wrapped(MemoryBackend(state=self._inner[id(backend)].state))

    async def destroy(self, backend: Backend) -> None:
        del self._inner[id(backend)]
        await backend.close()

    def _wrapped(self, inner: MemoryBackend) -> Backend:
        outer = checked(inner)
        self._inner[id(outer)] = inner
        return outer


class SyncHarness(CheckedHarness):
    """A synchronous store behind the adapter, checked as well."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def _wrapped(self, inner: MemoryBackend) -> Backend:
        outer = checked(adapt(cast("SyncBackend", PlainBackend(inner, self._lock)), threads=4))
        self._inner[id(outer)] = inner
        return outer


for suite in kit.SUITES:
    for harness in (CheckedHarness, SyncHarness):
        name = f"Test{harness.__name__[:-7]}{suite.__name__[:-5]}"
        globals()[name] = type(name, (suite,), {"harness": harness()})
del suite
