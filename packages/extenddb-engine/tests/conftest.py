"""An engine over memory for tests that call operations one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec
from extenddb.storage.registry import load_backend


class Desk:
    """An engine, one caller, and a clock that goes when it is told to."""

    def __init__(self, runner: asyncio.Runner, engine: Engine) -> None:
        self._runner = runner
        self.engine = engine
        self.caller = Caller()
        self.now = 1_800_000_000_000
        engine.context.clock = lambda: self.now

    def __call__(self, operation: str, **request: Any) -> Any:
        """Return the answer of an operation."""
        answer = self._runner.run(self.engine.execute(operation, self.caller, request))
        return codec.parse(codec.dump(answer))

    def refused(self, operation: str, **request: Any) -> tuple[str, str]:
        """Return name and text of the error an operation must answer with."""
        with pytest.raises(ServiceError) as caught:
            self(operation, **request)
        return caught.value.kind.name, caught.value.message

    def as_account(self, account: str) -> None:
        """Call on behalf of another account from now on."""
        self.caller = replace(self.caller, account=account)

    def run(self, call: Callable[[], Any]) -> Any:
        """Return the result of something to await."""
        return self._runner.run(call())

    def set(self, **settings: Any) -> None:
        """Change settings of the engine."""
        self.engine.context.settings = replace(self.engine.context.settings, **settings)

    def table(self, name: str = "tab", **members: Any) -> str:
        """Create an on-demand table with an index, and return its ARN."""
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        index = {"IndexName": "inv", "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}]}
        answer = self(
            "CreateTable",
            **{
                "TableName": name,
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                "KeySchema": keys,
                "GlobalSecondaryIndexes": [{**index, "Projection": {"ProjectionType": "ALL"}}],
                "BillingMode": "PAY_PER_REQUEST",
                **members,
            },
        )
        arn: str = answer["TableDescription"]["TableArn"]
        return arn


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk of each test's own."""
    plugin = load_backend("memory")
    with asyncio.Runner() as runner:
        provisioned = plugin.provision({})
        settings = runner.run(provisioned.__aenter__())
        backend = runner.run(plugin.open(settings))
        engine = Engine(backend, EngineSettings(settle_seconds=0.0))
        yield Desk(runner, engine)
        runner.run(engine.close())
        runner.run(backend.close())
        runner.run(provisioned.__aexit__(None, None, None))
