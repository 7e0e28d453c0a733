"""Names and manifests of an export's objects. Pure; the layout is the developer guide's."""

from __future__ import annotations

from base64 import b32encode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b, md5
from typing import Any

from extenddb.engine import codec
from extenddb.engine.exports.lines import EXTENSIONS

FULL = "FULL_EXPORT"
"""ExportType of everything at one time, the default."""
INCREMENTAL = "INCREMENTAL_EXPORT"
"""ExportType of what changed in a period."""
_FULL_VERSION, _INCREMENTAL_VERSION = "2020-06-30", "2023-08-01"
_ROOT = "AWSDynamoDB"


def folder(description: Mapping[str, Any]) -> str:
    """Return the prefix of an export's own objects, with its slash."""
    return f"{_base(description)}{export_id(description)}/"


def export_id(description: Mapping[str, Any]) -> str:
    """Return the id of an export, the last part of its ARN."""
    return str(description["ExportArn"]).rsplit("/", 1)[1]


def manifest_key(description: Mapping[str, Any]) -> str:
    """Return the key of the summary manifest."""
    return f"{folder(description)}manifest-summary.json"


def data_key(description: Mapping[str, Any], part: int) -> str:
    """Return the key of a data file; incremental exports share one folder of data."""
    home = _base(description) if _incremental(description) else folder(description)
    seed = blake2b(f"{description['ExportArn']}/{part}".encode(), digest_size=16).digest()
    name = b32encode(seed).decode().rstrip("=").lower()
    return f"{home}data/{name}.{EXTENSIONS[description['ExportFormat']]}"


def data_entry(key: str, body: bytes, items: int, tag: str) -> dict[str, Any]:
    """Return the line of the files manifest about one data file."""
    return {"itemCount": items, "md5Checksum": _checksum(body), "etag": tag, "dataFileS3Key": key}


def manifests(description: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield key and body of the manifests and their checksums, the summary last: with it an export is complete."""
    files = b"".join(codec.dump(entry) + b"\n" for entry in entries)
    summary = codec.dump(_summary(description))
    for name, body in (("manifest-files", files), ("manifest-summary", summary)):
        yield f"{folder(description)}{name}.checksum", _checksum(body).encode()
        yield f"{folder(description)}{name}.json", body


def _summary(description: Mapping[str, Any]) -> dict[str, Any]:
    incremental = _incremental(description)
    summary: dict[str, Any] = {
        "version": _INCREMENTAL_VERSION if incremental else _FULL_VERSION,
        "exportArn": description["ExportArn"],
        "startTime": _time(description["StartTime"]),
        "endTime": _time(description["EndTime"]),
        "tableArn": description["TableArn"],
        "tableId": description["TableId"],
    }
    if incremental:
        period = description["IncrementalExportSpecification"]
        summary["exportFromTime"] = _time(period["ExportFromTime"])
        summary["exportToTime"] = _time(period["ExportToTime"])
    else:
        summary["exportTime"] = _time(description["ExportTime"])
    summary |= {
        "s3Bucket": description["S3Bucket"],
        "s3Prefix": description.get("S3Prefix"),
        "s3SseAlgorithm": description["S3SseAlgorithm"],
        "s3SseKmsKeyId": description.get("S3SseKmsKeyId"),
        "manifestFilesS3Key": f"{folder(description)}manifest-files.json",
        "billedSizeBytes": description["BilledSizeBytes"],
        "itemCount": description["ItemCount"],
        "outputFormat": description["ExportFormat"],
    }
    if incremental:
        summary["outputView"] = description["IncrementalExportSpecification"]["ExportViewType"]
    return {**summary, "exportType": INCREMENTAL if incremental else FULL}


def _incremental(description: Mapping[str, Any]) -> bool:
    return "IncrementalExportSpecification" in description


def _base(description: Mapping[str, Any]) -> str:
    prefix = str(description.get("S3Prefix") or "").strip("/")
    return f"{prefix}/{_ROOT}/" if prefix else f"{_ROOT}/"


def _checksum(body: bytes) -> str:
    return b64encode(md5(body, usedforsecurity=False).digest()).decode()


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
