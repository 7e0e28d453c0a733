"""A socket with just enough HTTP: what is sent is exactly what a test says."""

from __future__ import annotations

import json
import re
import socket
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

CORAL = "com.amazon.coral.service#"
VALIDATE = "com.amazon.coral.validate#"
MODELLED = "com.amazonaws.dynamodb.v20120810#"
JSON = "application/x-amz-json-1.0"
SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def type(self) -> str:
        """Return the kind of error, with its namespace."""
        return str(self.json["__type"])

    def check_manners(self) -> None:
        """Check what every answer of the service carries, success or not."""
        assert self.headers["content-type"] == JSON
        assert self.headers["x-amz-crc32"] == str(zlib.crc32(self.body))
        assert re.fullmatch(r"[A-Z0-9]{52}", self.headers["x-amzn-requestid"])
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", self.headers["date"])
        assert self.headers["server"] == "Server"
        assert self.headers["content-length"] == str(len(self.body))


class Wire:
    """A connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def send(self, raw: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(raw)

    def end(self) -> None:
        """Close the sending side: nothing follows, but answers are read."""
        self._socket.shutdown(socket.SHUT_WR)

    def line(self) -> bytes:
        """Return the next line; empty when the other side hung up."""
        return self._file.readline()

    def answer(self, *, head: bool = False) -> Answer:
        """Return the next answer; `head` means that its body is only announced."""
        status = self.line()
        assert status.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), status
        headers = {}
        while (line := self.line().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = b"" if head else self._file.read(int(headers.get("content-length", "0")))
        return Answer(status=int(status.split()[1]), headers=headers, body=body)

    def request(self, raw: bytes) -> Answer:
        """Send bytes and return the answer."""
        self.send(raw)
        return self.answer()

    def call(self, operation: str, payload: object = None, **headers: str) -> Answer:
        """Send an operation; a payload that is bytes is sent as it is."""
        body = payload if isinstance(payload, bytes) else json.dumps({} if payload is None else payload).encode()
        return self.request(encoded(operation, body, **headers))


def encoded(operation: str, body: bytes, **headers: str) -> bytes:
    """Return a request as an SDK would send it; headers replace its own, and an empty one is left out."""
    fields = {
        "Host": "localhost",
        "Content-Type": JSON,
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Length": str(len(body)),
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body
