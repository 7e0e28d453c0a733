"""Puts a synchronous backend behind the contract, through a bounded pool of threads.

The synchronous Protocols have the methods of those in `spi`, with the same arguments, results, errors and promises,
as plain functions. Their methods are called from several threads at the same time; so is `decide`, which is pure.

A cancelled call that no thread has begun is never begun. One that has begun cannot be interrupted: the caller gets its
cancellation when the work has ended, so that locks and connections are free by then, and the work was done as a whole.
"""

from __future__ import annotations

import asyncio
import inspect
from builtins import list as listing
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar, cast

from extenddb.storage import spi
from extenddb.storage.capabilities import Capabilities
from extenddb.storage.errors import Unavailable
from extenddb.storage.model import (
    Decision,
    Document,
    EntriesOf,
    Estimate,
    Hit,
    Mutation,
    NewRow,
    Page,
    PointRead,
    RangeRead,
    Records,
    Row,
    ScanRead,
    Space,
    TableRecord,
    VectorSearch,
)

_Result = TypeVar("_Result")


class SyncCatalog(Protocol):
    """`spi.Catalog` in plain functions."""

    def create(self, record: TableRecord, *, loading: bool = False) -> None: ...
    def find(self, namespace: str, name: str) -> TableRecord | None: ...
    def names(self, namespace: str, *, after: str = "", limit: int) -> list[str]: ...
    def records(self, *, after: str = "", limit: int) -> list[TableRecord]: ...
    def alter(self, record: TableRecord, *, expected: int) -> TableRecord: ...
    def drop(self, space: Space) -> None: ...
    def estimate(self, space: Space) -> dict[str | None, Estimate]: ...


class SyncItems(Protocol):
    """`spi.Items` in plain functions."""

    def get(self, reads: Sequence[PointRead]) -> list[Row | None]: ...
    def snapshot(self, reads: Sequence[PointRead]) -> list[Row | None]: ...
    def read_range(self, read: RangeRead) -> Page: ...
    def scan(self, read: ScanRead) -> Page: ...
    def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]: ...
    def transact(self, mutations: Sequence[Mutation]) -> list[Decision]: ...


class SyncVectorItems(SyncItems, Protocol):
    """`spi.VectorItems` in plain functions."""

    def search(self, search: VectorSearch) -> list[Hit]: ...
    def build(self, space: Space, index: str, *, alone: bool = False) -> bool: ...


class SyncBulkItems(SyncItems, Protocol):
    """`spi.BulkItems` in plain functions."""

    def load(self, space: Space, rows: Sequence[NewRow]) -> None: ...
    def finish(self, space: Space, entries: EntriesOf) -> bool: ...


class SyncStreams(Protocol):
    """`spi.Streams` in plain functions."""

    def read(
        self,
        stream: str,
        *,
        after: int = 0,
        until: int | None = None,
        buckets: tuple[int, int] = (0, 4096),
        limit: int,
        max_bytes: int,
    ) -> Records: ...
    def last(self, stream: str) -> int: ...
    def trim(self, stream: str, *, before: int) -> int: ...
    def drop(self, stream: str) -> None: ...


class SyncDocuments(Protocol):
    """`spi.Documents` in plain functions."""

    def get(self, kind: str, key: str) -> Document | None: ...
    def put(self, kind: str, key: str, body: bytes, *, expected: int | None = None) -> int: ...
    def delete(self, kind: str, key: str, *, expected: int | None = None) -> None: ...
    def list(self, kind: str, *, prefix: str = "", after: str = "", limit: int) -> listing[Document]: ...


class SyncLeases(Protocol):
    """`spi.Leases` in plain functions."""

    def acquire(self, name: str, holder: str, *, seconds: float) -> bool: ...
    def release(self, name: str, holder: str) -> None: ...


class SyncBackend(Protocol):
    """`spi.Backend` in plain functions."""

    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def catalog(self) -> SyncCatalog: ...
    @property
    def items(self) -> SyncItems: ...
    @property
    def streams(self) -> SyncStreams: ...
    @property
    def documents(self) -> SyncDocuments: ...
    @property
    def leases(self) -> SyncLeases: ...
    def ping(self) -> None: ...
    def close(self) -> None: ...


def adapt(backend: SyncBackend, *, threads: int = 8) -> spi.Backend:
    """Return the backend behind the asynchronous contract, at most `threads` calls at the same time."""
    return _Adapted(backend, threads)


class _Adapted:
    def __init__(self, backend: SyncBackend, threads: int) -> None:
        self._backend = backend
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="extenddb-storage")
        self.capabilities = backend.capabilities
        self.catalog = cast("spi.Catalog", _Port(backend.catalog, (spi.Catalog,), self._run))
        extra = (("search", spi.VectorItems), ("load", spi.BulkItems))
        methods = (spi.Items, *(port for name, port in extra if hasattr(backend.items, name)))
        self.items = cast("spi.Items", _Port(backend.items, methods, self._run))
        self.streams = cast("spi.Streams", _Port(backend.streams, (spi.Streams,), self._run))
        self.documents = cast("spi.Documents", _Port(backend.documents, (spi.Documents,), self._run))
        self.leases = cast("spi.Leases", _Port(backend.leases, (spi.Leases,), self._run))

    async def ping(self) -> None:
        await self._run(self._backend.ping)

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._backend.close)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        try:
            call = self._pool.submit(work)
        except RuntimeError as error:
            raise Unavailable("the store is closed") from error
        answer = asyncio.wrap_future(call)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            call.cancel()
            await _ended(answer)
            raise


class _Port:
    """The methods of some Protocols, each handing its plain namesake to the pool."""

    def __init__(
        self,
        target: object,
        protocols: Sequence[type],
        run: Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]],
    ) -> None:
        for protocol in protocols:
            for name, member in vars(protocol).items():
                if inspect.iscoroutinefunction(member):
                    setattr(self, name, _handing(getattr(target, name), run))


def _handing(
    method: Callable[..., Any], run: Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    def call(*args: Any, **options: Any) -> Coroutine[Any, Any, Any]:
        return run(lambda: method(*args, **options))

    return call


async def _ended(call: asyncio.Future[Any]) -> None:
    """Return when a thread has done with a call, however often this is cancelled; what came of it is forgotten."""
    while not call.done():
        try:
            await asyncio.wait([call])
        except asyncio.CancelledError:
            continue
    if not call.cancelled():
        call.exception()
