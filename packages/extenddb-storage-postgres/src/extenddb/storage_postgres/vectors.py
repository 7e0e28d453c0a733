"""Indexes of vectors: their tables, their statements, and the search.

An index is the table `x_<space>_<index>`, one row for each row of its space that has a vector, found by the row's own
key. With pgvector a graph (HNSW) over it makes the choice of candidates fast; without, every vector is looked at. In
both cases the candidates' scores are computed here from the stored components, so they are exact and equal everywhere.

What a graph cannot hold (components too large for its type, a vector without direction under COSINE) has `graph`
false, and is looked at in every search.
"""

# ruff: noqa: S608  (what is put into these texts is checked names and constants)

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from psycopg import pq

from extenddb.core.types import vector
from extenddb.core.types.keys import Key, bucket
from extenddb.storage.errors import ContractViolation
from extenddb.storage.model import Hit, Space, VectorEntry, VectorSearch, VectorSpace
from extenddb.storage_postgres.arrays import byteas, int4, int8, key_arrays
from extenddb.storage_postgres.ddl import ROW_KEY, index_name, key_clause, table_name
from extenddb.storage_postgres.graphs import FULL_MOST, OPERATORS, GraphBuilds, Graphs, column
from extenddb.storage_postgres.pool import Pool
from extenddb.storage_postgres.reads import rows_of
from extenddb.storage_postgres.wire import Call, Session, Statement

_FULL_LIMIT, _HALF_LIMIT = 1e15, 65504.0  # components with which no distance in a graph overflows
_LEAST_LENGTH = 1e-10
_FEW = 1000
"""Entries up to which every one is looked at; the contract knows this number."""
COLUMNS = "b, ph, sk, labels, v, graph, size"
_SEVEN, _NO_VALUE = b"\x00\x07", b"\xff\xff\xff\xff"
_CHUNK = 256
"""Vectors fetched at once where the server cannot compare them."""

# Tables


def create(space: Space, where: VectorSpace, *, keyed: bool = True) -> list[str]:
    """Return the statements that create an index of vectors without its graph, perhaps without its primary key."""
    table = f'"{index_name(space, where.id)}"'
    return [
        f"CREATE TABLE {table} (b bigint NOT NULL, ph bytea NOT NULL, sk bytea NOT NULL, labels bytea[] NOT NULL,"
        f" v real[] NOT NULL, graph boolean NOT NULL, size int{key_clause(ROW_KEY, keyed=keyed)})",
        f"ALTER TABLE {table} ALTER COLUMN v SET STORAGE EXTERNAL",
        f"CREATE INDEX ON {table} USING gin (labels) WHERE labels <> '{{}}'",
        f"CREATE INDEX ON {table} (b, ph, sk) WHERE NOT graph",
    ]


# Writes


class _Writes:
    """The statements that write one index."""

    def __init__(self, space: Space, index: str) -> None:
        table = f'"{index_name(space, index)}"'
        self.put = Statement(
            f"INSERT INTO {table} AS x ({COLUMNS}) VALUES"
            " ($1::bigint, $2::bytea, $3::bytea, $4::bytea[], $5::real[], $6::boolean, $7::int)"
            " ON CONFLICT (b, ph, sk) DO UPDATE SET labels = excluded.labels, v = excluded.v, graph = excluded.graph,"
            " size = excluded.size"
            " WHERE (x.labels, x.v, x.size) IS DISTINCT FROM (excluded.labels, excluded.v, excluded.size)"
        )
        self.delete = Statement(
            f"DELETE FROM {table} AS x USING unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS k(b, ph, sk)"
            " WHERE x.b = k.b AND x.ph = k.ph AND x.sk = k.sk"
        )


@lru_cache(maxsize=1024)
def _writes(space: Space, index: str) -> _Writes:
    return _Writes(space, index)


def written(space: Space, index: str, entries: Mapping[Key, VectorEntry | None]) -> Iterable[Call]:
    """Return the calls that bring the entries of these rows into this state; None is no entry."""
    statements = _writes(space, index)
    where = space_of(space, index)
    gone = sorted(key for key, entry in entries.items() if entry is None)
    if gone:
        yield statements.delete(*key_arrays(gone))
    for key, entry in sorted(entries.items()):
        if entry is not None:
            yield statements.put(*_values(where, key, entry))


def loaded(space: Space, index: str, entries: Iterable[tuple[Key, VectorEntry]]) -> Iterator[bytes]:
    """Yield entries of rows as lines of a binary COPY into `COLUMNS`."""
    where = space_of(space, index)
    for key, entry in entries:
        values = _values(where, key, entry)
        yield _SEVEN + b"".join([_NO_VALUE if value is None else int4(len(value)) + value for value in values])


