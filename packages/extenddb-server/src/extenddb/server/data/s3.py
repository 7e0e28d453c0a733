"""Buckets of any service that speaks S3, through botocore, which is only needed by those who use them.

Credentials come from botocore's own chain: environment, profile, instance. botocore blocks, so every call has a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from extenddb.engine.buckets import BROKEN, NO_BUCKET, NO_OBJECT, REFUSED, BucketError, ObjectInfo

_PIECE = 8 * 1024 * 1024
"""Bytes of one ranged request: no connection stays open while its reader pauses."""
_LISTED = 1000  # objects of one answer, S3's own limit
_CODES = {
    "NoSuchBucket": NO_BUCKET,
    "NoSuchKey": NO_OBJECT,
    "404": NO_OBJECT,
    "AccessDenied": REFUSED,
    "403": REFUSED,
    "InvalidAccessKeyId": REFUSED,
    "SignatureDoesNotMatch": REFUSED,
}

_Result = TypeVar("_Result")


class MissingLibrary(Exception):
    """botocore is not installed; the text is one sentence for the operator."""


class S3Buckets:
    """`extenddb.engine.buckets.Buckets` over S3."""

    def __init__(self, *, endpoint: str | None = None, region: str | None = None) -> None:
        """Connect when first used; without an endpoint to Amazon's service. Raises MissingLibrary."""
        try:
            self._session = importlib.import_module("botocore.session")
            self._config = importlib.import_module("botocore.config")
            self._errors = importlib.import_module("botocore.exceptions")
        except ImportError:
            raise MissingLibrary("Buckets of an S3 service need botocore: install extenddb-server[s3].") from None
        self._endpoint = endpoint
        self._region = region
        self._lock = threading.Lock()
        self._made: Any = None

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        """See `Buckets.put`."""
        answer = await self._call(lambda client: client.put_object(Bucket=bucket, Key=key, Body=body))
        return str(answer["ETag"]).strip('"')

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        """See `Buckets.list`."""
        found: list[ObjectInfo] = []
        while len(found) < limit:
            start, most = after, min(limit - len(found), _LISTED)
            answer = await self._call(
                lambda client, start=start, most=most: client.list_objects_v2(  # type: ignore[misc]
                    Bucket=bucket, Prefix=prefix, StartAfter=start, MaxKeys=most
                )
            )
            page = [ObjectInfo(key=each["Key"], size=each["Size"]) for each in answer.get("Contents", ())]
            found += page
            if not page or not answer.get("IsTruncated"):
                break
            after = page[-1].key
        return found

    async def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """See `Buckets.read`."""
        info = await self._call(lambda client: client.head_object(Bucket=bucket, Key=key))
        total, tag = int(info["ContentLength"]), info["ETag"]
        for first in range(0, total, _PIECE):
            span = f"bytes={first}-{min(first + _PIECE, total) - 1}"

            def piece(client: Any, span: str = span) -> bytes:
                answer = client.get_object(Bucket=bucket, Key=key, Range=span, IfMatch=tag)
                data: bytes = answer["Body"].read()
                return data

            yield await self._call(piece)

    async def _call(self, work: Callable[[Any], _Result]) -> _Result:
        return await asyncio.to_thread(self._translated, work)

    def _translated(self, work: Callable[[Any], _Result]) -> _Result:
        try:
            return work(self._client())
        except self._errors.ClientError as error:
            about = error.response.get("Error", {})
            code = _CODES.get(str(about.get("Code")), BROKEN)
            raise BucketError(code, str(about.get("Message") or error)) from error
        except self._errors.BotoCoreError as error:
            raise BucketError(BROKEN, str(error)) from error

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                # Services other than Amazon's rarely have a host name for each bucket.
                style = {"addressing_style": "path"} if self._endpoint else {}
                self._made = self._session.get_session().create_client(
                    "s3",
                    endpoint_url=self._endpoint,
                    region_name=self._region,
                    config=self._config.Config(s3=style, request_checksum_calculation="when_required"),
                )
            return self._made
