"""Tables and indexes as values: key schemas, projections, definitions, and the keys of items under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from extenddb.core.limits import PARTITION_KEY_SIZE, SORT_KEY_SIZE
from extenddb.core.types import keys
from extenddb.core.types.attribute import AttributeValue, Item, item_size, type_of
from extenddb.core.types.keys import Key
from extenddb.core.types.vector import Distance

IndexKind: TypeAlias = Literal["GLOBAL", "LOCAL"]
ProjectionKind: TypeAlias = Literal["ALL", "KEYS_ONLY", "INCLUDE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchema:
    """The attributes that make the key of a table or index, and their types."""

    hash: tuple[str, ...]
    """Partition key attributes: one for a table, up to four for a global index."""
    range: tuple[str, ...] = ()
    """Sort key attributes: none or one for a table, up to four for a global index."""
    types: Mapping[str, str]
    """S, N or B by attribute name."""
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """All key attributes, partition first."""
    _encoders: tuple[tuple[str, str, Callable[[str], bytes]], ...] = field(init=False, repr=False, compare=False)
    """Name, type and encoder of each."""

    def __post_init__(self) -> None:
        names = self.hash + self.range
        encoders = tuple((name, self.types[name], keys.ENCODERS[self.types[name]]) for name in names)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "_encoders", encoders)

    def key(self, item: Mapping[str, AttributeValue]) -> Key:
        """Return the key of an item that has all key attributes with the right types."""
        return self.joined([encode(item[name][kind]) for name, kind, encode in self._encoders])

    def parts(self, item: Mapping[str, AttributeValue]) -> list[bytes] | None:
        """Return the order-preserving bytes of each key attribute; None if one is missing or has another type."""
        found = []
        for name, kind, encode in self._encoders:
            value = item.get(name)
            content = value.get(kind) if value is not None else None
            if content is None:
                return None
            found.append(encode(content))
        return found

    def joined(self, parts: Sequence[bytes]) -> Key:
        """Return the key of what `parts` gave."""
        count = len(self.hash)
        if count == 1 and len(parts) <= 2:  # nothing to join
            return Key(keys.digest(parts[0]), parts[1] if len(parts) > 1 else b"")
        return Key(keys.digest(keys.joined(parts[:count])), keys.joined(parts[count:]))

    def entry_key(self, item: Mapping[str, AttributeValue]) -> Key | None:
        """Return the key under which an index with this schema holds an item.

        None when a key attribute is missing, has another type, is empty or is too long: writes do not let such values
        pass, but they can be older than the index.
        """
        parts = self.parts(item)
        if parts is None or b"" in parts:
            return None
        count = len(self.hash)
        if sum(map(len, parts[:count])) > PARTITION_KEY_SIZE or sum(map(len, parts[count:])) > SORT_KEY_SIZE:
            return None
        return self.joined(parts)

    def fits(self, item: Mapping[str, AttributeValue]) -> bool:
        """Tell whether an item has all key attributes with the right types."""
        for name in self.names:
            value = item.get(name)
            if value is None or type_of(value) != self.types[name]:
                return False
        return True

    def attributes(self, item: Mapping[str, AttributeValue]) -> Item:
        """Return the key attributes of an item."""
        return {name: item[name] for name in self.names}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexDefinition:
    """A secondary index."""

    name: str
    id: str
    """Id of the index in its table's space."""
    kind: IndexKind
    schema: KeySchema
    projection: ProjectionKind
    attributes: tuple[str, ...] = ()
    """Non-key attributes of an INCLUDE projection."""
    projected: frozenset[str] | None
    """All attributes an entry holds: own keys, the table's keys, included ones; None means every attribute."""

    def project(self, item: Item) -> Item:
        """Return what the index holds of an item."""
        projected = self.projected
        if projected is None:
            return item
        return {name: value for name, value in item.items() if name in projected}

    def entry_size(self, item: Item) -> int | None:
        """Return the size of what the index holds of an item; None when it holds all of it."""
        return None if self.projected is None else item_size(self.project(item))


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorDefinition:
    """A vector index."""

    name: str
    id: str | None
    """Id of the index in its table's space; None when the store keeps no vectors."""
    attribute: str
    """The attribute that holds the vector."""
    dimensions: int
    distance: Distance
    schema: KeySchema
    """The hash attribute of the search schema, if there is one: items without it are not in the index."""
    filters: Mapping[str, str]
    """Types of the other attributes of the search schema by name."""
    projected: frozenset[str] | None
    """All attributes an entry holds: the vector, the search schema, the table's keys, included ones; None means all."""

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that decide where an entry stands."""
        return (self.attribute, *self.schema.hash, *self.filters)

    def project(self, item: Item) -> Item:
        """Return what the index holds of an item, the vector included."""
        projected = self.projected
        if projected is None:
            return item
        return {name: value for name, value in item.items() if name in projected}

    def entry_size(self, item: Item) -> int | None:
        """Return the size of what the index holds of an item; None when it holds all of it."""
        return None if self.projected is None else item_size(self.project(item))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table's name, key and indexes: all that reading and writing items needs to know."""

    name: str
    schema: KeySchema
    indexes: tuple[IndexDefinition, ...] = ()
    vectors: tuple[VectorDefinition, ...] = ()

    def index(self, name: str) -> IndexDefinition | None:
        """Return the index of that name."""
        for index in self.indexes:
            if index.name == name:
                return index
        return None


def projected_names(
    projection: ProjectionKind, table: KeySchema, index: KeySchema, attributes: tuple[str, ...]
) -> frozenset[str] | None:
    """Return the names of all attributes an index entry holds; None for all."""
    if projection == "ALL":
        return None
    return frozenset((*table.names, *index.names, *attributes))
