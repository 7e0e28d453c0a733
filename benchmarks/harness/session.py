"""One run: floors, servers and peers, one after the other on the same machine, into one result."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import jobs, pgbench
from benchmarks.harness.control import call, wait_active
from benchmarks.harness.data import Table
from benchmarks.harness.machine import facts
from benchmarks.harness.measure import Level, Window
from benchmarks.harness.scenarios import BY_NAME, Scenario
from benchmarks.harness.server import Options, Running, running
from benchmarks.harness.target import Target

FORMAT = 1
"""Version of the result's form."""
MAIN_TARGET = "server"
"""Name of the server as it is asked for; variants and peers have names of their own."""
VARIANTS: dict[str, Callable[[Options], Options]] = {
    "gather-off": lambda options: dataclasses.replace(options, gather=False),
    "workers-2": lambda options: dataclasses.replace(options, workers=2),
    "tls": lambda options: dataclasses.replace(options, tls=True),
}
"""Servers that differ from the main one in one thing."""
Say = Callable[[str], None]
_DELETE_SECONDS = 60.0
_PAUSE = 0.05


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a run is asked for."""

    scenarios: tuple[Scenario, ...]
    levels: tuple[Level, ...]
    window: Window
    options: Options
    server: bool = True
    variants: tuple[str, ...] = ()
    peers: tuple[Target, ...] = field(default=())
    floors: bool = True
    starts: int = 3
    command: str = ""


def run(request: Request, say: Say) -> dict[str, Any]:
    """Measure everything. Raises ServerError, JobError, OSError, TimeoutError."""
    result: dict[str, Any] = {
        "format": FORMAT,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": request.command,
        "machine": facts(),
        "settings": _settings(request),
        "floors": {},
        "targets": [],
    }
    if request.floors:
        say("floor of HTTP")
        result["floors"]["http"] = _http_floor(request)
    result["targets"] = _targets(request, result["floors"], say)
    if request.server and request.starts:
        say("starts")
        result["starts"] = _starts(request)
    return result


def _settings(request: Request) -> dict[str, Any]:
    """Return the settings of the run, and those of the main server if there is one."""
    found: dict[str, Any] = dataclasses.asdict(request.window)
    if request.server:
        kept = dataclasses.asdict(request.options)
        found["server"] = {name: kept[name] for name in ("backend", "workers", "gather", "tls")}
        found["server"] |= {"auth": "sigv4", "durable": request.options.backend == "postgres"}
    return found


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def _http_floor(request: Request) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.harness.http_floor"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=jobs.ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        target = Target(
            name="http-floor",
            endpoint=f"http://127.0.0.1:{port}",
            access_key_id="floor",
            secret_access_key="floor",
            pid=process.pid,
        )
        closed = [level for level in request.levels if not level.rate] or list(request.levels)
        return jobs.run("child", _job("raw", target, request) | {"scenario": "get", "levels": _plain(closed)})
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _job(kind: str, target: Target, request: Request) -> dict[str, Any]:
    return {"kind": kind, "target": target.to_json(), "window": dataclasses.asdict(request.window)}


def _plain(levels: Sequence[Level]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(level) for level in levels]


def _targets(request: Request, floors: dict[str, Any], say: Say) -> list[dict[str, Any]]:
    """Measure servers and peers side by side: all are up, and each scenario goes round them before the next."""
    options = {MAIN_TARGET: request.options} if request.server else {}
    options |= {name: VARIANTS[name](request.options) for name in request.variants if request.server}
    with contextlib.ExitStack() as stack:
        servers: list[Running] = []
        for name, each in options.items():
            say(f"{name}: start")
            servers.append(stack.enter_context(running(each, stack.enter_context(_folder()), name)))
        idle = [server.memory() for server in servers]
        found = _drive(request, [*(server.target for server in servers), *request.peers], say)
        for server, before, line in zip(servers, idle, found, strict=False):
            line["memory"] = {"idle": before, "after": server.memory()}
        if request.floors and servers:
            floors.update(_database_floors(request, servers[0], say))
    return found


def _database_floors(request: Request, server: Running, say: Say) -> dict[str, Any]:
    url = server.database_url()
    if not url:
        return {}
    say("floor of the database")
    window = request.window
    job = {"url": url, "rows": window.items, "seconds": window.seconds, "pid": server.target.pid}
    return {
        "database": jobs.run("db_floor", job),
        "pgbench": pgbench.measure(url, window.items, window.seconds, server.folder),
    }


def _drive(request: Request, targets: Sequence[Target], say: Say) -> list[dict[str, Any]]:
    """Run every scenario against every target, each with its tables made before it."""
    made: dict[tuple[str, str], str] = {}
    found: list[dict[str, Any]] = [
        {"name": target.name, "peer": target in request.peers, "results": []} for target in targets
    ]
    for scenario in request.scenarios:
        for target, line in zip(targets, found, strict=True):
            say(f"{target.name}: {scenario.about}")
            line["results"].append(_scenario(request, target, scenario, made))
    return found


def _scenario(request: Request, target: Target, scenario: Scenario, made: dict[tuple[str, str], str]) -> dict[str, Any]:
    line = {"scenario": scenario.name, "about": scenario.about}
    for table in scenario.tables:
        problem = _prepared(request, target, table, made)
        if problem:
            return line | {"status": "failed", "error": problem, "levels": []}
    job = _job("measure", target, request) | {"scenario": scenario.name, "levels": _plain(request.levels)}
    return line | _tried(job)


def _tried(job: dict[str, Any]) -> dict[str, Any]:
    try:
        return jobs.run("child", job)
    except jobs.JobError as error:
        return {"status": "failed", "error": str(error), "levels": []}


def _prepared(request: Request, target: Target, table: Table, made: dict[tuple[str, str], str]) -> str:
    """Make and fill a table once for each target; return what went wrong, or nothing."""
    key = (target.name, table.name)
    if key not in made:
        made[key] = _make(request, target, table)
    return made[key]


def _make(request: Request, target: Target, table: Table) -> str:
    answer = call(target, "CreateTable", table.definition())
    if answer.error == "ResourceInUseException":
        # Left by an earlier run against the same peer.
        call(target, "DeleteTable", {"TableName": table.name})
        deadline = time.monotonic() + _DELETE_SECONDS
        while answer.error == "ResourceInUseException" and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            answer = call(target, "CreateTable", table.definition())
    return answer.error or _filled(request, target, table)


def _filled(request: Request, target: Target, table: Table) -> str:
    wait_active(target, table.name)
    if table.content == "none":
        return ""
    window = request.window
    job = _job("load", target, request) | {"table": table.name, "items": window.items, "pool": window.pool}
    try:
        jobs.run("child", job)
    except jobs.JobError as error:
        return str(error)
    return ""


def _starts(request: Request) -> dict[str, Any]:
    """Time first starts, each in a new folder, and later ones in the same."""
    first: list[float] = []
    later: list[float] = []
    for _ in range(request.starts):
        with _folder() as folder:
            for seconds in (first, later):
                with running(request.options, folder, MAIN_TARGET) as server:
                    seconds.append(round(server.seconds, 3))
    return {
        "first_s": {"median": statistics.median(first), "all": first},
        "later_s": {"median": statistics.median(later), "all": later},
    }


def scenarios(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Return scenarios by name, in the table's order; all for no names. Raises KeyError."""
    for name in names:
        _ = BY_NAME[name]
    return tuple(scenario for scenario in BY_NAME.values() if not names or scenario.name in names)