def _values(where: VectorSpace, key: Key, entry: VectorEntry) -> tuple[bytes | None, ...]:
    """Return what `COLUMNS` hold of an entry."""
    return (
        *_place(key),
        byteas(sorted(entry.labels)),
        _reals(entry.vector),
        b"\x01" if _fits(where, entry.vector) else b"\x00",
        None if entry.size is None else int4(entry.size),
    )


def space_of(space: Space, index: str) -> VectorSpace:
    """Return an index of vectors of a space. Raises ContractViolation."""
    for each in space.vectors:
        if each.id == index:
            return each
    raise ContractViolation(f"space {space.id!r} has no vectors {index!r}")


def _place(key: Key) -> tuple[bytes, bytes, bytes]:
    return int8(bucket(key.partition)), key.partition, key.sort


def _fits(where: VectorSpace, stored: bytes) -> bool:
    components = vector.unpack(stored)
    limit = _FULL_LIMIT if where.dimensions <= FULL_MOST else _HALF_LIMIT
    largest = max(map(abs, components))
    return largest <= limit and (where.distance != "COSINE" or largest >= _least(where))


def _least(where: VectorSpace) -> float:
    """Return the largest component with which a vector surely has a direction in the graph's precision."""
    return _LEAST_LENGTH if where.dimensions <= FULL_MOST else 1e-3


_REALS = struct.Struct(">iiiii")
_REAL_OID = 700


def _reals(stored: bytes) -> bytes:
    """Pack a stored vector as real[]: each component behind its length."""
    count = len(stored) // vector.FLOAT_SIZE
    body = bytearray(8 * count)
    body[3::8] = b"\x04" * count
    for place in range(4):
        body[4 + place :: 8] = stored[place::4]
    return _REALS.pack(1, 0, _REAL_OID, count, 1) + bytes(body)


