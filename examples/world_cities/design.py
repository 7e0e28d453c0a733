"""The single-table design: one table, two indexes, three kinds of item. The README draws it.

| item    | pk             | sk                          | in by-population | in leaders |
|---------|----------------|-----------------------------|------------------|------------|
| country | CONTINENT#EU   | COUNTRY#ES                  | yes              |            |
| city    | COUNTRY#ES     | CITY#29#Madrid#3117735      | yes              | >= 1 million people |
| tally   | COUNTRY#ES     | TALLY#<who counted>         |                  |            |
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from .dataset import Country, Place

TABLE = os.environ.get("WORLD_CITIES_TABLE") or "WorldCities"
BY_POPULATION = "by-population"
"""Local index: the items of one partition, ordered by population."""
LEADERS = "leaders"
"""Global index, sparse: only items that carry the attribute `board` are in it."""
LEADER = 1_000_000
"""Inhabitants from which a city is on the board of leaders."""
WORLD = "WORLD"

Item = dict[str, dict[str, Any]]
"""An item as it travels: each value wrapped in its type, numbers as text."""


def table() -> dict[str, Any]:
    """Return the arguments of CreateTable."""
    return {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "population", "AttributeType": "N"},
            {"AttributeName": "board", "AttributeType": "S"},
        ],
        "KeySchema": _keys("pk", "sk"),
        "LocalSecondaryIndexes": [
            {
                "IndexName": BY_POPULATION,
                "KeySchema": _keys("pk", "population"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["name", "region"]},
            }
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": LEADERS,
                "KeySchema": _keys("board", "population"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["name", "country"]},
            }
        ],
    }


def _keys(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]


def country_pk(iso: str) -> str:
    """Return the partition of a country's cities and tallies."""
    return f"COUNTRY#{iso}"


def continent_pk(code: str) -> str:
    """Return the partition of a continent's countries."""
    return f"CONTINENT#{code}"


def city_sk(region: str, name: str = "", geonameid: int | None = None) -> str:
    """Return the sort key of a city, or the start of the keys of a region (and of names in it)."""
    return f"CITY#{region}#{name}" + ("" if geonameid is None else f"#{geonameid}")


def tally_sk(who: str) -> str:
    """Return the sort key of the tally that one client keeps for a country."""
    return f"TALLY#{who}"


def city_item(place: Place) -> Item:
    """Return the item of a city."""
    item: Item = {
        "pk": {"S": country_pk(place.country)},
        "sk": {"S": city_sk(place.region, place.name, place.geonameid)},
        "name": {"S": place.name},
        "country": {"S": place.country},
        "region": {"S": place.region},
        "geonameid": {"N": str(place.geonameid)},
        "population": {"N": str(place.population)},
        "latitude": {"N": str(place.latitude)},
        "longitude": {"N": str(place.longitude)},
        "timezone": {"S": place.timezone},
    }
    if place.population >= LEADER:
        item["board"] = {"S": WORLD}
    return item


def country_item(country: Country, regions: Collection[str]) -> Item:
    """Return the item of a country. Sets may not be empty, so that island states have no `neighbours`."""
    item: Item = {
        "pk": {"S": continent_pk(country.continent)},
        "sk": {"S": f"COUNTRY#{country.iso}"},
        "name": {"S": country.name},
        "capital": {"S": country.capital},
        "population": {"N": str(country.population)},
        "square_km": {"N": str(country.square_km)},
        "currency": {"M": {"code": {"S": country.currency[0]}, "name": {"S": country.currency[1]}}},
        "languages": {"L": [{"S": language} for language in country.languages]},
    }
    if country.neighbours:
        item["neighbours"] = {"SS": sorted(set(country.neighbours))}
    if regions:
        item["regions"] = {"SS": sorted(regions)}
    return item
