"""A process dies at every call of the store there is, with that call carried out or not; another finds what is left.

What was acknowledged, or is asked for again with its token, is there in the end as if nobody had died. What was not is
there as a whole or not at all, and nothing is under way for ever.
"""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from backup_kit import CALLER, START, Clock, Item, Service, item
from dying import DictBuckets, DyingBackend, DyingBuckets, Life

from extenddb.core.errors import ServiceError
from extenddb.engine import codec
from extenddb.engine.backups.backup import space_of as backup_space
from extenddb.engine.imports import reading
from extenddb.engine.jobs import backup as backup_job
from extenddb.engine.jobs import bulk_put as bulk_job
from extenddb.engine.jobs import export as export_job
from extenddb.engine.jobs import import_table as import_job
from extenddb.engine.jobs import restore as restore_job
from extenddb.engine.jobs import waiting
from extenddb.engine.jobs.table import CHORES
from extenddb.storage.contract import checked
from extenddb.storage.errors import StorageError
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.memory.state import State

ARN = f"arn:aws:dynamodb:eu-north-1:{CALLER.account}:table"
COUNT = 23
ENDED = {"COMPLETED", "COMPLETED_WITH_ERRORS", "AVAILABLE", "FAILED"}
OWN = {"transactiontokens", "streammarks", "jobprogress"}

Objects = dict[tuple[str, str], bytes]
Request = Callable[[Service], Awaitable[Any]]
Check = Callable[["Found"], Awaitable[bool]]
"""Compares what is there with what must be there; False when there is nothing at all of what was asked for."""


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn, so that there are many places to die in."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    for module, name, value in (
        (backup_job, "_ROWS", 9),
        (restore_job, "_ROWS", 9),
        (restore_job, "_RECORDS", 9),
        (export_job, "_ROWS", 10),
        (export_job, "_RECORDS", 9),
        (import_job, "_BYTES", 400),
        (import_job, "_SHARES", 2),
        (bulk_job, "_RECORDS", 6),
        (reading, "_PIECE", 200),
    ):
        monkeypatch.setattr(module, name, value)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a process finds after another has died, and all work is done."""

    service: Service
    objects: Objects
    changed: frozenset[int]
    """Numbers of the items that clients changed meanwhile."""


Disturb = Callable[[Service], Awaitable[frozenset[int]]]


async def nothing(_service: Service) -> frozenset[int]:
    """Leave everything as it is."""
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Something that is asked for."""

    request: Request
    check: Check
    token: bool = False
    """The request can be repeated and means the same."""
    disturb: Disturb = nothing
    """What clients do between the death and what follows; returns the numbers of the items they change."""


class Place:
    """A store and buckets as they are before anything is asked for; every copy is a world of its own."""

    def __init__(self, state: State, objects: Objects, now: int) -> None:
        self._state, self._objects, self._now = state, objects, now

    def copied(self) -> tuple[MemoryBackend, Objects, Clock]:
        clock = Clock()
        clock.now = self._now
        return MemoryBackend(state=copy.deepcopy(self._state)), dict(self._objects), clock


