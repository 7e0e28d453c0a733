"""Global tables of version 2017.11.29: a name for the tables of that name in several regions, and their settings.

One document each, by account. The tables of one deployment are not replicated between regions: a global table is a
setting, whose replicas are there as soon as they are named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from extenddb.core.arn import check_length
from extenddb.core.errors import (
    GLOBAL_TABLE_ALREADY_EXISTS,
    GLOBAL_TABLE_NOT_FOUND,
    TABLE_NOT_FOUND,
    ServiceError,
)
from extenddb.engine import codec
from extenddb.engine.context import Caller, Context
from extenddb.engine.retries import changing
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import Conflict

KIND = "globaltable"
"""Kind of the documents that hold global tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalTable:
    """A global table."""

    account: str
    name: str
    created: int
    """Milliseconds since the epoch."""
    regions: tuple[str, ...]
    """Regions of its replicas, in the order they were added."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the replicas, see `tables.global_settings`."""

    @property
    def key(self) -> str:
        """Key of the global table's document."""
        return document_key(self.account, self.name)

    def described(self, status: str = "ACTIVE") -> dict[str, Any]:
        """Return the GlobalTableDescription."""
        return {
            "ReplicationGroup": [{"RegionName": region} for region in self.regions],
            "GlobalTableArn": f"arn:aws:dynamodb::{self.account}:global-table/{self.name}",
            "CreationDateTime": self.created / 1000,
            "GlobalTableStatus": status,
            "GlobalTableName": self.name,
        }


def document_key(account: str, name: str) -> str:
    """Return the key of a global table's document."""
    return f"{account}/{name}"


def from_body(body: bytes) -> GlobalTable:
    """Return the global table of a document's body."""
    fields = codec.parse(body)
    return GlobalTable(**{**fields, "regions": tuple(fields["regions"])})


async def create(context: Context, table: GlobalTable) -> None:
    """Write a new global table down. Raises GlobalTableAlreadyExistsException."""
    try:
        await context.backend.documents.put(KIND, table.key, codec.dump(asdict(table)), expected=0)
    except Conflict:
        raise ServiceError(
            GLOBAL_TABLE_ALREADY_EXISTS, f"Global table with name: '{table.name}' already exists."
        ) from None


async def require(context: Context, caller: Caller, name: str, prefix: str = "") -> GlobalTable:
    """Return the caller's global table of that name.

    Raises ValidationException, and GlobalTableNotFoundException, whose words have a prefix in some operations.
    """
    check_length("TableName", name)
    document = await context.backend.documents.get(KIND, document_key(caller.account, name))
    if document is None:
        raise _not_found(name, prefix)
    return from_body(document.body)


async def change(
    context: Context, caller: Caller, name: str, edit: Callable[[GlobalTable], GlobalTable]
) -> GlobalTable:
    """Replace a global table by what `edit` makes of the current one, and return it. Raises what `edit` raises.

    One without replicas is gone: the service has no other way to delete a global table.
    """
    key = document_key(caller.account, name)

    async def change_once() -> GlobalTable:
        document = await context.backend.documents.get(KIND, key)
        if document is None:
            raise _not_found(name)
        edited = edit(from_body(document.body))
        if edited.regions:
            await context.backend.documents.put(KIND, key, codec.dump(asdict(edited)), expected=document.version)
        else:
            await context.backend.documents.delete(KIND, key, expected=document.version)
        return edited

    return await changing(change_once, f"the global table {name}")


def _not_found(name: str, prefix: str = "") -> ServiceError:
    return ServiceError(GLOBAL_TABLE_NOT_FOUND, f"{prefix}Global table with name: '{name}' does not exist.")


async def require_replica(context: Context, caller: Caller, region: str, name: str) -> Table:
    """Return the table that is a replica in a region. Raises TableNotFoundException."""
    table = await _replica(context, caller, region, name)
    if table is None:
        raise ServiceError(TABLE_NOT_FOUND, f"Table '{name}' in region '{region}' does not exist.")
    return table


async def require_joined(context: Context, caller: Caller, region: str, name: str) -> Table:
    """Return the table that is a replica of a global table. Raises GlobalTableNotFoundException when it was removed:
    a table is not told of the global tables it is part of."""
    table = await _replica(context, caller, region, name)
    if table is None:
        raise _not_found(name)
    return table


async def _replica(context: Context, caller: Caller, region: str, name: str) -> Table | None:
    return await context.tables.load(context.namespace(replace(caller, region=region)), name)
