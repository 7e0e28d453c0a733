"""The kit over the reference backend."""

from __future__ import annotations

from extenddb.storage import conformance as kit
from extenddb.storage.memory import MemoryBackend, plugin
from extenddb.storage.spi import Backend


class MemoryHarness:
    """Stores in memory; the second handle shares the state of the first."""

    capabilities = plugin.capabilities

    async def create(self) -> Backend:
        return MemoryBackend()

    async def reopen(self, backend: Backend) -> Backend:
        raise AssertionError("memory is not durable")

    async def another(self, backend: Backend) -> Backend:
        assert isinstance(backend, MemoryBackend)
        return MemoryBackend(state=backend.state)

    async def destroy(self, backend: Backend) -> None:
        await backend.close()


class TestCatalog(kit.CatalogSuite):
    harness = MemoryHarness()


class TestConcurrency(kit.ConcurrencySuite):
    harness = MemoryHarness()


class TestDocuments(kit.DocumentsSuite):
    harness = MemoryHarness()


class TestDurable(kit.DurableSuite):
    harness = MemoryHarness()


class TestEntries(kit.EntriesSuite):
    harness = MemoryHarness()


class TestErrors(kit.ErrorsSuite):
    harness = MemoryHarness()


class TestIndexRanges(kit.IndexRangesSuite):
    harness = MemoryHarness()


class TestIndexScan(kit.IndexScanSuite):
    harness = MemoryHarness()


class TestItems(kit.ItemsSuite):
    harness = MemoryHarness()


class TestLeases(kit.LeasesSuite):
    harness = MemoryHarness()


class TestLifecycle(kit.LifecycleSuite):
    harness = MemoryHarness()


class TestLoading(kit.LoadingSuite):
    harness = MemoryHarness()


class TestLongIndexRanges(kit.LongIndexRangesSuite):
    harness = MemoryHarness()


class TestLongIndexScan(kit.LongIndexScanSuite):
    harness = MemoryHarness()


class TestRanges(kit.RangesSuite):
    harness = MemoryHarness()


class TestScan(kit.ScanSuite):
    harness = MemoryHarness()


class TestStateful(kit.StatefulSuite):
    harness = MemoryHarness()


class TestStreamRaces(kit.StreamRacesSuite):
    harness = MemoryHarness()


class TestStreams(kit.StreamsSuite):
    harness = MemoryHarness()


class TestTransactionRaces(kit.TransactionRacesSuite):
    harness = MemoryHarness()


class TestTransactions(kit.TransactionsSuite):
    harness = MemoryHarness()


class TestVectors(kit.VectorsSuite):
    harness = MemoryHarness()
