"""When a connection's socket can be read or written.

To tell the event loop of a socket and to take it back costs two system calls and an object of the loop, several times
in every round trip. So the loop keeps watching for reading as long as only this class waits for the socket. It stops
when something stays unread that nobody waits for, which would otherwise wake the loop for ever; once is not enough,
because the loop may look at the socket again before the woken task has read.

A socket with an error is told anew each time: libuv, under uvloop, stops watching one when it has told of the error, so
that who had not read to the end yet would wait for it for ever.
"""

from __future__ import annotations

import asyncio
import select


class Readiness:
    """One socket; one task waits at a time."""

    __slots__ = ("_errors", "_loop", "_socket", "_stray", "_waiter")

    def __init__(self, socket: int) -> None:
        """Take a descriptor; nothing is watched yet."""
        self._socket = socket
        self._errors = select.poll()
        self._errors.register(socket, 0)  # errors and the other side's end are told without being asked for
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._stray = False

    async def readable(self) -> None:
        """Return when there is something to read."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
            loop.add_reader(self._socket, self._wake)
        self._stray = False
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def writable(self) -> None:
        """Return when there is room to write, or something to read, which may be why there is none."""
        loop = asyncio.get_running_loop()
        loop.add_writer(self._socket, self._wake)
        try:
            await self.readable()
        finally:
            loop.remove_writer(self._socket)

    def release(self) -> None:
        """Watch no more: before somebody else waits for the socket, and before it is closed."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop = None

    def _wake(self) -> None:
        if self._errors.poll(0):
            self.release()
        if self._waiter is None:
            if self._stray:
                self.release()
            self._stray = True
        elif not self._waiter.done():
            self._waiter.set_result(None)
