"""What SDKs hide: headers, checksums, forms of errors, broken requests, and how connections are used."""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from wire_kit import CORAL, JSON, MODELLED, SECONDS, VALIDATE, Answer, Wire, encoded

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("wire")]
TABLE = {
    "TableName": "wires",
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="module", autouse=True)
def table(server: Server) -> Iterator[None]:
    """A table to talk about."""
    with Wire(server.port) as connection:
        assert connection.call("CreateTable", TABLE).status == 200
        yield
        assert connection.call("DeleteTable", {"TableName": "wires"}).status == 200


def put(text: str) -> bytes:
    """Return a PutItem body with raw JSON text as the item's attribute `v`."""
    return f'{{"TableName":"wires","Item":{{"k":{{"S":"x"}},"v":{text}}}}}'.encode()


def failed(answer: Answer, kind: str, message: str | None, status: int = 400) -> None:
    """Check an error completely; None is an error without text."""
    answer.check_manners()
    members = answer.json
    assert (answer.status, members.pop("__type")) == (status, kind)
    name = "Message" if kind == f"{CORAL}SerializationException" else "message"
    assert members == ({} if message is None else {name: message})


def test_a_success(wire: Wire) -> None:
    answer = wire.call("GetItem", {"TableName": "wires", "Key": {"k": {"S": "nobody"}}})
    answer.check_manners()
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["connection"] == "keep-alive"
    assert "transfer-encoding" not in answer.headers
    assert "content-encoding" not in answer.headers


def test_request_ids_are_fresh(wire: Wire) -> None:
    seen = {wire.call("ListTables").headers["x-amzn-requestid"] for _ in range(20)}
    assert len(seen) == 20


@pytest.mark.parametrize(
    ("operation", "payload", "kind", "message"),
    [
        (
            "GetItem",
            {"TableName": "none", "Key": {"k": {"S": "x"}}},
            f"{MODELLED}ResourceNotFoundException",
            "Requested resource not found",
        ),
        (
            "DescribeTable",
            {"TableName": "none"},
            f"{MODELLED}ResourceNotFoundException",
            "Requested resource not found: Table: none not found",
        ),
        (
            "GetItem",
            {"TableName": "wires", "Key": {"x": {"S": "x"}}},
            f"{VALIDATE}ValidationException",
            "The provided key element does not match the schema",
        ),
        (
            "PutItem",
            {"TableName": "wires", "Item": {"k": {"S": "never"}}, "ConditionExpression": "attribute_exists(k)"},
            f"{MODELLED}ConditionalCheckFailedException",
            "The conditional request failed",
        ),
        ("CreateTable", TABLE, f"{MODELLED}ResourceInUseException", "Table already exists: wires"),
        ("GetItem", {"TableName": 1}, f"{CORAL}SerializationException", "NUMBER_VALUE cannot be converted to String"),
    ],
)
def test_errors(wire: Wire, operation: str, payload: Any, kind: str, message: str) -> None:
    failed(wire.call(operation, payload), kind, message)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"}", b"{}}", b'{"a"}', b'{"a":}', b"{'a':1}", b"{a:1}", b'{"a":1,}', b"nul", b"NaN"),
        *(b'{"TableName":"\xff"}', b'{"TableName":"\x00"}', b'{"TableName":"\\ud800"}', b'{"TableName":"\\x"}'),
        *(b"\xef\xbb\xbf{}", b'{"a":01}', b"\x1f\x8b{}", "{}".encode("utf-16")),
    ],
)
def test_malformed_json(wire: Wire, body: bytes) -> None:
    failed(wire.call("ListTables", body), f"{CORAL}SerializationException", None)
    assert wire.call("ListTables").status == 200  # the connection is still good


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"true"])
def test_json_that_is_no_object(wire: Wire, body: bytes) -> None:
    answer = wire.call("ListTables", body)
    answer.check_manners()
    assert (answer.status, answer.type) == (400, f"{CORAL}SerializationException")


