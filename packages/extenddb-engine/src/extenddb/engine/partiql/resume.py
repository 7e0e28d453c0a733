"""NextToken: where a SELECT continues, readable only together with the statement it was given for."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from extenddb.core.errors import validation
from extenddb.core.types.attribute import Item, normalize_item
from extenddb.core.validation.rules import shape
from extenddb.core.wire.convert import convert
from extenddb.engine import codec

MISMATCH = "NextToken does not match request"
_TAG_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """A place in what a SELECT reads."""

    number: int = 0
    """Which of the statement's keys or partitions, from 0."""
    after: Item | None = None
    """Key attributes of the last item read there; None for none."""


def to_token(resume: Resume, request: Mapping[str, Any]) -> str:
    """Return the token for a place."""
    place = codec.dump([resume.number, resume.after])
    return urlsafe_b64encode(_tag(place, request) + place).decode("ascii")


def from_token(request: Mapping[str, Any]) -> Resume:
    """Return the place a request's NextToken stands for, the beginning without one.

    Raises a ValidationException for a token that was not made for this statement and these parameters.
    """
    token = request.get("NextToken")
    if token is None:
        return Resume()
    try:
        data = urlsafe_b64decode(token.encode("ascii"))
    except (Base64Error, UnicodeEncodeError):
        raise validation(MISMATCH) from None
    tag, place = data[:_TAG_SIZE], data[_TAG_SIZE:]
    if not compare_digest(tag, _tag(place, request)):
        raise validation(MISMATCH)
    return _place(place)


def _place(data: bytes) -> Resume:
    """Return the place in a token's bytes; the tag is no secret, so they are checked like any input."""
    try:
        number, after = codec.parse(data)
    except (ValueError, TypeError):
        raise validation(MISMATCH) from None
    if not isinstance(number, int) or number < 0:
        raise validation(MISMATCH)
    return Resume(number=number, after=None if after is None else normalize_item(convert(shape("Key"), after)))


def _tag(place: bytes, request: Mapping[str, Any]) -> bytes:
    statement = blake2b(codec.canonical([request["Statement"], request.get("Parameters")])).digest()
    return blake2b(place, key=statement, digest_size=_TAG_SIZE).digest()
