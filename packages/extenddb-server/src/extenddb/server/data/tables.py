"""Asking endpoints about tables, and making those that are missing."""

from __future__ import annotations

from typing import Any

from extenddb.server.data import schema
from extenddb.server.data.client import Client
from extenddb.server.data.errors import DataError, ServiceFailure

_POLL_SECONDS = 0.5
_UNSUPPORTED = frozenset(("UnknownOperationException", "AccessDeniedException", "UnknownOperation"))
"""What is said by endpoints that have no tags or expiry, or do not let us read them."""
_GONE = "ResourceNotFoundException"


async def find(client: Client, table: str) -> dict[str, Any] | None:
    """Return the description of a table; None if there is none of that name."""
    try:
        answer = await client.call("DescribeTable", {"TableName": table})
    except ServiceFailure as error:
        if error.code == _GONE:
            return None
        raise
    description: dict[str, Any] = answer["Table"]
    return description


async def require(client: Client, table: str) -> dict[str, Any]:
    """Return the description of a table. Raises DataError if there is none of that name."""
    description = await find(client, table)
    if description is None:
        raise DataError(f"The table {table} does not exist at {client.endpoint.url}.")
    return description


async def until_active(client: Client, table: str) -> dict[str, Any]:
    """Return the description of a table as soon as it can be used."""
    while True:
        description = await require(client, table)
        if description["TableStatus"] in {"ACTIVE", "UPDATING"}:
            return description
        await client.times.sleep(_POLL_SECONDS)


async def tags(client: Client, description: dict[str, Any]) -> list[dict[str, str]]:
    """Return the tags of a table; none where the endpoint does not tell them."""
    found: list[dict[str, str]] = []
    request = {"ResourceArn": description["TableArn"]}
    while True:
        try:
            page = await client.call("ListTagsOfResource", request)
        except ServiceFailure as error:
            if error.code in _UNSUPPORTED:
                return found
            raise
        found += page.get("Tags") or []
        if not page.get("NextToken"):
            return found
        request["NextToken"] = page["NextToken"]


async def expiry(client: Client, table: str) -> str:
    """Return the attribute by which items expire; empty if they do not, or the endpoint does not tell."""
    try:
        answer = await client.call("DescribeTimeToLive", {"TableName": table})
    except ServiceFailure as error:
        if error.code in _UNSUPPORTED:
            return ""
        raise
    description = answer.get("TimeToLiveDescription") or {}
    enabled = description.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    return str(description.get("AttributeName", "")) if enabled else ""


async def make_like(source: Client, description: dict[str, Any], target: Client, name: str) -> dict[str, Any]:
    """Make a table at the target like one at the source, and return its description."""
    request = schema.create_request(description, name=name, tags=await tags(source, description))
    return await make(target, request, expiry=await expiry(source, description["TableName"]))


async def make(target: Client, request: dict[str, Any], *, expiry: str = "") -> dict[str, Any]:
    """Make a table, wait until it can be used and return its description."""
    await target.call("CreateTable", request)
    name = request["TableName"]
    made = await until_active(target, name)
    if expiry:
        specification = {"Enabled": True, "AttributeName": expiry}
        await target.call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": specification})
    return made


async def prepare_target(
    source: Client, description: dict[str, Any], target: Client, name: str, *, create: bool
) -> dict[str, Any]:
    """Return the description of the target table, made if that was asked for. Raises DataError if it does not fit."""
    found = await find(target, name)
    if found is None:
        if not create:
            raise DataError(f"The table {name} does not exist at {target.endpoint.url}; --create makes it.")
        return await make_like(source, description, target, name)
    schema.check_same_keys(description, found, at=target.endpoint.url)
    return await until_active(target, name)
