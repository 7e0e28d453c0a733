"""Loading many items at once: imports, bulk puts and restores through the server, beside raw COPY of the same rows.

Every way starts with its own request over HTTP and ends when the server says that it is done. What it read is a folder
that stands for a bucket. Ways and floor take turns on the same server, so that both meet the same noise.
"""

from __future__ import annotations

import contextlib
import datetime
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness import jobs
from benchmarks.harness.bulk_data import PREFIX, creation, write_export
from benchmarks.harness.control import call, wait_active
from benchmarks.harness.cpu import Usage, usage
from benchmarks.harness.machine import facts
from benchmarks.harness.server import Options, Running, running
from benchmarks.harness.table import grid, number
from benchmarks.harness.target import Target

BUCKET = "bench"
_LONGEST = 900.0
_PAUSE = 0.05
_FLOORS: Mapping[str, str] = {"stored": "raw COPY", "sorted": "raw COPY, in the order of keys"}
"""Orders of the raw COPY, and what they are called; the first is what all is measured by."""
_FAILED = ("FAILED", "CANCELLED", "COMPLETED_WITH_ERRORS")
Say = Callable[[str], None]


class BulkError(Exception):
    """Something was not loaded as it should be; the text says what."""


@dataclass(frozen=True, kw_only=True)
class BulkRequest:
    """What a run is asked for."""

    ways: tuple[str, ...]
    kinds: tuple[str, ...]
    workers: tuple[int, ...]
    items: int
    objects: int
    compression: str
    rounds: int
    command: str = ""


def run(request: BulkRequest, options: Options, say: Say) -> dict[str, Any]:
    """Measure everything. Raises BulkError, ServerError, JobError, OSError."""
    lines: list[dict[str, Any]] = []
    for workers in request.workers:
        for kind in request.kinds:
            say(f"workers: {workers}, {kind} items")
            with _server(replace(options, workers=workers)) as (server, bucket):
                export = write_export(
                    bucket, kind, items=request.items, objects=request.objects, compression=request.compression
                )
                lines += _measured(request, server, kind, workers, export)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": facts(),
        "settings": asdict(request),
        "lines": lines,
    }


