"""The DynamoDB protocol: from an HTTP request to the engine and back, in the service's order of checks.

Knows neither the transport nor the operations. The order is: content type, target, JSON, signature, engine; it is
visible to clients, so it stands in one place, `DynamoDb._execute`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol

import orjson

from extenddb.core.errors import (
    INTERNAL_SERVER_ERROR,
    SERIALIZATION,
    UNKNOWN_OPERATION,
    ServiceError,
)
from extenddb.core.model.data_operations import OPERATION_ROWS
from extenddb.engine import Caller
from extenddb.server.auth.credentials import Authenticator
from extenddb.server.http import compression
from extenddb.server.http.message import (
    Request,
    Response,
    error_response,
    request_id,
    signed_headers,
)
from extenddb.server.http.metrics import Metrics
from extenddb.storage.errors import StorageError

log = logging.getLogger("extenddb.server")

TARGETS: Mapping[str, str] = {f"{row['target_prefix']}.{name}": name for name, row in OPERATION_ROWS.items()}
"""The operation that each value of X-Amz-Target means; streams have their own prefix."""
_INTERNAL = "Internal server error"


class Executor(Protocol):
    """What answers operations: the engine, or something in front of it."""

    async def execute(self, operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        """Return the answer of one operation. Raises ServiceError."""


class DynamoDb:
    """Answers DynamoDB requests."""

    def __init__(
        self,
        executor: Executor,
        authenticator: Authenticator,
        *,
        metrics: Metrics,
        access_log: bool = False,
    ) -> None:
        self._executor = executor
        self._authenticator = authenticator
        self._metrics = metrics
        self._access_log = access_log

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request; every failure is an answer too."""
        started = perf_counter()
        identifier = request_id()
        operation = TARGETS.get(request.headers.get("x-amz-target", ""), "")
        error = ""
        try:
            body = orjson.dumps(await self._execute(operation, request))
            if len(body) < compression.PACKED_FROM or "accept-encoding" not in request.headers:
                response = Response(headers=signed_headers(body, identifier), body=body)
            else:
                response = await _packed(body, request.headers.get("accept-encoding", ""), identifier)
        except Exception as raised:
            failure = _service_error(raised, operation, identifier)
            error = failure.kind.name
            response = error_response(failure, identifier)
        seconds = perf_counter() - started
        self._metrics.record(operation, error, seconds)
        if self._access_log:
            text = "%s %s %s %.1f ms, %s"
            log.info(text, operation or "?", response.status, error or "ok", seconds * 1000, identifier)
        return response

    async def _execute(self, operation: str, request: Request) -> dict[str, Any]:
        if not operation:
            raise ServiceError(UNKNOWN_OPERATION)
        body = request.body
        if "content-encoding" in request.headers:
            body = compression.unpacked(body, request.headers.get("content-encoding", ""))
        payload = _parsed(body)
        caller = await self._authenticator.authenticate(request)
        if operation == "DescribeEndpoints":
            caller = replace(caller, endpoint=request.headers.get("host", ""))
        return await self._executor.execute(operation, caller, payload)


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ServiceError(SERIALIZATION) from None


async def _packed(body: bytes, accepted: str, identifier: str) -> Response:
    """Return an answer in the coding that the client prefers; the checksum is that of the bytes sent."""
    coding = compression.chosen(accepted)
    if not coding:
        return Response(headers=signed_headers(body, identifier), body=body)
    body = await compression.packed(body, coding)
    return Response(headers={**signed_headers(body, identifier), "Content-Encoding": coding}, body=body)


def _service_error(raised: Exception, operation: str, identifier: str) -> ServiceError:
    """Return what the client is told; what it must not be told goes to the log with the request's id."""
    if isinstance(raised, ServiceError):
        if raised.kind.fault == "server":
            log.warning("%s failed (request %s): %s", operation, identifier, raised.__cause__ or raised)
        return raised
    if isinstance(raised, StorageError):
        log.warning("%s failed in the store (request %s): %s", operation, identifier, raised)
    else:
        log.error("%s failed unexpectedly (request %s)", operation, identifier, exc_info=raised)
    return ServiceError(INTERNAL_SERVER_ERROR, _INTERNAL)
