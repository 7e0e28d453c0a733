"""Taking connections from a listening socket, within the places there are.

The event loop's own acceptor takes whatever comes, and closes at random or spins when descriptors run out. This one
knows who is there before a TLS handshake is paid for, and can let a connection go in the middle of one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING

from extenddb.server.http.connection import Connection

if TYPE_CHECKING:
    from extenddb.server.http.app import HttpServer

log = logging.getLogger("extenddb.server")

_BACKLOG = 1024
_AT_ONCE = 16
"""Connections taken before requests are looked at again, and before descriptors of those displaced are free."""
_PAUSE_SECONDS = 0.1
"""Rest after descriptors ran out: the socket stays readable, and would be tried without end."""


class Acceptor:
    """One listening socket."""

    def __init__(self, server: HttpServer, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._listener = listener
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.listen(_BACKLOG)
        self._resume()

    def close(self) -> None:
        """Take no more connections; those in a handshake end."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for task in self._arriving:
            task.cancel()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            self._take(accepted, peer[0] if isinstance(peer, tuple) else "")

    def _rest(self, error: OSError) -> None:
        log.warning("No more connections can be accepted now: %s", error.strerror)
        self._server.refused("descriptors")
        self._server.crowd.shrink(_AT_ONCE)
        self._loop.remove_reader(self._listener.fileno())
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _take(self, accepted: socket.socket, peer: str) -> None:
        crowd = self._server.crowd
        if crowd.full:
            made = crowd.make_room()
            self._server.refused("displaced" if made else "full")
            if not made:
                accepted.close()
                return
        accepted.setblocking(False)
        connection = self._server.connection(peer)
        task = self._loop.create_task(self._arrive(connection, accepted))
        connection.arriving = task
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _arrive(self, connection: Connection, accepted: socket.socket) -> None:
        """Make a transport; under TLS that is a handshake."""
        stall = self._server.limits.deadlines.stall
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, ssl_handshake_timeout=stall if self._tls else None
            )
        except (OSError, asyncio.CancelledError, TimeoutError):
            accepted.close()
        finally:
            connection.arriving = None
            if connection.wire is None:
                self._server.crowd.remove(connection)
