"""What a table's definition says about requests, and which definitions an answer may rest on. Pure.

An answer is wrong if it is that of no definition which was in force at some time between the moment the request was
sent and the moment its answer came. A definition is in force until the change that replaces it has been told as done;
from the moment that change is sent the next one may be in force as well.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

TABLE, INDEX = "truth", "by-group"
ARN = f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}"
TYPES = ("S", "N")
VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
_TRIES = 40
IMAGES = {
    "KEYS_ONLY": set[str](),
    "NEW_IMAGE": {"NewImage"},
    "OLD_IMAGE": set[str](),
    "NEW_AND_OLD_IMAGES": {"NewImage"},
}
"""Images of an item that is new, by the view of the stream."""
ACTIONS = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")

Request: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A table as it is defined at some time."""

    keys: tuple[str, str | None] | None = None
    """Types of partition key `p` and sort key `s`; None when there is no table."""
    index: str | None = None
    """Type of the key `g` of the index; None without one."""
    active: bool = True
    """The index is filled."""
    ttl: str | None = None
    """Attribute of time to live."""
    view: str | None = None
    """StreamViewType."""
    action: str | None = None
    """What the resource policy allows."""
    tag: str | None = None
    recovery: bool = False
    """Point-in-time recovery is enabled: a table that is removed then becomes a backup."""

    def fits(self, given: tuple[str, str | None], *, exact: bool) -> bool:
        """Tell whether key values of these types are a key of the table, or are contained in an item of it."""
        assert self.keys is not None
        partition, sort = self.keys
        return given[0] == partition and (given[1] == sort or (sort is None and not exact))


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A request and what each definition says about it."""

    operation: str
    request: Request
    expected: Callable[[Definition], object]
    token: str | None = None
    """Partition key of the item that it puts."""


class History:
    """Definitions in their order, each with the time its change was sent, and was told as done."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, list[float], Definition]] = [(0.0, [0.0], Definition())]

    @property
    def last(self) -> Definition:
        """The newest definition, perhaps not told yet."""
        return self._entries[-1][2]

    @property
    def change(self) -> tuple[Definition, Definition]:
        """Return the definition before the newest one and the newest one."""
        before, after = self._entries[-2:]
        return before[2], after[2]

    def begin(self, definition: Definition, now: float) -> Callable[[float], None]:
        """Note that a change is about to be sent; what is returned is called with the time when it is told as done."""
        told: list[float] = []
        self._entries.append((now, told, definition))
        return told.append

    def admissible(self, sent: float, answered: float) -> list[Definition]:
        """Return the definitions that were in force at some time between these moments."""
        found = []
        for begun, told, definition in reversed(self._entries):
            if begun <= answered:
                found.append(definition)
            if told and told[0] < sent:
                break
        return found


def outcome(operation: str, status: int, body: Mapping[str, Any]) -> object:
    """Return what an answer says about the definition; a text that begins with `trouble` for one that says nothing."""
    if status == 200:
        failed = [each["Error"] for each in body.get("Responses", ()) if "Error" in each]
        if failed:
            return _refusal(failed[0]["Code"], failed[0]["Message"])
        return _SHOWN[operation](body) if operation in _SHOWN else "ok"
    name = str(body.get("__type", "")).rpartition("#")[2]
    if name == "TransactionCanceledException":
        reasons = [each for each in body["CancellationReasons"] if each["Code"] != "None"]
        return _refusal(reasons[0]["Code"], reasons[0].get("Message", ""))
    return _refusal(name, str(body.get("message", body.get("Message", ""))))


def _refusal(name: str, message: str) -> str:
    if name.startswith("ResourceNotFound") or name == "TableNotFoundException":
        return "gone"
    if name == "PolicyNotFoundException":
        return "None"
    for words, meaning in _MEANINGS:
        if words in message:
            return meaning
    if name in _TROUBLE:
        return f"trouble: {name}: {message}"
    return f"{name}: {message}"


_TROUBLE = {
    "InternalServerError",
    "ServiceUnavailableException",
    "ThrottlingException",
    "TransactionConflict",
    "TransactionConflictException",
}
_MEANINGS = (
    ("does not match the schema", "key"),
    ("does not match schema type", "key"),
    ("Missing the key", "key"),
    ("Type mismatch for key", "key"),
    ("Query condition missed key schema element", "key"),
    ("Type mismatch for Index Key", "index key"),
    ("secondary index key to unsupported type", "index key"),
    ("does not have the specified index", "no index"),
    ("Cannot read from backfilling", "backfilling"),
)


MEANINGS = {"ok", "gone", *(meaning for _, meaning in _MEANINGS)}
"""What an answer of an operation on items can mean."""


def _described(body: Mapping[str, Any]) -> object:
    table = body["Table"]
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    names = [each["AttributeName"] for each in table["KeySchema"]]
    indexes = table.get("GlobalSecondaryIndexes", [])
    return (
        (types["p"], types["s"] if "s" in names else None),
        types["g"] if indexes else None,
        all(each["IndexStatus"] == "ACTIVE" for each in indexes),
        table.get("StreamSpecification", {}).get("StreamViewType"),
    )


