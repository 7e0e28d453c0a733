"""One scenario at its levels: requests made and signed, warmed up, timed, CPU read at both ends of the window."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from benchmarks.harness import vectors
from benchmarks.harness.client import ClosedLoop, OpenLoop, Tally
from benchmarks.harness.control import send
from benchmarks.harness.cpu import Usage, usage
from benchmarks.harness.scenarios import BY_NAME, Scenario
from benchmarks.harness.sign import Signer
from benchmarks.harness.target import Target

_UNKNOWN = "UnknownOperationException"
_BACKGROUND_CLIENTS = 2
_WARM_SHARE = 10
"""A scenario whose requests can be sent once spends at most one tenth of them on warming up."""
_PERCENTILES = (50, 90, 99, 99.9)


@dataclass(frozen=True, kw_only=True)
class Level:
    """How hard the server is driven."""

    clients: int
    rate: float = 0.0
    """Requests each second of an open loop; 0 is a closed loop."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """How long, and with what."""

    warmup: float
    seconds: float
    items: int
    pool: int


async def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Drive one scenario; `absent` when the server does not know its operation, `failed` when it refuses."""
    target, scenario, window = Target(**job["target"]), BY_NAME[job["scenario"]], Window(**job["window"])
    levels = [Level(**level) for level in job["levels"]]
    signer = Signer(target)
    size = min(scenario.pool, window.pool)
    trial = send(target, _request(signer, scenario, window, size))
    if trial.error:
        state = "absent" if trial.error == _UNKNOWN else "failed"
        return {"status": state, "error": trial.error, "levels": []}
    found = {} if scenario.neighbours is None else {"recall": _recall(target, signer, scenario, window)}
    share = max(1, size // len(levels)) if scenario.once else size
    results = []
    for place, level in enumerate(levels):
        first = place * share if scenario.once else 0
        pool = [_request(signer, scenario, window, number) for number in range(first, first + share)]
        background = _background(signer, scenario, window)
        results.append(await _level(target, scenario, level, window, pool, background))
    return {"status": "measured", "levels": results} | found


def _recall(target: Target, signer: Signer, scenario: Scenario, window: Window) -> float:
    def ask(number: int) -> dict[str, Any]:
        return send(target, _request(signer, scenario, window, number)).body

    return vectors.recall(window.items, scenario.neighbours or "", ask)


async def measure_raw(job: dict[str, Any]) -> dict[str, Any]:
    """Drive an endpoint that answers anything alike: the floor of HTTP. It gets real, signed requests."""
    target, window = Target(**job["target"]), Window(**job["window"])
    scenario = BY_NAME[job["scenario"]]
    signer = Signer(target)
    pool = [_request(signer, scenario, window, number) for number in range(min(window.pool, 1000))]
    levels = [Level(**level) for level in job["levels"]]
    return {"status": "measured", "levels": [await _level(target, scenario, each, window, pool, ()) for each in levels]}


def _request(signer: Signer, scenario: Scenario, window: Window, number: int) -> bytes:
    return signer.request(scenario.operation, orjson.dumps(scenario.body(number, window.items)))


def _background(signer: Signer, scenario: Scenario, window: Window) -> Sequence[bytes]:
    if not scenario.background:
        return ()
    other = BY_NAME[scenario.background]
    return [_request(signer, other, window, number) for number in range(min(other.pool, window.pool))]


async def _level(
    target: Target,
    scenario: Scenario,
    level: Level,
    window: Window,
    pool: Sequence[bytes],
    background: Sequence[bytes],
) -> dict[str, Any]:
    tally = Tally()
    requests: Iterator[bytes] = iter(pool) if scenario.once else itertools.cycle(pool)
    load = OpenLoop(target, requests, tally, level.rate) if level.rate else ClosedLoop(target, requests, tally)
    load.mark = max(1, len(pool) // _WARM_SHARE) if scenario.once else 0
    async with _noise(target, background):
        await load.open(level.clients)
        await _first(window.warmup, load.marked, load.exhausted)
        before = usage(target.pid)
        tally.open = True
        await _first(window.seconds, load.exhausted)
        tally.open = False
        spent = usage(target.pid).since(before)
        await load.finish()
    return {"clients": level.clients, "rate": level.rate} | _figures(
        tally, spent, shared=bool(background), target=target
    )


@contextlib.asynccontextmanager
async def _noise(target: Target, pool: Sequence[bytes]) -> Any:
    if not pool:
        yield
        return
    load = ClosedLoop(target, itertools.cycle(pool), Tally())
    await load.open(_BACKGROUND_CLIENTS)
    try:
        yield
    finally:
        await load.finish()


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Return when an event is set, or after some seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


def _figures(tally: Tally, spent: Usage, *, shared: bool, target: Target) -> dict[str, Any]:
    """Return what the result keeps of a level. CPU that is unknown, or shared with other requests, is None."""
    good = len(tally.latencies)
    answered = good + sum(tally.errors.values())
    seen = answered and target.pid and not shared
    return {
        "seconds": round(spent.clock, 3),
        "requests": good,
        "errors": dict(tally.errors),
        "ops": round(good / spent.clock, 1),
        "ms": percentiles(sorted(tally.latencies)),
        "mb_per_s": round(tally.bytes / spent.clock / 1e6, 2),
        "server_us": round(spent.server / answered * 1e6, 1) if seen else None,
        "database_us": round(spent.database / answered * 1e6, 1) if seen and spent.database else None,
        "client_us": round(spent.client / answered * 1e6, 1) if answered else None,
        "client_share": round(spent.client / spent.clock, 2),
    }


def percentiles(ordered: Sequence[float]) -> dict[str, float]:
    """Return percentiles in milliseconds of sorted seconds, by nearest rank; empty for no values."""
    if not ordered:
        return {}
    ranks = {f"p{each:g}": min(len(ordered) - 1, int(len(ordered) * each / 100)) for each in _PERCENTILES}
    found = {name: round(ordered[rank] * 1000, 3) for name, rank in ranks.items()}
    return found | {"max": round(ordered[-1] * 1000, 3)}
