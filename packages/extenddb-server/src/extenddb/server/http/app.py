"""The transport: aiohttp's low-level server.

`web.Server` without router and middlewares costs half of `web.Application`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from extenddb.server.http.compression import BODY_LIMIT, too_large
from extenddb.server.http.connection import Connection, to_aiohttp
from extenddb.server.http.message import Headers, Request, Response, error_response, request_id
from extenddb.server.http.service import Service

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BACKLOG = 1024
_LINE_LIMIT = 16 * 1024
"""Longest request line and header field: presigned requests carry long tokens."""
_KEEP_ALIVE_SECONDS = 3630.0
"""Idle connections stay longer than any client's pool keeps them."""


class HttpServer(web.Server):
    """Binds a service to sockets."""

    def __init__(self, service: Service) -> None:
        super().__init__(
            self._respond,
            request_factory=self._request,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
        )
        self._service = service
        self._listeners: list[asyncio.Server] = []
        self._draining = False
        self.in_flight = 0
        """Requests being answered now."""

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        cast("Connection", protocol).asked(payload)
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop, client_max_size=BODY_LIMIT)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        self.in_flight += 1
        try:
            response = await self._answer(request)
        finally:
            self.in_flight -= 1
            cast("Connection", request.protocol).answered()
        answer = to_aiohttp(response, keep_alive=request.keep_alive and not self._draining)
        if self._draining:
            answer.force_close()
        return answer

    async def _answer(self, request: web.BaseRequest) -> Response:
        message = request._message
        headers = message.headers
        try:
            body = await self._read(request) if request.body_exists else b""
        except web.HTTPRequestEntityTooLarge:
            return error_response(too_large(), request_id())
        protocol = request.protocol
        peer = protocol.peername
        return await self._service.handle(
            Request(
                method=message.method,
                target=message.path,
                headers=cast("Headers", headers),
                body=body,
                peer=peer[0] if peer and not isinstance(peer, str) else "",
            )
        )

    @staticmethod
    async def _read(request: web.BaseRequest) -> bytes:
        """Return the body; one that is announced as too large is neither invited nor read."""
        length = request.content_length
        if length is not None and length > BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(max_size=BODY_LIMIT, actual_size=length)
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(_CONTINUE)
            cast("Any", request.writer).output_size = 0
        return await request.read()

    async def listen(self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Answer on bound sockets from now on."""
        loop = asyncio.get_running_loop()
        for each in sockets:
            listener = await loop.create_server(self, sock=each, ssl=tls, backlog=_BACKLOG)
            self._listeners.append(listener)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let requests in flight end for at most some seconds, then close all connections."""
        self._draining = True
        for listener in self._listeners:
            listener.close()
        self.pre_shutdown()
        await self.shutdown(seconds)
