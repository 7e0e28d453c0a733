"""Physical tables: their names and their making.

A table's rows are in `i_<space>_<epoch>`. The epoch in the name is the guard of cached metadata: when the indexes
change the table is renamed, and every statement of a process that does not know yet, prepared or not, fails on the
missing name. Index entries are in `x_<space>_<index>`; they are only ever touched together with their table.
"""

from __future__ import annotations

import re
from typing import Final

from psycopg import sql

from extenddb.storage.errors import ContractViolation
from extenddb.storage.model import Space

_SPACE = re.compile(r"[a-z0-9]{1,32}")
_INDEX = re.compile(r"[a-z0-9]{1,16}")

# Items are compact JSON that mostly stays below the toast limit; larger ones are stored out of line uncompressed, so
# that pages can add up sizes without fetching them and no CPU goes into PostgreSQL's own slow compression.
_CREATE_TABLE = sql.SQL(
    "CREATE TABLE {table} (b bigint NOT NULL, ph bytea NOT NULL, sk bytea NOT NULL, item bytea NOT NULL,"
    " size int NOT NULL, ver bigint NOT NULL{key}) WITH (fillfactor = 90)"
)
_PLAIN_BYTES = sql.SQL(
    "ALTER TABLE {table} ALTER COLUMN item SET STORAGE EXTERNAL,"
    " ALTER COLUMN ph SET STORAGE PLAIN, ALTER COLUMN sk SET STORAGE MAIN"
)
_CREATE_INDEX = sql.SQL(
    "CREATE TABLE {table} (b bigint NOT NULL, ph bytea NOT NULL, sk bytea NOT NULL, bph bytea NOT NULL,"
    " bsk bytea NOT NULL, size int, rest bytea{key})"
)
ROW_KEY: Final = "b, ph, sk"
"""Columns of the primary key of a space's table, and of an index of vectors."""
ENTRY_KEY: Final = "b, ph, sk, bph, bsk"
"""Columns of the primary key of an index."""
_MAKE_KEY = sql.SQL("CREATE UNIQUE INDEX {name} ON {table} ({columns})")
_TAKE_KEY = sql.SQL("ALTER TABLE {table} ADD PRIMARY KEY USING INDEX {name}")

HEAD: Final = 1536
"""Bytes of an entry's sort key that stand in `sk`; what it has beyond them, which only keys of several values can have,
stands in `rest`. A row of the primary key holds 2,704 bytes: these, a row's key of up to 1,048, and their lengths."""

_DROP = sql.SQL("DROP TABLE {table}")
_RENAME = sql.SQL("ALTER TABLE {old} RENAME TO {new}")


def table_name(space: Space) -> str:
    """Return the name of the table of a space's rows. Raises ContractViolation for an id that cannot be one."""
    if _SPACE.fullmatch(space.id) is None:
        raise ContractViolation(f"space id {space.id!r}")
    return f"i_{space.id}_{space.epoch}"


def index_name(space: Space, index: str) -> str:
    """Return the name of the table of an index's entries. Raises ContractViolation."""
    if _SPACE.fullmatch(space.id) is None or _INDEX.fullmatch(index) is None:
        raise ContractViolation(f"index id {space.id!r} {index!r}")
    return f"x_{space.id}_{index}"


def keys(space: Space) -> dict[str, str]:
    """Return the tables of a space, its own first, with the columns of their primary keys."""
    return {
        table_name(space): ROW_KEY,
        **{index_name(space, index): ENTRY_KEY for index in space.indexes},
        **{index_name(space, each.id): ROW_KEY for each in space.vectors},
    }


def key_clause(columns: str, *, keyed: bool) -> str:
    """Return what makes a new table have a primary key, if it shall have one."""
    return f", PRIMARY KEY ({columns})" if keyed else ""


def create_table(space: Space, *, keyed: bool = True) -> list[sql.Composed]:
    """Return the statements that create a space's table, perhaps without its primary key."""
    table = sql.Identifier(table_name(space))
    key = sql.SQL(key_clause(ROW_KEY, keyed=keyed))
    return [_CREATE_TABLE.format(table=table, key=key), _PLAIN_BYTES.format(table=table)]


def create_index(space: Space, index: str, *, keyed: bool = True) -> sql.Composed:
    """Return the statement that creates one index of a space, perhaps without its primary key."""
    key = sql.SQL(key_clause(ENTRY_KEY, keyed=keyed))
    return _CREATE_INDEX.format(table=sql.Identifier(index_name(space, index)), key=key)


def make_key(table: str, columns: str) -> tuple[sql.Composed, sql.Composed]:
    """Return the statements that make the primary key of a full table, which is read meanwhile, and that take it."""
    names = {"table": sql.Identifier(table), "name": sql.Identifier(f"{table}_pkey")}
    return _MAKE_KEY.format(**names, columns=sql.SQL(columns)), _TAKE_KEY.format(**names)


def drop_table(space: Space) -> sql.Composed:
    """Return the statement that drops a space's table."""
    return _DROP.format(table=sql.Identifier(table_name(space)))


def drop_index(space: Space, index: str) -> sql.Composed:
    """Return the statement that drops one index of a space."""
    return _DROP.format(table=sql.Identifier(index_name(space, index)))


def rename(old: Space, new: Space) -> sql.Composed:
    """Return the statement that moves a space's table to the next epoch."""
    return _RENAME.format(old=sql.Identifier(table_name(old)), new=sql.Identifier(table_name(new)))
