"""A server on a network that nobody vouches for: what strangers do costs them, and nobody else."""

from __future__ import annotations

import contextlib
import gzip
import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from wire_kit import Answer, Wire, encoded

from extenddb.server.testing import Server, start

pytestmark = pytest.mark.xdist_group("wire")
REFUSALS = int(os.environ.get("EXTENDDB_TEST_REFUSALS", "300"))
"""Large requests that are refused in a row; ten thousand show the same, and take a minute."""
MEGABYTE = 1024 * 1024
KEY: dict[str, Any] = {"access_key_id": "AKIAWIRE", "secret_access_key": "wire secret"}


@pytest.fixture
def guarded() -> Iterator[Server]:
    """A server that checks signatures."""
    with start(backend="memory", auth="sigv4", **KEY) as running:
        yield running
        assert "Traceback" not in running.logs(), running.logs()


@pytest.fixture
def impatient() -> Iterator[Server]:
    """A server with short deadlines."""
    with start(backend="memory", stall_seconds=1, max_connections=40) as running:
        yield running
        assert "Traceback" not in running.logs(), running.logs()


def memory(server: Server) -> float:
    """Return the resident memory of a server of one process, megabytes."""
    fields = Path(f"/proc/{server.process.pid}/statm").read_text("ascii").split()
    return int(fields[1]) * resource.getpagesize() / MEGABYTE


def cpu(server: Server) -> float:
    """Return the processor time that a server of one process has used, seconds."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def healthy(server: Server) -> None:
    """Ask on a new connection, as a probe does."""
    with Wire(server.port) as probe:
        assert probe.request(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").json == {"status": "healthy"}


def counted(server: Server, name: str) -> float:
    """Return a figure of /metrics."""
    with Wire(server.port) as probe:
        text = probe.request(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body.decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def connect(server: Server) -> socket.socket:
    """Open a connection on which a test waits only briefly."""
    return socket.create_connection(("127.0.0.1", server.port), 10)


def closed(connection: socket.socket, seconds: float) -> bool:
    """Tell whether the server hangs up within some seconds; whatever it answers is read."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            if not connection.recv(65536):
                return True
        except TimeoutError:
            return False
        except OSError:
            return True
    return False


def claimed(length: int, *, key: str = "AKIAWIRE", **fields: str) -> bytes:
    """Return the head of a request whose claim is good, and whose signature is not."""
    now = datetime.now(UTC)
    scope = f"{key}/{now:%Y%m%d}/us-east-1/dynamodb/aws4_request"
    signed = "content-type;host;x-amz-date;x-amz-target"
    given = {
        "Content_Length": str(length),
        "X_Amz_Date": f"{now:%Y%m%dT%H%M%SZ}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={'0' * 64}",
    }
    return encoded("PutItem", b"", **(given | fields))


HEAD = encoded("PutItem", b"", Content_Length="1000")
STUCK = {
    "silent": b"",
    "head": HEAD[:40],
    "body": HEAD + b"{" * 500,
    "chunks": encoded("PutItem", b"", Content_Length="", Transfer_Encoding="chunked") + b"5\r\n{",
    "extension": encoded("PutItem", b"", Content_Length="", Transfer_Encoding="chunked") + b"5;xxxx",
    "trailer": encoded("PutItem", b"", Content_Length="", Transfer_Encoding="chunked") + b"2\r\n{}\r\n0\r\nX: y",
}


@pytest.mark.parametrize("kind", sorted(STUCK))
def test_what_is_begun_and_not_ended_is_hung_up_on(impatient: Server, kind: str) -> None:
    with connect(impatient) as stuck:
        stuck.sendall(STUCK[kind])
        assert closed(stuck, 8)
    phase = kind if kind in {"silent", "head"} else "body"
    assert counted(impatient, f'extenddb_deadlines_total{{phase="{phase}"}}') == 1


def test_crumbs_do_not_keep_a_head_alive(impatient: Server) -> None:
    with connect(impatient) as slow:
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 10:
                slow.sendall(b"P" if time.monotonic() - begun < 0.2 else b"a")
                time.sleep(0.1)
                if closed(slow, 0.01):
                    break
    assert time.monotonic() - begun < 8


