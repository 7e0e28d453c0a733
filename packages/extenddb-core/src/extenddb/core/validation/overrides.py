"""Where the service's own constraints differ from the published model, and how its lists are ordered.

Everything else comes from the generated tables; a row stands here only with the reason why. "Reported" is what public
reports of the service's answers show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.hashing import java_hash

_NAME = "[a-zA-Z0-9_.-]+"
_NAME_OR_ARN = {"min": 3, "pattern": _NAME, "python": f"{_NAME}|arn:.*", "length_first": True}
_UNCONSTRAINED = {"min": None, "max": None, "pattern": None, "enum": ()}
_ANY_LENGTH = {"min": None, "max": None, "pattern": _NAME, "python": "[a-zA-Z0-9_.-]*"}

NAMED_TABLES = (
    "CreateBackupInput",
    "CreateTableInput",
    "DeleteTableInput",
    "DescribeContinuousBackupsInput",
    "DescribeContributorInsightsInput",
    "DescribeKinesisStreamingDestinationInput",
    "DescribeTableInput",
    "DescribeTableReplicaAutoScalingInput",
    "DescribeTimeToLiveInput",
    "KinesisStreamingDestinationInput",
    "ListBackupsInput",
    "ListContributorInsightsInput",
    "UpdateContinuousBackupsInput",
    "UpdateContributorInsightsInput",
    "UpdateKinesisStreamingDestinationInput",
    "UpdateTableInput",
    "UpdateTableReplicaAutoScalingInput",
    "UpdateTimeToLiveInput",
)
"""Requests of the control plane whose TableName keeps the constraints it had before it could be an ARN (reported)."""

SHAPE_CONSTRAINTS: Mapping[str, Mapping[str, Any]] = {
    # The length is told before the pattern (reported of the control plane).
    "IndexName": {"length_first": True},
    # Checked by rules of their own, in words of their own (reported).
    "BackupArn": _UNCONSTRAINED,
    "TagKeyString": _UNCONSTRAINED,
    "TagValueString": _UNCONSTRAINED,
}
"""Constraints that replace those of a shape, wherever it stands."""

MEMBER_CONSTRAINTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    # The published KeySchema lost its upper bound when global indexes got keys of several attributes; tables and
    # local indexes still answer "less than or equal to 2".
    ("CreateTableInput", "KeySchema"): {"max": 2},
    ("LocalSecondaryIndex", "KeySchema"): {"max": 2},
    ("TableCreationParameters", "KeySchema"): {"max": 2},
    # An empty map is answered in words of the operation's own.
    ("BatchWriteItemInput", "RequestItems"): {"min": 0},
    # Documented in words alone (API reference of DynamoDB Streams), and enforced.
    ("DescribeStreamInput", "Limit"): {"min": 1, "max": 100},
    ("GetRecordsInput", "Limit"): {"min": 1, "max": 1000},
    ("ListStreamsInput", "Limit"): {"min": 1, "max": 100},
    ("QueryInput", "IndexName"): {"length_first": False},
    ("ScanInput", "IndexName"): {"length_first": False},
    **{(shape, "TableName"): _NAME_OR_ARN for shape in NAMED_TABLES},
    # Checked by rules of their own, in words of their own (reported).
    ("CreateTableInput", "TableClass"): _UNCONSTRAINED,
    ("UpdateTableInput", "TableClass"): _UNCONSTRAINED,
    ("ExportTableToPointInTimeInput", "TableArn"): _UNCONSTRAINED,
    **dict.fromkeys(
        (
            ("CreateGlobalTableInput", "GlobalTableName"),
            ("DescribeContributorInsightsInput", "IndexName"),
            ("DescribeGlobalTableInput", "GlobalTableName"),
            ("DescribeGlobalTableSettingsInput", "GlobalTableName"),
            ("RestoreTableFromBackupInput", "TargetTableName"),
            ("RestoreTableToPointInTimeInput", "TargetTableName"),
            ("UpdateContributorInsightsInput", "IndexName"),
            ("UpdateGlobalTableInput", "GlobalTableName"),
            ("UpdateGlobalTableSettingsInput", "GlobalTableName"),
        ),
        _ANY_LENGTH,
    ),
}
"""Constraints of a structure's member that replace those of the member's shape."""

UNBOUNDED_PARTS = frozenset(("AttributeName",))
"""Shapes whose bounds do not count in the keys and values of maps: names that are too long have a text of their own."""

BARE_BOUNDS = frozenset((("QueryInput", "Limit"), ("BatchGetItemInput", "RequestItems"), ("KeysAndAttributes", "Keys")))
"""Members whose bounds the service reports by their names on the wire and without the value.

These are words of a newer framework, reported from nearly every region: "Value at 'Limit' failed ..." of Query, but not
of Scan (nubo-db/dynoxide#11, #15), and "Value at 'RequestItems' failed ..." of BatchGetItem (nubo-db/dynoxide#198,
ExtendDB/extenddb#16). What else of these requests is told in such words is not known.
"""

OPTIONAL_MEMBERS = frozenset((("Tag", "Key"), ("Tag", "Value"), ("CreateReplicationGroupMemberAction", "RegionName")))
"""Members the model requires, and whose absence the service tells in words of their own (reported)."""

PYTHON_PATTERNS: Mapping[str, str] = {
    # Java's POSIX class; Python has none.
    r"\p{Print}+": r"[\x20-\x7E]+",
    # Java reads two surrogates as one character.
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*": (
        "[\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff\r\n\t]*"
    ),
    # The same texts, found in time that grows with their length alone: the model's own takes its third power.
    r"^[a-z0-9A-Z]+[\.\-\w]*[a-z0-9A-Z]+$": r"[a-z0-9A-Z](?:[.\-\w]*[a-z0-9A-Z])",
}
"""Patterns of the model that Python's `re` reads differently, or slowly, and what it must be given."""

_ENUM_BUCKETS = 32
_SMALL_TABLE = 16
_LARGE_TABLE = 32
_SMALL_TABLE_LOAD = 12  # a table of sixteen buckets grows when it holds more than three quarters


def enum_order(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values of an enumeration in the order in which the service prints them.

    Every order seen in public error texts (ten enumerations of two to thirteen values) is that of a hash set with
    32 buckets over Java's `String.hashCode`, the later declared first where two share a bucket.
    """
    latest_first = values[::-1]
    return tuple(sorted(latest_first, key=lambda value: java_hash(value) % _ENUM_BUCKETS))


_REPORTED_LAST_FIRST = frozenset((frozenset(("AttributeName", "AttributeType")),))  # AttributeDefinition (reported)


def report_order(members: Sequence[str]) -> tuple[str, ...]:
    """Return the members of a structure in the order in which the service reports their violations.

    Every order seen in public error texts (ten structures) but one is that of a Java 6 hash map over the printed
    names, whose table has sixteen buckets for up to twelve members.
    """
    if frozenset(members) in _REPORTED_LAST_FIRST:
        return tuple(members[::-1])
    buckets = _SMALL_TABLE if len(members) <= _SMALL_TABLE_LOAD else _LARGE_TABLE
    return tuple(sorted(members, key=lambda member: _spread(java_hash(printed_name(member))) % buckets))


def printed_name(member: str) -> str:
    """Return a member's name as violations print it: only its first letter becomes small."""
    return member[:1].lower() + member[1:]


def _spread(value: int) -> int:
    value ^= (value >> 20) ^ (value >> 12)
    return value ^ (value >> 7) ^ (value >> 4)
