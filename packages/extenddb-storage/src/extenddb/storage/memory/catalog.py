"""The catalog port in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from extenddb.storage.errors import AlreadyExists, Conflict, NotFound
from extenddb.storage.memory.state import State, Table
from extenddb.storage.model import Estimate, Space, TableRecord


class MemoryCatalog:
    """`spi.Catalog` over a `State`."""

    def __init__(self, state: State, enter: Callable[[], Awaitable[None]]) -> None:
        self._state = state
        self._enter = enter

    async def create(self, record: TableRecord, *, loading: bool = False) -> None:
        """See `spi.Catalog.create`."""
        await self._enter()
        name = (record.namespace, record.name)
        if name in self._state.names:
            raise AlreadyExists(f"table {record.name} exists in {record.namespace}")
        if record.space.id in self._state.tables:
            raise AlreadyExists(f"space {record.space.id} exists")
        self._state.names[name] = record.space.id
        self._state.tables[record.space.id] = Table(record, loading=loading)

    async def find(self, namespace: str, name: str) -> TableRecord | None:
        """See `spi.Catalog.find`."""
        await self._enter()
        space = self._state.names.get((namespace, name))
        return None if space is None else self._state.tables[space].record

    async def names(self, namespace: str, *, after: str = "", limit: int) -> list[str]:
        """See `spi.Catalog.names`."""
        await self._enter()
        found = [name for space, name in self._state.names if space == namespace and name > after]
        return sorted(found)[:limit]

    async def records(self, *, after: str = "", limit: int) -> list[TableRecord]:
        """See `spi.Catalog.records`."""
        await self._enter()
        found = sorted(space for space in self._state.tables if space > after)
        return [self._state.tables[space].record for space in found[:limit]]

    async def alter(self, record: TableRecord, *, expected: int) -> TableRecord:
        """See `spi.Catalog.alter`."""
        await self._enter()
        table = self._require(record.space)
        old = table.record
        if old.version != expected:
            raise Conflict(f"table {record.name} has version {old.version}, not {expected}")
        changed = set(record.space.indexes) != set(old.space.indexes) or set(record.space.vectors) != set(
            old.space.vectors
        )
        reshaped = changed or record.space.epoch > old.space.epoch
        epoch = old.space.epoch + reshaped
        self._rename(old, record)
        table.reshape(record.space)
        table.record = replace(record, version=old.version + 1, space=replace(record.space, epoch=epoch))
        return table.record

    def _rename(self, old: TableRecord, record: TableRecord) -> None:
        before, after = (old.namespace, old.name), (record.namespace, record.name)
        if before == after:
            return
        if after in self._state.names:
            raise AlreadyExists(f"table {record.name} exists in {record.namespace}")
        self._state.names[after] = self._state.names.pop(before)

    async def drop(self, space: Space) -> None:
        """See `spi.Catalog.drop`."""
        await self._enter()
        record = self._require(space).record
        del self._state.tables[space.id], self._state.names[record.namespace, record.name]

    async def estimate(self, space: Space) -> dict[str | None, Estimate]:
        """See `spi.Catalog.estimate`."""
        await self._enter()
        return self._state.table(space, loading=True).estimate()

    def _require(self, space: Space) -> Table:
        try:
            return self._state.tables[space.id]
        except KeyError:
            raise NotFound(f"space {space.id} does not exist") from None