async def prepared() -> Place:
    """Make a table with a past, a backup, a table for bulk puts, and objects to read."""
    backend, objects = MemoryBackend(), dict[tuple[str, str], bytes]()
    service = Service(backend, buckets=DictBuckets(objects))
    await service.table()
    on = {"PointInTimeRecoveryEnabled": True}
    await service.call("UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=on)
    for number in range(COUNT):
        await service.put(number)
    await service.call("CreateBackup", TableName="source", BackupName="first")
    await service.work()
    service.clock.now = START + 1_000_000
    for number in range(0, COUNT, 3):
        await service.put(number, "blue")
    await service.delete(1)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    await service.table("filled", StreamSpecification=stream)
    await service.put(2, "there", "filled")
    service.clock.now = START + 2_000_000
    for part in range(3):
        numbers = range(part, COUNT, 3)
        plain = [{"Item": item(number)} for number in numbers]
        guarded = [{**each, "ConditionExpression": "attribute_not_exists(pk)"} for each in plain]
        for folder, records in (("import", plain), ("put", plain if part == 0 else guarded)):
            lines = [*map(json.dumps, records), "no json"]
            objects["input", f"{folder}/{part}"] = gzip.compress("\n".join(lines).encode())
    await service.engine.close()
    return Place(backend.state, objects, service.clock.now)


def original() -> list[Item]:
    return [item(number) for number in range(COUNT)]


def changed() -> list[Item]:
    return [item(number, "red" if number % 3 else "blue") for number in range(COUNT) if number != 1]


def ordered(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda each: int(each["sk"]["N"]))


async def holds(service: Service, table: str, items: list[Item]) -> bool:
    """Compare a table and its index; False when there is none."""
    if table not in (await service.call("ListTables"))["TableNames"]:
        return False
    assert ordered(await service.contents(table)) == items
    assert ordered(await service.contents(table, IndexName="by-color")) == items
    return True


async def listed(service: Service, operation: str, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await service.call(operation))[member]
    return found


def lines_of(objects: Objects, manifest: str) -> list[Any]:
    """Return the lines of an export, having checked that there is nothing but what its manifest names."""
    summary = json.loads(objects["exports", manifest])
    entries = [json.loads(line) for line in objects["exports", summary["manifestFilesS3Key"]].splitlines()]
    data = {entry["dataFileS3Key"] for entry in entries}
    assert data == {key for bucket, key in objects if bucket == "exports" and "/data/" in key}
    return [json.loads(line) for key in sorted(data) for line in gzip.decompress(objects["exports", key]).splitlines()]


async def exported(found: Found) -> list[Any] | None:
    exports = await listed(found.service, "ListExports", "ExportSummaries")
    if not exports:
        return None
    (summary,) = exports
    answer = await found.service.call("DescribeExport", ExportArn=summary["ExportArn"])
    description = answer["ExportDescription"]
    lines = lines_of(found.objects, description["ExportManifest"])
    assert len(lines) == description["ItemCount"]
    return lines


async def check_full(found: Found) -> bool:
    lines = await exported(found)
    if lines is not None:
        assert ordered([line["Item"] for line in lines]) == changed()
    return lines is not None


async def check_incremental(found: Found) -> bool:
    lines = await exported(found)
    if lines is not None:
        assert sorted(int(line["Keys"]["sk"]["N"]) for line in lines) == sorted({1, *range(0, COUNT, 3)})
        assert all(line["OldImage"]["color"] == {"S": "red"} for line in lines)
    return lines is not None


async def check_import(found: Found) -> bool:
    imports = await listed(found.service, "ListImports", "ImportSummaryList")
    if not imports:
        return await holds(found.service, "loaded", original())
    (summary,) = imports
    answer = await found.service.call("DescribeImport", ImportArn=summary["ImportArn"])
    description = answer["ImportTableDescription"]
    assert (description["ImportedItemCount"], description["ErrorCount"]) == (COUNT, 3)
    return await holds(found.service, "loaded", original())


async def check_failed_import(found: Found) -> bool:
    """There was no bucket to import from: that is what is said, and there is no table."""
    assert not await holds(found.service, "loaded", [])
    imports = await listed(found.service, "ListImports", "ImportSummaryList")
    assert [each["ImportStatus"] for each in imports] in ([], ["FAILED"])
    return bool(imports)


async def check_put(found: Found) -> bool:
    service = found.service
    items = await service.contents("filled")
    operations = await listed(service, "ListBulkOperations", "BulkOperationsSummaryList")
    if not operations:
        assert len(items) == 1
        return False
    (summary,) = operations
    answer = await service.call("DescribeBulkOperation", BulkOperationArn=summary["BulkOperationArn"])
    description = answer["BulkOperationDescription"]
    assert (description["ProcessedItemCount"], description["FailedItemCount"]) == (COUNT + 3, 4)
    colors = {2: "there", **dict.fromkeys(found.changed, "mine")}
    assert ordered(items) == [item(number, colors.get(number, "red")) for number in range(COUNT)]
    (stream,) = await service.backend.documents.list("stream", limit=9)
    published = await service.backend.streams.read(codec.parse(stream.body)["id"], limit=1000, max_bytes=1 << 24)
    written = Counter(codec.parse(record.body)["Keys"]["sk"]["N"] for record in published.records)
    assert written == {str(number): 1 + (number in found.changed) for number in range(COUNT)}
    reports = [body for (bucket, key), body in found.objects.items() if bucket == "reports" and "/data/" in key]
    kinds = Counter(json.loads(line)["OutputType"] for body in reports for line in body.splitlines())
    assert kinds == {"ERROR": 3, "CONDITION_CHECK_FAILURE": 1}
    return True


async def check_backup(found: Found) -> bool:
    backups = await listed(found.service, "ListBackups", "BackupSummaries")
    if len(backups) == 1:
        return False
    arn = backups[1]["BackupArn"]
    await found.service.call("RestoreTableFromBackup", TargetTableName="again", BackupArn=arn)
    await found.service.work()
    assert await holds(found.service, "again", changed())
    return True


async def check_no_backup(found: Found) -> bool:
    backups = await listed(found.service, "ListBackups", "BackupSummaries")
    if backups:  # not deleted, then: it must be whole
        await found.service.call("RestoreTableFromBackup", TargetTableName="again", BackupArn=backups[0]["BackupArn"])
        await found.service.work()
        assert await holds(found.service, "again", original())
    return not backups


async def check_deleted(found: Found) -> bool:
    """A table with recovery is there as it was, or is a backup."""
    backups = (await found.service.call("ListBackups", BackupType="SYSTEM"))["BackupSummaries"]
    if not backups:
        assert await holds(found.service, "source", changed())
        return False
    (summary,) = backups
    assert summary["BackupName"] == "source$DeletedTableBackup"
    assert "source" not in (await found.service.call("ListTables"))["TableNames"]
    arn = summary["BackupArn"]
    await found.service.call("RestoreTableFromBackup", TargetTableName="source", BackupArn=arn)
    await found.service.work()
    assert await holds(found.service, "source", changed())
    return True


async def first_backup(service: Service) -> str:
    arn: str = (await listed(service, "ListBackups", "BackupSummaries"))[0]["BackupArn"]
    return arn


def export(**members: Any) -> Request:
    request = {"TableArn": f"{ARN}/source", "S3Bucket": "exports", "ClientToken": "token", **members}
    return lambda service: service.call("ExportTableToPointInTime", **request)


async def request_import(service: Service, bucket: str = "input") -> None:
    table = (await service.call("DescribeTable", TableName="source"))["Table"]
    (index,) = table["GlobalSecondaryIndexes"]
    parameters = {member: table[member] for member in ("AttributeDefinitions", "KeySchema")}
    indexes = [{member: index[member] for member in ("IndexName", "KeySchema", "Projection")}]
    await service.call(
        "ImportTable",
        ClientToken="token",
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "import/"},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={
            **parameters,
            "TableName": "loaded",
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": indexes,
        },
    )