def _recovery(body: Mapping[str, Any]) -> object:
    shown = body["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return str(shown["PointInTimeRecoveryStatus"])


def _policy(body: Mapping[str, Any]) -> object:
    return str(json.loads(body["Policy"])["Statement"][0]["Action"])


_SHOWN: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "DescribeTable": _described,
    "DescribeTimeToLive": lambda body: str(body["TimeToLiveDescription"].get("AttributeName")),
    "GetResourcePolicy": _policy,
    "ListTagsOfResource": lambda body: str({each["Key"]: each["Value"] for each in body["Tags"]}.get("tag")),
    "DescribeStream": lambda body: body["StreamDescription"]["StreamStatus"],
    "DescribeContinuousBackups": _recovery,
}


def policy(action: str) -> str:
    """Return a resource policy that allows one action."""
    statement = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": action, "Resource": ARN}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def keys_of(definition: Definition) -> dict[str, Any]:
    """Return the members of CreateTable that say what a definition does."""
    assert definition.keys is not None
    partition, sort = definition.keys
    used = {"p": partition, **({"s": sort} if sort else {}), **({"g": definition.index} if definition.index else {})}
    stream = {"StreamEnabled": True, "StreamViewType": definition.view}
    return {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in used.items()],
        "KeySchema": [
            {"AttributeName": "p", "KeyType": "HASH"},
            *([{"AttributeName": "s", "KeyType": "RANGE"}] if sort else []),
        ],
        **({"GlobalSecondaryIndexes": [index_of()]} if definition.index else {}),
        **({"StreamSpecification": stream} if definition.view else {}),
    }


def index_of() -> dict[str, Any]:
    """Return the index as requests name it."""
    keys = [{"AttributeName": "g", "KeyType": "HASH"}]
    return {"IndexName": INDEX, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}


class Prober:
    """Makes requests of all kinds."""

    def __init__(self, seed: str, history: History) -> None:
        self._random = random.Random(seed)
        self._history = history
        self._number = self._random.randrange(1, 10**6) * 10**6

    def pointed(self) -> Probe:
        """Return a request that the newest change decides about, if one is found: rather one that it allows."""
        before, after = self._history.change
        refused = self._random.random() < 0.7
        for _ in range(_TRIES):
            probe = self.probe()
            was = probe.expected(before)
            if was != probe.expected(after) and (was != "ok" or not refused):
                return probe
        return self.probe()

    def probe(self) -> Probe:
        """Return a request of any kind."""
        chance = self._random.random()
        given = self._given()
        if chance < 0.3:
            return self._read()
        if chance < 0.45:
            return self._shown()
        if chance < 0.7:
            name, key_request = self._random.choice(_KEYED)
            return Probe(operation=name, request=key_request(self._key(given)), expected=_by_key(given))
        name, put_request = self._random.choice(_PUTS)
        group = self._random.choice((None, *TYPES))
        item = self._item(given, group)
        token = next(iter(item["p"].values()))
        return Probe(operation=name, request=put_request(item), expected=_by_item(given, group), token=token)

    def _given(self) -> tuple[str, str | None]:
        """Return types of key values, often those of the table."""
        current = self._history.last.keys
        if current is not None and self._random.random() < 0.6:
            return current
        return self._random.choice(TYPES), self._random.choice((None, *TYPES))

    def _key(self, given: tuple[str, str | None]) -> dict[str, Any]:
        self._number += 1
        sort = {"s": {given[1]: "1"}} if given[1] is not None else {}
        return {"p": {given[0]: str(self._number)}, **sort}

    def _item(self, given: tuple[str, str | None], group: str | None) -> dict[str, Any]:
        return {**self._key(given), **({"g": {group: "7"}} if group is not None else {})}

    def _read(self) -> Probe:
        """Return a read of the index."""
        kind = self._random.choice(TYPES)
        name, request = self._random.choice(_INDEXED)

        def expected(definition: Definition) -> str:
            if definition.keys is None:
                return "gone"
            if definition.index is None:
                return "no index"
            if not definition.active:
                return "backfilling"
            return "ok" if name == "Scan" or kind == definition.index else "key"

        return Probe(operation=name, request=request(kind), expected=expected)

    def _shown(self) -> Probe:
        operation, request, shown = self._random.choice(_CONTROL)
        return Probe(
            operation=operation,
            request=request,
            expected=lambda definition: "gone" if definition.keys is None else shown(definition),
        )


def _by_key(given: tuple[str, str | None]) -> Callable[[Definition], str]:
    def expected(definition: Definition) -> str:
        if definition.keys is None:
            return "gone"
        return "ok" if definition.fits(given, exact=True) else "key"

    return expected


def _by_item(given: tuple[str, str | None], group: str | None) -> Callable[[Definition], str]:
    def expected(definition: Definition) -> str:
        if definition.keys is None:
            return "gone"
        if not definition.fits(given, exact=False):
            return "key"
        return "ok" if group is None or definition.index in (None, group) else "index key"

    return expected


def _literal(value: Mapping[str, str]) -> str:
    ((kind, content),) = value.items()
    return f"'{content}'" if kind == "S" else content


