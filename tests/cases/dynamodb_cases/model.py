"""Cases as values: what a case is, wherever it was written, and how case files are read.

A case file is a JSON object with these members:

- `tables`: tables by name, each `{"key": "p S, s N", "global": {"gix": "g S, s N | KEYS_ONLY"}, "local": {...}}`; the
  part behind `|` is the projection (`ALL` without it, `INCLUDE a b` with attributes). Billing is on demand.
- `setup`: requests that must succeed before each case, `[operation, request]`.
- `cases`: objects with a `name` and either one `do` with what is expected of it, or `steps`, a list of such objects;
  `setup` adds to that of the file. `do` is `[operation, request]`; expected is one of
  `answer`, an exact answer; `error`, the text of a ValidationException, or `[type, text]`, or `[type, text, members]`;
  `raw_error`, nothing but the type, for texts that the client's JSON parser decides.

Values may hold these objects in place of something long or unknown: `{"$repeat": ["x", 3]}` is `xxx`,
`{"$base64": ["x", 3]}` its base64, `{"$nested": 3}` a scalar in three maps, `{"$any": "uuid"}` (also `time`, `string`)
matches every such value, and `{"$unordered": [...]}` a list in any order. `$account` in a string is the account.
Sets are compared without order everywhere.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Request = Mapping[str, Any]

READING = frozenset(("GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable", "ListTables", "TransactGetItems"))
"""Operations that leave everything as it is."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error that is expected."""

    type: str
    """Short name of the error type."""
    message: str | None
    """Exact text; None when only the type counts."""
    members: Request
    """Further members of the error, exactly."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request and what must come of it."""

    operation: str
    request: Request
    expected: Request | Failure | None = None
    """None: any answer that is no error."""

    @property
    def changes(self) -> bool:
        """Whether the step may change what later requests see."""
        return self.operation not in READING and not isinstance(self.expected, Failure)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A sequence of requests in an account of its own."""

    id: str
    setup: tuple[Step, ...]
    """Tables and items; must succeed."""
    steps: tuple[Step, ...]
    """What is tested."""

    @property
    def shares(self) -> bool:
        """Whether the account may be shared with cases of the same setup: this one changes nothing."""
        return not any(step.changes for step in self.steps)


def validation(message: str) -> Failure:
    """Return the expectation of a ValidationException."""
    return failure("ValidationException", message)


def failure(type_: str, message: str | None, **members: Any) -> Failure:
    """Return the expectation of an error."""
    return Failure(type=type_, message=message, members=members)


def case(id_: str, setup: Sequence[Step], *steps: Step) -> Case:
    """Return a case of steps after a setup."""
    return Case(id=id_, setup=tuple(setup), steps=steps)


def do(operation: str, request: Request, expected: Request | Failure | str | None = None) -> Step:
    """Return a step; a string is the text of a ValidationException."""
    return Step(
        operation=operation,
        request=request,
        expected=validation(expected) if isinstance(expected, str) else expected,
    )


def table(
    name: str, key: str, *, global_: Mapping[str, str] | None = None, local: Mapping[str, str] | None = None
) -> Step:
    """Return the creation of a table, in the notation of case files."""
    return do("CreateTable", create_request(name, key, global_ or {}, local or {}))


def create_request(name: str, key: str, global_: Mapping[str, str], local: Mapping[str, str]) -> dict[str, Any]:
    """Return a CreateTable request from the notation of case files."""
    types: dict[str, str] = {}
    request: dict[str, Any] = {
        "TableName": name,
        "KeySchema": _key_schema(key, types),
        "BillingMode": "PAY_PER_REQUEST",
    }
    for member, indexes in (("GlobalSecondaryIndexes", global_), ("LocalSecondaryIndexes", local)):
        if indexes:
            request[member] = [_index(index, text, types) for index, text in indexes.items()]
    request["AttributeDefinitions"] = [
        {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in types.items()
    ]
    return request


def _key_schema(text: str, types: dict[str, str]) -> list[dict[str, str]]:
    pairs = [element.split() for element in text.split(",")]
    types.update(dict(pairs))
    return [{"AttributeName": name, "KeyType": role} for (name, _), role in zip(pairs, ("HASH", "RANGE"), strict=False)]


def _index(name: str, text: str, types: dict[str, str]) -> dict[str, Any]:
    key, _, projection_text = text.partition("|")
    kind, *attributes = projection_text.split() or ["ALL"]
    projection: dict[str, Any] = {"ProjectionType": kind}
    if attributes:
        projection["NonKeyAttributes"] = attributes
    return {"IndexName": name, "KeySchema": _key_schema(key, types), "Projection": projection}


def load(root: Path) -> Iterator[Case]:
    """Yield the cases of all case files below a folder."""
    for path in sorted(root.rglob("*.json")):
        yield from _read(path.relative_to(root).with_suffix("").as_posix(), json.loads(path.read_text("utf-8")))


def _read(subject: str, document: Request) -> Iterator[Case]:
    tables = [
        table(name, each["key"], global_=each.get("global"), local=each.get("local"))
        for name, each in document.get("tables", {}).items()
    ]
    setup = [*tables, *_setup(document)]
    for each in document["cases"]:
        steps = [_step(step) for step in each.get("steps", (each,))]
        yield case(f"{subject}: {each['name']}", [*setup, *_setup(each)], *steps)


def _setup(holder: Request) -> list[Step]:
    return [do(operation, expand(request)) for operation, request in holder.get("setup", ())]


def _step(each: Request) -> Step:
    operation, request = each["do"]
    return do(operation, expand(request), _expected(each))


def _expected(each: Request) -> Request | Failure | None:
    if "raw_error" in each:
        return failure(each["raw_error"], None)
    if "error" not in each:
        answer: Request = expand(each["answer"])
        return answer
    error = each["error"]
    if isinstance(error, str):
        return validation(error)
    type_, message, *members = error
    return failure(type_, message, **expand(members[0] if members else {}))


def expand(value: Any) -> Any:
    """Replace the objects that stand for something long; those that match are left for the comparison."""
    if isinstance(value, list):
        return [expand(element) for element in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, content),) = value.items()
        if name in _MACROS:
            return _MACROS[name](content)
    return {name: expand(content) for name, content in value.items()}


def _nested(levels: int) -> dict[str, Any]:
    return {"M": {"m": _nested(levels - 1)}} if levels else {"S": "x"}


_MACROS: dict[str, Callable[[Any], Any]] = {
    "$repeat": lambda content: content[0] * content[1],
    "$base64": lambda content: b64encode((content[0] * content[1]).encode()).decode(),
    "$nested": _nested,
}
