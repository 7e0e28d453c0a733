"""Kinesis streaming destinations of a table: which there are and in which state. Pure.

A destination is a setting: this deployment does not deliver to Kinesis, and the description of each destination says
so. The states and their texts are those the service answers with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.engine.tables import rules

SUBJECT = "Kinesis"
"""Where a table's settings hold the destinations, by stream ARN."""
NOT_DELIVERED = "Kept as a setting; records are not delivered."
"""The DestinationStatusDescription of an active destination."""
_ARN = re.compile(r"arn:[a-z0-9-]+:kinesis:[a-z0-9-]+:[0-9]{12}:stream/[a-zA-Z0-9_.-]{1,128}\Z")
_DEFAULT_PRECISION = "MILLISECOND"
_PRECISION = "ApproximateCreationDateTimePrecision"

Destinations = Mapping[str, Mapping[str, str]]


def check_arn(arn: str) -> None:
    """Raise a ValidationException for what is not the ARN of a Kinesis stream."""
    if not _ARN.match(arn):
        raise rules.invalid(f"Invalid StreamArn: {arn}")


def enabled(current: Destinations | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the destinations with one enabled; only one is active at a time."""
    check_arn(request["StreamArn"])
    if any(each["Status"] == "ACTIVE" for each in (current or {}).values()):
        raise _wrong_state("EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE")
    precision = (request.get("EnableKinesisStreamingConfiguration") or {}).get(_PRECISION) or _DEFAULT_PRECISION
    return {**(current or {}), request["StreamArn"]: {"Status": "ACTIVE", "Precision": precision}}


def disabled(current: Destinations | None, table: str, arn: str) -> dict[str, Any]:
    """Return the destinations with one disabled."""
    one = _require(current, table, arn)
    if one["Status"] != "ACTIVE":
        raise _wrong_state("KinesisStreamingDestination must be ACTIVE to perform DISABLE")
    return {**(current or {}), arn: {**one, "Status": "DISABLED"}}


def updated(current: Destinations | None, table: str, table_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the destinations with the precision of one changed."""
    arn = request["StreamArn"]
    precision = (request.get("UpdateKinesisStreamingConfiguration") or {}).get(_PRECISION)
    if precision is None:
        raise validation(
            "Streaming destination cannot be updated with given parameters: "
            "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
        )
    one = _require(current, table, arn)
    if one["Status"] != "ACTIVE":
        raise _wrong_state("KinesisStreamingDestination must be ACTIVE to perform UPDATE")
    if one["Precision"] == precision:
        raise validation(
            f"Invalid Request: Precision is already set to the desired value of {precision} for tableId: {table_id}, "
            f"kdsArn: {arn}"
        )
    return {**(current or {}), arn: {**one, "Precision": precision}}


def described(current: Destinations | None) -> list[dict[str, str]]:
    """Return the KinesisDataStreamDestinations."""
    return [
        {
            "StreamArn": arn,
            "DestinationStatus": one["Status"],
            **({"DestinationStatusDescription": NOT_DELIVERED} if one["Status"] == "ACTIVE" else {}),
            _PRECISION: one["Precision"],
        }
        for arn, one in (current or {}).items()
    ]


def answered(table: str, arn: str, current: Destinations | None, status: str) -> dict[str, Any]:
    """Return the answer to enabling or disabling a destination."""
    return {
        "TableName": table,
        "StreamArn": arn,
        "DestinationStatus": status,
        "EnableKinesisStreamingConfiguration": {_PRECISION: (current or {})[arn]["Precision"]},
    }


def _require(current: Destinations | None, table: str, arn: str) -> Mapping[str, str]:
    check_arn(arn)
    one = (current or {}).get(arn)
    if one is None:
        raise validation(
            "Table is not in a valid state to enable Kinesis Streaming Destination: "
            f"No streaming destination with streamArn: {arn} found for table with tableName: {table}"
        )
    return one


def _wrong_state(state: str) -> ServiceError:
    return validation(f"Table is not in a valid state to enable Kinesis Streaming Destination: {state} operation.")
