"""Auto scaling settings: kept and described; capacity itself is not limited here, so that nothing has to scale. Pure.

Settings are kept by replica region and, within it, by index name; the empty name is the table itself. Writes scale
alike in all replicas, so they are kept once, under the empty region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from extenddb.core.errors import ServiceError, resource_not_found, validation
from extenddb.engine.tables import rules

SUBJECT = "AutoScaling"
"""Where a table's settings hold them."""
_EVERYWHERE = ""
_ROLE = (
    "aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
)
_POLICY = "DynamoDB{direction}CapacityUtilization:table/{name}"
_OFF: Mapping[str, Any] = {"AutoScalingDisabled": True, "ScalingPolicies": []}
_REQUIRED = ("MaximumUnits", "ScalingPolicyUpdate", "MinimumUnits")
_ON_DEMAND = {
    "Write": "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate",
    "Read": "ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate",
}
"""What tables that are on demand cannot be given."""

Settings = Mapping[str, Mapping[str, Any]]
"""Descriptions by place: `region/index`."""


def one(update: Mapping[str, Any], *, name: str, direction: str, account: str) -> dict[str, Any]:
    """Return the AutoScalingSettingsDescription an update makes; `name` is that of the table, or of its index.

    Raises ValidationException.
    """
    if update.get("AutoScalingDisabled"):
        return dict(_OFF)
    least, most = update.get("MinimumUnits", 1), update.get("MaximumUnits", 1)
    if least > most:
        raise _of_scaling("Maximum capacity cannot be less than minimum capacity")
    described: dict[str, Any] = {
        "MinimumUnits": least,
        "MaximumUnits": most,
        "AutoScalingRoleArn": update.get("AutoScalingRoleArn") or f"arn:aws:iam::{account}:role/{_ROLE}",
    }
    policy = update.get("ScalingPolicyUpdate")
    if policy is not None:
        target = policy["TargetTrackingScalingPolicyConfiguration"]
        _check_target(target["TargetValue"], direction)
        named = policy.get("PolicyName") or _POLICY.format(direction=direction, name=name)
        described["ScalingPolicies"] = [{"PolicyName": named, "TargetTrackingScalingPolicyConfiguration": target}]
    return described


def _check_target(value: float, direction: str) -> None:
    metric = f"DynamoDB{direction}CapacityUtilization"
    for least, most, what in (
        ("8.51592E-109", "1.174271E108", "For target tracking scaling"),
        ("10.0", "90.0", f"For predefined metric type {metric}"),
    ):
        if not float(least) <= value <= float(most):
            raise _of_scaling(f"{what}, target value must be between '{least}' and '{most}', but was '{float(value)}'.")


def _of_scaling(message: str) -> ServiceError:
    """Return an error as it comes from the service behind auto scaling."""
    return validation(
        f"{message} (Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException; "
        f"Request ID: {uuid4()}; Proxy: null)"
    )


def check(request: Mapping[str, Any]) -> None:
    """Raise a ValidationException for an UpdateTableReplicaAutoScaling request that no table could follow."""
    failed = f"Failed to update settings for global table with name: ‘{request['TableName']}’"
    regions = [replica["RegionName"] for replica in request.get("ReplicaUpdates") or ()]
    twice = sorted({region for region in regions if regions.count(region) > 1})
    if twice:
        raise validation(f"{failed} because the regions: ‘[{', '.join(twice)}]’ were specified more than once.")
    changes = list(_changes(request))
    for region in regions:
        if not any(place == region for place, _, _ in changes):
            raise validation(
                f"{failed} because at least one update parameter must be specified for region: ‘{region}’."
            )
    if not changes:
        raise validation(f"{failed} because at least one update parameter must be specified.")
    for _, _, update in changes:
        missing = [f"'{member}'" for member in _REQUIRED if update.get(member) is None]
        if missing and not update.get("AutoScalingDisabled"):
            raise validation(
                f"{failed}: Parameters {', '.join(missing)} are required unless auto scaling is being disabled."
            )


def updated(
    current: Settings | None, request: Mapping[str, Any], description: Mapping[str, Any], region: str
) -> dict[str, Any]:
    """Return the settings after an UpdateTableReplicaAutoScaling request. Raises ServiceError."""
    account = description["TableArn"].split(":")[4]
    settings = dict(current or {})
    changes = list(_changes(request))
    _check_billing(changes, description, region)
    regions = {_EVERYWHERE, *regions_of(description, region)}
    indexes = {"", *(index["IndexName"] for index in description.get("GlobalSecondaryIndexes", ()))}
    for place, index, update in changes:
        if place not in regions:
            raise resource_not_found(f"Replica {place} is not part of the global table")
        if index not in indexes:
            raise _index_missing(description["TableName"], place, index)
        name = description["TableName"] + (f"/index/{index}" if index else "")
        direction = _direction(place)
        settings[f"{place}/{index}"] = one(update, name=name, direction=direction, account=account)
    return settings


