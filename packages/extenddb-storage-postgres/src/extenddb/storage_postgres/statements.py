"""Every hot SQL statement over items and index entries: constant text for each space, named here and nowhere else.

Keys come as parallel arrays and are joined by primary key. Every INSERT names its conflict target; no statement calls
a sequence, and the only function of the clock is `_NOW`, the store's own version clock.
"""

# ruff: noqa: S608  (what is put into these texts is checked names and constants)

from __future__ import annotations

from functools import lru_cache

from extenddb.storage.model import Space
from extenddb.storage_postgres.ddl import HEAD, index_name, table_name
from extenddb.storage_postgres.wire import Statement

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_KEYS = "unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS k(b, ph, sk)"
_ON_KEY = "t.b = k.b AND t.ph = k.ph AND t.sk = k.sk"
_ROWS = (
    "unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::int[], $6::bigint[])"
    " AS k(b, ph, sk, item, size, ver)"
)
_ENTRIES = "unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[]) AS k(b, ph, sk, bph, bsk)"
_SIZED_ENTRIES = (
    "unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::int[])"
    " AS k(b, ph, sk, bph, bsk, size)"
)
_BASE_BUCKET = "((get_byte(x.bph, 0) << 4) | (get_byte(x.bph, 1) >> 4))::bigint"

TEMPLATES: dict[str, str] = {
    # One row for each of the distinct keys that exist.
    "get": f"SELECT t.ph, t.sk, t.item, t.size, t.ver FROM {_KEYS} JOIN {{t}} AS t ON {_ON_KEY}",
    # In key order, so that two batches never wait for each other in a ring.
    "lock": (
        f"SELECT t.ph, t.sk, t.item, t.size, t.ver FROM {_KEYS} JOIN {{t}} AS t ON {_ON_KEY}"
        " ORDER BY t.b, t.ph, t.sk FOR UPDATE OF t"
    ),
    # Of keys seen absent: fails (23505) if one was taken meanwhile, which is how absence is locked.
    "insert": (
        "INSERT INTO {t} (b, ph, sk, item, size, ver)"
        f" SELECT k.b, k.ph, k.sk, k.item, k.size, greatest(k.ver, {_NOW}) FROM {_ROWS}"
    ),
    "update": (
        f"UPDATE {{t}} AS t SET item = k.item, size = k.size, ver = greatest(k.ver, {_NOW}) FROM {_ROWS}"
        f" WHERE {_ON_KEY}"
    ),
    "upsert": (
        "INSERT INTO {t} AS t (b, ph, sk, item, size, ver)"
        f" SELECT k.b, k.ph, k.sk, k.item, k.size, greatest(k.ver, {_NOW}) FROM {_ROWS}"
        " ON CONFLICT (b, ph, sk) DO UPDATE"
        " SET item = excluded.item, size = excluded.size, ver = greatest(t.ver + 1, excluded.ver)"
    ),
    "delete": f"DELETE FROM {{t}} AS t USING {_KEYS} WHERE {_ON_KEY}",
}

INDEX_TEMPLATES: dict[str, str] = {
    # Idempotent: a backfill meets entries that ordinary writes have made already.
    "entry_insert": (
        f"INSERT INTO {{x}} (b, ph, sk, bph, bsk, size) SELECT k.b, k.ph, k.sk, k.bph, k.bsk, k.size"
        f" FROM {_SIZED_ENTRIES} ON CONFLICT (b, ph, sk, bph, bsk) DO UPDATE SET size = excluded.size"
    ),
    "entry_insert_long": (
        f"INSERT INTO {{x}} (b, ph, sk, bph, bsk, size, rest)"
        f" SELECT k.b, k.ph, substring(k.sk, 1, {HEAD}), k.bph, k.bsk, k.size, substring(k.sk, {HEAD + 1})"
        f" FROM {_SIZED_ENTRIES} ON CONFLICT (b, ph, sk, bph, bsk) DO UPDATE"
        " SET size = excluded.size, rest = excluded.rest"
    ),
    # By the head of its key: a row has one entry in an index.
    "entry_delete": (
        f"DELETE FROM {{x}} AS x USING {_ENTRIES} WHERE x.b = k.b AND x.ph = k.ph AND x.sk = k.sk"
        " AND x.bph = k.bph AND x.bsk = k.bsk"
    ),
}

