"""Errors are told by type, change nothing, and leave the store usable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extenddb.storage.conformance.harness import PLENTY, Kit, Suite, scenario
from extenddb.storage.conformance.values import key, partition, put
from extenddb.storage.errors import SchemaMismatch, Unsupported
from extenddb.storage.model import PointRead, RangeRead, ScanRead, Space

MANY = 40
"""More failures than any pool has connections."""


class ErrorsSuite(Suite):
    """Wrong spaces and missing capabilities."""

    @scenario
    async def test_no_read_accepts_a_space_that_is_not_current(self, kit: Kit) -> None:
        space, items = await kit.table("i"), kit.backend.items
        for wrong in (replace(space, epoch=2), Space(id=kit.unique())):
            with pytest.raises(SchemaMismatch):
                await items.get([PointRead(wrong, key(1))])
            for index in (None, "i"):
                where = replace(wrong, indexes=("i",))
                read = RangeRead(space=where, index=index, partition=partition(1), max_bytes=PLENTY)
                with pytest.raises(SchemaMismatch):
                    await items.read_range(read)
                with pytest.raises(SchemaMismatch):
                    await items.scan(ScanRead(space=where, index=index, max_bytes=PLENTY))
            if kit.harness.capabilities.snapshots:
                with pytest.raises(SchemaMismatch):
                    await items.snapshot([PointRead(wrong, key(1))])

    @scenario
    async def test_one_wrong_space_fails_a_get_of_several(self, kit: Kit) -> None:
        space = await kit.table()
        with pytest.raises(SchemaMismatch):
            await kit.backend.items.get([PointRead(space, key(1)), PointRead(replace(space, epoch=9), key(1))])

    @scenario
    async def test_no_write_accepts_a_space_that_is_not_current(self, kit: Kit) -> None:
        space, items = await kit.table(), kit.backend.items
        wrong = replace(space, epoch=2)
        with pytest.raises(SchemaMismatch):
            await items.mutate([put(wrong, key(1))])
        if kit.harness.capabilities.transactions:
            with pytest.raises(SchemaMismatch):
                await items.transact([put(wrong, key(1))])
        assert await kit.items(space) == {}

    @scenario
    async def test_missing_capabilities_are_said_so(self, kit: Kit) -> None:
        space, backend, declared = await kit.table(), kit.backend, kit.harness.capabilities
        if not declared.transactions:
            with pytest.raises(Unsupported):
                await backend.items.transact([put(space, key(1))])
        if not declared.snapshots:
            with pytest.raises(Unsupported):
                await backend.items.snapshot([PointRead(space, key(1))])
        if not declared.streams:
            with pytest.raises(Unsupported):
                await backend.streams.read(kit.unique(), limit=1, max_bytes=1)
        assert await kit.items(space) == {}

    @scenario
    async def test_failures_use_nothing_up(self, kit: Kit) -> None:
        space = await kit.table()
        wrong = replace(space, epoch=2)
        for _ in range(MANY):
            with pytest.raises(SchemaMismatch):
                await kit.mutate(put(space, key(1)), put(wrong, key(2)))
            with pytest.raises(SchemaMismatch):
                await kit.backend.items.get([PointRead(wrong, key(1))])
        await kit.mutate(put(space, key(1), b"fine"))
        assert await kit.items(space) == {key(1): b"fine"}
