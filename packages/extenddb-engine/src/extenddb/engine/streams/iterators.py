"""Shard iterators: a place in a shard, signed, bound to account, stream and shard, and good for fifteen minutes.

The text starts with the stream's ARN and `|`, which SDKs rely on. The secret is one document of the store, so that any
process reads what another issued.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256

from extenddb.core.errors import EXPIRED_ITERATOR, ServiceError, validation
from extenddb.engine import codec
from extenddb.engine.context import Context
from extenddb.storage.errors import Conflict

LIFE_MS = 15 * 60 * 1000
"""How long an iterator can be used (API reference, GetShardIterator)."""
INVALID = "Invalid ShardIterator"
_KIND = "secret"
_KEY = "stream-iterators"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Iterator:
    """What an iterator's text says."""

    arn: str
    """ARN of the stream."""
    shard: str
    after: int
    """Sequence behind which to read on."""
    from_horizon: bool = False
    """Issued for TRIM_HORIZON and not yet used: what is trimmed meanwhile is passed over."""
    issued: int
    """Milliseconds since the epoch."""


async def secret(context: Context) -> bytes:
    """Return the key that signs iterators, making it if this store has none yet."""
    documents = context.backend.documents
    found = await documents.get(_KIND, _KEY)
    if found is not None:
        return found.body
    fresh = secrets.token_bytes(_SECRET_BYTES)
    try:
        await documents.put(_KIND, _KEY, fresh, expected=0)
    except Conflict:
        return await secret(context)
    return fresh


def to_text(iterator: Iterator, key: bytes, account: str) -> str:
    """Return the text of an iterator for one account."""
    fields = (iterator.shard, iterator.after, iterator.from_horizon, iterator.issued)
    body = urlsafe_b64encode(codec.dump(fields)).decode("ascii")
    return f"{iterator.arn}|1|{body}.{_signature(key, account, iterator.arn, body)}"


def from_text(text: str, key: bytes, account: str, now_ms: int) -> Iterator:
    """Return what a text says. Raises ValidationException for a forged one, ExpiredIteratorException for an old one."""
    arn, _, rest = text.partition("|1|")
    body, _, signature = rest.partition(".")
    if not hmac.compare_digest(_signature(key, account, arn, body).encode(), signature.encode()):
        raise validation(INVALID)
    try:
        shard, after, from_horizon, issued = codec.parse(urlsafe_b64decode(body))
    except (ValueError, Base64Error):
        raise validation(INVALID) from None
    if now_ms - issued > LIFE_MS:
        raise ServiceError(
            EXPIRED_ITERATOR,
            f"Iterator expired. The iterator was created at time {issued} while right now it is {now_ms} "
            f"which is further in the future than the tolerated delay of {LIFE_MS} milliseconds.",
        )
    return Iterator(arn=arn, shard=shard, after=after, from_horizon=from_horizon, issued=issued)


def _signature(key: bytes, account: str, arn: str, body: str) -> str:
    return hmac.new(key, f"{account}\n{arn}\n{body}".encode(), sha256).hexdigest()
