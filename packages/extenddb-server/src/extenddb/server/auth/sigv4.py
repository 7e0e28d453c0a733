"""Verification of Signature Version 4: reads the claim of a request, and proves or refutes it.

Pure: the clock and the secret are given. Texts of the errors are those of the service's front end. Any list of
signed headers is accepted as long as what decides the meaning of the request is among them; the hash of the body
is always computed and never taken from the client.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import gmtime, strftime
from urllib.parse import parse_qsl

from extenddb.core.errors import (
    INCOMPLETE_SIGNATURE,
    INVALID_SIGNATURE,
    MISSING_AUTHENTICATION_TOKEN,
    ErrorType,
    ServiceError,
)
from extenddb.server.auth.canonical import (
    ALGORITHM,
    canonical_path,
    canonical_query,
    canonical_request,
    string_to_sign,
)
from extenddb.server.auth.dates import epoch_of, seconds_of, stamp_of_date
from extenddb.server.http.message import Headers, Request

SKEW_SECONDS = 300
"""How far the clock of a signer may be off (the service's five minutes)."""
LONGEST_EXPIRY_SECONDS = 604_800
"""How long a presigned request may be valid (seven days)."""
_TERMINATOR = "aws4_request"
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
_QUERY_PARTS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_MUST_BE_SIGNED = ("x-amz-target", "x-amz-date", "x-amz-security-token")
"""Headers that decide what a request means, and so must be covered by the signature when they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who a signer claims to be, and what the signature covers; the same for many requests."""

    access_key_id: str
    date: str
    """Day of the credential scope, YYYYMMDD."""
    region: str
    service: str
    scope: str
    """The credential without its key."""
    signed: tuple[str, ...]
    """Names of the signed headers, in lower case, in the order claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The whole of what one request says about its own signature."""

    claim: Claim
    signature: str
    timestamp: str
    """Time of signing, YYYYMMDD'T'HHMMSS'Z'."""
    token: str = ""
    """Session token, if one was sent."""
    expires: int | None = None
    """Seconds of validity of a presigned request."""


def _fail(kind: ErrorType, text: str) -> ServiceError:
    return ServiceError(kind, text)


def read_signature(request: Request) -> Signed:
    """Return what a request says about its signature.

    Raises ServiceError: MissingAuthenticationToken, IncompleteSignature, InvalidSignature.
    """
    authorization = request.headers.get("authorization", "")
    presigned = "X-Amz-Algorithm" in request.target
    if authorization and presigned:
        raise _fail(
            INVALID_SIGNATURE,
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
        )
    if presigned:
        return _read_query(request.query)
    if not authorization.startswith("AWS4-"):
        raise _fail(MISSING_AUTHENTICATION_TOKEN, "Request is missing Authentication Token")
    return _read_header(authorization, request.headers)


def access_key_of(request: Request) -> str:
    """Return the access key a request names, empty if none: for a server that checks no signatures."""
    _, found, rest = request.headers.get("authorization", "").partition("Credential=")
    if found:
        return rest.partition("/")[0].strip()
    if "X-Amz-Credential=" in request.target:
        return dict(parse_qsl(request.query)).get("X-Amz-Credential", "").partition("/")[0]
    return ""


def _read_header(authorization: str, headers: Headers) -> Signed:
    timestamp = _timestamp(headers)
    prefix, found, signature = authorization.rpartition(", Signature=")
    claim = _usual_claim(prefix) if found and timestamp and "," not in signature else None
    if claim is None:
        claim, signature = _read_carefully(authorization, dated=bool(timestamp))
    token = headers.get("x-amz-security-token", "")
    return Signed(claim=claim, signature=signature, timestamp=timestamp, token=token)


@lru_cache(maxsize=1024)
def _usual_claim(prefix: str) -> Claim | None:
    """Parse what stands before the signature, the same for all requests of a signer on one day.

    None when it is not in the form that SDKs write.
    """
    start, found, signed = prefix.partition(", SignedHeaders=")
    algorithm, has_credential, credential = start.partition(" Credential=")
    both = credential + signed
    if not (found and has_credential and algorithm == ALGORITHM) or " " in both or "," in both:
        return None
    return _claim(credential, signed)


def _timestamp(headers: Headers) -> str:
    """Return the time of signing from X-Amz-Date, or else from Date; empty if neither is there."""
    stamp = headers.get("x-amz-date", "")
    return stamp or stamp_of_date(headers.get("date", ""))


def _read_carefully(authorization: str, *, dated: bool) -> tuple[Claim, str]:
    """Find the parts in any order, and name everything that is missing, as the service does."""
    algorithm = authorization.partition(" ")[0]
    if algorithm != ALGORITHM:
        raise _fail(INCOMPLETE_SIGNATURE, f"Unsupported AWS 'algorithm': '{algorithm}'.")
    parts = _parts(authorization)
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if not dated:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise _fail(INCOMPLETE_SIGNATURE, f"{' '.join(missing)} Authorization={authorization}")
    return _claim(parts["Credential"], parts["SignedHeaders"]), parts["Signature"]


def _parts(authorization: str) -> dict[str, str]:
    parts = {}
    for part in authorization.partition(" ")[2].replace(",", " ").split():
        name, equals, value = part.partition("=")
        if not equals:
            text = f"'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: "
            raise _fail(INCOMPLETE_SIGNATURE, f"{text}'{authorization}'.")
        parts[name] = value
    return parts


def _claim(credential: str, signed: str) -> Claim:
    elements = credential.rsplit("/", 4)
    if len(elements) != 5:
        text = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term,"
        raise _fail(INCOMPLETE_SIGNATURE, f"{text} got '{credential}'")
    key, date, region, service, terminator = elements
    if terminator != _TERMINATOR:
        text = f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{terminator}'."
        raise _fail(INVALID_SIGNATURE, text)
    names = tuple(name.strip() for name in signed.lower().split(";"))
    if "host" not in names:
        raise _fail(INVALID_SIGNATURE, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    return Claim(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        scope=f"{date}/{region}/{service}/{terminator}",
        signed=names,
    )


def _read_query(query: str) -> Signed:
    given = dict(parse_qsl(query, keep_blank_values=True))
    missing = [name for name in _QUERY_PARTS if not given.get(name)]
    if missing:
        texts = " ".join(f"AWS query-string parameters must include '{name}'." for name in missing)
        raise _fail(INCOMPLETE_SIGNATURE, f"{texts} Re-examine the query-string parameters.")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise _fail(INCOMPLETE_SIGNATURE, f"Unsupported AWS 'algorithm': '{given['X-Amz-Algorithm']}'.")
    expires = seconds_of(given.get("X-Amz-Expires", str(SKEW_SECONDS)))
    if expires is None or expires > LONGEST_EXPIRY_SECONDS:
        raise _fail(INVALID_SIGNATURE, "X-Amz-Expires must be a number of seconds that is at most 604800.")
    return Signed(
        claim=_claim(given["X-Amz-Credential"], given["X-Amz-SignedHeaders"]),
        signature=given["X-Amz-Signature"],
        timestamp=given["X-Amz-Date"],
        token=given.get("X-Amz-Security-Token", ""),
        expires=expires,
    )


def _stamp(epoch: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(epoch))


def check_claim(signed: Signed, headers: Headers, *, services: Sequence[str], now: float) -> None:
    """Check the age, the scope and the coverage of a signature; `services` are the names it may be made for.

    Raises ServiceError: IncompleteSignature, InvalidSignature.
    """
    claim = signed.claim
    epoch = epoch_of(signed.timestamp)
    if epoch is None:
        text = f"Date must be in ISO-8601 'basic format'. Got '{signed.timestamp}'. See http://en.wikipedia.org/wiki/"
        raise _fail(INCOMPLETE_SIGNATURE, f"{text}ISO_8601")
    _check_age(signed, epoch, now)
    if claim.service not in services:
        raise _fail(INVALID_SIGNATURE, f"Credential should be scoped to correct service: '{services[0]}'. ")
    if claim.date != signed.timestamp[:8]:
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
        raise _fail(INVALID_SIGNATURE, f"{text} '{claim.date}' != '{signed.timestamp[:8]}', from '{signed.timestamp}'.")
    for name in _MUST_BE_SIGNED:
        if name not in claim.signed and name in headers:
            raise _fail(INVALID_SIGNATURE, f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_age(signed: Signed, epoch: int, now: float) -> None:
    stamp = signed.timestamp
    if epoch > now + SKEW_SECONDS:
        text = f"Signature not yet current: {stamp} is still later than {_stamp(now + SKEW_SECONDS)}"
        raise _fail(INVALID_SIGNATURE, f"{text} ({_stamp(now)} + 5 min.)")
    lifetime = SKEW_SECONDS if signed.expires is None else signed.expires
    if epoch < now - lifetime:
        text = f"Signature expired: {stamp} is now earlier than {_stamp(now - lifetime)}"
        raise _fail(INVALID_SIGNATURE, f"{text} ({_stamp(now)} - {lifetime // 60} min.)")


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service; kept, because deriving it costs four rounds."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode("utf-8", "surrogateescape"), "sha256")
    return key


def expected_signature(request: Request, signed: Signed, secret: str, body_hash: str) -> str:
    """Return the signature that the holder of the secret would have made for this request.

    `body_hash` is the SHA-256 of the bytes sent, in hexadecimal digits.
    """
    path, _, query = request.target.partition("?")
    claim = signed.claim
    canonical = canonical_request(
        request.method,
        canonical_path(path),
        canonical_query(query, without="X-Amz-Signature"),
        request.headers,
        claim.signed,
        body_hash,
    )
    text = string_to_sign(signed.timestamp, claim.scope, canonical)
    key = signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def check_signature(request: Request, signed: Signed, secret: str, body_hash: str) -> None:
    """Compare the signatures in constant time. Raises ServiceError: InvalidSignature."""
    expected = expected_signature(request, signed, secret, body_hash)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode("utf-8", "surrogateescape")):
        raise _fail(INVALID_SIGNATURE, _MISMATCH)
