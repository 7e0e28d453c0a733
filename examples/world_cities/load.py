"""Load the whole data set with BatchWriteItem from a few processes.

    python -m examples.world_cities.load --endpoint-url http://localhost:8000

The work is shared among processes because building and signing requests costs a Python client more than waiting
for the answers, and among threads because several requests on the way at once let the server write them together.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from . import dataset, design
from .connection import client, flags
from .design import Item

BATCH = 25
"""Most items that one BatchWriteItem may carry."""
CHUNK = 1000
"""Items that a process takes at a time."""
ATTEMPTS = 10
"""Times that items the server did not get to are sent again."""


def write_batch(dynamodb: Any, items: Sequence[Item]) -> None:
    """Write items, and write again what the server handed back."""
    for start in range(0, len(items), BATCH):
        requests = [{"PutRequest": {"Item": item}} for item in items[start : start + BATCH]]
        for attempt in range(ATTEMPTS):
            answer = dynamodb.batch_write_item(RequestItems={design.TABLE: requests})
            requests = answer.get("UnprocessedItems", {}).get(design.TABLE, [])
            if not requests:
                break
            time.sleep(0.05 * 2**attempt)
        else:
            raise RuntimeError(f"{len(requests)} items were refused {ATTEMPTS} times.")


def create_table(dynamodb: Any) -> None:
    """Create the table, empty: one that is left from an earlier run is dropped."""
    try:
        dynamodb.delete_table(TableName=design.TABLE)
        dynamodb.get_waiter("table_not_exists").wait(TableName=design.TABLE, WaiterConfig={"Delay": 1})
    except dynamodb.exceptions.ResourceNotFoundException:
        pass
    dynamodb.create_table(**design.table())
    dynamodb.get_waiter("table_exists").wait(TableName=design.TABLE, WaiterConfig={"Delay": 1})


def country_items(places: Sequence[dataset.Place]) -> list[Item]:
    """Return the items of all countries, each with the regions that have places."""
    regions: dict[str, set[str]] = defaultdict(set)
    for place in places:
        regions[place.country].add(place.region)
    return [design.country_item(country, regions[country.iso]) for country in dataset.countries()]


_workers: dict[str, Any] = {}
"""Client and threads of a worker process: clients cannot be sent from one process to another."""


def _start_worker(endpoint_url: str | None, threads: int) -> None:
    _workers["dynamodb"] = client(endpoint_url, threads)
    _workers["threads"] = ThreadPoolExecutor(threads)


def _write_chunk(chunk: Sequence[dataset.Place]) -> int:
    items = [design.city_item(place) for place in chunk]
    runs = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    list(_workers["threads"].map(partial(write_batch, _workers["dynamodb"]), runs))
    return len(items)


def load(endpoint_url: str | None, processes: int, threads: int) -> int:
    """Create the table, write every item, and return how many there are."""
    dynamodb = client(endpoint_url, threads)
    create_table(dynamodb)
    places = dataset.places()
    countries = country_items(places)
    write_batch(dynamodb, countries)
    chunks = [places[start : start + CHUNK] for start in range(0, len(places), CHUNK)]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _start_worker, (endpoint_url, threads)) as pool:
        return len(countries) + sum(pool.map(_write_chunk, chunks))


def main() -> None:
    """Run the program."""
    parser = flags("Load the gazetteer into one table.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4, help="threads of each process")
    given = parser.parse_args()
    started = time.monotonic()
    count = load(given.endpoint_url, given.processes, given.threads)
    seconds = time.monotonic() - started
    print(f"{count} items in {seconds:.1f} s, {count / seconds:.0f} a second")


if __name__ == "__main__":
    main()
