"""Records in portions: each comes once, and from every place the rest does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest
from dying import DictBuckets

from extenddb.engine import Engine
from extenddb.engine.imports import reading
from extenddb.engine.imports.feed import Feed
from extenddb.engine.imports.reading import Place, Reader, Source
from extenddb.storage.memory import MemoryBackend

SOURCE = Source(bucket="input", prefix="", format="DYNAMODB_JSON", compression="NONE", csv={}, types={})


def lines(part: int, count: int) -> list[bytes]:
    return [json.dumps({"Item": {"pk": {"S": f"{part}-{number}"}}}).encode() + b"\n" for number in range(count)]


OBJECTS = {f"{part}": lines(part, count) for part, count in enumerate((17, 1, 0, 30, 5))}


def feed(objects: Mapping[str, list[bytes]], place: Place) -> Feed:
    held = {("input", key): b"".join(records) for key, records in objects.items()}
    context = Engine(MemoryBackend(), buckets=DictBuckets(held)).context
    return Feed(Reader(context, SOURCE, place))


@pytest.mark.parametrize(("most", "max_bytes"), [(1, 10_000), (4, 10_000), (1000, 90), (1000, 10_000)])
def test_every_record_once_from_every_place(monkeypatch: pytest.MonkeyPatch, most: int, max_bytes: int) -> None:
    monkeypatch.setattr(reading, "_PIECE", 200)
    everything = [record for records in OBJECTS.values() for record in records]

    async def read(place: Place) -> list[tuple[list[bytes], Place]]:
        reader, portions = feed(OBJECTS, place), []
        while (batch := await reader.next(most, max_bytes)) is not None:
            assert len(batch.records) <= most
            assert sum(map(len, batch.records[:-1])) < max_bytes
            assert reader.place == batch.place
            portions.append((batch.records, batch.place))
        return portions

    async def scenario() -> None:
        portions = await read(Place("", 0))
        assert [record for records, _ in portions for record in records] == everything
        done = 0
        for records, place in portions:
            done += len(records)
            rest = await read(place)
            assert [record for found, _ in rest for record in found] == everything[done:]

    asyncio.run(scenario())