# Pages: the innermost query takes up to $2 rows in order, the window adds their sizes up, and only rows that begin
# below the budget $1 leave: items stored out of line are fetched for those alone. Tables are locked in the order in
# which they are named: the space's own comes first, as in a change of its shape, which would deadlock with readers.
_TABLE_PAGE = (
    "SELECT q.ph, q.sk, q.item, q.size, q.ver FROM (SELECT t.b, t.ph, t.sk, t.item, t.size, t.ver,"
    " sum(t.size) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - t.size AS before"
    " FROM (SELECT t.b, t.ph, t.sk, t.item, t.size, t.ver FROM {t} AS t WHERE {where}"
    " ORDER BY {order} LIMIT $2::bigint) AS t) AS q WHERE q.before < $1::bigint"
)
_INDEX_PAGE = (
    "SELECT q.bph, q.bsk, q.item, q.size, q.ver, q.ph, q.sk FROM (SELECT y.*,"
    " sum(y.size) OVER (ORDER BY {outer} ROWS UNBOUNDED PRECEDING) - y.size AS before"
    " FROM (SELECT x.b, x.ph, x.sk, x.bph, x.bsk, t.item, coalesce(x.size, t.size) AS size, t.ver"
    " FROM {t} AS t JOIN (SELECT x.b, x.ph, {sk} AS sk, x.bph, x.bsk, x.size FROM {x} AS x WHERE {where}"
    " ORDER BY {order} LIMIT $2::bigint) AS x"
    f" ON t.b = {_BASE_BUCKET} AND t.ph = x.bph AND t.sk = x.bsk) AS y) AS q"
    " WHERE q.before < $1::bigint"
)

_PARTITION = "{a}.b = $3::bigint AND {a}.ph = $4::bytea AND "
_TABLE_WHERE: dict[tuple[bool, bool], str] = {
    # (reverse, bounded at the far end)
    (False, False): "t.sk >= $5::bytea",
    (False, True): "t.sk >= $5::bytea AND t.sk < $6::bytea",
    (True, False): "t.sk >= $5::bytea",
    (True, True): "t.sk >= $5::bytea AND t.sk < $6::bytea",
}
_INDEX_WHERE: dict[tuple[bool, bool], str] = {
    (False, False): "({sk}, x.bph, x.bsk) > ({p5}, $6::bytea, $7::bytea)",
    (False, True): "({sk}, x.bph, x.bsk) > ({p5}, $6::bytea, $7::bytea) AND ({sk}) < ({p8})",
    (True, False): "({sk}) >= ({p5})",
    (True, True): "({sk}) >= ({p5}) AND ({sk}, x.bph, x.bsk) < ({p6}, $7::bytea, $8::bytea)",
}
_TABLE_SCAN = "(t.b, t.ph, t.sk) >= ($3::bigint, $4::bytea, $5::bytea)"
_TABLE_SCAN_END = " AND (t.b, t.ph, t.sk) < ($6::bigint, $7::bytea, ''::bytea)"
_INDEX_SCAN = "(x.b, x.ph, {sk}, x.bph, x.bsk) > ($3::bigint, $4::bytea, {p5}, $6::bytea, $7::bytea)"
_INDEX_SCAN_END = " AND (x.b, x.ph, x.sk) < ($8::bigint, $9::bytea, ''::bytea)"

# Where sort keys are longer than their heads, heads alone put them in the order of the rows behind them. So pages can
# be read in the order of whole keys: the index finds heads, and PostgreSQL sorts those that are equal.
_REST = "coalesce(x.rest, ''::bytea)"
_HEADS = {"sk": "x.sk", **{f"p{n}": f"${n}::bytea" for n in (5, 6, 8)}}
_WHOLE = {
    "sk": f"x.sk, {_REST}",
    **{f"p{n}": f"substring(${n}::bytea, 1, {HEAD}), substring(${n}::bytea, {HEAD + 1})" for n in (5, 6, 8)},
}


