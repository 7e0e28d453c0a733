"""What is attached to a table: tags, policies, contributor insights, Kinesis destinations."""

from __future__ import annotations

import json
from typing import Any

import pytest

INVALID = "One or more parameter values were invalid: "
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
OTHER = "arn:aws:dynamodb:us-east-1:999999999999:table/tab"


def tags(*keys: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": key.upper()} for key in keys]


def all_tags(desk: Any, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    page = desk("ListTagsOfResource", ResourceArn=arn)
    while True:
        found += page["Tags"]
        if "NextToken" not in page:
            return found
        page = desk("ListTagsOfResource", ResourceArn=arn, NextToken=page["NextToken"])


def test_tags_are_added_replaced_removed_and_listed_by_pages(desk: Any) -> None:
    arn = desk.table(Tags=tags("a", "b"))
    desk("TagResource", ResourceArn=arn, Tags=[{"Key": "a", "Value": ""}, *tags(*(f"k{n}" for n in range(48)))])
    found = all_tags(desk, arn)
    assert [tag["Key"] for tag in found] == ["a", "b", *(f"k{n}" for n in range(48))]
    assert found[0]["Value"] == ""
    assert len(desk("ListTagsOfResource", ResourceArn=arn)["Tags"]) < len(found)
    desk("UntagResource", ResourceArn=arn, TagKeys=["b", "unknown", *(f"k{n}" for n in range(48))])
    assert desk("ListTagsOfResource", ResourceArn=arn) == {"Tags": [{"Key": "a", "Value": ""}]}


def test_tags_that_cannot_be_are_refused(desk: Any) -> None:
    arn = desk.table(Tags=tags(*(f"k{n}" for n in range(50))))
    refused = {
        "one too many": tags("z"),
        "reserved": tags("aws:x"),
        "twice": tags("k1", "k1"),
        "none": [],
    }
    texts = {what: desk.refused("TagResource", ResourceArn=arn, Tags=given) for what, given in refused.items()}
    assert {code for code, _ in texts.values()} == {"ValidationException"}
    assert texts["none"][1] == "Atleast one Tag needs to be provided as Input."
    assert len({text for _, text in texts.values()}) == len(texts)
    long = desk.refused("TagResource", ResourceArn=arn, Tags=tags("x" * 129))[1]
    assert "Member must have length less than or equal to 128" in long
    assert desk.refused("UntagResource", ResourceArn=arn, TagKeys=[])[0] == "ValidationException"
    assert desk.refused("ListTagsOfResource", ResourceArn=arn, NextToken="?") == (
        "ValidationException",
        f"{INVALID}NextToken is invalid",
    )
    assert len(all_tags(desk, arn)) == 50


@pytest.mark.parametrize("arn", ["tab", "arn:aws:s3:::bucket", "arn:aws:dynamodb:us-east-1:000000000000:table/a b"])
def test_what_is_no_table_arn_is_told_so(desk: Any, arn: str) -> None:
    expected = ("ValidationException", f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    assert desk.refused("ListTagsOfResource", ResourceArn=arn) == expected
    assert desk.refused("GetResourcePolicy", ResourceArn=arn) == expected


def test_an_arn_of_nothing_or_of_somebody_else_is_not_found(desk: Any) -> None:
    desk.table()
    for arn in (OTHER, OTHER.replace("999999999999:table/tab", "000000000000:table/gone")):
        expected = ("ResourceNotFoundException", f"Requested resource not found: ResourcArn: {arn} not found")
        assert desk.refused("TagResource", ResourceArn=arn, Tags=tags("a")) == expected
        assert desk.refused("PutResourcePolicy", ResourceArn=arn, Policy="{}") == expected


def policy(resource: str, effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Principal": "*", "Action": "dynamodb:*", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_revisions_of_a_policy(desk: Any) -> None:
    arn = desk.table()
    assert desk.refused("GetResourcePolicy", ResourceArn=arn)[0] == "PolicyNotFoundException"
    assert desk("DeleteResourcePolicy", ResourceArn=arn) == {}
    first = desk("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn), ExpectedRevisionId="NO_POLICY")
    again = desk("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn))
    assert again == first
    second = desk("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn, "Deny"))
    assert second != first
    for stale in (first["RevisionId"], "NO_POLICY"):
        for operation, more in (("PutResourcePolicy", {"Policy": policy(arn)}), ("DeleteResourcePolicy", {})):
            refused = desk.refused(operation, ResourceArn=arn, ExpectedRevisionId=stale, **more)
            assert refused[0] == "PolicyNotFoundException"
    assert desk("GetResourcePolicy", ResourceArn=arn) == {"Policy": policy(arn, "Deny"), **second}
    revision = second["RevisionId"]
    assert desk("DeleteResourcePolicy", ResourceArn=arn, ExpectedRevisionId=revision) == second
    assert desk.refused("DeleteResourcePolicy", ResourceArn=arn, ExpectedRevisionId=revision)[0] == (
        "PolicyNotFoundException"
    )


@pytest.mark.parametrize(
    "change",
    [
        "no JSON",
        "[]",
        "{}",
        json.dumps({"Version": "2020-01-01", "Statement": []}),
        {"Effect": "Maybe"},
        {"Principal": None},
        {"Action": "s3:GetObject"},
        {"Action": []},
        {"Resource": OTHER},
        {"NotAction": "dynamodb:GetItem"},
        {"Because": "why not"},
        {"Sid": " " * 20_480},
    ],
    ids=str,
)
def test_a_document_that_is_no_policy_of_the_table_is_refused(desk: Any, change: str | dict[str, Any]) -> None:
    arn = desk.table()
    document = change
    if isinstance(change, dict):
        statement = {**json.loads(policy(arn))["Statement"][0], **change}
        document = json.dumps({"Statement": {name: each for name, each in statement.items() if each is not None}})
    code, text = desk.refused("PutResourcePolicy", ResourceArn=arn, Policy=document)
    assert (code, text.partition(":")[0]) == ("ValidationException", "Invalid policy document")
    assert desk.refused("GetResourcePolicy", ResourceArn=arn)[0] == "PolicyNotFoundException"


def test_a_table_comes_with_a_policy_and_its_stream_has_another(desk: Any) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"
    specification = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert desk.table(StreamSpecification=specification, ResourcePolicy=policy(f"{arn}/index/*")) == arn
    stream = desk("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    assert desk.refused("GetResourcePolicy", ResourceArn=stream)[0] == "PolicyNotFoundException"
    desk("PutResourcePolicy", ResourceArn=stream, Policy=policy(stream))
    desk("DeleteResourcePolicy", ResourceArn=arn)
    assert desk("GetResourcePolicy", ResourceArn=stream)["Policy"] == policy(stream)
    desk("DeleteResourcePolicy", ResourceArn=stream)
    assert desk.refused("GetResourcePolicy", ResourceArn=stream)[0] == "PolicyNotFoundException"
    assert desk.refused("GetResourcePolicy", ResourceArn=f"{arn}/stream/never")[0] == "ResourceNotFoundException"
    desk("DeleteTable", TableName="tab")
    assert desk.refused("PutResourcePolicy", ResourceArn=stream, Policy=policy(stream))[0] == (
        "ResourceNotFoundException"
    )


def test_contributor_insights_of_table_and_index(desk: Any) -> None:
    arn = desk.table()
    desk.table("other")
    assert desk("DescribeContributorInsights", TableName=arn) == {
        "TableName": "tab",
        "ContributorInsightsRuleList": [],
        "ContributorInsightsStatus": "DISABLED",
    }
    enabling = desk("UpdateContributorInsights", TableName="tab", ContributorInsightsAction="ENABLE")
    assert enabling["ContributorInsightsStatus"] == "ENABLING"
    desk(
        "UpdateContributorInsights",
        TableName="tab",
        IndexName="inv",
        ContributorInsightsAction="ENABLE",
        ContributorInsightsMode="THROTTLED_KEYS",
    )
    described = desk("DescribeContributorInsights", TableName="tab")
    assert described["ContributorInsightsStatus"] == "ENABLED"
    assert [rule.split("-")[1] for rule in described["ContributorInsightsRuleList"]] == ["PKC", "SKC", "PKT", "SKT"]
    index = desk("DescribeContributorInsights", TableName="tab", IndexName="inv")
    assert [rule.split("-")[1] for rule in index["ContributorInsightsRuleList"]] == ["PKT"]
    desk("UpdateContributorInsights", TableName="tab", ContributorInsightsAction="DISABLE")
    assert desk("DescribeContributorInsights", TableName="tab")["ContributorInsightsRuleList"] == []
    missing = desk.refused(
        "UpdateContributorInsights", TableName="tab", IndexName="none", ContributorInsightsAction="ENABLE"
    )
    assert missing == ("ResourceNotFoundException", "Requested resource not found: Index: none not found")


@pytest.mark.parametrize("size", [1, 2, 100])
def test_contributor_insights_are_listed_by_pages(desk: Any, size: int) -> None:
    expected = []
    for number in range(60):
        name = f"t{number:02}"
        desk.table(name)
        if number % 20 == 0:
            for target in ({"TableName": name}, {"TableName": name, "IndexName": "inv"}):
                desk("UpdateContributorInsights", **target, ContributorInsightsAction="ENABLE")
                expected.append(target)
    found: list[dict[str, Any]] = []
    page = desk("ListContributorInsights", MaxResults=size)
    while True:
        assert len(page["ContributorInsightsSummaries"]) <= size
        found += page["ContributorInsightsSummaries"]
        if "NextToken" not in page:
            break
        page = desk("ListContributorInsights", MaxResults=size, NextToken=page["NextToken"])
    assert [{name: one[name] for name in ("TableName", "IndexName") if name in one} for one in found] == expected
    of_one = desk("ListContributorInsights", TableName="t20")["ContributorInsightsSummaries"]
    assert [one.get("IndexName") for one in of_one] == [None, "inv"]
    assert desk.refused("ListContributorInsights", NextToken="x")[0] == "ValidationException"


def test_a_kinesis_destination_goes_through_its_states(desk: Any) -> None:
    desk.table()
    target = {"TableName": "tab", "StreamArn": KINESIS}
    state = "Table is not in a valid state to enable Kinesis Streaming Destination: "
    unknown = f"{state}No streaming destination with streamArn: {KINESIS} found for table with tableName: tab"
    assert desk.refused("DisableKinesisStreamingDestination", **target) == ("ValidationException", unknown)
    enabling = desk("EnableKinesisStreamingDestination", **target)
    assert enabling["DestinationStatus"] == "ENABLING"
    for arn in (KINESIS, f"{KINESIS}-2"):
        assert desk.refused("EnableKinesisStreamingDestination", TableName="tab", StreamArn=arn) == (
            "ValidationException",
            f"{state}EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation.",
        )
    micro = {"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"}}
    assert desk("UpdateKinesisStreamingDestination", **target, **micro)["DestinationStatus"] == "UPDATING"
    assert "already set" in desk.refused("UpdateKinesisStreamingDestination", **target, **micro)[1]
    assert "cannot be null" in desk.refused("UpdateKinesisStreamingDestination", **target)[1]
    (one,) = desk("DescribeKinesisStreamingDestination", TableName="tab")["KinesisDataStreamDestinations"]
    assert (one["DestinationStatus"], one["ApproximateCreationDateTimePrecision"]) == ("ACTIVE", "MICROSECOND")
    assert one["DestinationStatusDescription"]
    assert desk("DisableKinesisStreamingDestination", **target)["DestinationStatus"] == "DISABLING"
    assert desk.refused("DisableKinesisStreamingDestination", **target)[1] == (
        f"{state}KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
    )
    assert desk.refused("UpdateKinesisStreamingDestination", **target, **micro)[0] == "ValidationException"
    assert desk("EnableKinesisStreamingDestination", **target)["DestinationStatus"] == "ENABLING"
    wrong = KINESIS.replace("kinesis", "firehose")
    assert desk.refused("EnableKinesisStreamingDestination", TableName="tab", StreamArn=wrong)[1] == (
        f"{INVALID}Invalid StreamArn: {wrong}"
    )
