"""The least that the HTTP stack can do: aiohttp's low-level server on uvloop reads a body and answers a fixed one.

Run as a program it prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
from aiohttp import web
from benchmarks.harness.data import item
from benchmarks.harness.loop import new_loop

_HEADERS = {
    "x-amzn-RequestId": "A" * 52,
    "x-amz-crc32": "1234567890",
    "Content-Type": "application/x-amz-json-1.0",
    "Server": "Server",
    "Connection": "keep-alive",
}


async def _serve() -> None:
    body = orjson.dumps({"Item": item(0)})

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(headers=_HEADERS, body=body)

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(web.Server(answer, access_log=None), "127.0.0.1", 0, backlog=1024)
    print(listener.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    listener.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve())
