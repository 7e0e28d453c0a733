"""Transactions: cancellation reasons, and the tokens that make a repeated request harmless.

A token is a row of a space of the engine's own, written by the same store transaction as the items: either both are
there or neither. It is remembered for ten minutes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import (
    CONDITIONAL_CHECK_FAILED,
    DUPLICATE_ITEM,
    IDEMPOTENT_PARAMETER_MISMATCH,
    TRANSACTION_CANCELED,
    TRANSACTION_CONFLICT,
    VALIDATION,
    RequestError,
    ServiceError,
)
from extenddb.core.types import keys as key_bytes
from extenddb.core.types.capacity import Consumed, read_units
from extenddb.engine import codec, ongoing
from extenddb.engine.system import TOKENS
from extenddb.storage.model import Decision, Key, Mutation, Put, Reject, Row

TOKEN_LIFE_MS = 10 * 60 * 1000
"""How long a ClientRequestToken is remembered (API reference, TransactWriteItems)."""
MISMATCH = "Request token was already used with different parameters"

_CODES: Mapping[str, str] = {
    CONDITIONAL_CHECK_FAILED.name: "ConditionalCheckFailed",
    DUPLICATE_ITEM.name: "DuplicateItem",
    VALIDATION.name: "ValidationError",
    TRANSACTION_CONFLICT.name: "TransactionConflict",
}
_INNOCENT: Mapping[str, Any] = {"Code": "None"}


def reason(error: ServiceError | None) -> Mapping[str, Any]:
    """Return the cancellation reason of one action; None is one that did nothing wrong."""
    if error is None:
        return _INNOCENT
    return {"Code": _CODES[error.kind.name], "Message": error.message, **error.members}


def canceled(errors: Sequence[ServiceError | None]) -> ServiceError:
    """Return the error of a transaction whose actions failed with these errors, in order."""
    reasons = [reason(error) for error in errors]
    codes = ", ".join(each["Code"] for each in reasons)
    return ServiceError(
        TRANSACTION_CANCELED,
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def require_all(errors: Sequence[ServiceError | None]) -> None:
    """Cancel a transaction if any of its actions failed, each with its own reason.

    What is wrong with the request as a whole is raised as it is, wherever in the transaction it was found.
    """
    for error in errors:
        if isinstance(error, RequestError):
            raise error
    if any(error is not None for error in errors):
        raise canceled(errors)


def conflict(count: int) -> ServiceError:
    """Return the error of a transaction that gave way to others; which of its items they wanted is not known."""
    return canceled([ongoing.conflict()] * count)


def read_capacity(names: Sequence[str], rows: Sequence[Row | None], mode: str) -> list[dict[str, Any]]:
    """Return the units of reading rows in a transaction by table, each given with its table's name in the request."""
    units: dict[str, Consumed] = {}
    for name, row in zip(names, rows, strict=True):
        size = row.size if row is not None else 0
        units.setdefault(name, Consumed()).table += 2 * read_units(size, consistent=True)
    return [each.describe(name, mode, "Read") for name, each in units.items()]


class Repeated:
    """The answer to a transaction that was carried out before."""

    __slots__ = ()


REPEATED = Repeated()


class Token:
    """A client's token for one request; the same token of the other kind of transaction is another one."""

    def __init__(self, account: str, token: str, request: Mapping[str, Any], now_ms: int) -> None:
        self._now = now_ms
        self._fingerprint = hashlib.sha256(codec.canonical(request)).hexdigest()
        separator = "/" if "TransactItems" in request else "\0"
        self._key = Key(key_bytes.digest(f"{account}{separator}{token}".encode()), b"")

    def mutation(self) -> Mutation:
        """Return the mutation that remembers the token, or rejects the transaction because it is known."""
        return Mutation(TOKENS, self._key, self._decide)

    def _decide(self, row: Row | None) -> Decision:
        if row is not None:
            known = codec.parse(row.item)
            if known["Expires"] > self._now:
                if known["Request"] != self._fingerprint:
                    return Reject(ServiceError(IDEMPOTENT_PARAMETER_MISMATCH, MISMATCH))
                return Reject(REPEATED)
        body = codec.dump({"Request": self._fingerprint, "Expires": self._now + TOKEN_LIFE_MS})
        return Put(body, len(body))
