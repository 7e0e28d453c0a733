"""From an ExportTableToPointInTime request to what is exported. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import INVALID_EXPORT_TIME, ServiceError, invalid_request
from extenddb.engine import ion
from extenddb.engine.backups import recovery
from extenddb.engine.backups.recovery import utc_second
from extenddb.engine.exports import filter as filters
from extenddb.engine.exports.layout import INCREMENTAL
from extenddb.engine.tables.table import Table

_SHORTEST_MS = 15 * 60 * 1000
_LONGEST_MS = 24 * 60 * 60 * 1000
_PASSED_ON = (
    "ClientToken",
    "S3Bucket",
    "S3BucketOwner",
    "S3Prefix",
    "S3SseKmsKeyId",
    "ExportType",
    "FilterSpecification",
)


def check_shape(request: Mapping[str, Any]) -> None:
    """Raise a ValidationException for members that do not go together."""
    kind, period = request.get("ExportType"), request.get("IncrementalExportSpecification")
    if kind == INCREMENTAL:
        if period is None:
            raise invalid_request(
                "Incremental Export Specification expected when export type is set as Incremental Export"
            )
        if period.get("ExportFromTime") is None:
            raise invalid_request("ExportFromTime must be provided in IncrementalExportSpecification")
        if request.get("ExportTime") is not None:
            raise invalid_request("When Export Type is Incremental Export , Export Time should not be provided")
    elif period is not None and kind is None:
        raise invalid_request(
            "Export Type expected to be Incremental Export when incremental export specification is provided"
        )
    elif period is not None:
        raise invalid_request(
            "When Export Type is Full Export , Incremental Export Specification should not be provided"
        )
    if request.get("S3SseKmsKeyId") is not None and request.get("S3SseAlgorithm") != "KMS":
        raise invalid_request("KMS Key Id is not supported for this encryption type")
    if request.get("FilterSpecification") == {}:
        raise invalid_request("Invalid FilterSpecification: The specification can not be empty")


def described(table: Table, request: Mapping[str, Any], *, arn: str, now_ms: int) -> dict[str, Any]:
    """Return the ExportDescription of an export that begins. Raises ServiceError for a request that is not right.

    A period is looked at before recovery is, a time after it.
    """
    period = _period(table, request, now_ms) if request.get("ExportType") == INCREMENTAL else None
    window = recovery.require(table)
    format_ = request.get("ExportFormat") or "DYNAMODB_JSON"
    if format_ == "ION":
        ion.require()
    filters.bind(table, request.get("FilterSpecification"))
    description = {
        "ExportArn": arn,
        "ExportStatus": "IN_PROGRESS",
        "StartTime": now_ms / 1000,
        "TableArn": table.description["TableArn"],
        "TableId": table.description["TableId"],
        "S3SseAlgorithm": request.get("S3SseAlgorithm") or "AES256",
        "ExportFormat": format_,
        **{member: request[member] for member in _PASSED_ON if request.get(member) is not None},
    }
    if period is None:
        description["ExportTime"] = _time(request, window, now_ms)
    else:
        _check_inside(round(period["ExportFromTime"] * 1000), window, now_ms)
        description["IncrementalExportSpecification"] = period
    return description


def _time(request: Mapping[str, Any], window: Mapping[str, Any], now_ms: int) -> float:
    seconds = request.get("ExportTime")
    if seconds is None:
        return now_ms / 1000
    _check_inside(round(seconds * 1000), window, now_ms)
    return float(seconds)


def _period(table: Table, request: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    given = request["IncrementalExportSpecification"]
    begin, end = given["ExportFromTime"], given.get("ExportToTime")
    if begin < int(table.description["CreationDateTime"]):
        raise _no_time(
            "Incremental export period from time cannot be less than the table creation time : "
            f"{utc_second(round(begin * 1000))}"
        )
    end = now_ms / 1000 if end is None else end
    if end * 1000 > now_ms:
        raise _no_time(
            "Incremental export period to time cannot be greater than the current time : "
            f"{utc_second(round(end * 1000))}"
        )
    length, difference = round((end - begin) * 1000), "Difference between export period from time and export period"
    if length < _SHORTEST_MS:
        raise _no_time(f"{difference} to time is less than 15 minutes")
    if length > _LONGEST_MS:
        raise _no_time(f"{difference} to time is greater than 24 hours")
    view = given.get("ExportViewType") or "NEW_AND_OLD_IMAGES"
    return {"ExportFromTime": begin, "ExportToTime": end, "ExportViewType": view}


def _check_inside(moment_ms: int, window: Mapping[str, Any], now_ms: int) -> None:
    # Clients give whole seconds: the second in which the window begins is part of it.
    if not recovery.earliest(window, now_ms) // 1000 * 1000 <= moment_ms <= now_ms:
        raise _no_time("Export Time is invalid")


def _no_time(message: str) -> ServiceError:
    return ServiceError(INVALID_EXPORT_TIME, message)
