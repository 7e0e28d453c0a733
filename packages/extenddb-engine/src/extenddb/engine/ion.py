"""Amazon Ion text of items, through the amazon.ion library, which is only needed by those who use the format."""

from __future__ import annotations

import importlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from extenddb.core.errors import validation
from extenddb.core.types.attribute import AttributeValue, binary

_SETS = {"SS": "$dynamodb_SS", "NS": "$dynamodb_NS", "BS": "$dynamodb_BS"}
"""Annotations that tell sets from lists (developer guide, DynamoDB table export output format)."""
_MISSING = (
    "One or more parameter values were invalid: the format ION needs the Python library amazon.ion, "
    "which is not installed on this server"
)


class IonError(ValueError):
    """A text is no Ion, or no item of DynamoDB's."""


@cache
def _library() -> tuple[Any, Any, Any]:
    try:
        return tuple(  # type: ignore[return-value]
            importlib.import_module(f"amazon.ion.{name}") for name in ("simpleion", "simple_types", "core")
        )
    except ImportError:
        raise validation(_MISSING) from None


def require() -> None:
    """Raise a ValidationException when the library is not installed."""
    _library()


def struct(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return the members of an item as the library's values."""
    return {name: _value(value) for name, value in item.items()}


def number(text: str | int) -> Decimal:
    """Return a number as the library's value."""
    return Decimal(text)


def dump(value: Mapping[str, Any]) -> bytes:
    """Return one value as a line of Ion text, without its end."""
    text: str = _library()[0].dumps(value, binary=False)
    return text.encode()


def load(data: bytes) -> dict[str, Any]:
    """Return the attribute values of the members of one struct, nested structs as maps. Raises IonError."""
    simpleion, _, _ = _library()
    try:
        values = simpleion.loads(data.decode(), single_value=False)
    except Exception as error:  # the library's errors have no common base
        raise IonError(f"no Ion: {error}") from error
    if len(values) != 1:
        raise IonError("one value is expected on a line")
    read = _read(values[0])
    if "M" not in read:
        raise IonError("a struct is expected on a line")
    members: dict[str, Any] = read["M"]
    return members


def _value(value: AttributeValue) -> Any:
    ((kind, content),) = value.items()
    return _WRITERS[kind](content)


def _set(kind: str) -> Callable[[Any], Any]:
    def write(members: Any) -> Any:
        _, types, core = _library()
        values = [_WRITERS[kind[0]](member) for member in members]
        return types.IonPyList.from_value(core.IonType.LIST, values, (_SETS[kind],))

    return write


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "S": lambda content: content,
    "N": number,
    "B": binary,
    "BOOL": lambda content: content,
    "NULL": lambda _content: None,
    "L": lambda content: [_value(member) for member in content],
    "M": struct,
    "SS": _set("SS"),
    "NS": _set("NS"),
    "BS": _set("BS"),
}


def _read(value: Any) -> AttributeValue:
    kind = value.ion_type.name
    reader = _READERS.get(kind)
    if reader is None:
        raise IonError(f"Ion type {kind.lower()} is no DynamoDB type")
    return reader(value)


def _read_list(value: Any) -> AttributeValue:
    names = {annotation.text for annotation in value.ion_annotations}
    for kind, annotation in _SETS.items():
        if annotation in names:
            members = [_read(member) for member in value]
            if any(kind[0] not in member for member in members):
                raise IonError(f"{annotation} holds a member of another type")
            return {kind: [member[kind[0]] for member in members]}
    return {"L": [_read(member) for member in value]}


def _read_struct(value: Any) -> AttributeValue:
    return {"M": {name: _read(member) for name, member in value.items()}}


def _read_number(value: Any) -> AttributeValue:
    return {"N": str(Decimal(value))}


def _read_bytes(value: Any) -> AttributeValue:
    return {"B": b64encode(bytes(value)).decode()}


_READERS: Mapping[str, Callable[[Any], AttributeValue]] = {
    "NULL": lambda _value: {"NULL": True},
    "BOOL": lambda value: {"BOOL": bool(value)},
    "INT": _read_number,
    "DECIMAL": _read_number,
    "FLOAT": lambda value: {"N": repr(float(value))},
    "STRING": lambda value: {"S": str(value)},
    "SYMBOL": lambda value: {"S": value.text},
    "BLOB": _read_bytes,
    "CLOB": _read_bytes,
    "LIST": _read_list,
    "STRUCT": _read_struct,
}