class SpaceStatements:
    """The statements over one space's rows."""

    __slots__ = (
        "_indexes",
        "_pages",
        "_space",
        "_table",
        "delete",
        "get",
        "insert",
        "lock",
        "update",
        "upsert",
    )

    def __init__(self, space: Space) -> None:
        self._space = space
        self._table = f'"{table_name(space)}"'
        self._indexes: dict[tuple[str, str], Statement] = {}
        self._pages: dict[tuple[object, ...], Statement] = {}
        self.get = self._statement("get")
        self.lock = self._statement("lock")
        self.insert = self._statement("insert")
        self.update = self._statement("update")
        self.upsert = self._statement("upsert")
        self.delete = self._statement("delete")

    def entry_insert(self, index: str) -> Statement:
        """Return the statement that adds entries to an index."""
        return self._entry("entry_insert", index)

    def entry_insert_long(self, index: str) -> Statement:
        """Return the statement that adds entries whose sort keys are longer than their heads."""
        return self._entry("entry_insert_long", index)

    def entry_delete(self, index: str) -> Statement:
        """Return the statement that removes entries from an index, found by the heads of their sort keys."""
        return self._entry("entry_delete", index)

    def range(self, index: str | None, *, reverse: bool, bounded: bool, whole: bool = False) -> Statement:
        """Return the statement that reads a page of one partition, of an index perhaps in the order of whole keys."""
        shape = ("range", index, reverse, bounded, whole)
        found = self._pages.get(shape)
        if found is None:
            text = self._range(index, reverse=reverse, bounded=bounded, whole=whole)
            found = self._pages[shape] = Statement(text)
        return found

    def scan(self, index: str | None, *, bounded: bool, whole: bool = False) -> Statement:
        """Return the statement that reads a page over partitions, of an index perhaps in the order of whole keys."""
        shape = ("scan", index, bounded, whole)
        found = self._pages.get(shape)
        if found is None:
            found = self._pages[shape] = Statement(self._scan(index, bounded=bounded, whole=whole))
        return found

    def _statement(self, name: str) -> Statement:
        return Statement(TEMPLATES[name].format(t=self._table))

    def _entry(self, name: str, index: str) -> Statement:
        found = self._indexes.get((name, index))
        if found is None:
            text = INDEX_TEMPLATES[name].format(x=f'"{index_name(self._space, index)}"')
            found = self._indexes[name, index] = Statement(text)
        return found

    def _range(self, index: str | None, *, reverse: bool, bounded: bool, whole: bool) -> str:
        if index is None:
            where = _PARTITION.format(a="t") + _TABLE_WHERE[reverse, bounded]
            return _TABLE_PAGE.format(t=self._table, where=where, order="t.sk DESC" if reverse else "t.sk")
        where = _PARTITION.format(a="x") + _INDEX_WHERE[reverse, bounded]
        return self._index_page(index, where, ("sk", "bph", "bsk"), reverse=reverse, whole=whole)

    def _scan(self, index: str | None, *, bounded: bool, whole: bool) -> str:
        if index is None:
            where = _TABLE_SCAN + (_TABLE_SCAN_END if bounded else "")
            return _TABLE_PAGE.format(t=self._table, where=where, order="t.b, t.ph, t.sk")
        where = _INDEX_SCAN + (_INDEX_SCAN_END if bounded else "")
        return self._index_page(index, where, ("b", "ph", "sk", "bph", "bsk"), reverse=False, whole=whole)

    def _index_page(self, index: str, where: str, columns: tuple[str, ...], *, reverse: bool, whole: bool) -> str:
        direction = " DESC" if reverse else ""
        order = [f"x.{column}{direction}" for column in columns]
        if whole:
            order.insert(columns.index("sk") + 1, f"{_REST}{direction}")
        return _INDEX_PAGE.format(
            t=self._table,
            x=f'"{index_name(self._space, index)}"',
            sk=f"x.sk || {_REST}" if whole else "x.sk",
            where=where.format_map(_WHOLE if whole else _HEADS),
            order=", ".join(order),
            outer=", ".join(f"y.{column}{direction}" for column in columns),
        )


@lru_cache(maxsize=4096)
def statements(space: Space) -> SpaceStatements:
    """Return the statements of a space."""
    return SpaceStatements(space)
