"""The tables this process knows. A request costs no catalog read; the store's epochs guard against stale ones.

An entry is dropped when the store says that its space is not current, and refreshed after `max_age` so that settings
without a physical shape (billing mode, deletion protection) spread by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from extenddb.core.errors import ServiceError, resource_not_found
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.spi import Catalog

MAX_AGE = 5.0
"""Seconds after which an entry is read again."""


class Doubtful(ServiceError):
    """An error that may rest on a table as it was a moment ago: the request is repeated once with what is there now."""


class Tables:
    """Tables by namespace and name."""

    def __init__(
        self, catalog: Catalog, *, max_age: float = MAX_AGE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._max_age = max_age
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], tuple[Table, float]] = {}

    async def require(self, namespace: str, name: str) -> Table:
        """Return a table, from the cache if it is fresh. Raises ResourceNotFoundException."""
        known = self._known.get((namespace, name))
        if known is not None and known[1] > self._monotonic():
            return known[0]
        table = await self.load(namespace, name)
        if table is None or table.filling:
            raise resource_not_found()
        return table

    async def load(self, namespace: str, name: str) -> Table | None:
        """Return a table as the catalog has it now, and remember it unless it is still being filled."""
        record = await self._catalog.find(namespace, name)
        if record is None:
            self.forget(namespace, name)
            return None
        table = from_record(record)
        if table.filling:
            return table
        self._known[namespace, name] = (table, self._monotonic() + self._max_age)
        return table

    def forget(self, namespace: str, name: str) -> None:
        """Drop a table from the cache."""
        self._known.pop((namespace, name), None)

    def forget_all(self) -> None:
        """Drop everything: some cached table turned out to be stale."""
        self._known.clear()