def test_a_client_that_does_not_read_is_hung_up_on(impatient: Server) -> None:
    """Neither the answers it does not take nor what it sends ahead of them may pile up."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    before = memory(impatient)
    with connect(impatient) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0.5)
        with contextlib.suppress(OSError):
            while deaf.send(request * 1000):
                pass
        assert memory(impatient) - before < 30
        deadline = time.monotonic() + 20
        while counted(impatient, 'extenddb_deadlines_total{phase="sending"}') < 1:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_half_handshake_is_hung_up_on(tmp_path: Path) -> None:
    with start(backend="memory", data_dir=tmp_path, tls=True, stall_seconds=1, max_connections=20) as server:
        with connect(server) as stuck:
            stuck.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert closed(stuck, 8)
        trusted = ssl.create_default_context(cafile=server.ca_bundle)
        crowd = [connect(server) for _ in range(60)]  # three times the places there are
        for each in crowd:
            each.sendall(b"\x16\x03\x01\x02\x00\x01")
        with connect(server) as raw, trusted.wrap_socket(raw, server_hostname="localhost") as probe:
            probe.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"healthy" in probe.recv(65536)
        for each in crowd:
            assert closed(each, 8)
            each.close()
        assert "Traceback" not in server.logs()


def test_silent_connections_keep_nobody_out(impatient: Server) -> None:
    with Wire(impatient.port) as known:
        assert known.call("ListTables").status == 200
        crowd = [connect(impatient) for _ in range(200)]  # five times the places there are
        for _ in range(20):
            healthy(impatient)
        assert known.call("ListTables").status == 200  # who has a connection keeps it
        assert counted(impatient, 'extenddb_connections_refused_total{reason="displaced"}') >= 150
        for each in crowd:
            each.close()


def test_probes_are_answered_when_descriptors_run_out(guarded: Server) -> None:
    limit = len(list(Path(f"/proc/{guarded.process.pid}/fd").iterdir())) + 80
    resource.prlimit(guarded.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    crowd = [connect(guarded) for _ in range(200)]
    for _ in range(10):
        healthy(guarded)
    before = cpu(guarded)
    time.sleep(1)
    assert cpu(guarded) - before < 0.5  # nothing is tried without end
    assert counted(guarded, 'extenddb_connections_refused_total{reason="descriptors"}') >= 1
    for each in crowd:
        each.close()


def test_large_bodies_without_a_signature_take_no_memory(guarded: Server) -> None:
    """Of 150 connections that send 16 MB each, those whose head is refused are not read at all."""
    before = memory(guarded)
    strangers = [connect(guarded) for _ in range(150)]
    for number, each in enumerate(strangers):
        each.settimeout(0.05)
        head = claimed(17 * MEGABYTE) if number % 2 else encoded("PutItem", b"", Content_Length=str(17 * MEGABYTE))
        with contextlib.suppress(OSError):
            each.sendall(head + b" " * (16 * MEGABYTE))
    healthy(guarded)
    assert memory(guarded) - before < 200  # a quarter of the budget for one address, and what is on its way
    assert counted(guarded, 'extenddb_requests_refused_total{reason="memory"}') > 10
    for each in strangers:
        each.close()
    deadline = time.monotonic() + 10
    while counted(guarded, "extenddb_body_bytes") > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert memory(guarded) - before < 60


def test_a_refused_body_is_told_before_it_is_sent(guarded: Server) -> None:
    """Clients that ask first are neither invited nor waited for."""
    cases = (
        (encoded("PutItem", b"", Content_Length="1000000", Expect="100-continue"), "MissingAuthenticationToken"),
        (claimed(1000000, key="AKIAOTHER", Expect="100-continue"), "UnrecognizedClient"),
        (encoded("Nothing", b"", Content_Length="1000000", Expect="100-continue"), "UnknownOperation"),
    )
    for head, kind in cases:
        with Wire(guarded.port) as wire:
            answer = wire.request(head)
            answer.check_manners()
            assert (answer.status, answer.type.partition("#")[2]) == (400, f"{kind}Exception")
            assert wire.line() == b""


def refused(wire: Wire, body: bytes, **headers: str) -> Answer:
    """Send a request that is refused."""
    answer = wire.call("PutItem", body, **headers)
    assert 400 <= answer.status < 500
    return answer


@pytest.mark.parametrize("auth", ["off", "sigv4"])
def test_refused_requests_do_not_stay_in_memory(auth: str) -> None:
    body = b'{"TableName":1,"Item":"' + b"x" * 200_000 + b'"}'  # few objects: no collection comes of them
    with start(backend="memory", auth=auth, **KEY) as server, Wire(server.port) as wire:
        for _ in range(50):
            refused(wire, body)
        before = memory(server)
        for _ in range(REFUSALS):
            refused(wire, body)
        assert memory(server) - before < 30


@pytest.mark.parametrize("kind", ["members", "spaces", "lists"])
def test_bombs_do_not_block(guarded: Server, kind: str) -> None:
    """Work before a signature is checked is that of reading and hashing, whatever the body would become."""
    plain = {"members": b"", "spaces": b" " * (17 * MEGABYTE), "lists": b"[" + b"[]," * 5_800_000 + b"[]]"}[kind]
    body = gzip.compress(plain) * (100_000 if kind == "members" else 1)
    before = cpu(guarded)
    with Wire(guarded.port) as wire:
        answer = wire.request(claimed(len(body), Content_Encoding="gzip") + body)
        assert answer.type.endswith("#InvalidSignatureException")
    assert cpu(guarded) - before < 0.5


@pytest.mark.parametrize("kind", ["members", "spaces", "lists"])
def test_bombs_are_bounded_where_every_key_is_accepted(kind: str) -> None:
    plain = {"members": b"", "spaces": b" " * (17 * MEGABYTE), "lists": b"[" + b"[]," * 5_800_000 + b"[]]"}[kind]
    body = gzip.compress(plain) * (100_000 if kind == "members" else 1)
    with start(backend="memory", auth="off") as server, Wire(server.port) as wire:
        before = cpu(server)
        for _ in range(3):
            refused(wire, body, Content_Encoding="gzip")
        assert cpu(server) - before < 3
        assert memory(server) < 300


@pytest.mark.parametrize("count", [10, 60])
def test_a_head_of_more_than_sixteen_kilobytes_is_refused(guarded: Server, count: int) -> None:
    line = 20_000 // count
    headers = {f"X_Amz_Meta_{number}": "y" * (line - 16) for number in range(count)}
    for together in (True, False):
        with Wire(guarded.port) as wire:
            raw = encoded("ListTables", b"{}", **headers)
            for at in range(0, len(raw), len(raw) if together else 3000):
                wire.send(raw[at : at + (len(raw) if together else 3000)])
            answer = wire.answer()
            answer.check_manners()
            assert (answer.status, answer.headers["connection"]) == (400, "close")
    with Wire(guarded.port) as wire:
        fewer = dict(list(headers.items())[: count * 3 // 4])
        assert wire.request(encoded("ListTables", b"{}", **fewer)).type.endswith("#MissingAuthenticationTokenException")


def test_a_head_without_end_is_refused(guarded: Server) -> None:
    with Wire(guarded.port) as wire:
        with contextlib.suppress(OSError):
            wire.send(b"POST / HTTP/1.1\r\nHost: x\r\n")
            for number in range(100):
                wire.send(f"X-{number}: {'y' * 4000}\r\n".encode())
                time.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            assert wire.answer().status == 400
    assert counted(guarded, 'extenddb_requests_refused_total{reason="head"}') == 1


def test_a_body_that_is_no_body_is_a_mistake_of_the_client(guarded: Server) -> None:
    head = claimed(0, Content_Length="", Transfer_Encoding="chunked")
    for body in (b"zz\r\n", b"5\r\n{}\r\n\r\n", b"-1\r\n"):
        with Wire(guarded.port) as wire:
            answer = wire.request(head + body)
            assert (answer.status, answer.type.partition("#")[2]) == (400, "SerializationException")
            assert wire.line() == b""


def test_digests_of_large_bodies_are_those_of_small_ones(guarded: Server) -> None:
    """A signed body of some megabytes, hashed beside the loop, is accepted."""
    client = guarded.client()
    client.create_table(
        TableName="large",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    puts = [{"PutRequest": {"Item": {"k": {"S": str(each)}, "v": {"S": "x" * 390_000}}}} for each in range(25)]
    assert client.batch_write_item(RequestItems={"large": puts})["UnprocessedItems"] == {}
