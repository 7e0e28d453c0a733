"""The least that loading can cost: raw COPY of the rows that an import left, into tables of the same shape.

Run as a program it takes one job on its standard input: address, id of the imported table, process whose tree
holds PostgreSQL. The rows of the table and of its indexes are read into memory in PostgreSQL's own binary format and
sent back in one transaction: in the order in which they were imported, which is that of the records of the export, and
in the order of their keys, which PostgreSQL likes best.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
import psycopg
from benchmarks.harness.cpu import usage
from psycopg import sql

SCHEMA = "bench_copy"
_BLOCK = 1024 * 1024
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_FIND = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %s ORDER BY relname"
Connection = psycopg.Connection[Any]


def _tables(connection: Connection, space: str) -> list[str]:
    """Return the tables of the imported table's items and of its index entries."""
    names = [row[0] for row in connection.execute(_FIND, (f"^[ix]_{space}_",))]
    if not names:
        raise LookupError("the imported table is not in this database")
    return names


def _read(connection: Connection, table: str) -> list[bytes]:
    """Return the rows of a table in PostgreSQL's binary format, each ready to be sent back."""
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT (FORMAT BINARY)").format(sql.Identifier(table))) as copy:
        rows = list(map(bytes, copy))
    rows[0] = rows[0][len(_HEAD) :]
    return rows[:-1] if rows[-1] == _TAIL else [*rows[:-1], rows[-1].removesuffix(_TAIL)]


def _blocks(rows: list[bytes]) -> list[bytes]:
    data = b"".join([_HEAD, *rows, _TAIL])
    return [data[first : first + _BLOCK] for first in range(0, len(data), _BLOCK)]


def _load(connection: Connection, contents: dict[str, list[bytes]], pid: int) -> dict[str, float]:
    """Copy everything into empty tables and return what it took."""
    connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for table in contents:
        statement = sql.SQL("CREATE TABLE {}.{} (LIKE {} INCLUDING ALL)")
        name = sql.Identifier(table)
        connection.execute(statement.format(sql.Identifier(SCHEMA), name, name))
    connection.execute("CHECKPOINT")
    before = usage(pid)
    with connection.transaction():
        for table, blocks in contents.items():
            into = sql.SQL("COPY {}.{} FROM STDIN (FORMAT BINARY)").format(
                sql.Identifier(SCHEMA), sql.Identifier(table)
            )
            with connection.cursor().copy(into) as copy:
                for block in blocks:
                    copy.write(block)
    spent = usage(pid).since(before)
    return {"clock": spent.clock, "database": spent.database, "client": spent.client}


def floor(job: dict[str, Any]) -> dict[str, Any]:
    """Return what raw COPY took, in both orders, and number and bytes of the rows of items. Raises LookupError."""
    with psycopg.connect(job["url"], autocommit=True) as connection:
        rows = {table: _read(connection, table) for table in _tables(connection, job["space"])}
        items = next(each for table, each in rows.items() if table.startswith("i_"))
        answer: dict[str, Any] = {"items": len(items), "bytes": sum(map(len, items))}
        for order in ("stored", "sorted"):
            answer[order] = _load(connection, {table: _blocks(each) for table, each in rows.items()}, job["pid"])
            for each in rows.values():
                each.sort()  # their bytes begin with the key
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        connection.execute("CHECKPOINT")
    return answer


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(floor(orjson.loads(sys.stdin.buffer.read()))))
