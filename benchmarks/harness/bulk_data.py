"""What imports read: an export in DynamoDB JSON of items that follow from their numbers, and the table for it."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from benchmarks.harness import data
from benchmarks.harness.data import Item, Table

PREFIX = "AWSDynamoDB/0001/data/"
_SPREAD = 7919
"""A prime: neighbours in a file are far from each other in number, so that keys come in no order at all."""
_QUICK = 6
"""Level of GZIP, its default."""


_WORDS = [
    "able",
    "about",
    "account",
    "across",
    "address",
    "after",
    "again",
    "against",
    "almost",
    "along",
    "already",
    "also",
    "always",
    "among",
    "amount",
    "answer",
    "any",
    "apply",
    "area",
    "around",
    "ask",
    "away",
    "back",
    "balance",
    "because",
    "before",
    "begin",
    "behind",
    "below",
    "between",
    "both",
    "bring",
    "building",
    "business",
    "buy",
    "call",
    "carry",
    "case",
    "cause",
    "certain",
    "change",
    "city",
    "clear",
    "close",
    "colour",
    "common",
    "company",
    "complete",
    "consider",
    "contact",
    "cost",
    "country",
    "course",
    "customer",
    "daily",
    "date",
    "day",
    "deal",
    "decide",
    "delivery",
    "describe",
    "detail",
    "different",
    "door",
    "early",
    "effect",
    "enough",
    "every",
    "example",
    "expect",
    "fact",
    "family",
    "far",
    "field",
    "figure",
    "final",
    "find",
    "first",
    "follow",
    "form",
    "free",
    "friend",
    "general",
    "give",
    "good",
    "great",
    "group",
    "half",
    "hand",
    "hold",
    "house",
    "idea",
    "include",
    "inside",
    "interest",
    "invoice",
    "issue",
    "keep",
    "kind",
    "know",
    "large",
    "last",
    "later",
    "lead",
    "letter",
    "level",
    "list",
    "local",
    "long",
    "main",
    "market",
    "matter",
    "member",
    "method",
    "middle",
    "minute",
    "moment",
    "month",
    "morning",
    "narrow",
    "nature",
    "near",
    "need",
    "next",
    "night",
    "notice",
    "number",
    "offer",
    "often",
    "open",
    "order",
    "other",
    "outside",
    "owner",
    "paper",
    "part",
    "past",
    "payment",
    "person",
    "place",
    "plain",
    "point",
    "possible",
    "present",
    "price",
    "problem",
    "product",
    "question",
    "quite",
    "rather",
    "reach",
    "ready",
    "reason",
    "receipt",
    "record",
    "result",
    "return",
    "right",
    "road",
    "room",
    "round",
    "sale",
    "same",
    "season",
    "second",
    "send",
    "service",
    "several",
    "share",
    "short",
    "simple",
    "single",
    "small",
    "some",
    "sort",
    "special",
    "spring",
    "stage",
    "start",
    "state",
    "station",
    "still",
    "stock",
    "store",
    "street",
    "strong",
    "subject",
    "such",
    "summer",
    "supply",
    "table",
    "take",
    "term",
    "thing",
    "third",
    "though",
    "time",
    "today",
    "total",
    "town",
    "trade",
    "travel",
    "under",
    "until",
    "usual",
    "value",
    "various",
    "village",
    "visit",
    "water",
    "week",
    "weight",
    "whole",
    "window",
    "winter",
    "within",
    "without",
    "word",
    "work",
    "world",
    "write",
    "year",
    "yellow",
    "young",
]


def _text(number: int) -> str:
    """Return a text of 238 characters, which compresses like those of people: to about a fifth."""
    return " ".join(random.Random(number).choices(_WORDS, k=50))[:238]


def plain_item(number: int) -> Item:
    """Return an item of about 400 bytes; all have the same attributes."""
    return {**data.item(number), "text": {"S": _text(number)}}


def indexed_item(number: int) -> Item:
    """Return an item with the keys of five indexes."""
    return {**data.indexed_item(number), "text": {"S": _text(number)}}


def mixed_item(number: int) -> Item:
    """Return an item of one of four kinds, with attributes that may lack, and values of every type and form."""
    item = plain_item(number)
    kind = number % 4
    if number % 3 == 0:
        del item["mail"]
    if number % 5 == 0:
        del item["place"]
    item["tags"] = {"L": [{"S": f"tag{each}"} for each in range(number % 7)]}
    if kind == 1:
        item["price"] = {"N": f"{number % 977}.{number % 89 + 10:02d}5"}
        item["change"] = {"N": f"-{number % 31 + 1}"}
    if kind == 2:
        item["groups"] = {"SS": [f"group{each}" for each in range(1 + number % 3)]}
        item["picture"] = {"B": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"}
    if number % 10 == 3:
        item["name"] = {"S": f"Zoë Ångström {number:09d}"}
    if number % 10 == 7:
        item["text"] = {"S": f'first line of {number}\nhe said "yes"\n' + item["text"]["S"][:150]}
    return item


KINDS: Mapping[str, tuple[Callable[[int], Item], Table]] = {
    "plain": (plain_item, Table(name="bench-import-plain")),
    "mixed": (mixed_item, Table(name="bench-import-mixed")),
    "indexed": (indexed_item, Table(name="bench-import-indexed", indexes=1)),
}
"""By name: how an item is made, and the table it belongs to."""


def write_export(folder: Path, kind: str, *, items: int, objects: int, compression: str) -> int:
    """Write the objects of an export into a bucket's folder and return the bytes of its records."""
    make, _ = KINDS[kind]
    place = folder / PREFIX
    place.mkdir(parents=True, exist_ok=True)
    total = 0
    for each in range(objects):
        numbers = range(each * items // objects, (each + 1) * items // objects)
        lines = b"".join(orjson.dumps({"Item": make(number * _SPREAD % items)}) + b"\n" for number in numbers)
        total += len(lines)
        packed = gzip.compress(lines, _QUICK) if compression == "GZIP" else lines
        (place / f"{each:04d}.json").write_bytes(packed)
    return total


def creation(kind: str, name: str) -> dict[str, Any]:
    """Return the TableCreationParameters of the table for a kind of items."""
    definition: dict[str, Any] = {**KINDS[kind][1].definition(), "TableName": name}
    return definition
