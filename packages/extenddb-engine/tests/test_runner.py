"""Background work: what fails keeps nothing else from being done, and whoever stops gives its leases back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from extenddb.engine import Engine, EngineSettings
from extenddb.engine.context import Context
from extenddb.engine.jobs.runner import KIND, Chore, Jobs, State, start_job
from extenddb.storage.errors import Unavailable
from extenddb.storage.registry import load_backend


async def engine_over_memory(stack: contextlib.AsyncExitStack, settings: EngineSettings | None = None) -> Engine:
    """An engine on a fresh store, both closed with the stack."""
    plugin = load_backend("memory")
    backend = await plugin.open(await stack.enter_async_context(plugin.provision({})))
    stack.push_async_callback(backend.close)
    engine = Engine(backend, settings)
    stack.push_async_callback(engine.close)
    return engine


def test_work_that_fails_keeps_nothing_else_from_being_done() -> None:
    done: list[str] = []

    async def defect(_context: Context, _state: Any = None) -> None:
        done.append("defect")
        raise RuntimeError("a defect")

    async def outage(_context: Context, _state: Any = None) -> None:
        done.append("outage")
        raise Unavailable("the store is away")

    async def chore(_context: Context) -> None:
        done.append("chore")

    async def job(_context: Context, state: State) -> State | None:
        done.append(state["Name"])
        return None

    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = (await engine_over_memory(stack)).context
            chores = tuple(Chore(name=each.__name__, seconds=lambda _: 0, run=each) for each in (defect, outage, chore))
            jobs = Jobs(context, {"defect": defect, "outage": outage, "job": job}, chores)
            for kind in ("defect", "outage", "job"):
                await start_job(context, kind, {"Name": "job"})
            assert not await jobs.tick()
            assert done == ["defect", "outage", "chore", "defect", "outage", "job"]
            done.clear()
            await jobs.tick()
            assert done == ["outage", "chore", "outage"]  # defects have a pause, the job is done

    asyncio.run(scenario())


def test_whoever_stops_gives_its_leases_back() -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = (await engine_over_memory(stack)).context
            worked: asyncio.Queue[int] = asyncio.Queue()

            async def step(_context: Context, state: State) -> State:
                worked.put_nowait(state["Number"])
                return {"Number": state["Number"] + 1}

            await start_job(context, "count", {"Number": 0})
            first = asyncio.create_task(Jobs(context, {"count": step}, ()).run())
            assert await asyncio.wait_for(worked.get(), 5) == 0
            assert not await Jobs(context, {"count": step}, ()).tick()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert await Jobs(context, {"count": step}, ()).tick()

    asyncio.run(scenario())


def test_a_step_keeps_its_lease_however_long_it_takes() -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = (await engine_over_memory(stack, EngineSettings(lease_seconds=0.2))).context
            begun: list[str] = []

            async def slow(_context: Context, state: State) -> State | None:
                begun.append(state["Name"])
                await asyncio.sleep(0.7)
                return None

            await start_job(context, "slow", {"Name": "job"})
            working = asyncio.create_task(Jobs(context, {"slow": slow}, ()).tick())
            await asyncio.sleep(0.5)
            assert not await Jobs(context, {"slow": slow}, ()).tick()
            await working
            assert begun == ["job"]

    asyncio.run(scenario())


def test_the_work_of_a_process_that_is_gone_goes_on_when_its_lease_has_run_out() -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = (await engine_over_memory(stack, EngineSettings(lease_seconds=0.2))).context
            done: list[int] = []

            async def step(_context: Context, state: State) -> State | None:
                done.append(state["Number"])
                return {"Number": state["Number"] + 1} if state["Number"] < 2 else None

            await start_job(context, "count", {"Number": 0})
            assert await Jobs(context, {"count": step}, ()).tick()  # it has the lease, and is never heard of again
            other = Jobs(context, {"count": step}, ())
            assert not await other.tick()
            await asyncio.sleep(0.25)
            assert await other.tick()
            assert not await other.tick()
            assert done == [0, 1, 2]


def test_of_a_group_a_process_has_one_job_under_way() -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = (await engine_over_memory(stack)).context
            done: list[str] = []

            async def step(_context: Context, state: State) -> State | None:
                done.append(state["Name"])
                return {**state, "Left": state["Left"] - 1} if state["Left"] else None

            for name, left in (("a", 1), ("b", 2), ("c", 0)):
                await start_job(context, "count", {"Name": name, "Left": left}, group="all")
            await start_job(context, "count", {"Name": "other", "Left": 0})
            first, second = (Jobs(context, {"count": step}, ()) for _ in range(2))
            assert await first.tick()
            assert done == ["a", "other"]
            assert await second.tick()
            assert done[2:] == ["b"]
            assert await first.tick()
            assert done[3:] == ["a", "c"]  # the next of the group as soon as one is done
            assert not await first.tick()  # the rest is under way elsewhere
            while await second.tick():
                pass
            assert done[5:] == ["b", "b"]

    asyncio.run(scenario())


def test_a_job_that_others_ended_does_not_keep_its_group() -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            context = (await engine_over_memory(stack)).context
            done: list[str] = []

            async def step(_context: Context, state: State) -> State:
                done.append(state["Name"])
                return state

            keys = [await start_job(context, "count", {"Name": name}, group="all") for name in "ab"]
            jobs = Jobs(context, {"count": step}, ())
            assert await jobs.tick()
            await context.backend.documents.delete(KIND, keys[0])
            assert await jobs.tick()
            assert done == ["a", "b"]

    asyncio.run(scenario())
