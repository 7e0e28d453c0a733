"""Every case of `cases/*.txt`: an expression, what it is evaluated in, and the result or the exact error.

A case is a line `input => result`, or `input => ! text of the ValidationException`. Lines `item: {…}`, `names: {…}`,
`values: {…}`, `schema: {…}` and `operator: …` set what the cases below them are evaluated in; `--` starts a comment.
The name of the file says what the input is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from extenddb.core.errors import VALIDATION, ServiceError
from extenddb.core.expressions import (
    KeyCondition,
    Placeholders,
    bind_condition,
    bind_key_condition,
    bind_projection,
    bind_update,
    legacy,
    match_key_schema,
)

CASES = Path(__file__).parent / "cases"
Context = dict[str, Any]


def read_cases(file: Path) -> Iterator[Any]:
    context: Context = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("--"):
            continue
        text, arrow, result = line.partition(" => ")
        if arrow:
            yield pytest.param(file.stem, text, dict(context), result, id=f"{file.stem}:{number}")
            continue
        key, colon, setting = line.partition(": ")
        assert colon, f"{file}:{number}: neither a case nor a setting"
        context[key] = json.loads(setting)


def placeholders(context: Context) -> Placeholders:
    return Placeholders(context.get("names"), context.get("values"))


def condition(text: str, context: Context) -> object:
    return bind_condition(text, placeholders(context)).matches(context.get("item"))


def projection(text: str, context: Context) -> object:
    return bind_projection(text, placeholders(context)).project(context["item"])


def update(text: str, context: Context) -> object:
    before = deepcopy(context["item"])
    result = bind_update(text, placeholders(context)).apply(context["item"])
    assert context["item"] == before, "the given item was changed"
    return result


def updated(text: str, context: Context) -> object:
    bound, old = bind_update(text, placeholders(context)), context["item"]
    new = bound.apply(old)
    return [bound.updated_old(old, new), bound.updated_new(old, new)]


def key_condition(text: str, context: Context) -> object:
    return key_range(bind_key_condition(text, placeholders(context)), context)


def key_range(bound: KeyCondition, context: Context) -> object:
    schema = context["schema"]
    found = match_key_schema(bound, schema["hash"], schema["range"], schema["types"])
    answer: list[object] = [list(found.partition), list(found.sort_equals)]
    return [*answer, found.operator, *found.values] if found.operator else answer


def placeholder_use(text: str, context: Context) -> object:
    both = placeholders(json.loads(text))
    bind_condition(context["expression"], both)
    both.check_unused()
    return "good"


def expected(text: str, context: Context) -> object:
    return legacy.expected(json.loads(text), context.get("operator")).matches(context.get("item"))


def filters(text: str, context: Context) -> object:
    return legacy.filters(json.loads(text), context.get("operator")).matches(context.get("item"))


def attribute_updates(text: str, context: Context) -> object:
    before = deepcopy(context["item"])
    result = legacy.attribute_updates(json.loads(text)).apply(context["item"])
    assert context["item"] == before, "the given item was changed"
    return result


def attributes_to_get(text: str, context: Context) -> object:
    return legacy.attributes_to_get(json.loads(text)).project(context["item"])


def key_conditions(text: str, context: Context) -> object:
    return key_range(legacy.key_conditions(json.loads(text)), context)


RUNNERS: dict[str, Callable[[str, Context], object]] = {
    "attribute_updates": attribute_updates,
    "attributes_to_get": attributes_to_get,
    "condition": condition,
    "condition_errors": condition,
    "expected": expected,
    "filters": filters,
    "key_condition": key_condition,
    "key_conditions": key_conditions,
    "placeholders": placeholder_use,
    "projection": projection,
    "update": update,
    "update_errors": update,
    "updated": updated,
}


@pytest.mark.parametrize(
    ("subject", "text", "context", "result"),
    [case for file in sorted(CASES.glob("*.txt")) for case in read_cases(file)],
)
def test_case(subject: str, text: str, context: Context, result: str) -> None:
    if not result.startswith("! "):
        assert RUNNERS[subject](text, context) == json.loads(result)
        return
    with pytest.raises(ServiceError) as caught:
        RUNNERS[subject](text, context)
    assert caught.value.kind is VALIDATION
    assert caught.value.message == result[2:]


def test_every_subject_has_cases() -> None:
    assert {file.stem for file in CASES.glob("*.txt")} == set(RUNNERS)
