"""Capacity units: how much a read or a write consumes, and how an answer says so.

Rules from "Read and write capacity" of the developer guide: a read unit is 4 KB strongly consistent, half as dear when
eventually consistent, twice in a transaction; a write unit is 1 KB of the larger of the old and the new item, twice in
a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from extenddb.core.limits import READ_UNIT, WRITE_UNIT


def read_units(size: int, *, consistent: bool) -> float:
    """Return the units of reading so many bytes as one item or one page; at least one read."""
    whole = max(1, -(-size // READ_UNIT))
    return float(whole) if consistent else whole / 2


def write_units(*sizes: int) -> float:
    """Return the units of writing an item whose old and new sizes are given; at least one."""
    return float(max(1, -(-max(sizes, default=0) // WRITE_UNIT)))


@dataclass(slots=True)
class Consumed:
    """What one request consumed of one table, by part."""

    table: float = 0.0
    local: dict[str, float] = field(default_factory=dict)
    """Units by local index."""
    global_: dict[str, float] = field(default_factory=dict)
    """Units by global index."""
    vectors: dict[str, float] = field(default_factory=dict)
    """Bytes by vector index; they are no capacity units, and in a transaction they are no more than elsewhere."""

    @property
    def total(self) -> float:
        """Units of all parts together."""
        return self.table + sum(self.local.values()) + sum(self.global_.values())

    def add(self, other: Consumed) -> None:
        """Add what another action consumed of the same table."""
        self.table += other.table
        for mine, theirs in (
            (self.local, other.local),
            (self.global_, other.global_),
            (self.vectors, other.vectors),
        ):
            for name, units in theirs.items():
                mine[name] = mine.get(name, 0.0) + units

    def scaled(self, factor: float) -> Consumed:
        """Return the same with every part multiplied."""
        return Consumed(
            self.table * factor,
            {name: units * factor for name, units in self.local.items()},
            {name: units * factor for name, units in self.global_.items()},
            dict(self.vectors),
        )

    def describe(self, table: str, mode: str, kind: str | None = None) -> dict[str, Any]:
        """Return the ConsumedCapacity structure for ReturnConsumedCapacity `mode` (TOTAL or INDEXES).

        `kind` is `Read` or `Write` in transactions, whose answers name those units too.
        """
        answer: dict[str, Any] = {"TableName": table, **_units(self.total, kind)}
        if mode != "INDEXES":
            return answer
        answer["Table"] = _units(self.table, kind)
        for member, parts in (("LocalSecondaryIndexes", self.local), ("GlobalSecondaryIndexes", self.global_)):
            if parts:
                answer[member] = {name: _units(units, kind) for name, units in parts.items()}
        if self.vectors:
            answer["VectorIndexes"] = {name: {"VectorWriteRequestBytes": count} for name, count in self.vectors.items()}
        return answer


def _units(units: float, kind: str | None) -> dict[str, float]:
    answer = {"CapacityUnits": units}
    if kind is not None:
        answer[f"{kind}CapacityUnits"] = units
    return answer
