"""A table as requests meet it: the catalog's record, its description, and the definition derived from both.

The document kept in the catalog is the table's description in the shape of DescribeTable, without what changes by
itself (counts, sizes), and the ids of its indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from extenddb.core.arn import TableArn, parse_table
from extenddb.core.types.table import (
    IndexDefinition,
    IndexKind,
    KeySchema,
    TableDefinition,
    VectorDefinition,
    projected_names,
)
from extenddb.engine import codec
from extenddb.engine.tables import vector_definitions
from extenddb.storage.model import Space, TableRecord

INDEX_MEMBERS: tuple[tuple[str, IndexKind], ...] = (
    ("LocalSecondaryIndexes", "LOCAL"),
    ("GlobalSecondaryIndexes", "GLOBAL"),
)
"""Where a description holds its indexes, and of which kind they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Someone who wants to know of every change of a table: its stream, or its recovery log."""

    stream: str
    """Id of the stream in the store."""
    old: bool
    """Keep the item as it was."""
    new: bool
    """Keep the item as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One version of a table."""

    record: TableRecord
    description: Mapping[str, Any]
    """As DescribeTable answers it, without counts and sizes."""
    index_ids: Mapping[str, str]
    """Id in the space by index name."""
    settings: Mapping[str, Any]
    """What the table has beside its description, by subject, such as its stream and its time to live."""
    captures: tuple[Capture, ...]
    """Who is told of every change."""
    backfilling: frozenset[str]
    """Names of the indexes that are not filled yet."""
    ttl: str | None
    """The attribute that says when an item expires, once time to live is enabled."""
    definition: TableDefinition

    @property
    def space(self) -> Space:
        """The table's space in the store."""
        return self.record.space

    @property
    def arn(self) -> TableArn:
        """The table's ARN."""
        arn = parse_table(self.description["TableArn"])
        assert arn is not None  # noqa: S101  (written by whoever made the table)
        return arn

    @property
    def filling(self) -> bool:
        """Whether the table is still being filled by a restore or an import; nobody else may use it."""
        return bool(self.settings.get("Filling"))

    @property
    def shape(self) -> tuple[object, ...]:
        """All that the outcome of a read or write of items depends on.

        Operations on items must look at nothing else of a table that can change: the rest (`description`, `settings`)
        changes without the store refusing whoever has not heard of it. `backfilling` is the exception, because it can
        only refuse a read, and refusals are decided by the current definition.
        """
        return (self.definition, self.captures, self.ttl, self.filling, self.space.indexes, self.space.vectors)

    @property
    def watched(self) -> bool:
        """Whether a write must know the old item: for index entries or for records of the change."""
        return bool(self.space.indexes or self.captures or self.definition.vectors)

    @property
    def schema(self) -> KeySchema:
        """The table's key schema."""
        return self.definition.schema

    @property
    def indexes(self) -> tuple[IndexDefinition, ...]:
        """The table's secondary indexes."""
        return self.definition.indexes

    @property
    def vectors(self) -> tuple[VectorDefinition, ...]:
        """The table's vector indexes."""
        return self.definition.vectors

    def edited(
        self,
        *,
        description: Mapping[str, Any] | None = None,
        index_ids: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        hidden: tuple[str, ...] | None = None,
    ) -> Table:
        """Return the table with parts of its document replaced, to be written to the catalog.

        `hidden` are the ids of index spaces that no description names (time to live). Where what reads and writes of
        items depend on is not the same any more the epoch is the next one, so that no process can answer by the old.
        """
        ids = self.index_ids if index_ids is None else index_ids
        description = self.description if description is None else description
        settings = self.settings if settings is None else settings
        kept = tuple(id_ for id_ in self.space.indexes if id_ not in self.index_ids.values())
        space = replace(
            self.space,
            indexes=(*ids.values(), *(kept if hidden is None else hidden)),
            vectors=vector_definitions.spaces(description, settings),
        )
        document = to_document(description, ids, settings)
        edited = from_record(replace(self.record, space=space, document=document))
        return edited if edited.shape == self.shape else edited._reshaped()

    def _reshaped(self) -> Table:
        space = replace(self.space, epoch=self.space.epoch + 1)
        return replace(self, record=replace(self.record, space=space))


def from_record(record: TableRecord) -> Table:
    """Return the table of a catalog record."""
    document = codec.parse(record.document)
    description = document["Description"]
    index_ids = document["IndexIds"]
    settings = document.get("Settings", {})
    return Table(
        record=record,
        description=description,
        index_ids=index_ids,
        settings=settings,
        captures=tuple(
            Capture(stream=each["Stream"], old=each["Old"], new=each["New"])
            for each in settings.get("Captures", {}).values()
        ),
        backfilling=frozenset(
            index["IndexName"]
            for member in ("GlobalSecondaryIndexes", vector_definitions.MEMBER)
            for index in description.get(member, ())
            if index.get("Backfilling")
        ),
        ttl=settings.get("TimeToLive", {}).get("AttributeName"),
        definition=definition_of(description, index_ids, settings),
    )


def to_document(
    description: Mapping[str, Any], index_ids: Mapping[str, str], settings: Mapping[str, Any] | None = None
) -> bytes:
    """Return the document to keep in the catalog.

    `settings["Captures"]` holds, by purpose (`Stream`, `Recovery`), the members of `Capture`.
    """
    return codec.dump({"Description": description, "IndexIds": index_ids, "Settings": settings or {}})


def definition_of(
    description: Mapping[str, Any], index_ids: Mapping[str, str], settings: Mapping[str, Any]
) -> TableDefinition:
    """Derive what item operations need from a description."""
    types = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    schema = key_schema(description["KeySchema"], types)
    indexes = tuple(
        _index(index, kind, schema, types, index_ids)
        for member, kind in INDEX_MEMBERS
        for index in description.get(member, ())
    )
    vectors = vector_definitions.definitions(description, settings)
    return TableDefinition(name=description["TableName"], schema=schema, indexes=indexes, vectors=vectors)


def key_schema(elements: Iterable[Mapping[str, str]], types: Mapping[str, str]) -> KeySchema:
    """Return the key schema of KeySchema elements."""
    names: dict[str, list[str]] = {"HASH": [], "RANGE": []}
    for element in elements:
        names[element["KeyType"]].append(element["AttributeName"])
    used = (*names["HASH"], *names["RANGE"])
    return KeySchema(hash=tuple(names["HASH"]), range=tuple(names["RANGE"]), types={name: types[name] for name in used})


def _index(
    index: Mapping[str, Any],
    kind: IndexKind,
    table: KeySchema,
    types: Mapping[str, str],
    index_ids: Mapping[str, str],
) -> IndexDefinition:
    schema = key_schema(index["KeySchema"], types)
    projection = index["Projection"]["ProjectionType"]
    attributes = tuple(index["Projection"].get("NonKeyAttributes", ()))
    return IndexDefinition(
        name=index["IndexName"],
        id=index_ids[index["IndexName"]],
        kind=kind,
        schema=schema,
        projection=projection,
        attributes=attributes,
        projected=projected_names(projection, table, schema, attributes),
    )
