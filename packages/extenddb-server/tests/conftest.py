"""Shared: a fake engine, raw HTTP over a real socket, and a backend that several processes can open."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import zlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extenddb.engine import Caller
from extenddb.server.auth.credentials import AnyKey, Authenticator
from extenddb.server.http.app import HttpServer
from extenddb.server.http.cors import Cors
from extenddb.server.http.dynamodb import DynamoDb
from extenddb.server.http.limits import Limits
from extenddb.server.http.metrics import Metrics
from extenddb.server.http.service import Handler, Service
from extenddb.server.plan import bind

sys.path.insert(0, str(Path(__file__).parent / "data"))  # one conftest in a package: type checks know them by name

from moving import commands, servers  # noqa: F401

Answer = Callable[[str, Caller, object], Coroutine[Any, Any, dict[str, Any]]]
"""What a fake engine does with an operation."""


@dataclass(frozen=True)
class RawResponse:
    """One HTTP answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def assert_service_manners(self) -> None:
        """Check what every answer of the service carries."""
        assert self.headers["content-type"] == "application/x-amz-json-1.0"
        assert int(self.headers["x-amz-crc32"]) == zlib.crc32(self.body)
        identifier = self.headers["x-amzn-requestid"]
        assert len(identifier) == 52
        assert identifier.isalnum()
        assert identifier == identifier.upper()
        assert self.headers["date"].endswith("GMT")
        assert self.headers["server"] == "Server"


async def read_response(reader: asyncio.StreamReader, *, head: bool = False) -> RawResponse:
    """Read one answer."""
    raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = raw.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
    length = 0 if head else int(headers.get("content-length", 0))
    return RawResponse(int(line.split()[1]), headers, await reader.readexactly(length))


class Wire:
    """A server on a real socket, and raw requests to it."""

    def __init__(self, port: int, server: HttpServer, metrics: Metrics) -> None:
        self.port = port
        self.server = server
        self.metrics = metrics

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, raw: bytes, *, head: bool = False) -> RawResponse:
        """Send bytes on a new connection and read one answer."""
        reader, writer = await self.connect()
        try:
            writer.write(raw)
            async with asyncio.timeout(20):
                return await read_response(reader, head=head)
        finally:
            writer.close()
            await writer.wait_closed()

    async def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> RawResponse:
        """Send a request with a length."""
        return await self.send(encode(method, path, headers, body), head=method == "HEAD")

    async def call(self, operation: str, payload: object, **headers: str) -> RawResponse:
        """Send an operation as SDKs do."""
        fields = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("POST", "/", fields, json.dumps(payload).encode())


def encode(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """Return a request as bytes."""
    fields = {"Host": "localhost", "Content-Length": str(len(body))} | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def echo(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
    """Answer with what was asked."""
    return {"operation": operation, "account": caller.account, "payload": payload}


class FakeEngine:
    """An engine of one function."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def execute(self, operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        """Answer an operation."""
        return await self._answer(operation, caller, payload)


Talk = Callable[[Wire], Coroutine[Any, Any, None]]


@pytest.fixture
def talk() -> Callable[..., None]:
    """Run a conversation with a server whose engine is a function."""

    def run(
        conversation: Talk,
        answer: Answer = echo,
        *,
        authenticator: Authenticator | None = None,
        cors: str = "",
        ping: Callable[[], Coroutine[Any, Any, None]] | None = None,
        mounts: Mapping[str, Handler] | None = None,
        limits: Limits | None = None,
    ) -> None:
        async def main() -> None:
            metrics = Metrics()
            who = authenticator or AnyKey(region="eu-west-1")
            service = Service(
                DynamoDb(FakeEngine(answer), who, metrics=metrics),
                ping=ping or _nothing,
                metrics=metrics,
                region="eu-west-1",
                cors=Cors(cors),
                mounts=mounts,
            )
            server = HttpServer(service, limits, metrics)
            bound = bind("127.0.0.1", 0, shared=False)
            await server.listen([bound])
            try:
                await conversation(Wire(bound.getsockname()[1], server, metrics))
            finally:
                await server.drain(5)

        asyncio.run(main())

    return run


async def _nothing() -> None:
    return None


SCRATCH = """
import contextlib
import os
from extenddb.storage.errors import Unavailable
from extenddb.storage.memory import MemoryBackend, MemoryPlugin

class Backend(MemoryBackend):
    broken = ""

    async def ping(self):
        if self.broken and os.path.exists(self.broken):
            raise Unavailable("the store is away")

class Plugin(MemoryPlugin):
    name = "scratch"

    @contextlib.asynccontextmanager
    async def provision(self, settings):
        if "refuse" in settings:
            raise Unavailable(settings["refuse"])
        yield dict(settings, provisioned="yes")

    async def open(self, settings):
        if settings.get("provisioned") != "yes":
            raise Unavailable("opened before it was provisioned")
        if "closed" in settings:
            raise Unavailable(settings["closed"])
        backend = Backend()
        backend.broken = settings.get("broken", "")
        return backend

plugin = Plugin()
"""


@pytest.fixture(scope="session")
def scratch_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which a backend `scratch` is installed that several processes can open."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "scratch_backend.py").write_text(textwrap.dedent(SCRATCH))
    _dist_info(folder, "scratch", "scratch_backend:plugin")
    return {"PYTHONPATH": str(folder)}


def _dist_info(folder: Path, name: str, value: str) -> None:
    info = folder / f"extenddb_storage_{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: extenddb-storage-{name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[extenddb.storage_backends]\n{name} = {value}\n")
