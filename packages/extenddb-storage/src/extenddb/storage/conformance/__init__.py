"""The public conformance kit: proves that a backend keeps the contract.

Needs the extra `extenddb-storage[conformance]`. See docs/writing-a-backend.md; in short::

    class TestItems(ItemsSuite):
        harness = MyHarness()
"""

import pytest

_PACKAGE = "extenddb.storage.conformance"
# Without this an author sees a bare AssertionError: pytest rewrites only what it collects.
pytest.register_assert_rewrite(f"{_PACKAGE}.suite", f"{_PACKAGE}.concurrency", f"{_PACKAGE}.stateful")

from extenddb.storage.conformance.concurrency import ConcurrencySuite, StreamRacesSuite, TransactionRacesSuite  # noqa: E402
from extenddb.storage.conformance.harness import Harness, Kit, Suite, opened  # noqa: E402
from extenddb.storage.conformance.stateful import StatefulSuite  # noqa: E402
from extenddb.storage.conformance.suite.catalog import CatalogSuite  # noqa: E402
from extenddb.storage.conformance.suite.documents import DocumentsSuite  # noqa: E402
from extenddb.storage.conformance.suite.errors import ErrorsSuite  # noqa: E402
from extenddb.storage.conformance.suite.items import EntriesSuite, ItemsSuite  # noqa: E402
from extenddb.storage.conformance.suite.leases import LeasesSuite  # noqa: E402
from extenddb.storage.conformance.suite.lifecycle import DurableSuite, LifecycleSuite  # noqa: E402
from extenddb.storage.conformance.suite.loading import LoadingSuite  # noqa: E402
from extenddb.storage.conformance.suite.ranges import IndexRangesSuite, LongIndexRangesSuite, RangesSuite  # noqa: E402
from extenddb.storage.conformance.suite.scan import IndexScanSuite, LongIndexScanSuite, ScanSuite  # noqa: E402
from extenddb.storage.conformance.suite.streams import StreamsSuite  # noqa: E402
from extenddb.storage.conformance.suite.transactions import TransactionsSuite  # noqa: E402
from extenddb.storage.conformance.suite.vectors import VectorsSuite  # noqa: E402

SUITES = (
    CatalogSuite,
    ConcurrencySuite,
    DocumentsSuite,
    DurableSuite,
    EntriesSuite,
    ErrorsSuite,
    IndexRangesSuite,
    IndexScanSuite,
    ItemsSuite,
    LeasesSuite,
    LifecycleSuite,
    LoadingSuite,
    LongIndexRangesSuite,
    LongIndexScanSuite,
    RangesSuite,
    ScanSuite,
    StatefulSuite,
    StreamRacesSuite,
    StreamsSuite,
    TransactionRacesSuite,
    TransactionsSuite,
    VectorsSuite,
)
"""All suites; those that need a capability skip themselves without it."""

__all__ = [
    "SUITES",
    "CatalogSuite",
    "ConcurrencySuite",
    "DocumentsSuite",
    "DurableSuite",
    "EntriesSuite",
    "ErrorsSuite",
    "Harness",
    "IndexRangesSuite",
    "IndexScanSuite",
    "ItemsSuite",
    "Kit",
    "LeasesSuite",
    "LifecycleSuite",
    "LoadingSuite",
    "LongIndexRangesSuite",
    "LongIndexScanSuite",
    "RangesSuite",
    "ScanSuite",
    "StatefulSuite",
    "StreamRacesSuite",
    "StreamsSuite",
    "Suite",
    "TransactionRacesSuite",
    "TransactionsSuite",
    "VectorsSuite",
    "opened",
]
