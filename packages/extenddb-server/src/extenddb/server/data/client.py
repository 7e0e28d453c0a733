"""A client of DynamoDB for moving data: signed calls over few connections, repeated while that may help.

Requests and answers stay what they are on the wire, JSON objects.
"""

from __future__ import annotations

import asyncio
import ssl
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from extenddb.server.auth.signing import signed_headers
from extenddb.server.data.endpoints import Endpoint, Keys
from extenddb.server.data.errors import DataError, ServiceFailure, Unreachable
from extenddb.server.data.pacing import Time, pause

CONNECTIONS = 64
"""Connections to one endpoint."""
_ATTEMPT_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_BUSY = frozenset(
    (
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "TransactionInProgressException",
    )
)
"""Errors that pass: the endpoint is busy or had a fault."""
_CLOCK = ("Signature expired", "Signature not yet current")
_SKEW_NOTED = 2.0  # seconds; the Date header has whole seconds only


class _Transient(Exception):
    """An attempt failed in a way that a later one may not."""


class Client:
    """One endpoint. Use as an asynchronous context."""

    def __init__(self, endpoint: Endpoint, keys: Keys, *, times: Time, patience: float) -> None:
        """`patience` is for how many seconds a call is repeated while the endpoint is away or busy."""
        self.endpoint = endpoint
        self.patience = patience
        self.times = times
        self._keys = keys
        self._skew = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        """Open the pool of connections. Raises DataError if the certificates cannot be read."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=_tls(self.endpoint))
        timeout = aiohttp.ClientTimeout(total=_ATTEMPT_SECONDS, sock_connect=_CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def now(self) -> float:
        """Return seconds since the epoch on the endpoint's clock, as far as its answers told it."""
        return self.times.wall() + self._skew

    async def call(self, operation: str, payload: Any, *, streams: bool = False) -> dict[str, Any]:
        """Return the answer to an operation; `payload` is what orjson can write.

        Raises ServiceFailure for an error that repeating does not mend, and Unreachable.
        """
        body = orjson.dumps(payload)
        begun, attempt = self.times.steady(), 0
        while True:
            try:
                return await self._attempt(operation, body, streams=streams)
            except _Transient as error:
                wait = pause(attempt)
                if self.times.steady() + wait - begun > self.patience:
                    raise Unreachable(f"{self.endpoint.url} does not do {operation}: {error}") from None
            await self.times.sleep(wait)
            attempt += 1

    async def _attempt(self, operation: str, body: bytes, *, streams: bool) -> dict[str, Any]:
        url = self.endpoint.streams_url if streams else self.endpoint.url
        service = "DynamoDBStreams_20120810" if streams else "DynamoDB_20120810"
        headers = await self._headers(url, f"{service}.{operation}", body)
        if self._session is None:
            raise RuntimeError("the client is not open")
        try:
            async with self._session.post(f"{url}/", data=body, headers=headers, allow_redirects=False) as response:
                text = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _Transient(f"no answer ({error or type(error).__name__})") from None
        self._note_clock(response.headers.get("date", ""))
        if response.status == 200:
            return _object(text)
        raise self._failure(operation, response.status, text)

    async def _headers(self, url: str, target: str, body: bytes) -> dict[str, str]:
        parts = urlsplit(url)
        usual = {"http": 80, "https": 443}[parts.scheme]
        host = parts.netloc.rpartition("@")[2]
        return signed_headers(
            path=f"{parts.path}/",
            headers={
                "host": host.removesuffix(f":{usual}"),
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": target,
            },
            body=body,
            key=await self._keys.get(),
            region=self.endpoint.region,
            service="dynamodb",
            now=self.now(),
        )

    def _note_clock(self, date: str) -> None:
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        difference = theirs - self.times.wall()
        if abs(difference - self._skew) > _SKEW_NOTED:
            self._skew = difference if abs(difference) > _SKEW_NOTED else 0.0

    def _failure(self, operation: str, status: int, text: bytes) -> Exception:
        try:
            body = _object(text)
        except _Transient:
            body = {}
        code = str(body.get("__type") or status).rpartition("#")[2]
        message = str(body.get("message") or body.get("Message") or "")
        clock = code == "InvalidSignatureException" and message.startswith(_CLOCK)
        if status >= 500 or code in _BUSY or clock:
            return _Transient(f"{code}: {message}" if message else f"it answers {code}")
        return ServiceFailure(code, message, operation=operation, url=self.endpoint.url)


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if endpoint.ca_bundle:
        try:
            context.load_verify_locations(endpoint.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise DataError(f"The certificates in {endpoint.ca_bundle} cannot be read: {error}") from None
    return context


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise _Transient("the answer is no JSON object")
    return value


async def gather_quietly(*tasks: asyncio.Task[Any]) -> None:
    """End tasks and wait for them, whatever becomes of them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
