"""The access patterns with boto3, each compared with the answer that plain Python gives for the same records.

    python -m examples.world_cities.patterns --endpoint-url http://localhost:8000

The table must be loaded. The program may run any number of times: what it writes, it removes first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from . import design
from .answers import answers
from .connection import document_client, flags

THREADS = 8
WHO = "boto3"
"""Whose tallies these are: programs in other languages keep their own."""

Answer = dict[str, Any]


def expect(what: str, got: Any, want: Any) -> None:
    """Raise an error unless the server's answer is the right one."""
    if got != want:
        raise AssertionError(f"{what}: the server says {got!r}, the records say {want!r}.")


def refused(call: Callable[[], Any]) -> bool:
    """Return whether the condition of a write did not hold."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return True
    return False


def pages(dynamodb: Any, **query: Any) -> Iterator[dict[str, Any]]:
    """Return the items of a query, page after page: an answer holds at most 1 MB."""
    while True:
        page = dynamodb.query(TableName=design.TABLE, **query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def count(dynamodb: Any, **query: Any) -> tuple[int, int]:
    """Return how many items a query finds and how many it reads, without transferring any."""
    found = scanned = 0
    while True:
        page = dynamodb.query(TableName=design.TABLE, Select="COUNT", **query)
        found, scanned = found + page["Count"], scanned + page["ScannedCount"]
        if "LastEvaluatedKey" not in page:
            return found, scanned
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def one_city(dynamodb: Any, city: Answer) -> None:
    """1. A city by its key: GetItem, strongly consistent."""
    key = {
        "pk": design.country_pk(city["country"]),
        "sk": design.city_sk(city["region"], city["name"], city["geonameid"]),
    }
    item = dynamodb.get_item(TableName=design.TABLE, Key=key, ConsistentRead=True)["Item"]
    for name, value in city.items():
        expect(name, item[name], Decimal(str(value)) if isinstance(value, float) else value)


def names_in_region(dynamodb: Any, prefix: Answer) -> None:
    """2. Places of a region whose names start with something: a range of sort keys, in their order."""
    start = design.city_sk(prefix["region"], prefix["prefix"])
    here = Key("pk").eq(design.country_pk(prefix["country"])) & Key("sk").begins_with(start)
    expect(
        "names",
        [item["name"] for item in dynamodb.query(TableName=design.TABLE, KeyConditionExpression=here)["Items"]],
        prefix["names"],
    )


def largest_of_country(dynamodb: Any, largest: Answer) -> None:
    """3. The largest cities of a country: the local index, backwards, as many as needed."""
    items = dynamodb.query(
        TableName=design.TABLE,
        IndexName=design.BY_POPULATION,
        KeyConditionExpression=Key("pk").eq(design.country_pk(largest["country"])),
        ScanIndexForward=False,
        Limit=largest["count"],
    )["Items"]
    expect("cities", [[item["name"], item["population"]] for item in items], largest["cities"])


def count_between(dynamodb: Any, between: Answer) -> None:
    """4. How many cities of a country have a population between two bounds: BETWEEN, and a count without items."""
    sizes = Key("population").between(between["low"], between["high"])
    here = Key("pk").eq(design.country_pk(between["country"])) & sizes
    found, _ = count(dynamodb, IndexName=design.BY_POPULATION, KeyConditionExpression=here)
    expect("count", found, between["count"])


def leaders_of_world(dynamodb: Any, leaders: Answer) -> None:
    """5. The largest cities of the world: the sparse global index, which holds the cities of millions only."""
    board = Key("board").eq(design.WORLD)
    items = dynamodb.query(
        TableName=design.TABLE,
        IndexName=design.LEADERS,
        KeyConditionExpression=board,
        ScanIndexForward=False,
        Limit=leaders["count"],
    )["Items"]
    expect("cities", [[item["name"], item["country"], item["population"]] for item in items], leaders["cities"])
    expect("millions", count(dynamodb, IndexName=design.LEADERS, KeyConditionExpression=board)[0], leaders["millions"])


def countries_of_continent(dynamodb: Any, continent: Answer) -> None:
    """6. The countries of a continent by code, and the most populous ones: the same two keys, another kind of item."""
    here = Key("pk").eq(design.continent_pk(continent["continent"]))
    codes = [item["sk"].removeprefix("COUNTRY#") for item in pages(dynamodb, KeyConditionExpression=here, Limit=10)]
    expect("codes", codes, continent["codes"])
    largest = dynamodb.query(
        TableName=design.TABLE,
        IndexName=design.BY_POPULATION,
        KeyConditionExpression=here,
        ScanIndexForward=False,
        Limit=continent["count"],
    )["Items"]
    expect("names", [item["name"] for item in largest], continent["names"])


def filter_by_timezone(dynamodb: Any, timezone: Answer) -> None:
    """7. Cities of a country in a time zone: a filter, which spares transfer but not reading."""
    here = Key("pk").eq(design.country_pk(timezone["country"])) & Key("sk").begins_with("CITY#")
    found, scanned = count(
        dynamodb, KeyConditionExpression=here, FilterExpression=Attr("timezone").eq(timezone["timezone"])
    )
    expect("count", found, timezone["count"])
    expect("scanned", scanned, timezone["scanned"])


def whole_partition(dynamodb: Any, partition: Answer) -> None:
    """8. All cities of a large country: several pages, no item twice, none missing."""
    here = Key("pk").eq(design.country_pk(partition["country"])) & Key("sk").begins_with("CITY#")
    items = list(pages(dynamodb, KeyConditionExpression=here, ProjectionExpression="sk, population"))
    expect("keys", len({item["sk"] for item in items}), partition["count"])
    expect("items", len(items), partition["count"])
    expect("people", sum(item["population"] for item in items), partition["people"])


def tally_region(dynamodb: Any, country: str, region: str) -> None:
    """Add a region to the tally of its country, once: the condition makes a repetition harmless."""
    # A text and not Key(...): boto3 builds those with state that threads would share.
    found = pages(
        dynamodb,
        KeyConditionExpression="pk = :country AND begins_with(sk, :region)",
        ExpressionAttributeValues={":country": design.country_pk(country), ":region": design.city_sk(region)},
        ProjectionExpression="population",
    )
    people = [item["population"] for item in found]
    dynamodb.update_item(
        TableName=design.TABLE,
        Key={"pk": design.country_pk(country), "sk": design.tally_sk(WHO)},
        UpdateExpression="ADD cities :cities, people :people, regions :regions",
        ConditionExpression="NOT contains(regions, :region)",
        ExpressionAttributeValues={
            ":cities": len(people),
            ":people": sum(people),
            ":regions": {region},
            ":region": region,
        },
    )


def tally_world(dynamodb: Any, tallies: Answer) -> None:
    """9. Count every city of every country: a Query and an UpdateItem for each region, eight at a time."""
    regions: list[tuple[str, str]] = []
    for continent in ("AF", "AN", "AS", "EU", "NA", "OC", "SA"):
        for country in pages(dynamodb, KeyConditionExpression=Key("pk").eq(design.continent_pk(continent))):
            code = country["sk"].removeprefix("COUNTRY#")
            dynamodb.delete_item(
                TableName=design.TABLE, Key={"pk": design.country_pk(code), "sk": design.tally_sk(WHO)}
            )
            regions += [(code, region) for region in sorted(country.get("regions", ()))]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda region: tally_region(dynamodb, *region), regions))
    for code, (number, people) in tallies.items():
        key = {"pk": design.country_pk(code), "sk": design.tally_sk(WHO)}
        item = dynamodb.get_item(TableName=design.TABLE, Key=key, ConsistentRead=True)["Item"]
        expect(f"cities of {code}", item["cities"], number)
        expect(f"people of {code}", item["people"], people)


def tally_again(dynamodb: Any, tally: Answer) -> None:
    """10. Count one country a second time: every region is refused, and the tally stays as it is."""
    for region, _, _ in tally["regions"]:
        again = refused(lambda region=region: tally_region(dynamodb, tally["country"], region))  # type: ignore[misc]
        expect(f"region {region} is refused", again, True)
    key = {"pk": design.country_pk(tally["country"]), "sk": design.tally_sk(WHO)}
    item = dynamodb.get_item(TableName=design.TABLE, Key=key, ConsistentRead=True)["Item"]
    expect("cities", item["cities"], tally["cities"])
    expect("people", item["people"], tally["people"])
    expect("regions", item["regions"], {region for region, _, _ in tally["regions"]})


def census(dynamodb: Any, census: Answer) -> None:
    """11. A city outgrows the largest one and shrinks again: indexes follow an update, conditions guard it."""
    key = {
        "pk": design.country_pk(census["country"]),
        "sk": design.city_sk(census["region"], census["name"], census["geonameid"]),
    }

    def resize(before: int, after: int) -> Any:
        return dynamodb.update_item(
            TableName=design.TABLE,
            Key=key,
            UpdateExpression="SET population = :after",
            ConditionExpression="population = :before",
            ExpressionAttributeValues={":before": before, ":after": after},
            ReturnValues="UPDATED_OLD",
        )["Attributes"]["population"]

    def largest() -> Any:
        here = Key("pk").eq(key["pk"])
        index = {"IndexName": design.BY_POPULATION, "ScanIndexForward": False, "ConsistentRead": True}
        return dynamodb.query(TableName=design.TABLE, KeyConditionExpression=here, Limit=1, **index)["Items"][0]["name"]

    expect("old population", resize(census["before"], census["after"]), census["before"])
    try:
        expect("largest after", largest(), census["name"])
        stale = refused(lambda: resize(census["before"], census["after"]))
        expect("an update from a stale population is refused", stale, True)
    finally:
        resize(census["after"], census["before"])
    expect("largest before", largest(), census["largest"])


def visits(dynamodb: Any, city: Answer) -> None:
    """12. Count visits from eight threads at once: none is lost."""
    key = {
        "pk": design.country_pk(city["country"]),
        "sk": design.city_sk(city["region"], city["name"], city["geonameid"]),
    }

    def visit(_: int) -> int:
        answer = dynamodb.update_item(
            TableName=design.TABLE,
            Key=key,
            UpdateExpression="SET visits = if_not_exists(visits, :none) + :one",
            ExpressionAttributeValues={":none": 0, ":one": 1},
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["visits"])

    dynamodb.update_item(TableName=design.TABLE, Key=key, UpdateExpression="REMOVE visits")
    with ThreadPoolExecutor(THREADS) as pool:
        numbers = sorted(pool.map(visit, range(25 * THREADS)))
    expect("visits", numbers, list(range(1, 25 * THREADS + 1)))


PATTERNS: tuple[tuple[Callable[[Any, Answer], None], str], ...] = (
    (one_city, "city"),
    (names_in_region, "prefix"),
    (largest_of_country, "largest"),
    (count_between, "between"),
    (leaders_of_world, "leaders"),
    (countries_of_continent, "continent"),
    (filter_by_timezone, "timezone"),
    (whole_partition, "partition"),
    (tally_world, "tallies"),
    (tally_again, "tally"),
    (census, "census"),
    (visits, "city"),
)
"""The patterns, each with the name of its question and answer."""


def main() -> None:
    """Run the program."""
    parser = flags("Run the access patterns and check the answers.")
    parser.add_argument("--answers", type=Path, help="file of right answers; otherwise they are computed")
    given = parser.parse_args()
    dynamodb = document_client(given.endpoint_url, THREADS)
    right = json.loads(given.answers.read_text("utf-8")) if given.answers else answers()
    for pattern, question in PATTERNS:
        pattern(dynamodb, right[question])
        print("ok ", (pattern.__doc__ or "").split(":")[0], flush=True)


if __name__ == "__main__":
    main()
