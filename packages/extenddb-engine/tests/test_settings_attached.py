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


def listed(desk: Any, arn: str) -> Any:
    answer = desk("ListTagsOfResource", ResourceArn=arn)
    assert answer.keys() == {"Tags"}
    return answer["Tags"]


def test_tags_are_added_replaced_removed_and_listed_in_one_page(desk: Any) -> None:
    arn = desk.table(Tags=tags("a", "b"))
    desk("TagResource", ResourceArn=arn, Tags=[{"Key": "a", "Value": ""}, *tags(*(f"k{n}" for n in range(48)))])
    found = listed(desk, arn)
    assert [tag["Key"] for tag in found] == ["a", "b", *(f"k{n}" for n in range(48))]
    assert found[0]["Value"] == ""
    assert desk("ListTagsOfResource", ResourceArn=arn, NextToken="whatever")["Tags"] == found
    desk("UntagResource", ResourceArn=arn, TagKeys=["b", "unknown", *(f"k{n}" for n in range(48))])
    assert listed(desk, arn) == [{"Key": "a", "Value": ""}]


TOO_MANY = "Number of Tags exceed the current limit for the provided ResourceArn"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (tags("z"), TOO_MANY),
        (tags(*(f"n{n}" for n in range(51))), TOO_MANY),
        (tags("aws:x"), "Tag Key cannot be prefixed with aws:, Key: aws:x"),
        (tags("AWS:x"), "Tag Key cannot be prefixed with aws:, Key: AWS:x"),
        (tags("k1", "k1"), "Duplicate Tag Keys provided as input: Duplicate Tag Key found k1"),
        (tags("a#b"), "The Tag Key provided is invalid, Key: a#b"),
        (tags("x" * 129), f"The Tag Key provided is invalid, Key: {'x' * 129}"),
        ([{"Key": "", "Value": ""}], "The Tag Key provided is invalid, Key: "),
        ([{"Value": ""}], "The Tag Key provided is invalid, Key: null"),
        ([{"Key": "a"}], "The Tag Value provided is invalid, Value: null"),
        ([{"Key": "a", "Value": "v" * 257}], f"The Tag Value provided is invalid, Value: {'v' * 257}"),
        ([], "Atleast one Tag needs to be provided as Input."),
    ],
    ids=lambda value: str(value)[:60],
)
def test_tags_that_cannot_be_are_refused(desk: Any, given: list[dict[str, str]], text: str) -> None:
    arn = desk.table(Tags=tags(*(f"k{n}" for n in range(50))))
    assert desk.refused("TagResource", ResourceArn=arn, Tags=given) == ("ValidationException", text)
    assert len(listed(desk, arn)) == 50


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([], "Atleast one Tag Key needs to be provided as Input."),
        ([f"k{n}" for n in range(51)], TOO_MANY),
        (["aws:x"], "Tag Key cannot be prefixed with aws:, Key: aws:x"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_keys_of_tags_that_cannot_be_are_refused(desk: Any, keys: list[str], text: str) -> None:
    refused = desk.refused("UntagResource", ResourceArn=desk.table(), TagKeys=keys)
    assert refused == ("ValidationException", text)


OWN = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        ("tab", "ARNs must start with 'arn:': tab"),
        ("arn:aws:s3:::bucket", "Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::bucket"),
        (f"{OWN}/backup/01-a", f"Provided Arn is not a DynamoDB resource arn: {OWN}/backup/01-a"),
        (
            f"{OWN}/index/inv",
            f"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {OWN}/index/inv",
        ),
    ],
)
def test_what_is_no_arn_of_a_table_is_told_so(desk: Any, arn: str, text: str) -> None:
    expected = ("ValidationException", INVALID + text)
    assert desk.refused("ListTagsOfResource", ResourceArn=arn) == expected
    assert desk.refused("GetResourcePolicy", ResourceArn=arn) == expected


def test_an_arn_of_nothing_is_not_found(desk: Any) -> None:
    gone = f"{OWN[:-3]}gone"
    assert desk.refused("TagResource", ResourceArn=gone, Tags=tags("a")) == (
        "ResourceNotFoundException",
        f"Requested resource not found: ResourceArn: {gone} not found",
    )
    assert desk.refused("PutResourcePolicy", ResourceArn=gone, Policy=policy(gone)) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: gone not found",
    )


def test_an_arn_of_somebody_else_is_not_looked_at(desk: Any) -> None:
    desk.table()
    assert desk.refused("TagResource", ResourceArn=OTHER, Tags=tags("a")) == (
        "AccessDeniedException",
        "Access is denied",
    )
    assert desk.refused("PutResourcePolicy", ResourceArn=OTHER, Policy=policy(OTHER)) == (
        "ValidationException",
        "This action is only supported by accounts that match the resource owner’s account.",
    )


