"""What a backend author implements, and what the kit's tests work with.

Tests are written as coroutines and run, as plain functions, on the kit's own event loop with a bounded time; no
plugin for pytest is needed. One store serves all tests of a suite class: every test makes its own tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import uuid4

import pytest

from extenddb.storage.capabilities import Capabilities
from extenddb.storage.model import (
    Decision,
    Key,
    Mutation,
    Page,
    PointRead,
    Published,
    RangeRead,
    Row,
    ScanRead,
    Space,
    TableRecord,
)
from extenddb.storage.spi import Backend

PATIENCE = 60.0
"""Seconds after which a test that hangs has failed."""
PLENTY = 1 << 30
"""A page bound in bytes that no test reaches."""

_Result = TypeVar("_Result")


class Harness(Protocol):
    """How the kit gets at stores of one backend."""

    @property
    def capabilities(self) -> Capabilities:
        """What the plugin declares."""

    async def create(self) -> Backend:
        """Open a store that is fresh and empty."""

    async def reopen(self, backend: Backend) -> Backend:
        """Close a store and open the same one again; only asked for with the capability `durable`."""

    async def another(self, backend: Backend) -> Backend:
        """Open a second, independent handle of an open store; the same handle where there cannot be two."""

    async def destroy(self, backend: Backend) -> None:
        """Close a store and remove what it left."""


class Kit:
    """One store under test."""

    def __init__(self, runner: asyncio.Runner, harness: Harness, backend: Backend) -> None:
        self.harness = harness
        self.backend = backend
        self._runner = runner
        self._other: Backend | None = None

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run a coroutine to its end, for a bounded time."""
        return self._runner.run(asyncio.wait_for(work, PATIENCE))

    def unique(self) -> str:
        """Return an id that was never used."""
        return uuid4().hex

    def record(self, *indexes: str, name: str | None = None, namespace: str = "kit") -> TableRecord:
        """Return a record of a new table."""
        space = Space(id=self.unique(), indexes=indexes)
        return TableRecord(namespace=namespace, name=name or f"t-{space.id}", space=space, document=b"{}")

    async def table(self, *indexes: str) -> Space:
        """Create a new table and return its space."""
        record = self.record(*indexes)
        await self.backend.catalog.create(record)
        return record.space

    async def other(self) -> Backend:
        """Return a second handle of the store."""
        if self._other is None:
            self._other = await self.harness.another(self.backend)
        return self._other

    async def get(self, space: Space, key: Key) -> Row | None:
        """Return one row."""
        (row,) = await self.backend.items.get([PointRead(space, key)])
        return row

    async def items(self, space: Space) -> dict[Key, bytes]:
        """Return the items of all rows by their keys."""
        page = await self.scan(space)
        return {row.key: row.item for row in page.rows}

    async def mutate(self, *mutations: Mutation) -> list[Decision]:
        """Apply mutations in one batch."""
        return await self.backend.items.mutate(list(mutations))

    async def range(self, space: Space, partition: bytes, **options: Any) -> Page:
        """Read a range; everything is optional but the partition."""
        options.setdefault("max_bytes", PLENTY)
        return await self.backend.items.read_range(RangeRead(space=space, partition=partition, **options))

    async def scan(self, space: Space, **options: Any) -> Page:
        """Scan; everything is optional."""
        options.setdefault("max_bytes", PLENTY)
        return await self.backend.items.scan(ScanRead(space=space, **options))

    async def records(self, stream: str, **options: Any) -> list[Published]:
        """Read a stream; everything is optional but its id."""
        bounds = {"limit": 1000, "max_bytes": PLENTY, **options}
        return (await self.backend.streams.read(stream, **bounds)).records

    async def close(self) -> None:
        """Close the second handle, if there is one, and destroy the store."""
        if self._other is not None and self._other is not self.backend:
            await self._other.close()
        await self.harness.destroy(self.backend)


@contextmanager
def opened(harness: Harness) -> Iterator[Kit]:
    """Give a kit over a fresh store for as long as the context lasts."""
    with asyncio.Runner() as runner:
        kit = Kit(runner, harness, runner.run(harness.create()))
        try:
            yield kit
        finally:
            kit.run(kit.close())


class Suite:
    """Base of all suites. A subclass sets `harness`, or its module has a fixture `backend_harness` (class or wider)."""

    harness: ClassVar[Harness | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    """Capabilities without which the whole suite is skipped."""

    @pytest.fixture(scope="class")
    @classmethod
    def kit(cls, request: pytest.FixtureRequest) -> Iterator[Kit]:
        """The store under test."""
        harness = cls.harness or request.getfixturevalue("backend_harness")
        for name in cls.needs:
            if not getattr(harness.capabilities, name):
                pytest.skip(f"the backend does not declare {name}")
        with opened(harness) as kit:
            yield kit


_Test = Callable[[Any, Kit], Awaitable[None]]


def scenario(test: _Test) -> Callable[[Any, Kit], None]:
    """Turn a coroutine method into a plain test."""

    def run(self: Any, kit: Kit) -> None:
        kit.run(test(self, kit))  # type: ignore[arg-type]

    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(run, name, getattr(test, name))
    return run


def requires(*names: str) -> Callable[[_Test], _Test]:
    """Skip a scenario on backends that do not declare these capabilities; stands below `scenario`."""

    def decorate(test: _Test) -> _Test:
        async def run(self: Any, kit: Kit) -> None:
            for name in names:
                if not getattr(kit.harness.capabilities, name):
                    pytest.skip(f"the backend does not declare {name}")
            await test(self, kit)

        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(run, name, getattr(test, name))
        return run

    return decorate
