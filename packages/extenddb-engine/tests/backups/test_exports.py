"""Exports: the layout others read, exact as of a time, whole and incremental; and back into a table."""

from __future__ import annotations

import asyncio
import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from backup_kit import CALLER, Item, Service, item, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extenddb.engine import ion
from extenddb.engine.buckets import FolderBuckets, ObjectInfo
from extenddb.engine.jobs import export as export_job
from extenddb.engine.jobs import restore as restore_job
from extenddb.engine.jobs import waiting
from extenddb.storage.spi import Backend

ARN = f"arn:aws:dynamodb:eu-north-1:{CALLER.account}:table/source"


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    monkeypatch.setattr(export_job, "_ROWS", 50)
    monkeypatch.setattr(export_job, "_RECORDS", 5)
    monkeypatch.setattr(restore_job, "_RECORDS", 5)


async def prepared(service: Service, count: int = 40) -> None:
    await service.table()
    await service.call(
        "UpdateContinuousBackups",
        TableName="source",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    for number in range(count):
        await service.put(number)


async def exported(service: Service, *, crashing: bool = False, **request: Any) -> dict[str, Any]:
    answer = await service.call("ExportTableToPointInTime", TableArn=ARN, S3Bucket="exports", **request)
    arn = answer["ExportDescription"]["ExportArn"]
    assert answer["ExportDescription"]["ExportStatus"] == "IN_PROGRESS"
    if crashing:
        assert await service.work_with_crashes() > 3
    else:
        await service.work()
    description: dict[str, Any] = (await service.call("DescribeExport", ExportArn=arn))["ExportDescription"]
    return description


def lines(root: Path, description: dict[str, Any]) -> list[Any]:
    """Return the lines of an export, having checked its manifests."""
    bucket = root / "exports"
    summary_path = bucket / description["ExportManifest"]
    summary = json.loads(summary_path.read_bytes())
    assert summary["exportArn"] == description["ExportArn"]
    assert summary["itemCount"] == description["ItemCount"]
    for name in ("manifest-summary", "manifest-files"):
        body = (summary_path.parent / f"{name}.json").read_bytes()
        assert b64decode((summary_path.parent / f"{name}.checksum").read_bytes()) == md5(body).digest()
    assert (summary_path.parent / "_started").read_bytes() == b""
    found: list[Any] = []
    for line in (bucket / summary["manifestFilesS3Key"]).read_text().splitlines():
        entry = json.loads(line)
        body = (bucket / entry["dataFileS3Key"]).read_bytes()
        assert b64encode(md5(body).digest()).decode() == entry["md5Checksum"]
        parsed = [json.loads(each) for each in gzip.decompress(body).splitlines()]
        assert len(parsed) == entry["itemCount"]
        found += parsed
    assert len(found) == description["ItemCount"]
    return found


def test_full_export_has_the_layout_of_the_service(store: str, small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, 120)
        contents = await service.contents()
        description = await exported(service, crashing=True, S3Prefix="some/where")
        assert description["ExportStatus"] == "COMPLETED"
        assert description["ExportManifest"].startswith("some/where/AWSDynamoDB/")
        assert description["BilledSizeBytes"] > 0
        assert lines(tmp_path, description) == [{"Item": each} for each in contents]
        summary = json.loads((tmp_path / "exports" / description["ExportManifest"]).read_bytes())
        assert summary["version"] == "2020-06-30"
        assert summary["outputFormat"] == "DYNAMODB_JSON"
        assert len([*(tmp_path / "exports").rglob("data/*.json.gz")]) > 1
        tables = [record.name for record in await backend.catalog.records(limit=100)]
        assert tables == ["source"]

    run(store, scenario)


def test_export_of_an_earlier_time_while_writes_go_on(small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service)
        service.clock.now = (service.clock.now // 1000 + 1) * 1000
        moment, contents = service.clock.now // 1000, await service.contents()
        service.clock.skip(10)
        for number in range(0, 60, 3):
            await service.put(number, "later")
            await service.delete(number + 1)
        answer = await service.call("ExportTableToPointInTime", TableArn=ARN, S3Bucket="exports", ExportTime=moment)
        numbers = iter(range(1000))

        async def disturb() -> None:
            await service.delete(next(numbers) * 7 % 40)
            await service.put(next(numbers) * 11 % 80, "again")

        await service.work_with_crashes(disturb)
        arn = answer["ExportDescription"]["ExportArn"]
        description = (await service.call("DescribeExport", ExportArn=arn))["ExportDescription"]
        assert lines(tmp_path, description) == [{"Item": each} for each in contents]

    run("memory", scenario)


class LateBuckets:
    """Buckets that objects reach only when time has passed: whoever writes stands still until then."""

    def __init__(self, buckets: FolderBuckets) -> None:
        self.buckets = buckets
        self.waiting = 0
        self.passed = asyncio.Event()

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        self.waiting += 1
        await self.passed.wait()
        return await self.buckets.put(bucket, key, body)

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        return await self.buckets.list(bucket, prefix=prefix, after=after, limit=limit)

    def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        return self.buckets.read(bucket, key)


@pytest.mark.parametrize("kind", ["FULL_EXPORT", "INCREMENTAL_EXPORT"])
def test_objects_that_come_late_are_the_same(small_steps: None, tmp_path: Path, kind: str) -> None:
    """A process that was thought dead writes what others have written meanwhile, from a table that has changed."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, 0)
        service.clock.now = (service.clock.now // 1000 + 1) * 1000
        begin = service.clock.now // 1000
        for number in range(120):
            await service.put(number)
        service.clock.now = (begin + 1000) * 1000
        period = {"ExportFromTime": begin, "ExportToTime": begin + 1000}
        request = {"IncrementalExportSpecification": period} if kind == "INCREMENTAL_EXPORT" else {}
        service.clock.skip(10)
        answer = await service.call(
            "ExportTableToPointInTime", TableArn=ARN, S3Bucket="exports", ExportType=kind, **request
        )
        buckets = LateBuckets(FolderBuckets(tmp_path))
        late: list[asyncio.Task[bool]] = []
        numbers = iter(range(1000))
        while await backend.documents.list("job", limit=1):
            slow = Service(backend, clock=service.clock, buckets=buckets)
            late.append(asyncio.create_task(slow.step(lost=True)))
            await asyncio.wait(late[-1:], timeout=0.05)  # it has read what it wants to write
            for _ in range(10):
                number = next(numbers)
                await service.delete(number * 7 % 120)
                await service.put(200 + number)
            await service.step()
        arn = answer["ExportDescription"]["ExportArn"]
        description = (await service.call("DescribeExport", ExportArn=arn))["ExportDescription"]
        found = lines(tmp_path, description)
        objects = {path: path.read_bytes() for path in (tmp_path / "exports").rglob("*") if path.is_file()}
        assert buckets.waiting > 4
        buckets.passed.set()
        await asyncio.gather(*late, return_exceptions=True)  # some meet spaces that are gone
        assert (await service.call("DescribeExport", ExportArn=arn))["ExportDescription"] == description
        assert {path: path.read_bytes() for path in (tmp_path / "exports").rglob("*") if path.is_file()} == objects
        assert lines(tmp_path, description) == found
        assert len(found) == 120

    run("memory", scenario)


def test_incremental_export(store: str, small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, 10)
        service.clock.now = (service.clock.now // 1000 + 1) * 1000
        begin = service.clock.now / 1000
        await service.put(1, "blue")
        await service.put(1, "green")
        await service.delete(2)
        await service.put(20, "new")
        await service.put(30, "gone")
        await service.delete(30)
        service.clock.skip(20 * 60)
        written = service.clock.now
        await service.put(3, "late")
        service.clock.skip(60)
        end = service.clock.now / 1000
        for number in (1, 2, 3, 4, 20, 30):
            await service.put(number, "after")
        period = {"ExportFromTime": begin, "ExportToTime": end}
        description = await exported(
            service, crashing=True, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=period
        )
        found = {line["Keys"]["sk"]["N"]: line for line in lines(tmp_path, description)}
        assert sorted(found) == ["1", "2", "20", "3"]
        assert found["1"]["OldImage"] == item(1)
        assert found["1"]["NewImage"] == item(1, "green")
        assert (found["2"]["OldImage"], "NewImage" in found["2"]) == (item(2), False)
        assert ("OldImage" in found["20"], found["20"]["NewImage"]) == (False, item(20, "new"))
        micros = int(found["3"]["Metadata"]["WriteTimestampMicros"]["N"])
        assert written * 1000 < micros < (written + 100) * 1000
        summary = json.loads((tmp_path / "exports" / description["ExportManifest"]).read_bytes())
        assert (summary["version"], summary["outputView"]) == ("2023-08-01", "NEW_AND_OLD_IMAGES")
        new_only = await exported(
            service,
            ExportType="INCREMENTAL_EXPORT",
            IncrementalExportSpecification={**period, "ExportViewType": "NEW_IMAGE"},
        )
        assert not any("OldImage" in line for line in lines(tmp_path, new_only))

    run(store, scenario)


def test_filters(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, 20)
        await service.put(7, "blue")
        specification = {
            "FilterExpression": "color = :blue OR sk < :small",
            "KeyConditionExpression": "pk = :key",
            "ProjectionExpression": "#n, color",
            "ExpressionAttributeNames": {"#n": "sk"},
            "ExpressionAttributeValues": {":blue": {"S": "blue"}, ":small": {"N": "5"}, ":key": {"S": "p0"}},
        }
        description = await exported(service, FilterSpecification=specification)
        assert lines(tmp_path, description) == [
            {"Item": {"sk": {"N": "0"}, "color": {"S": "red"}}},
            {"Item": {"sk": {"N": "7"}, "color": {"S": "blue"}}},
        ]
        wrong = {"KeyConditionExpression": "color = :c", "ExpressionAttributeValues": {":c": {"S": "x"}}}
        request = {"TableArn": ARN, "S3Bucket": "exports", "FilterSpecification": wrong}
        assert await service.refused("ExportTableToPointInTime", **request) == "ValidationException"

    run("memory", scenario)


def test_requests_are_checked_and_remembered(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        request: dict[str, Any] = {"TableArn": ARN, "S3Bucket": "exports"}
        assert await service.refused("ExportTableToPointInTime", **request) == "TableNotFoundException"
        await service.table()
        unavailable = "PointInTimeRecoveryUnavailableException"
        assert await service.refused("ExportTableToPointInTime", **request) == unavailable
        await service.call("DeleteTable", TableName="source")
        await prepared(service, 3)
        early = {**request, "ExportTime": 1}
        assert await service.refused("ExportTableToPointInTime", **early) == "InvalidExportTimeException"
        first = await exported(service, ClientToken="one")
        again = await service.call("ExportTableToPointInTime", **request, ClientToken="one")
        assert again["ExportDescription"] == first
        other = {**request, "ClientToken": "one", "S3Prefix": "elsewhere"}
        assert await service.refused("ExportTableToPointInTime", **other) == "ExportConflictException"
        service.clock.skip(9 * 60 * 60)
        arns = [first["ExportArn"]]
        for _ in range(4):
            arns.append((await exported(service, ClientToken="one"))["ExportArn"])
            service.clock.skip(9 * 60 * 60)
        listed: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = await service.call("ListExports", MaxResults=2, **token)
            listed += [each["ExportArn"] for each in page["ExportSummaries"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert listed == arns[::-1]
        assert (await service.call("ListExports", TableArn=ARN))["ExportSummaries"][0]["ExportStatus"] == "COMPLETED"
        missing = {"ExportArn": f"{ARN}/export/00000000000000-00000000"}
        assert await service.refused("DescribeExport", **missing) == "ExportNotFoundException"

    run("memory", scenario)


def test_a_bucket_that_cannot_be_written_fails_the_export(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, 3)
        (tmp_path / "exports").write_text("in the way")
        description = await exported(service)
        assert description["ExportStatus"] == "FAILED"
        assert description["FailureCode"] == "S3UnknownError"
        nowhere = Service(backend, None, service.clock)
        assert (await exported(nowhere))["FailureCode"] == "S3NoSuchBucket"

    run("memory", scenario)


NUMBERS = st.decimals(-(10**20), 10**20, allow_nan=False, places=6).map(str)
BINARIES = st.binary(max_size=20).map(lambda data: b64encode(data).decode())
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.just('a\0b\n"\\')


def _sets(members: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(members, min_size=1, max_size=4, unique=True)


INTEGERS = st.integers(-(10**30), 10**30).map(str)
SCALARS: st.SearchStrategy[Item] = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    NUMBERS.map(lambda text: {"N": text}),
    BINARIES.map(lambda text: {"B": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    _sets(TEXTS).map(lambda members: {"SS": members}),
    _sets(INTEGERS).map(lambda members: {"NS": members}),
    _sets(BINARIES).map(lambda members: {"BS": members}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda members: {"L": members})
        | st.dictionaries(TEXTS, inner, max_size=3).map(lambda members: {"M": members})
    ),
    max_leaves=8,
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda name: name not in ("pk", "sk", "color")
)
ITEMS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=12)


def normal(value: Any) -> Any:
    """Return a value with its sets in one order."""
    if isinstance(value, dict):
        return {name: sorted(each) if name in ("SS", "NS", "BS") else normal(each) for name, each in value.items()}
    return [normal(member) for member in value] if isinstance(value, list) else value


@pytest.mark.parametrize("format_", ["DYNAMODB_JSON", "ION"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=ITEMS)
def test_what_is_exported_can_be_imported(tmp_path: Path, format_: str, items: list[Item]) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await prepared(service, 0)
        for number, members in enumerate(items):
            await service.call("PutItem", TableName="source", Item={**item(number), **members})
        description = await exported(service, ExportFormat=format_)
        data = description["ExportManifest"].replace("manifest-summary.json", "")
        source = await service.call("DescribeTable", TableName="source")
        parameters = {name: source["Table"][name] for name in ("AttributeDefinitions", "KeySchema")}
        index = {
            name: source["Table"]["GlobalSecondaryIndexes"][0][name]
            for name in ("IndexName", "KeySchema", "Projection")
        }
        await service.call(
            "ImportTable",
            S3BucketSource={"S3Bucket": "exports", "S3KeyPrefix": data},
            InputFormat=format_,
            InputCompressionType="GZIP",
            TableCreationParameters={
                **parameters,
                "TableName": "copied",
                "BillingMode": "PAY_PER_REQUEST",
                "GlobalSecondaryIndexes": [index],
            },
        )
        await service.work()
        assert normal(await service.contents("copied")) == normal(await service.contents())
        assert len(await service.contents("copied", IndexName="by-color")) == len(items)

    run("memory", scenario)


def test_ion_text_is_that_of_the_service() -> None:
    line = ion.dump(
        {"Item": ion.struct({"id": {"N": "103"}, "tags": {"SS": ["a"]}, "b": {"B": "AAE="}, "n": {"NULL": True}})}
    )
    assert line == b'$ion_1_0 {Item:{id:103d0,tags:$dynamodb_SS::["a"],b:{{AAE=}},n:null}}'
    theirs = b"$ion_1_0 {Item:{Id:103.,Price:2d3,InPublication:false,Sizes:$dynamodb_NS::[103.,6.]}}"
    assert ion.load(theirs)["Item"]["M"] == {
        "Id": {"N": "103"},
        "Price": {"N": "2E+3"},
        "InPublication": {"BOOL": False},
        "Sizes": {"NS": ["103", "6"]},
    }
