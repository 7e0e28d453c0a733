"""Single calls outside the measured time: tables, probes."""

from __future__ import annotations

import http.client
import ssl
import time
from dataclasses import dataclass
from typing import Any

import orjson
from benchmarks.harness.sign import Signer
from benchmarks.harness.target import Target

_TIMEOUT = 60.0
_PAUSE = 0.02


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, parsed."""

    status: int
    body: dict[str, Any]

    @property
    def error(self) -> str:
        """Return the name of the error, empty for none."""
        return "" if self.status == 200 else error_name(self.body, self.status)


def error_name(body: object, status: int) -> str:
    """Return the error's type without its namespace, or the status where there is none."""
    kind = body.get("__type", "") if isinstance(body, dict) else ""
    return str(kind).rpartition("#")[2] or f"HTTP {status}"


def tls_context(target: Target) -> ssl.SSLContext | None:
    """Return what connections to the target need, None for plain HTTP."""
    if not target.tls:
        return None
    if target.ca_bundle:
        return ssl.create_default_context(cafile=target.ca_bundle)
    return ssl._create_unverified_context()


def send(target: Target, request: bytes) -> Answer:
    """Send one ready request on a connection of its own. Raises OSError."""
    context = tls_context(target)
    if context is None:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=_TIMEOUT)
    else:
        connection = http.client.HTTPSConnection(target.host, target.port, timeout=_TIMEOUT, context=context)
    try:
        connection.connect()
        connection.sock.sendall(request)
        response = http.client.HTTPResponse(connection.sock, method="POST")
        response.begin()
        text = response.read()
    finally:
        connection.close()
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = {}
    return Answer(status=response.status, body=body if isinstance(body, dict) else {})


def call(target: Target, operation: str, body: dict[str, Any]) -> Answer:
    """Sign and send one request. Raises OSError."""
    return send(target, Signer(target).request(operation, orjson.dumps(body)))


def wait_active(target: Target, table: str, seconds: float = 60.0) -> None:
    """Wait until a table and its indexes can be used. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = call(target, "DescribeTable", {"TableName": table})
        found = answer.body.get("Table", {})
        states = [found.get("TableStatus")]
        states += [index.get("IndexStatus") for index in found.get("GlobalSecondaryIndexes", ())]
        states += [index.get("IndexStatus") for index in found.get("VectorIndexes", ())]
        if all(state == "ACTIVE" for state in states):
            return
        time.sleep(_PAUSE)
    raise TimeoutError(f"table {table} did not become active")
