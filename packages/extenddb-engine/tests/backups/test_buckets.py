"""Buckets as folders: objects come back as they were, and nothing leads out of the root."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from extenddb.engine.buckets import CHUNK, BucketError, FolderBuckets

_Result = TypeVar("_Result")


def done(call: Coroutine[Any, Any, _Result]) -> _Result:
    return asyncio.run(call)


async def content(buckets: FolderBuckets, bucket: str, key: str) -> bytes:
    return b"".join([chunk async for chunk in buckets.read(bucket, key)])


def test_objects_come_back_in_the_order_of_their_keys(tmp_path: Path) -> None:
    buckets = FolderBuckets(tmp_path / "root")
    large = bytes(range(256)) * (CHUNK // 100)
    for key, body in (("b/2", b"two"), ("b/10", large), ("a", b""), ("b/ä", b"x"), ("b.c", b"dot")):
        done(buckets.put("my-bucket", key, body))
    done(buckets.put("my-bucket", "b/2", b"replaced"))
    assert done(content(buckets, "my-bucket", "b/10")) == large
    assert done(content(buckets, "my-bucket", "b/2")) == b"replaced"
    keys = sorted(["a", "b.c", "b/10", "b/2", "b/ä"], key=str.encode)
    assert [each.key for each in done(buckets.list("my-bucket", limit=9))] == keys
    assert [each.key for each in done(buckets.list("my-bucket", prefix="b/1", limit=9))] == ["b/10"]
    for nothing in ("c", "c/d", "../my-bucket/", "/", "b/2/"):
        assert done(buckets.list("my-bucket", prefix=nothing, limit=9)) == []
    page = done(buckets.list("my-bucket", prefix="b/", after="b/10", limit=1))
    assert [(each.key, each.size) for each in page] == [("b/2", 8)]


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "", "a\0b", "..\\x", "C:x", ".extenddb-part-1"]
)
def test_keys_cannot_lead_elsewhere(tmp_path: Path, key: str) -> None:
    root = tmp_path / "root"
    buckets = FolderBuckets(root)
    with pytest.raises(BucketError) as caught:
        done(buckets.put("bucket", key, b"x"))
    assert caught.value.code in ("S3AccessDenied", "S3UnknownError")
    with pytest.raises(BucketError):
        done(content(buckets, "bucket", key))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("bucket", ["..", ".", "", "a/b", "a..", "-a", "a\\b", "a\n"])
def test_buckets_cannot_lead_elsewhere(tmp_path: Path, bucket: str) -> None:
    buckets = FolderBuckets(tmp_path / "root")
    with pytest.raises(BucketError):
        done(buckets.put(bucket, "x", b"x"))
    with pytest.raises(BucketError):
        done(buckets.list(bucket, limit=1))


def test_links_out_of_the_root_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    buckets = FolderBuckets(root)
    done(buckets.put("bucket", "a", b"x"))
    (root / "bucket" / "folder").symlink_to(outside)
    (root / "bucket" / "file").symlink_to(outside / "secret")
    (root / "linked").symlink_to(outside)
    for bucket, key in (("bucket", "folder/secret"), ("bucket", "file"), ("linked", "secret")):
        with pytest.raises(BucketError) as caught:
            done(content(buckets, bucket, key))
        assert caught.value.code == "S3AccessDenied"
        with pytest.raises(BucketError):
            done(buckets.put(bucket, key, b"overwritten"))
    assert [each.key for each in done(buckets.list("bucket", limit=9))] == ["a"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_what_is_missing_has_the_codes_of_the_service(tmp_path: Path) -> None:
    buckets = FolderBuckets(tmp_path)
    done(buckets.put("bucket", "a/b", b"x"))
    for bucket, key, code in (
        ("nowhere", "a", "S3NoSuchBucket"),
        ("bucket", "b", "S3NoSuchKey"),
        ("bucket", "a", "S3NoSuchKey"),
    ):
        with pytest.raises(BucketError) as caught:
            done(content(buckets, bucket, key))
        assert caught.value.code == code
    with pytest.raises(BucketError) as caught:
        done(buckets.put("bucket", "a", b"in the way of a folder"))
    assert caught.value.code == "S3UnknownError"
    assert [each.key for each in done(buckets.list("bucket", limit=9))] == ["a/b"]


def test_what_a_process_left_of_an_object_is_used_by_who_repeats_its_work(tmp_path: Path) -> None:
    killed = (
        "import asyncio, os, pathlib, signal, sys;"
        "from extenddb.engine import buckets;"
        "buckets.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL);"
        "asyncio.run(buckets.FolderBuckets(pathlib.Path(sys.argv[1])).put('bucket', 'data/a', b'half of it'))"
    )
    died = subprocess.run([sys.executable, "-c", killed, tmp_path], check=False)
    assert died.returncode == -signal.SIGKILL
    folder = tmp_path / "bucket" / "data"
    assert len([*folder.iterdir()]) == 1
    buckets = FolderBuckets(tmp_path)
    assert done(buckets.list("bucket", limit=9)) == []
    done(buckets.put("bucket", "data/a", b"whole"))
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert done(content(buckets, "bucket", "data/a")) == b"whole"


def test_an_object_that_many_write_is_that_of_one(tmp_path: Path) -> None:
    buckets = FolderBuckets(tmp_path)
    bodies = [bytes([number]) * 100_000 for number in range(8)]

    async def race() -> None:
        await asyncio.gather(*(buckets.put("bucket", "data/a", body) for body in bodies))

    for _ in range(10):
        done(race())
        assert done(content(buckets, "bucket", "data/a")) in bodies
    assert [path.name for path in (tmp_path / "bucket" / "data").iterdir()] == ["a"]
