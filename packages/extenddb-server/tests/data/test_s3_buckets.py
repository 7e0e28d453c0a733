"""Buckets of an S3 service: requests as a small server of the protocol understands them, errors as the engine does."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from extenddb.engine.buckets import BucketError, FolderBuckets
from extenddb.server.app import buckets
from extenddb.server.config import BucketSettings, Settings, StoreSettings
from extenddb.server.data import s3
from extenddb.server.data.s3 import S3Buckets

_Result = TypeVar("_Result")


class _Handler(BaseHTTPRequestHandler):
    """Put, get, head and list of one bucket named `there`."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _place(self) -> tuple[str, str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        return bucket, key, parse_qs(parts.query)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>because</Message></Error>".encode())

    def do_PUT(self) -> None:
        """Write an object."""
        bucket, key, _ = self._place()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if bucket != "there":
            return self._error(
                403 if bucket == "closed" else 404, "AccessDenied" if bucket == "closed" else "NoSuchBucket"
            )
        self.objects[key] = body
        return self._answer(200, ETag='"tag"')

    def do_HEAD(self) -> None:
        """Tell the size of an object."""
        _, key, _ = self._place()
        if key not in self.objects:
            return self._answer(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.objects[key])))
        self.send_header("ETag", '"tag"')
        return self.end_headers()

    def do_GET(self) -> None:
        """Give a range of an object, or a list."""
        bucket, key, query = self._place()
        if bucket != "there":
            return self._error(404, "NoSuchBucket")
        if key:
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
            assert found
            first, last = map(int, found.groups())
            return self._answer(206, self.objects[key][first : last + 1], ETag='"tag"')
        after, prefix = query.get("start-after", [""])[0], query.get("prefix", [""])[0]
        most = int(query["max-keys"][0])
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size></Contents>" for key in keys[:most]
        )
        truncated = "true" if len(keys) > most else "false"
        body = f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{entries}</ListBucketResult>"
        return self._answer(200, body.encode(), Content_Type="application/xml")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the small server and return its URL."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    handler = type("Handler", (_Handler,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def done(call: Coroutine[Any, Any, _Result]) -> _Result:
    return asyncio.run(call)


async def content(where: S3Buckets, bucket: str, key: str) -> list[bytes]:
    return [chunk async for chunk in where.read(bucket, key)]


def test_objects_come_back(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PIECE", 4)
    where = S3Buckets(endpoint=service, region="eu-north-1")
    assert done(where.put("there", "a/b c", b"0123456789")) == "tag"
    assert done(content(where, "there", "a/b c")) == [b"0123", b"4567", b"89"]
    done(where.put("there", "a/empty", b""))
    assert done(content(where, "there", "a/empty")) == []


def test_lists_go_on_behind_a_key(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_LISTED", 2)
    where = S3Buckets(endpoint=service, region="eu-north-1")
    for number in range(7):
        done(where.put("there", f"p/{number}", b"x" * number))
    done(where.put("there", "q", b""))
    found = done(where.list("there", prefix="p/", after="p/1", limit=4))
    assert [(each.key, each.size) for each in found] == [(f"p/{number}", number) for number in range(2, 6)]
    assert len(done(where.list("there", limit=100))) == 8


def test_errors_have_the_codes_of_the_engine(service: str) -> None:
    where = S3Buckets(endpoint=service, region="eu-north-1")
    for call, code in (
        (where.put("nowhere", "a", b""), "S3NoSuchBucket"),
        (where.put("closed", "a", b""), "S3AccessDenied"),
    ):
        with pytest.raises(BucketError) as caught:
            done(call)
        assert caught.value.code == code
    with pytest.raises(BucketError) as caught:
        done(content(where, "there", "missing"))
    assert caught.value.code == "S3NoSuchKey"
    with pytest.raises(BucketError) as caught:
        done(where.put("a bucket's name", "a", b""))
    assert caught.value.code == "S3UnknownError"


def test_settings_choose_where_buckets_are(tmp_path: Any) -> None:
    folder = Settings(store=StoreSettings(data_dir=str(tmp_path)))
    assert isinstance(buckets(folder), FolderBuckets)
    done(buckets(folder).put("bucket", "key", b"x"))
    assert (tmp_path / "buckets" / "bucket" / "key").read_bytes() == b"x"
    own = Settings(buckets=BucketSettings(root=str(tmp_path / "own")))
    done(buckets(own).put("bucket", "key", b"x"))
    assert (tmp_path / "own" / "bucket" / "key").exists()
    assert isinstance(buckets(Settings(buckets=BucketSettings(s3="http://localhost:9"))), S3Buckets)
