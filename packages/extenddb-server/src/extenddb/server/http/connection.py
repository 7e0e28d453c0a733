"""One connection: aiohttp's protocol, made to answer in JSON whatever happens, and who has closed its sending side.

A client may close its sending side behind its last request and then read (`shutdown(SHUT_WR)`). asyncio hangs up on it
at once unless the protocol asks for the connection to stay; then it is the protocol's to end it.
"""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from extenddb.core.errors import INTERNAL_SERVER_ERROR, SERIALIZATION, ServiceError
from extenddb.server.http.message import Response, error_response, request_id

log = logging.getLogger("extenddb.server")

_SERVER = "Server"


def to_aiohttp(response: Response, *, keep_alive: bool) -> web.Response:
    """Return an answer as aiohttp sends it."""
    headers = response.headers
    headers["Server"] = _SERVER
    if keep_alive:
        headers["Connection"] = "keep-alive"
    return web.Response(status=response.status, headers=headers, body=response.body)


class Connection(RequestHandler):
    """A connection's requests, one after the other."""

    __slots__ = ("_body", "_ended")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._body: StreamReader | None = None
        self._ended = False

    def asked(self, body: StreamReader) -> None:
        """Note that a request begins to be answered, its body arriving or there already."""
        self._body = body
        if self._ended:
            self._close_behind_last()

    def answered(self) -> None:
        """Note that the answer is made; it is still to be sent."""
        self._body = None

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
        if status < 500:
            error = ServiceError(SERIALIZATION, "The request is not valid HTTP.")
        else:
            error = ServiceError(INTERNAL_SERVER_ERROR, "Internal server error")
        answer = error_response(error, request_id())
        answer.status = status
        response = to_aiohttp(answer, keep_alive=False)
        response.force_close()
        return response