def _insert(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    inner = ", ".join(f"'{name}': {_literal(value)}" for name, value in item.items())
    return {"Statement": f'INSERT INTO "{TABLE}" VALUE {{{inner}}}'}


_KEYED: tuple[tuple[str, Callable[[dict[str, Any]], Request]], ...] = (
    ("GetItem", lambda key: {"TableName": TABLE, "Key": key}),
    ("DeleteItem", lambda key: {"TableName": TABLE, "Key": key}),
    ("BatchGetItem", lambda key: {"RequestItems": {TABLE: {"Keys": [key]}}}),
    ("BatchWriteItem", lambda key: {"RequestItems": {TABLE: [{"DeleteRequest": {"Key": key}}]}}),
    ("TransactGetItems", lambda key: {"TransactItems": [{"Get": {"TableName": TABLE, "Key": key}}]}),
    ("TransactWriteItems", lambda key: {"TransactItems": [{"Delete": {"TableName": TABLE, "Key": key}}]}),
)
"""Requests that name an item by its key."""
_PUTS: tuple[tuple[str, Callable[[dict[str, Any]], Request]], ...] = (
    ("PutItem", lambda item: {"TableName": TABLE, "Item": item}),
    ("PutItem", lambda item: {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(p)"}),
    ("BatchWriteItem", lambda item: {"RequestItems": {TABLE: [{"PutRequest": {"Item": item}}]}}),
    ("TransactWriteItems", lambda item: {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item}}]}),
    ("ExecuteStatement", _insert),
    ("BatchExecuteStatement", lambda item: {"Statements": [_insert(item)]}),
    ("ExecuteTransaction", lambda item: {"TransactStatements": [_insert(item)]}),
)
"""Requests that put an item whose key is used by nobody else."""
_INDEXED: tuple[tuple[str, Callable[[str], Request]], ...] = (
    (
        "Query",
        lambda kind: {
            "TableName": TABLE,
            "IndexName": INDEX,
            "KeyConditionExpression": "g = :g",
            "ExpressionAttributeValues": {":g": {kind: "7"}},
            "Limit": 1,
        },
    ),
    ("Scan", lambda _kind: {"TableName": TABLE, "IndexName": INDEX, "Limit": 1}),
    (
        "ExecuteStatement",
        lambda kind: {
            "Statement": f'SELECT * FROM "{TABLE}"."{INDEX}" WHERE g = {_literal({kind: "7"})}',
            "Limit": 1,
        },
    ),
)
_CONTROL: tuple[tuple[str, Request, Callable[[Definition], object]], ...] = (
    ("DescribeTable", {"TableName": TABLE}, lambda it: (it.keys, it.index, it.active, it.view)),
    ("DescribeTimeToLive", {"TableName": TABLE}, lambda it: str(it.ttl)),
    ("GetResourcePolicy", {"ResourceArn": ARN}, lambda it: str(it.action)),
    ("ListTagsOfResource", {"ResourceArn": ARN}, lambda it: str(it.tag)),
    ("DescribeContinuousBackups", {"TableName": TABLE}, lambda it: "ENABLED" if it.recovery else "DISABLED"),
)


def edits(definition: Definition, chance: random.Random) -> list[tuple[str, Request, Definition]]:
    """Return the changes a table allows, other than removing it: each with what the table is afterwards."""
    found: list[tuple[str, Request, Definition]] = []
    update = {"TableName": TABLE}
    if definition.index is None:
        kind = chance.choice(TYPES)
        made = {
            **update,
            "AttributeDefinitions": [{"AttributeName": "g", "AttributeType": kind}],
            "GlobalSecondaryIndexUpdates": [{"Create": index_of()}],
        }
        found += [("UpdateTable", made, replace(definition, index=kind, active=False))] * 3
    else:
        gone = {**update, "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": INDEX}}]}
        found += [("UpdateTable", gone, replace(definition, index=None, active=True))] * 3
    enabled, attribute = definition.ttl is None, definition.ttl or chance.choice(("until", "expiry"))
    live = {"Enabled": enabled, "AttributeName": attribute}
    found.append(
        (
            "UpdateTimeToLive",
            {**update, "TimeToLiveSpecification": live},
            replace(definition, ttl=attribute if enabled else None),
        )
    )
    view = chance.choice(VIEWS) if definition.view is None else None
    stream = {"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False}
    found += [("UpdateTable", {**update, "StreamSpecification": stream}, replace(definition, view=view))] * 2
    recovery = {"PointInTimeRecoveryEnabled": not definition.recovery}
    found.append(
        (
            "UpdateContinuousBackups",
            {**update, "PointInTimeRecoverySpecification": recovery},
            replace(definition, recovery=not definition.recovery),
        )
    )
    action = chance.choice(ACTIONS)
    found.append(
        ("PutResourcePolicy", {"ResourceArn": ARN, "Policy": policy(action)}, replace(definition, action=action))
    )
    tag = str(chance.randrange(10**6))
    found.append(
        ("TagResource", {"ResourceArn": ARN, "Tags": [{"Key": "tag", "Value": tag}]}, replace(definition, tag=tag))
    )
    return found
