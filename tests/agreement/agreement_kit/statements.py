"""Random PartiQL statements on a table of a shape, alone, in batches and in transactions."""

from __future__ import annotations

from typing import Any

from agreement_kit.expressions import PLAIN
from agreement_kit.shapes import Shape
from agreement_kit.values import Value, anything, key_values, partitions
from hypothesis import strategies as st

Statement = dict[str, Any]
_TAILS = (
    "",
    "",
    " AND begins_with(x, ?)",
    " AND x = ?",
    " AND NOT (x > ?)",
    " AND x IS NOT MISSING",
    " AND contains(x, ?)",
)
_RETURNING = ("", "", " RETURNING ALL OLD *", " RETURNING ALL NEW *", " RETURNING MODIFIED NEW *")
_CHANGES = ("SET x = ?", "SET x = ? SET y = 1", "REMOVE x", "SET x = list_append(x, [?])", "SET y = y + 1 REMOVE z")


class Statements:
    """Strategies for statements on one table."""

    def __init__(self, shape: Shape, table: str) -> None:
        self.shape = shape
        self.table = table

    @st.composite
    @staticmethod
    def _insert(draw: st.DrawFn, self: Statements) -> Statement:
        names = [*self.shape.keys, *draw(st.sets(st.sampled_from((*self.shape.index_keys(), *PLAIN))))]
        values = [draw(anything() if name in PLAIN else partitions(name)) for name in names]
        pairs = ", ".join(f"'{name}': ?" for name in names)
        return _statement(f'INSERT INTO "{self.table}" VALUE {{{pairs}}}', values)

    @st.composite
    @staticmethod
    def _change(draw: st.DrawFn, self: Statements) -> Statement:
        where, values = draw(self._where())
        returning = draw(st.sampled_from(_RETURNING))
        if draw(st.booleans()):
            return _statement(f'DELETE FROM "{self.table}" WHERE {where}{returning}', values)
        change = draw(st.sampled_from(_CHANGES))
        new = [draw(anything())] * change.count("?")
        return _statement(f'UPDATE "{self.table}" {change} WHERE {where}{returning}', new + values)

    @st.composite
    @staticmethod
    def _key(draw: st.DrawFn, self: Statements) -> tuple[str, list[Value]]:
        first, *rest = self.shape.keys
        values = [draw(partitions(first)), *(draw(key_values(name)) for name in rest)]
        text = " AND ".join(f"{name} = ?" for name in self.shape.keys)
        tail = draw(st.sampled_from(_TAILS))
        return text + tail, values + [draw(anything())] * tail.count("?")

    def _where(self) -> st.SearchStrategy[tuple[str, list[Value]]]:
        return Statements._key(self)

    @st.composite
    @staticmethod
    def _select(draw: st.DrawFn, self: Statements) -> Statement:
        index, keys = draw(st.sampled_from(list(self.shape.schemas())))
        source = f'"{self.table}"' + ("" if index is None else f'."{index}"')
        what = draw(st.sampled_from(["*", "x", "x, y", keys[0]]))
        where, values = f"{keys[0]} = ?", [draw(partitions(keys[0]))]
        if len(keys) > 1 and draw(st.booleans()):
            sign = draw(st.sampled_from(["=", "<", ">=", "<>"]))
            where, values = f"{where} AND {keys[1]} {sign} ?", [*values, draw(key_values(keys[1]))]
        order = draw(st.sampled_from(["", f" ORDER BY {keys[-1]} DESC", f" ORDER BY {keys[-1]} ASC"]))
        whole = f"SELECT {what} FROM {source}"
        return draw(st.sampled_from([_statement(whole, []), _statement(f"{whole} WHERE {where}{order}", values)]))

    def alone(self) -> st.SearchStrategy[Statement]:
        """Return ExecuteStatement requests."""
        limited = st.fixed_dictionaries({}, optional={"Limit": st.integers(1, 3), "ConsistentRead": st.booleans()})
        every = Statements._insert(self) | Statements._change(self) | Statements._select(self)
        capacity = st.sampled_from([{}, {"ReturnConsumedCapacity": "INDEXES"}])
        return st.builds(lambda *parts: {key: part[key] for part in parts for key in part}, every, limited, capacity)

    def batches(self) -> st.SearchStrategy[Statement]:
        """Return BatchExecuteStatement requests: only reads or only writes, as the service demands."""
        writes = Statements._insert(self) | Statements._change(self)
        reads = self._where().map(lambda where: _statement(f'SELECT * FROM "{self.table}" WHERE {where[0]}', where[1]))
        return (st.lists(writes, min_size=1, max_size=4) | st.lists(reads, min_size=1, max_size=4)).map(
            lambda statements: {"Statements": statements}
        )

    def transactions(self) -> st.SearchStrategy[Statement]:
        """Return ExecuteTransaction requests."""
        writes = Statements._insert(self) | Statements._change(self)
        return st.lists(writes, min_size=1, max_size=3).map(lambda statements: {"TransactStatements": statements})


def _statement(text: str, values: list[Value]) -> Statement:
    return {"Statement": text, **({"Parameters": values} if values else {})}
