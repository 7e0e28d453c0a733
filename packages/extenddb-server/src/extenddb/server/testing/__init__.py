"""A server for tests: `with start() as server: server.client("dynamodb")`.

Imports nothing but the standard library until a client is asked for.
"""

from extenddb.server.testing.process import Server, ServerFailed, start

__all__ = ["Server", "ServerFailed", "start"]