@pytest.mark.parametrize("deep", [b"[" * 500_000, b'{"a":' * 500_000, b'{"Item":' + b"[" * 900 + b"]" * 900 + b"}"])
def test_bottomless_json(wire: Wire, deep: bytes) -> None:
    answer = wire.call("PutItem", deep)
    answer.check_manners()
    assert (answer.status, answer.type) == (400, f"{CORAL}SerializationException")


@pytest.mark.parametrize("levels", [31, 32, 33, 60, 300])
def test_deep_values(wire: Wire, levels: int) -> None:
    text = '{"L":[' * levels + '{"S":"x"}' + "]}" * levels
    answer = wire.call("PutItem", put(text))
    answer.check_manners()
    if levels < 32:
        assert answer.status == 200
    elif levels < 100:
        text = "Attributes in the item have nested levels beyond supported limit"
        failed(answer, f"{VALIDATE}ValidationException", f"Nesting Levels have exceeded supported limits: {text}")
    else:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"S":"\\u0000\\ud83d\\ude00\\u00e9"}', {"S": "\x00\U0001f600é"}),
        ('{"S":"\U0001f600\u2028"}', {"S": "\U0001f600\u2028"}),
        ('{"S":"1","S":"2"}', {"S": "2"}),
        ('{"N":"1e2"}', {"N": "100"}),
        ('{"N":"-0.0"}', {"N": "0"}),
        ('{"N":" 1"}', None),
        ('{"N":"١"}', None),
        ('{"N":"0x10"}', None),
        ('{"N":"Infinity"}', None),
        ('{"N":1}', None),
        ('{"BOOL":true}', {"BOOL": True}),
        ('{"BOOL":"true"}', None),
        ('{"B":"YQ=="}', {"B": "YQ=="}),
        ('{"B":"Y"}', None),
        ('{"NULL":true}', {"NULL": True}),
        ('{"NULL":false}', None),
        ('{"S":"a","N":"1"}', None),
    ],
)
def test_values(wire: Wire, text: str, kept: Any) -> None:
    answer = wire.call("PutItem", put(text))
    answer.check_manners()
    assert answer.status == (200 if kept else 400), answer.body
    if kept:
        got = wire.call("GetItem", {"TableName": "wires", "Key": {"k": {"S": "x"}}})
        assert got.json["Item"]["v"] == kept


@pytest.mark.parametrize(
    "target",
    ["DynamoDB_20120810.Nothing", "DynamoDB_20111205.ListTables", "DynamoDB_20120810.listTables", "ListTables", "."],
)
def test_unknown_targets(wire: Wire, target: str) -> None:
    failed(wire.call("x", X_Amz_Target=target), f"{CORAL}UnknownOperationException", None)


def test_no_target(wire: Wire) -> None:
    failed(wire.call("x", X_Amz_Target=""), f"{CORAL}UnknownOperationException", None)


