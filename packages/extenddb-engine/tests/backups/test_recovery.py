"""Point-in-time recovery: every second of the window can be gone back to, whatever happened since."""

from __future__ import annotations

import random
from typing import Any

import pytest
from backup_kit import CALLER, START, Item, Service, item, run

from extenddb.engine.backups import undo
from extenddb.engine.jobs import restore as restore_job
from extenddb.engine.jobs import waiting
from extenddb.engine.jobs.recovery import tend_recovery
from extenddb.storage.spi import Backend

ON = {"PointInTimeRecoveryEnabled": True}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn, and every read of the log take a few records."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    monkeypatch.setattr(restore_job, "_ROWS", 5)
    monkeypatch.setattr(restore_job, "_RECORDS", 6)
    monkeypatch.setattr(undo, "_RECORDS", 3)


async def switch(service: Service, **specification: Any) -> dict[str, Any]:
    answer = await service.call(
        "UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification={**ON, **specification}
    )
    description: dict[str, Any] = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return description


async def restored(service: Service, seconds: float, target: str, *, crashing: bool = False) -> list[Item]:
    answer = await service.call(
        "RestoreTableToPointInTime", SourceTableName="source", TargetTableName=target, RestoreDateTime=seconds
    )
    assert int(answer["TableDescription"]["RestoreSummary"]["RestoreDateTime"]) == int(seconds)
    if crashing:
        await service.work_with_crashes()
    else:
        await service.work()
    return await service.contents(target)


def test_every_second_can_be_gone_back_to(store: str, small_steps: None) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        chance = random.Random(7)
        await service.table()
        for number in range(12):
            await service.put(number)
        await switch(service)
        history: dict[int, list[Item]] = {}
        for _ in range(8):
            service.clock.skip(1)
            for _ in range(6):
                number = chance.randrange(20)
                if chance.random() < 0.4:
                    await service.delete(number)
                else:
                    await service.put(number, chance.choice(("red", "blue", "green")))
            service.clock.now = (service.clock.now // 1000 + 1) * 1000
            history[service.clock.now // 1000] = await service.contents()
        assert len({str(each) for each in history.values()}) == len(history)
        for seconds, contents in history.items():
            assert await restored(service, seconds, f"t{seconds}", crashing=seconds % 3 == 0) == contents
            indexed = await service.contents(f"t{seconds}", IndexName="by-color")
            assert sorted(map(str, indexed)) == sorted(map(str, contents))

    run(store, scenario)


def test_writes_during_the_restore_are_not_in_it(small_steps: None) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await switch(service)
        for number in range(30):
            await service.put(number)
        before = await service.contents()
        await service.call(
            "RestoreTableToPointInTime",
            SourceTableArn=f"arn:aws:dynamodb:eu-north-1:{CALLER.account}:table/source",
            TargetTableName="target",
            UseLatestRestorableTime=True,
        )
        numbers = iter(range(1000))

        async def disturb() -> None:
            number = next(numbers)
            await service.put(number * 7 % 30, "blue")
            await service.delete(number * 11 % 30)
            await service.put(50 + number)

        assert await service.work_with_crashes(disturb) > 5
        assert await service.contents("target") == before

    run("memory", scenario)


def test_a_write_that_commits_late_is_seen_nowhere(small_steps: None) -> None:
    """Its time is before the moment, but the restore had begun to read: half of a transaction must not appear."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await switch(service)
        for number in range(20):
            await service.put(number)
        before = await service.contents()
        moment = service.clock.now + 5000
        service.clock.skip(10)
        await service.call(
            "RestoreTableToPointInTime",
            SourceTableName="source",
            TargetTableName="target",
            RestoreDateTime=moment / 1000,
        )
        await service.step()
        await service.step()
        service.clock.now = moment - 1000
        for number in range(20):
            await service.put(number, "late")
        await service.work()
        assert await service.contents("target") == before

    run("memory", scenario)


def test_window(small_steps: None) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        described = await service.call("DescribeContinuousBackups", TableName="source")
        assert described == {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
            }
        }
        restore: dict[str, Any] = {"SourceTableName": "source", "TargetTableName": "target"}
        latest = {**restore, "UseLatestRestorableTime": True}
        assert await service.refused("RestoreTableToPointInTime", **latest) == "PointInTimeRecoveryUnavailableException"
        description = await switch(service, RecoveryPeriodInDays=2)
        assert description["RecoveryPeriodInDays"] == 2
        assert START <= description["EarliestRestorableDateTime"] * 1000 <= service.clock.now
        for seconds in (START // 1000 - 1, service.clock.now // 1000 + 60):
            outside = {**restore, "RestoreDateTime": seconds}
            assert await service.refused("RestoreTableToPointInTime", **outside) == "InvalidRestoreTimeException"
        assert await service.refused("RestoreTableToPointInTime", **restore) == "ValidationException"
        nowhere = {**latest, "SourceTableName": "nowhere"}
        assert await service.refused("RestoreTableToPointInTime", **nowhere) == "TableNotFoundException"
        taken = {**latest, "TargetTableName": "source"}
        assert await service.refused("RestoreTableToPointInTime", **taken) == "TableAlreadyExistsException"
        service.clock.skip(5 * 24 * 60 * 60)
        answer = await service.call("DescribeContinuousBackups", TableName="source")
        window = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        length = window["LatestRestorableDateTime"] - window["EarliestRestorableDateTime"]
        assert round(length) == 2 * 24 * 60 * 60
        assert (await switch(service))["RecoveryPeriodInDays"] == 2

    run("memory", scenario)


def test_the_log_is_trimmed_to_the_window_and_goes_with_its_table(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        context = service.engine.context
        await service.table()
        await switch(service, RecoveryPeriodInDays=1)
        await service.put(1)
        await service.put(2)
        service.clock.skip(2 * 24 * 60 * 60)
        at = service.clock.now
        await service.put(2, "blue")
        (log,) = await backend.documents.list("recovery", limit=9)
        assert len((await backend.streams.read(log.key, limit=9, max_bytes=9999)).records) == 3
        await tend_recovery(context)
        assert len((await backend.streams.read(log.key, limit=9, max_bytes=9999)).records) == 1
        service.clock.skip(5)
        assert await restored(service, at // 1000, "target") == [item(1), item(2)]
        await service.call("DeleteTable", TableName="source")
        service.clock.skip(2 * 60 * 60)
        await tend_recovery(context)
        assert await backend.documents.list("recovery", limit=9) == []
        assert (await backend.streams.read(log.key, limit=9, max_bytes=9999)).records == []

    run(store, scenario)


def test_disabling_forgets_the_history(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await switch(service)
        await service.put(1)
        await switch(service, PointInTimeRecoveryEnabled=False)
        assert await backend.documents.list("recovery", limit=9) == []
        await service.put(2)
        service.clock.skip(10)
        begun = (await switch(service))["EarliestRestorableDateTime"]
        assert begun * 1000 >= START + 10_000
        await service.put(3)
        service.clock.skip(10)
        assert await restored(service, int(begun), "target") == [item(1), item(2)]

    run(store, scenario)


def test_a_restore_whose_source_is_removed_takes_its_target_with_it(small_steps: None) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table()
        await switch(service)
        for number in range(20):
            await service.put(number)
        restore = {"SourceTableName": "source", "TargetTableName": "target", "UseLatestRestorableTime": True}
        await service.call("RestoreTableToPointInTime", **restore)
        await service.step()
        await service.call("DeleteTable", TableName="source")
        await service.work()
        assert (await service.call("ListTables"))["TableNames"] == []

    run("memory", scenario)
