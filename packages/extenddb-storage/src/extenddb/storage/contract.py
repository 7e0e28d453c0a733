"""A wrapper that checks the contract: arguments of the caller, results and errors of the backend.

What breaks it raises `ContractViolation`, always a defect of one side. Meant for tests; in production it costs a few
microseconds per call.
"""

from __future__ import annotations

from builtins import list as listing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from extenddb.core.types.keys import BUCKETS
from extenddb.storage import checks, spi
from extenddb.storage.capabilities import Capabilities
from extenddb.storage.checks import require
from extenddb.storage.errors import (
    AlreadyExists,
    Ambiguous,
    Conflict,
    ContractViolation,
    NotFound,
    SchemaMismatch,
    SerializationFailure,
    StorageError,
    Unavailable,
    Unsupported,
)
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
_Errors = tuple[type[StorageError], ...]

_READ: _Errors = (SchemaMismatch, SerializationFailure)
LEGAL: dict[str, _Errors] = {
    "catalog.create": (AlreadyExists, Ambiguous),
    "catalog.find": (),
    "catalog.names": (),
    "catalog.records": (),
    "catalog.alter": (NotFound, Conflict, AlreadyExists, Ambiguous),
    "catalog.drop": (NotFound, Ambiguous),
    "catalog.estimate": (SchemaMismatch,),
    "items.get": _READ,
    "items.snapshot": (*_READ, Unsupported),
    "items.read_range": _READ,
    "items.scan": _READ,
    "items.search": (*_READ, Unsupported),
    "items.build": (*_READ, Unsupported),
    "items.finish": (*_READ, Ambiguous, Unsupported),
    "items.mutate": (*_READ, Ambiguous),
    "items.load": (*_READ, Conflict, Ambiguous, Unsupported),
    "items.transact": (*_READ, Ambiguous, Unsupported),
    "streams.read": (Unsupported,),
    "streams.last": (Unsupported,),
    "streams.trim": (Unsupported, Ambiguous),
    "streams.drop": (Unsupported, Ambiguous),
    "documents.get": (),
    "documents.put": (Conflict, Ambiguous),
    "documents.delete": (Conflict, Ambiguous),
    "documents.list": (),
    "leases.acquire": (Ambiguous,),
    "leases.release": (Ambiguous,),
    "ping": (),
    "close": (),
}
"""Which errors may leave which method; `Unavailable` may leave every one."""


def checked(backend: spi.Backend) -> spi.Backend:
    """Return the backend with every call checked."""
    return _Checked(backend)


async def _legal(
    method: str, call: Awaitable[_Result], own: Callable[[BaseException], bool] = lambda error: False
) -> _Result:
    """Await a call and let only legal errors pass; `own` knows exceptions that came out of a `decide`."""
    try:
        return await call
    except (Unavailable, ContractViolation):
        raise
    except Exception as error:
        if isinstance(error, LEGAL[method]) or own(error):
            raise
        raise ContractViolation(f"{type(error).__name__} may not leave {method}") from error


class _Checked:
    def __init__(self, backend: spi.Backend) -> None:
        self._backend = backend
        self.capabilities: Capabilities = backend.capabilities
        self.catalog = _Catalog(backend.catalog, backend.capabilities)
        self.items = _Items(backend.items, backend.capabilities)
        self.streams = _Streams(backend.streams, backend.capabilities)
        self.documents = _Documents(backend.documents)
        self.leases = _Leases(backend.leases)

    async def ping(self) -> None:
        await _legal("ping", self._backend.ping())

    async def close(self) -> None:
        await _legal("close", self._backend.close())


