"""Bulk puts into a table in use: conditions, reports, cancellation, restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from backup_kit import Service, item, run

from extenddb.engine.imports import reading
from extenddb.engine.jobs import bulk_put as bulk_job
from extenddb.engine.jobs import waiting
from extenddb.storage.spi import Backend

NEW = {"ConditionExpression": "attribute_not_exists(pk)"}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    monkeypatch.setattr(bulk_job, "_BYTES", 400)
    monkeypatch.setattr(reading, "_PIECE", 200)


def put_object(root: Path, key: str, *records: Any) -> None:
    path = root / "input" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in records]
    path.write_bytes(b"\n".join(lines) + b"\n")


REQUEST: dict[str, Any] = {
    "TableName": "source",
    "InputS3Configuration": {"S3Bucket": "input", "InputFormat": "DYNAMODB_JSON"},
    "OutputS3Configuration": {
        "S3Bucket": "output",
        "S3KeyPrefix": "reports",
        "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"],
    },
}


async def described(service: Service, arn: str) -> dict[str, Any]:
    answer = await service.call("DescribeBulkOperation", BulkOperationArn=arn)
    description: dict[str, Any] = answer["BulkOperationDescription"]
    return description


async def started(service: Service, **request: Any) -> str:
    answer = await service.call("StartBulkPutItems", **{**REQUEST, **request})
    description = answer["BulkOperationDescription"]
    assert description["BulkOperationStatus"] == "IN_PROGRESS"
    arn: str = description["BulkOperationArn"]
    return arn


def reports(root: Path) -> list[dict[str, Any]]:
    """Return all lines of all reports."""
    paths = sorted((root / "output" / "reports").rglob("data/*.json"))
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def test_puts_conditions_and_errors(store: str, small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        for number in range(5):
            await service.put(number)
        put_object(tmp_path, "1", *({"Item": item(number, "blue")} for number in range(3, 20)))
        guarded = [{"Item": item(number, "green"), **NEW} for number in range(15, 30)]
        put_object(tmp_path, "2", *guarded, b"no json", {"Item": {"pk": {"S": "x"}}})
        arn = await started(service)
        assert await service.work_with_crashes() > 5
        description = await described(service, arn)
        assert description["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
        assert description["ProcessedItemCount"] == 17 + 15 + 2
        assert description["FailedItemCount"] == 5 + 2
        assert description["TotalInputBytes"] == description["ProcessedInputBytes"]
        (usage,) = description["BulkOperationUsage"]
        assert usage["BulkPutBytes"] == 2 * usage["Table"]["BulkPutBytes"]
        assert usage["GlobalSecondaryIndexes"] == {"by-color": usage["Table"]}
        colors = {int(each["sk"]["N"]): each["color"]["S"] for each in await service.contents()}
        assert colors == {number: "red" if number < 3 else "blue" if number < 20 else "green" for number in range(30)}
        found = reports(tmp_path)
        assert sorted(each["OutputType"] for each in found) == ["CONDITION_CHECK_FAILURE"] * 5 + ["ERROR"] * 2
        failed = [json.loads(each["Record"]) for each in found if each["OutputType"] != "ERROR"]
        assert sorted(int(each["Item"]["sk"]["N"]) for each in failed) == [15, 16, 17, 18, 19]
        (manifest,) = (tmp_path / "output").rglob("manifest-summary.json")
        assert json.loads(manifest.read_bytes())["failedItemCount"] == 7

    run(store, scenario)


def test_failed_conditions_are_no_errors_and_reports_are_made_on_request(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        await service.put(1)
        condition = {
            "ConditionExpression": "#c = :c",
            "ExpressionAttributeNames": {"#c": "color"},
            "ExpressionAttributeValues": {":c": {"S": "red"}},
        }
        put_object(tmp_path, "1", {"Item": item(1, "blue"), **condition}, {"Item": item(2, "blue"), **condition})
        output = {**REQUEST["OutputS3Configuration"], "OutputType": ["ERROR"]}
        arn = await started(service, OutputS3Configuration=output, MaxWriteRequestUnits=1_000_000)
        await service.work()
        description = await described(service, arn)
        assert (description["BulkOperationStatus"], description["FailedItemCount"]) == ("COMPLETED", 1)
        assert reports(tmp_path) == []
        assert await service.contents() == [item(1, "blue")]

    run("memory", scenario)


def test_ion_lines_carry_conditions_too(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        await service.put(1)
        line = b'$ion_1_0 {Item:{pk:"p1",sk:1.,color:"blue"},ConditionExpression:"attribute_not_exists(#p)",'
        put_object(tmp_path, "1", line + b"ExpressionAttributeNames:{'#p':\"pk\"}}", b'{Item:{pk:"p2",sk:2}}')
        configuration = {**REQUEST["InputS3Configuration"], "InputFormat": "ION"}
        arn = await started(service, InputS3Configuration=configuration)
        await service.work()
        assert (await described(service, arn))["FailedItemCount"] == 1
        assert await service.contents() == [item(1), {"pk": {"S": "p2"}, "sk": {"N": "2"}}]

    run("memory", scenario)


def test_cancelling_keeps_what_is_written(small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        put_object(tmp_path, "1", *({"Item": item(number)} for number in range(100)))
        arn = await started(service)
        await service.step()
        await service.step()
        answer = await service.call("CancelBulkOperation", BulkOperationArn=arn)
        assert answer == {"BulkOperationArn": arn, "BulkOperationStatus": "CANCELLING"}
        await service.work()
        description = await described(service, arn)
        assert description["BulkOperationStatus"] == "CANCELLED"
        written = len(await service.contents())
        assert 0 < written < 100
        assert description["ProcessedItemCount"] == written
        answer = await service.call("CancelBulkOperation", BulkOperationArn=arn)
        assert answer["BulkOperationStatus"] == "CANCELLED"

    run("memory", scenario)


def test_requests_are_checked_and_remembered(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        assert await service.refused("StartBulkPutItems", **REQUEST) == "ResourceNotFoundException"
        await service.table()
        assert await service.refused("StartBulkPutItems", **REQUEST) == "ValidationException"
        put_object(tmp_path, "1", {"Item": item(1)})
        arns = [await started(service, ClientToken="one")]
        again = await service.call("StartBulkPutItems", **REQUEST, ClientToken="one")
        assert again["BulkOperationDescription"]["BulkOperationArn"] == arns[0]
        other = {**REQUEST, "ClientToken": "one", "MaxWriteRequestUnits": 2048}
        assert await service.refused("StartBulkPutItems", **other) == "IdempotentParameterMismatchException"
        for _ in range(2):
            service.clock.skip(1)
            arns.append(await started(service))
        await service.work()
        page = await service.call("ListBulkOperations", MaxResults=2)
        found = [each["BulkOperationArn"] for each in page["BulkOperationsSummaryList"]]
        page = await service.call("ListBulkOperations", MaxResults=2, NextToken=page["NextToken"])
        assert "NextToken" not in page
        found += [each["BulkOperationArn"] for each in page["BulkOperationsSummaryList"]]
        assert found == arns[::-1]
        missing = {"BulkOperationArn": arns[0][:-1] + "z"}
        for operation in ("DescribeBulkOperation", "CancelBulkOperation"):
            assert await service.refused(operation, **missing) == "ResourceNotFoundException"

    run("memory", scenario)
