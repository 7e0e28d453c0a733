"""The connection of the boto3 programs: made from flags, and from the environment where a flag is missing."""

from __future__ import annotations

import argparse
from typing import Any

import boto3
from botocore.config import Config


def flags(about: str) -> argparse.ArgumentParser:
    """Return a parser that knows where the server is."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--endpoint-url", help="the server; otherwise AWS_ENDPOINT_URL_DYNAMODB, otherwise AWS itself")
    return parser


def client(endpoint_url: str | None, threads: int) -> Any:
    """Return a low-level client that `threads` threads may share: items are typed by hand, which costs least.

    The client does not check parameters by itself: the server checks them anyhow, and a loader sends the same few
    shapes a hundred thousand times.
    """
    return boto3.client("dynamodb", endpoint_url=endpoint_url, config=_config(threads, parameter_validation=False))


def document_client(endpoint_url: str | None, threads: int) -> Any:
    """Return a client that takes and gives plain Python values, and that `threads` threads may share.

    It is the client inside boto3's resource; resource objects themselves are not made for several threads.
    """
    return boto3.resource("dynamodb", endpoint_url=endpoint_url, config=_config(threads)).meta.client


def _config(threads: int, **more: Any) -> Config:
    return Config(max_pool_connections=threads, retries={"mode": "standard", "max_attempts": 8}, **more)
