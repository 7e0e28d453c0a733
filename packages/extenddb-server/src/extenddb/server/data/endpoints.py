"""Where a DynamoDB is, and with which keys to call it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from extenddb.server.auth.signing import KeyPair
from extenddb.server.data.errors import DataError

DEFAULT_REGION = "us-east-1"
DEVELOPMENT = KeyPair(access_key_id="extenddb", secret_access_key="extenddb")  # noqa: S106  -- protects nothing
"""Keys for a server that accepts any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One DynamoDB: the service in a region, or a server."""

    url: str
    streams_url: str
    """Where its streams are read: the service has a host of its own for them."""
    region: str
    ca_bundle: str = ""
    """File of certificates to trust besides the system's."""

    @property
    def is_aws(self) -> bool:
        """Tell whether this is the service itself."""
        return _is_aws(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the flags say about one side."""

    url: str
    """An URL, `aws`, or `aws:` and a region."""
    region: str = ""
    streams_url: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    profile: str = ""
    ca_bundle: str = ""


def endpoint(given: Given, environ: Mapping[str, str]) -> Endpoint:
    """Return the endpoint that was meant. Raises DataError."""
    name, _, named = given.url.partition(":")
    aws = name == "aws"
    url = given.url.rstrip("/")
    region = given.region or (named if aws else _region_of(url)) or _region_from(environ)
    if aws:
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        url = f"https://dynamodb.{region}.{domain}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise DataError(f"{given.url!r} is not an endpoint: give http://host:port, https://host, or aws:region.")
    streams = given.streams_url or (url.replace("://dynamodb.", "://streams.dynamodb.", 1) if _is_aws(url) else url)
    bundle = given.ca_bundle or environ.get("AWS_CA_BUNDLE", "")
    return Endpoint(url=url, streams_url=streams.rstrip("/"), region=region, ca_bundle=bundle)


def _is_aws(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def _region_of(url: str) -> str:
    labels = (urlsplit(url).hostname or "").split(".")
    return labels[1] if _is_aws(url) and labels[0] == "dynamodb" else ""


def _region_from(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


class Keys(Protocol):
    """Where the keys come from; temporary ones change."""

    async def get(self) -> KeyPair:
        """Return the keys to sign the next request with. Raises DataError."""


class FixedKeys:
    """Keys that stay."""

    def __init__(self, pair: KeyPair) -> None:
        self._pair = pair

    async def get(self) -> KeyPair:
        """Return the keys."""
        return self._pair


class ChainKeys:
    """Keys that botocore finds where AWS tools keep them, renewed when they run out."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    async def get(self) -> KeyPair:
        """Return the keys; a renewal does not hold up others."""
        try:
            frozen = await asyncio.to_thread(self._credentials.get_frozen_credentials)
        except Exception as error:  # every provider of the chain has errors of its own
            raise DataError(f"The AWS credentials cannot be renewed: {error}") from error
        return KeyPair(
            access_key_id=frozen.access_key, secret_access_key=frozen.secret_key, session_token=frozen.token or ""
        )


def keys(given: Given, environ: Mapping[str, str]) -> Keys:
    """Return the keys of one side: the flags, the environment, what AWS tools use, or development keys.

    The places of AWS tools are asked for the service itself and where a profile is named. Raises DataError.
    """
    if given.access_key or given.secret_key:
        return FixedKeys(_pair(given.access_key, given.secret_key, given.session_token))
    identifier, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    if identifier and not given.profile:
        return FixedKeys(_pair(identifier, secret, environ.get("AWS_SESSION_TOKEN", "")))
    aws = _is_aws(given.url) or given.url.partition(":")[0] == "aws"
    if not aws and not given.profile:
        return FixedKeys(DEVELOPMENT)
    return _chain(given)


def _pair(identifier: str, secret: str, token: str) -> KeyPair:
    if not (identifier and secret):
        raise DataError("An access key and its secret key must be given together.")
    return KeyPair(access_key_id=identifier, secret_access_key=secret, session_token=token)


def _chain(given: Given) -> Keys:
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError:
        text = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or install botocore to use profiles and roles"
        raise DataError(f"No AWS credentials for {given.url}: {text}.") from None
    try:
        found = Session(profile=given.profile or None).get_credentials()
    except BotoCoreError as error:
        raise DataError(f"No AWS credentials for {given.url}: {error}") from None
    if found is None:
        raise DataError(f"No AWS credentials for {given.url}: neither in the environment nor in a profile or role.")
    return ChainKeys(found)
