"""Does an answer fit the service's own model: known members only, of the right types, none of them missing?

botocore drops what it does not know when it parses an answer, so that a misspelt member stays unseen. This looks at
the body as it was sent.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session


@cache
def _operation(service: str, name: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def problems(service: str, operation: str, answer: Any) -> list[str]:
    """Return what is wrong with an operation's answer, parsed from JSON; nothing if it fits the model."""
    output = _operation(service, operation).output_shape
    if output is None:
        return [f"{operation}: no members are modelled"] if answer else []
    return list(_value(output, answer, operation))


def watch(client: Any, found: list[str]) -> None:
    """Have every answer that a boto3 client gets looked at; what is wrong is added to `found`."""
    service = client.meta.service_model.service_name

    def look(response_dict: dict[str, Any], event_name: str, **_: Any) -> None:
        if response_dict["status_code"] == 200:
            operation = event_name.rpartition(".")[2]
            found.extend(problems(service, operation, json.loads(response_dict["body"])))

    client.meta.events.register(f"response-received.{service}", look)


def _value(shape: Any, value: Any, path: str) -> Iterator[str]:
    parts = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name)
    if parts is not None:
        yield from parts(shape, value, path)
    elif not _SCALARS[shape.type_name](value):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value!r} is none of {shape.enum}"


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no structure"
        return
    yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
    for name, content in value.items():
        if name in shape.members:
            yield from _value(shape.members[name], content, f"{path}.{name}")
        else:
            yield f"{path}.{name} is not in the model"


def _list(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for number, content in enumerate(value):
        yield from _value(shape.member, content, f"{path}[{number}]")


def _map(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no map"
        return
    for name, content in value.items():
        yield from _value(shape.value, content, f"{path}[{name!r}]")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_blob(value: Any) -> bool:
    try:
        return isinstance(value, str) and b64decode(value, validate=True) is not None
    except Base64Error:
        return False


_SCALARS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "long": _is_whole,
    "float": _is_number,
    "double": _is_number,
    "timestamp": _is_number,
    "blob": _is_blob,
}
