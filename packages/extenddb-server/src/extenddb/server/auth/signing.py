"""Signs requests with Signature Version 4: the other side of the verification, on the same canonical form.

Pure: the clock and the secret are given. Used where this program is a client of DynamoDB.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from time import gmtime, strftime

from extenddb.server.auth.canonical import ALGORITHM, canonical_path, canonical_request, string_to_sign
from extenddb.server.auth.sigv4 import signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """What requests are signed with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    """Of temporary credentials; empty for those that last."""


class _Fields(dict[str, str]):
    """Headers with one value each, their names in lower case."""

    def getall(self, key: str, default: tuple[()], /) -> list[str] | tuple[()]:
        return [self[key]] if key in self else default


def signed_headers(
    *, path: str, headers: Mapping[str, str], body: bytes, key: KeyPair, region: str, service: str, now: float
) -> dict[str, str]:
    """Return the headers of a POST with those that sign it; `headers` have names in lower case and hold `host`.

    `now` is in seconds since the epoch.
    """
    timestamp = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    fields = _Fields(headers)
    fields["x-amz-date"] = timestamp
    if key.session_token:
        fields["x-amz-security-token"] = key.session_token
    names = sorted(fields)
    canonical = canonical_request("POST", canonical_path(path), "", fields, names, sha256(body).hexdigest())
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    secret = signing_key(key.secret_access_key, timestamp[:8], region, service)
    signature = hmac.digest(secret, string_to_sign(timestamp, scope, canonical).encode(), "sha256").hex()
    fields["authorization"] = (
        f"{ALGORITHM} Credential={key.access_key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return dict(fields)
