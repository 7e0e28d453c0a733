"""Bulk puts into a table in use: conditions, reports, cancellation, restarts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from backup_kit import CALLER, Service, item, run

from extenddb.core.types.attribute import item_size
from extenddb.core.types.keys import Key
from extenddb.engine import codec, system
from extenddb.engine.imports import reading
from extenddb.engine.jobs import bulk_put as bulk_job
from extenddb.engine.jobs import progress, waiting
from extenddb.storage.model import Mutation, PointRead, Put, Row, Space
from extenddb.storage.spi import Backend

NEW = {"ConditionExpression": "attribute_not_exists(pk)"}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step do one small turn."""
    monkeypatch.setattr(waiting, "_STEP_SECONDS", 0.0)
    monkeypatch.setattr(bulk_job, "_BYTES", 400)
    monkeypatch.setattr(bulk_job, "_RECORDS", 7)
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


def test_a_process_that_was_thought_dead_puts_nothing_again(store: str, small_steps: None, tmp_path: Path) -> None:
    """It goes on from every state there was, when others have done more, and when the operation has ended."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        put_object(tmp_path, "1", *({"Item": item(number)} for number in range(40)))
        arn = await started(service)
        states = []
        while jobs := await backend.documents.list("job", limit=9):
            states.append(codec.parse(jobs[0].body)["State"])
            await service.step()
        assert len(states) > 6
        for number in range(40):
            await service.put(number, "mine")
        before = await described(service, arn)
        for state in states:
            following: Any = state
            while following is not None:
                following = await bulk_job.bulk_put(service.restarted().engine.context, following)
        for state in states[1:-1]:  # one that had looked at the description before the operation ended
            late = service.restarted().engine.context
            document = await backend.documents.get("bulk", state["Key"])
            assert document is not None
            running = {**codec.parse(document.body), "BulkOperationStatus": "IN_PROGRESS"}
            await backend.documents.put("bulk", state["Key"], codec.dump(running))
            await bulk_job.bulk_put(late, state)
            await backend.documents.put("bulk", state["Key"], document.body)
        assert await described(service, arn) == before
        assert all(each["color"] == {"S": "mine"} for each in await service.contents())

    run(store, scenario)


def test_a_call_of_one_that_was_overtaken_is_refused(store: str) -> None:
    async def scenario(backend: Backend) -> None:
        context = Service(backend).engine.context
        key = Key(b"x" * 24, b"")
        space = Space(id="target")
        await system.prepare(backend.catalog, space)
        first, second = {progress.NUMBER: 1, "at": "first"}, {progress.NUMBER: 2, "at": "second"}
        assert await progress.latest(context, "operation", first) == first
        for state in (first, second):
            await backend.items.mutate([progress.reached("operation", state)])
        put = Mutation(space, key, lambda _row: Put(b"late", 4))
        for state in (first, second):
            with pytest.raises(progress.Overtaken):
                await backend.items.mutate([put, progress.reached("operation", state)])
        assert await backend.items.get([PointRead(space, key)]) == [None]
        assert await progress.latest(context, "operation", first) == second
        await progress.forget(context, "operation")
        assert await progress.latest(context, "operation", first) == first

    run(store, scenario)


def test_conditions_that_others_change_meanwhile_are_looked_at_anew(small_steps: None, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        put_object(tmp_path, "1", *({"Item": item(number, "blue"), **NEW} for number in range(6)))
        arn = await started(service)
        items = service.engine.context.items
        found = items.get_many

        async def late(reads: Sequence[PointRead]) -> list[Row | None]:
            rows = await found(reads)
            items.get_many = found  # type: ignore[method-assign]
            await service.put(3)
            return rows

        items.get_many = late  # type: ignore[method-assign]
        await service.work()
        description = await described(service, arn)
        assert (description["ProcessedItemCount"], description["FailedItemCount"]) == (6, 1)
        colors = {int(each["sk"]["N"]): each["color"]["S"] for each in await service.contents()}
        assert colors == {number: "red" if number == 3 else "blue" for number in range(6)}

    run("memory", scenario)


def test_what_is_there_already_is_a_failed_condition(small_steps: None, tmp_path: Path) -> None:
    """Also when it is exactly what was to be put."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        await service.put(1)
        put_object(tmp_path, "1", {"Item": item(1), **NEW}, {"Item": item(2), **NEW}, {"Item": item(2), **NEW})
        arn = await started(service)
        await service.work_with_crashes()
        assert (await described(service, arn))["FailedItemCount"] == 2
        assert [json.loads(each["Record"])["Item"]["sk"]["N"] for each in reports(tmp_path)] == ["1", "2"]

    run("memory", scenario)


def test_puts_over_items_move_their_index_entries(store: str, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table()
        for number in range(0, 300, 3):
            await service.put(number)
        new = {number: {**item(number, "blue" if number % 2 else "red"), "note": {"S": "x"}} for number in range(300)}
        twice = [{"Item": item(299, "green")}, {"Item": new[299]}]  # the last of equal keys stays
        put_object(tmp_path, "1", *({"Item": each} for each in new.values()), *twice)
        arn = await started(service)
        await service.work()
        description = await described(service, arn)
        assert (description["BulkOperationStatus"], description["ProcessedItemCount"]) == ("COMPLETED", 302)
        contents = {int(each["sk"]["N"]): each for each in await service.contents()}
        assert contents == new
        assert len(await service.contents(IndexName="by-color")) == 300

    run(store, scenario)


def test_puts_into_a_table_without_indexes(store: str, tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        key = {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}
        await service.call(
            "CreateTable",
            TableName="source",
            AttributeDefinitions=list(key),
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for number in range(0, 600, 5):
            await service.put(number)
        wrong: dict[str, Any] = {"Item": {"pk": {"S": "x"}}}
        put_object(tmp_path, "1", *({"Item": item(number, "blue")} for number in range(600)), wrong)
        arn = await started(service)
        await service.work()
        description = await described(service, arn)
        assert description["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
        assert (description["ProcessedItemCount"], description["FailedItemCount"]) == (601, 1)
        contents = {int(each["sk"]["N"]): each for each in await service.contents()}
        assert contents == {number: item(number, "blue") for number in range(600)}
        size = sum(map(item_size, contents.values()))
        assert description["BulkOperationUsage"] == [
            {"TableName": "source", "BulkPutBytes": size, "Table": {"BulkPutBytes": size}}
        ]

    run(store, scenario)


def test_every_put_into_a_table_with_a_stream_leaves_a_record(tmp_path: Path) -> None:
    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        await service.table(StreamSpecification=stream)
        put_object(tmp_path, "1", *({"Item": item(number)} for number in range(200)))
        await started(service)
        await service.work()
        table = await service.engine.context.tables.load(CALLER.account, "source")
        assert table is not None
        (capture,) = table.captures
        found = await backend.streams.read(capture.stream, limit=1000, max_bytes=1 << 20)
        assert len(found.records) == 200

    run("memory", scenario)


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
