"""A small HTTP client over raw connections: it sends ready bytes and reads only what it must.

A closed loop sends on each connection as soon as the answer before has come. An open loop sends at fixed moments,
whatever the server does, on whichever connection is free.
"""

from __future__ import annotations

import asyncio
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final, cast

import orjson
from benchmarks.harness.control import error_name, tls_context
from benchmarks.harness.target import Target

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_UNKNOWN: Final = -1
_RECONNECTS: Final = 1000
"""Lost connections that are opened again before the load gives up."""
Reader = Callable[[int, bytes], None]
"""Takes status and whole answer, head included."""


def error_of(status: int, answer: bytes) -> str:
    """Return the name of the error in an answer."""
    try:
        return error_name(orjson.loads(answer.partition(b"\r\n\r\n")[2]), status)
    except orjson.JSONDecodeError:
        return f"HTTP {status}"


class Tally:
    """Counts answers while it is open."""

    def __init__(self) -> None:
        self.open = False
        self.latencies = array("d")
        """Seconds of the good answers."""
        self.errors: Counter[str] = Counter()
        self.bytes = 0

    def add(self, begun: float, status: int, answer: bytes) -> None:
        """Count one answer."""
        if not self.open:
            return
        if status != 200:
            self.errors[error_of(status, answer)] += 1
            return
        self.latencies.append(perf_counter() - begun)
        self.bytes += len(answer)

    def lost(self) -> None:
        """Count a connection that broke with a request on it."""
        if self.open:
            self.errors["ConnectionLost"] += 1


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on it."""

    def __init__(self, load: ClosedLoop) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._got = 0
        self._total = 0
        self._begun = 0.0
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._load.ready(self)

    def send(self, request: bytes, begun: float) -> None:
        """Send one request; its latency counts from `begun`."""
        if self._transport is None or self._transport.is_closing():
            return  # its end is reported, or about to be
        self._begun = begun
        self._busy = True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect one answer."""
        self._parts.append(data)
        self._got += len(data)
        if self._total == 0:
            self._measure()
        if self._total == _UNKNOWN:
            if b"".join(self._parts[-2:]).endswith(_LAST_CHUNK):
                self._finish()
        elif self._total and self._got >= self._total:
            self._finish()

    def _measure(self) -> None:
        head = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = [head]
        end = head.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(head, 0, end)
        if length is not None:
            self._total = end + 4 + int(length[1])
        else:
            self._total = _UNKNOWN if _CHUNKED.search(head, 0, end + 2) else end + 4

    def _finish(self) -> None:
        answer = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = []
        self._got = self._total = 0
        self._busy = False
        last = _CLOSE.search(answer, 0, answer.find(b"\r\n\r\n") + 2) is not None
        self._load.answered(self._begun, int(answer[9:12]), answer)
        if last:
            self.close()
        else:
            self._load.ready(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the load, which opens another connection."""
        self._transport = None
        self._load.broken(self, busy=self._busy)
        self._busy = False

    def close(self) -> None:
        """Close without waiting."""
        if self._transport is not None:
            self._transport.abort()


class ClosedLoop:
    """A number of clients, each of which waits for its answer before it asks again."""

    def __init__(self, target: Target, requests: Iterator[bytes], tally: Tally, reader: Reader | None = None) -> None:
        self.exhausted = asyncio.Event()
        """Set when there is no further request, or the load gave up."""
        self.marked = asyncio.Event()
        """Set when `mark` requests were sent."""
        self.mark = 0
        self.sent = 0
        self._target = target
        self._requests = requests
        self._tally = tally
        self._reader = reader
        self._running = True
        self._idle: set[Connection] = set()
        self._all: set[Connection] = set()
        self._quiet = asyncio.Event()
        self._reconnects: set[asyncio.Task[None]] = set()
        self._left = _RECONNECTS

    async def open(self, clients: int) -> None:
        """Open connections; each begins at once. Raises OSError."""
        await asyncio.gather(*(self._connect() for _ in range(clients)))

    async def _connect(self) -> None:
        def made() -> Connection:
            connection = Connection(self)
            self._all.add(connection)
            return connection

        context = tls_context(self._target)
        await asyncio.get_running_loop().create_connection(made, self._target.host, self._target.port, ssl=context)

    def ready(self, connection: Connection) -> None:
        """Give a free connection its next request."""
        request = self._next(connection)
        if request is not None:
            connection.send(request, perf_counter())

    def _next(self, connection: Connection) -> bytes | None:
        if connection not in self._all:
            return None
        request = next(self._requests, None) if self._running else None
        if request is None:
            self.exhausted.set()
            self._idle.add(connection)
            if len(self._idle) == len(self._all):
                self._quiet.set()
            return None
        self.sent += 1
        if self.sent == self.mark:
            self.marked.set()
        return request

    def answered(self, begun: float, status: int, answer: bytes) -> None:
        """Count an answer."""
        self._tally.add(begun, status, answer)
        if self._reader is not None:
            self._reader(status, answer)

    def broken(self, connection: Connection, *, busy: bool) -> None:
        """Replace a lost connection."""
        self._all.discard(connection)
        self._idle.discard(connection)
        if not self._running:
            if len(self._idle) == len(self._all):
                self._quiet.set()
            return
        if busy:
            self._tally.lost()
            self._left -= 1
        if self._left < 0:
            self._running = False
            self.exhausted.set()
            return
        task = asyncio.get_running_loop().create_task(self._reconnect())
        self._reconnects.add(task)
        task.add_done_callback(self._reconnects.discard)

    async def _reconnect(self) -> None:
        try:
            await self._connect()
        except OSError:
            self._running = False
            self.exhausted.set()

    async def finish(self, seconds: float = 30.0) -> None:
        """Send nothing more, let what is under way be answered, and close."""
        self._running = False
        try:
            async with asyncio.timeout(seconds):
                if len(self._idle) != len(self._all):
                    await self._quiet.wait()
        except TimeoutError:
            self._tally.errors["Unanswered"] += len(self._all) - len(self._idle)
        for connection in list(self._all):
            connection.close()
        await asyncio.gather(*self._reconnects, return_exceptions=True)


class OpenLoop(ClosedLoop):
    """Requests at fixed moments. The latency of one that had to wait for a free connection holds that wait."""

    def __init__(self, target: Target, requests: Iterator[bytes], tally: Tally, rate: float) -> None:
        super().__init__(target, requests, tally)
        self._step = 1.0 / rate
        self._due = perf_counter()

    def ready(self, connection: Connection) -> None:
        """Take the next moment; send now if it has passed."""
        due = self._due
        self._due += self._step
        pause = due - perf_counter()
        if pause > 0:
            asyncio.get_running_loop().call_later(pause, self._send, connection)
            return
        request = self._next(connection)
        if request is not None:
            connection.send(request, due)

    def _send(self, connection: Connection) -> None:
        # The client's own timer is a little late; that is not the server's time, so the latency begins here.
        request = self._next(connection)
        if request is not None:
            connection.send(request, perf_counter())
