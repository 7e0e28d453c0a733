"""Bulk puts: their descriptions, and the reports of what was not written. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import validation
from extenddb.engine import codec
from extenddb.engine.imports.reading import Source, types_of
from extenddb.engine.tables.table import Table

ERROR, CONDITION = "ERROR", "CONDITION_CHECK_FAILURE"
"""OutputType: records that are no items of the table, and items whose condition did not hold."""
_PASSED_ON = ("ClientToken", "InputS3Configuration", "OutputS3Configuration", "MaxWriteRequestUnits")


def described(request: Mapping[str, Any], table: Table, *, arn: str, total: int, now_ms: int) -> dict[str, Any]:
    """Return the BulkOperationDescription of an operation that begins; `total` is the size of its objects."""
    name, id_ = table.description["TableName"], table.description["TableId"]
    return {
        "BulkOperationArn": arn,
        "BulkOperationStatus": "IN_PROGRESS",
        "TableDetails": [{"TableName": name, "TableId": id_}],
        "StartTime": now_ms / 1000,
        "ProcessedItemCount": 0,
        "ProcessedInputBytes": 0,
        "TotalInputBytes": total,
        "FailedItemCount": 0,
        "BulkOperationUsage": [],
        "PerformanceTier": request.get("PerformanceTier") or "STANDARD",
        **{member: request[member] for member in _PASSED_ON if request.get(member) is not None},
    }


def source(configuration: Mapping[str, Any], table: Table) -> Source:
    """Return what a bulk put reads."""
    return Source(
        bucket=configuration["S3Bucket"],
        prefix=configuration.get("S3KeyPrefix") or "",
        format=configuration["InputFormat"],
        compression=configuration.get("InputCompressionType") or "NONE",
        csv={},
        types=types_of(table.definition),
    )


def check_output(configuration: Mapping[str, Any]) -> None:
    """Raise a ValidationException for a report without kinds."""
    if not configuration["OutputType"]:
        raise validation("One or more parameter values were invalid: OutputType must not be empty")


def report_place(description: Mapping[str, Any]) -> tuple[str, str]:
    """Return bucket and folder of the reports; without a bucket they stand beside the input."""
    output = description["OutputS3Configuration"]
    bucket = output.get("S3Bucket") or description["InputS3Configuration"]["S3Bucket"]
    prefix = str(output.get("S3KeyPrefix") or "").strip("/")
    id_ = str(description["BulkOperationArn"]).rsplit("/", 1)[1]
    return bucket, f"{prefix}/AWSDynamoDB/{id_}/" if prefix else f"AWSDynamoDB/{id_}/"


def report_line(kind: str, place: str, record: bytes, message: str) -> bytes:
    """Return the line of a report about one record."""
    text = record.decode(errors="replace").strip()
    return codec.dump({"OutputType": kind, "S3Key": place, "Message": message, "Record": text}) + b"\n"


def manifest(description: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the manifest of an operation that ended."""
    return codec.dump(
        {
            "bulkOperationArn": description["BulkOperationArn"],
            "status": description["BulkOperationStatus"],
            "processedItemCount": description["ProcessedItemCount"],
            "failedItemCount": description["FailedItemCount"],
            "reports": list(reports),
        }
    )


def usage(table: Table, state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the BulkOperationUsage of what was written."""
    if not state["TableBytes"]:
        return []
    found: dict[str, Any] = {
        "TableName": table.definition.name,
        "BulkPutBytes": state["TableBytes"] + sum(state["IndexBytes"].values()),
        "Table": {"BulkPutBytes": state["TableBytes"]},
    }
    for index in table.indexes:
        if index.name in state["IndexBytes"]:
            member = "LocalSecondaryIndexes" if index.kind == "LOCAL" else "GlobalSecondaryIndexes"
            found.setdefault(member, {})[index.name] = {"BulkPutBytes": state["IndexBytes"][index.name]}
    return [found]
