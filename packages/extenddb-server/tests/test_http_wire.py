"""The protocol over a real socket, in front of a fake engine."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from extenddb.core.errors import CONDITIONAL_CHECK_FAILED, ServiceError
from extenddb.engine import Caller
from extenddb.server.auth.credentials import AccessKey, FixedKeys, SignatureCheck
from extenddb.server.http.message import Request, Response
from extenddb.server.http.metrics import Metrics
from extenddb.storage.errors import Unavailable

CORAL = "com.amazon.coral.service#"
JSON = {"Content-Type": "application/x-amz-json-1.0"}


def test_an_operation_is_answered(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        answer = await wire.call("GetItem", {"Key": 1})
        answer.assert_service_manners()
        assert answer.status == 200
        assert answer.json == {"operation": "GetItem", "account": "000000000000", "payload": {"Key": 1}}

    talk(conversation)


def test_stored_bytes_are_spliced_into_the_answer(talk: Callable[..., None]) -> None:
    async def answer(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        return {"Item": orjson.Fragment(b'{"a":{"N":"1E+2"}}')}

    async def conversation(wire: Any) -> None:
        response = await wire.call("GetItem", {})
        response.assert_service_manners()
        assert response.body == b'{"Item":{"a":{"N":"1E+2"}}}'

    talk(conversation, answer)


@pytest.mark.parametrize(
    ("target", "operation"),
    [
        ("DynamoDB_20120810.Query", "Query"),
        ("DynamoDBStreams_20120810.GetRecords", "GetRecords"),
        ("DynamoDB_20120810.GetRecords", None),
        ("DynamoDBStreams_20120810.Query", None),
        ("DynamoDB_20120810.", None),
        ("DynamoDB_20120810.query", None),
        ("Query", None),
        ("", None),
    ],
)
def test_targets(talk: Callable[..., None], target: str, operation: str | None) -> None:
    async def conversation(wire: Any) -> None:
        answer = await wire.request("POST", "/", JSON | {"X-Amz-Target": target}, b"{}")
        answer.assert_service_manners()
        if operation:
            assert (answer.status, answer.json["operation"]) == (200, operation)
        else:
            assert (answer.status, answer.json) == (400, {"__type": CORAL + "UnknownOperationException"})

    talk(conversation)


def test_a_path_before_the_protocol_is_tolerated(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        headers = JSON | {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
        assert (await wire.request("POST", "/dynamodb/v1?x=y", headers, b"{}")).status == 200

    talk(conversation)


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a":NaN}', b"\xff", b'{"a":1}x', b'"\\ud800"'])
def test_malformed_json(talk: Callable[..., None], body: bytes) -> None:
    async def conversation(wire: Any) -> None:
        headers = JSON | {"X-Amz-Target": "DynamoDB_20120810.PutItem"}
        answer = await wire.request("POST", "/", headers, body)
        answer.assert_service_manners()
        assert (answer.status, answer.json) == (400, {"__type": CORAL + "SerializationException"})

    talk(conversation)


def test_the_order_of_checks(talk: Callable[..., None]) -> None:
    """Content type, target, signature, JSON."""
    key = AccessKey(access_key_id="a", secret_access_key="b")

    async def conversation(wire: Any) -> None:
        target = {"X-Amz-Target": "DynamoDB_20120810.PutItem"}
        steps: list[tuple[dict[str, str], bytes, int, str]] = [
            ({"Content-Type": "text/plain"} | target, b"{", 404, "UnknownOperationException"),
            (JSON | {"X-Amz-Target": "x"}, b"{", 400, "UnknownOperationException"),
            (JSON | target, b"{", 400, "MissingAuthenticationTokenException"),
            (JSON | target, b"", 400, "MissingAuthenticationTokenException"),
        ]
        for headers, body, status, name in steps:
            answer = await wire.request("POST", "/", headers, body)
            answer.assert_service_manners()
            assert (answer.status, answer.json["__type"]) == (status, CORAL + name)

    talk(conversation, authenticator=SignatureCheck(FixedKeys(key), region="r"))


def test_service_errors_are_answered_as_they_are(talk: Callable[..., None]) -> None:
    async def answer(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        raise ServiceError(CONDITIONAL_CHECK_FAILED, "The conditional request failed", Item={"a": {"S": "é"}})

    async def conversation(wire: Any) -> None:
        response = await wire.call("PutItem", {})
        response.assert_service_manners()
        assert response.status == 400
        assert response.json == {
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": {"a": {"S": "é"}},
        }

    talk(conversation, answer)


@pytest.mark.parametrize("error", [ValueError("secret detail"), Unavailable("secret detail")])
def test_unexpected_errors_are_logged_and_not_told(
    talk: Callable[..., None], caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def answer(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        raise error

    async def conversation(wire: Any) -> None:
        with caplog.at_level(logging.WARNING, "extenddb.server"):
            response = await wire.call("PutItem", {})
        response.assert_service_manners()
        assert response.status == 500
        assert response.json["__type"].endswith("#InternalServerError")
        assert b"secret" not in response.body
        assert response.headers["x-amzn-requestid"] in caplog.text
        assert "secret detail" in caplog.text
        assert ("Traceback" in caplog.text) == isinstance(error, ValueError)

    talk(conversation, answer)


def test_large_bodies(talk: Callable[..., None]) -> None:
    """Sixteen megabytes and a little pass; more is refused in JSON, announced or not."""

    async def conversation(wire: Any) -> None:
        body = json.dumps({"x": "y" * (16 * 1024 * 1024)}).encode()
        headers = JSON | {"X-Amz-Target": "DynamoDB_20120810.PutItem"}
        assert (await wire.request("POST", "/", headers, body)).status == 200
        length = str(18 * 1024 * 1024)
        announced = await wire.request("POST", "/", headers | {"Content-Length": length, "Expect": "100-continue"})
        announced.assert_service_manners()
        assert announced.status == 413
        assert announced.json["__type"] == CORAL + "RequestEntityTooLargeException"
        chunk = b"100000\r\n" + b"z" * 0x100000 + b"\r\n"
        start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        start += "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"
        unannounced = await wire.send(start + chunk * 18 + b"0\r\n\r\n")
        unannounced.assert_service_manners()
        assert unannounced.status == 413

    talk(conversation)


def test_a_client_that_waits_is_invited(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        reader, writer = await wire.connect()
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        kind = "Content-Type: application/json\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n\r\n"
        writer.write((head + kind).encode())
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()

    talk(conversation)


def test_compressed_bodies(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        headers = JSON | {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Encoding": "gzip"}
        answer = await wire.request("POST", "/", headers, gzip.compress(b'{"Limit":3}'))
        assert answer.json["payload"] == {"Limit": 3}
        bomb = await wire.request("POST", "/", headers, gzip.compress(b" " * (18 * 1024 * 1024)))
        assert bomb.status == 413
        for body in (b"not gzip", gzip.compress(b"{}")[:-4]):
            assert (await wire.request("POST", "/", headers, body)).json["__type"].endswith("SerializationException")
        other = await wire.request("POST", "/", headers | {"Content-Encoding": "br"}, b"{}")
        assert other.status == 400
        deflated = headers | {"Content-Encoding": "deflate"}
        assert (await wire.request("POST", "/", deflated, zlib.compress(b"{}"))).json["payload"] == {}
        assert (await wire.request("POST", "/", deflated, zlib.compress(b" " * (18 * 1024 * 1024)))).status == 413

    talk(conversation)


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nbad header\r\n\r\n"]
)
def test_broken_http_is_answered_in_json(
    talk: Callable[..., None], caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    async def conversation(wire: Any) -> None:
        answer = await wire.send(raw)
        answer.assert_service_manners()
        assert answer.status == 400
        assert answer.json["__type"] == CORAL + "SerializationException"
        assert answer.headers.get("connection", "close") == "close"

    talk(conversation)
    assert "Traceback" not in caplog.text


def test_other_methods_and_paths(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        for method, path, status in (("PUT", "/", 405), ("DELETE", "/x", 405), ("GET", "/x", 404)):
            answer = await wire.request(method, path)
            answer.assert_service_manners()
            assert answer.status == status
            assert answer.json == {"__type": CORAL + "UnknownOperationException"}

    talk(conversation)


def test_pages(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        greeting = await wire.request("GET", "/")
        assert (greeting.status, greeting.body) == (200, b"healthy: dynamodb.eu-west-1.amazonaws.com ")
        assert (await wire.request("HEAD", "/")).status == 200
        assert (await wire.request("GET", "/health")).json == {"status": "healthy"}
        assert (await wire.request("GET", "/ready")).json == {"status": "ready"}

    talk(conversation)


def test_not_ready_without_a_store(talk: Callable[..., None]) -> None:
    async def ping() -> None:
        raise Unavailable("gone")

    async def conversation(wire: Any) -> None:
        answer = await wire.request("GET", "/ready")
        answer.assert_service_manners()
        assert answer.status == 503
        assert answer.headers["x-amz-retry-after"] == "200"
        assert answer.json["__type"] == CORAL + "ServiceUnavailableException"
        assert (await wire.request("GET", "/health")).status == 200

    talk(conversation, ping=ping)


def test_metrics(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        await wire.call("GetItem", {})
        await wire.call("GetItem", {})
        await wire.call("NoSuchThing", {})
        text = (await wire.request("GET", "/metrics")).body.decode()
        assert 'extenddb_requests_total{operation="GetItem"} 2.0' in text
        assert 'extenddb_errors_total{operation="unknown",type="UnknownOperationException"} 1.0' in text
        assert 'extenddb_request_seconds_bucket{le="+Inf",operation="GetItem"} 2.0' in text
        assert 'extenddb_request_seconds_count{operation="GetItem"} 2.0' in text

    talk(conversation)


def test_connections_are_kept_and_pipelines_answered_in_order(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        reader, writer = await wire.connect()
        one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        operations = ("GetItem", "PutItem")
        for name in operations:
            writer.write(one + f"X-Amz-Target: DynamoDB_20120810.{name}\r\n\r\n{{}}".encode())
        for name in operations:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert "connection: keep-alive" in head
            length = int(head.partition("content-length: ")[2].partition("\r")[0])
            assert json.loads(await reader.readexactly(length))["operation"] == name
        writer.close()
        await writer.wait_closed()

    talk(conversation)


def test_browser_applications(talk: Callable[..., None]) -> None:
    ask = {"Origin": "http://app", "Access-Control-Request-Headers": "authorization,x-amz-target"}

    async def everyone(wire: Any) -> None:
        preflight = await wire.request("OPTIONS", "/", ask)
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert preflight.headers["access-control-allow-headers"] == "authorization,x-amz-target"
        assert "POST" in preflight.headers["access-control-allow-methods"]
        answer = await wire.call("GetItem", {}, Origin="http://app")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-amzn-requestid" in answer.headers["access-control-expose-headers"].lower()
        assert "access-control-allow-origin" not in (await wire.call("GetItem", {})).headers

    async def listed(wire: Any) -> None:
        for origin, allowed in (("http://app", "http://app"), ("http://evil", None)):
            answer = await wire.call("GetItem", {}, Origin=origin)
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert answer.headers["vary"] == "Origin"

    async def nobody(wire: Any) -> None:
        assert "access-control-allow-origin" not in (await wire.request("OPTIONS", "/", ask)).headers

    talk(everyone, cors="*")
    talk(listed, cors="http://other, http://app")
    talk(nobody)


def test_a_client_that_leaves_does_not_stop_its_write(
    talk: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def conversation(wire: Any) -> None:
        _, writer = await wire.connect()
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
        writer.write((head + "X-Amz-Target: DynamoDB_20120810.PutItem\r\n\r\n{}").encode())
        async with asyncio.timeout(10):
            await begun.wait()
            writer.close()
            await writer.wait_closed()
            go_on.set()
            await finished.wait()

    begun, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        begun.set()
        await go_on.wait()
        await asyncio.sleep(0)
        finished.set()
        return {}

    talk(conversation, answer)
    assert "Traceback" not in caplog.text


def test_requests_in_flight_are_answered_at_a_stop(talk: Callable[..., None]) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def answer(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        begun.set()
        await go_on.wait()
        return {"done": True}

    async def conversation(wire: Any) -> None:
        call = asyncio.create_task(wire.call("PutItem", {}))
        async with asyncio.timeout(10):
            await begun.wait()
            drain = asyncio.create_task(wire.server.drain(5))
            await asyncio.sleep(0)
            go_on.set()
            answered = await call
            await drain
        assert answered.json == {"done": True}
        assert answered.headers["connection"] == "close"
        with pytest.raises(ConnectionError):
            await wire.connect()

    talk(conversation, answer)


def test_metrics_are_for_this_host(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        service = wire.server._service
        for peer, status in (("10.0.0.9", 403), ("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200)):
            request = Request(method="GET", target="/metrics", headers=CIMultiDict(), body=b"", peer=peer)
            assert (await service.handle(request)).status == status

    talk(conversation)


def test_what_is_mounted_answers_under_its_name(talk: Callable[..., None]) -> None:
    async def console(request: Request) -> Response:
        return Response(body=request.path.encode())

    async def conversation(wire: Any) -> None:
        assert (await wire.request("GET", "/console/tables?x=1")).body == b"/console/tables"
        assert (await wire.request("POST", "/console")).body == b"/console"
        assert (await wire.request("GET", "/consoles")).status == 404
        assert (await wire.call("GetItem", {})).status == 200

    talk(conversation, mounts={"console": console})


def test_events_and_gauges_of_all_processes_are_added_up(tmp_path: Path) -> None:
    """Gauges of a process that ended no longer count; its counters stay."""
    mine, dead = Metrics(tmp_path), Metrics(tmp_path)
    dead._own = f"{_ended_process()}.json"
    for metrics in (mine, dead):
        metrics.count("connections_refused", "capacity", 2)
        metrics.gauges["connections"] = lambda: {"proven": 3}
    dead.publish()
    text = mine.text().decode()
    assert 'extenddb_connections_refused_total{reason="capacity"} 4.0' in text
    assert 'extenddb_connections{proof="proven"} 3.0' in text


def _ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
