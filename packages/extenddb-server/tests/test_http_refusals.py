"""Requests that are refused cost next to nothing, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from extenddb.core.errors import VALIDATION, ServiceError
from extenddb.engine import Caller, Engine, EngineSettings
from extenddb.server.auth.credentials import AccessKey, FixedKeys, SignatureCheck
from extenddb.server.http import compression, payload
from extenddb.storage.memory import MemoryBackend

JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.PutItem"}
KEYS = SignatureCheck(FixedKeys(AccessKey(access_key_id="a", secret_access_key="b")), region="r")
ITEM = {"TableName": "leaves", "Item": {"k": {"S": "a"}, "v": {"L": [{"S": "x"}] * 2000}}}


def free(amount: int) -> None:
    """Have room for everything."""


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing looks for cycles, as between the rare collections of a busy server."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def exceptions() -> int:
    """Return how many exceptions are alive."""
    return sum(isinstance(each, ServiceError) for each in gc.get_objects())


async def refused(operation: str, caller: Caller, request: object) -> dict[str, Any]:
    """Refuse a request as the engine does, with the error in a variable."""
    error = ServiceError(VALIDATION, "no")
    raise error


@pytest.mark.parametrize("case", ["engine", "json", "signature", "target", "coding"])
def test_refused_requests_leave_nothing_behind(talk: Callable[..., None], uncollected: None, case: str) -> None:
    body = orjson.dumps(ITEM) if case != "json" else orjson.dumps(ITEM)[:-1]
    headers = dict(JSON)
    if case == "target":
        headers["X-Amz-Target"] = "DynamoDB_20120810.No"
    if case == "coding":
        headers["Content-Encoding"] = "gzip"

    async def conversation(wire: Any) -> None:
        for _ in range(10):
            await wire.request("POST", "/", headers, body)
        before, held = exceptions(), tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            assert (await wire.request("POST", "/", headers, body)).status == 400
        assert exceptions() <= before
        assert tracemalloc.get_traced_memory()[0] - held < 2_000_000  # all bodies are 2.4 MB, parsed 40 MB

    tracemalloc.start()
    try:
        talk(conversation, refused, authenticator=KEYS if case == "signature" else None)
    finally:
        tracemalloc.stop()


def test_conditions_that_fail_leave_nothing_behind(talk: Callable[..., None], uncollected: None) -> None:
    """The engine keeps errors in decisions, which its frames hold."""
    engine: list[Engine] = []

    async def answer(operation: str, caller: Caller, request: object) -> dict[str, Any]:
        if not engine:
            engine.append(Engine(MemoryBackend(), EngineSettings()))
        return await engine[0].execute(operation, caller, request)

    async def conversation(wire: Any) -> None:
        table = {
            "TableName": "leaves",
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        assert (await wire.call("CreateTable", table)).status == 200
        condition = ITEM | {"ConditionExpression": "attribute_exists(k)"}
        before = exceptions()
        for _ in range(50):
            answer = await wire.call("PutItem", condition)
            assert answer.json["__type"].endswith("ConditionalCheckFailedException")
        assert exceptions() <= before
        await engine[0].close()

    talk(conversation, answer)


def unpacked(body: bytes, coding: str = "gzip") -> bytes:
    return asyncio.run(compression.unpacked(body, coding, free))


def test_a_body_of_many_members_is_refused_in_no_time() -> None:
    """Four megabytes of empty members took 42 seconds once."""
    begun = time.process_time()
    with pytest.raises(ServiceError):
        unpacked(gzip.compress(b"") * 200_000)
    assert time.process_time() - begun < 1


def test_members_are_unpacked_in_linear_time() -> None:
    piece = gzip.compress(bytes(range(256)) * 60)

    def seconds(count: int) -> float:
        body = piece * count
        begun = time.process_time()
        assert len(unpacked(body)) == 256 * 60 * count
        return time.process_time() - begun

    assert seconds(1000) < 60 * max(seconds(100), 0.005)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("size", [0, 1, 65536, 300_000, compression.BODY_LIMIT])
def test_what_is_packed_comes_out_whole(coding: str, size: int) -> None:
    plain = bytes(range(251)) * (size // 251) + b"x" * (size % 251)
    pack = gzip.compress if coding == "gzip" else zlib.compress
    assert unpacked(pack(plain), coding) == plain
    if coding == "gzip" and size:
        assert unpacked(pack(plain[: size // 2]) + pack(plain[size // 2 :])) == plain


def test_a_body_that_unpacks_to_too_much_is_refused_within_its_limit() -> None:
    bomb = gzip.compress(b" " * (60 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(ServiceError, match="larger than"):
            unpacked(bomb)
        assert tracemalloc.get_traced_memory()[1] < 45 * 1024 * 1024
    finally:
        tracemalloc.stop()


def parsed(body: bytes) -> object:
    return asyncio.run(payload.parsed_with_care(body, free))


def test_a_body_of_lists_is_not_parsed() -> None:
    """Seventeen megabytes of `[],` became 576 MB, and took two seconds."""
    with pytest.raises(ServiceError, match="lists and maps"):
        parsed(b"[" + b"[]," * 5_000_000 + b"[]]")


def test_brackets_in_strings_are_text() -> None:
    text = '[{"\\' * 700_000
    value = {"a": text, "b": ["c\\\\", '"[' * 10]}
    assert parsed(orjson.dumps(value)) == value


def test_memory_of_objects_is_asked_for() -> None:
    asked: list[int] = []
    asyncio.run(payload.parsed_with_care(b"[" + b"{}," * 100_000 + b"{}]", asked.append))
    assert sum(asked) > 10_000_000


@pytest.mark.parametrize(
    "lines",
    [
        b"Authorization: AWS4-HMAC-SHA256 \xff\r\n",
        b"Authorization: AWS4-HMAC-SHA256 Credential=\xff/20200101/r/dynamodb/aws4_request, SignedHeaders=host,"
        b" Signature=1\r\nX-Amz-Date: \xff\r\n",
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/00000101/r/dynamodb/aws4_request, SignedHeaders=host,"
        b" Signature=1\r\nX-Amz-Date: 00000101T000000Z\r\n",
        *(
            b"Authorization: AWS4-HMAC-SHA256 Credential=a/0/r/dynamodb/aws4_request, SignedHeaders=host, Signature=1"
            b"\r\nDate: " + date + b"\r\n"
            for date in (
                b"Fri, 31 Dec 9999 23:59:59 -1200",
                b"Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
                b"Fri, 31 Dec 2020 23:59:59 +99999999999999999999",
                b"Mon, 01 Jan 0001 00:00:00 +2359",
                b"Mon, 01 Jan 0000 00:00:00 GMT",
                b"\xd9\xa1",
                b"-",
            )
        ),
    ],
)
def test_nonsense_in_a_head_is_a_mistake_of_the_client(
    talk: Callable[..., None], caplog: pytest.LogCaptureFixture, lines: bytes
) -> None:
    fields = "".join(f"{name}: {value}\r\n" for name, value in JSON.items()).encode()

    async def conversation(wire: Any) -> None:
        answer = await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" + fields + lines + b"\r\n{}")
        answer.assert_service_manners()
        assert answer.status == 400
        assert answer.json["__type"].endswith(("SignatureException", "ClientException"))

    with caplog.at_level(logging.WARNING):
        talk(conversation, authenticator=KEYS)
    assert not caplog.records


@pytest.mark.parametrize("expires", ["9" * 5000, "\u0661", "-1", "1.5", "", "604801"])
def test_nonsense_in_a_presigned_request(
    talk: Callable[..., None], caplog: pytest.LogCaptureFixture, expires: str
) -> None:
    from urllib.parse import quote

    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20200101/r/dynamodb/aws4_request&X-Amz-Signature=1"
        f"&X-Amz-SignedHeaders=host&X-Amz-Date=20200101T000000Z&X-Amz-Expires={quote(expires)}&x=%ff"
    )

    async def conversation(wire: Any) -> None:
        answer = await wire.request("POST", f"/?{query}", JSON, b"{}")
        assert answer.status == 400
        assert answer.json["__type"].endswith("InvalidSignatureException")

    with caplog.at_level(logging.WARNING):
        talk(conversation, authenticator=KEYS)
    assert not caplog.records


def test_bytes_that_are_no_text_come_back_as_question_marks(
    talk: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint(operation: str, caller: Caller, request: object) -> dict[str, Any]:
        return {"Endpoints": caller.endpoint}

    fields = f"Content-Type: {JSON['Content-Type']}\r\nX-Amz-Target: DynamoDB_20120810.DescribeEndpoints\r\n".encode()

    async def conversation(wire: Any) -> None:
        answer = await wire.send(b"POST / HTTP/1.1\r\nHost: a\xffb\r\nContent-Length: 2\r\n" + fields + b"\r\n{}")
        assert (answer.status, answer.json) == (200, {"Endpoints": "a?b"})
        preflight = b"OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: y\r\nAccess-Control-Request-Headers: \xff\r\n\r\n"
        assert (await wire.send(preflight)).status == 200

    with caplog.at_level(logging.WARNING):
        talk(conversation, endpoint, cors="*")
    assert not caplog.records
