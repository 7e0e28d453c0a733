"""The command line: run, bulk, table, compare, plot, list."""

from __future__ import annotations

import argparse
import datetime
import shlex
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from benchmarks.harness import bulk, compare, plot, session, table
from benchmarks.harness.bulk_data import KINDS
from benchmarks.harness.jobs import ROOT, JobError
from benchmarks.harness.measure import Level, Window
from benchmarks.harness.scenarios import BY_NAME, SCENARIOS
from benchmarks.harness.server import Options, ServerError
from benchmarks.harness.target import Target

_LONGEST = 240.0
"""Seconds a level may take: signatures are made before it and live five minutes."""
_OPEN_CONNECTIONS = 64
_PRIVATE = ("--out", "--peer", "--peer-key", "--peer-secret", "--peer-pid")
"""Options that name places or secrets; the command kept in a result leaves them out."""


def main(given: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    signal.signal(signal.SIGTERM, _ended)
    arguments = sys.argv[1:] if given is None else list(given)
    options = _parser().parse_args(arguments)
    try:
        code: int = options.action(options, arguments)
    except (ServerError, JobError, bulk.BulkError, OSError, ValueError) as error:
        sys.stderr.write(f"benchmarks/run.py: {error}\n")
        return 1
    return code


def _ended(number: int, _: object) -> None:
    """Unwind on SIGTERM, so that servers stop and folders go."""
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Measures a server beside its floors.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="measure, print the table, write JSON and a plot"))
    _add_bulk(commands.add_parser("bulk", help="measure imports, bulk puts and restores beside raw COPY"))
    for name, action, text in (
        ("table", _table, "print the table of a result"),
        ("plot", _plot, "draw a result as SVG beside it"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("result", type=Path)
        command.set_defaults(action=action)
    comparison = commands.add_parser("compare", help="print the ratios of two results, second over first")
    comparison.add_argument("first", type=Path)
    comparison.add_argument("second", type=Path)
    comparison.set_defaults(action=_compare)
    commands.add_parser("list", help="print the names of the scenarios").set_defaults(action=_list)
    return parser


def _add_run(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_run)
    add = command.add_argument
    add("--only", default="", metavar="NAMES", help="scenarios with commas between, or prefixes ending in *")
    add("--seconds", type=float, default=5.0, help="measured time of a level (default 5)")
    add("--warmup", type=float, default=1.0, help="unmeasured time before it (default 1)")
    add("--clients", default="10,64", help="closed loops (default 10,64; empty for none)")
    add("--open-loop", type=float, action="append", default=[], metavar="RATE", help="also RATE requests each second")
    add("--items", type=int, default=100_000, help="items loaded (default 100000)")
    add("--pool", type=int, default=20_000, help="requests made and signed before a level (default 20000)")
    add("--starts", type=int, default=3, help="timed starts, 0 for none (default 3)")
    add("--no-floors", action="store_true", help="leave the floors out")
    add("--out", type=Path, help="JSON file (default benchmarks/results/local-DATE.json)")
    _add_server(command.add_argument_group("the server"))
    _add_peer(command.add_argument_group("other servers"))


def _add_bulk(command: argparse.ArgumentParser) -> None:
    command.set_defaults(action=_bulk)
    add = command.add_argument
    add("--ways", default="import", metavar="NAMES", help=f"with commas between: {', '.join(bulk.WAYS)}")
    add("--kinds", default="plain", metavar="NAMES", help=f"kinds of items, with commas between: {', '.join(KINDS)}")
    add("--workers", default="1,2", metavar="NUMBERS", help="worker processes, with commas between (default 1,2)")
    add("--items", type=int, default=200_000, help="items of the export (default 200000)")
    add("--objects", type=int, default=16, help="objects of the export (default 16)")
    add("--compression", choices=("NONE", "GZIP"), default="GZIP", help="of the objects (default GZIP)")
    add("--rounds", type=int, default=3, help="times each is measured; the median counts (default 3)")
    add("--server-flag", action="append", default=[], metavar="FLAG", help="give the server a further flag")
    add("--out", type=Path, help="JSON file (none by default)")


def _add_server(group: Any) -> None:
    add = group.add_argument
    add("--no-server", action="store_true", help="drive only the peers")
    add("--backend", default="postgres", help="storage backend (default postgres, embedded)")
    add("--workers", type=int, default=1, help="worker processes (default 1)")
    add("--gather", choices=("on", "off"), default="on", help="send concurrent requests in sets (default on)")
    add("--tls", action="store_true", help="encrypt")
    add("--server-flag", action="append", default=[], metavar="FLAG", help="give the server a further flag")
    add("--also", action="append", default=[], choices=sorted(session.VARIANTS), help="the same run on a variant")


def _add_peer(group: Any) -> None:
    add = group.add_argument
    add("--peer", action="append", default=[], metavar="NAME=URL", help="drive this endpoint too; its bench* tables go")
    add("--peer-key", default="peer", help="access key for peers")
    add("--peer-secret", default="peer", help="secret for peers")
    add("--peer-region", default="us-east-1", help="region that requests to peers are signed for")
    add("--peer-pid", type=int, default=0, metavar="PID", help="process tree whose CPU is the peer's (one peer only)")


def _run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    request = _request(options, arguments)
    out = options.out or _default_out()
    out.parent.mkdir(parents=True, exist_ok=True)
    result = session.run(request, lambda line: print(f"  {line}", file=sys.stderr, flush=True))
    out.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    out.with_suffix(".svg").write_text(plot.svg(result), "utf-8")
    _print(table.text(result))
    _print(compare.text(compare.targets(result)))
    return 0


def _bulk(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    request = bulk.BulkRequest(
        ways=_chosen(options.ways, bulk.WAYS),
        kinds=_chosen(options.kinds, tuple(KINDS)),
        workers=tuple(int(each) for each in options.workers.split(",")),
        items=options.items,
        objects=options.objects,
        compression=options.compression,
        rounds=options.rounds,
        command=_shown(arguments),
    )
    if request.ways[0] != "import" or min(*request.workers, request.items, request.objects, request.rounds) < 1:
        raise ValueError("the import is always measured, and all numbers are at least 1")
    servers = Options(extra=tuple(options.server_flag))
    result = bulk.run(request, servers, lambda line: print(f"  {line}", file=sys.stderr, flush=True))
    if options.out:
        options.out.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    _print(bulk.text(result))
    return 0


def _chosen(given: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return what is named, in the order of what there is. Raises ValueError."""
    wanted = given.split(",")
    for name in wanted:
        if name not in known:
            raise ValueError(f"{name} is none of {', '.join(known)}")
    return tuple(name for name in known if name in wanted)


def _request(options: argparse.Namespace, arguments: Sequence[str]) -> session.Request:
    """Return what is asked for. Raises ValueError with a sentence."""
    if options.warmup + options.seconds > _LONGEST:
        raise ValueError(f"a level may take at most {_LONGEST:g} seconds, for its requests are signed before it")
    if min(options.items, options.pool) < 1:
        raise ValueError("--items and --pool are at least 1")
    if options.peer_pid and len(options.peer) != 1:
        raise ValueError("--peer-pid tells the CPU of one peer: give one --peer with it")
    return session.Request(
        scenarios=session.scenarios(_names(options.only)),
        levels=_levels(options.clients, options.open_loop),
        window=Window(warmup=options.warmup, seconds=options.seconds, items=options.items, pool=options.pool),
        options=Options(
            backend=options.backend,
            workers=options.workers,
            gather=options.gather == "on",
            tls=options.tls,
            extra=tuple(options.server_flag),
        ),
        server=not options.no_server,
        variants=tuple(dict.fromkeys(options.also)),
        peers=tuple(_peer(options, each) for each in options.peer),
        floors=not options.no_floors,
        starts=options.starts,
        command=_shown(arguments),
    )


def _names(only: str) -> list[str]:
    """Return scenario names; a trailing star stands for all that begin so. Raises ValueError."""
    found: list[str] = []
    for wanted in filter(None, only.split(",")):
        matching = [name for name in BY_NAME if name == wanted or (wanted[-1] == "*" and name.startswith(wanted[:-1]))]
        if not matching:
            raise ValueError(f"no scenario is called {wanted}; see: benchmarks/run.py list")
        found.extend(matching)
    return found


def _levels(clients: str, rates: Iterable[float]) -> tuple[Level, ...]:
    closed = [Level(clients=int(each)) for each in clients.split(",") if each]
    levels = (*closed, *(Level(clients=_OPEN_CONNECTIONS, rate=rate) for rate in rates))
    if not levels or any(level.clients < 1 or level.rate < 0 for level in levels):
        raise ValueError("give at least one loop, of at least one client")
    return levels


def _peer(options: argparse.Namespace, text: str) -> Target:
    name, equals, url = text.partition("=")
    if not equals or not url.startswith(("http://", "https://")):
        raise ValueError(f"--peer {text}: not of the form NAME=http://HOST:PORT")
    return Target(
        name=name,
        endpoint=url.rstrip("/"),
        access_key_id=options.peer_key,
        secret_access_key=options.peer_secret,
        region=options.peer_region,
        pid=options.peer_pid,
    )


def _shown(arguments: Sequence[str]) -> str:
    """Return the command for the result, without places and secrets."""
    kept: list[str] = []
    skip = False
    for each in arguments:
        name, equals, _ = each.partition("=")
        if skip or name in _PRIVATE:
            skip = not skip and not equals
            continue
        kept.append(each)
    return shlex.join(["benchmarks/run.py", *kept])


def _default_out() -> Path:
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    return ROOT / "benchmarks" / "results" / f"local-{moment}.json"


def _read(path: Path) -> dict[str, Any]:
    """Return a result. Raises OSError, ValueError."""
    result: dict[str, Any] = orjson.loads(path.read_bytes())
    if result.get("format") != session.FORMAT:
        raise ValueError(f"{path} is not a result of this program's format {session.FORMAT}")
    return result


def _table(options: argparse.Namespace, _: Sequence[str]) -> int:
    result = _read(options.result)
    _print(table.text(result))
    _print(compare.text(compare.targets(result)))
    return 0


def _plot(options: argparse.Namespace, _: Sequence[str]) -> int:
    path = options.result.with_suffix(".svg")
    path.write_text(plot.svg(_read(options.result)), "utf-8")
    return 0


def _compare(options: argparse.Namespace, _: Sequence[str]) -> int:
    first, second = _read(options.first), _read(options.second)
    print("second over first; below 1 is less")
    _print(compare.text(compare.results(first, second)))
    return 0


def _list(_: argparse.Namespace, __: Sequence[str]) -> int:
    _print(table.grid(("name", "what"), [(scenario.name, scenario.about) for scenario in SCENARIOS]))
    return 0


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
