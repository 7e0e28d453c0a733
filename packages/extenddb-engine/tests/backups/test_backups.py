"""On-demand backups: exact as of one moment while writes go on, and restored with indexes and settings."""

from __future__ import annotations

from typing import Any

import pytest
from backup_kit import START, Service, item, parsed, run

from extenddb.engine import codec
from extenddb.engine.jobs import backup as backup_job
from extenddb.engine.jobs import restore as restore_job
from extenddb.engine.jobs import waiting
from extenddb.engine.tables import filling
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import NewRow
from extenddb.storage.spi import Backend


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    monkeypatch.setattr(backup_job, "_ROWS", 7)
    monkeypatch.setattr(restore_job, "_ROWS", 7)
    monkeypatch.setattr(restore_job, "_RECORDS", 5)


async def backed_up(service: Service, name: str = "first") -> str:
    answer = await service.call("CreateBackup", TableName="source", BackupName=name)
    assert answer["BackupDetails"]["BackupStatus"] == "CREATING"
    arn: str = answer["BackupDetails"]["BackupArn"]
    return arn


async def status(service: Service, arn: str) -> dict[str, Any]:
    answer = await service.call("DescribeBackup", BackupArn=arn)
    details: dict[str, Any] = answer["BackupDescription"]["BackupDetails"]
    return details


def test_backup_is_the_table_of_one_moment(store: str, small_steps: None) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        for number in range(40):
            await service.put(number)
        arn = await backed_up(service)
        await service.step()  # from here on the moment is fixed
        before = await service.contents()
        numbers = iter(range(1000))

        async def disturb() -> None:
            number = next(numbers)
            await service.put(number * 3 % 40, "blue", table="source")
            await service.delete(number * 5 % 40)
            await service.put(100 + number)

        assert await service.work_with_crashes(disturb) > 5
        details = await status(service, arn)
        assert details["BackupStatus"] == "AVAILABLE"
        assert details["BackupSizeBytes"] > 0
        answer = await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        assert answer["TableDescription"]["TableStatus"] == "CREATING"
        assert await service.work_with_crashes() > 5
        assert await service.contents("target") == before
        assert len(await service.contents("target", IndexName="by-color")) == len(before)

    run(store, scenario)


