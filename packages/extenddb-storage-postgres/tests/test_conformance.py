"""The public kit, over the embedded PostgreSQL and over Debian's."""

from __future__ import annotations

import pytest

from extenddb.storage import conformance

pytestmark = pytest.mark.postgres

for _server in ("embedded", "debian"):
    for _suite in conformance.SUITES:
        _name = f"Test{_server.title()}{_suite.__name__.removesuffix('Suite')}"
        globals()[_name] = type(_name, (_suite,), {"server": _server})