@pytest.mark.parametrize("kind", [JSON, f"{JSON}; charset=utf-8", "application/json", "application/x-amz-json-1.1"])
def test_content_types(wire: Wire, kind: str) -> None:
    answer = wire.call("ListTables", Content_Type=kind)
    answer.check_manners()
    assert answer.status == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_other_content_types(wire: Wire, kind: str) -> None:
    failed(wire.call("ListTables", Content_Type=kind), f"{CORAL}UnknownOperationException", None, status=404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_wrong_methods(wire: Wire, method: str) -> None:
    answer = wire.request(f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    answer.check_manners()
    assert (answer.status, answer.type) == (405, f"{CORAL}UnknownOperationException")
    assert wire.call("ListTables").status == 200


def test_names_of_headers_have_no_case(wire: Wire) -> None:
    raw = encoded("ListTables", b"{}").replace(b"X-Amz-Target", b"x-AMZ-tArGeT").replace(b"Content-", b"cONTENT-")
    assert wire.request(raw).status == 200


def test_a_request_in_crumbs(wire: Wire) -> None:
    for byte in encoded("ListTables", b'{"Limit":1}'):
        wire.send(bytes([byte]))
    assert wire.answer().status == 200


def test_a_body_in_chunks(wire: Wire) -> None:
    raw = encoded("ListTables", b"", Content_Length="", Transfer_Encoding="chunked")
    assert wire.request(raw + b'5\r\n{"Lim\r\n6;x=y\r\nit":1}\r\n0\r\n\r\n').json["TableNames"] == ["wires"]


def test_a_compressed_body(wire: Wire) -> None:
    packed = gzip.compress(b'{"Lim') + gzip.compress(b'it":1}')
    assert wire.call("ListTables", packed, Content_Encoding="gzip").json["TableNames"] == ["wires"]
    assert wire.call("ListTables", zlib.compress(b"{}"), Content_Encoding="deflate").json["TableNames"] == ["wires"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate, GZIP;q=0.5", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip; q=0.0", None),
        ("identity", None),
        ("br, zstd", None),
    ],
)
@pytest.mark.parametrize("size", [5_000, 300_000])
def test_a_large_answer_is_compressed_on_request(wire: Wire, accepted: str, coding: str | None, size: int) -> None:
    key = {"k": {"S": f"large-{size}"}}
    item = {**key, "v": {"S": "x" * size}}
    wire.call("PutItem", {"TableName": "wires", "Item": item})
    answer = wire.call("GetItem", {"TableName": "wires", "Key": key}, Accept_Encoding=accepted)
    answer.check_manners()  # the checksum and the length are those of the bytes sent
    assert answer.headers.get("content-encoding") == coding
    plain = answer.body
    if coding is not None:
        assert len(plain) < size / 10
        plain = zlib.decompress(plain, 32 + zlib.MAX_WBITS)
    assert json.loads(plain) == {"Item": item}


def test_small_answers_and_errors_are_never_compressed(wire: Wire) -> None:
    small = wire.call("GetItem", {"TableName": "wires", "Key": {"k": {"S": "nobody"}}}, Accept_Encoding="gzip")
    assert (small.body, small.headers.get("content-encoding")) == (b"{}", None)
    error = wire.call("ListTables", {"ExclusiveStartTableName": "x" * 5000}, Accept_Encoding="gzip")
    assert (error.status, error.headers.get("content-encoding")) == (400, None)
    assert len(error.body) > 5000


def test_requests_ahead_of_their_answers(wire: Wire) -> None:
    """A pipeline is answered in its order, errors included."""
    names = ["ListTables", "Nothing", "ListTables", "DescribeTable"]
    wire.send(b"".join(encoded(name, b"{}") for name in names))
    assert [wire.answer().status for _ in names] == [200, 400, 200, 400]


def test_many_requests_on_one_connection(wire: Wire) -> None:
    for number in range(100):
        item = {"k": {"S": f"many-{number}"}}
        assert wire.call("PutItem", {"TableName": "wires", "Item": item}).body == b"{}"


