"""Backups, exports, imports and bulk operations as documents: what Describe and List answer from.

A document's key is namespace, table and id, so that those of one table stand together; an id begins with its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from extenddb.core.arn import TableArn, parse_table
from extenddb.core.errors import ACCESS_DENIED, ServiceError, validation
from extenddb.engine import codec
from extenddb.engine.buckets import BucketError
from extenddb.engine.context import Caller, Context
from extenddb.engine.retries import changing
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import Conflict
from extenddb.storage.model import Document

Body = dict[str, Any]
_PAGE = 500
_TOKEN_UNIT, _TOKEN_BYTES = 8, 56  # tokens of lists are hexadecimal, at least 112 digits in groups of 16
TOKENS = "clienttoken"
"""Kind of the documents that remember client tokens."""
TOKEN_LIFE_MS = 8 * 60 * 60 * 1000
"""How long a ClientToken is remembered (API reference)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family of operations on record."""

    kind: str
    """Kind of the documents."""
    part: str
    """What stands in ARNs before the id."""

    def arn(self, table_arn: str, id_: str) -> str:
        """Return an ARN."""
        return f"{table_arn}/{self.part}/{id_}"

    def check(self, caller: Caller, arn: str) -> None:
        """Raise a ValidationException for the ARN of something else, an AccessDeniedException for another account's."""
        table_arn, found, id_ = arn.partition(f"/{self.part}/")
        table = parse_table(table_arn)
        if not found or table is None or not id_ or "/" in id_:
            raise validation(f"Invalid {self.part.capitalize()} ARN")
        if table.account != caller.account:
            raise ServiceError(ACCESS_DENIED, "Access is denied")

    def key(self, context: Context, caller: Caller, arn: str) -> str | None:
        """Return the key of an ARN's document; None for what is none of the caller's."""
        table_arn, found, id_ = arn.partition(f"/{self.part}/")
        table = parse_table(table_arn)
        if not found or table is None or table.account != caller.account or not id_ or "/" in id_:
            return None
        return f"{context.namespace(caller)}/{table.table}/{id_}"


BACKUPS = Family(kind="backup", part="backup")
EXPORTS = Family(kind="export", part="export")
IMPORTS = Family(kind="import", part="import")
BULK = Family(kind="bulk", part="bulk-operation")


def new_id(context: Context) -> str:
    """Return a fresh id: the time in milliseconds, and eight random digits."""
    return f"{context.clock():014d}-{context.ids().replace('-', '')[-8:]}"


def key_of(namespace: str, table: str, id_: str) -> str:
    """Return the key of a document."""
    return f"{namespace}/{table}/{id_}"


def table_arn(table: Table) -> TableArn:
    """Return a table's ARN in parts."""
    arn = parse_table(table.description["TableArn"])
    assert arn is not None  # noqa: S101  (written by CreateTable)
    return arn


async def find(context: Context, family: Family, key: str) -> Body | None:
    """Return what is on record under a key."""
    document = await context.backend.documents.get(family.kind, key)
    return codec.parse(document.body) if document is not None else None


async def require(
    context: Context, caller: Caller, family: Family, arn: str, missing: ServiceError
) -> tuple[str, Body]:
    """Return key and body of an ARN's document; raises `missing` when there is none."""
    key = family.key(context, caller, arn)
    body = await find(context, family, key) if key is not None else None
    if key is None or body is None:
        raise missing
    return key, body


async def create(context: Context, family: Family, key: str, body: Body) -> bool:
    """Put something on record; False when it is there already."""
    try:
        await context.backend.documents.put(family.kind, key, codec.dump(body), expected=0)
    except Conflict:
        return False
    return True


async def change(context: Context, family: Family, key: str, edit: Callable[[Body], Body | None]) -> Body | None:
    """Return the body as `edit` made it of the current one; None if there is none or `edit` wanted no change."""

    async def change_once() -> Body | None:
        document = await context.backend.documents.get(family.kind, key)
        new = edit(codec.parse(document.body)) if document is not None else None
        if document is None or new is None:
            return None
        await context.backend.documents.put(family.kind, key, codec.dump(new), expected=document.version)
        return new

    return await changing(change_once, f"the document {key}")


