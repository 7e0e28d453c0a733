"""The two orders of the service that no model tells: of printed enumerations and of reported members."""

from __future__ import annotations

import pytest

from extenddb.core.model.data_shapes import SHAPES
from extenddb.core.validation.overrides import MEMBER_CONSTRAINTS, PYTHON_PATTERNS, printed_name
from extenddb.core.validation.rules import shape

ENUMERATIONS = {
    "ReturnConsumedCapacity": "INDEXES, TOTAL, NONE",
    "ReturnValue": "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW",
    "ReturnItemCollectionMetrics": "SIZE, NONE",
    "KeyType": "HASH, RANGE",
    "ScalarAttributeType": "B, N, S",
    "ProjectionType": "ALL, INCLUDE, KEYS_ONLY",
    "Select": "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES",
    "ConditionalOperator": "OR, AND",
    "ComparisonOperator": ("IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS"),
    "AttributeAction": "ADD, DELETE, PUT",
}

STRUCTURES = {
    "GetItemInput": ["returnConsumedCapacity", "attributesToGet", "tableName", "key"],
    "PutItemInput": [
        "returnConsumedCapacity",
        "tableName",
        "item",
        "returnValues",
        "returnItemCollectionMetrics",
    ],
    "BatchWriteItemInput": ["returnConsumedCapacity", "returnItemCollectionMetrics", "requestItems"],
    "ProvisionedThroughput": ["writeCapacityUnits", "readCapacityUnits"],
    "AttributeDefinition": ["attributeType", "attributeName"],
    "LocalSecondaryIndex": ["projection", "indexName", "keySchema"],
    "GlobalSecondaryIndex": ["projection", "indexName", "provisionedThroughput", "keySchema"],
    "Projection": ["projectionType", "nonKeyAttributes"],
}


@pytest.mark.parametrize(("name", "printed"), ENUMERATIONS.items())
def test_enumerations_are_printed_in_the_order_of_the_service(name: str, printed: str) -> None:
    assert ", ".join(shape(name).enum) == printed


@pytest.mark.parametrize(("name", "reported"), STRUCTURES.items())
def test_members_are_reported_in_the_order_of_the_service(name: str, reported: list[str]) -> None:
    order = [member.printed for member in shape(name).reported]
    assert [printed for printed in order if printed in reported] == reported


def test_every_enumeration_and_structure_stays_whole() -> None:
    for name, row in SHAPES.items():
        assert sorted(shape(name).enum) == sorted(row.get("enum", ()))
        if name != "AttributeValue":
            assert sorted(member.name for member in shape(name).reported) == sorted(row.get("members", {}))


def test_only_the_first_letter_becomes_small() -> None:
    assert [printed_name(name) for name in ("TableName", "SSESpecification", "S3Bucket")] == [
        "tableName",
        "sSESpecification",
        "s3Bucket",
    ]


def test_every_override_replaces_something_of_the_model() -> None:
    for structure, member in MEMBER_CONSTRAINTS:
        assert member in SHAPES[structure]["members"]
    patterns = {row.get("pattern") for row in SHAPES.values()}
    assert PYTHON_PATTERNS.keys() <= patterns


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("AutoScalingPolicyName", "a policy", "a\tpolicy"),
        ("AutoScalingRoleArn", "role \U0001f600\n", "role \x00"),
    ],
)
def test_java_patterns_mean_the_same_in_python(name: str, right: str, wrong: str) -> None:
    regex = shape(name).regex
    assert regex is not None
    assert regex.fullmatch(right)
    assert not regex.fullmatch(wrong)
