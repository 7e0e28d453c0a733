"""The deciding parts of moving data, without servers: rates, batches, lineage, schemas, signatures, words."""

from __future__ import annotations

import asyncio
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict

from extenddb.server.auth import sigv4
from extenddb.server.auth.signing import KeyPair, signed_headers
from extenddb.server.data import endpoints, errors, following, lineage, progress, schema, writing
from extenddb.server.data.checkpoint import Checkpoint
from extenddb.server.data.endpoints import Given
from extenddb.server.data.errors import DataError
from extenddb.server.data.pacing import LONGEST_PAUSE_SECONDS, Rate, Time, pause
from extenddb.server.data.progress import Progress, Reporter
from extenddb.server.http.message import Request


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.time = Time(wall=self.clock, steady=self.clock, sleep=self.sleep)

    def clock(self) -> float:
        """Return the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        await asyncio.sleep(0)


def test_a_rate_spreads_items_evenly() -> None:
    hours = Hours()

    async def main() -> list[float]:
        rate = Rate(10, hours.time)
        passed = []
        for count in (5, 5, 25, 1):
            await rate.take(count)
            passed.append(hours.now - 1000)
        hours.now += 100  # what was not used is not saved up
        await rate.take(10)
        await rate.take(1)
        return [*passed, hours.now - 1000]

    assert asyncio.run(main()) == pytest.approx([0, 0.5, 1.0, 3.5, 104.5])


def test_without_a_rate_nothing_waits() -> None:
    hours = Hours()
    asyncio.run(Rate(None, hours.time).take(10**9))
    assert hours.now == 1000


def test_pauses_grow_to_a_bound_and_are_spread() -> None:
    assert [pause(attempt, lambda: 1.0) for attempt in (0, 1, 2)] == pytest.approx([0.05, 0.1, 0.2])
    assert pause(1000, lambda: 1.0) == LONGEST_PAUSE_SECONDS
    assert pause(1000, lambda: 0.0) == LONGEST_PAUSE_SECONDS / 2


def test_batches_are_cut_by_count_and_by_size() -> None:
    small, large = writing.put({"p": {"S": "x"}}), writing.put({"p": {"S": "x" * 5_000_000}})
    assert [len(batch) for batch in writing.batches([small] * 60)] == [25, 25, 10]
    assert [len(batch) for batch in writing.batches([large] * 5)] == [2, 2, 1]
    assert list(writing.batches([])) == []


def record(event: str, key: str, number: int, **change: Any) -> dict[str, Any]:
    """Return a stream record."""
    keys = {"p": {"S": key}}
    times = {"SequenceNumber": str(number), "ApproximateCreationDateTime": 1000 + number}
    return {"eventName": event, "dynamodb": {"Keys": keys, **times, **change}}


def test_of_each_key_the_last_change_counts() -> None:
    def new(version: int) -> dict[str, Any]:
        return {"NewImage": {"p": {"S": "a"}, "v": {"N": str(version)}}}

    found = following.writes(
        [record("INSERT", "a", 1, **new(1)), record("REMOVE", "b", 2), record("REMOVE", "a", 3),
         record("INSERT", "a", 4, **new(2))]
    )  # fmt: skip
    assert [json.loads(write.body) for write in found] == [
        {"PutRequest": {"Item": new(2)["NewImage"]}},
        {"DeleteRequest": {"Key": {"p": {"S": "b"}}}},
    ]
    with pytest.raises(DataError, match="view type"):
        following.writes([record("MODIFY", "a", 1)])


def shard(name: str, parent: str | None = None, *, closed: bool = False) -> dict[str, Any]:
    """Return a shard as DescribeStream tells it."""
    numbers = {"StartingSequenceNumber": "1", **({"EndingSequenceNumber": "9"} if closed else {})}
    return {"ShardId": name, "SequenceNumberRange": numbers, **({"ParentShardId": parent} if parent else {})}


def test_children_wait_for_their_parents() -> None:
    before = [shard("a", "gone", closed=True), shard("b", "a")]
    states = lineage.first_states(before, now=5)
    assert lineage.ready(states, before) == ["b"]
    after = [
        shard("d", "c"),
        shard("c", "b", closed=True),
        shard("a", "gone", closed=True),
        shard("b", "a", closed=True),
    ]
    lineage.discover(states, after, now=9)
    assert lineage.ready(states, after) == ["b"]
    assert states["d"]["seen"] == 5
    for name, following_name in (("b", "c"), ("c", "d")):
        states[name]["done"] = True
        assert lineage.ready(states, after) == [following_name]
    lineage.discover(states, [shard("c", "b", closed=True), shard("d", "c")], now=9)
    assert sorted(states) == ["b", "c", "d"]  # a is needed by none; b tells that c may be read


def test_missing_shards_are_noticed() -> None:
    states = lineage.first_states([shard("a")], now=5)
    with pytest.raises(DataError, match="no longer holds all changes"):
        lineage.discover(states, [shard("b", "a")], now=9)
    with pytest.raises(DataError, match="no longer holds all changes"):
        lineage.discover(states, [shard("a", closed=True), shard("c", "b")], now=9)
    lineage.discover(states, [shard("a", closed=True), shard("other")], now=9)
    assert states["other"]["seen"] == 9
    assert lineage.is_kept(0, 3600 * 23)
    assert not lineage.is_kept(0, 3600 * 24)


DESCRIPTION: dict[str, Any] = {
    "TableName": "Old",
    "TableArn": "arn:x",
    "AttributeDefinitions": [
        {"AttributeName": "s", "AttributeType": "N"},
        {"AttributeName": "p", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "s", "KeyType": "RANGE"}, {"AttributeName": "p", "KeyType": "HASH"}],
    "TableStatus": "ACTIVE",
    "ItemCount": 3,
}


def test_a_description_becomes_a_request() -> None:
    tags = [{"Key": "aws:cloudformation:stack", "Value": "x"}, {"Key": "own", "Value": "y"}]
    index = {"IndexName": "i", "KeySchema": [], "Projection": {}, "IndexStatus": "ACTIVE", "IndexArn": "x"}
    provisioned = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3, "NumberOfDecreasesToday": 1}
    table = {**DESCRIPTION, "ProvisionedThroughput": provisioned, "DeletionProtectionEnabled": True}
    request = schema.create_request({**table, "GlobalSecondaryIndexes": [index]}, name="New", tags=tags)
    assert request == {
        "TableName": "New",
        "AttributeDefinitions": DESCRIPTION["AttributeDefinitions"],
        "KeySchema": DESCRIPTION["KeySchema"],
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3},
        "GlobalSecondaryIndexes": [
            {"IndexName": "i", "KeySchema": [], "Projection": {},
             "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}
        ],
        "DeletionProtectionEnabled": True,
        "Tags": [{"Key": "own", "Value": "y"}],
    }  # fmt: skip
    on_demand = {
        **DESCRIPTION,
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
        "OnDemandThroughput": {"MaxReadRequestUnits": 10},
        "TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
    }
    request = schema.create_request({**on_demand, "GlobalSecondaryIndexes": [index]}, name="New")
    assert (request["BillingMode"], request["OnDemandThroughput"]) == ("PAY_PER_REQUEST", {"MaxReadRequestUnits": 10})
    assert request["GlobalSecondaryIndexes"] == [{"IndexName": "i", "KeySchema": [], "Projection": {}}]
    assert request["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert "ProvisionedThroughput" not in request
    assert schema.keys(DESCRIPTION) == [("p", "S"), ("s", "N")]


@pytest.mark.parametrize("token", ["", "the-token"])
def test_signatures_are_those_of_the_sdk_and_pass_the_verifier(token: str) -> None:
    fields = {"host": "localhost:8000", "content-type": "application/x-amz-json-1.0", "x-amz-target": "D.GetItem"}
    key = KeyPair(access_key_id="AKID", secret_access_key="secret", session_token=token)
    now = 1_800_000_000.0
    made = signed_headers(
        path="/", headers=fields, body=b"{}", key=key, region="eu-west-1", service="dynamodb", now=now
    )
    request = Request(method="POST", target="/", headers=CIMultiDict(made), body=b"{}")
    signed = sigv4.read_signature(request)
    sigv4.check_claim(signed, request.headers, services=("dynamodb",), now=now)
    sigv4.check_signature(request, signed, "secret", sha256(b"{}").hexdigest())

    given = AWSRequest("POST", "http://localhost:8000/", headers=fields, data=b"{}")
    given.context["timestamp"] = made["x-amz-date"]
    theirs = SigV4Auth(Credentials("AKID", "secret", token or None), "dynamodb", "eu-west-1")
    given.headers["X-Amz-Date"] = made["x-amz-date"]
    if token:
        given.headers["X-Amz-Security-Token"] = token
    text = theirs.string_to_sign(given, theirs.canonical_request(given))
    assert made["authorization"].endswith(f"Signature={theirs.signature(text, given)}")
    assert "secret" not in repr(key)


def test_endpoints_are_told_by_short_names_and_urls() -> None:
    aws = endpoints.endpoint(Given(url="aws:eu-west-1"), {"AWS_REGION": "us-west-2"})
    assert (aws.url, aws.region, aws.is_aws) == ("https://dynamodb.eu-west-1.amazonaws.com", "eu-west-1", True)
    assert aws.streams_url == "https://streams.dynamodb.eu-west-1.amazonaws.com"
    assert endpoints.endpoint(Given(url="aws"), {"AWS_REGION": "us-west-2"}).region == "us-west-2"
    assert endpoints.endpoint(Given(url="https://dynamodb.eu-north-1.amazonaws.com"), {}).region == "eu-north-1"
    assert endpoints.endpoint(Given(url="aws", region="cn-north-1"), {}).url.endswith(".amazonaws.com.cn")
    own = endpoints.endpoint(Given(url="http://localhost:8000/"), {"AWS_CA_BUNDLE": "x.pem"})
    assert (own.url, own.streams_url, own.region, own.ca_bundle, own.is_aws) == (
        "http://localhost:8000", "http://localhost:8000", "us-east-1", "x.pem", False,
    )  # fmt: skip
    for wrong in ("localhost:8000", "ftp://x", "http://", "http://x/?a=b"):
        with pytest.raises(DataError, match="is not an endpoint"):
            endpoints.endpoint(Given(url=wrong), {})


def test_keys_are_looked_for_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"}

    def found(given: Given, variables: dict[str, str]) -> KeyPair:
        return asyncio.run(endpoints.keys(given, variables).get())

    own = "http://localhost:8000"
    assert found(Given(url=own, access_key="FLAG", secret_key="s"), environ).access_key_id == "FLAG"
    assert found(Given(url=own), environ).access_key_id == "ENV"
    assert found(Given(url=own), {}) == endpoints.DEVELOPMENT
    with pytest.raises(DataError, match="given together"):
        found(Given(url=own, access_key="FLAG"), environ)
    file = tmp_path / "credentials"
    file.write_text("[team]\naws_access_key_id = FILE\naws_secret_access_key = s\naws_session_token = t\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert found(Given(url=own, profile="team"), environ) == KeyPair(
        access_key_id="FILE", secret_access_key="s", session_token="t"
    )
    with pytest.raises(DataError, match="No AWS credentials"):
        found(Given(url="aws", profile="absent"), {})


def test_progress_in_words_and_in_json() -> None:
    hours = Hours()
    told = Progress(phase="copy", started=hours.now, total=1000, items=250, resumed=50, bytes=1_234_567)
    hours.now += 10
    facts = told.facts(hours.now)
    assert facts == {
        "phase": "copy", "items": 250, "bytes": 1_234_567, "items_per_second": 20.0, "total": 1000, "eta_seconds": 38,
    }  # fmt: skip
    assert progress.line(facts) == "copy: [######------------------]  25% 250 items, 1.2 MB, 20/s, 0:38 left"
    assert progress.duration(3_725) == "1:02:05"
    told.lag = lambda: (2.04, 17)
    told.applied = 1200
    assert progress.line(told.facts(hours.now)) == "copy: 1,200 changes applied, 2 s behind, 17 read and waiting"
    for style, expected in {
        "json": '{"event":"done","n":1}\n',
        "plain": "Ready.\n",
        "terminal": "Ready.\n",
        "quiet": "",
    }.items():
        out = io.StringIO()
        Reporter(style, hours.time, out).tell("done", "Ready.", n=1)  # type: ignore[arg-type]
        assert out.getvalue() == expected


def test_a_line_on_the_terminal_is_overwritten() -> None:
    out, hours = io.StringIO(), Hours()
    reporter = Reporter("terminal", hours.time, out)
    told = Progress(phase="copy", started=0, items=1_000_000)
    reporter.show(told)
    told.items = 1
    reporter.show(told)
    reporter.tell("done", "Ready.")
    first, second, rest = (
        out.getvalue().removeprefix("\r").partition("\r")[0],
        *out.getvalue().rsplit("\r", 1)[1].split("\n", 1),
    )
    assert len(second) == len(first)
    assert rest == "Ready.\n"


def test_a_checkpoint_is_replaced_as_a_whole_and_not_too_often(tmp_path: Path) -> None:
    hours, path = Hours(), tmp_path / "state.json"
    with Checkpoint(path, steady=hours.clock) as checkpoint:
        assert checkpoint.bind({"command": "copy"}) is False
        checkpoint.maybe_save()
        assert not path.exists()
        hours.now += 2
        checkpoint.maybe_save()
        assert json.loads(path.read_bytes())["about"] == {"command": "copy"}
        checkpoint.content["more"] = 1
        checkpoint.maybe_save()
        assert "more" not in json.loads(path.read_bytes())
    assert json.loads(path.read_bytes())["more"] == 1
    with Checkpoint(path, steady=hours.clock) as checkpoint:
        assert checkpoint.bind({"command": "copy"}) is True
        with pytest.raises(DataError, match="belongs to another command"):
            checkpoint.bind({"command": "sync"})


def test_failures_are_found_in_groups_unless_something_else_went_wrong() -> None:
    failure = DataError("why")
    assert errors.first(ExceptionGroup("x", [ExceptionGroup("y", [failure])])) is failure
    assert errors.first(ExceptionGroup("x", [failure, ValueError("a bug")])) is None
