"""Access keys, and the two ways of telling who calls: trust any key, or check the signature."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from extenddb.core.errors import UNRECOGNIZED_CLIENT, ServiceError
from extenddb.engine import Caller
from extenddb.server.auth import sigv4
from extenddb.server.http.message import Request

DEFAULT_ACCOUNT = "000000000000"
"""Account of every key that does not name another one."""
_CALLERS_KEPT = 4096
_LONGEST_KEY = 128
"""Longest access key that IAM makes (API reference, AccessKey); longer ones are not remembered."""
_HASHED_AT_ONCE = 512 * 1024
"""Larger bodies are hashed in a thread: other requests would wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A long-lived key pair and whose it is."""

    access_key_id: str
    secret_access_key: str
    account: str = DEFAULT_ACCOUNT
    principal: str = ""
    """ARN of the identity; empty means the root of the account."""

    def __repr__(self) -> str:
        """Return the key without its secret, so that no log or traceback holds one."""
        return f"AccessKey({self.access_key_id!r}, account={self.account!r})"


def root_arn(account: str) -> str:
    """Return the ARN of an account's root identity."""
    return f"arn:aws:iam::{account}:root"


class AccessKeys(Protocol):
    """Where access keys are looked up."""

    async def find(self, access_key_id: str) -> AccessKey | None:
        """Return a key that is active now."""


class FixedKeys:
    """Access keys that are known from the start."""

    def __init__(self, *keys: AccessKey) -> None:
        self._keys: Mapping[str, AccessKey] = {key.access_key_id: key for key in keys}

    async def find(self, access_key_id: str) -> AccessKey | None:
        """Return a key."""
        return self._keys.get(access_key_id)


class Authenticator(Protocol):
    """Tells who sent a request."""

    async def authenticate(self, request: Request) -> Caller:
        """Return the caller, having read no body that its head does not earn. Raises ServiceError."""


class AnyKey:
    """Accepts every request; a key of twelve digits names the account."""

    def __init__(self, *, region: str, account: str = DEFAULT_ACCOUNT) -> None:
        self._region = region
        self._account = account
        self._callers: dict[str, Caller] = {}

    async def authenticate(self, request: Request) -> Caller:
        """Return the caller that the named key stands for, without looking at the signature."""
        key = sigv4.access_key_of(request)[:_LONGEST_KEY]
        caller = self._callers.get(key)
        return caller if caller is not None else self._remember(key)

    def _remember(self, key: str) -> Caller:
        account = key if len(key) == 12 and key.isascii() and key.isdecimal() else self._account
        caller = Caller(account=account, region=self._region, principal=root_arn(account))
        if len(self._callers) >= _CALLERS_KEPT:
            self._callers.clear()
        self._callers[key] = caller
        return caller


class SignatureCheck:
    """Accepts requests signed with a known key."""

    def __init__(self, keys: AccessKeys, *, region: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._region = region
        self._clock = clock

    async def authenticate(self, request: Request) -> Caller:
        """Return the caller after checking the claim, the key and the signature, in the service's order.

        Claim and key stand in the head: a body is read only for a key that is known.
        """
        signed = sigv4.read_signature(request)
        sigv4.check_claim(signed, request.headers, services=("dynamodb",), now=self._clock())
        key = await self._keys.find(signed.claim.access_key_id)
        if key is None or signed.token:
            raise ServiceError(UNRECOGNIZED_CLIENT, "The security token included in the request is invalid.")
        sigv4.check_signature(request, signed, key.secret_access_key, await _body_hash(request))
        return Caller(account=key.account, region=self._region, principal=key.principal or root_arn(key.account))


async def _body_hash(request: Request) -> str:
    body = request.body if request.arrived else await request.read()
    if len(body) <= _HASHED_AT_ONCE:
        return sha256(body).hexdigest()
    return (await asyncio.to_thread(sha256, body)).hexdigest()
