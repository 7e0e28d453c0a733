"""Answers are compressed from 4 KB, at the fastest level; reports of the service speak of four or five kilobytes."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from multidict import CIMultiDict

from extenddb.engine import Caller
from extenddb.server.auth.credentials import AnyKey
from extenddb.server.http.dynamodb import DynamoDb
from extenddb.server.http.message import Request, Response
from extenddb.server.http.metrics import Metrics

HEADERS = CIMultiDict({"X-Amz-Target": "DynamoDB_20120810.GetItem", "Accept-Encoding": "gzip"})


class Answering:
    """Answers with so many characters in all."""

    def __init__(self, size: int) -> None:
        self.text = "x" * (size - len('{"a":""}'))

    async def execute(self, operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        """Return the answer."""
        return {"a": self.text}


def answer(size: int) -> Response:
    dynamodb = DynamoDb(Answering(size), AnyKey(region="us-east-1"), metrics=Metrics())
    return asyncio.run(dynamodb.handle(Request(method="POST", target="/", headers=HEADERS, body=b"{}")))


def test_from_four_kilobytes() -> None:
    below, from_here = answer(4095), answer(4096)
    assert "Content-Encoding" not in below.headers
    assert len(below.body) == 4095
    assert from_here.headers["Content-Encoding"] == "gzip"
    assert len(zlib.decompress(from_here.body, 16 + zlib.MAX_WBITS)) == 4096
