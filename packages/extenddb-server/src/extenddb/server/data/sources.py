"""Finding what to import: the data files of an export, or files of items, with their format and compression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from extenddb.server.data.errors import DataError

FORMATS = {".json": "DYNAMODB_JSON", ".jsonl": "DYNAMODB_JSON", ".ion": "ION", ".csv": "CSV"}
"""Formats by how names end, before the ending of the compression."""
_COMPRESSIONS = {".gz": "GZIP", ".zst": "ZSTD"}
_SUMMARY, _FILES = "manifest-summary.json", "manifest-files.json"
DESCRIPTION = "describe-table.json"
"""How the names of files end that hold a table's description: they are no data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file to import."""

    path: Path
    name: str
    """Its path within what was named; stands for it in checkpoints."""
    format: str
    """DYNAMODB_JSON, ION or CSV."""
    compression: str
    """NONE, GZIP or ZSTD."""
    items: int | None = None
    """How many records the manifest promises; None without one."""


def find(path: Path, *, format_: str = "") -> list[DataFile]:
    """Return the files of an export folder, of a folder of files, or the one file; `format_` overrules their names.

    Raises DataError.
    """
    if not path.exists():
        raise DataError(f"There is nothing at {path}.")
    if path.is_file():
        return [_file(path, path.name, format_)]
    summaries = sorted(path.rglob(_SUMMARY))
    if len(summaries) > 1:
        raise DataError(f"{path} holds {len(summaries)} exports: name the folder of one (with its {_SUMMARY}).")
    if summaries:
        return list(_exported(summaries[0].parent))
    files = [each for each in sorted(path.rglob("*")) if each.is_file() and _is_data(each, format_)]
    if not files:
        raise DataError(f"{path} holds no export and no files that end with .json, .jsonl, .ion or .csv.")
    return [_file(each, each.relative_to(path).as_posix(), format_) for each in files]


def _is_data(path: Path, format_: str) -> bool:
    hidden = path.name.startswith((".", "_"))
    return not hidden and not path.name.endswith(DESCRIPTION) and bool(format_ or _ending(path) in FORMATS)


def _ending(path: Path) -> str:
    """Return the ending of a name that tells the format."""
    bare = path.with_suffix("") if path.suffix in _COMPRESSIONS else path
    return bare.suffix.lower()


def _file(path: Path, name: str, format_: str, items: int | None = None) -> DataFile:
    found = format_ or FORMATS.get(_ending(path), "")
    if not found:
        raise DataError(f"The format of {path} is not told by its name: give --format.")
    compression = _COMPRESSIONS.get(path.suffix, "NONE")
    return DataFile(path=path, name=name, format=found, compression=compression, items=items)


def _exported(folder: Path) -> Iterator[DataFile]:
    """Yield the files that the manifests in a folder name; an incremental export's data stand beside the folder."""
    summary = next(_lines(folder / _SUMMARY), {})
    for entry in _lines(folder / _FILES):
        name = PurePosixPath(str(entry["dataFileS3Key"])).name
        places = [folder / "data" / name, folder.parent / "data" / name]
        path = next((each for each in places if each.is_file()), None)
        if path is None:
            raise DataError(f"The export in {folder} lacks its data file {name}.")
        yield _file(path, f"data/{name}", str(summary.get("outputFormat", "")), int(entry["itemCount"]))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for line in path.read_bytes().splitlines():
            if line.strip():
                yield orjson.loads(line)
    except OSError as error:
        raise DataError(f"The manifest {path} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError:
        raise DataError(f"The manifest {path} is no JSON.") from None


def read_description(path: Path) -> dict[str, Any]:
    """Return what a file says of a table: the answer of DescribeTable, or the request of CreateTable.

    Raises DataError.
    """
    try:
        value = orjson.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"The description {path} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError:
        value = None
    description = value.get("Table", value) if isinstance(value, dict) else {}
    if not {"KeySchema", "AttributeDefinitions"} <= description.keys():
        raise DataError(f"{path} describes no table: the answer of DescribeTable is expected.")
    return {"Tags": value.get("Tags") or [], "TimeToLive": value.get("TimeToLive") or "", **description}
