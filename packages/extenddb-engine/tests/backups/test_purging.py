"""What nobody is told of any more is removed: after its time, not before, and with all that belongs to it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from backup_kit import CALLER, Service, item, run

from extenddb.engine import Engine, EngineSettings, system
from extenddb.engine.jobs import purging
from extenddb.engine.jobs.purging import purge
from extenddb.engine.jobs.recovery import tend_recovery
from extenddb.engine.jobs.runner import Jobs
from extenddb.engine.jobs.streams import tend_streams
from extenddb.engine.jobs.table import CHORES, STEPS
from extenddb.engine.jobs.tokens import purge_tokens
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Published, Row, ScanRead, Space
from extenddb.storage.spi import Backend

ARN = f"arn:aws:dynamodb:eu-north-1:{CALLER.account}:table/source"
DAY = 24 * 60 * 60
KINDS = ("export", "import", "bulk", "backup", "clienttoken", "job")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a walk have several pages."""
    monkeypatch.setattr(purging, "_PAGE", 2)


async def rows(backend: Backend, space: Space) -> list[Row]:
    try:
        return (await backend.items.scan(ScanRead(space=space, max_bytes=1 << 30))).rows
    except SchemaMismatch:
        return []


async def told(backend: Backend, stream: str) -> list[Published]:
    return (await backend.streams.read(stream, limit=99, max_bytes=1 << 20)).records


