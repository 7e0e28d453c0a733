"""Requests and responses as plain values, so that a handler does not know its transport."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from extenddb.core.errors import ServiceError

JSON_1_0 = "application/x-amz-json-1.0"
"""Content type of every answer of the service."""
_REQUEST_ID_BITS = 208
_RETRY_AFTER_MS = "200"
_RETRY_AFTER_SECONDS = "1"
_SILENT_WITHOUT_TEXT = frozenset({"SerializationException", "UnknownOperationException"})
"""Front-end errors that the service answers without a text member when it has nothing to say."""


class Headers(Protocol):
    """Header fields by name, whatever the case of the name."""

    def get(self, key: str, default: str, /) -> str:
        """Return the first value of a field."""

    def getall(self, key: str, default: tuple[()], /) -> list[str] | tuple[()]:
        """Return all values of a field, in the order sent."""

    def __contains__(self, key: object, /) -> bool:
        """Tell whether a field was sent."""


class Sender(Protocol):
    """The connection that a request came on, as far as a handler has to know it."""

    proven: bool
    """Whether a request on it was authenticated."""

    def prove(self) -> None:
        """Note that the client is who it says it is: it is served before those who have not shown that."""

    async def read(self) -> bytes:
        """Return the body of the request being answered. Raises ServiceError when there is no room for it."""

    def reserve(self, amount: int) -> None:
        """Take memory until the request is answered, bytes. Raises ServiceError when there is no room."""


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """One HTTP request. Its head is complete; a body that was not there with it is read when it is asked for."""

    method: str
    target: str
    """Path and query as they stood in the request line, still encoded."""
    headers: Headers
    body: bytes = b""
    """What was read of the body: all of it once `arrived`."""
    peer: str = ""
    """Address of the other end of the connection; empty when there is none."""
    sender: Sender | None = None
    """The connection; None for a request that was made in this process."""
    arrived: bool = True
    """Whether the body was read completely."""

    async def read(self) -> bytes:
        """Return the body, read from the connection if it must be. Raises ServiceError."""
        if not self.arrived and self.sender is not None:
            self.body = await self.sender.read()
            self.arrived = True
        return self.body

    def reserve(self, amount: int) -> None:
        """Take memory until the request is answered, bytes. Raises ServiceError when there is no room."""
        if self.sender is not None:
            self.sender.reserve(amount)

    @property
    def path(self) -> str:
        """Return the target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """Return the query without its question mark."""
        return self.target.partition("?")[2]


@dataclass(slots=True, kw_only=True)
class Response:
    """One HTTP answer. The transport adds Date, Server, Content-Length and the state of the connection."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def request_id() -> str:
    """Return a new request id: 52 capital letters and digits, as long as the service's own."""
    return f"{random.getrandbits(_REQUEST_ID_BITS):052X}"


def signed_headers(body: bytes, identifier: str) -> dict[str, str]:
    """Return the headers that let SDKs check an answer; the checksum covers exactly the bytes sent."""
    return {
        "x-amzn-RequestId": identifier,
        "x-amz-crc32": str(zlib.crc32(body)),
        "Content-Type": JSON_1_0,
    }


def json_response(value: Any, identifier: str, status: int = 200) -> Response:
    """Return a JSON answer in the manner of the service."""
    body = orjson.dumps(value)
    return Response(status=status, headers=signed_headers(body, identifier), body=body)


def error_body(error: ServiceError) -> dict[str, Any]:
    """Return the JSON object of an error, without an empty text where the service leaves it out."""
    body = error.body()
    name = error.kind.message_member
    if name in body:
        body[name] = printable(body[name])
    if not error.message and error.kind.name in _SILENT_WITHOUT_TEXT:
        del body[name]
    return body


def printable(text: str) -> str:
    """Return text that JSON can carry: bytes of a head that are not UTF-8 become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def error_response(error: ServiceError, identifier: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that carries an error; one that will pass tells SDKs when to come back."""
    response = json_response(error_body(error), identifier, error.kind.status)
    if error.kind.status == 503:
        response.headers["x-amz-retry-after"] = _RETRY_AFTER_MS
        response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    if headers:
        response.headers.update(headers)
    return response
