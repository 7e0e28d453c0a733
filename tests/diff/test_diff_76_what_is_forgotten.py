"""Exports are listed while they are under way, and are told of for 90 days after their end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings
from extenddb.engine.buckets import FolderBuckets
from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import CHORES, STEPS
from extenddb.storage.registry import load_backend

DAY_MS = 24 * 60 * 60 * 1000
TABLE = {
    "TableName": "told",
    "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def test_told_of_for_ninety_days(tmp_path: Path) -> None:
    async def scenario() -> None:
        plugin = load_backend("memory")
        async with plugin.provision({}) as settings:
            backend = await plugin.open(settings)
            engine = Engine(backend, EngineSettings(settle_seconds=0), buckets=FolderBuckets(tmp_path))
            now = [time.time_ns() // 1_000_000]
            engine.context.clock = lambda: now[0]
            jobs = Jobs(engine.context, STEPS, CHORES)

            async def call(operation: str, **request: Any) -> Any:
                return orjson.loads(orjson.dumps(await engine.execute(operation, Caller(), request)))

            created = await call("CreateTable", **TABLE)
            recovery = {"PointInTimeRecoveryEnabled": True}
            await call("UpdateContinuousBackups", TableName="told", PointInTimeRecoverySpecification=recovery)
            arn = created["TableDescription"]["TableArn"]
            export = (await call("ExportTableToPointInTime", TableArn=arn, S3Bucket="bucket"))["ExportDescription"]
            (summary,) = (await call("ListExports"))["ExportSummaries"]
            assert summary["ExportStatus"] == "IN_PROGRESS"
            while await jobs.tick():
                pass
            now[0] += 90 * DAY_MS - 1
            await jobs.tick()
            described = await call("DescribeExport", ExportArn=export["ExportArn"])
            assert described["ExportDescription"]["ExportStatus"] == "COMPLETED"
            now[0] += DAY_MS
            await jobs.tick()
            with pytest.raises(ServiceError) as caught:
                await call("DescribeExport", ExportArn=export["ExportArn"])
            assert caught.value.kind.name == "ExportNotFoundException"
            await engine.close()
            await backend.close()

    asyncio.run(scenario())