async def prepared(service: Service, root: Path) -> None:
    """Make a table with recovery, and an object to read."""
    on = {"PointInTimeRecoveryEnabled": True}
    await service.table()
    await service.call("UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=on)
    await service.put(1)
    path = root / "input" / "data.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(json.dumps({"Item": item(2)}).encode()))


async def move(service: Service, number: int) -> None:
    """Export, import and put in bulk once each, with tokens."""
    table = (await service.call("DescribeTable", TableName="source"))["Table"]
    keys = {element["AttributeName"] for element in table["KeySchema"]}
    parameters = {
        "AttributeDefinitions": [each for each in table["AttributeDefinitions"] if each["AttributeName"] in keys],
        "KeySchema": table["KeySchema"],
    }
    read = {"InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP"}
    token = {"ClientToken": f"token-{number}"}
    await service.call("ExportTableToPointInTime", TableArn=ARN, S3Bucket="output", **token)
    await service.call(
        "ImportTable",
        S3BucketSource={"S3Bucket": "input"},
        TableCreationParameters={**parameters, "TableName": f"loaded-{number}", "BillingMode": "PAY_PER_REQUEST"},
        **read,
        **token,
    )
    await service.call(
        "StartBulkPutItems",
        TableName="source",
        InputS3Configuration={"S3Bucket": "input", **read},
        OutputS3Configuration={"OutputType": ["ERROR"]},
        **token,
    )


async def counts(service: Service) -> dict[str, int]:
    """Return how many documents there are of each kind."""
    return {kind: len(await service.backend.documents.list(kind, limit=99)) for kind in KINDS}


async def shown(service: Service) -> list[int]:
    """Return how many operations of each kind are listed."""
    lists = (
        ("ListExports", "ExportSummaries"),
        ("ListImports", "ImportSummaryList"),
        ("ListBulkOperations", "BulkOperationsSummaryList"),
    )
    return [len((await service.call(operation))[member]) for operation, member in lists]


def test_operations_are_forgotten_after_ninety_days(store: str, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        context = service.engine.context
        await prepared(service, tmp_path)
        for number in range(3):
            await move(service, number)
            await service.work()
            service.clock.skip(10 * DAY)
        objects = sorted(path for path in (tmp_path / "output").rglob("*"))
        assert await shown(service) == [3, 3, 3]
        arns = [each["ExportArn"] for each in (await service.call("ListExports"))["ExportSummaries"]]
        service.clock.skip(60 * DAY - 60)
        await purge(context)
        assert await shown(service) == [3, 3, 3]  # a minute is missing
        assert len(await rows(backend, system.PROGRESS)) == 3
        for left in (2, 1, 0):
            service.clock.skip(120 if left == 2 else 10 * DAY)
            await purge(context)
            assert await shown(service) == [left] * 3
            assert len(await rows(backend, system.PROGRESS)) == left
        assert await service.refused("DescribeExport", ExportArn=arns[0]) == "ExportNotFoundException"
        assert await counts(service) == dict.fromkeys(KINDS, 0)
        assert sorted(path for path in (tmp_path / "output").rglob("*")) == objects
        assert (await service.call("ListTables"))["TableNames"] == ["loaded-0", "loaded-1", "loaded-2", "source"]

    run(store, scenario)


def test_what_is_under_way_is_never_forgotten(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, tmp_path)
        await move(service, 0)
        (operation,) = (await service.call("ListBulkOperations"))["BulkOperationsSummaryList"]
        arn = operation["BulkOperationArn"]
        service.clock.skip(200 * DAY)
        await purge(service.engine.context)
        assert await shown(service) == [1, 1, 1]
        await service.call("CancelBulkOperation", BulkOperationArn=arn)
        await purge(service.engine.context)
        assert await shown(service) == [1, 1, 1]
        await service.work()
        await purge(service.engine.context)
        assert await shown(service) == [
            1,
            1,
            0,
        ]  # bulk operations are told of by their beginning, the others by the end
        service.clock.skip(91 * DAY)
        await purge(service.engine.context)
        assert await shown(service) == [0, 0, 0]

    run("memory", scenario)


def test_client_tokens_are_remembered_for_eight_hours(store: str, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, tmp_path)
        await move(service, 0)
        await service.work()
        service.clock.skip(8 * 60 * 60 - 60)
        await purge(service.engine.context)
        assert (await counts(service))["clienttoken"] == 3
        service.clock.skip(120)
        await purge(service.engine.context)
        assert (await counts(service))["clienttoken"] == 0
        assert await shown(service) == [1, 1, 1]

    run(store, scenario)


def test_a_backup_whose_deletion_was_cut_short_is_removed(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await service.put(1)
        arn = (await service.call("CreateBackup", TableName="source", BackupName="backup"))["BackupDetails"][
            "BackupArn"
        ]
        await service.work()
        drop = backend.catalog.drop

        class Lost(Exception):
            pass

        async def lost(space: Space) -> None:
            raise Lost

        backend.catalog.drop = lost  # type: ignore[method-assign]
        with pytest.raises(Lost):
            await service.call("DeleteBackup", BackupArn=arn)
        backend.catalog.drop = drop  # type: ignore[method-assign]
        assert (await service.call("ListBackups"))["BackupSummaries"] == []
        assert await service.refused("DescribeBackup", BackupArn=arn) == "BackupNotFoundException"
        restore = {"TargetTableName": "target", "BackupArn": arn}
        assert await service.refused("RestoreTableFromBackup", **restore) == "BackupNotFoundException"
        await purge(service.engine.context)
        assert (await counts(service))["backup"] == 0
        assert [record.name for record in await backend.catalog.records(limit=9)] == ["source"]

    run(store, scenario)


def test_backups_made_on_request_do_not_expire() -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await service.call("CreateBackup", TableName="source", BackupName="backup")
        await service.work()
        service.clock.skip(1000 * DAY)
        await purge(service.engine.context)
        assert (await counts(service))["backup"] == 1

    run("memory", scenario)


def test_streams_and_recovery_keep_no_more_than_they_tell_of(store: str) -> None:
    """Records beyond 24 hours, shards without records, rows of marks, and changes beyond RecoveryPeriodInDays."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        service.engine = Engine(backend, EngineSettings(settle_seconds=0, shard_seconds=60))
        context = service.engine.context
        context.clock = service.clock
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        arn = (await service.table(StreamSpecification=stream))["LatestStreamArn"]
        specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 3}
        await service.call(
            "UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=specification
        )
        (log,) = await backend.documents.list("recovery", limit=9)
        marks = 0
        for day in range(10):
            await service.put(day)
            service.clock.skip(3600)
            await tend_streams(context)
            marks += len(await rows(backend, system.MARKS))
            await purge(context)
            assert await rows(backend, system.MARKS) == []
            service.clock.skip(DAY - 3600)
            await tend_streams(context)
            await tend_recovery(context)
            (held,) = await backend.documents.list("stream", limit=9)
            records = await told(backend, json.loads(held.body)["id"])
            assert sum(b"NewImage" in each.body or b'"New"' in each.body for each in records) <= 1
            assert len(await told(backend, log.key)) <= 4
            described = (await service.call("DescribeStream", StreamArn=arn))["StreamDescription"]
            assert len(described["Shards"]) <= 4
        assert marks > 10
        await service.call("DeleteTable", TableName="source")
        service.clock.skip(DAY + 3600)
        await tend_streams(context)
        await tend_recovery(context)
        await purge(context)
        for kind in ("stream", "recovery"):
            assert await backend.documents.list(kind, limit=9) == []
        assert await told(backend, log.key) == []

    run(store, scenario)


def test_tokens_of_transactions_are_remembered_for_ten_minutes(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        for number in range(5):
            put = {"Put": {"TableName": "source", "Item": item(number)}}
            await service.call("TransactWriteItems", TransactItems=[put], ClientRequestToken=f"token-{number}")
            service.clock.skip(60)
        for minutes, left in ((4, 5), (2.5, 3), (3, 0)):
            service.clock.skip(minutes * 60)
            await purge_tokens(service.engine.context)
            assert len(await rows(backend, system.TOKENS)) == left

    run(store, scenario)


def test_every_removal_is_a_chore(tmp_path: Path) -> None:
    """A server's background work does all of it without being asked."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        context = service.engine.context
        await prepared(service, tmp_path)
        await move(service, 0)
        await service.work()
        jobs = Jobs(context, STEPS, CHORES)
        await jobs.tick()
        assert await shown(service) == [1, 1, 1]
        context.readers["left by a job that is done"] = object()
        service.clock.skip(91 * DAY)
        await jobs.tick()
        assert await shown(service) == [0, 0, 0]
        assert context.readers == {}
        removed: dict[str, Any] = await counts(service)
        assert removed == dict.fromkeys(KINDS, 0)

    run("memory", scenario)
