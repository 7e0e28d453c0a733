"""The adapter for synchronous backends: threads are bounded, and cancellation keeps the contract."""

from __future__ import annotations

import asyncio
import inspect
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from extenddb.storage import spi, sync
from extenddb.storage.errors import Unavailable
from extenddb.storage.sync import SyncBackend, adapt

PORTS = ["Catalog", "Items", "Streams", "Documents", "Leases"]
BOUND = 20.0


class Slow:
    """A store whose reads wait until the test lets them go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.running = 0
        self.most = 0
        self.ended = 0
        self.closed = False
        self._lock = threading.Lock()
        self.capabilities = None
        self.catalog = self.streams = self.documents = self.leases = _Anything()
        self.items = _Anything(get=self.get)

    def get(self, reads: object) -> list[None]:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.go.wait(BOUND)
        with self._lock:
            self.running -= 1
            self.ended += 1
        return []

    def ping(self) -> None:
        raise Unavailable("away")

    def close(self) -> None:
        self.closed = True


class _Anything(SimpleNamespace):
    def __getattr__(self, name: str) -> Any:
        return None


def adapted(slow: Slow, threads: int) -> spi.Backend:
    return adapt(cast("SyncBackend", slow), threads=threads)


@pytest.mark.parametrize("port", PORTS)
def test_the_synchronous_protocols_mirror_the_contract(port: str) -> None:
    asynchronous, plain = getattr(spi, port), getattr(sync, f"Sync{port}")
    names = [name for name, member in vars(asynchronous).items() if inspect.iscoroutinefunction(member)]
    assert names == [name for name, member in vars(plain).items() if inspect.isfunction(member) and name[0] != "_"]
    for name in names:
        ours = inspect.signature(getattr(asynchronous, name), eval_str=False)
        theirs = inspect.signature(getattr(plain, name), eval_str=False)
        assert [str(p) for p in ours.parameters.values()] == [str(p) for p in theirs.parameters.values()], name


def test_calls_run_in_a_bounded_number_of_threads() -> None:
    async def main() -> None:
        slow = Slow()
        backend = adapted(slow, 3)
        calls = [asyncio.create_task(backend.items.get([])) for _ in range(10)]
        for _ in range(3):
            assert await asyncio.to_thread(slow.begun.acquire, timeout=BOUND)
        slow.go.set()
        assert await asyncio.gather(*calls) == [[]] * 10
        assert slow.most == 3
        await backend.close()
        assert slow.closed

    asyncio.run(main())


def test_a_call_that_has_not_begun_is_cancelled_for_good() -> None:
    async def main() -> None:
        slow = Slow()
        backend = adapted(slow, 1)
        first = asyncio.create_task(backend.items.get([]))
        assert await asyncio.to_thread(slow.begun.acquire, timeout=BOUND)
        second = asyncio.create_task(backend.items.get([]))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(second, BOUND)
        slow.go.set()
        await first
        await backend.close()
        assert slow.ended == 1

    asyncio.run(main())


def test_a_call_that_has_begun_ends_before_its_cancellation_is_told() -> None:
    async def main() -> None:
        slow = Slow()
        backend = adapted(slow, 1)
        call = asyncio.create_task(backend.items.get([]))
        assert await asyncio.to_thread(slow.begun.acquire, timeout=BOUND)
        for _ in range(3):
            call.cancel()
            await asyncio.sleep(0)
            assert not call.done()
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, BOUND)
        assert slow.ended == 1
        await backend.close()

    asyncio.run(main())


def test_errors_pass_and_a_closed_store_says_so() -> None:
    async def main() -> None:
        backend = adapted(Slow(), 1)
        with pytest.raises(Unavailable, match="away"):
            await backend.ping()
        await backend.close()
        with pytest.raises(Unavailable, match="closed"):
            await backend.items.get([])

    asyncio.run(main())
