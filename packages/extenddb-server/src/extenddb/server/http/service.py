"""Which handler answers which request: the protocol, health, readiness, metrics, and what is mounted beside them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from extenddb.core.errors import ACCESS_DENIED, SERVICE_UNAVAILABLE, UNKNOWN_OPERATION, ServiceError
from extenddb.server.http.cors import Cors
from extenddb.server.http.dynamodb import DynamoDb
from extenddb.server.http.message import (
    Request,
    Response,
    error_response,
    json_response,
    request_id,
    signed_headers,
)
from extenddb.server.http.metrics import Metrics

log = logging.getLogger("extenddb.server")

Handler = Callable[[Request], Awaitable[Response]]
"""Answers one request."""
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Service:
    """The whole of what one port answers, without a transport."""

    def __init__(
        self,
        dynamodb: DynamoDb,
        *,
        ping: Callable[[], Awaitable[None]],
        metrics: Metrics,
        region: str,
        cors: Cors,
        metrics_open: bool = False,
        mounts: Mapping[str, Handler] | None = None,
    ) -> None:
        self._dynamodb = dynamodb
        self._ping = ping
        self._metrics = metrics
        self._metrics_open = metrics_open
        self._healthy = f"healthy: dynamodb.{region}.amazonaws.com ".encode()
        self._cors = cors
        self._mounts = dict(mounts or {})
        self._pages: Mapping[str, Handler] = {
            "/": self._greet,
            "/health": self._health,
            "/ready": self._ready,
            "/metrics": self._show_metrics,
        }

    async def handle(self, request: Request) -> Response:
        """Answer a request. A path in front of the protocol is tolerated, as SDKs keep the one of their endpoint."""
        if self._mounts:
            mounted = self._mounts.get(request.path.split("/", 2)[1] if "/" in request.path else "")
            if mounted is not None:
                return await mounted(request)
        if request.method == "POST":
            response = await self._post(request)
        elif request.method in {"GET", "HEAD"}:
            response = await self._get(request)
        elif request.method == "OPTIONS":
            return self._cors.preflight(request)
        else:
            response = error_response(ServiceError(UNKNOWN_OPERATION), request_id(), {"Allow": "GET, POST, OPTIONS"})
            response.status = 405
        if "origin" in request.headers:
            response.headers.update(self._cors.headers(request))
        return response

    async def _post(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "")
        if not kind.startswith(("application/x-amz-json-1.", "application/json")):
            # The service answers XML here; an SDK would stumble over it, so the sense is kept and the form is not.
            response = error_response(ServiceError(UNKNOWN_OPERATION), request_id())
            response.status = 404
            return response
        return await self._dynamodb.handle(request)

    async def _get(self, request: Request) -> Response:
        page = self._pages.get(request.path)
        if page is not None:
            return await page(request)
        response = error_response(ServiceError(UNKNOWN_OPERATION), request_id())
        response.status = 404
        return response

    async def _greet(self, request: Request) -> Response:
        return Response(headers=signed_headers(self._healthy, request_id()), body=self._healthy)

    async def _health(self, request: Request) -> Response:
        return json_response({"status": "healthy"}, request_id())

    async def _ready(self, request: Request) -> Response:
        try:
            await self._ping()
        except Exception as error:
            log.warning("The store does not answer: %s", error)
            unready = ServiceError(SERVICE_UNAVAILABLE, "The store does not answer.", status="unready")
            return error_response(unready, request_id())
        return json_response({"status": "ready"}, request_id())

    async def _show_metrics(self, request: Request) -> Response:
        if not self._metrics_open and request.peer and not request.peer.startswith(_LOOPBACK):
            denied = ServiceError(ACCESS_DENIED, "Metrics are shown on this host only (--metrics-open).")
            response = error_response(denied, request_id())
            response.status = 403
            return response
        return Response(headers={"Content-Type": _PROMETHEUS}, body=self._metrics.text())