@contextlib.contextmanager
def _server(options: Options) -> Iterator[tuple[Running, Path]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        bucket = folder / "buckets" / BUCKET
        bucket.mkdir(parents=True)
        extra = (*options.extra, "--buckets-root", str(bucket.parent))
        with running(replace(options, extra=extra), folder, "server") as server:
            yield server, bucket


def _measured(request: BulkRequest, server: Running, kind: str, workers: int, export: int) -> Iterator[dict[str, Any]]:
    """Yield the raw COPY of one kind of items, in both orders, and all ways."""
    spent: dict[str, list[Usage]] = {name: [] for name in (*_FLOORS, *request.ways)}
    floor: dict[str, Any] = {}
    for each in range(request.rounds):
        source = f"bench-{kind}-{each}"
        for way in request.ways:
            spent[way].append(_WAYS[way](request, server.target, kind, source))
        floor = _floor(server, source)
        for order in _FLOORS:
            found = floor[order]
            spent[order].append(
                Usage(clock=found["clock"], server=found["client"], database=found["database"], client=0)
            )
    common = {"kind": kind, "workers": workers, "export_bytes": export, "row_bytes": floor["bytes"] / floor["items"]}
    base = statistics.median(each.clock for each in spent["stored"])
    for way, usages in spent.items():
        yield common | {"way": way} | _figures(usages, request.items, base)


def _figures(spent: list[Usage], items: int, base: float) -> dict[str, Any]:
    """Return rates and CPU for each item of several rounds; `base` is the time of raw COPY.

    The client is the server where there is one, and what sends the raw COPY where there is none.
    """
    seconds = statistics.median(each.clock for each in spent)
    return {
        "items_per_s": round(items / seconds, 1),
        "all_items_per_s": [round(items / each.clock, 1) for each in spent],
        "client_us": round(statistics.median(each.server or each.client for each in spent) / items * 1e6, 2),
        "database_us": round(statistics.median(each.database for each in spent) / items * 1e6, 2),
        "ratio": round(base / seconds, 3),
    }


def _floor(server: Running, source: str) -> dict[str, Any]:
    description = _ask(server.target, "DescribeTable", {"TableName": source})["Table"]
    space = description["TableId"].replace("-", "")
    job = {"url": server.database_url(), "space": space, "pid": server.target.pid}
    return jobs.run("copy_floor", job)


def _import(request: BulkRequest, target: Target, kind: str, source: str) -> Usage:
    body = {
        "S3BucketSource": {"S3Bucket": BUCKET, "S3KeyPrefix": PREFIX},
        "InputFormat": "DYNAMODB_JSON",
        "InputCompressionType": request.compression,
        "TableCreationParameters": creation(kind, source),
    }
    before = usage(target.pid)
    arn = _ask(target, "ImportTable", body)["ImportTableDescription"]["ImportArn"]
    found = _ended(target, "DescribeImport", {"ImportArn": arn}, ("ImportTableDescription", "ImportStatus"))
    spent = usage(target.pid).since(before)
    _require_all(request, found["ImportedItemCount"], found["ErrorCount"])
    return spent


def _bulk_put(request: BulkRequest, target: Target, kind: str, source: str) -> Usage:
    name = f"{source}-put"
    _ask(target, "CreateTable", creation(kind, name))
    wait_active(target, name)
    body = {
        "TableName": name,
        "InputS3Configuration": {
            "S3Bucket": BUCKET,
            "S3KeyPrefix": PREFIX,
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": request.compression,
        },
        "OutputS3Configuration": {"S3Bucket": BUCKET, "S3KeyPrefix": "reports", "OutputType": ["ERROR"]},
    }
    before = usage(target.pid)
    arn = _ask(target, "StartBulkPutItems", body)["BulkOperationDescription"]["BulkOperationArn"]
    place = ("BulkOperationDescription", "BulkOperationStatus")
    found = _ended(target, "DescribeBulkOperation", {"BulkOperationArn": arn}, place)
    spent = usage(target.pid).since(before)
    _require_all(request, found["ProcessedItemCount"], found["FailedItemCount"])
    _ask(target, "DeleteTable", {"TableName": name})
    return spent


def _restore(request: BulkRequest, target: Target, kind: str, source: str) -> Usage:
    backup = _ask(target, "CreateBackup", {"TableName": source, "BackupName": source})["BackupDetails"]["BackupArn"]
    place = ("BackupDescription", "BackupDetails", "BackupStatus")
    _ended(target, "DescribeBackup", {"BackupArn": backup}, place, "AVAILABLE")
    name = f"{source}-back"
    before = usage(target.pid)
    _ask(target, "RestoreTableFromBackup", {"TargetTableName": name, "BackupArn": backup})
    _ended(target, "DescribeTable", {"TableName": name}, ("Table", "TableStatus"), "ACTIVE")
    spent = usage(target.pid).since(before)
    _ask(target, "DeleteTable", {"TableName": name})
    return spent


_WAYS: Mapping[str, Callable[[BulkRequest, Target, str, str], Usage]] = {
    "import": _import,
    "bulk-put": _bulk_put,
    "restore": _restore,
}
"""By name; the import comes first, for the others and the floor need its table."""
WAYS = tuple(_WAYS)


def _ask(target: Target, operation: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = call(target, operation, body)
    if answer.error:
        raise BulkError(f"{operation}: {answer.error}: {answer.body.get('message', '')}")
    return answer.body


def _ended(
    target: Target, operation: str, body: dict[str, Any], place: tuple[str, ...], good: str = "COMPLETED"
) -> dict[str, Any]:
    """Wait until the status at a place of a description is good, and return what holds it. Raises BulkError."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        found = _ask(target, operation, body)
        for name in place[:-1]:
            found = found[name]
        status = found[place[-1]]
        if status == good:
            return found
        if status in _FAILED:
            raise BulkError(f"{operation}: {status}: {found.get('FailureMessage', '')}")
        time.sleep(_PAUSE)
    raise BulkError(f"{operation}: not done after {_LONGEST:g} seconds")


def _require_all(request: BulkRequest, done: int, failed: int) -> None:
    if (done, failed) != (request.items, 0):
        raise BulkError(f"{done} of {request.items} items were loaded, {failed} failed")


def text(result: dict[str, Any]) -> Iterator[str]:
    """Yield the report of a result."""
    machine, settings = result["machine"], result["settings"]
    yield f"`{settings['command']}`"
    yield ""
    yield (
        f"{machine['cores']} cores, Python {machine['python']}, PostgreSQL {machine['postgresql']},"
        f" {settings['items']:,} items in {settings['objects']} objects, compression {settings['compression']},"
        f" median of {settings['rounds']}"
    )
    yield ""
    headings = ("way", "items", "workers", "items/s", "server or psycopg µs", "PG µs", "of raw COPY", "bytes/row")
    yield from grid(headings, [_row(line) for line in result["lines"]])


def _row(line: dict[str, Any]) -> list[str]:
    return [
        _FLOORS.get(line["way"], line["way"]),
        line["kind"],
        str(line["workers"]),
        number(line["items_per_s"], 0),
        number(line["client_us"]),
        number(line["database_us"]),
        f"{line['ratio']:.2f}",
        number(line["row_bytes"], 0),
    ]
