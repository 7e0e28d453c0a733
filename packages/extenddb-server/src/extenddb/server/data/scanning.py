"""Reading a whole table in segments, each page handed on before the next is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any

from extenddb.server.data.client import Client

Segment = dict[str, Any]
"""How far one segment is: `next` (LastEvaluatedKey), `done`, `items`, `bytes`. Kept in checkpoints as it is."""
Take = Callable[[int, list[dict[str, Any]]], Awaitable[int]]
"""Takes the items of a page of a segment; returns how many bytes they were."""


def new_segments(count: int) -> list[Segment]:
    """Return segments that are not begun."""
    return [{"next": None, "done": False, "items": 0, "bytes": 0} for _ in range(count)]


def page_limit(rate: float | None, segments: int) -> int | None:
    """Return how many items a page may have so that taking one lasts about a second; None for as many as there are."""
    return None if rate is None else max(ceil(rate / segments), 1)


async def read(
    client: Client,
    table: str,
    segments: list[Segment],
    take: Take,
    noted: Callable[[], None],
    limit: int | None = None,
) -> None:
    """Read what is left of all segments at the same time; `noted` is called after each page is taken.

    `limit` is the most items of a page. Reads are consistent: what was written before the scan began is seen.
    Raises DataError.
    """
    async with asyncio.TaskGroup() as group:
        for number, segment in enumerate(segments):
            if not segment["done"]:
                group.create_task(_read_segment(client, table, number, segments, take, noted, limit))


async def _read_segment(
    client: Client,
    table: str,
    number: int,
    segments: list[Segment],
    take: Take,
    noted: Callable[[], None],
    limit: int | None,
) -> None:
    segment = segments[number]
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "Segment": number,
        "TotalSegments": len(segments),
        **({} if limit is None else {"Limit": limit}),
    }
    while not segment["done"]:
        if segment["next"] is not None:
            request["ExclusiveStartKey"] = segment["next"]
        page = await client.call("Scan", request)
        items = page["Items"]
        size = await take(number, items) if items else 0
        following = page.get("LastEvaluatedKey")
        segment.update(
            next=following,
            done=not following,
            items=segment["items"] + len(items),
            bytes=segment["bytes"] + size,
        )
        noted()


async def count(client: Client, table: str, segments: int) -> int:
    """Return how many items a table holds, by looking at them all."""
    counts = await asyncio.gather(*(_count_segment(client, table, number, segments) for number in range(segments)))
    return sum(counts)


async def _count_segment(client: Client, table: str, number: int, segments: int) -> int:
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "Select": "COUNT",
        "Segment": number,
        "TotalSegments": segments,
    }
    found: int = 0
    while True:
        page = await client.call("Scan", request)
        found += int(page["Count"])
        if not page.get("LastEvaluatedKey"):
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