async def listed(context: Context, family: Family, prefix: str) -> list[tuple[str, Body]]:
    """Return all documents whose key starts with the prefix, oldest first."""
    found: list[Document] = []
    while True:
        after = found[-1].key if found else ""
        page = await context.backend.documents.list(family.kind, prefix=prefix, after=after, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            break
    bodies = [(document.key, codec.parse(document.body)) for document in found]
    return sorted(bodies, key=lambda each: order(each[0]))


async def newest(
    context: Context,
    family: Family,
    prefix: str,
    *,
    limit: int,
    token: str | None,
    wanted: Callable[[Body], bool] = lambda _body: True,
) -> tuple[list[Body], str | None]:
    """Return a page of what is on record and wanted, newest first, and the token of the next page."""
    before = order(_opened(family, token)) if token is not None else None
    found = [
        each
        for each in reversed(await listed(context, family, prefix))
        if (before is None or order(each[0]) < before) and wanted(each[1])
    ]
    page = found[:limit]
    following = _closed(family, page[-1][0]) if len(found) > limit else None
    return [body for _, body in page], following


PAGE = 10
"""Exports and imports listed at a time, unless another number is asked for (public reports)."""


def prefix_of(context: Context, caller: Caller, arn: str | None) -> str:
    """Return the prefix of the keys of a table, or of all of the caller's. Raises ValidationException."""
    if arn is None:
        return f"{context.namespace(caller)}/"
    table = parse_table(arn)
    if table is None or table.account != caller.account:
        raise validation(f"Invalid TableArn: {arn}")
    return f"{context.namespace(caller)}/{table.table}/"


def order(key: str) -> tuple[str, str]:
    """Return what orders keys by time, then by table."""
    rest, _, id_ = key.rpartition("/")
    return id_, rest


def _closed(family: Family, key: str) -> str:
    data = f"{family.kind}:{key}".encode()
    size = max(_TOKEN_BYTES, -(-len(data) // _TOKEN_UNIT) * _TOKEN_UNIT)
    return data.ljust(size, b"\0").hex()


def _opened(family: Family, token: str) -> str:
    try:
        kind, _, key = bytes.fromhex(token).rstrip(b"\0").decode().partition(":")
    except ValueError:
        kind, key = "", ""
    if kind != family.kind:
        raise validation(f"Invalid Request: Provided nextToken is invalid: {token}")
    return key


async def claim(
    context: Context, caller: Caller, request: Mapping[str, Any], *, arn: str, mismatch: ServiceError
) -> str:
    """Return the ARN that a request's ClientToken stands for: `arn` for a new one, else the one it had before.

    Raises `mismatch` when the token came with another request.
    """
    token = request.get("ClientToken")
    if token is None:
        return arn
    family = arn.rsplit("/", 2)[1]
    key = f"{context.namespace(caller)}/{family}/{token}"
    fingerprint = sha256(codec.dump(_sorted(request))).hexdigest()
    body = {"Request": fingerprint, "Arn": arn, "Expires": context.clock() + TOKEN_LIFE_MS}
    documents = context.backend.documents

    async def claim_once() -> str:
        known = await documents.get(TOKENS, key)
        held = codec.parse(known.body) if known is not None else None
        if held is not None and held["Expires"] > context.clock():
            if held["Request"] != fingerprint:
                raise mismatch
            return str(held["Arn"])
        await documents.put(TOKENS, key, codec.dump(body), expected=known.version if known is not None else 0)
        return arn

    return await changing(claim_once, "the client token")


def failure(error: Exception) -> Body:
    """Return FailureCode and FailureMessage of an error that ended an operation."""
    code = error.code if isinstance(error, BucketError) else "InternalServerError"
    return {"FailureCode": code, "FailureMessage": str(error)}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(member) for member in value] if isinstance(value, list) else value
