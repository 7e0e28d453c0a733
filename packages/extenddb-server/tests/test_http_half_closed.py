"""Clients that close their sending side behind the last request and then read: answered, and hung up on."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extenddb.engine import Caller
from extenddb.server.http.tls import context, ensure
from extenddb.server.plan import bind

SECONDS = 20.0
HEAD = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Amz-Target: DynamoDB_20120810.{}\r\n"


def encoded(operation: str, body: bytes = b"{}") -> bytes:
    return HEAD.format(operation).encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def answers(reader: asyncio.StreamReader) -> list[tuple[int, Any]]:
    """Return status and body of everything until the server hangs up."""
    found = []
    while head := (await reader.readline()).decode():
        length = 0
        while (line := (await reader.readline()).decode().strip()) != "":
            name, _, value = line.partition(":")
            length = int(value) if name.lower() == "content-length" else length
        found.append((int(head.split()[1]), json.loads(await reader.readexactly(length))))
    return found


async def finished(wire: Any, tasks: int) -> None:
    """Require that the server soon has no connection and no task more than before."""
    for _ in range(1000):
        if not wire.server.connections and not wire.server.in_flight and len(asyncio.all_tasks()) <= tasks:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{wire.server.connections} {asyncio.all_tasks()}")


async def asked(wire: Any, raw: bytes, before_end: Callable[[], Any] | None = None) -> list[tuple[int, Any]]:
    """Send bytes, close the sending side, and return all answers."""
    tasks = len(asyncio.all_tasks())
    reader, writer = await wire.connect()
    async with asyncio.timeout(SECONDS):
        writer.write(raw)
        await writer.drain()
        if before_end is not None:
            await before_end()
        writer.write_eof()
        found = await answers(reader)
        writer.close()
        await writer.wait_closed()
    await finished(wire, tasks)
    return found


def test_a_request_is_answered_although_nothing_follows(talk: Callable[..., None]) -> None:
    async def conversation(wire: Any) -> None:
        for pause in (None, lambda: asyncio.sleep(0.05)):
            ((status, body),) = await asked(wire, encoded("GetItem", b'{"a":1}'), pause)
            assert (status, body["operation"], body["payload"]) == (200, "GetItem", {"a": 1})

    async def slow(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        await asyncio.sleep(0.2)
        return {"operation": operation, "payload": payload}

    talk(conversation)
    talk(conversation, slow)


@pytest.mark.parametrize("count", [2, 9, 200])
def test_a_pipeline_is_answered_to_its_end(talk: Callable[..., None], count: int) -> None:
    """Also one that is longer than what is read ahead of the answers."""

    async def conversation(wire: Any) -> None:
        found = await asked(wire, b"".join(encoded("PutItem", b"%d" % number) for number in range(count)))
        assert [body["payload"] for _, body in found] == list(range(count))

    async def slow(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return {"payload": payload}

    talk(conversation)
    talk(conversation, slow)


def test_an_answer_that_takes_its_time_to_be_sent(talk: Callable[..., None]) -> None:
    text = "x" * 20_000_000

    async def large(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        begun.set()
        return {"text": text}

    async def sending() -> None:
        await begun.wait()
        await asyncio.sleep(0.2)

    async def conversation(wire: Any) -> None:
        assert await asked(wire, encoded("Scan"), sending) == [(200, {"text": text})]

    begun = asyncio.Event()
    talk(conversation, large)


@pytest.mark.parametrize("ahead", [0, 1, 2])
@pytest.mark.parametrize("cut", [1, 2, 90])
def test_half_a_request_is_none(talk: Callable[..., None], caplog: Any, ahead: int, cut: int) -> None:
    """What stands before it is answered; a body that stops in the middle is answered as broken, a head is not."""

    async def conversation(wire: Any) -> None:
        raw = encoded("PutItem", b"{}")
        found = await asked(wire, raw * ahead + raw[:-cut])
        assert [status for status, _ in found] == [200] * ahead + [400] * (cut <= 2)

    talk(conversation)
    assert "Traceback" not in caplog.text


def test_a_connection_on_which_nothing_is_asked_ends(talk: Callable[..., None]) -> None:
    async def answered() -> None:
        await asyncio.sleep(0.1)

    async def conversation(wire: Any) -> None:
        assert await asked(wire, b"") == []
        assert [status for status, _ in await asked(wire, encoded("GetItem"), answered)] == [200]

    talk(conversation)


def test_a_client_that_is_gone_altogether_leaves_nothing_behind(talk: Callable[..., None], caplog: Any) -> None:
    async def conversation(wire: Any) -> None:
        tasks = len(asyncio.all_tasks())
        for cut in (0, 1, 2, 90):
            for _ in range(5):
                _, writer = await wire.connect()
                writer.write(encoded("PutItem")[: -cut or None])
                writer.close()
                await writer.wait_closed()
        await finished(wire, tasks)

    async def slow(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        await asyncio.sleep(0.1)
        return {"text": "x" * 1_000_000}

    talk(conversation)
    talk(conversation, slow)
    assert "Traceback" not in caplog.text


def test_there_is_no_half_of_a_connection_under_tls(
    talk: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio closes it whatever it is told, and complains of being told."""
    certificate = ensure(tmp_path, "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(certificate.authority))
    begun = asyncio.Event()

    async def slow(operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        begun.set()
        await asyncio.sleep(0.2)
        return {}

    async def conversation(wire: Any) -> None:
        tasks = len(asyncio.all_tasks())
        bound = bind("127.0.0.1", 0, shared=False)
        await wire.server.listen([bound], context(certificate))
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection("127.0.0.1", bound.getsockname()[1], ssl=trusted)
            writer.write(encoded("PutItem"))
            await begun.wait()
            writer.close()
            await writer.wait_closed()
        await finished(wire, tasks)

    talk(conversation, slow)
    assert "eof_received" not in caplog.text
