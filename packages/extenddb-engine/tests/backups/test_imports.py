"""Imports: every format and compression, faulty records, restarts, and what becomes of the table."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from backup_kit import Service, item, run

from extenddb.engine import codec
from extenddb.engine.imports import reading
from extenddb.engine.jobs import import_table as import_job
from extenddb.engine.jobs import waiting
from extenddb.storage.spi import Backend

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "NONE": lambda data: data,
    "GZIP": lambda data: gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :]),
    "ZSTD": zstandard.compress,
}
TABLE: dict[str, Any] = {
    "TableName": "target",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
        {"AttributeName": "color", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-color",
            "KeySchema": [{"AttributeName": "color", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    monkeypatch.setattr(import_job, "_BYTES", 300)
    monkeypatch.setattr(reading, "_PIECE", 200)


def put_object(root: Path, key: str, data: bytes) -> None:
    path = root / "input" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def json_lines(numbers: range) -> bytes:
    return b"".join(json.dumps({"Item": item(number)}).encode() + b"\n" for number in numbers)


async def imported(service: Service, *, crashing: bool = False, prefix: str = "", **request: Any) -> dict[str, Any]:
    request = {"InputFormat": "DYNAMODB_JSON", "TableCreationParameters": TABLE, **request}
    source = {"S3Bucket": "input", "S3KeyPrefix": prefix}
    answer = await service.call("ImportTable", S3BucketSource=source, **request)
    description = answer["ImportTableDescription"]
    assert description["ImportStatus"] == "IN_PROGRESS"
    if crashing:
        assert await service.work_with_crashes() > 1
    else:
        await service.work()
    answer = await service.call("DescribeImport", ImportArn=description["ImportArn"])
    found: dict[str, Any] = answer["ImportTableDescription"]
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_objects_of_every_compression(store: str, small_steps: None, tmp_path: Path, compression: str) -> None:
    async def scenario(backend: Backend) -> None:
        for part in range(3):
            data = json_lines(range(part * 20, part * 20 + 20))
            put_object(tmp_path, f"data/{part}", COMPRESSIONS[compression](data))
        put_object(tmp_path, "elsewhere/x", b"not to be read\n")
        service = Service(backend, tmp_path)
        description = await imported(service, crashing=True, prefix="data/", InputCompressionType=compression)
        assert description["ImportStatus"] == "COMPLETED"
        assert (description["ImportedItemCount"], description["ErrorCount"]) == (60, 0)
        assert description["ProcessedItemCount"] == 60
        assert description["ProcessedSizeBytes"] == len(json_lines(range(60)))
        contents = await service.contents("target")
        assert sorted(contents, key=lambda each: int(each["sk"]["N"])) == [item(number) for number in range(60)]
        assert len(await service.contents("target", IndexName="by-color")) == 60
        table = (await service.call("DescribeTable", TableName="target"))["Table"]
        assert table["TableStatus"] == "ACTIVE"
        await service.put(100, table="target")

    run(store, scenario)


def test_csv(small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        put_object(
            tmp_path,
            "a.csv",
            b'pk,sk,color,note\r\nx,1,red,"say ""hi"", you"\r\nx,2,,two\nx,3,blue,"over\ntwo lines"\nx,4\n',
        )
        service = Service(backend, tmp_path)
        description = await imported(service, InputFormat="CSV")
        assert (description["ImportedItemCount"], description["ErrorCount"]) == (3, 1)
        assert await service.contents("target") == [
            {"pk": {"S": "x"}, "sk": {"N": "1"}, "color": {"S": "red"}, "note": {"S": 'say "hi", you'}},
            {"pk": {"S": "x"}, "sk": {"N": "2"}, "note": {"S": "two"}},
            {"pk": {"S": "x"}, "sk": {"N": "3"}, "color": {"S": "blue"}, "note": {"S": "over\ntwo lines"}},
        ]

    run("memory", scenario)


def test_csv_with_given_header_and_delimiter(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        put_object(tmp_path, "a.csv", b"x;1;a,b\ny;2;\n")
        options = {"Csv": {"Delimiter": ";", "HeaderList": ["pk", "sk", "note"]}}
        service = Service(backend, tmp_path)
        await imported(service, InputFormat="CSV", InputFormatOptions=options)
        notes = {each["pk"]["S"]: each["note"]["S"] for each in await service.contents("target")}
        assert notes == {"x": "a,b", "y": ""}

    run("memory", scenario)


BAD = [
    b"no json",
    b"{}",
    b'{"Item": {"pk": {"S": "a"}}}',
    b'{"Item": {"pk": {"S": "a"}, "sk": {"S": "1"}}}',
    b'{"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}, "color": {"N": "1"}}}',
    b'{"Item": {"pk": {"S": "a"}, "sk": {"N": "x"}}}',
    b'{"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}, "wrong": {"Q": "1"}}}',
    b'{"Item": {"pk": {"S": "a"}, "sk": {"N": "1"}, "big": {"S": "' + b"x" * 500_000 + b'"}}}',
    b'{"Item": [1]}',
    b'"\xff"',
]


def test_faulty_records_are_counted_and_the_others_kept(small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        put_object(tmp_path, "data", json_lines(range(3)) + b"\n".join(BAD) + b"\n\n" + json_lines(range(3, 6))[:-1])
        put_object(tmp_path, "second", b"\x1f\x8bnot gzip at all")
        service = Service(backend, tmp_path)
        description = await imported(service, crashing=True, prefix="data")
        assert (description["ImportStatus"], description["FailureCode"]) == ("FAILED", "ItemValidationError")
        assert description["FailureMessage"] == (
            "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for "
            "more details."
        )
        assert (description["ImportedItemCount"], description["ErrorCount"]) == (6, len(BAD))
        table = (await service.call("DescribeTable", TableName="target"))["Table"]
        assert table["TableStatus"] == "ACTIVE"
        assert len(await service.contents("target")) == 6

    run("memory", scenario)


def test_the_rest_of_a_broken_object_is_passed_over(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        put_object(tmp_path, "1", gzip.compress(json_lines(range(5)))[:-12])
        put_object(tmp_path, "2", b"no gzip")
        put_object(tmp_path, "3", gzip.compress(json_lines(range(10, 15))))
        put_object(tmp_path, "manifest-summary.json", b"{}")
        service = Service(backend, tmp_path)
        description = await imported(service, InputCompressionType="GZIP")
        assert description["ErrorCount"] == 2
        numbers = {int(each["sk"]["N"]) for each in await service.contents("target")}
        assert numbers >= set(range(10, 15))

    run("memory", scenario)


def test_the_last_of_equal_keys_in_one_object_stays(store: str, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        colors = ["red", "green", "blue"] * 40
        data = b"".join(json.dumps({"Item": item(1, color)}).encode() + b"\n" for color in colors)
        put_object(tmp_path, "data", data)
        service = Service(backend, tmp_path)
        description = await imported(service)
        assert description["ImportedItemCount"] == 120
        assert await service.contents("target") == [item(1, "blue")]
        assert await service.contents("target", IndexName="by-color") == [item(1, "blue")]

    run(store, scenario)


def test_no_bucket_leaves_no_table_and_no_objects_an_empty_one(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        description = await imported(service)
        assert (description["ImportStatus"], description["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
        put_object(tmp_path, "other/data", json_lines(range(3)))
        service.clock.skip(1)
        assert (await service.call("ListTables"))["TableNames"] == []
        description = await imported(service, prefix="data")
        assert (description["ImportStatus"], description["ProcessedItemCount"]) == ("COMPLETED", 0)
        assert await service.contents("target") == []

    run("memory", scenario)


def test_requests_are_checked_and_remembered(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        put_object(tmp_path, "data", json_lines(range(3)))
        service = Service(backend, tmp_path)
        first = await imported(service, ClientToken="one")
        request: dict[str, Any] = {
            "S3BucketSource": {"S3Bucket": "input", "S3KeyPrefix": ""},
            "InputFormat": "DYNAMODB_JSON",
            "TableCreationParameters": TABLE,
        }
        assert first["S3BucketSource"]["S3BucketOwner"] == first["TableArn"].split(":")[4]
        assert await service.refused("ImportTable", **request, ClientToken="one") == "ResourceInUseException"
        other = {**request, "TableCreationParameters": {**TABLE, "TableName": "elsewhere"}, "ClientToken": "one"}
        assert await service.refused("ImportTable", **other) == "ImportConflictException"
        assert await service.refused("ImportTable", **request) == "ResourceInUseException"
        await service.call("DeleteTable", TableName="target")
        again = await service.call("ImportTable", **request, ClientToken="one")
        assert again["ImportTableDescription"] == first
        strange = {**request, "InputFormatOptions": {"Csv": {"Delimiter": ";"}}}
        assert await service.refused("ImportTable", **strange) == "ValidationException"
        service.clock.skip(1)
        second = {**TABLE, "TableName": "second"}
        await imported(service, TableCreationParameters=second)
        listed = await service.call("ListImports", PageSize=1)
        assert listed["ImportSummaryList"][0]["TableArn"].endswith("table/second")
        listed = await service.call("ListImports", PageSize=1, NextToken=listed["NextToken"])
        assert [each["ImportArn"] for each in listed["ImportSummaryList"]] == [first["ImportArn"]]
        assert "NextToken" not in listed
        of_one = await service.call("ListImports", TableArn=first["TableArn"])
        assert len(of_one["ImportSummaryList"]) == 1
        missing = {"ImportArn": first["ImportArn"][:-1] + "z"}
        assert await service.refused("DescribeImport", **missing) == "ImportNotFoundException"

    run("memory", scenario)


def test_a_process_that_was_thought_dead_does_no_harm(small_steps: None, tmp_path: Path) -> None:
    """It goes on from an old state when others have ended the work."""

    async def scenario(backend: Backend) -> None:
        for part in range(10):  # some for every share
            put_object(tmp_path, f"data/{part}", json_lines(range(part * 5, part * 5 + 5)))
        service = Service(backend, tmp_path)
        source = {"S3Bucket": "input", "S3KeyPrefix": ""}
        request = {"InputFormat": "DYNAMODB_JSON", "TableCreationParameters": TABLE}
        answer = await service.call("ImportTable", S3BucketSource=source, **request)
        states = [codec.parse(job.body)["State"] for job in await backend.documents.list("job", limit=9)]
        for begun in states[:-1]:
            state: Any = begun
            while state is not None:
                state = await import_job.import_table(service.engine.context, state)
        late = service.restarted().engine.context
        for state in states[:-1]:
            await import_job.import_table(late, state)
        state = states[-1]
        while state is not None:
            state = await import_job.import_table(service.engine.context, state)
        arn = answer["ImportTableDescription"]["ImportArn"]
        description = (await service.call("DescribeImport", ImportArn=arn))["ImportTableDescription"]
        assert (description["ImportStatus"], description["ImportedItemCount"]) == ("COMPLETED", 50)

    run("memory", scenario)
