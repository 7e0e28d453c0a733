"""All that moves data, begun at once on a real server, and ended by force again and again while clients write."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kill_kit
from kill_kit import Job, Refused, Store, call, insist, postmaster_of, wait_until, workers_of
from moves_kit import ARN, FILLED, INPUT, KEYS, LOADED, OUTPUT, PUT, SOURCE, World

from extenddb.server.testing import Server, start

FULL, INCREMENTAL, IMPORT, BULK = "full export", "incremental export", "import", "bulk put"
FROM_BACKUP, FROM_PAST, BACKUP = "restore from backup", "restore from the past", "backup"
OPERATIONS = (FULL, INCREMENTAL, IMPORT, BULK, FROM_BACKUP, FROM_PAST, BACKUP)
TARGETS = {FROM_BACKUP: "as-backed-up", FROM_PAST: "as-it-was"}
HOT = 40  # items of the source that change all the time
_LEASE = 1.0  # seconds: a step is a tenth of it
_PHASES = ("fold", "window", "changes", "finish")
_PAUSE = 0.004


def operation_of(job: Job) -> str:
    """Return which of the operations a job belongs to."""
    if job.type == "export":
        return FULL if job.state["From"] is None else INCREMENTAL
    if job.type == "restore":
        return FROM_BACKUP if "Backup" in job.state else FROM_PAST
    return job.type


def progress_of(job: Job, total: int) -> float:
    """Return how far a job is, from 0 to 1, by what it wrote down last."""
    state = job.state
    if job.type == "bulk put":
        return float(state["Items"] / total)
    if operation_of(job) == INCREMENTAL:
        return _PHASES.index(state["Phase"]) / len(_PHASES)
    after = state.get("After")
    return int(after[0][:4], 16) / 0x10000 if after else 0.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """When to kill: as soon as an operation is so far."""

    operation: str
    least: float


class Run:
    """A server on a folder that is killed and comes back, and what was begun on it."""

    def __init__(self, world: World, folder: Path, *, workers: int) -> None:
        self.world = world
        self.folder = folder
        self.arns: dict[str, str] = {}
        self.kills: list[str] = []
        """What was under way at each kill, for the reader of a test's output."""
        self._workers = workers
        self._stack = contextlib.ExitStack()
        self.server: Server
        self.store: Store
        self.totals = {
            "import": sum(len(each.lines()) for each in world.imported.values()),
            "bulk put": sum(len(each.lines()) for each in world.put.values()),
        }

    def __enter__(self) -> Run:
        self.up()
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()
        self._stack.close()

    def up(self) -> None:
        """Start the server."""
        self._stack.close()
        settings: dict[str, Any] = {"workers": self._workers, "settle_seconds": 0, "lease_seconds": _LEASE}
        self.server = self._stack.enter_context(start(data_dir=self.folder, **settings))
        self.store = Store(self.server)

    def begin(self) -> None:
        """Begin all operations."""
        requests = {operation: self._request(operation) for operation in OPERATIONS}
        for operation, (name, request) in requests.items():
            answer = call(self.server, name, **request)
            (described,) = answer.values()
            self.arns[operation] = next((v for k, v in described.items() if k in _ARNS), "")
        assert {*self.statuses().values()} <= {"IN_PROGRESS", "CREATING"}

    def _request(self, operation: str) -> tuple[str, dict[str, Any]]:
        world = self.world
        read = {"InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP"}
        export = {"TableArn": f"{ARN}/{SOURCE}", "S3Bucket": OUTPUT}
        period = dict(zip(("ExportFromTime", "ExportToTime"), world.period, strict=True))
        changes = {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": period}
        wanted = ["ERROR", "CONDITION_CHECK_FAILURE"]
        requests: dict[str, tuple[str, dict[str, Any]]] = {
            FULL: ("ExportTableToPointInTime", {**export, "S3Prefix": "full", "ExportTime": world.moment}),
            INCREMENTAL: ("ExportTableToPointInTime", {**export, **changes, "S3Prefix": "incremental"}),
            IMPORT: (
                "ImportTable",
                {
                    "S3BucketSource": {"S3Bucket": INPUT, "S3KeyPrefix": "import/"},
                    "TableCreationParameters": {"TableName": LOADED, **KEYS},
                    **read,
                },
            ),
            BULK: (
                "StartBulkPutItems",
                {
                    "TableName": FILLED,
                    "InputS3Configuration": {"S3Bucket": INPUT, "S3KeyPrefix": "put/", **read},
                    "OutputS3Configuration": {"S3Bucket": OUTPUT, "S3KeyPrefix": "put", "OutputType": wanted},
                },
            ),
            FROM_BACKUP: (
                "RestoreTableFromBackup",
                {"TargetTableName": TARGETS[FROM_BACKUP], "BackupArn": world.backup},
            ),
            FROM_PAST: (
                "RestoreTableToPointInTime",
                {"SourceTableName": SOURCE, "TargetTableName": TARGETS[FROM_PAST], "RestoreDateTime": world.moment},
            ),
            BACKUP: ("CreateBackup", {"TableName": SOURCE, "BackupName": "second"}),
        }
        return requests[operation]

    def described(self, operation: str) -> dict[str, Any]:
        """Return what Describe says of an operation."""
        if operation in TARGETS:
            answer = insist(self.server, "DescribeTable", TableName=TARGETS[operation])
        else:
            name, member = _DESCRIBE[operation]
            answer = insist(self.server, name, **{member: self.arns[operation]})
        (description,) = answer.values()
        return dict(description.get("BackupDetails", description))

    def statuses(self) -> dict[str, str]:
        """Return how each operation is."""
        found = {operation: self.described(operation) for operation in OPERATIONS}
        return {
            operation: next(value for name, value in described.items() if name in _STATUS)
            for operation, described in found.items()
        }

    def progress(self) -> dict[str, float]:
        """Return how far the operations are that are not done."""
        jobs = self.store.jobs()
        found = {operation_of(job): progress_of(job, self.totals.get(job.type, 1)) for job in jobs}
        if IMPORT in found:  # its shares come and go: what they have in common tells
            found[IMPORT] = self._imported() / self.totals[IMPORT]
        return found

    def _imported(self) -> int:
        bodies = self.store.rows("SELECT body FROM documents WHERE kind = 'import'")
        imports = [json.loads(body) for (body,) in bodies]
        counts: list[int] = [each["ProcessedItemCount"] for each in imports if each["TableArn"].endswith(LOADED)]
        return sum(counts)

    def reach(self, point: Point, victims: Callable[[], list[int]]) -> list[int]:
        """Return the processes to kill, standing still, as soon as an operation is so far.

        It cannot end any more then: that it has not is looked at when they stand.
        """
        chosen: list[int] = []

        def reached() -> bool:
            if self.progress().get(point.operation, -1.0) < point.least or not (found := victims()):
                return False
            _signal(found, signal.SIGSTOP)
            if point.operation not in self.progress():
                _signal(found, signal.SIGCONT)
                return False
            chosen[:] = found
            return True

        wait_until(reached, lambda: f"{point}: {self.progress()}", self.server)
        shown = ", ".join(f"{operation} {share:.0%}" for operation, share in self.progress().items())
        self.kills.append(f"{point.operation} at {point.least:.0%}: {shown}")
        return chosen

    def check_under_way(self, point: Point) -> None:
        """The operation that a kill was meant for goes on after it."""
        status = self.statuses()[point.operation]
        assert status in ("IN_PROGRESS", "CREATING"), (status, self.kills)

    def kill_server(self, point: Point) -> None:
        """Kill all processes of the server, and start it again."""
        self.reach(point, lambda: [self.server.process.pid, *workers_of(self.server)])
        self.store.close()
        kill_kit.kill_server(self.server)
        self.up()
        self.check_under_way(point)

    def kill_holder(self, point: Point) -> None:
        """Kill the one process that works on an operation."""

        def holder() -> list[int]:
            alive = workers_of(self.server)  # the lease of one that was killed before may still run
            jobs = [job for job in self.store.jobs() if operation_of(job) == point.operation]
            return [pid for job in jobs if (pid := self.store.holder(job)) in alive and pid is not None][:1]

        _signal(self.reach(point, holder), signal.SIGKILL)
        self.check_under_way(point)

    def kill_postgres(self, point: Point) -> None:
        """Kill PostgreSQL while the processes that use it stand still."""
        standing = self.reach(point, lambda: workers_of(self.server))
        postmaster = postmaster_of(self.server)
        assert postmaster is not None
        self.store.close()
        os.kill(postmaster, signal.SIGKILL)
        _signal(standing, signal.SIGCONT)
        wait_until(lambda: postmaster_of(self.server) not in (None, postmaster), "another PostgreSQL", self.server)

    def finish(self) -> None:
        """Wait until nothing is under way any more."""
        wait_until(
            lambda: not self.store.jobs(),
            lambda: f"the end of {self.progress()}",
            self.server,
        )


_ARNS = ("ExportArn", "ImportArn", "BulkOperationArn", "BackupArn")
_STATUS = ("ExportStatus", "ImportStatus", "BulkOperationStatus", "TableStatus", "BackupStatus")
_DESCRIBE = {
    FULL: ("DescribeExport", "ExportArn"),
    INCREMENTAL: ("DescribeExport", "ExportArn"),
    IMPORT: ("DescribeImport", "ImportArn"),
    BULK: ("DescribeBulkOperation", "BulkOperationArn"),
    BACKUP: ("DescribeBackup", "BackupArn"),
}


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for pid in processes:
        os.kill(pid, number)


class Writer:
    """Writes one after the other in a thread, whatever happens to the server; `step` is given a growing number."""

    def __init__(self, step: Callable[[int], None]) -> None:
        self._step = step
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(kill_kit.PATIENCE)
        assert not self._thread.is_alive()

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            with contextlib.suppress(Refused):
                self._step(number)
                number += 1
            self._stop.wait(_PAUSE)


class Clients:
    """What clients did meanwhile."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.owners: dict[str, str] = {}
        """By id, who was written into an item of the bulk put's table after the bulk put had put it there."""
        self.attempts: dict[str, str] = {}

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Let them write as long as the context lasts."""
        with Writer(self._heat), Writer(self._own):
            yield

    def _heat(self, number: int) -> None:
        """Put the hot items in turn, none before the one before it is acknowledged."""
        hot = {"id": {"S": f"hot-{number % HOT:02}"}, "n": {"N": str(number)}}
        call(self._run.server, "PutItem", TableName=SOURCE, Item=hot)

    def _own(self, number: int) -> None:
        """Change an item if the bulk put has made it: from then on the bulk put must leave it alone."""
        name = f"{(number * 7919) % PUT:06}"
        owner = f"owner-{number}"
        if name in self.attempts or int(name) < 2 * len(self._run.world.put):
            return  # once each, and none that is put twice
        try:
            call(
                self._run.server,
                "UpdateItem",
                TableName=FILLED,
                Key={"id": {"S": name}},
                UpdateExpression="SET #o = :o",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeNames={"#o": "owner"},
                ExpressionAttributeValues={":o": {"S": owner}},
            )
        except Refused as error:
            if "ConditionalCheckFailed" not in str(error):
                self.attempts[name] = owner
        else:
            self.attempts[name] = self.owners[name] = owner
