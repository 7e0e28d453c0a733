"""The DynamoDB protocol: from an HTTP request to the engine and back, in the service's order of checks.

Knows neither the transport nor the operations. The order is: content type, target, the head's part of the signature,
its body's part, content coding, JSON, engine; it is visible to clients, so it stands in one place, `DynamoDb._execute`.
Nothing is unpacked or parsed for a client that has not signed it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol

import orjson

from extenddb.core.errors import INTERNAL_SERVER_ERROR, UNKNOWN_OPERATION, ServiceError
from extenddb.core.model.data_operations import OPERATION_ROWS
from extenddb.engine import Caller
from extenddb.server.auth.credentials import Authenticator
from extenddb.server.http import compression, payload
from extenddb.server.http.message import (
    Request,
    Response,
    error_response,
    printable,
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
            response, error = _failed(raised, operation, identifier)
        seconds = perf_counter() - started
        self._metrics.record(operation, error, seconds)
        if self._access_log:
            text = "%s %s %s %.1f ms, %s"
            log.info(text, operation or "?", response.status, error or "ok", seconds * 1000, identifier)
        return response

    async def _execute(self, operation: str, request: Request) -> dict[str, Any]:
        if not operation:
            raise ServiceError(UNKNOWN_OPERATION)
        caller = await self._authenticator.authenticate(request)
        sender = request.sender
        if sender is not None and not sender.proven:
            sender.prove()
        body = request.body if request.arrived else await request.read()
        if "content-encoding" in request.headers:
            body = await compression.unpacked(body, request.headers.get("content-encoding", ""), request.reserve)
        if len(body) <= payload.PARSED_AT_ONCE:
            members = payload.parsed(body)
        else:
            members = await payload.parsed_with_care(body, request.reserve)
        if operation == "DescribeEndpoints":
            caller = replace(caller, endpoint=printable(request.headers.get("host", "")))
        return await self._executor.execute(operation, caller, members)


async def _packed(body: bytes, accepted: str, identifier: str) -> Response:
    """Return an answer in the coding that the client prefers; the checksum is that of the bytes sent."""
    coding = compression.chosen(accepted)
    if not coding:
        return Response(headers=signed_headers(body, identifier), body=body)
    body = await compression.packed(body, coding)
    return Response(headers={**signed_headers(body, identifier), "Content-Encoding": coding}, body=body)


def _failed(raised: Exception, operation: str, identifier: str) -> tuple[Response, str]:
    """Return the answer and the name of an error."""
    error = _service_error(raised, operation, identifier)
    _forget_frames(raised)
    return error_response(error, identifier), error.kind.name


def _forget_frames(raised: BaseException) -> None:
    """Let go of the frames that an exception has passed, and those before it.

    Any of them may have the exception in a variable, which makes a cycle: body and payload of the request would be
    kept until cycles are looked for, and that is rare.
    """
    left: list[BaseException | None] = [raised]
    while left:
        error = left.pop()
        if error is not None and error.__traceback__ is not None:
            error.__traceback__ = None
            left += (error.__cause__, error.__context__)


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
