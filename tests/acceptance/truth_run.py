"""Changes a table on one connection while eight others, served by other processes, use it: not one wrong answer.

As a program it does so a given number of times, over one server and over two on one database: `make truth`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from kill_kit import address_of, workers_of
from truth_kit import (
    IMAGES,
    MEANINGS,
    TABLE,
    TYPES,
    VIEWS,
    Definition,
    History,
    Probe,
    Prober,
    Request,
    edits,
    keys_of,
    outcome,
)

from extenddb.server.testing import Server, start

OBSERVERS = 8
PATIENCE = 60.0  # seconds for anything to happen
_PROBES = 4  # requests of each observer behind each change, before the next
_QUIET = 0.6  # of the changes are made while nobody sends anything
_TRIES = 400  # connections tried to find one that a certain process serves
_SERVICES = {"DescribeStream": "DynamoDBStreams_20120810"} | dict.fromkeys(
    ("GetShardIterator", "GetRecords"), "DynamoDBStreams_20120810"
)


class Connection:
    """One connection, and the process that serves it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)

    def send(self, operation: str, request: Request) -> tuple[int, dict[str, Any]]:
        """Return status and body of an answer; status 0 for a connection that was lost."""
        target = f"{_SERVICES.get(operation, 'DynamoDB_20120810')}.{operation}"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        try:
            self._connection.request("POST", "/", json.dumps(request), headers)
            answer = self._connection.getresponse()
            body: dict[str, Any] = json.loads(answer.read())
            return answer.status, body
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            return 0, {"message": repr(error)}

    def process(self) -> int:
        """Return the id of the process that serves this connection."""
        self.send("ListTables", {})
        wanted = f"socket:[{self._inode()}]"
        for pid in (self._server.process.pid, *workers_of(self._server)):
            with contextlib.suppress(OSError):
                if any(os.readlink(each) == wanted for each in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
        raise LookupError(wanted)

    def _inode(self) -> str:
        ours = f":{self._connection.sock.getsockname()[1]:04X}"
        theirs = f":{self._server.port:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[1].endswith(theirs) and parts[2].endswith(ours):
                return parts[9]
        raise LookupError(ours)

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()


def connect(server: Server, pid: int) -> Connection:
    """Return a connection that a certain process serves."""
    for _ in range(_TRIES):
        connection = Connection(server)
        if connection.process() == pid:
            return connection
        connection.close()
    raise LookupError(f"no connection reached process {pid}")


@dataclass(frozen=True, kw_only=True)
class Put:
    """An item that was put, or may have been."""

    token: str
    sent: float
    answered: float
    sure: bool
    """The answer said so; otherwise none came."""


@dataclass(kw_only=True)
class StreamPhase:
    """A stream, and when it was there."""

    arn: str
    view: str
    begun: float
    """When the change that enables it was sent."""
    told: float
    """When it was told as done."""
    ended: float = 0.0
    """When the change that ends it was sent, 0 while none is."""
    ended_told: float = 0.0

    def statuses(self, sent: float, answered: float) -> set[str]:
        """Return the statuses that may be shown between these moments."""
        ended = self.ended and self.ended <= answered
        over = self.ended_told and self.ended_told < sent
        return {*(() if over else ("ENABLED",)), *(("DISABLED",) if ended else ())}


@dataclass(kw_only=True)
class World:
    """What all threads share."""

    history: History = field(default_factory=History)
    stop: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    """Requests are sent while it is set."""
    round: int = 0
    """Counts the changes told as done."""
    puts: list[Put] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    """Answers by operation and meaning."""
    trouble: Counter[str] = field(default_factory=Counter)
    stream: StreamPhase | None = None
    """The newest one, perhaps of a table that is gone."""


class Observer(threading.Thread):
    """Sends requests until it is told to stop, and judges their answers."""

    def __init__(self, world: World, connection: Connection, pid: int, seed: str) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._connection = connection
        self._pid = pid
        self._prober = Prober(seed, world.history)
        self.behind: tuple[int, int] = (0, 0)
        """Number of the last change, and how many requests were sent after it was told."""
        self.idle = False
        """Nothing is sent until the gate opens."""

    def run(self) -> None:
        """See `Thread.run`."""
        try:
            while not self._world.stop:
                pointed = self._pause()
                number = self._world.round
                self._ask(self._prober.pointed() if pointed else self._prober.probe())
                if not pointed:
                    self._ask_for_stream()
                self.behind = (number, self.behind[1] + 1 if self.behind[0] == number else 1)
        except Exception as error:  # a thread's error would be lost
            self._world.wrong.append(f"an observer failed: {error!r}")

    def _pause(self) -> bool:
        """Wait for the gate; tell whether there was something to wait for."""
        if self._world.gate.is_set():
            return False
        self.idle = True
        self._world.gate.wait(PATIENCE)
        self.idle = False
        return True

    def _ask(self, probe: Probe) -> None:
        world = self._world
        sent = time.monotonic()
        status, body = self._connection.send(probe.operation, probe.request)
        answered = time.monotonic()
        found = outcome(probe.operation, status, body) if status else "trouble: connection"
        if probe.token is not None and (found == "ok" or str(found).startswith("trouble")):
            world.puts.append(Put(token=probe.token, sent=sent, answered=answered, sure=found == "ok"))
        if str(found).startswith("trouble"):
            world.trouble[f"{probe.operation}: {found}"] += 1
            return
        world.asked[f"{probe.operation} {_label(found)}"] += 1
        right = [probe.expected(each) for each in world.history.admissible(sent, answered)]
        if found not in right:
            world.wrong.append(
                f"process {self._pid}, {probe.operation} {json.dumps(probe.request)}: {found}, but right is {right}"
            )

    def _ask_for_stream(self) -> None:
        phase = self._world.stream
        if phase is None or self._world.round % 4:
            return
        sent = time.monotonic()
        status, body = self._connection.send("DescribeStream", {"StreamArn": phase.arn})
        shown = outcome("DescribeStream", status, body) if status else "trouble"
        right = phase.statuses(sent, time.monotonic())
        self._world.asked["DescribeStream shown"] += 1
        if shown not in right and not str(shown).startswith("trouble"):
            self._world.wrong.append(f"process {self._pid}, DescribeStream {phase}: {shown}, but right is {right}")


def _label(found: object) -> str:
    """Return what an answer is counted under."""
    return found if isinstance(found, str) and found in MEANINGS else "shown"


class Changer:
    """Changes the table on one connection, and waits for the observers behind each change."""

    def __init__(self, world: World, connection: Connection, observers: Sequence[Observer], seed: str) -> None:
        self._world = world
        self._connection = connection
        self._observers = observers
        self._random = random.Random(seed)

    def rounds(self, count: int) -> None:
        """Make so many changes."""
        for _ in range(count):
            current = self._world.history.last
            if current.keys is None:
                self._create()
            elif self._random.random() < 0.25:
                self._change("DeleteTable", {"TableName": TABLE}, Definition())
            else:
                self._change(*self._random.choice(edits(current, self._random)))
            if self._world.wrong:
                return

    def _create(self) -> None:
        keys = (self._random.choice(TYPES), self._random.choice((None, *TYPES)))
        index, view = self._random.choice((None, *TYPES)), self._random.choice((None, None, *VIEWS))
        definition = Definition(keys=keys, index=index, view=view)
        self._change("CreateTable", keys_of(definition), definition)

    def _change(self, operation: str, request: Request, after: Definition) -> None:
        world, before = self._world, self._world.history.last
        quiet = self._random.random() < _QUIET
        if quiet:
            self._silence()
        ends = before.view is not None and after.view is None
        if before.view is None and after.view is not None:
            world.puts.clear()
        sent = time.monotonic()
        if ends and world.stream is not None:
            world.stream.ended = sent
        done = world.history.begin(after, sent)
        filled = None if after.active else world.history.begin(replace(after, active=True), sent)
        body = self._must(operation, request)
        told = time.monotonic()
        done(told)
        if ends and world.stream is not None:
            world.stream.ended_told = told
        if filled is not None and quiet:
            self._await_index(filled)
        self._await_observers()
        if filled is not None and not quiet:
            self._await_index(filled)
            self._await_observers()
        self._note_stream(before, after, body, sent, told)

    def _silence(self) -> None:
        """Let nobody send anything, so that the first requests behind the next change meet what is remembered."""
        self._world.gate.clear()
        deadline = time.monotonic() + PATIENCE
        while not all(each.idle for each in self._observers):
            assert time.monotonic() < deadline, "an observer stands still"
            time.sleep(0.001)

    def _must(self, operation: str, request: Request) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            status, body = self._connection.send(operation, request)
            if status == 200:
                return body
            assert "in use" in str(body) or status >= 500, f"{operation} {request}: {status} {body}"
            assert time.monotonic() < deadline, f"{operation} {request}: {status} {body}"
            time.sleep(0.02)

    def _await_index(self, filled: Callable[[float], None]) -> None:
        """Wait until the index is shown as ACTIVE, and note when it was."""
        deadline = time.monotonic() + PATIENCE
        while True:
            table = self._must("DescribeTable", {"TableName": TABLE})["Table"]
            if all(each["IndexStatus"] == "ACTIVE" for each in table["GlobalSecondaryIndexes"]):
                return filled(time.monotonic())
            assert time.monotonic() < deadline, "the index is never filled"
            time.sleep(0.005)

    def _await_observers(self) -> None:
        """Let the observers go on, and wait until each has sent requests after the last change was told."""
        self._world.round += 1
        number = self._world.round
        self._world.gate.set()
        deadline = time.monotonic() + PATIENCE
        while not all(each.behind >= (number, _PROBES) for each in self._observers):
            assert time.monotonic() < deadline, "an observer stands still"
            if self._world.wrong:
                return
            time.sleep(0.001)

    def _note_stream(self, before: Definition, after: Definition, body: Request, sent: float, told: float) -> None:
        world = self._world
        if before.view is not None and after.view is None and world.stream is not None:
            self._check_stream(world.stream)
        if before.view is None and after.view is not None:
            arn = body["TableDescription"]["LatestStreamArn"]
            world.stream = StreamPhase(arn=arn, view=after.view, begun=sent, told=told)

    def _check_stream(self, phase: StreamPhase) -> None:
        """Check that a stream has the records of what was put while it was there, as it was to have them."""
        found = dict(self._records(phase.arn))
        must = {
            each.token: each
            for each in self._world.puts
            if each.sure and each.sent > phase.told and each.answered < phase.ended
        }
        must_not = {each.token for each in self._world.puts if each.sent > phase.ended_told}
        wrong = self._world.wrong
        wrong += [f"no record of {each}, stream {phase}" for token, each in must.items() if token not in found]
        wrong += [f"a record of {token} after the end, stream {phase}" for token in must_not & found.keys()]
        wrong += [f"{phase.view} has {each}" for each in found.values() if each != IMAGES[phase.view]]
        self._world.asked["records"] += len(must)

    def _records(self, arn: str) -> Iterator[tuple[str, set[str]]]:
        """Yield partition key and images of each new item's record."""
        described = self._must("DescribeStream", {"StreamArn": arn})["StreamDescription"]
        if described["StreamStatus"] != "DISABLED":
            self._world.wrong.append(f"{arn} is still {described['StreamStatus']}")
        for shard in described["Shards"]:
            place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator: str | None = self._must("GetShardIterator", place)["ShardIterator"]
            while iterator is not None:
                page = self._must("GetRecords", {"ShardIterator": iterator})
                for each in page["Records"]:
                    if each["eventName"] == "INSERT":
                        change = each["dynamodb"]
                        yield next(iter(change["Keys"]["p"].values())), {"OldImage", "NewImage"} & change.keys()
                iterator = page.get("NextShardIterator")


def run(servers: Sequence[Server], rounds: int, seed: str) -> World:
    """Change and observe; return what was found."""
    processes = [(server, pid) for server in servers for pid in workers_of(server) or [server.process.pid]]
    (first, own), *others = processes
    world = World()
    world.gate.set()
    places = [(others or processes)[number % len(others or processes)] for number in range(OBSERVERS)]
    with contextlib.ExitStack() as opened:

        def connected(server: Server, pid: int) -> Connection:
            return opened.enter_context(contextlib.closing(connect(server, pid)))

        observers = [
            Observer(world, connected(server, pid), pid, f"{seed}/{number}")
            for number, (server, pid) in enumerate(places)
        ]
        changer = Changer(world, connected(first, own), observers, seed)
        for each in observers:
            each.start()
        try:
            changer.rounds(rounds)
        finally:
            world.stop = True
            world.gate.set()
            for each in observers:
                each.join(PATIENCE)
    return world


@contextlib.contextmanager
def two_servers(folder: Path, **settings: Any) -> Iterator[list[Server]]:
    """Run two servers on one database, that of the first."""
    given = {"auth": "off", **settings}
    with start(data_dir=folder, **given) as first, start(postgres_url=address_of(first), **given) as second:
        yield [first, second]


@contextlib.contextmanager
def one_server(folder: Path, **settings: Any) -> Iterator[list[Server]]:
    """Run one server."""
    with start(data_dir=folder, **settings) as server:
        yield [server]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    given = parser.parse_args(arguments)
    kinds: dict[str, tuple[Callable[..., Any], int]] = {
        "one server": (one_server, given.workers),
        "two servers on one database": (two_servers, given.workers // 2 or 1),
    }
    failed = False
    for name, (make, workers) in kinds.items():
        with tempfile.TemporaryDirectory() as folder, make(Path(folder), workers=workers) as servers:
            begun = time.monotonic()
            world = run(servers, given.rounds, given.seed)
        requests = world.asked.total() + world.trouble.total()
        print(
            f"{name}, {workers} workers each, seed {given.seed}: {world.round} waits in {given.rounds} rounds, "
            f"{requests} requests, {len(world.wrong)} wrong answers, {time.monotonic() - begun:.0f} s"
        )
        print(*(f"    {count:7} {what}" for what, count in sorted(world.asked.items())), sep="\n")
        print(*(f"    {count:7} {what}" for what, count in world.trouble.most_common(20)), sep="\n")
        print(*world.wrong[:20], sep="\n")
        failed = failed or bool(world.wrong)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
