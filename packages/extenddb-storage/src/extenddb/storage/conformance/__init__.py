"""The public conformance kit: proves that a backend keeps the contract.

Needs the extra `extenddb-storage[conformance]`. See docs/writing-a-backend.md; in short::

    class TestItems(ItemsSuite):
        harness = MyHarness()
"""

import pytest

_PACKAGE = "extenddb.storage.conformance"
# Without this an author sees a bare AssertionError: pytest rewrites only what it collects.
pytest.register_assert_rewrite(f"{_PACKAGE}.suite", f"{_PACKAGE}.concurrency", f"{_PACKAGE}.stateful")

from extenddb.storage.conformance.harness import Harness, Kit, Suite, opened  # noqa: E402
from extenddb.storage.conformance.suite.items import EntriesSuite, ItemsSuite  # noqa: E402
from extenddb.storage.conformance.suite.ranges import IndexRangesSuite, RangesSuite  # noqa: E402
from extenddb.storage.conformance.suite.scan import IndexScanSuite, ScanSuite  # noqa: E402
from extenddb.storage.conformance.suite.transactions import TransactionsSuite  # noqa: E402

__all__ = [
    "EntriesSuite",
    "Harness",
    "IndexRangesSuite",
    "IndexScanSuite",
    "ItemsSuite",
    "Kit",
    "RangesSuite",
    "ScanSuite",
    "Suite",
    "TransactionsSuite",
    "opened",
]