class _Catalog:
    def __init__(self, port: spi.Catalog, capabilities: Capabilities) -> None:
        self._port = port
        self._capabilities = capabilities

    def _space(self, space: Space) -> None:
        checks.space(space)
        require(self._capabilities.vectors or not space.vectors, "a space has vectors without the capability")

    async def create(self, record: TableRecord, *, loading: bool = False) -> None:
        self._space(record.space)
        require(self._capabilities.bulk_load or not loading, "a space is for loading without the capability")
        require(record.version == 1, "a new record has version 1")
        require(bool(record.namespace and record.name), "namespace and name are not empty")
        await _legal("catalog.create", self._port.create(record, loading=loading))

    async def find(self, namespace: str, name: str) -> TableRecord | None:
        record = await _legal("catalog.find", self._port.find(namespace, name))
        if record is not None:
            require((record.namespace, record.name) == (namespace, name), "find gave another table")
        return record

    async def names(self, namespace: str, *, after: str = "", limit: int) -> list[str]:
        require(limit >= 1, "limit is at least 1")
        found = await _legal("catalog.names", self._port.names(namespace, after=after, limit=limit))
        checks.listing([name.encode() for name in found], after.encode(), limit)
        return found

    async def records(self, *, after: str = "", limit: int) -> list[TableRecord]:
        require(limit >= 1, "limit is at least 1")
        found = await _legal("catalog.records", self._port.records(after=after, limit=limit))
        checks.listing([record.space.id.encode() for record in found], after.encode(), limit)
        return found

    async def alter(self, record: TableRecord, *, expected: int) -> TableRecord:
        self._space(record.space)
        new = await _legal("catalog.alter", self._port.alter(record, expected=expected))
        require(new.version == expected + 1, "alter gives the next version")
        require(set(new.space.indexes) == set(record.space.indexes), "alter gives the indexes asked for")
        require(set(new.space.vectors) == set(record.space.vectors), "alter gives the vectors asked for")
        require((new.space.id, new.document) == (record.space.id, record.document), "alter gives the record asked for")
        if self._capabilities.renaming:
            require((new.namespace, new.name) == (record.namespace, record.name), "alter gives the name asked for")
        return new

    async def drop(self, space: Space) -> None:
        checks.space(space)
        await _legal("catalog.drop", self._port.drop(space))

    async def estimate(self, space: Space) -> dict[str | None, Estimate]:
        checks.space(space)
        found = await _legal("catalog.estimate", self._port.estimate(space))
        indexes = {None, *space.indexes, *(each.id for each in space.vectors)}
        require(set(found) == indexes, "estimate tells of the table and each index")
        require(all(e.rows >= 0 and e.bytes >= 0 for e in found.values()), "estimates are not negative")
        return found


class _Items:
    def __init__(self, port: spi.Items, capabilities: Capabilities) -> None:
        self._port = port
        self._capabilities = capabilities

    async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
        checks.points(reads)
        rows = await _legal("items.get", self._port.get(reads))
        checks.found(reads, rows)
        return rows

    async def snapshot(self, reads: Sequence[PointRead]) -> list[Row | None]:
        checks.points(reads)
        rows = await _legal("items.snapshot", self._port.snapshot(reads))
        require(self._capabilities.snapshots, "snapshot answers without the capability")
        checks.found(reads, rows)
        return rows

    async def read_range(self, read: RangeRead) -> Page:
        checks.range_read(read)
        page = await _legal("items.read_range", self._port.read_range(read))
        checks.range_page(read, page)
        return page

    async def scan(self, read: ScanRead) -> Page:
        checks.scan_read(read)
        page = await _legal("items.scan", self._port.scan(read))
        checks.scan_page(read, page)
        return page

    async def search(self, search: VectorSearch) -> list[Hit]:
        checks.vector_search(search)
        if not self._capabilities.vectors:
            raise Unsupported("vectors")
        hits = await _legal("items.search", cast("spi.VectorItems", self._port).search(search))
        checks.hits(search, hits)
        return hits

    async def build(self, space: Space, index: str, *, alone: bool = False) -> bool:
        checks.space(space)
        require(any(each.id == index for each in space.vectors), f"the space has no vectors {index!r}")
        if not self._capabilities.vectors:
            raise Unsupported("vectors")
        return await _legal("items.build", cast("spi.VectorItems", self._port).build(space, index, alone=alone))

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        watch = _Watch(mutations)
        decisions = await _legal("items.mutate", self._port.mutate(watch.mutations), watch.raised)
        watch.compare(decisions)
        return decisions

    async def load(self, space: Space, rows: Sequence[NewRow]) -> None:
        checks.loaded(space, rows)
        if not self._capabilities.bulk_load:
            raise Unsupported("bulk_load")
        await _legal("items.load", cast("spi.BulkItems", self._port).load(space, rows))

    async def finish(self, space: Space, entries: EntriesOf) -> bool:
        checks.space(space)
        if not self._capabilities.bulk_load:
            raise Unsupported("bulk_load")
        watched = checks.entries_of(space, entries)
        return await _legal("items.finish", cast("spi.BulkItems", self._port).finish(space, watched))

    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        places = {(mutation.space.id, mutation.key) for mutation in mutations}
        require(len(places) == len(mutations), "the keys of a transaction are distinct")
        watch = _Watch(mutations)
        decisions = await _legal("items.transact", self._port.transact(watch.mutations), watch.raised)
        require(self._capabilities.transactions, "transact answers without the capability")
        watch.compare(decisions)
        return decisions


