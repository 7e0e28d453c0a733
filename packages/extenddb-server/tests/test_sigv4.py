"""Signature Version 4 against botocore as the oracle, and every way of getting it wrong."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any
from unittest import mock

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from extenddb.core.errors import ServiceError
from extenddb.server.auth.credentials import AccessKey, AnyKey, FixedKeys, SignatureCheck, root_arn
from extenddb.server.auth.dates import epoch_of
from extenddb.server.http.message import Request

NOW = datetime.datetime(2026, 11, 23, 12, 0, 0, tzinfo=datetime.UTC)
KEY = AccessKey(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG", account="111122223333")
HOST = "localhost:8000"


def check(request: Request, *, now: float = NOW.timestamp()) -> Any:
    """Authenticate a request at a fixed time."""
    checker = SignatureCheck(FixedKeys(KEY), region="us-east-1", clock=lambda: now)
    return asyncio.run(checker.authenticate(request))


def failure(request: Request, *, now: float = NOW.timestamp()) -> tuple[str, str]:
    """Return the error of a request that is refused."""
    with pytest.raises(ServiceError) as caught:
        check(request, now=now)
    return caught.value.kind.name, caught.value.message


def sign(
    body: bytes = b"{}",
    *,
    path: str = "/",
    headers: dict[str, str] | None = None,
    secret: str = KEY.secret_access_key,
    key_id: str = KEY.access_key_id,
    service: str = "dynamodb",
    method: str = "POST",
    presigned: bool = False,
    token: str | None = None,
) -> Request:
    """Return a request signed by botocore."""
    given_headers = {"Host": HOST, "X-Amz-Target": "DynamoDB_20120810.ListTables"} | (headers or {})
    if presigned:
        body = b""  # botocore moves the body of what it presigns into the query
    request = AWSRequest(method=method, url=f"http://{HOST}{path}", data=body, headers=given_headers)
    kind = SigV4QueryAuth if presigned else SigV4Auth
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        kind(Credentials(key_id, secret, token), service, "eu-central-1").add_auth(request)
    prepared = request.prepare()
    return Request(
        method=method,
        target=prepared.url.removeprefix(f"http://{HOST}"),
        headers=CIMultiDict((name, _text(value)) for name, value in prepared.headers.items()),
        body=body,
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def altered(request: Request, *, body: bytes | None = None, drop: str = "", **fields: str) -> Request:
    """Return the request with parts of it changed."""
    headers = CIMultiDict(request.headers.items())  # type: ignore[attr-defined]
    if drop:
        del headers[drop]
    for name, value in fields.items():
        headers[name.replace("_", "-")] = value
    return Request(
        method=request.method,
        target=request.target,
        headers=headers,
        body=request.body if body is None else body,
    )


token_chars = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
values = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=40)


@given(
    body=st.binary(max_size=300),
    extra=st.dictionaries(token_chars.map(lambda name: f"X-Amz-Meta-{name}"), values, max_size=4),
    path=st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="-._~%"))),
    length=st.booleans(),
)
def test_what_botocore_signs_is_accepted(body: bytes, extra: dict[str, str], path: list[str], length: bool) -> None:
    headers = extra | ({"Content-Length": str(len(body))} if length else {})
    caller = check(sign(body, path="/" + "/".join(path), headers=headers))
    assert (caller.account, caller.principal) == ("111122223333", root_arn("111122223333"))


@given(query=st.dictionaries(token_chars, st.text(max_size=20), max_size=4))
def test_what_botocore_presigns_is_accepted(query: dict[str, str]) -> None:
    from urllib.parse import quote

    text = "&".join(f"{name}={quote(value.encode(), safe='-_.~')}" for name, value in query.items())
    request = sign(path=f"/?{text}" if text else "/", presigned=True)
    assert check(request).account == "111122223333"


@given(body=st.binary(max_size=60), other=st.binary(max_size=60))
def test_another_body_is_refused(body: bytes, other: bytes) -> None:
    request = sign(body)
    if body == other:
        assert check(altered(request, body=other))
    else:
        assert failure(altered(request, body=other))[0] == "InvalidSignatureException"


MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
    "Key and signing method. Consult the service documentation for details."
)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(sign(secret="another"), id="secret"),
        pytest.param(altered(sign(), Host="elsewhere:8000"), id="host"),
        pytest.param(altered(sign(), Host="localhost"), id="host without its port"),
        pytest.param(altered(sign(), X_Amz_Target="DynamoDB_20120810.DeleteTable"), id="target"),
        pytest.param(altered(sign(headers={"X-Amz-Meta-A": "1"}), drop="X-Amz-Meta-A"), id="signed header gone"),
        pytest.param(altered(sign(), X_Amz_Date="20261123T120001Z"), id="time"),
        pytest.param(altered(sign(presigned=True), body=b"[]"), id="body of a presigned request"),
    ],
)
def test_a_changed_request_does_not_match(request_: Request) -> None:
    assert failure(request_) == ("InvalidSignatureException", MISMATCH)


def test_the_signature_is_compared_as_a_whole() -> None:
    request = sign()
    authorization = request.headers.get("authorization", "")
    last = "0" if authorization[-1] != "0" else "1"
    for changed in (authorization[:-1] + last, authorization[:-1], authorization + "0"):
        assert failure(altered(request, Authorization=changed))[1] == MISMATCH


def test_parts_may_stand_in_any_order_and_without_blanks() -> None:
    request = sign()
    algorithm, _, rest = request.headers.get("authorization", "").partition(" ")
    parts = rest.split(", ")
    for order in (parts[::-1], [parts[2], parts[0], parts[1]]):
        assert check(altered(request, Authorization=f"{algorithm} {','.join(order)}")).account == KEY.account


def test_the_date_header_serves_when_there_is_no_amz_date() -> None:
    request = sign(headers={"Date": "Mon, 23 Nov 2026 12:00:00 GMT"})
    assert "x-amz-date" not in request.headers
    assert check(request).account == KEY.account


def test_missing_authentication() -> None:
    expected = ("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    assert failure(altered(sign(), drop="Authorization")) == expected
    assert failure(altered(sign(), Authorization="Bearer abc")) == expected


@pytest.mark.parametrize(
    ("authorization", "texts"),
    [
        ("AWS4-HMAC-SHA256 ", ["'Credential'", "'Signature'", "'SignedHeaders'"]),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", ["'Signature'", "'SignedHeaders'"]),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, Signature=1", ["'SignedHeaders'"]),
        ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=1", ["'Credential'"]),
    ],
)
def test_incomplete_headers_name_what_is_missing(authorization: str, texts: list[str]) -> None:
    kind, message = failure(altered(sign(), Authorization=authorization))
    expected = " ".join(f"Authorization header requires {text} parameter." for text in texts)
    assert (kind, message) == ("IncompleteSignatureException", f"{expected} Authorization={authorization}")


def test_a_header_without_any_date_is_incomplete() -> None:
    request = sign()
    authorization = request.headers.get("authorization", "")
    text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    expected = ("IncompleteSignatureException", f"{text} Authorization={authorization}")
    assert failure(altered(request, drop="X-Amz-Date")) == expected


def test_a_part_without_equal_sign() -> None:
    authorization = "AWS4-HMAC-SHA256 Credential= a/b/c/d/aws4_request, SignedHeaders=host, Signature=1"
    expected = (
        "IncompleteSignatureException",
        "'a/b/c/d/aws4_request' not a valid key=value pair (missing equal-sign) in Authorization header: "
        f"'{authorization}'.",
    )
    assert failure(altered(sign(), Authorization=authorization)) == expected


def test_an_unknown_key_or_token_is_unrecognized() -> None:
    expected = ("UnrecognizedClientException", "The security token included in the request is invalid.")
    assert failure(sign(key_id="AKIDOTHER")) == expected
    assert failure(sign(token="session")) == expected


def test_clocks_may_differ_by_five_minutes() -> None:
    request = sign()
    at = NOW.timestamp()
    for skew in (-300, 300):
        assert check(request, now=at + skew).account == KEY.account
    assert failure(request, now=at + 301) == (
        "InvalidSignatureException",
        "Signature expired: 20261123T120000Z is now earlier than 20261123T120001Z (20261123T120501Z - 5 min.)",
    )
    assert failure(request, now=at - 301) == (
        "InvalidSignatureException",
        "Signature not yet current: 20261123T120000Z is still later than 20261123T115959Z (20261123T115459Z + 5 min.)",
    )


def test_a_presigned_request_lives_as_long_as_it_says() -> None:
    request = sign(presigned=True)
    assert check(request, now=NOW.timestamp() + 3600).account == KEY.account
    kind, message = failure(request, now=NOW.timestamp() + 3601)
    assert kind == "InvalidSignatureException"
    assert message.startswith("Signature expired: 20261123T120000Z is now earlier than ")


def test_header_and_query_together_are_refused() -> None:
    request = altered(sign(presigned=True), Authorization="AWS4-HMAC-SHA256 Credential=x")
    text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    assert failure(request) == ("InvalidSignatureException", text)


def _scoped(old: str, new: str) -> Request:
    request = sign()
    return altered(request, Authorization=request.headers.get("authorization", "").replace(old, new))


@pytest.mark.parametrize(
    ("request_", "kind", "start"),
    [
        (sign(service="s3"), "InvalidSignature", "Credential should be scoped to correct service: 'dynamodb'. "),
        (_scoped("/20261123/", "/20261122/"), "InvalidSignature", "Date in Credential scope does not match"),
        (_scoped("/aws4_request", "/aws3_request"), "InvalidSignature", "Credential should be scoped with a valid"),
        (_scoped("/dynamodb/", "/"), "IncompleteSignature", "Credential must have exactly 5 slash-delimited"),
        (_scoped("host;", ""), "InvalidSignature", "'Host' or ':authority' must be a 'SignedHeader'"),
        (_scoped(";x-amz-target", ""), "InvalidSignature", "'x-amz-target' must be a 'SignedHeader'"),
        (_scoped("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "IncompleteSignature", "Unsupported AWS 'algorithm'"),
        (altered(sign(), X_Amz_Date="yesterday"), "IncompleteSignature", "Date must be in ISO-8601 'basic format'"),
    ],
)
def test_scopes_that_do_not_fit(request_: Request, kind: str, start: str) -> None:
    name, message = failure(request_)
    assert name == f"{kind}Exception"
    assert message.startswith(start)


@given(st.datetimes(min_value=datetime.datetime(1970, 1, 1), max_value=datetime.datetime(9999, 1, 1)))  # noqa: DTZ001
def test_times_are_read_as_utc(moment: datetime.datetime) -> None:
    moment = moment.replace(microsecond=0)
    expected = moment.replace(tzinfo=datetime.UTC).timestamp()
    assert epoch_of(moment.strftime("%Y%m%dT%H%M%SZ").zfill(16)) == expected


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert epoch_of(text) is None or len(text) == 16


@given(st.text(max_size=80), st.sampled_from(["AWS4-HMAC-SHA256 ", "", "AWS4-HMAC-SHA256 Credential="]))
def test_any_authorization_is_answered_with_a_service_error(text: str, start: str) -> None:
    kind, _ = failure(altered(sign(), Authorization=start + text))
    assert kind.endswith("Exception")


@pytest.mark.parametrize(
    ("key", "account"),
    [("123456789012", "123456789012"), ("test", "000000000000"), ("fake-key", "000000000000"), ("", "000000000000")],
)
def test_without_checking_the_key_may_name_the_account(key: str, account: str) -> None:
    who = AnyKey(region="local")
    signed = sign(key_id=key, secret="whatever", token="ignored") if key else altered(sign(), drop="Authorization")
    caller = asyncio.run(who.authenticate(signed))
    assert (caller.account, caller.region) == (account, "local")
    presigned = sign(key_id=key or "x", presigned=True)
    assert asyncio.run(who.authenticate(presigned)).account == account


def test_a_key_does_not_show_its_secret() -> None:
    assert KEY.secret_access_key not in repr(KEY)
