"""Requests as ready byte strings, signed by botocore, so that the measured time holds no signing."""

from __future__ import annotations

from urllib.parse import urlsplit

from benchmarks.harness.target import Target
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_CONTENT_TYPE = "application/x-amz-json-1.0"
_PREFIX = "DynamoDB_20120810."


class Signer:
    """Signs for one target. A signature is good for a few minutes: sign right before sending."""

    def __init__(self, target: Target) -> None:
        keys = Credentials(target.access_key_id, target.secret_access_key)
        self._auth = SigV4Auth(keys, "dynamodb", target.region)
        self._url = target.endpoint.rstrip("/") + "/"
        self._host = urlsplit(target.endpoint).netloc

    def request(self, operation: str, body: bytes) -> bytes:
        """Return a whole HTTP request."""
        headers = {"Host": self._host, "Content-Type": _CONTENT_TYPE, "X-Amz-Target": _PREFIX + operation}
        request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
        self._auth.add_auth(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""])
        return head.encode("ascii") + body