class _Watch:
    """Follows the decisions of one call."""

    def __init__(self, mutations: Sequence[Mutation]) -> None:
        self._last: list[Decision | None] = [None] * len(mutations)
        self._raised: list[BaseException] = []
        self.mutations = [self._watched(place, mutation) for place, mutation in enumerate(mutations)]

    def raised(self, error: BaseException) -> bool:
        """Whether this exception came out of a `decide`."""
        return any(error is own for own in self._raised)

    def compare(self, decisions: listing[Decision]) -> None:
        """Require that the decisions answered are those taken last."""
        require(len(decisions) == len(self._last), "as many decisions as mutations")
        same = all(given is taken for given, taken in zip(decisions, self._last, strict=True))
        require(same, "the decisions answered are the last ones taken")

    def _watched(self, place: int, mutation: Mutation) -> Mutation:
        checks.space(mutation.space)
        checks.key(mutation.key)

        def decide(old: Row | None) -> Decision:
            if old is not None and not mutation.blind:
                checks.row(old)
                require(old.key == mutation.key, "decide is given the row of its key")
            try:
                decision = mutation.decide(old)
            except Exception as error:
                self._raised.append(error)
                raise
            checks.decision(mutation, old, decision)
            self._last[place] = decision
            return decision

        return replace(mutation, decide=decide)


class _Streams:
    def __init__(self, port: spi.Streams, capabilities: Capabilities) -> None:
        self._port = port
        self._capabilities = capabilities

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
        checks.stream(stream)
        require(limit >= 1 and after >= 0, "limit is at least 1, after at least 0")
        require(max_bytes >= 1, "max_bytes is at least 1")
        low, high = buckets
        require(0 <= low <= high <= BUCKETS, "buckets are a half-open range of 0 to 4096")
        call = self._port.read(stream, after=after, until=until, buckets=buckets, limit=limit, max_bytes=max_bytes)
        found = await _legal("streams.read", call)
        require(self._capabilities.streams, "streams answer without the capability")
        checks.listing([record.sequence for record in found.records], after, limit)
        require(until is None or all(each.sequence <= until for each in found.records), "no sequence is above until")
        require(all(low <= each.bucket < high for each in found.records), "every record is in the buckets asked for")
        checks.records(found, limit, max_bytes)
        return found

    async def last(self, stream: str) -> int:
        checks.stream(stream)
        sequence = await _legal("streams.last", self._port.last(stream))
        require(sequence >= 0, "sequences are not negative")
        return sequence

    async def trim(self, stream: str, *, before: int) -> int:
        checks.stream(stream)
        count = await _legal("streams.trim", self._port.trim(stream, before=before))
        require(count >= 0, "counts are not negative")
        return count

    async def drop(self, stream: str) -> None:
        checks.stream(stream)
        await _legal("streams.drop", self._port.drop(stream))


class _Documents:
    def __init__(self, port: spi.Documents) -> None:
        self._port = port

    async def get(self, kind: str, key: str) -> Document | None:
        found = await _legal("documents.get", self._port.get(kind, key))
        if found is not None:
            require(found.key == key and found.version >= 1, "get gives the document of its key")
        return found

    async def put(self, kind: str, key: str, body: bytes, *, expected: int | None = None) -> int:
        require(bool(kind and key), "kind and key are not empty")
        version = await _legal("documents.put", self._port.put(kind, key, body, expected=expected))
        require(version >= 1, "versions begin with 1")
        require(expected is None or version == expected + 1, "put gives the next version")
        return version

    async def delete(self, kind: str, key: str, *, expected: int | None = None) -> None:
        await _legal("documents.delete", self._port.delete(kind, key, expected=expected))

    async def list(self, kind: str, *, prefix: str = "", after: str = "", limit: int) -> listing[Document]:
        require(limit >= 1, "limit is at least 1")
        found = await _legal("documents.list", self._port.list(kind, prefix=prefix, after=after, limit=limit))
        checks.listing([document.key.encode() for document in found], after.encode(), limit)
        require(all(document.key.startswith(prefix) for document in found), "every key starts with the prefix")
        return found


class _Leases:
    def __init__(self, port: spi.Leases) -> None:
        self._port = port

    async def acquire(self, name: str, holder: str, *, seconds: float) -> bool:
        require(bool(name and holder) and seconds >= 0, "name and holder are not empty, seconds not negative")
        return await _legal("leases.acquire", self._port.acquire(name, holder, seconds=seconds))

    async def release(self, name: str, holder: str) -> None:
        await _legal("leases.release", self._port.release(name, holder))
