"""The service under test, seen as one call: an operation and a request in, a reply out."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Protocol

import orjson
from dynamodb_cases.compare import difference
from dynamodb_cases.model import Case, Failure, Step

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine
from extenddb.server.testing import start
from extenddb.storage.registry import load_backend
from extenddb.storage.spi import Backend


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back, parsed from JSON."""

    error: str | None
    """Short name of the error type; None for an answer."""
    body: dict[str, Any]
    """The answer; of an error, its members besides type and text."""
    message: str = ""
    """Text of the error."""


class Service(Protocol):
    """Answers requests on behalf of accounts."""

    def call(self, account: str, operation: str, request: Mapping[str, Any]) -> Reply:
        """Answer one request."""
        ...


def _failed(body: dict[str, Any]) -> Reply:
    members = {name: content for name, content in body.items() if name not in ("__type", "message", "Message")}
    message = body.get("message", body.get("Message", ""))
    return Reply(error=body["__type"].rpartition("#")[2], body=members, message=message)


class InProcess:
    """An engine in this process."""

    def __init__(self, runner: asyncio.Runner, backend: Backend) -> None:
        self._runner = runner
        self._engine = Engine(backend)

    def call(self, account: str, operation: str, request: Mapping[str, Any]) -> Reply:
        """See `Service.call`."""
        payload = orjson.loads(orjson.dumps(request))
        try:
            answer = self._runner.run(self._engine.execute(operation, Caller(account=account), payload))
        except ServiceError as error:
            return _failed(orjson.loads(orjson.dumps(error.body())))
        return Reply(error=None, body=orjson.loads(orjson.dumps(answer)))

    def close(self) -> None:
        """Finish what is queued."""
        self._runner.run(self._engine.close())


@contextmanager
def in_memory() -> Iterator[InProcess]:
    """Run an engine over a fresh memory backend."""
    plugin = load_backend("memory")
    with asyncio.Runner() as runner:
        provisioned = plugin.provision({})
        settings = runner.run(provisioned.__aenter__())
        backend = runner.run(plugin.open(settings))
        service = InProcess(runner, backend)
        try:
            yield service
        finally:
            service.close()
            runner.run(backend.close())
            runner.run(provisioned.__aexit__(None, None, None))


class OverHttp:
    """A server that does not check signatures: the access key is the account."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = HTTPConnection(host, port, timeout=60)

    def call(self, account: str, operation: str, request: Mapping[str, Any]) -> Reply:
        """See `Service.call`."""
        credential = f"{account}/20260101/us-east-1/dynamodb/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={'0' * 64}",
        }
        self._connection.request("POST", "/", json.dumps(request).encode(), headers)
        response = self._connection.getresponse()
        body = json.loads(response.read())
        return _failed(body) if response.status >= 400 else Reply(error=None, body=body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def over_postgres() -> Iterator[OverHttp]:
    """Run a server over an embedded PostgreSQL of its own."""
    with start(backend="postgres", memory=True, auth="off", workers=1) as server:
        service = OverHttp("127.0.0.1", server.port)
        try:
            yield service
        finally:
            service.close()


class World:
    """A service with accounts: fresh ones, and those shared by cases that change nothing."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._numbers = itertools.count(1)
        self._shared: dict[int, str] = {}

    def account(self) -> str:
        """Return an account that nobody has used."""
        return f"{next(self._numbers):012d}"

    def must(self, account: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request that must succeed."""
        reply = self.service.call(account, operation, request)
        assert reply.error is None, f"{operation} {str(request)[:500]}: {reply.error}: {reply.message}"
        return reply.body

    def account_for(self, case: Case) -> str:
        """Return an account in which the case's setup stands."""
        key = hash(str(case.setup))
        if case.shares and key in self._shared:
            return self._shared[key]
        account = self.account()
        for step in case.setup:
            self.must(account, step.operation, step.request)
        if case.shares:
            self._shared[key] = account
        return account

    def run(self, case: Case) -> None:
        """Carry out a case; raises AssertionError at the first step that does not go as expected."""
        account = self.account_for(case)
        for number, step in enumerate(case.steps, 1):
            request = _with_account(step.request, account)
            found = _verdict(step, self.service.call(account, step.operation, request), account)
            assert not found, f"step {number}, {step.operation}: {found}"


def _with_account(value: Any, account: str) -> Any:
    if isinstance(value, str):
        return value.replace("$account", account) if "$account" in value else value
    if isinstance(value, dict):
        return {name: _with_account(content, account) for name, content in value.items()}
    if isinstance(value, list):
        return [_with_account(element, account) for element in value]
    return value


def _verdict(step: Step, reply: Reply, account: str) -> str | None:
    expected = step.expected
    if isinstance(expected, Failure):
        return _failure_verdict(expected, reply, account)
    if reply.error is not None:
        return f"{reply.error}: {reply.message}"
    return None if expected is None else difference(expected, reply.body, account)


def _failure_verdict(expected: Failure, reply: Reply, account: str) -> str | None:
    if reply.error is None:
        return f"expected {expected.type}: {expected.message}, got the answer {str(reply.body)[:500]}"
    if reply.error != expected.type:
        return f"expected {expected.type}: {expected.message}, got {reply.error}: {reply.message}"
    if expected.message is None:
        return None
    return difference(expected.message, reply.message, account, "message") or difference(
        dict(expected.members), reply.body, account
    )
