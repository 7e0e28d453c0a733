"""Waiting for a socket: wakes for every arrival, and never spins when nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from extenddb.storage_postgres.readiness import Readiness

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


def watched(loop: asyncio.AbstractEventLoop, each: socket.socket) -> bool:
    """Tell whether the loop watches a socket for reading, and stop that."""
    return loop.remove_reader(each)


def until_blocked(step: Callable[[], object]) -> None:
    """Repeat a step on a socket as long as it does not have to wait."""
    with contextlib.suppress(BlockingIOError):
        while step():
            pass


async def arrives(readiness: Readiness, near: socket.socket, far: socket.socket, data: bytes) -> bytes:
    waiting = asyncio.create_task(readiness.readable())
    await asyncio.sleep(0)
    assert not waiting.done()
    far.send(data)
    async with asyncio.timeout(5):
        await waiting
    return near.recv(100)


def test_one_watch_serves_many_waits(pair: Pair) -> None:
    near, far = pair

    async def run() -> None:
        readiness = Readiness(near.fileno())
        for data in (b"a", b"b", b"c"):
            assert await arrives(readiness, near, far, data) == data
        assert watched(asyncio.get_running_loop(), near)

    asyncio.run(run())


def test_what_nobody_waits_for_ends_the_watch_and_is_found_later(pair: Pair) -> None:
    near, far = pair

    async def run() -> None:
        loop = asyncio.get_running_loop()
        readiness = Readiness(near.fileno())
        assert await arrives(readiness, near, far, b"a") == b"a"
        far.send(b"unasked")
        await asyncio.sleep(0.05)
        assert not watched(loop, near)
        async with asyncio.timeout(5):
            await readiness.readable()
        assert near.recv(100) == b"unasked"

    asyncio.run(run())


def test_a_wait_that_is_given_up_leaves_a_wait_possible(pair: Pair) -> None:
    near, far = pair

    async def run() -> None:
        readiness = Readiness(near.fileno())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await readiness.readable()
        assert await arrives(readiness, near, far, b"a") == b"a"
        readiness.release()
        readiness.release()
        assert not watched(asyncio.get_running_loop(), near)
        assert await arrives(readiness, near, far, b"b") == b"b"

    asyncio.run(run())


def test_room_to_write_is_waited_for(pair: Pair) -> None:
    near, far = pair

    async def run() -> None:
        readiness = Readiness(near.fileno())
        until_blocked(lambda: near.send(b"x" * 65536))
        waiting = asyncio.create_task(readiness.writable())
        await asyncio.sleep(0.02)
        assert not waiting.done()
        far.setblocking(False)
        until_blocked(lambda: far.recv(65536))
        async with asyncio.timeout(5):
            await waiting
        assert not asyncio.get_running_loop().remove_writer(near)

    asyncio.run(run())


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_the_end_is_met_behind_what_was_read_before_it(pair: Pair, library: str) -> None:
    """The other side breaks off: its last words are read, and then its end, with a wait before each."""
    near, far = pair
    factory = pytest.importorskip(library).new_event_loop

    async def run() -> None:
        readiness = Readiness(near.fileno())
        far.send(b"last words")
        near.send(b"never read")  # so that the end is an error
        waiting = asyncio.create_task(readiness.readable())
        await asyncio.sleep(0)
        far.close()
        async with asyncio.timeout(5):
            await waiting
            assert near.recv(4) == b"last"
            await readiness.readable()
            assert near.recv(100) == b" words"
            await readiness.readable()
        with pytest.raises(ConnectionResetError):
            near.recv(100)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(run())
