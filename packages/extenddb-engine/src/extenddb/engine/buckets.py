"""Buckets: where exports are written and imports are read. Folders under a root here; a server may inject others."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import blake2b, md5
from pathlib import Path
from typing import BinaryIO, Protocol

NO_BUCKET = "S3NoSuchBucket"
"""Code of a bucket that is not there."""
NO_OBJECT = "S3NoSuchKey"
"""Code of an object that is not there."""
REFUSED = "S3AccessDenied"
"""Code of a name that may not be used, or a bucket that may not be entered."""
BROKEN = "S3UnknownError"
"""Code of everything else."""

CHUNK = 1024 * 1024
"""Bytes read at a time."""
_BUCKET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PART = ".extenddb-part-"  # names of files that are being written; no key may use them


class BucketError(Exception):
    """An object cannot be read or written; `code` is one of this module's, as in FailureCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object as a listing shows it."""

    key: str
    size: int
    """Bytes."""


class Buckets(Protocol):
    """Objects by bucket and key. Every method raises BucketError."""

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        """Write an object as a whole, replacing one of the same key, and return its entity tag."""

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        """Return up to `limit` objects whose key starts with `prefix` and is above `after`, by the key's UTF-8."""

    def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """Yield the bytes of an object in pieces."""


class NoBuckets:
    """Buckets of an engine that was given none."""

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        """See `Buckets.put`."""
        raise _none(bucket)

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        """See `Buckets.list`."""
        raise _none(bucket)

    def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """See `Buckets.read`."""
        raise _none(bucket)


def _none(bucket: str) -> BucketError:
    return BucketError(NO_BUCKET, f"The specified bucket does not exist: {bucket} (no place for buckets is configured)")


class FolderBuckets:
    """Every bucket is a folder under one root, made when first written to; nothing leads out of the root."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, bucket: str, key: str, body: bytes) -> str:
        """See `Buckets.put`."""
        await asyncio.to_thread(self._put, bucket, key, body)
        return md5(body, usedforsecurity=False).hexdigest()

    async def list(self, bucket: str, *, prefix: str = "", after: str = "", limit: int) -> list[ObjectInfo]:
        """See `Buckets.list`."""
        found = await asyncio.to_thread(lambda: [*self._list(bucket, prefix)])
        above = after.encode()
        found = sorted((each for each in found if each.key.encode() > above), key=lambda each: each.key.encode())
        return found[:limit]

    async def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """See `Buckets.read`. The file is open only while a piece is read: a reader may pause for long, or vanish."""
        self._require_bucket(bucket)
        path, done = self._path(bucket, key), 0
        while chunk := await asyncio.to_thread(_piece, path, done):
            yield chunk
            done += len(chunk)

    def _put(self, bucket: str, key: str, body: bytes) -> None:
        path = self._path(bucket, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path = self._path(bucket, key)  # once more: what was made must still be inside
            _write(path, path.with_name(f"{_PART}{blake2b(key.encode(), digest_size=16).hexdigest()}"), body)
        except OSError as error:
            raise BucketError(BROKEN, f"{key} cannot be written: {error.strerror}") from error

    def _list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        base = self._require_bucket(bucket)
        *folders, _ = prefix.split("/")
        if not all(map(_plain, folders)):
            return
        for folder, _, names in os.walk(self._inner(bucket, *folders)):
            for name in names:
                path = Path(folder, name)
                key = path.relative_to(base).as_posix()
                if key.startswith(prefix) and not name.startswith(_PART) and self._inside(path) and path.is_file():
                    yield ObjectInfo(key=key, size=path.stat().st_size)

    def _require_bucket(self, bucket: str) -> Path:
        base = self._inner(bucket)
        if not base.is_dir():
            raise BucketError(NO_BUCKET, f"The specified bucket does not exist: {bucket}")
        return base

    def _path(self, bucket: str, key: str) -> Path:
        """Return where an object is. Raises BucketError for every name that could lead elsewhere."""
        return self._inner(bucket, *key.split("/"))

    def _inner(self, bucket: str, *parts: str) -> Path:
        if _BUCKET.fullmatch(bucket) is None or not all(map(_plain, parts)):
            raise BucketError(REFUSED, f"This name cannot be used: {'/'.join((bucket, *parts))}")
        path = self._root.joinpath(bucket, *parts)
        if not self._inside(path):
            raise BucketError(REFUSED, f"This name leads out of the buckets: {'/'.join((bucket, *parts))}")
        return path

    def _inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self._root.resolve())


def _write(path: Path, part: Path, body: bytes) -> None:
    """Write a file as a whole, by way of another one beside it.

    That one's name is always the same for an object: what a process that died has left of it is used by who repeats its
    work, and not left lying about. Two that live wait for each other.
    """
    with _locked(part) as file:
        try:
            file.truncate(0)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise


def _locked(part: Path) -> BinaryIO:
    """Open a file that nobody else writes, or make it."""
    while True:
        file = part.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is(file, part):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # whoever had it put it in its place meanwhile


def _is(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _piece(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK)
    except OSError as error:
        raise BucketError(NO_OBJECT, f"The specified key does not exist: {path.name}") from error


def _plain(part: str) -> bool:
    """Tell whether a part of a key is an ordinary file name on every system."""
    return part not in ("", ".", "..") and not part.startswith(_PART) and not any(c in part for c in "\\:\0")
