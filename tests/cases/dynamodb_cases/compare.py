"""Answers against what is expected of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

SETS = frozenset(("SS", "NS", "BS"))
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_EARLIEST, _LATEST = 1.3e9, 4e9  # seconds since the epoch that a clock can show

_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "uuid": lambda value: isinstance(value, str) and _UUID.match(value) is not None,
    "time": lambda value: isinstance(value, (int, float)) and _EARLIEST < value < _LATEST,
    "string": lambda value: isinstance(value, str),
}


def difference(expected: Any, actual: Any, account: str, path: str = "") -> str | None:
    """Return the first difference in words, None if there is none."""
    if isinstance(expected, dict) and len(expected) == 1:
        ((name, content),) = expected.items()
        if name == "$any":
            return None if _KINDS[content](actual) else f"{path}: {actual!r} is no {content}"
        if name == "$unordered":
            return _unordered(content, actual, account, path)
        if name in SETS and isinstance(content, list):
            return _sets(name, content, actual, path)
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _objects(expected, actual, account, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _lists(expected, actual, account, path)
    if isinstance(expected, str):
        expected = expected.replace("$account", account)
    if type(expected) is not type(actual) and not (_is_number(expected) and _is_number(actual)):
        return f"{path}: expected {_short(expected)}, got {_short(actual)}"
    return None if expected == actual else f"{path}: expected {_short(expected)}, got {_short(actual)}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 600 else f"{text[:300]} ... {text[-200:]}"


def _objects(expected: dict[str, Any], actual: dict[str, Any], account: str, path: str) -> str | None:
    if expected.keys() != actual.keys():
        missing, extra = sorted(expected.keys() - actual.keys()), sorted(actual.keys() - expected.keys())
        return f"{path}: missing {missing}, not expected {extra}: {_short(actual)}"
    for name, content in expected.items():
        found = difference(content, actual[name], account, f"{path}.{name}")
        if found:
            return found
    return None


def _lists(expected: list[Any], actual: list[Any], account: str, path: str) -> str | None:
    if len(expected) != len(actual):
        return f"{path}: expected {len(expected)} elements, got {len(actual)}: {_short(actual)}"
    for number, (one, other) in enumerate(zip(expected, actual, strict=True)):
        found = difference(one, other, account, f"{path}[{number}]")
        if found:
            return found
    return None


def _unordered(expected: list[Any], actual: Any, account: str, path: str) -> str | None:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return f"{path}: expected {len(expected)} elements, got {_short(actual)}"
    left = list(actual)
    for element in expected:
        match = next((each for each in left if difference(element, each, account) is None), None)
        if match is None:
            return f"{path}: no {_short(element)} among {_short(actual)}"
        left.remove(match)
    return None


def _sets(kind: str, expected: list[str], actual: Any, path: str) -> str | None:
    if not isinstance(actual, dict) or actual.keys() != {kind} or not isinstance(actual[kind], list):
        return f"{path}: expected {kind} {_short(expected)}, got {_short(actual)}"
    if sorted(expected) != sorted(actual[kind]):
        return f"{path}: expected {kind} {_short(expected)}, got {_short(actual[kind])}"
    return None
