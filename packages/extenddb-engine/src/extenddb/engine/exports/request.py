"""From an ExportTableToPointInTime request to what is exported. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import INVALID_EXPORT_TIME, ServiceError, validation
from extenddb.engine import ion
from extenddb.engine.backups import recovery
from extenddb.engine.exports import filter as filters
from extenddb.engine.exports.layout import INCREMENTAL
from extenddb.engine.tables.table import Table

FULL = "FULL_EXPORT"
"""ExportType of everything at one time, the default."""
_SHORTEST_MS = 15 * 60 * 1000
_LONGEST_MS = 24 * 60 * 60 * 1000
_PASSED_ON = (
    "ClientToken",
    "S3Bucket",
    "S3BucketOwner",
    "S3Prefix",
    "S3SseKmsKeyId",
    "FilterSpecification",
)


def described(table: Table, request: Mapping[str, Any], *, arn: str, now_ms: int) -> dict[str, Any]:
    """Return the ExportDescription of an export that begins. Raises ServiceError for a request that is not right."""
    window = recovery.require(table)
    format_ = request.get("ExportFormat") or "DYNAMODB_JSON"
    if format_ == "ION":
        ion.require()
    filters.bind(table, request.get("FilterSpecification"))
    kind = request.get("ExportType") or FULL
    description = {
        "ExportArn": arn,
        "ExportStatus": "IN_PROGRESS",
        "StartTime": now_ms / 1000,
        "TableArn": table.description["TableArn"],
        "TableId": table.description["TableId"],
        "S3SseAlgorithm": request.get("S3SseAlgorithm") or "AES256",
        "ExportFormat": format_,
        "ExportType": kind,
        **{member: request[member] for member in _PASSED_ON if request.get(member) is not None},
    }
    if kind == INCREMENTAL:
        description["IncrementalExportSpecification"] = _period(request, window, now_ms)
    else:
        description["ExportTime"] = _time(request, window, now_ms)
    return description


def _time(request: Mapping[str, Any], window: Mapping[str, Any], now_ms: int) -> float:
    if request.get("IncrementalExportSpecification") is not None:
        raise validation(
            f"One or more parameter values were invalid: IncrementalExportSpecification needs ExportType {INCREMENTAL}"
        )
    seconds = request.get("ExportTime")
    if seconds is None:
        return now_ms / 1000
    _check_inside(round(seconds * 1000), window, now_ms)
    return float(seconds)


def _period(request: Mapping[str, Any], window: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    if request.get("ExportTime") is not None:
        raise validation("One or more parameter values were invalid: ExportTime needs ExportType FULL_EXPORT")
    given = request.get("IncrementalExportSpecification") or {}
    begin = given.get("ExportFromTime")
    if begin is None:
        raise validation("One or more parameter values were invalid: ExportFromTime is required")
    end = given.get("ExportToTime")
    end = now_ms / 1000 if end is None else end
    length = round((end - begin) * 1000)
    if not _SHORTEST_MS <= length <= _LONGEST_MS:
        raise validation(
            "One or more parameter values were invalid: ExportToTime must be 15 minutes to 24 hours after "
            "ExportFromTime"
        )
    for seconds in (begin, end):
        _check_inside(round(seconds * 1000), window, now_ms)
    view = given.get("ExportViewType") or "NEW_AND_OLD_IMAGES"
    return {"ExportFromTime": begin, "ExportToTime": end, "ExportViewType": view}


def _check_inside(moment_ms: int, window: Mapping[str, Any], now_ms: int) -> None:
    # Clients give whole seconds: the second in which the window begins is part of it.
    if not recovery.earliest(window, now_ms) // 1000 * 1000 <= moment_ms <= now_ms:
        raise ServiceError(
            INVALID_EXPORT_TIME,
            "The export time must be between EarliestRestorableDateTime and LatestRestorableDateTime",
        )
