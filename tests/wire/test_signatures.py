"""Signatures over the wire: what botocore signs is accepted, and whatever is changed after that is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from wire_kit import CORAL, JSON, Answer, Wire

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("wire")]
Headers = dict[str, str]
_BODY = b'{"Limit":1}'
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_UNKNOWN = "The security token included in the request is invalid."


def signed(
    server: Server,
    *,
    key: str = "",
    secret: str = "",
    token: str | None = None,
    service: str = "dynamodb",
    body: bytes = _BODY,
) -> Headers:
    """Return the headers of a signed ListTables request."""
    credentials = Credentials(key or server.access_key_id, secret or server.secret_access_key, token)
    headers = {"Content-Type": JSON, "X-Amz-Target": "DynamoDB_20120810.ListTables"}
    request = AWSRequest("POST", f"{server.endpoint}/", headers=headers, data=body)
    SigV4Auth(credentials, service, server.region).add_auth(request)
    return dict(request.headers.items()) | {"Host": f"127.0.0.1:{server.port}"}


def send(server: Server, headers: Headers, *, body: bytes = _BODY, target: str = "/") -> Answer:
    """Send a request on a connection of its own."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Content-Length": str(len(body))}.items())
    with Wire(server.port) as wire:
        answer = wire.request(f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    answer.check_manners()
    return answer


def refused(answer: Answer, kind: str, message: str) -> None:
    """Check an error; the message is a pattern."""
    assert (answer.status, answer.type) == (400, f"{CORAL}{kind}")
    assert re.fullmatch(message, answer.json["message"]), answer.json


def test_a_signed_request(guarded: Server) -> None:
    assert send(guarded, signed(guarded)).json == {"TableNames": []}


def test_a_repeated_request(guarded: Server) -> None:
    headers = signed(guarded)
    assert [send(guarded, headers).status for _ in range(3)] == [200, 200, 200]


def test_no_signature(guarded: Server) -> None:
    headers = signed(guarded)
    del headers["Authorization"]
    refused(send(guarded, headers), "MissingAuthenticationTokenException", "Request is missing Authentication Token")


def test_unknown_keys(guarded: Server) -> None:
    refused(send(guarded, signed(guarded, key="AKIAOTHER")), "UnrecognizedClientException", _UNKNOWN)
    refused(send(guarded, signed(guarded, token="made up")), "UnrecognizedClientException", _UNKNOWN)


def test_a_wrong_secret(guarded: Server) -> None:
    refused(send(guarded, signed(guarded, secret="guess")), "InvalidSignatureException", re.escape(_MISMATCH))


def test_another_body(guarded: Server) -> None:
    answer = send(guarded, signed(guarded), body=b'{"Limit":2}')
    refused(answer, "InvalidSignatureException", re.escape(_MISMATCH))


def test_another_path(guarded: Server) -> None:
    answer = send(guarded, signed(guarded), target="/?a=b")
    refused(answer, "InvalidSignatureException", re.escape(_MISMATCH))


@pytest.mark.parametrize("name", ["X-Amz-Target", "Host"])
def test_another_header(guarded: Server, name: str) -> None:
    changed = {"X-Amz-Target": "DynamoDB_20120810.DescribeEndpoints", "Host": "example.org"}
    answer = send(guarded, signed(guarded) | {name: changed[name]})
    refused(answer, "InvalidSignatureException", re.escape(_MISMATCH))


def test_a_scope_of_another_service(guarded: Server) -> None:
    refused(
        send(guarded, signed(guarded, service="s3")),
        "InvalidSignatureException",
        r"Credential should be scoped to correct service: 'dynamodb'\. ",
    )


def edited(change: Callable[[str], str]) -> Callable[[Headers], Headers]:
    """Return a change of the Authorization header."""
    return lambda headers: headers | {"Authorization": change(headers["Authorization"])}


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            edited(lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")),
            "IncompleteSignatureException",
            r"Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'\.",
        ),
        (
            edited(lambda text: re.sub(", Signature=.*", "", text)),
            "IncompleteSignatureException",
            r"Authorization header requires 'Signature' parameter\. Authorization=.*",
        ),
        (
            edited(lambda text: re.sub("SignedHeaders=[^,]*, ", "", text)),
            "IncompleteSignatureException",
            r"Authorization header requires 'SignedHeaders' parameter\. Authorization=.*",
        ),
        (
            edited(lambda text: text.replace("/aws4_request", "")),
            "IncompleteSignatureException",
            r"Credential must have exactly 5 slash-delimited elements, .*",
        ),
        (
            edited(lambda text: text.replace("/aws4_request", "/aws5_request")),
            "InvalidSignatureException",
            r"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'\.",
        ),
        (
            lambda headers: headers | {"X-Amz-Date": "20200101T000000Z"},
            "InvalidSignatureException",
            r"Signature expired: 20200101T000000Z is now earlier than .*",
        ),
        (
            edited(lambda text: re.sub(r"/\d{8}/", "/20200101/", text)),
            "InvalidSignatureException",
            r"Date in Credential scope does not match .*",
        ),
        (
            lambda headers: headers | {"X-Amz-Date": "now"},
            "IncompleteSignatureException",
            r"Date must be in ISO-8601 'basic format'\. Got 'now'\. .*",
        ),
        (
            edited(lambda text: text[:-64] + "0" * 64),
            "InvalidSignatureException",
            re.escape(_MISMATCH),
        ),
        (
            edited(lambda text: "Basic dXNlcjpwYXNz"),
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token",
        ),
    ],
)
def test_broken_signatures(guarded: Server, change: Callable[[Headers], Headers], kind: str, message: str) -> None:
    refused(send(guarded, change(signed(guarded))), kind, message)


@pytest.mark.parametrize(
    ("minutes", "message"), [(-20, "Signature expired: .*"), (20, "Signature not yet current: .*")]
)
def test_clocks_that_differ(guarded: Server, monkeypatch: pytest.MonkeyPatch, minutes: int, message: str) -> None:
    now = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now)
    refused(send(guarded, signed(guarded)), "InvalidSignatureException", message)


@pytest.mark.parametrize("body", [b"", b"{", b"[[[["])
def test_the_signature_comes_before_the_body(guarded: Server, body: bytes) -> None:
    """Without, with an expired or with a wrong signature nobody learns what is wrong with the body."""
    headers = signed(guarded)
    unsigned = {name: value for name, value in headers.items() if name != "Authorization"}
    refused(send(guarded, unsigned, body=body), "MissingAuthenticationTokenException", "Request is missing .*")
    expired = headers | {"X-Amz-Date": "20200101T000000Z"}
    refused(send(guarded, expired, body=body), "InvalidSignatureException", "Signature expired: .*")
    refused(send(guarded, headers, body=body), "InvalidSignatureException", re.escape(_MISMATCH))


@pytest.mark.parametrize("body", [b"", b"{"])
def test_malformed_json_that_is_signed(guarded: Server, body: bytes) -> None:
    answer = send(guarded, signed(guarded, body=body), body=body)
    assert (answer.status, answer.type) == (400, f"{CORAL}SerializationException")


def test_clients_are_refused_with_the_service_s_words(guarded: Server) -> None:
    def code(client: Any) -> str:
        with pytest.raises(ClientError) as error:
            client.list_tables()
        return str(error.value.response["Error"]["Code"])

    assert guarded.client().list_tables()["TableNames"] == []
    assert code(guarded.client(aws_secret_access_key="guess")) == "InvalidSignatureException"
    assert code(guarded.client(aws_access_key_id="AKIAOTHER")) == "UnrecognizedClientException"
