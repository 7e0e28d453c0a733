"""Kinesis streaming destinations of a table: which there are and in which state. Pure.

A destination is a setting: this deployment does not deliver to Kinesis. The states and their texts are those the
service answers with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import ServiceError, validation

SUBJECT = "Kinesis"
"""Where a table's settings hold the destinations, by stream ARN."""
_STREAM = re.compile(r"arn:[a-z0-9-]+:(kinesis|firehose):([a-z0-9-]+):([0-9]{12}):(stream|deliverystream)/[^/]+\Z")
_FAILED = "The kinesis Arn used to enable kinesis replication belongs to a stream which is not in "
_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "
_DEFAULT_PRECISION = "MILLISECOND"
_PRECISION = "ApproximateCreationDateTimePrecision"
_DESCRIBED = (("DestinationStatusDescription", "Failure"), (_PRECISION, "Precision"))
"""What is only described where it is known."""

Destinations = Mapping[str, Mapping[str, Any]]


def enabled(current: Destinations | None, request: Mapping[str, Any], home: TableArn) -> dict[str, Any]:
    """Return the destinations with one enabled, the newest first; only one is active at a time."""
    if any(each["Status"] == "ACTIVE" for each in (current or {}).values()):
        raise _wrong_state("EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE")
    arn = request["StreamArn"]
    failure = _failure(arn, home)
    one = {
        "Status": "ACTIVE" if failure is None else "ENABLE_FAILED",
        "Precision": (request.get("EnableKinesisStreamingConfiguration") or {}).get(_PRECISION),
        "Failure": failure,
    }
    return {arn: one, **{name: each for name, each in (current or {}).items() if name != arn}}


def _failure(arn: str, home: TableArn) -> str | None:
    """Return why records cannot be sent to an ARN, which is found out after a destination was enabled."""
    stream = _STREAM.match(arn)
    if stream is None:
        return "User does not have a permission to use kinesis stream"
    service, region, account, _ = stream.groups()
    if region != home.region:
        return f"{_FAILED}the current region"
    return None if (service, account) == ("kinesis", home.account) else f"{_FAILED}Active state"


def disabled(current: Destinations | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the destinations with one disabled."""
    if request.get("EnableKinesisStreamingConfiguration") is not None:
        raise validation("Stream cannot be disabled using EnableKinesisStreamingConfiguration parameters")
    arn = request["StreamArn"]
    one = (current or {}).get(arn)
    if one is None or one["Status"] != "ACTIVE":
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
    one = (current or {}).get(arn)
    if one is None or one["Status"] != "ACTIVE":
        raise validation(
            f"{_STATE}Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. "
            f"TableName: {table}, kdsArn: {arn}"
        )
    if (one["Precision"] or _DEFAULT_PRECISION) == precision:
        raise validation(
            f"Invalid Request: Precision is already set to the desired value of {precision} for tableId: {table_id}, "
            f"kdsArn: {arn}"
        )
    return {**(current or {}), arn: {**one, "Precision": precision}}


def described(current: Destinations | None) -> list[dict[str, Any]]:
    """Return the KinesisDataStreamDestinations."""
    return [
        {
            "StreamArn": arn,
            "DestinationStatus": one["Status"],
            **{member: one[name] for member, name in _DESCRIBED if one.get(name) is not None},
        }
        for arn, one in (current or {}).items()
    ]


def answered(table: str, request: Mapping[str, Any], status: str) -> dict[str, Any]:
    """Return the answer to enabling or disabling a destination."""
    return {
        "TableName": table,
        "StreamArn": request["StreamArn"],
        "DestinationStatus": status,
        "EnableKinesisStreamingConfiguration": request.get("EnableKinesisStreamingConfiguration") or {},
    }


def _wrong_state(state: str) -> ServiceError:
    return validation(f"{_STATE}{state} operation.")
