"""From one record of an object to an item, by format. Pure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError
from extenddb.core.types.plain import plain_item
from extenddb.core.wire.decode import decode
from extenddb.engine import codec, ion
from extenddb.engine.ion import IonError

_TABLE = "table"  # any name: only the shape of the item is looked at
_CONDITIONS = ("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues")

csv.field_size_limit(1024 * 1024)


class BadRecord(ValueError):
    """A record is no item; the others of its object may be."""


Put = dict[str, Any]
"""A record as the members of a PutItem request: `Item`, and a condition where there is one."""
Parser = Callable[[bytes], Put]
"""Raises BadRecord."""


def parse_json(record: bytes) -> Put:
    """Return the put of a line of DynamoDB JSON, `{"Item": {...}}`."""
    try:
        value = codec.parse(record)
    except ValueError as error:
        raise BadRecord(f"no JSON: {error}") from error
    return _checked(value)


def parse_ion(record: bytes) -> Put:
    """Return the put of a line of Ion, `{Item: {...}}`."""
    try:
        members = ion.load(record)
    except IonError as error:
        raise BadRecord(str(error)) from error
    put: dict[str, Any] = {}
    for name, kind in (("Item", "M"), ("ConditionExpression", "S"), ("ExpressionAttributeValues", "M")):
        if name in members:
            put[name] = members[name].get(kind)
    if "ExpressionAttributeNames" in members:
        names = members["ExpressionAttributeNames"].get("M") or {}
        put["ExpressionAttributeNames"] = {name: value.get("S") for name, value in names.items()}
    return _checked(put)


def _checked(value: Any) -> Put:
    if not isinstance(value, dict) or value.get("Item") is None:
        raise BadRecord("the record has no Item")
    if len(value) == 1:
        item = plain_item(value["Item"])
        if item is not None:
            return {"Item": item}
    put: Put = {"TableName": _TABLE, "Item": value["Item"]}
    if value.keys() & _CONDITIONS:
        put |= {name: value[name] for name in _CONDITIONS if name in value}
    try:
        return decode("PutItem", put)
    except ServiceError as error:
        raise BadRecord(error.message) from error


class CsvParser:
    """Lines of CSV. Columns named like key attributes have their types, all others are strings.

    An empty cell is an empty string, but no value at all where a key is expected: an index has no empty keys.
    """

    def __init__(self, delimiter: str, header: Sequence[str], types: Mapping[str, str]) -> None:
        self._delimiter = delimiter
        self._header = list(header)
        self._types = types

    def __call__(self, record: bytes) -> Put:
        """Return the put of a line. Raises BadRecord."""
        cells = csv_cells(record, self._delimiter)
        if len(cells) != len(self._header):
            raise BadRecord(f"the line has {len(cells)} columns, the header {len(self._header)}")
        item = {}
        for name, cell in zip(self._header, cells, strict=True):
            if cell or name not in self._types:
                item[name] = {self._types.get(name, "S"): cell}
        return _checked({"Item": item})


def csv_cells(record: bytes, delimiter: str) -> list[str]:
    """Return the cells of a line. Raises BadRecord."""
    try:
        rows = list(csv.reader([record.decode("utf-8-sig").rstrip("\r\n")], delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadRecord(f"no CSV: {error}") from error
    return rows[0] if rows else []


PARSERS: Mapping[str, Parser] = {"DYNAMODB_JSON": parse_json, "ION": parse_ion}
"""By InputFormat, the parsers that need to know nothing."""
