"""The tables this process knows, and how it learns whether what it knows is still so.

A request that succeeds costs no catalog read: the store refuses a statement that names an epoch which is not current.
A request that is refused meets no such guard, so before its client is told it is decided again by definitions that
were read after it came (`Current`). Reads of one table are shared: however many requests ask at the same time, one
read is under way and at most one more waits to begin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from extenddb.core.errors import resource_not_found
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import StorageError
from extenddb.storage.spi import Catalog

MAX_AGE = 5.0
"""Seconds after which a remembered table is read again. No answer relies on it."""

_Name: TypeAlias = tuple[str, str]
"""Namespace and name of a table."""
_Reading: TypeAlias = "asyncio.Task[Table | None]"


class _Known(NamedTuple):
    """A remembered table."""

    table: Table
    until: float
    """When it is to be read again, by the monotonic clock."""
    number: int
    """Of the read that brought it: a larger number began later."""


class Tables:
    """Tables by namespace and name. One event loop."""

    def __init__(
        self, catalog: Catalog, *, max_age: float = MAX_AGE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._max_age = max_age
        self._monotonic = monotonic
        self._known: dict[_Name, _Known] = {}
        self._reads = 0
        """Reads of the catalog begun so far."""
        self._running: dict[_Name, _Reading] = {}
        self._waiting: dict[_Name, _Reading] = {}
        """Reads that have not begun yet."""
        self.remembered = 0
        """How often a table was answered from memory: a request during which this stays the same rests on nothing
        remembered."""

    async def require(self, namespace: str, name: str) -> Table:
        """Return a table, from memory if it is fresh there. Raises ResourceNotFoundException."""
        known = self._known.get((namespace, name))
        if known is not None and known[1] > self._monotonic():
            self.remembered += 1
            return known[0]
        return usable(await self.current(namespace, name))

    async def current(self, namespace: str, name: str) -> Table | None:
        """Return a table as the catalog has it now, by a read that begins after this call and may be shared."""
        key = (namespace, name)
        reading = self._waiting.get(key)
        if reading is None:
            reading = asyncio.get_running_loop().create_task(self._read_behind(key, self._running.get(key)))
            reading.add_done_callback(_retrieve)
            self._waiting[key] = reading
        try:
            return await asyncio.shield(reading)
        except StorageError as error:  # each waiter raises its own copy: tracebacks grow in place
            raise type(error)(*error.args) from error

    def renewed(self) -> Current:
        """Return the tables as a request meets them that must not rest on memory."""
        return Current(self)

    async def load(self, namespace: str, name: str) -> Table | None:
        """Return a table as the catalog has it now, by a read of the caller's own; None when there is none.

        It is remembered unless it is still being filled, or a later read has ended before this one.
        """
        key = (namespace, name)
        self._reads += 1
        number = self._reads
        record = await self._catalog.find(namespace, name)
        known = self._known.get(key)
        table = None
        if record is not None:
            table = known.table if known is not None and known.table.record == record else from_record(record)
        if known is not None and known.number > number:
            return table
        if table is None or table.filling:
            self.forget(namespace, name)
        else:
            self._known[key] = _Known(table, self._monotonic() + self._max_age, number)
        return table

    def forget(self, namespace: str, name: str) -> None:
        """Drop a table from memory."""
        self._known.pop((namespace, name), None)

    async def _read_behind(self, key: _Name, before: _Reading | None) -> Table | None:
        """Read a table once the read before it has ended."""
        if before is not None:
            await asyncio.wait((before,))
        reading = self._running[key] = self._waiting.pop(key)
        try:
            return await self.load(*key)
        finally:
            if self._running[key] is reading:
                del self._running[key]


class Current:
    """The tables as the catalog has them now, for one request: each is read once, after the request came."""

    remembered = 0
    """See `Tables.remembered`: nothing is."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._found: dict[_Name, Table | None] = {}

    async def require(self, namespace: str, name: str) -> Table:
        """Return a table. Raises ResourceNotFoundException."""
        key = (namespace, name)
        if key not in self._found:
            self._found[key] = await self._tables.current(namespace, name)
        return usable(self._found[key])

    def renewed(self) -> Current:
        """See `Tables.renewed`."""
        return Current(self._tables)

    async def load(self, namespace: str, name: str) -> Table | None:
        """See `Tables.load`."""
        return await self._tables.load(namespace, name)

    def forget(self, namespace: str, name: str) -> None:
        """See `Tables.forget`."""
        self._tables.forget(namespace, name)


def usable(table: Table | None) -> Table:
    """Return a table whose items can be read and written. Raises ResourceNotFoundException."""
    if table is None or table.filling:
        raise resource_not_found()
    return table


def _retrieve(reading: _Reading) -> None:
    """Look at the error of a read, which is reported as never looked at when everyone who waited has given up."""
    if not reading.cancelled():
        reading.exception()