ROOT = "arn:aws:iam::000000000000:root"


def policy(resource: str, **members: Any) -> str:
    """Return a policy in the form in which it is answered."""
    given = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "dynamodb:GetItem", "Resource": resource}
    statement = {name: value for name, value in {**given, **members}.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


MISSING = "Resource-based policy not found for the provided ResourceArn: "


def test_revisions_of_a_policy(desk: Any) -> None:
    arn = desk.table()
    none = ("PolicyNotFoundException", f"{MISSING}{arn}")
    assert desk.refused("GetResourcePolicy", ResourceArn=arn) == none
    assert desk("DeleteResourcePolicy", ResourceArn=arn) == {}
    asked = f"{MISSING}Requested update for policy with revision id"
    assert desk.refused("DeleteResourcePolicy", ResourceArn=arn, ExpectedRevisionId="1")[1] == (
        f"{asked} 1, but table tab has no associated policy."
    )
    first = desk("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn), ExpectedRevisionId="NO_POLICY")
    assert first == {"RevisionId": str(desk.now)}
    again = desk("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn))
    assert again == first
    second = desk("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn, Effect="Deny"))
    assert second != first
    for stale in (first["RevisionId"], "NO_POLICY"):
        for operation, more in (("PutResourcePolicy", {"Policy": policy(arn)}), ("DeleteResourcePolicy", {})):
            refused = desk.refused(operation, ResourceArn=arn, ExpectedRevisionId=stale, **more)
            text = f"{asked} {stale}, but the policy associated to target table/tab did not match."
            assert refused == ("PolicyNotFoundException", text)
    assert desk("GetResourcePolicy", ResourceArn=arn) == {"Policy": policy(arn, Effect="Deny"), **second}
    revision = second["RevisionId"]
    assert desk("DeleteResourcePolicy", ResourceArn=arn, ExpectedRevisionId=revision) == second
    assert desk.refused("GetResourcePolicy", ResourceArn=arn) == none


def test_equal_policies_have_one_form_and_one_revision(desk: Any) -> None:
    arn = desk.table()
    forms = [
        json.dumps(json.loads(policy(arn)), indent=2),
        policy(arn, Action=["dynamodb:GetItem"], Resource=[arn]),
        policy(arn, Principal={"AWS": ["000000000000", ROOT]}),
        policy(arn, Effect="allow"),
        json.dumps({"Statement": json.loads(policy(arn))["Statement"][0], "Version": "2012-10-17"}),
    ]
    revisions = {desk("PutResourcePolicy", ResourceArn=arn, Policy=form)["RevisionId"] for form in forms}
    assert len(revisions) == 1
    assert desk("GetResourcePolicy", ResourceArn=arn)["Policy"] == policy(arn)
    unversioned = json.dumps({"Statement": json.loads(policy(arn))["Statement"]})
    desk("PutResourcePolicy", ResourceArn=arn, Policy=unversioned)
    assert desk("GetResourcePolicy", ResourceArn=arn)["Policy"] == policy(arn).replace("2012-10-17", "2008-10-17")


REFUSED = f"{INVALID}Invalid policy document: "
UNBOUNDED = (
    "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure "
    "least-privilege form of access"
)
TWICE = {"Sid": "s", "Effect": "Deny", "Principal": {"AWS": ROOT}, "Action": "dynamodb:GetItem", "Resource": "*"}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("no JSON", f"{REFUSED}This policy contains invalid Json"),
        ("[]", f"{REFUSED}This policy contains invalid Json"),
        ("null", f"{REFUSED}This text appears not to be a policy"),
        ("{}", f"{REFUSED}Syntax error at position (1,3)"),
        ('{"Statement":[]}', f"{REFUSED}Could not parse the policy: Statement is empty!"),
        ('{"Statement":[{}]}', f"{REFUSED}Missing required field Effect"),
        (policy(OWN, Resource=None), f"{REFUSED}Missing required field Resource"),
        (
            json.dumps({"Version": "2012-10-17", "Statement": [TWICE, TWICE]}),
            f"{REFUSED}The Statement Ids in the policy are not unique",
        ),
        (
            policy(OWN, Action=["s3:GetObject", "dynamodb:GetRecords"]),
            f'{REFUSED}The following action names are invalid: "s3:GetObject", "dynamodb:GetRecords"',
        ),
        (
            policy(f"{OWN}/stream/now"),
            f'{REFUSED}The relative-id "table/tab/stream/now" is invalid for ARN "{OWN}/stream/now"',
        ),
        (policy(OWN, Principal="*"), UNBOUNDED),
        (policy(OWN, Principal={"AWS": "*"}), UNBOUNDED),
        (policy(OWN, Sid="s" * 20_480), f"{INVALID}Maximum policy size of 20480 bytes exceeded"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_document_that_is_no_policy_of_the_table_is_refused(desk: Any, document: str, text: str) -> None:
    arn = desk.table()
    assert desk.refused("PutResourcePolicy", ResourceArn=arn, Policy=document) == ("ValidationException", text)
    assert desk.refused("GetResourcePolicy", ResourceArn=arn)[0] == "PolicyNotFoundException"


@pytest.mark.parametrize(
    "change", [{"Effect": "Maybe"}, {"NotAction": "dynamodb:GetItem"}, {"Because": "x"}, {"Action": []}], ids=str
)
def test_what_the_grammar_does_not_know_is_a_syntax_error(desk: Any, change: dict[str, Any]) -> None:
    arn = desk.table()
    code, text = desk.refused("PutResourcePolicy", ResourceArn=arn, Policy=policy(arn, **change))
    assert (code, text.partition(" at ")[0]) == ("ValidationException", f"{REFUSED}Syntax error")


@pytest.mark.parametrize(
    ("members", "locked"),
    [
        ({"Action": "dynamodb:PutResourcePolicy"}, True),
        ({"Action": "dynamodb:*", "Principal": {"AWS": ROOT}}, True),
        ({"Action": "*", "Resource": "arn:aws:dynamodb:*"}, True),
        ({"Action": "dynamodb:DeleteResourcePolicy"}, False),
        ({"Action": "*", "Principal": {"AWS": ROOT.replace("000000000000", "111111111111")}}, False),
        ({"Action": "*", "Resource": f"{OWN}/index/inv"}, False),
    ],
    ids=str,
)
def test_a_policy_may_not_lock_its_author_out(desk: Any, members: dict[str, Any], locked: bool) -> None:
    arn = desk.table()
    document = policy(arn, **{"Effect": "Deny", "Principal": "*", **members})
    if locked:
        assert desk.refused("PutResourcePolicy", ResourceArn=arn, Policy=document) == (
            "AccessDeniedException",
            "The new resource policy will not allow you to update the resource policy in the future.",
        )
    desk("PutResourcePolicy", ResourceArn=arn, Policy=document, ConfirmRemoveSelfResourceAccess=True)
    assert desk("GetResourcePolicy", ResourceArn=arn)["Policy"] == document


def test_a_table_comes_with_a_policy_and_its_stream_has_another(desk: Any) -> None:
    specification = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert desk.table(StreamSpecification=specification, ResourcePolicy=policy(f"{OWN}/index/*")) == OWN
    stream = desk("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    of_stream = policy(stream, Action="dynamodb:GetRecords")
    assert desk.refused("GetResourcePolicy", ResourceArn=stream)[0] == "PolicyNotFoundException"
    desk("PutResourcePolicy", ResourceArn=stream, Policy=of_stream)
    desk("DeleteResourcePolicy", ResourceArn=OWN)
    assert desk("GetResourcePolicy", ResourceArn=stream)["Policy"] == of_stream
    desk("DeleteResourcePolicy", ResourceArn=stream)
    assert desk.refused("GetResourcePolicy", ResourceArn=stream)[0] == "PolicyNotFoundException"
    assert desk.refused("GetResourcePolicy", ResourceArn=f"{OWN}/stream/never") == (
        "ResourceNotFoundException",
        "Requested resource not found: Stream: never not found for Table: tab",
    )
    desk("DeleteTable", TableName="tab")
    assert desk.refused("PutResourcePolicy", ResourceArn=stream, Policy=of_stream)[0] == ("ResourceNotFoundException")


def test_contributor_insights_of_table_and_index(desk: Any) -> None:
    arn = desk.table()
    desk.table("other")
    never = {"TableName": "tab", "ContributorInsightsStatus": "DISABLED"}
    assert desk("DescribeContributorInsights", TableName=arn) == never
    assert desk("UpdateContributorInsights", TableName="tab", ContributorInsightsAction="DISABLE") == never
    enable = {"TableName": "tab", "ContributorInsightsAction": "ENABLE"}
    assert desk("UpdateContributorInsights", **enable) == {
        "TableName": "tab",
        "ContributorInsightsStatus": "ENABLING",
        "ContributorInsightsMode": "ACCESSED_AND_THROTTLED_KEYS",
    }
    assert desk("UpdateContributorInsights", **enable)["ContributorInsightsStatus"] == "ENABLED"
    desk("UpdateContributorInsights", **enable, IndexName="inv", ContributorInsightsMode="THROTTLED_KEYS")
    described = desk("DescribeContributorInsights", TableName="tab")
    assert described["ContributorInsightsStatus"] == "ENABLED"
    assert described["LastUpdateDateTime"] == desk.now / 1000
    assert described["ContributorInsightsRuleList"] == [
        f"DynamoDBContributorInsights-{rule}-tab-{desk.now}" for rule in ("PKC", "SKC", "PKT", "SKT")
    ]
    index = desk("DescribeContributorInsights", TableName="tab", IndexName="inv")
    assert index["ContributorInsightsRuleList"] == [f"DynamoDBContributorInsights-PKT-tab-inv-{desk.now}"]
    disabling = desk("UpdateContributorInsights", TableName="tab", ContributorInsightsAction="DISABLE")
    assert disabling["ContributorInsightsStatus"] == "DISABLING"
    assert "ContributorInsightsRuleList" not in desk("DescribeContributorInsights", TableName="tab")
    (one,) = desk("ListContributorInsights", TableName="tab")["ContributorInsightsSummaries"]
    assert one["IndexName"] == "inv"
    assert desk.refused("UpdateContributorInsights", **enable, IndexName="none") == (
        "ResourceNotFoundException",
        "Requested resource not found: Index: none not found for table: tab",
    )
    assert desk.refused("UpdateContributorInsights", **enable, IndexName="no") == (
        "ValidationException",
        "IndexName must be at least 3 characters long and at most 255 characters long",
    )


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


KINESIS_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "


def destinations(desk: Any) -> Any:
    return desk("DescribeKinesisStreamingDestination", TableName="tab")["KinesisDataStreamDestinations"]


def test_a_kinesis_destination_goes_through_its_states(desk: Any) -> None:
    desk.table()
    target = {"TableName": "tab", "StreamArn": KINESIS}
    inactive = f"{KINESIS_STATE}KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
    assert desk.refused("DisableKinesisStreamingDestination", **target) == ("ValidationException", inactive)
    assert desk("EnableKinesisStreamingDestination", **target) == {
        **target,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": {},
    }
    assert destinations(desk) == [{"StreamArn": KINESIS, "DestinationStatus": "ACTIVE"}]
    for arn in (KINESIS, f"{KINESIS}-2"):
        assert desk.refused("EnableKinesisStreamingDestination", TableName="tab", StreamArn=arn) == (
            "ValidationException",
            f"{KINESIS_STATE}EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE "
            "operation.",
        )
    micro = {"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"}}
    assert desk("UpdateKinesisStreamingDestination", **target, **micro) == {
        **target,
        "DestinationStatus": "UPDATING",
        **micro,
    }
    table_id = desk("DescribeTable", TableName="tab")["Table"]["TableId"]
    assert desk.refused("UpdateKinesisStreamingDestination", **target, **micro)[1] == (
        f"Invalid Request: Precision is already set to the desired value of MICROSECOND for tableId: {table_id}, "
        f"kdsArn: {KINESIS}"
    )
    assert desk.refused("UpdateKinesisStreamingDestination", **target)[1] == (
        "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration cannot be "
        "null or contain only null values"
    )
    assert destinations(desk)[0]["ApproximateCreationDateTimePrecision"] == "MICROSECOND"
    assert desk("DisableKinesisStreamingDestination", **target)["DestinationStatus"] == "DISABLING"
    assert desk.refused("DisableKinesisStreamingDestination", **target)[1] == inactive
    assert desk.refused("UpdateKinesisStreamingDestination", **target, **micro)[1] == (
        f"{KINESIS_STATE}Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. "
        f"TableName: tab, kdsArn: {KINESIS}"
    )
    assert desk("EnableKinesisStreamingDestination", **target)["DestinationStatus"] == "ENABLING"
    assert destinations(desk) == [{"StreamArn": KINESIS, "DestinationStatus": "ACTIVE"}]


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (OWN, "User does not have a permission to use kinesis stream"),
        (
            KINESIS.replace("us-east-1", "eu-west-1"),
            "The kinesis Arn used to enable kinesis replication belongs to a stream which is not in the current region",
        ),
        (
            KINESIS.replace("000000000000", "111111111111"),
            "The kinesis Arn used to enable kinesis replication belongs to a stream which is not in Active state",
        ),
    ],
)
def test_a_stream_that_cannot_be_used_is_found_out_later(desk: Any, arn: str, text: str) -> None:
    desk.table()
    assert desk("EnableKinesisStreamingDestination", TableName="tab", StreamArn=arn)["DestinationStatus"] == "ENABLING"
    failed = {"StreamArn": arn, "DestinationStatus": "ENABLE_FAILED", "DestinationStatusDescription": text}
    assert destinations(desk) == [failed]
    desk("EnableKinesisStreamingDestination", TableName="tab", StreamArn=KINESIS)
    assert destinations(desk) == [{"StreamArn": KINESIS, "DestinationStatus": "ACTIVE"}, failed]
