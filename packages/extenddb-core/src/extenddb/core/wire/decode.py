"""The entry: parsed JSON to a request that the engine can rely on.

Two ways lead to the same answer. A compiled checker passes requests that are right beyond doubt and returns them as
they are. Everything else is copied by an exact walk, which answers structure first (SerializationException, the first
flaw in the order of the request) and constraints after that (ValidationException, every flaw in the order of the
service).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from extenddb.core.model import OPERATIONS
from extenddb.core.validation import violations
from extenddb.core.validation.rules import Shape, shape
from extenddb.core.wire.checkers import Checker, compiled
from extenddb.core.wire.convert import convert


def decode(operation: str, payload: object) -> dict[str, Any]:
    """Return the request of an operation, by its name, from parsed JSON.

    Unknown members and nulls are dropped. The result may be the payload itself, in which items of puts that are right
    at a glance have been replaced by equal ones that know their size; whoever changes the result changes the payload.
    Of other attribute values only the JSON types are checked: whether one is empty, has several types or is out of
    range is told by `core.types.attribute.normalize`.

    Raises a SerializationException for JSON of the wrong types, a ValidationException for broken constraints, and
    KeyError for a name that is no operation.
    """
    check, input_shape = _prepared(operation)
    if check(payload):
        return payload  # type: ignore[return-value]
    return decode_exactly(input_shape, payload)


def decode_exactly(input_shape: Shape, payload: object) -> dict[str, Any]:
    """Return the request like `decode`, always by the exact walk."""
    request: dict[str, Any] = convert(input_shape, payload)
    violations.check(input_shape, request)
    return request


@cache
def _prepared(operation: str) -> tuple[Checker, Shape]:
    input_shape = shape(OPERATIONS[operation].input)
    return compiled(input_shape), input_shape
