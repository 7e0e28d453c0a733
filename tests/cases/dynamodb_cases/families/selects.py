"""Select: every mode on a table, on global indexes and on a local one, by Query and Scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamodb_cases.model import Case, case, do, table

TABLE = "selects"
ITEM: dict[str, Any] = {"p": {"S": "a"}, "s": {"N": "1"}, "g": {"S": "x"}, "l": {"S": "y"}, "v": {"S": "z"}}
SETUP = [
    table(
        TABLE,
        "p S, s N",
        global_={"gall": "g S", "gkeys": "g S | KEYS_ONLY", "gsome": "g S | INCLUDE l"},
        local={"lkeys": "p S, l S | KEYS_ONLY"},
    ),
    do("PutItem", {"TableName": TABLE, "Item": ITEM}),
]
HOLDS: Mapping[str | None, str] = {None: "psglv", "gall": "psglv", "gkeys": "psg", "gsome": "psgl", "lkeys": "psl"}
"""The attributes each index holds."""
NOT_ALL = (
    "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index "
    "{} because its projection type is not ALL"
)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for operation in ("Query", "Scan"):
        for index in HOLDS:
            for mode in (None, "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES"):
                if mode == "ALL_PROJECTED_ATTRIBUTES" and index is None and operation == "Scan":
                    continue  # the text speaks of querying
                request = _request(operation, index, mode)
                name = f"selects: {operation} of {index or 'the table'}, {mode}"
                yield case(name, SETUP, do(operation, request, _expected(index, mode)))


def _request(operation: str, index: str | None, mode: str | None) -> dict[str, Any]:
    request: dict[str, Any] = {"TableName": TABLE}
    if index is not None:
        request["IndexName"] = index
    if mode is not None:
        request["Select"] = mode
    if mode == "SPECIFIC_ATTRIBUTES":
        request["ProjectionExpression"] = "p, s"
    if operation == "Query":
        name = "g" if (index or "").startswith("g") else "p"
        request["KeyConditionExpression"] = f"{name} = :v"
        request["ExpressionAttributeValues"] = {":v": ITEM[name]}
    return request


def _expected(index: str | None, mode: str | None) -> dict[str, Any] | str:
    if mode == "COUNT":
        return {"Count": 1, "ScannedCount": 1}
    names = HOLDS[index]
    if mode == "SPECIFIC_ATTRIBUTES":
        names = "ps"
    elif mode == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        return "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
    elif mode == "ALL_ATTRIBUTES":
        if index in ("gkeys", "gsome"):
            return NOT_ALL.format(index)
        names = "psglv"
    return {"Count": 1, "ScannedCount": 1, "Items": [{name: ITEM[name] for name in names}]}
