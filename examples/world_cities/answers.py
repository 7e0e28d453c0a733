"""What the access patterns must answer, computed from the records in plain Python, without a database.

    python -m examples.world_cities.answers answers.json

The programs in all languages ask the same questions and compare with this one file.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import dataset
from .dataset import Country, Place

T = TypeVar("T", Place, Country)


def answers() -> dict[str, Any]:
    """Return questions with their answers, by the name of the access pattern."""
    places, countries = dataset.places(), dataset.countries()
    return {
        "loaded": {"places": len(places), "countries": len(countries), "people": _people(places)},
        "city": _city(places, "ES", "Madrid"),
        "prefix": _prefix(places, "US", "CA", "San "),
        "largest": _largest(places, "JP", 10),
        "between": _between(places, "BR", 100_000, 200_000),
        "leaders": _leaders(places, 20),
        "continent": _continent(countries, "AF", 10),
        "timezone": _timezone(places, "US", "America/Denver"),
        "partition": _partition(places, "US"),
        "tally": _tally(places, "PT"),
        "tallies": _tallies(places),
        "census": _census(places, "IS"),
    }


def _people(records: Iterable[Place]) -> int:
    return sum(place.population for place in records)


def _of(places: Iterable[Place], country: str) -> list[Place]:
    return [place for place in places if place.country == country]


def _top(records: Iterable[T], count: int) -> list[T]:
    """Return the most populous records; an order that the populations leave open would be no answer."""
    size: Callable[[T], int] = lambda record: record.population  # noqa: E731
    ordered = sorted(records, key=size, reverse=True)[: count + 1]
    if len({size(record) for record in ordered}) != len(ordered):
        raise ValueError("Two of the largest have the same population: ask another question.")
    return ordered[:count]


def _city(places: Sequence[Place], country: str, name: str) -> dict[str, Any]:
    city = _top((place for place in _of(places, country) if place.name == name), 1)[0]
    return city._asdict()


def _prefix(places: Sequence[Place], country: str, region: str, prefix: str) -> dict[str, Any]:
    found = [place for place in _of(places, country) if place.region == region and place.name.startswith(prefix)]
    # A sort key is ordered by its UTF-8 bytes, and the name in it is followed by a separator and the id.
    found.sort(key=lambda place: f"{place.name}#{place.geonameid}".encode())
    return {"country": country, "region": region, "prefix": prefix, "names": [place.name for place in found]}


def _largest(places: Sequence[Place], country: str, count: int) -> dict[str, Any]:
    cities = [[place.name, place.population] for place in _top(_of(places, country), count)]
    return {"country": country, "count": count, "cities": cities}


def _between(places: Sequence[Place], country: str, low: int, high: int) -> dict[str, Any]:
    count = sum(low <= place.population <= high for place in _of(places, country))
    return {"country": country, "low": low, "high": high, "count": count}


def _leaders(places: Sequence[Place], count: int) -> dict[str, Any]:
    cities = [[place.name, place.country, place.population] for place in _top(places, count)]
    return {"count": count, "cities": cities, "millions": sum(place.population >= 1_000_000 for place in places)}


def _continent(countries: Sequence[Country], code: str, count: int) -> dict[str, Any]:
    here = [country for country in countries if country.continent == code]
    names = [country.name for country in _top(here, count)]
    return {"continent": code, "count": count, "names": names, "codes": sorted(country.iso for country in here)}


def _timezone(places: Sequence[Place], country: str, timezone: str) -> dict[str, Any]:
    here = _of(places, country)
    count = sum(place.timezone == timezone for place in here)
    return {"country": country, "timezone": timezone, "count": count, "scanned": len(here)}


def _partition(places: Sequence[Place], country: str) -> dict[str, Any]:
    here = _of(places, country)
    return {"country": country, "count": len(here), "people": _people(here)}


def _tally(places: Sequence[Place], country: str) -> dict[str, Any]:
    here = _of(places, country)
    count, people = Counter[str](), Counter[str]()
    for place in here:
        count[place.region] += 1
        people[place.region] += place.population
    regions = [[region, count[region], people[region]] for region in sorted(count)]
    return {"country": country, "cities": len(here), "people": _people(here), "regions": regions}


def _tallies(places: Sequence[Place]) -> dict[str, Any]:
    tallies: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for place in places:
        tallies[place.country][0] += 1
        tallies[place.country][1] += place.population
    return tallies


def _census(places: Sequence[Place], country: str) -> dict[str, Any]:
    """A place that outgrows the largest one of its country."""
    first, second = _top(_of(places, country), 2)
    return {
        "country": country,
        "region": second.region,
        "name": second.name,
        "geonameid": second.geonameid,
        "before": second.population,
        "after": first.population + 1,
        "largest": first.name,
    }


def main() -> None:
    """Write the answers to the file of the command line."""
    Path(sys.argv[1]).write_text(json.dumps(answers(), ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
