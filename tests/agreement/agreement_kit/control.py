"""Histories of tables: settings, streams, backups and recovery, carried out on a pair of engines.

Beside the two engines stands a third account of what must be true: the items as a dictionary, kept at every backup and
every moment to go back to, and the changes since the stream was enabled. What is restored and what a stream tells is
held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agreement_kit.pair import Answer, Pair
from hypothesis import strategies as st

TABLE, COPY = "main", "copy"
REGION = "us-east-1"
Items = dict[str, dict[str, Any]]
"""Items by their key."""
Step = tuple[str, Any]
"""A word of `_STEPS`, or an operation, and what it needs."""

_KEYS = st.sampled_from(["a", "b", "c", "d"])
_VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
_INDEX = {
    "IndexName": "late",
    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
_UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
_CHANGES: tuple[dict[str, Any], ...] = (
    {
        "AttributeDefinitions": [{"AttributeName": "v", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": _INDEX}],
    },
    {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "late"}}]},
    {"BillingMode": "PROVISIONED", "ProvisionedThroughput": _UNITS},
    {"BillingMode": "PAY_PER_REQUEST"},
    {"ProvisionedThroughput": {**_UNITS, "ReadCapacityUnits": 7}},
    {"DeletionProtectionEnabled": True},
    {"DeletionProtectionEnabled": False},
    {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
    {"OnDemandThroughput": {"MaxReadRequestUnits": 10}},
    {"SSESpecification": {"Enabled": True}},
    {},
)


def _arn(account: str, table: str = TABLE) -> str:
    return f"arn:aws:dynamodb:{REGION}:{account}:table/{table}"


def scripts() -> st.SearchStrategy[list[Step]]:
    """Draw a history."""
    word = st.sampled_from
    table = word([TABLE, COPY])
    tags = st.lists(word(["x", "y", "z"]), min_size=1, max_size=2, unique=True)
    puts = st.tuples(st.just("put"), st.tuples(_KEYS, word(["1", "2"])))
    return st.lists(
        st.one_of(
            puts,
            puts,
            st.tuples(st.just("delete"), _KEYS),
            st.tuples(st.just("stream"), st.none() | word(_VIEWS)),
            st.tuples(st.just("change"), word(_CHANGES)),
            st.tuples(st.just("protect"), st.booleans()),
            st.tuples(st.just("backup"), st.none()),
            st.tuples(st.just("restore"), st.integers(0, 3)),
            st.tuples(st.just("unback"), st.integers(0, 3)),
            st.tuples(st.just("recovery"), st.booleans()),
            st.tuples(st.just("moment"), st.none()),
            st.tuples(st.just("go back"), st.integers(0, 3)),
            st.tuples(st.just("expiry"), st.tuples(word(["v", "t"]), st.booleans())),
            st.tuples(st.just("tag"), tags),
            st.tuples(st.just("untag"), tags),
            st.tuples(st.just("drop"), table),
            st.tuples(st.just("describe"), table),
            st.tuples(st.just("work"), st.none()),
        ),
        min_size=4,
        max_size=16,
    )


class History:
    """A history under way, and what is true of it."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._account = pair.account()
        self._items: Items = {}
        self._backups: dict[str, Items] = {}
        self._moments: list[tuple[int, Items]] = []
        self._events: list[tuple[str, str]] | None = None
        """Names and keys of the changes since the stream was enabled; None without one."""

    def ask(self, operation: str, **request: Any) -> Answer:
        """Return what both engines answer."""
        return self._pair.ask(self._account, operation, request)

    def create(self) -> None:
        """Create the table, empty."""
        answer = self.ask(
            "CreateTable",
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        if "__type" not in answer:
            self._items, self._events, self._moments = {}, None, []

    def carry_out(self, script: list[Step]) -> None:
        """Do every step. Raises AssertionError where the engines differ, or one is wrong."""
        self.create()
        for name, content in script:
            _STEPS[name](self, content)
        self.work(None)
        self.check()
        self.clear()

    def clear(self) -> None:
        """Leave nothing behind."""
        for table in (TABLE, COPY):
            self.ask("UpdateTable", TableName=table, DeletionProtectionEnabled=False)
            self.ask("DeleteTable", TableName=table)
        for arn in self._backups:
            self.ask("DeleteBackup", BackupArn=arn)
        self.work(None)

    # What is done.

    def put(self, content: tuple[str, str]) -> None:
        """Put an item; the same one again is no change."""
        key, value = content
        item = {"p": {"S": key}, "v": {"S": value}}
        if "__type" in self.ask("PutItem", TableName=TABLE, Item=item):
            return
        old = self._items.get(key)
        if old != item:
            self._note("INSERT" if old is None else "MODIFY", key)
        self._items = {**self._items, key: item}

    def delete(self, key: str) -> None:
        """Delete an item; one that is not there is no change."""
        if "__type" in self.ask("DeleteItem", TableName=TABLE, Key={"p": {"S": key}}):
            return
        if key in self._items:
            self._note("REMOVE", key)
        self._items = {name: item for name, item in self._items.items() if name != key}

    def _note(self, event: str, key: str) -> None:
        if self._events is not None:
            self._events.append((event, key))

    def stream(self, view: str | None) -> None:
        """Enable a stream, or disable it."""
        specification = {"StreamEnabled": view is not None, **({"StreamViewType": view} if view else {})}
        if "__type" not in self.ask("UpdateTable", TableName=TABLE, StreamSpecification=specification):
            self._events = None if view is None else []

    def change(self, change: Mapping[str, Any]) -> None:
        """Change settings of the table."""
        self.ask("UpdateTable", TableName=TABLE, **change)

    def protect(self, protected: bool) -> None:
        """Protect the copy from deletion, or no longer."""
        self.ask("UpdateTable", TableName=COPY, DeletionProtectionEnabled=protected)

    def backup(self, _content: None) -> None:
        """Back the table up."""
        answer = self.ask("CreateBackup", TableName=TABLE, BackupName="kept")
        if "__type" not in answer:
            self._backups[answer["BackupDetails"]["BackupArn"]] = self._items

    def restore(self, number: int) -> None:
        """Restore a backup to the copy, and look whether it is what was backed up."""
        self.work(None)
        if number < len(self._backups):
            arn, items = list(self._backups.items())[number]
            self._restored(self.ask("RestoreTableFromBackup", TargetTableName=COPY, BackupArn=arn), items)

    def unback(self, number: int) -> None:
        """Delete a backup."""
        if number < len(self._backups):
            arn = list(self._backups)[number]
            if "__type" not in self.ask("DeleteBackup", BackupArn=arn):
                del self._backups[arn]

    def recovery(self, enabled: bool) -> None:
        """Enable or disable recovery to a point in time."""
        specification = {"PointInTimeRecoveryEnabled": enabled}
        answer = self.ask("UpdateContinuousBackups", TableName=TABLE, PointInTimeRecoverySpecification=specification)
        recovery = answer.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        if not enabled or "EarliestRestorableDateTime" not in recovery:
            self._moments = []

    def moment(self, _content: None) -> None:
        """Note a moment to go back to: a whole second between two changes."""
        self._pair.work()
        self._moments.append((self._pair.second(), self._items))
        self._pair.work()

    def go_back(self, number: int) -> None:
        """Restore the table as of a moment to the copy, and look whether it is what was there."""
        if number < len(self._moments):
            second, items = self._moments[number]
            answer = self.ask(
                "RestoreTableToPointInTime", SourceTableName=TABLE, TargetTableName=COPY, RestoreDateTime=second
            )
            self._restored(answer, items)

    def _restored(self, answer: Answer, items: Items) -> None:
        if "__type" in answer:
            return
        self.work(None)
        found = self._scan(COPY)
        assert found == items, f"{found} instead of {items}"
        described = self.ask("DescribeTable", TableName=COPY)["Table"]
        assert described["TableStatus"] == "ACTIVE"
        for index in described.get("GlobalSecondaryIndexes", ()):
            found = self.ask("Scan", TableName=COPY, IndexName=index["IndexName"])["Items"]
            assert {item["p"]["S"]: item for item in found} == items

    def expiry(self, content: tuple[str, bool]) -> None:
        """Set or clear the attribute of expiry; no item of these histories ever expires."""
        attribute, enabled = content
        specification = {"AttributeName": attribute, "Enabled": enabled}
        self.ask("UpdateTimeToLive", TableName=TABLE, TimeToLiveSpecification=specification)

    def tag(self, names: list[str]) -> None:
        """Tag the table."""
        tags = [{"Key": name, "Value": f"of {name}"} for name in names]
        self.ask("TagResource", ResourceArn=_arn(self._account), Tags=tags)

    def untag(self, names: list[str]) -> None:
        """Take tags away."""
        self.ask("UntagResource", ResourceArn=_arn(self._account), TagKeys=names)

    def drop(self, table: str) -> None:
        """Delete a table; the first one is created anew."""
        answer = self.ask("DeleteTable", TableName=table)
        if table == TABLE and "__type" not in answer:
            self.work(None)
            self.create()

    def describe(self, table: str) -> None:
        """Ask for everything there is to know of a table."""
        for operation in ("DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups"):
            self.ask(operation, TableName=table)
        self.ask("ListTagsOfResource", ResourceArn=_arn(self._account, table))
        self.ask("ListTables")
        self.ask("ListBackups")
        self.ask("ListStreams", TableName=table)

    def work(self, _content: None) -> None:
        """Let background work be done."""
        self._pair.work()

    # What must be true.

    def check(self) -> None:
        """Hold the table, its index and its stream against what was done."""
        self.describe(TABLE)
        assert self._scan(TABLE) == self._items
        table = self.ask("DescribeTable", TableName=TABLE)["Table"]
        for index in table.get("GlobalSecondaryIndexes", ()):
            found = self.ask("Scan", TableName=TABLE, IndexName=index["IndexName"])["Items"]
            assert {item["p"]["S"]: item for item in found} == self._items
        if self._events is not None:
            for events in self._pair.streams(self._account, table["LatestStreamArn"]):
                assert events == self._events

    def _scan(self, table: str) -> Items:
        return {item["p"]["S"]: item for item in self.ask("Scan", TableName=table)["Items"]}


_STEPS: Mapping[str, Callable[[History, Any], None]] = {
    "put": History.put,
    "delete": History.delete,
    "stream": History.stream,
    "change": History.change,
    "protect": History.protect,
    "backup": History.backup,
    "restore": History.restore,
    "unback": History.unback,
    "recovery": History.recovery,
    "moment": History.moment,
    "go back": History.go_back,
    "expiry": History.expiry,
    "tag": History.tag,
    "untag": History.untag,
    "drop": History.drop,
    "describe": History.describe,
    "work": History.work,
}
