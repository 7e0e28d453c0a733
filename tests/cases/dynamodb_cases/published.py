"""The published service model as botocore ships it, read here apart from the tables that the server was built from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore

DATA_PLANE = (
    "BatchExecuteStatement",
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
)
_DEEPEST = 5
_SCALARS: Mapping[str, Any] = {"boolean": True, "integer": 1, "long": 1, "blob": "AAAA"}


@cache
def _model() -> dict[str, Any]:
    (folder,) = (Path(botocore.__file__).parent / "data" / "dynamodb").glob("2012-08-10")
    found: dict[str, Any] = json.loads(gzip.decompress((folder / "service-2.json.gz").read_bytes()))
    return found


def shape_of(name: str) -> dict[str, Any]:
    """Return a shape as published."""
    found: dict[str, Any] = _model()["shapes"][name]
    return found


def input_of(operation: str) -> str:
    """Return the name of an operation's request."""
    found: str = _model()["operations"][operation]["input"]["shape"]
    return found


def sample(shape: str) -> Any:
    """Return a legal value: of structures, the required members only."""
    row = shape_of(shape)
    if shape == "AttributeValue":
        return {"S": "a"}
    if row["type"] == "structure":
        return {name: sample(row["members"][name]["shape"]) for name in row.get("required", ())}
    if row["type"] == "list":
        return [sample(row["member"]["shape"])]
    if row["type"] == "map":
        return {"abc": sample(row["value"]["shape"])}
    if row["type"] == "string":
        return row["enum"][0] if "enum" in row else "abc"
    return _SCALARS[row["type"]]


def part_of(row: Mapping[str, Any], step: Any) -> str:
    """Return the name of the shape of a structure's member, or of the elements of a list or map."""
    parts = {"structure": lambda: row["members"][step], "list": lambda: row["member"], "map": lambda: row["value"]}
    found: str = parts[row["type"]]()["shape"]
    return found


@dataclass(frozen=True, kw_only=True)
class Place:
    """A value somewhere in a request."""

    operation: str
    shape: str
    steps: tuple[Any, ...]
    """Member names and list places that lead to it."""
    path: str
    """The same as violations print it."""
    under_list: bool
    """It is an element of a list or map, for which other sentences hold."""

    @property
    def name(self) -> str:
        """The path in words of the request."""
        return ".".join(map(str, self.steps))

    def request(self, value: Any) -> dict[str, Any]:
        """Return an otherwise legal request with this value there."""
        request: dict[str, Any] = sample(input_of(self.operation))
        _put(request, input_of(self.operation), self.steps, value)
        return request


def _put(holder: Any, shape: str, steps: tuple[Any, ...], value: Any) -> None:
    step, *rest = steps
    row = shape_of(shape)
    kind = part_of(row, step)
    if not rest:
        holder[step] = value
        return
    if row["type"] == "structure" and step not in holder:
        holder[step] = sample(kind)
    _put(holder[step], kind, tuple(rest), value)


def places(operation: str) -> Iterator[Place]:
    """Yield the places of a request, parents before children; attribute values are not looked into."""
    start = Place(operation=operation, shape=input_of(operation), steps=(), path="", under_list=False)
    yield from _below(start)


def _below(place: Place) -> Iterator[Place]:
    if place.shape == "AttributeValue" or len(place.steps) >= _DEEPEST:
        return
    row = shape_of(place.shape)
    for step, printed, shape in _parts(row):
        path = f"{place.path}.{printed}" if place.path else printed
        part = Place(
            operation=place.operation,
            shape=shape,
            steps=(*place.steps, step),
            path=path,
            under_list=row["type"] != "structure",
        )
        yield part
        yield from _below(part)


def _parts(row: Mapping[str, Any]) -> Iterator[tuple[Any, str, str]]:
    if row["type"] == "structure":
        for name, target in row["members"].items():
            yield name, name[0].lower() + name[1:], target["shape"]
    elif row["type"] == "list":
        yield 0, "1.member", row["member"]["shape"]
    elif row["type"] == "map":
        yield "abc", "abc.member", row["value"]["shape"]
