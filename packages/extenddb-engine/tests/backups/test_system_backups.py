"""The backup that a table with point-in-time recovery leaves when it is deleted."""

from __future__ import annotations

import dataclasses
from typing import Any

from backup_kit import Service, item, parsed, run

from extenddb.engine import Engine, EngineSettings
from extenddb.engine.jobs.healing import heal
from extenddb.engine.jobs.purging import purge
from extenddb.engine.tables.removal import remove_due
from extenddb.storage.model import TableRecord
from extenddb.storage.spi import Backend

ON = {"PointInTimeRecoveryEnabled": True}
DAY = 24 * 60 * 60
COUNT = 30


async def prepared(service: Service, **members: Any) -> dict[str, Any]:
    """Make a table with recovery and some items, and return its description."""
    table = await service.table(**members)
    await service.call("UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=ON)
    for number in range(COUNT):
        await service.put(number, "blue" if number % 3 else "red")
    return table


async def system_backup(service: Service) -> dict[str, Any]:
    """Return the summary of the one there is."""
    (summary,) = (await service.call("ListBackups", BackupType="SYSTEM"))["BackupSummaries"]
    found: dict[str, Any] = summary
    return found


async def own_spaces(service: Service) -> list[str]:
    records = await service.backend.catalog.records(limit=99)
    return [record.name for record in records if record.namespace == "_system"]


def test_a_deleted_table_is_a_backup(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        table = await prepared(service)
        await service.call("CreateBackup", TableName="source", BackupName="mine")
        await service.work()
        contents = await service.contents()
        deleted = service.clock.now / 1000
        await service.call("DeleteTable", TableName="source")
        assert (await service.call("ListTables"))["TableNames"] == []

        summary = await system_backup(service)
        assert summary["BackupName"] == "source$DeletedTableBackup"
        assert summary["BackupArn"].startswith(f"{table['TableArn']}/backup/0")
        assert summary["BackupArn"].endswith("-00000000")
        assert (summary["BackupType"], summary["BackupStatus"]) == ("SYSTEM", "AVAILABLE")
        assert summary["TableId"] == table["TableId"]
        assert deleted < summary["BackupCreationDateTime"] < deleted + 1
        assert round(summary["BackupExpiryDateTime"] - summary["BackupCreationDateTime"]) == 35 * DAY
        assert summary["BackupSizeBytes"] > 0
        names = {
            kind: [
                each["BackupName"] for each in (await service.call("ListBackups", **kind_of(kind)))["BackupSummaries"]
            ]
            for kind in ("", "USER", "ALL", "AWS_BACKUP")
        }
        assert names == {"": ["mine"], "USER": ["mine"], "ALL": ["mine", summary["BackupName"]], "AWS_BACKUP": []}

        described = (await service.call("DescribeBackup", BackupArn=summary["BackupArn"]))["BackupDescription"]
        assert described["SourceTableDetails"]["ItemCount"] == COUNT
        assert described["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by-color"
        restore = {"TargetTableName": "source", "BackupArn": summary["BackupArn"]}
        restored = (await service.call("RestoreTableFromBackup", **restore))["TableDescription"]
        assert restored["RestoreSummary"]["SourceBackupArn"] == summary["BackupArn"]
        await service.work()
        assert await service.contents() == contents
        assert len(await service.contents(IndexName="by-color")) == COUNT
        recovery = await service.call("DescribeContinuousBackups", TableName="source")
        description = recovery["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert description == {"PointInTimeRecoveryStatus": "DISABLED"}

    run(store, scenario)


def kind_of(kind: str) -> dict[str, str]:
    return {"BackupType": kind} if kind else {}


def test_it_goes_by_itself_and_never_before(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await prepared(service)
        await service.call("DeleteTable", TableName="source")
        arn = (await system_backup(service))["BackupArn"]
        assert await service.refused("DeleteBackup", BackupArn=arn) == "ValidationException"
        service.clock.skip(35 * DAY - 10)
        await purge(service.engine.context)
        assert (await system_backup(service))["BackupArn"] == arn
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        service.clock.skip(20)
        for operation in ("DescribeBackup", "DeleteBackup"):
            assert await service.refused(operation, BackupArn=arn) == "BackupNotFoundException"
        again = {"TargetTableName": "again", "BackupArn": arn}
        assert await service.refused("RestoreTableFromBackup", **again) == "BackupNotFoundException"
        assert (await service.call("ListBackups", BackupType="ALL"))["BackupSummaries"] == []
        await purge(service.engine.context)  # a table is being restored from it
        await service.work()
        assert len(await service.contents("target")) == COUNT
        assert len(await own_spaces(service)) == 1
        await purge(service.engine.context)
        assert await own_spaces(service) == []
        assert await backend.documents.list("backup", limit=9) == []

    run(store, scenario)


def test_without_recovery_nothing_is_left(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await prepared(service)
        off = {"PointInTimeRecoveryEnabled": False}
        await service.call("UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=off)
        await service.call("DeleteTable", TableName="source")
        assert (await service.call("ListBackups", BackupType="ALL"))["BackupSummaries"] == []
        assert await backend.catalog.records(limit=9) == []

    run(store, scenario)


def test_nobody_writes_into_a_backup(store: str) -> None:
    """A process that still knows the table is told that it is gone, also when there is another of that name."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await prepared(service)
        other = service.restarted()
        await other.put(0)  # it knows the table now
        contents = await service.contents()
        await service.call("DeleteTable", TableName="source")
        request = {"TableName": "source", "Item": item(1, "late")}
        assert await other.refused("PutItem", **request) == "ResourceNotFoundException"
        await service.table()
        await other.put(99)
        assert await service.contents() == [item(99)]
        arn = (await system_backup(service))["BackupArn"]
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        await service.work()
        assert await service.contents("target") == contents

    run(store, scenario)


def test_two_who_delete_leave_one_backup() -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await prepared(service)
        alter = backend.catalog.alter

        async def late(record: TableRecord, *, expected: int) -> TableRecord:
            backend.catalog.alter = alter  # type: ignore[method-assign]
            await service.call("DeleteTable", TableName="source")
            return await alter(record, expected=expected)

        backend.catalog.alter = late  # type: ignore[method-assign]
        other = service.restarted()
        assert (await other.call("DeleteTable", TableName="source"))["TableDescription"]["TableStatus"] == "DELETING"
        await system_backup(service)
        assert len(await own_spaces(service)) == 1

    run("memory", scenario)


def test_vectors_and_streams_are_what_they_were(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        index = {
            "IndexName": "by-meaning",
            "VectorAttribute": {"AttributeName": "meaning"},
            "Projection": {"ProjectionType": "ALL"},
            "Dimensions": 2,
            "DistanceFunction": "EUCLIDEAN",
        }
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        table = await prepared(service, VectorIndexes=[index], StreamSpecification=stream)
        await service.put(100, meaning={"L": [{"N": "3"}, {"N": "0"}]})
        await service.call("DeleteTable", TableName="source")
        arn = table["LatestStreamArn"]
        described = (await service.call("DescribeStream", StreamArn=arn))["StreamDescription"]
        assert described["StreamStatus"] == "DISABLED"
        backup = (await system_backup(service))["BackupArn"]
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=backup)
        await service.work()
        search = {"SearchVector": [{"N": "3"}, {"N": "0"}], "TopK": 1}
        answer = await service.call("SearchVectors", TableName="target", IndexName="by-meaning", **search)
        assert parsed(answer["SearchResults"][0]["Item"])["sk"] == {"N": "100"}
        assert len(await service.contents("target")) == COUNT + 1

    run(store, scenario)


def test_a_table_that_shows_deleting_is_a_backup_when_it_is_gone() -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        service.engine = Engine(backend, EngineSettings(settle_seconds=0, strict_waits=True, delay_seconds=60))
        service.engine.context.clock = service.clock
        await service.table()
        service.clock.skip(100)
        await service.call("UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=ON)
        await service.put(1)
        service.clock.skip(100)
        await service.call("DeleteTable", TableName="source")
        await service.put(2)
        await remove_due(service.engine.context)
        assert (await service.call("ListBackups", BackupType="SYSTEM"))["BackupSummaries"] == []
        service.clock.skip(100)
        await remove_due(service.engine.context)
        arn = (await system_backup(service))["BackupArn"]
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        await service.work()
        assert await service.contents("target") == [item(1), item(2)]

    run("memory", scenario)


def test_what_a_process_left_is_put_on_record(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await prepared(service)
        documents = backend.documents

        class Lost(Exception):
            pass

        async def lost(*_: object, **__: object) -> int:
            raise Lost

        put, documents.put = documents.put, lost  # type: ignore[method-assign]
        try:
            await service.call("DeleteTable", TableName="source")
        except Lost:
            documents.put = put  # type: ignore[method-assign]
        assert (await service.call("ListBackups", BackupType="SYSTEM"))["BackupSummaries"] == []
        for _ in range(2):
            await heal(service.engine.context)
        arn = (await system_backup(service))["BackupArn"]
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        await service.work()
        assert len(await service.contents("target")) == COUNT

    run(store, scenario)


def test_a_store_that_cannot_rename_leaves_none() -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await prepared(service)
        backend.capabilities = dataclasses.replace(backend.capabilities, renaming=False)  # type: ignore[misc]
        await service.call("DeleteTable", TableName="source")
        assert (await service.call("ListBackups", BackupType="SYSTEM"))["BackupSummaries"] == []
        assert await backend.catalog.records(limit=9) == []

    run("memory", scenario)