def _stored(reals: bytes) -> bytes:
    """Unpack a real[] into a stored vector."""
    body = reals[_REALS.size :]
    stored = bytearray(len(body) // 2)
    for place in range(4):
        stored[place::4] = body[4 + place :: 8]
    return bytes(stored)


# Searches

_BEGIN = Statement("BEGIN READ ONLY")
_COMMIT = Statement("COMMIT")
_SETTINGS = Statement(
    "SELECT set_config('hnsw.ef_search', '250', true), set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('enable_bitmapscan', 'on', true), set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_LABELLED = " AND x.labels @> ${}::bytea[] AND x.labels <> '{{}}'"
_JOINED = (
    "SELECT t.ph, t.sk, t.item, coalesce(c.size, t.size), t.ver, c.v FROM {t} AS t"
    " JOIN ({chosen}) AS c ON t.b = c.b AND t.ph = c.ph AND t.sk = c.sk"
)
_CHOSEN = "SELECT x.b, x.ph, x.sk, x.size, x.v FROM {x} AS x WHERE {where} ORDER BY {order} LIMIT $2::bigint"


class _Searches:
    """The statements that search one index, with labels or without."""

    def __init__(self, space: Space, where: VectorSpace, graphs: Graphs, *, labelled: bool) -> None:
        t, x = f'"{table_name(space)}"', f'"{index_name(space, where.id)}"'
        filters = _LABELLED if labelled else ""
        self.few = Statement(
            f"SELECT count(*) FROM (SELECT 1 FROM {x} AS x WHERE true{filters.format(1)} LIMIT {_FEW + 1}) AS s"
        )
        places = 4 if labelled else 3
        self.chunk = Statement(
            f"SELECT x.ph, x.sk, x.v FROM {x} AS x WHERE (x.b, x.ph, x.sk) > ($1::bigint, $2::bytea, $3::bytea)"
            f"{filters.format(places)} ORDER BY x.b, x.ph, x.sk LIMIT {_CHUNK}"
        )
        chosen = (
            f"SELECT x.b, x.ph, x.sk, x.size, x.v FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS k(b, ph, sk)"
            f" JOIN {x} AS x ON x.b = k.b AND x.ph = k.ph AND x.sk = k.sk WHERE true{filters.format(places)}"
        )
        self.rows = Statement(_JOINED.format(t=t, chosen=chosen))
        self.exact: Statement | None = None
        self.graph: Statement | None = None
        if graphs.schema is not None:
            self._compared(t, x, where, graphs, filters.format(3))

    def _compared(self, t: str, x: str, where: VectorSpace, graphs: Graphs, filters: str) -> None:
        """Make the statements for a server that can compare vectors."""
        own, operator = f'"{graphs.schema}"', f'OPERATOR("{graphs.schema}".{OPERATORS[where.distance][0]})'
        # NaN is the distance from a vector without direction.
        order = f"coalesce(nullif(x.v::{own}.vector {operator} $1::{own}.vector, 'NaN'), 1), x.b, x.ph, x.sk"
        exact = _CHOSEN.format(x=x, where=f"true{filters}", order=order)
        self.exact = Statement(_JOINED.format(t=t, chosen=exact))
        over = column(where, graphs)
        if over is None:
            return
        probe = f"$1::{own}.vector"
        if where.dimensions > FULL_MOST:
            probe += f"::{own}.halfvec({where.dimensions})"
        near = _CHOSEN.format(x=x, where=f"x.graph{filters}", order=f"{over} {operator} {probe}")
        rest = _CHOSEN.format(x=x, where=f"NOT x.graph{filters}", order=order)
        self.graph = Statement(_JOINED.format(t=t, chosen=f"({near}) UNION ALL ({rest})"))


@lru_cache(maxsize=1024)
def _searches(space: Space, where: VectorSpace, graphs: Graphs, labelled: bool) -> _Searches:
    return _Searches(space, where, graphs, labelled=labelled)


class VectorSearches:
    """Searches over one pool."""

    def __init__(self, pool: Pool, graphs: GraphBuilds) -> None:
        """Ask the server nothing yet."""
        self._pool = pool
        self._graphs = graphs
        self._many: set[tuple[str, str]] = set()
        """Indexes that were once seen with more than a few entries."""

    async def search(self, search: VectorSearch) -> list[Hit]:
        """See `spi.VectorItems.search`."""
        graphs = await self._graphs.installed()
        where = space_of(search.space, search.index)
        statements = _searches(search.space, where, graphs, bool(search.labels))
        if statements.exact is None:
            return await self._by_hand(search, where, statements)
        graph = statements.graph if _fits(where, search.vector) else None
        if graph is not None and await self._is_many(search, statements):
            hits = await self._compared(search, where, graph)
            if len(hits) == search.limit:
                return hits
        return await self._compared(search, where, statements.exact)

    async def _is_many(self, search: VectorSearch, statements: _Searches) -> bool:
        place = (search.space.id, search.index)
        if not search.labels and place in self._many:
            return True
        result = await self._read(statements.few(*_labels(search)))
        many = int.from_bytes(result.get_value(0, 0) or b"", "big") > _FEW
        if many:
            self._many.add(place)
        return many

    async def _compared(self, search: VectorSearch, where: VectorSpace, statement: Statement) -> list[Hit]:
        # More than are asked for, because the server compares in less precision.
        candidates = search.limit + 16 if where.dimensions <= FULL_MOST else 2 * search.limit + 32
        probe = struct.pack(">hh", where.dimensions, 0) + search.vector
        return _best(search, where, await self._read(statement(probe, int8(candidates), *_labels(search))))

    async def _by_hand(self, search: VectorSearch, where: VectorSpace, statements: _Searches) -> list[Hit]:
        """Look at every vector in chunks, then read the rows of the best."""
        score = vector.score(where.distance, search.vector)
        best: list[tuple[float, Key]] = []
        last = (int8(-1), b"", b"")
        while True:
            result = await self._read(statements.chunk(*last, *_labels(search)))
            value: Any = result.get_value
            found = [
                (vector.rank(where.distance, score(_stored(value(n, 2)))), Key(value(n, 0), value(n, 1)))
                for n in range(result.ntuples)
            ]
            best = heapq.nsmallest(2 * search.limit, [*best, *found])
            if len(found) < _CHUNK:
                break
            last = _place(found[-1][1])
        if not best:
            return []
        arrays = key_arrays([key for _, key in best])
        return _best(search, where, await self._read(statements.rows(*arrays, *_labels(search))))

    async def _read(self, call: Call) -> pq.abc.PGresult:
        async def read(session: Session) -> pq.abc.PGresult:
            return (await session.transaction(_BEGIN(), [_SETTINGS(), call], _COMMIT()))[1]

        return await self._pool.run(read)


def _labels(search: VectorSearch) -> tuple[bytes, ...]:
    return (byteas(sorted(search.labels)),) if search.labels else ()


def _best(search: VectorSearch, where: VectorSpace, result: pq.abc.PGresult) -> list[Hit]:
    """Score what was chosen and return the best of it."""
    score = vector.score(where.distance, search.vector)
    value: Any = result.get_value
    hits = [Hit(row, score(_stored(value(n, 5)))) for n, row in enumerate(rows_of(result))]
    hits.sort(key=lambda hit: (vector.rank(where.distance, hit.score), hit.row.key))
    return hits[: search.limit]