def test_a_table_that_is_being_restored_is_not_there_yet(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await service.put(1)
        arn = await backed_up(service)
        assert await service.refused("DeleteBackup", BackupArn=arn) == "BackupInUseException"
        restore: dict[str, Any] = {"TargetTableName": "target", "BackupArn": arn}
        assert await service.refused("RestoreTableFromBackup", **restore) == "BackupInUseException"
        await service.work()
        answer = await service.call("RestoreTableFromBackup", **restore)
        summary = answer["TableDescription"]["RestoreSummary"]
        assert summary["RestoreInProgress"] is True
        assert summary["SourceBackupArn"] == arn
        assert await service.refused("DeleteBackup", BackupArn=arn) == "BackupInUseException"
        assert await service.refused("RestoreTableFromBackup", **restore) == "TableInUseException"
        other = {**restore, "TargetTableName": "other"}
        assert await service.refused("RestoreTableFromBackup", **other) == "BackupInUseException"
        for operation, members in (
            ("PutItem", {"Item": item(2)}),
            ("Scan", {}),
            ("GetItem", {"Key": {"pk": {"S": "p1"}, "sk": {"N": "1"}}}),
        ):
            assert await service.refused(operation, TableName="target", **members) == "ResourceNotFoundException"
        table = (await service.call("DescribeTable", TableName="target"))["Table"]
        assert (table["TableStatus"], table["GlobalSecondaryIndexes"][0]["IndexStatus"]) == ("CREATING", "CREATING")
        assert await service.refused("DeleteTable", TableName="target") == "ResourceInUseException"
        switch = {"BillingMode": "PAY_PER_REQUEST"}
        assert await service.refused("UpdateTable", TableName="target", **switch) == "ResourceNotFoundException"
        again = {"TableName": "target", "BackupName": "again"}
        assert await service.refused("CreateBackup", **again) == "TableNotFoundException"
        await service.work()
        table = (await service.call("DescribeTable", TableName="target"))["Table"]
        assert (table["TableStatus"], table["GlobalSecondaryIndexes"][0]["IndexStatus"]) == ("ACTIVE", "ACTIVE")
        assert table["RestoreSummary"]["RestoreInProgress"] is False
        assert await service.contents("target") == [item(1)]
        await service.put(2, table="target")
        await service.call("DeleteBackup", BackupArn=arn)

    run(store, scenario)


def test_a_table_is_kept_while_it_is_backed_up() -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await backed_up(service)
        context = service.engine.context
        (document,) = await backend.documents.list("job", limit=2)
        state = codec.parse(document.body)["State"]
        await backup_job._capture(context, state)
        assert await service.refused("DeleteTable", TableName="source") == "ResourceInUseException"
        await service.work()
        await service.call("DeleteTable", TableName="source")

    run("memory", scenario)


def test_overrides(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table(SSESpecification={"Enabled": True, "SSEType": "KMS"})
        for number in range(5):
            await service.put(number)
        arn = await backed_up(service)
        await service.work()
        capacity = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
        await service.call(
            "RestoreTableFromBackup",
            TargetTableName="target",
            BackupArn=arn,
            BillingModeOverride="PROVISIONED",
            ProvisionedThroughputOverride=capacity,
            GlobalSecondaryIndexOverride=[],
            SSESpecificationOverride={"Enabled": False},
        )
        await service.work()
        table = (await service.call("DescribeTable", TableName="target"))["Table"]
        assert "GlobalSecondaryIndexes" not in table
        assert "SSEDescription" not in table
        assert {name: table["ProvisionedThroughput"][name] for name in capacity} == capacity
        assert [each["AttributeName"] for each in table["AttributeDefinitions"]] == ["pk", "sk"]
        assert table["ItemCount"] == 5
        wrong = [
            {
                "IndexName": "by-color",
                "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ]
        other = {"TargetTableName": "other", "BackupArn": arn, "GlobalSecondaryIndexOverride": wrong}
        assert await service.refused("RestoreTableFromBackup", **other) == "ValidationException"

    run(store, scenario)


def test_vector_indexes_are_restored(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        index = {
            "IndexName": "by-meaning",
            "VectorAttribute": {"AttributeName": "meaning"},
            "Projection": {"ProjectionType": "ALL"},
            "Dimensions": 2,
            "DistanceFunction": "EUCLIDEAN",
        }
        await service.table(VectorIndexes=[index])
        for number in range(5):
            await service.put(number, meaning={"L": [{"N": str(number)}, {"N": "0"}]})
        arn = await backed_up(service)
        await service.work()
        described = (await service.call("DescribeBackup", BackupArn=arn))["BackupDescription"]
        assert described["SourceTableFeatureDetails"]["VectorIndexes"] == [index]
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        await service.work()
        (restored,) = (await service.call("DescribeTable", TableName="target"))["Table"]["VectorIndexes"]
        assert restored["IndexStatus"] == "ACTIVE"
        search = {"SearchVector": [{"N": "3"}, {"N": "0"}], "TopK": 1}
        answer = await service.call("SearchVectors", TableName="target", IndexName="by-meaning", **search)
        (found,) = answer["SearchResults"]
        assert parsed(found["Item"])["sk"] == {"N": "3"}
        none: dict[str, Any] = {"TargetTableName": "none", "BackupArn": arn, "VectorIndexOverride": []}
        await service.call("RestoreTableFromBackup", **none)
        await service.work()
        assert "VectorIndexes" not in (await service.call("DescribeTable", TableName="none"))["Table"]
        other = {**none, "TargetTableName": "other", "VectorIndexOverride": [{**index, "Dimensions": 3}]}
        assert await service.refused("RestoreTableFromBackup", **other) == "ValidationException"

    run(store, scenario)


def test_listing_and_describing() -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
        await service.table("another")
        arns = []
        for number in range(5):
            arns.append(await backed_up(service, f"backup-{number}"))
            service.clock.skip(10)
        await service.call("CreateBackup", TableName="another", BackupName="backup-5")
        await service.work()

        async def names(**request: Any) -> list[str]:
            found: list[str] = []
            while True:
                answer = await service.call("ListBackups", Limit=2, **request)
                found += [each["BackupName"] for each in answer["BackupSummaries"]]
                if "LastEvaluatedBackupArn" not in answer:
                    return found
                request["ExclusiveStartBackupArn"] = answer["LastEvaluatedBackupArn"]

        assert await names() == [f"backup-{number}" for number in range(6)]
        assert await names(TableName="source") == [f"backup-{number}" for number in range(5)]
        assert await names(BackupType="SYSTEM") == []
        low, high = START // 1000 + 10, START // 1000 + 30
        assert await names(TimeRangeLowerBound=low, TimeRangeUpperBound=high) == ["backup-1", "backup-2"]
        described = (await service.call("DescribeBackup", BackupArn=arns[0]))["BackupDescription"]
        assert described["SourceTableDetails"]["TableName"] == "source"
        features = described["SourceTableFeatureDetails"]
        assert features["StreamDescription"]["StreamViewType"] == "KEYS_ONLY"
        assert features["GlobalSecondaryIndexes"][0]["IndexName"] == "by-color"
        gone = (await service.call("DeleteBackup", BackupArn=arns[0]))["BackupDescription"]
        assert gone["BackupDetails"]["BackupStatus"] == "DELETED"
        assert await service.refused("DescribeBackup", BackupArn=arns[0]) == "BackupNotFoundException"
        assert await service.refused("DeleteBackup", BackupArn=arns[0]) == "BackupNotFoundException"
        missing = {"TargetTableName": "target", "BackupArn": arns[0]}
        assert await service.refused("RestoreTableFromBackup", **missing) == "BackupNotFoundException"
        nowhere = {"TableName": "nowhere", "BackupName": "backup"}
        assert await service.refused("CreateBackup", **nowhere) == "TableNotFoundException"

    run("memory", scenario)


def test_nothing_is_left_behind(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await service.put(1)
        arn = await backed_up(service)
        await service.work()
        table = await service.engine.context.tables.load("123456789012", "source")
        assert table is not None
        assert table.captures == ()
        await service.call("DeleteBackup", BackupArn=arn)
        spaces = [record for record in await backend.catalog.records(limit=100) if record.namespace == "_system"]
        assert spaces == []

    run(store, scenario)


def test_nobody_goes_on_filling_a_table_that_is_open(store: str, small_steps: None) -> None:
    """A process that was thought dead would put back what users have changed since."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        for number in range(20):
            await service.put(number)
        arn = await backed_up(service)
        await service.work()
        await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
        await service.step()
        (job,) = await backend.documents.list("job", limit=9)
        state = codec.parse(job.body)["State"]
        late = service.restarted().engine.context
        table = await filling.find_filling(late, state["Namespace"], state["Table"], state["Space"])
        assert table is not None
        await service.work()
        await service.put(1, "blue", "target")
        key = table.schema.key(item(1))
        for size in (1, 2):  # a row that is there, and one that was removed
            with pytest.raises(SchemaMismatch):
                await filling.load(late, table, [NewRow(key, codec.dump(item(1)), size)])
            assert (item(1, "blue") in await service.contents("target")) == (size == 1)
            await service.delete(1, "target")

    run(store, scenario)
