"""Replicas of a table (global tables of version 2019.11.21): settings of its description. Pure.

The tables of one deployment are not replicated between regions; what is asked for is checked, kept and described, and
a replica is active at once. A table's own region is not among its replicas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.arn import TableArn, parse_table
from extenddb.core.errors import resource_not_found, validation
from extenddb.engine.tables import keys, replica_rules, rules

VERSION = "2019.11.21"
"""The GlobalTableVersion of these replicas."""
SETTINGS_MODE = "GlobalTableSettingsReplicationMode"
_MODE_OF_REPLICAS = "ENABLED_WITH_OVERRIDES"
_OF_A_GLOBAL_TABLE = ("Replicas", "GlobalTableVersion", "MultiRegionConsistency", "GlobalTableWitnesses")
_OVERRIDES = (
    ("ProvisionedThroughputOverride", "ProvisionedThroughput", "ReadCapacityUnits"),
    ("OnDemandThroughputOverride", "OnDemandThroughput", "MaxReadRequestUnits"),
)
"""Overrides, and what they override; one that equals it is none."""

Description = dict[str, Any]
Replica = Mapping[str, Any]


def creates(request: Mapping[str, Any]) -> bool:
    """Tell whether a request adds a replica."""
    return any(update.get("Create") is not None for update in request.get("ReplicaUpdates") or ())


def changed(description: Description, request: Mapping[str, Any], now_ms: int) -> Description:
    """Return a table's description after the parts of an UpdateTable request that concern replicas.

    Raises a ValidationException for what cannot be.
    """
    arn = _arn(description)
    replica_rules.check_request(request, arn.region)
    edit = _Edit(description, now_ms)
    for kind, body in replica_rules.replica_actions(request):
        edit.apply(kind, body)
    replica_rules.check_group(request, description)
    witnesses = _witnesses(description, request)
    rest = {name: value for name, value in description.items() if name not in _OF_A_GLOBAL_TABLE}
    if not edit.replicas:
        return rest
    strong = "STRONG" in (request.get("MultiRegionConsistency"), description.get("MultiRegionConsistency"))
    return {
        **rest,
        "Replicas": list(edit.replicas.values()),
        "GlobalTableVersion": VERSION,
        **({"MultiRegionConsistency": "STRONG"} if strong else {}),
        **({"GlobalTableWitnesses": witnesses} if witnesses else {}),
    }


def _arn(description: Mapping[str, Any]) -> TableArn:
    arn = parse_table(description["TableArn"])
    assert arn is not None  # noqa: S101  (written by CreateTable)
    return arn


class _Edit:
    """The replicas of a table being edited, by region."""

    def __init__(self, description: Description, now_ms: int) -> None:
        self.description = description
        self.now_ms = now_ms
        self.replicas: dict[str, Replica] = {each["RegionName"]: each for each in description.get("Replicas", ())}

    def apply(self, kind: str, body: Mapping[str, Any]) -> None:
        """Carry out one action."""
        region = body["RegionName"]
        if kind == "Create":
            self._check_free(region)
            self._check_key(kind, body)
            self.replicas[region] = self._with_overrides({"RegionName": region, "ReplicaStatus": "ACTIVE"}, body)
            return
        self._check_member(region)
        if kind == "Update":
            self._check_update(body)
            self.replicas[region] = self._with_overrides(self.replicas[region], body)
            return
        if kind == "Disassociate" and self.description.get("DisassociationProtectionEnabled"):
            raise validation("Replica cannot be disassociated as the table is protected against disassociation.")
        del self.replicas[region]

    def _check_free(self, region: str) -> None:
        if region in self.replicas:
            raise validation(
                f"Failed to create a the new replica of table with name: ‘{self.description['TableName']}’ because one "
                "or more replicas already existed as tables."
            )

    def _check_member(self, region: str) -> None:
        if region not in self.replicas:
            raise validation(
                "Update global table operation failed because one or more replicas were not part of the global table. "
                f"Please retry the request without these replicas: [{region}]."
            )

    def _check_key(self, kind: str, body: Mapping[str, Any]) -> None:
        current = self.description.get("SSEDescription", {}).get("KMSMasterKeyArn")
        service_key = keys.service_key(_arn(self.description))
        replica_rules.check_key(body.get("KMSMasterKeyId"), kind, current, service_key)

    def _check_update(self, body: Mapping[str, Any]) -> None:
        self._check_key("Update", body)
        if self._on_demand:
            if body.get("ProvisionedThroughputOverride") is not None:
                raise validation(rules.NO_UNITS)
        elif body.get("OnDemandThroughputOverride") is not None:
            raise validation(
                "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is "
                "PROVISIONED"
            )
        known = {index["IndexName"] for index in self.description.get("GlobalSecondaryIndexes", ())}
        for index in body.get("GlobalSecondaryIndexes") or ():
            if index["IndexName"] not in known:
                raise resource_not_found(f"Requested resource not found: Index: {index['IndexName']} not found")

    @property
    def _on_demand(self) -> bool:
        return rules.is_on_demand(self.description.get("BillingModeSummary", {}).get("BillingMode"))

    def _with_overrides(self, replica: Replica, body: Mapping[str, Any]) -> Replica:
        """Return a replica with the overrides of a request; an override of an index there is not is passed over."""
        changed = _overridden(replica, body, self.description)
        if body.get("KMSMasterKeyId") is not None:
            changed["KMSMasterKeyId"] = keys.key_arn(body["KMSMasterKeyId"], _arn(self.description), body["RegionName"])
        if body.get("TableClassOverride") is not None:
            changed["ReplicaTableClassSummary"] = {
                "TableClass": body["TableClassOverride"],
                "LastUpdateDateTime": self.now_ms / 1000,
            }
        given = {index["IndexName"]: index for index in body.get("GlobalSecondaryIndexes") or ()}
        had = {index["IndexName"]: index for index in replica.get("GlobalSecondaryIndexes", ())}
        indexes = [
            _overridden(
                had.get(index["IndexName"], {"IndexName": index["IndexName"]}), given[index["IndexName"]], index
            )
            if index["IndexName"] in given
            else had.get(index["IndexName"], {"IndexName": index["IndexName"]})
            for index in self.description.get("GlobalSecondaryIndexes", ())
        ]
        changed.pop("GlobalSecondaryIndexes", None)
        return {**changed, **({"GlobalSecondaryIndexes": indexes} if any(map(_overrides, indexes)) else {})}


def _overridden(replica: Replica, body: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return a replica, or an index of one, with what is given instead of what the table has."""
    changed = dict(replica)
    for member, overridden, units in _OVERRIDES:
        if body.get(member) is None:
            continue
        changed[member] = body[member]
        if body[member].get(units) == base.get(overridden, {}).get(units):
            del changed[member]
    return changed