async def request_put(service: Service) -> None:
    await service.call(
        "StartBulkPutItems",
        ClientToken="token",
        TableName="filled",
        InputS3Configuration={
            "S3Bucket": "input",
            "S3KeyPrefix": "put/",
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": "GZIP",
        },
        OutputS3Configuration={"S3Bucket": "reports", "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]},
    )


async def request_restore(service: Service) -> None:
    arn = await first_backup(service)
    await service.call("RestoreTableFromBackup", TargetTableName="restored", BackupArn=arn)


async def request_past(service: Service) -> None:
    request = {"SourceTableName": "source", "TargetTableName": "restored", "RestoreDateTime": START / 1000 + 500}
    await service.call("RestoreTableToPointInTime", **request)


async def request_no_backup(service: Service) -> None:
    await service.call("DeleteBackup", BackupArn=await first_backup(service))


async def change_source(service: Service) -> frozenset[int]:
    """Change the table: what is asked for is in the past."""
    for number in range(4, COUNT):
        await (service.put(number, "late") if number % 4 == 0 else service.delete(number))
    return frozenset(range(4, COUNT))


async def change_filled(service: Service) -> frozenset[int]:
    """Change every item that has been put."""
    numbers = {int(each["sk"]["N"]) for each in await service.contents("filled")} - {2}
    for number in numbers:
        await service.put(number, "mine", "filled")
    return frozenset(numbers)


PERIOD = {"ExportFromTime": START / 1000 + 500, "ExportToTime": START / 1000 + 1900}
SCENARIOS = {
    "full export": Scenario(
        request=export(ExportTime=START / 1000 + 1900), check=check_full, token=True, disturb=change_source
    ),
    "incremental export": Scenario(
        request=export(ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=PERIOD),
        check=check_incremental,
        token=True,
        disturb=change_source,
    ),
    "import": Scenario(request=request_import, check=check_import, token=True),
    "failed import": Scenario(
        request=lambda service: request_import(service, "nowhere"), check=check_failed_import, token=True
    ),
    "bulk put": Scenario(request=request_put, check=check_put, token=True, disturb=change_filled),
    "backup": Scenario(
        request=lambda service: service.call("CreateBackup", TableName="source", BackupName="second"),
        check=check_backup,
    ),
    "no table": Scenario(request=lambda service: service.call("DeleteTable", TableName="source"), check=check_deleted),
    "no backup": Scenario(request=request_no_backup, check=check_no_backup),
    "restore from backup": Scenario(
        request=request_restore, check=lambda found: holds(found.service, "restored", original())
    ),
    "restore from the past": Scenario(
        request=request_past, check=lambda found: holds(found.service, "restored", original()), disturb=change_source
    ),
}


async def lived(place: Place, scenario: Scenario, life: Life) -> tuple[bool, MemoryBackend, Objects, Clock]:
    """Ask, and work until all is done or this process is dead; tell whether the request was answered."""
    backend, objects, clock = place.copied()
    dying: Any = DyingBackend(backend, life)
    service = Service(checked(dying), clock=clock, buckets=DyingBuckets(DictBuckets(objects), life))
    answered = False
    try:
        await scenario.request(service)
        answered = True
        await service.work()
    except (StorageError, ServiceError):
        assert life.dead
    return answered, backend, objects, clock


async def check_place(service: Service) -> None:
    """Nothing is under way, and nothing is left of what was."""
    for name in (await service.call("ListTables"))["TableNames"]:
        table = (await service.call("DescribeTable", TableName=name))["Table"]
        assert table["TableStatus"] == "ACTIVE", name
        known = await service.engine.context.tables.load(CALLER.account, name)
        assert known is not None
        assert known.settings.get("Captures", {}).keys() <= {"Recovery", "Stream"}
    for operation, member, status in (
        ("ListExports", "ExportSummaries", "ExportStatus"),
        ("ListImports", "ImportSummaryList", "ImportStatus"),
        ("ListBulkOperations", "BulkOperationsSummaryList", "BulkOperationStatus"),
        ("ListBackups", "BackupSummaries", "BackupStatus"),
    ):
        assert {each[status] for each in await listed(service, operation, member)} <= ENDED
    spaces = {each.name for each in await service.backend.catalog.records(limit=99) if each.namespace == "_system"}
    backups = await service.backend.documents.list("backup", limit=9)
    kept = {backup_space(codec.parse(each.body)).id for each in backups}
    assert spaces - OWN == kept


async def tended(service: Service) -> None:
    """Do what background work does in the course of an hour."""
    await service.work()
    for _ in range(2):
        service.clock.skip(1800)
        for chore in CHORES:
            await chore.run(service.engine.context)
        await service.work()


async def die(place: Place, scenario: Scenario, life: Life) -> None:
    """Die, and check what another process makes of it."""
    answered, backend, objects, clock = await lived(place, scenario, life)
    service = Service(checked(backend), clock=clock, buckets=DictBuckets(objects))
    changed = await scenario.disturb(service)
    if not answered and scenario.token:
        await scenario.request(service)
    await tended(service)
    there = await scenario.check(Found(service=service, objects=objects, changed=changed))
    assert there or not (answered or scenario.token)
    await check_place(service)
    await service.engine.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_every_call(name: str) -> None:
    scenario = SCENARIOS[name]

    async def main() -> None:
        place = await prepared()
        whole = Life()
        await lived(place, scenario, whole)
        assert whole.used > 3
        for calls in range(1, whole.used + 1):
            for done in (False, True):
                try:
                    await die(place, scenario, Life(calls, last_is_done=done))
                except Exception as error:
                    error.add_note(
                        f"died at call {calls} of {whole.used}, which was {'' if done else 'not '}carried out"
                    )
                    raise

    asyncio.run(main())