def _index_missing(table: str, place: str, index: str) -> ServiceError:
    failed = f"Failed to update settings for global table with name: ‘{table}’ because"
    if place == _EVERYWHERE:
        return resource_not_found(f"{failed} the global secondary indexes with names: ‘[{index}]’ do not exist.")
    return resource_not_found(
        f"{failed} a global secondary index with name: ‘{index}’ does not exist in region: ‘{place}’."
    )


def _direction(place: str) -> str:
    return "Write" if place == _EVERYWHERE else "Read"


def _check_billing(
    changes: Sequence[tuple[str, str, Mapping[str, Any]]], description: Mapping[str, Any], region: str
) -> None:
    """Refuse scaling of what is on demand; that it is to be disabled is no mistake."""
    mode = description.get("BillingModeSummary", {}).get("BillingMode")
    scaled = {_direction(place) for place, _, update in changes if not update.get("AutoScalingDisabled")}
    if not rules.is_on_demand(mode) or not scaled:
        return
    replicas = ", ".join(f"'{each.upper()}'" for each in regions_of(description, region))
    members = ", ".join(f"'{_ON_DEMAND[direction]}'" for direction in ("Write", "Read") if direction in scaled)
    remedy = f"You must convert table's BillingMode to PROVISIONED to set parameters: {members}."
    raise validation(
        f"Failed to update global table with name ‘{description['TableName']}‘. Replicas {replicas} BillingMode is "
        f"PayPerRequest. {remedy}"
    )


def _changes(request: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield region, index and update of each change."""
    if request.get("ProvisionedWriteCapacityAutoScalingUpdate") is not None:
        yield _EVERYWHERE, "", request["ProvisionedWriteCapacityAutoScalingUpdate"]
    for index in request.get("GlobalSecondaryIndexUpdates") or ():
        if index.get("ProvisionedWriteCapacityAutoScalingUpdate") is not None:
            yield _EVERYWHERE, index.get("IndexName") or "", index["ProvisionedWriteCapacityAutoScalingUpdate"]
    for replica in request.get("ReplicaUpdates") or ():
        region = replica["RegionName"]
        if replica.get("ReplicaProvisionedReadCapacityAutoScalingUpdate") is not None:
            yield region, "", replica["ReplicaProvisionedReadCapacityAutoScalingUpdate"]
        for index in replica.get("ReplicaGlobalSecondaryIndexUpdates") or ():
            if index.get("ProvisionedReadCapacityAutoScalingUpdate") is not None:
                yield region, index.get("IndexName") or "", index["ProvisionedReadCapacityAutoScalingUpdate"]


def regions_of(description: Mapping[str, Any], region: str) -> list[str]:
    """Return the regions of a table, its own and those of its replicas, by name."""
    return sorted([region, *(replica["RegionName"] for replica in description.get("Replicas", ()))])


def described(description: Mapping[str, Any], region: str, settings: Settings | None) -> dict[str, Any]:
    """Return the TableAutoScalingDescription."""
    return {
        "TableName": description["TableName"],
        "TableStatus": description["TableStatus"],
        "Replicas": [_replica(description, each, settings or {}) for each in regions_of(description, region)],
    }


def _replica(description: Mapping[str, Any], region: str, settings: Settings) -> dict[str, Any]:
    return {
        "RegionName": region,
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index["IndexName"],
                "IndexStatus": index["IndexStatus"],
                "ProvisionedReadCapacityAutoScalingSettings": found(settings, region, index["IndexName"]),
                "ProvisionedWriteCapacityAutoScalingSettings": found(settings, _EVERYWHERE, index["IndexName"]),
            }
            for index in description.get("GlobalSecondaryIndexes", ())
        ],
        "ReplicaProvisionedReadCapacityAutoScalingSettings": found(settings, region, ""),
        "ReplicaProvisionedWriteCapacityAutoScalingSettings": found(settings, _EVERYWHERE, ""),
        "ReplicaStatus": "ACTIVE",
    }


def found(settings: Settings, region: str, index: str) -> Mapping[str, Any]:
    """Return the settings of a place; where there are none, nothing scales."""
    return settings.get(f"{region}/{index}", _OFF)