def _overrides(index: Mapping[str, Any]) -> bool:
    return len(index) > 1


def _witnesses(description: Description, request: Mapping[str, Any]) -> list[Mapping[str, str]]:
    witnesses = {each["RegionName"]: each for each in description.get("GlobalTableWitnesses", ())}
    for update in request.get("GlobalTableWitnessUpdates") or ():
        create, delete = update.get("Create"), update.get("Delete")
        if create is not None:
            witnesses[create["RegionName"]] = {"RegionName": create["RegionName"], "WitnessStatus": "ACTIVE"}
        if delete is not None:
            witnesses.pop(delete["RegionName"], None)
    return list(witnesses.values())


def shown(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a description of a table says of its replicas beside their overrides; nothing if it has none."""
    if not description.get("Replicas"):
        return {}
    mode = description.get(SETTINGS_MODE, _MODE_OF_REPLICAS)
    return {SETTINGS_MODE: mode, "Replicas": [_shown(each, description, mode) for each in description["Replicas"]]}


def _shown(replica: Replica, description: Mapping[str, Any], mode: str) -> Replica:
    described = {**replica, "WarmThroughput": description["WarmThroughput"], SETTINGS_MODE: mode}
    indexes = {index["IndexName"]: index for index in replica.get("GlobalSecondaryIndexes", ())}
    described["GlobalSecondaryIndexes"] = [
        {
            **indexes.get(index["IndexName"], {"IndexName": index["IndexName"]}),
            "WarmThroughput": index["WarmThroughput"],
        }
        for index in description.get("GlobalSecondaryIndexes", ())
    ]
    if not described["GlobalSecondaryIndexes"]:
        del described["GlobalSecondaryIndexes"]
    return described
