"""The least that the database can do: the statement sets of the hot paths, sent straight from psycopg.

Run as a program it takes one job on its standard input: address, rows, seconds, process whose tree holds PostgreSQL.
The table is one of its own, shaped like those of the backend. CPU is given for each row, so that single and gathered
calls compare.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from time import perf_counter
from typing import Any

import orjson
import psycopg
from benchmarks.harness.cpu import usage
from benchmarks.harness.data import item, spread
from benchmarks.harness.loop import new_loop
from benchmarks.harness.measure import percentiles
from psycopg.rows import TupleRow

SCHEMA = "bench_floor"
_GATHERED = 32
_PAGE = 50
_BUCKETS = 4096
_WARM = 0.2
_CHUNK = 2000
_TABLE = f"{SCHEMA}.items"
_MAKE = f"""
CREATE TABLE {_TABLE} (
    b bigint, ph bytea, sk bytea, item bytea NOT NULL, size int NOT NULL, ver bigint NOT NULL, PRIMARY KEY (b, ph, sk)
)"""
_KEYS = "unnest(%s::int8[], %s::bytea[], %s::bytea[]) AS k (b, ph, sk)"
_SETTLE = "ON CONFLICT (b, ph, sk) DO UPDATE SET item = excluded.item, size = excluded.size, ver = excluded.ver"
_ROWS = "unnest(%s::int8[], %s::bytea[], %s::bytea[], %s::bytea[], %s::int4[], %s::int8[])"
GET = f"SELECT item, size, ver FROM {_TABLE} WHERE b = %s::int8 AND ph = %s AND sk = %s"
GET_SET = f"SELECT t.b, t.ph, t.sk, t.item, t.size, t.ver FROM {_KEYS} JOIN {_TABLE} t USING (b, ph, sk)"
LOCK_SET = GET_SET + " ORDER BY t.b, t.ph, t.sk FOR UPDATE OF t"
PAGE = f"SELECT item, size, ver FROM {_TABLE} WHERE (b, ph) >= (%s::int8, %s) ORDER BY b, ph, sk LIMIT {_PAGE}"
PUT = f"INSERT INTO {_TABLE} VALUES (%s, %s, %s, %s, %s, %s) {_SETTLE}"
PUT_SET = f"INSERT INTO {_TABLE} SELECT * FROM {_ROWS} {_SETTLE}"
Connection = psycopg.AsyncConnection[TupleRow]
Step = Callable[[Connection, int], Awaitable[None]]
"""Does the work of one call; its number decides the rows."""


def _key(number: int) -> tuple[int, bytes, bytes]:
    digest = blake2b(b"%d" % number, digest_size=24).digest()
    return int.from_bytes(digest[:2], "big") % _BUCKETS, digest, b"\x80"


class Steps:
    """The calls that are timed, over tables of a number of rows."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def _numbers(self, call: int) -> list[int]:
        first = call * _GATHERED
        # A set: two of the same key in one statement would be refused.
        return sorted({spread(first + place, self._rows) for place in range(_GATHERED)})

    def _columns(self, numbers: list[int]) -> list[list[Any]]:
        rows = [(*_key(number), _document(number)) for number in numbers]
        columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
        return [*columns, [400] * len(rows), [1] * len(rows)]

    async def get(self, connection: Connection, call: int) -> None:
        """Read one row."""
        cursor = connection.cursor(binary=True)
        await cursor.execute(GET, _key(spread(call, self._rows)), prepare=True)
        await cursor.fetchall()

    async def get_set(self, connection: Connection, call: int) -> None:
        """Read a set of rows in one statement."""
        cursor = connection.cursor(binary=True)
        await cursor.execute(GET_SET, self._columns(self._numbers(call))[:3], prepare=True)
        await cursor.fetchall()

    async def page(self, connection: Connection, call: int) -> None:
        """Read neighbouring rows in the order of the key."""
        cursor = connection.cursor(binary=True)
        await cursor.execute(PAGE, _key(spread(call, self._rows))[:2], prepare=True)
        await cursor.fetchall()

    async def put(self, connection: Connection, call: int) -> None:
        """Write one row and commit."""
        number = spread(call, self._rows)
        await connection.execute(PUT, (*_key(number), _document(number), 400, 1), prepare=True)

    async def put_set(self, connection: Connection, call: int) -> None:
        """Write a set of rows in one statement and commit."""
        await connection.execute(PUT_SET, self._columns(self._numbers(call)), prepare=True)

    async def change_set(self, connection: Connection, call: int) -> None:
        """Lock and read a set of rows, write it, commit."""
        columns = self._columns(self._numbers(call))
        async with connection.transaction():
            cursor = connection.cursor(binary=True)
            await cursor.execute(LOCK_SET, columns[:3], prepare=True)
            await cursor.fetchall()
            await cursor.execute(PUT_SET, columns, prepare=True)


def _document(number: int) -> bytes:
    return orjson.dumps(item(number))


async def _fill(connection: Connection, steps: Steps, rows: int) -> None:
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    await connection.execute(f"CREATE SCHEMA {SCHEMA}")
    await connection.execute(_MAKE)
    for first in range(0, rows, _CHUNK):
        numbers = list(range(first, min(rows, first + _CHUNK)))
        await connection.execute(PUT_SET, steps._columns(numbers))
    await connection.execute(f"ANALYZE {_TABLE}")


async def _drive(connections: list[Connection], step: Step, seconds: float, pid: int, size: int) -> dict[str, Any]:
    numbers = itertools.count()
    latencies: list[float] = []
    measuring = False
    stop = False

    async def one(connection: Connection) -> None:
        while not stop:
            begun = perf_counter()
            await step(connection, next(numbers))
            if measuring:
                latencies.append(perf_counter() - begun)

    tasks = [asyncio.create_task(one(connection)) for connection in connections]
    await asyncio.sleep(min(_WARM, seconds))
    before, measuring = usage(pid), True
    await asyncio.sleep(seconds)
    measuring, spent = False, usage(pid).since(before)
    stop = True
    await asyncio.gather(*tasks)
    rows = max(1, len(latencies) * size)
    return {
        "connections": len(connections),
        "rows_per_call": size,
        "rows_per_s": round(len(latencies) * size / spent.clock, 1),
        "ms": percentiles(sorted(latencies)),
        "database_us": round(spent.database / rows * 1e6, 1),
        "client_us": round(spent.client / rows * 1e6, 1),
    }


async def floors(job: dict[str, Any]) -> dict[str, Any]:
    """Time every statement set."""
    connect = psycopg.AsyncConnection[TupleRow].connect
    connections = [await connect(job["url"], autocommit=True) for _ in range(job.get("connections", 8))]
    steps = Steps(job["rows"])
    try:
        await _fill(connections[0], steps, job["rows"])
        plan: tuple[tuple[str, Step, int, int], ...] = (
            ("get-1", steps.get, len(connections), 1),
            ("get-32", steps.get_set, 2, _GATHERED),
            ("page-50", steps.page, 2, _PAGE),
            ("put-1", steps.put, len(connections), 1),
            ("put-32", steps.put_set, 1, _GATHERED),
            ("change-32", steps.change_set, 1, _GATHERED),
        )
        found = {
            name: await _drive(connections[:count], step, job["seconds"], job["pid"], size)
            for name, step, count, size in plan
        }
        version = connections[0].info.server_version
    finally:
        for connection in connections:
            await connection.close()
    return {"version": f"{version // 10000}.{version % 10000}", "sets": found}


if __name__ == "__main__":
    task = orjson.loads(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=new_loop) as runner:
        sys.stdout.buffer.write(orjson.dumps(runner.run(floors(task))))