def test_old_clients_are_hung_up_on(wire: Wire) -> None:
    answer = wire.request(encoded("ListTables", b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
    answer.check_manners()
    assert answer.status == 200
    assert wire.line() == b""


def test_a_client_that_asks_for_the_end(wire: Wire) -> None:
    answer = wire.call("ListTables", Connection="close")
    assert answer.headers["connection"] == "close"
    assert wire.line() == b""


def test_a_client_that_asks_first(wire: Wire) -> None:
    body = b'{"Limit":1}'
    raw = encoded("ListTables", body, Expect="100-continue")
    wire.send(raw[: -len(body)])
    assert wire.line() == b"HTTP/1.1 100 Continue\r\n"
    assert wire.line() == b"\r\n"
    assert wire.request(body).status == 200


def test_a_client_that_has_said_all_is_answered_and_hung_up_on(server: Server) -> None:
    """`shutdown(SHUT_WR)` behind a request, or behind a pipeline, ends the connection only once all is answered."""
    item = encoded("PutItem", put('{"S":"y"}'))
    before = sockets(server)
    for asked in (1, 2, 50):
        with Wire(server.port) as half:
            half.send(item * asked + encoded("GetItem", b'{"TableName":"wires","Key":{"k":{"S":"x"}}}'))
            half.end()
            for _ in range(asked):
                assert half.answer().body == b"{}"
            assert half.answer().json["Item"] == {"k": {"S": "x"}, "v": {"S": "y"}}
            assert half.line() == b""
    for raw, statuses in ((b"", []), (item[:9], []), (item[:-1], [400]), (item + item[:-1], [200, 400])):
        with Wire(server.port) as half:
            half.send(raw)
            half.end()
            assert [half.answer().status for _ in statuses] == statuses
            assert half.line() == b""
    for _ in range(30):
        with Wire(server.port) as half:
            half.send(item)
            half.end()
    deadline = time.monotonic() + SECONDS
    while sockets(server) > before:
        assert time.monotonic() < deadline, "connections are left behind"
        time.sleep(0.05)


def sockets(server: Server) -> int:
    """Return how many clients the server's process is connected to."""
    port = f":{server.port:04X}"
    lines = Path(f"/proc/{server.process.pid}/net/tcp").read_text("ascii").splitlines()[1:]
    mine = {f"socket:[{line.split()[9]}]" for line in lines if line.split()[1].endswith(port)}
    count = 0
    for each in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += os.readlink(each) in mine
    return count - 1  # one listens


def test_clients_that_vanish_disturb_nobody(server: Server, wire: Wire) -> None:
    raw = encoded("PutItem", put('{"S":"y"}'))
    for end in (1, 20, len(raw) // 2, len(raw) - 1, len(raw)):
        with Wire(server.port) as gone:
            gone.send(raw[:end])
    assert wire.call("ListTables").status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http(server: Server, wire: Wire, raw: bytes) -> None:
    with Wire(server.port) as strange:
        strange.send(raw)
        answer = strange.answer()
    answer.check_manners()
    assert (answer.status, answer.type) == (400, f"{CORAL}SerializationException")
    assert wire.call("ListTables").status == 200


def test_an_item_that_is_just_small_enough(wire: Wire) -> None:
    room = 400 * 1024 - len("k") - len("x") - len("v")
    text = "é" * (room // 2) + "y" * (room % 2)
    assert wire.call("PutItem", put(json.dumps({"S": text}))).status == 200
    failed(
        wire.call("PutItem", put(json.dumps({"S": text + "z"}))),
        f"{VALIDATE}ValidationException",
        "Item size has exceeded the maximum allowed size",
    )
    got = wire.call("GetItem", {"TableName": "wires", "Key": {"k": {"S": "x"}}})
    got.check_manners()
    assert got.json["Item"]["v"]["S"] == text


def test_a_batch_of_sixteen_megabytes(wire: Wire) -> None:
    def items(count: int, size: int) -> bytes:
        puts = [
            {"PutRequest": {"Item": {"k": {"S": f"big-{number}"}, "v": {"S": "x" * size}}}} for number in range(count)
        ]
        return json.dumps({"RequestItems": {"wires": puts}}).encode()

    answer = wire.call("BatchWriteItem", items(25, 390_000))
    answer.check_manners()
    assert answer.json == {"UnprocessedItems": {}}
    keys = [{"k": {"S": f"big-{number}"}} for number in range(25)]
    got = wire.call("BatchGetItem", {"RequestItems": {"wires": {"Keys": keys}}})
    got.check_manners()
    assert len(got.json["Responses"]["wires"]) == 25
    with_rest = wire.call("PutItem", b" " * (18 * 1024 * 1024))
    with_rest.check_manners()
    assert (with_rest.status, with_rest.type) == (413, f"{CORAL}RequestEntityTooLargeException")


def test_greetings(wire: Wire) -> None:
    greeting = wire.request(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (greeting.status, greeting.body) == (200, b"healthy: dynamodb.us-east-1.amazonaws.com ")
    wire.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.answer(head=True).status == 200
    assert wire.request(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n").json == {"status": "ready"}
