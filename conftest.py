"""What all tests share: the order of files, and a look at every error that an engine or a server answers with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from extenddb.core.errors import ServiceError
from extenddb.core.model import OPERATIONS, may_answer
from extenddb.engine import Engine
from extenddb.storage.errors import StorageError


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: started last, one of them would keep a single worker busy at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def only_modelled_errors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which an operation answers an error that clients of it cannot expect.

    That is what neither its service model lists nor all operations share. Engines in this process and SDK clients of
    servers in others are watched.
    """
    strange: list[str] = []
    execute, call = Engine.execute, BaseClient._make_api_call

    async def watched(engine: Engine, operation: str, *rest: Any) -> dict[str, Any]:
        try:
            return await execute(engine, operation, *rest)
        except ServiceError as error:
            if not may_answer(operation, error.kind.name):
                strange.append(f"{operation} answered {error}")
            raise
        except StorageError as error:
            strange.append(f"{operation} let an error of the store out: {error!r}")
            raise

    def watched_call(client: Any, operation: str, parameters: Any) -> Any:
        try:
            return call(client, operation, parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if operation in OPERATIONS and not may_answer(operation, code):
                strange.append(f"{operation} answered {error}")
            raise

    monkeypatch.setattr(Engine, "execute", watched)
    monkeypatch.setattr(BaseClient, "_make_api_call", watched_call)
    yield
    if strange:
        pytest.fail("\n".join(strange))
