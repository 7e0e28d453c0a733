"""Vectors of the benchmarks, and how many of the true neighbours a search finds.

The vectors stand in clusters, as those of texts do; each follows from its number.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from benchmarks.harness import data

DIMENSIONS = 256
MOST = 10_000
"""Items with a vector, if the main table has as many."""
TOP = 10
"""Neighbours asked for."""
RARE = 200
"""One item of so many has a rare colour."""
_CLUSTERS = 100
_SPREAD = 0.6
_PROBES = 30

Vector = tuple[float, ...]


@lru_cache(maxsize=_CLUSTERS)
def _centre(number: int) -> Vector:
    rng = random.Random(-1 - number)
    return tuple(rng.gauss(0, 1) for _ in range(DIMENSIONS))


def vector(number: int) -> Vector:
    """Return the vector with a number, with the digits that a request carries."""
    rng = random.Random(number)
    return tuple(round(component + rng.gauss(0, _SPREAD), 5) for component in _centre(number % _CLUSTERS))


def count(items: int) -> int:
    """Return how many vectors are loaded beside a main table of so many items."""
    return min(items, MOST)


def numbers(values: Vector) -> list[dict[str, str]]:
    """Return a vector as a request carries it."""
    return [{"N": repr(value)} for value in values]


def colour(number: int) -> str:
    """Return the filter attribute of the item with a number: half are blue, one of `RARE` is rare."""
    return "rare" if number % RARE == 0 else "blue" if number % 2 else "red"


def item(number: int) -> dict[str, Any]:
    """Return an item with a vector."""
    return {**data.key(number), "colour": {"S": colour(number)}, "vector": {"L": numbers(vector(number))}}


def search(name: str, number: int, wanted: str = "") -> dict[str, Any]:
    """Return a search near a vector that is not loaded, among items of one colour or all."""
    body: dict[str, Any] = {
        "TableName": name,
        "IndexName": "by_vector",
        "SearchVector": numbers(vector(data.fresh(number))),
        "TopK": TOP,
    }
    if wanted:
        body["SearchConditionExpression"] = "colour = :c"
        body["ExpressionAttributeValues"] = {":c": {"S": wanted}}
    return body


def definition() -> dict[str, Any]:
    """Return the vector index of a CreateTable request."""
    return {
        "IndexName": "by_vector",
        "VectorAttribute": {"AttributeName": "vector"},
        "SearchSchema": [{"AttributeName": "colour", "SearchSchemaElementType": "INLINE_FILTER"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        "Dimensions": DIMENSIONS,
        "DistanceFunction": "EUCLIDEAN",
    }


def recall(items: int, wanted: str, ask: Callable[[int], dict[str, Any]]) -> float:
    """Return the share of the true neighbours that are found, over some searches; `ask` answers the one with a number.

    Scores are compared, not keys: of two equally near either is right.
    """
    loaded = [vector(number) for number in range(count(items)) if not wanted or colour(number) == wanted]
    right = expected = 0
    for probe in range(_PROBES):
        query = vector(data.fresh(probe))
        nearest = heapq.nsmallest(TOP, (math.dist(query, each) for each in loaded))
        limit = nearest[-1] * (1 + 1e-6)
        found = [hit["Score"] for hit in ask(probe).get("SearchResults", ())]
        right += sum(score <= limit for score in found)
        expected += len(nearest)
    return round(right / expected, 4)
