"""From an ImportTable request to the table it makes and what is read for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import validation
from extenddb.engine import ion
from extenddb.engine.imports.reading import Source, types_of
from extenddb.engine.imports.records import DECOMPRESSORS
from extenddb.engine.tables.table import Table

PARTS = "Parts"
"""Member of an import's record, beside its description: how far each of its jobs is."""
_PASSED_ON = (
    "ClientToken",
    "S3BucketSource",
    "InputFormat",
    "InputFormatOptions",
    "TableCreationParameters",
)


def check(format_: str, compression: str, options: Mapping[str, Any] | None) -> None:
    """Raise a ValidationException for what cannot be read here."""
    if format_ == "ION":
        ion.require()
    if options and options.get("Csv") and format_ != "CSV":
        raise validation(f"Invalid Request: Unsupported InputFormatOptions for the given input format: {format_}.")
    DECOMPRESSORS[compression]()


def answered(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ImportTableDescription of what is on record."""
    return {name: value for name, value in body.items() if name != PARTS}


def described(request: Mapping[str, Any], table: Mapping[str, Any], *, arn: str, now_ms: int) -> dict[str, Any]:
    """Return the ImportTableDescription of an import that begins, into a table of that description."""
    region, account = table["TableArn"].split(":")[3:5]
    return {
        "ImportArn": arn,
        "ImportStatus": "IN_PROGRESS",
        "TableArn": table["TableArn"],
        "TableId": table["TableId"],
        "CloudWatchLogGroupArn": f"arn:aws:logs:{region}:{account}:log-group:/aws-dynamodb/imports:*",
        "InputCompressionType": request.get("InputCompressionType") or "NONE",
        "StartTime": now_ms / 1000,
        "ErrorCount": 0,
        "ProcessedSizeBytes": 0,
        "ProcessedItemCount": 0,
        "ImportedItemCount": 0,
        **{member: request[member] for member in _PASSED_ON if request.get(member) is not None},
        "S3BucketSource": {"S3BucketOwner": account, **request["S3BucketSource"]},
    }


def source(description: Mapping[str, Any], table: Table, share: tuple[int, int]) -> Source:
    """Return what one share of an import reads."""
    place = description["S3BucketSource"]
    return Source(
        bucket=place["S3Bucket"],
        prefix=place.get("S3KeyPrefix") or "",
        format=description["InputFormat"],
        compression=description["InputCompressionType"],
        csv=(description.get("InputFormatOptions") or {}).get("Csv") or {},
        types=types_of(table.definition),
        share=share,
    )
