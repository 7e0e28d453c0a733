"""One connection: aiohttp's protocol, made to answer in JSON whatever happens, and who has closed its sending side.

A client may close its sending side behind its last request and then read (`shutdown(SHUT_WR)`). asyncio hangs up on it
at once unless the protocol asks for the connection to stay; then it is the protocol's to end it.

What a client has sent and not yet earned is bounded here: the head, the body, and requests ahead of their answers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from extenddb.core.errors import INTERNAL_SERVER_ERROR, SERIALIZATION, SERVICE_UNAVAILABLE, ServiceError
from extenddb.server.http.budget import FREE, Reservation
from extenddb.server.http.compression import BODY_LIMIT, too_large
from extenddb.server.http.message import Headers, Request, Response, error_response, request_id
from extenddb.server.http.watch import Phase, Watch

if TYPE_CHECKING:
    from extenddb.server.http.app import HttpServer

log = logging.getLogger("extenddb.server")

HEAD_LIMIT = 16 * 1024
"""Most bytes of all header fields together (the service's), and of the request line: presigned ones are long."""
_READ_AHEAD = 256 * 1024
"""Bytes read behind a request that is being answered."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SERVER = "Server"
_NOT_HTTP = "The request is not valid HTTP."
_BUSY = "Too many large requests are being read; try again."
_LINGER_SECONDS = 10.0
_SHORT_LINGER_SECONDS = 1.0
"""How long a body is read that nobody waits for, so that its client gets to read the answer; a huge one briefly."""


def to_aiohttp(response: Response, *, keep_alive: bool) -> web.Response:
    """Return an answer as aiohttp sends it."""
    headers = response.headers
    headers["Server"] = _SERVER
    if keep_alive:
        headers["Connection"] = "keep-alive"
    return web.Response(status=response.status, headers=headers, body=response.body)


def not_http() -> ServiceError:
    """Return the error of a request that is none."""
    return ServiceError(SERIALIZATION, _NOT_HTTP)


def counted_address(peer: str) -> str:
    """Return whom a connection counts for: an address, of IPv6 the network that one client has."""
    if ":" not in peer:
        return peer
    try:
        address = ipaddress.IPv6Address(peer.partition("%")[0])
    except ValueError:
        return peer
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address, 64), strict=False))


class Connection(RequestHandler):
    """A connection's requests, one after the other; to handlers it is their `Sender`, to the crowd a `Member`."""

    __slots__ = (
        "_body", "_broken", "_ended", "_fed", "_head_bytes", "_headers", "_reservation", "_server", "_watch",
        "address", "arriving", "peer", "proven", "wire",
    )  # fmt: skip

    def __init__(self, server: HttpServer, peer: str, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._body: StreamReader | None = None
        self._headers: Mapping[str, str] = {}
        self._broken = False
        self._ended = False
        self._fed = 0
        self._head_bytes = 0
        self._reservation: Reservation | None = None
        self._watch = Watch()
        self.peer = peer
        """Address of the client, empty when it has none."""
        self.address = counted_address(peer)
        self.arriving: asyncio.Task[None] | None = None
        """What makes the transport."""
        self.wire: asyncio.Transport | None = None
        """The transport until it is lost; aiohttp's own reference ends before."""
        self.proven = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to take requests."""
        self.wire = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave nothing behind."""
        self.wire = None
        self._server.crowd.remove(self)
        super().connection_lost(exc)

    def leave(self) -> None:
        """Hang up at once, whatever is still to be sent."""
        if self.wire is not None:
            self.wire.abort()
        elif self.arriving is not None:
            self.arriving.cancel()

    @property
    def busy(self) -> bool:
        """Tell whether a request of an authenticated client is being answered."""
        return self.proven and self._request_in_progress

    def data_received(self, data: bytes) -> None:
        """Take what was sent, within the bounds of a head and of what may be read ahead."""
        self._fed += len(data)
        super().data_received(data)
        if self._messages:
            if self._fed > _READ_AHEAD and len(self._messages) > 1 and not self._buffer_paused:
                self._pause_reading_for_buffer()
        elif self._waiter is not None or not self._request_count:
            self._head_bytes += len(data)
            if self._head_bytes > 2 * HEAD_LIMIT:
                self._refuse_head()

    def _refuse_head(self) -> None:
        error = BadHttpMessage("The head is too large")
        self._request_count += 1
        self._messages.append((_ErrInfo(status=400, exc=error, message=error.message), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._server.refused_request("head")

    def _resume_reading_if_drained(self) -> None:
        if self._messages and self._fed > _READ_AHEAD:
            return
        super()._resume_reading_if_drained()

    def asked(self, body: StreamReader) -> None:
        """Note that a request begins to be answered, its body arriving or there already."""
        self._body = body
        self._head_bytes = 0
        if self._ended:
            self._close_behind_last()

    def answered(self) -> bool:
        """Note that the answer is made, still to be sent; tell whether the connection may go on after it."""
        body = self._body
        self._body = None
        if self._reservation is not None:
            self._reservation.end()
            self._reservation = None
        if body is None or body.is_eof() or self._broken:
            return not self._broken
        if self._uninvited:
            self._lingering_time = 0.0
            return False
        small = 0 < _length(self._headers) <= BODY_LIMIT
        self._lingering_time = _LINGER_SECONDS if small else _SHORT_LINGER_SECONDS
        return True

    @property
    def _uninvited(self) -> bool:
        """Tell whether the client waits to be asked for its body."""
        return self._headers.get("Expect", "").lower() == "100-continue"

    def request(self, message: RawRequestMessage, payload: StreamReader) -> Request:
        """Return the request whose head has come. Raises ServiceError for a head that is too large."""
        headers = message.headers
        if self._fed > HEAD_LIMIT:
            self._check_head(message)
        if not self._messages:
            self._fed = 0
        body = b""
        arrived = payload is EMPTY_PAYLOAD
        if not arrived:
            self._headers = headers
            if payload.is_eof() and payload.exception() is None and payload.total_bytes <= FREE:
                body, arrived = payload.read_nowait(), True
        return Request(
            method=message.method,
            target=message.path,
            headers=cast("Headers", headers),
            body=body,
            peer=self.peer,
            sender=self,
            arrived=arrived,
        )

    def _check_head(self, message: RawRequestMessage) -> None:
        if sum(len(name) + len(value) for name, value in message.raw_headers) > HEAD_LIMIT:
            self._server.refused_request("head")
            self._broken = True
            raise not_http()

    def prove(self) -> None:
        """Note that a request was authenticated."""
        self.proven = True
        self._server.crowd.prove(self)

    async def read(self) -> bytes:
        """Return the body; one that is announced as too large is neither invited nor read. Raises ServiceError."""
        body = self._body
        if body is None:
            return b""
        length = _length(self._headers)
        if length > BODY_LIMIT:
            self._server.refused_request("body")
            raise too_large()
        reserved = length
        if length > FREE or not self.proven:
            self.reserve(length)
        else:
            reserved = FREE
        if self._uninvited and self.wire is not None:
            self.wire.write(_CONTINUE)
            self._headers = {}
        try:
            return await self._read_all(body, reserved)
        except (ConnectionError, web.RequestPayloadError, RuntimeError) as error:
            log.debug("A client left in the middle of its request: %s", error)
        self._broken = True
        raise not_http()

    async def _read_all(self, body: StreamReader, reserved: int) -> bytes:
        pieces = []
        size = 0
        while piece := await body.readany():
            size += len(piece)
            if size > BODY_LIMIT:
                self._server.refused_request("body")
                raise too_large()
            if size > reserved:
                self.reserve(size)
                reserved += size
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def reserve(self, amount: int) -> None:
        """Take memory until the request is answered, bytes. Raises ServiceError: ServiceUnavailable."""
        if self._reservation is None:
            self._reservation = Reservation(self._server.budget, self.address)
        if not self._reservation.take(amount, proven=self.proven):
            self._server.refused_request("memory")
            raise ServiceError(SERVICE_UNAVAILABLE, _BUSY)

    def overdue(self, elapsed: float, longest: Mapping[Phase, float]) -> Phase | None:
        """Return the phase that lasts too long now, None if none does; `elapsed` seconds passed since the last look."""
        phase, progress = self._phase()
        return phase if self._watch.look(phase, self._request_count, progress, elapsed, longest) else None

    def _phase(self) -> tuple[Phase, int]:
        """Return what the connection is doing, and how far it is in it, bytes."""
        wire = self.wire
        if wire is None:
            return Phase.WORKING, 0  # a handshake has its own deadline
        if wire.is_closing():
            return Phase.CLOSING, 0
        if self._paused:
            return Phase.SENDING, wire.get_write_buffer_size()
        if self._body is not None and not self._body.is_eof():
            return Phase.BODY, self._body.total_bytes
        if self._waiter is None or self._messages:
            return Phase.WORKING, 0
        if self._head_bytes:
            return Phase.HEAD, 0
        if not self._request_count:
            return Phase.SILENT, 0
        return (Phase.KEPT if self.proven else Phase.IDLE), 0

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks, aiohttp never says
        """Tell whether the connection stays for what was asked before the client closed its side.

        Under TLS there is no half of a connection: asyncio closes it, and would log a warning.
        """
        bodies = [] if self._body is None else [self._body]
        bodies += [body for _, body in self._messages]
        if not (bodies or self._request_in_progress) or self.ssl_context is not None:
            return False
        for body in bodies:
            if not body.is_eof():
                body.set_exception(ConnectionResetError("the client stopped in the middle of its request"))
                body.feed_eof()  # nobody waits for the rest
        self._ended = True
        self._close_behind_last()
        return True

    def _close_behind_last(self) -> None:
        # What was read ahead of a full queue is parsed later, and comes here again.
        if not self._messages and not self._buffer_paused:
            self.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the last answer on a connection, without a traceback in the log for what the client did."""
        if isinstance(exc, ConnectionError):
            status = 400
            log.debug("A client left in the middle of its request: %s", exc)
        elif status < 500:
            log.debug("Malformed request: %s", message)
        else:
            log.error("Request failed in the transport", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        error = not_http() if status < 500 else ServiceError(INTERNAL_SERVER_ERROR, "Internal server error")
        answer = error_response(error, request_id())
        answer.status = status
        response = to_aiohttp(answer, keep_alive=False)
        response.force_close()
        return response


def _length(headers: Mapping[str, str]) -> int:
    """Return the length that a body announces, 0 for none; the parser has seen that it is a number."""
    return int(headers.get("Content-Length", "0"))
