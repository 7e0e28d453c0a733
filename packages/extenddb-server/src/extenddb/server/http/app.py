"""The transport: aiohttp's low-level server.

`web.Server` without router and middlewares costs half of `web.Application`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from extenddb.core.errors import ServiceError
from extenddb.server.http.acceptor import Acceptor
from extenddb.server.http.budget import Budget
from extenddb.server.http.connection import HEAD_LIMIT, Connection, to_aiohttp
from extenddb.server.http.crowd import Crowd
from extenddb.server.http.limits import Limits
from extenddb.server.http.message import Response, error_response, request_id
from extenddb.server.http.metrics import Labelled, Metrics
from extenddb.server.http.service import Service

_BUFFER = 64 * 1024
"""Bytes of a body that wait in memory to be read, before the client has to."""
_MOST_FIELDS = 128
_LOOKS = 10
"""How often a connection is looked at within the shortest of its deadlines."""


class HttpServer(web.Server):
    """Binds a service to sockets."""

    def __init__(self, service: Service, limits: Limits | None = None, metrics: Metrics | None = None) -> None:
        super().__init__(
            self._respond,
            request_factory=self._request,
            access_log=None,
            auto_decompress=False,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            max_headers=_MOST_FIELDS,
            read_bufsize=_BUFFER,
        )
        self._service = service
        self._acceptors: list[Acceptor] = []
        self._draining = False
        self._watching: asyncio.Task[None] | None = None
        self._metrics = metrics or Metrics()
        self.limits = limits or Limits()
        self.crowd = Crowd(self.limits.connections, self.limits.open_places)
        """All connections."""
        self.budget = Budget(self.limits.body_bytes)
        """Memory for large bodies."""
        self.in_flight = 0
        """Requests being answered now."""
        self._metrics.gauges |= {"connections": self._count_connections, "body_bytes": self._count_bytes}

    def connection(self, peer: str) -> Connection:
        """Return the protocol of a new connection, which has a place from now on."""
        connection = Connection(self, peer, loop=self._loop, **self._kwargs)
        self.crowd.add(connection)
        return connection

    def _count_connections(self) -> Labelled:
        unproven = self.crowd.unproven
        return {"authenticated": len(self.crowd) - unproven, "none": unproven}

    def _count_bytes(self) -> Labelled:
        return {"": self.budget.taken}

    def refused(self, reason: str) -> None:
        """Count a connection that had to go."""
        self._metrics.count("connections_refused", reason)

    def refused_request(self, reason: str) -> None:
        """Count a request that was refused for what it would have cost."""
        self._metrics.count("requests_refused", reason)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        cast("Connection", protocol).asked(payload)
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast("Connection", request.protocol)
        self.in_flight += 1
        try:
            response = await self._service.handle(connection.request(request._message, request._payload))
        except ServiceError as error:
            response = _refusal(error)
        finally:
            self.in_flight -= 1
            stays = connection.answered() and not self._draining
        answer = to_aiohttp(response, keep_alive=request.keep_alive and stays)
        if not stays:
            answer.force_close()
        return answer

    async def listen(self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Answer on bound sockets from now on."""
        self._acceptors += [Acceptor(self, each, tls) for each in sockets]
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Look at all connections from time to time, and end those whose clients do not get on."""
        longest = self.limits.deadlines.longest()
        pause = min(longest.values()) / _LOOKS
        while True:
            await asyncio.sleep(pause)
            self.crowd.grow()
            for member in self.crowd:
                phase = cast("Connection", member).overdue(pause, longest)
                if phase is not None:
                    self._metrics.count("deadlines", phase.value)
                    member.leave()

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let requests in flight end for at most some seconds, then close all connections."""
        self._draining = True
        for acceptor in self._acceptors:
            acceptor.close()
        self._acceptors.clear()
        if self._watching is not None:
            self._watching.cancel()
        self.pre_shutdown()
        await self.shutdown(seconds)


def _refusal(error: ServiceError) -> Response:
    return error_response(error, request_id())
