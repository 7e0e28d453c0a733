"""BatchGetItem and BatchWriteItem: limits, duplicates, keys that do not fit, capacity by table and by index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamodb_cases.model import Case, Failure, Step, case, do, failure, table

SETUP = [
    table("one", "p S"),
    table("two", "p S, s N"),
    table("three", "p S, s S", global_={"gix": "g S", "gkeys": "h N | KEYS_ONLY"}, local={"lix": "p S, l S"}),
    do("PutItem", {"TableName": "one", "Item": {"p": {"S": "a"}, "v": {"S": "x"}, "m": {"M": {"k": {"S": "z"}}}}}),
    do("PutItem", {"TableName": "one", "Item": {"p": {"S": "big"}, "v": {"S": "x" * 9000}}}),
    do("PutItem", {"TableName": "two", "Item": {"p": {"S": "a"}, "s": {"N": "1"}}}),
    do("PutItem", {"TableName": "two", "Item": {"p": {"S": "a"}, "s": {"N": "2"}}}),
]
ITEM_A = {"p": {"S": "a"}, "v": {"S": "x"}, "m": {"M": {"k": {"S": "z"}}}}
NOT_FOUND = failure("ResourceNotFoundException", "Requested resource not found")
NO_MATCH = "The provided key element does not match the schema"
DUPLICATES = "Provided list of item keys contains duplicates"
INVALID = "One or more parameter values were invalid: "
EMPTY_KEY = (
    "One or more parameter values are not valid. "
    "The AttributeValue for a key attribute cannot contain an empty string value. Key: p"
)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for name, request, expected in (*GETS, *_duplicate_gets(), *_wrong_gets()):
        yield case(f"batches: get, {name}", SETUP, do("BatchGetItem", request, expected))
    for name, request, expected in (*_writes(), *_wrong_writes()):
        yield case(f"batches: write, {name}", SETUP, do("BatchWriteItem", request, expected))
    yield from _many()


def _a(value: str) -> dict[str, Any]:
    return {"p": {"S": value}}


def _two(number: str) -> dict[str, Any]:
    return {"p": {"S": "a"}, "s": {"N": number}}


def _get(name: str, *keys: Any, **members: Any) -> dict[str, Any]:
    return {"RequestItems": {name: {"Keys": list(keys), **members}}}


def _got(**responses: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"UnprocessedKeys": {}, "Responses": responses}
    return answer


GETS: tuple[tuple[str, dict[str, Any], Any], ...] = (
    ("nothing found", _get("one", _a("none"), _a("nor this")), _got(one=[])),
    (
        "items that share a partition",
        _get("two", _two("1"), _two("2"), _two("3")),
        _got(two={"$unordered": [_two("1"), _two("2")]}),
    ),
    (
        "an equal key of another table",
        {"RequestItems": {"one": {"Keys": [_a("a")]}, "two": {"Keys": [_two("1")]}}},
        None,
    ),
    ("a path", _get("one", _a("a"), ProjectionExpression="m.k, v"), _got(one=[{k: ITEM_A[k] for k in ("m", "v")}])),
    ("a path to nothing", _get("one", _a("a"), ProjectionExpression="zz"), _got(one=[{}])),
    (
        "names",
        _get("one", _a("a"), ProjectionExpression="#m.#k", ExpressionAttributeNames={"#m": "m", "#k": "k"}),
        _got(one=[{"m": ITEM_A["m"]}]),
    ),
    (
        "a projection for one table only",
        {
            "RequestItems": {
                "one": {"Keys": [_a("a")], "ProjectionExpression": "v"},
                "two": {"Keys": [_two("1")]},
            }
        },
        _got(one=[{"v": {"S": "x"}}], two=[_two("1")]),
    ),
    (
        "consistency for each table",
        {
            "ReturnConsumedCapacity": "TOTAL",
            "RequestItems": {
                "one": {"Keys": [_a("big"), _a("none")], "ConsistentRead": True, "ProjectionExpression": "p"},
                "two": {"Keys": [_two("1"), _two("9")]},
            },
        },
        {
            **_got(one=[_a("big")], two=[_two("1")]),
            "ConsumedCapacity": {
                "$unordered": [
                    {"TableName": "one", "CapacityUnits": 4.0},
                    {"TableName": "two", "CapacityUnits": 1.0},
                ]
            },
        },
    ),
    (
        "capacity with the table's part",
        {**_get("one", _a("big"), ProjectionExpression="p"), "ReturnConsumedCapacity": "INDEXES"},
        {
            **_got(one=[_a("big")]),
            "ConsumedCapacity": [{"TableName": "one", "CapacityUnits": 1.5, "Table": {"CapacityUnits": 1.5}}],
        },
    ),
    (
        "no capacity asked for",
        {**_get("one", _a("a"), AttributesToGet=["v"]), "ReturnConsumedCapacity": "NONE"},
        _got(one=[{"v": {"S": "x"}}]),
    ),
)


def _duplicate_gets() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for spelling in ("1", "1.0", "1e0", "01", "0.1e1"):
        yield f"a number twice, as {spelling}", _get("two", _two("1"), _two("2"), _two(spelling)), DUPLICATES
    both = {"RequestItems": {"one": {"Keys": [_a("a")]}, "two": {"Keys": [_two("7"), _two("7")]}}}
    yield "a key twice in the second table", both, DUPLICATES


def _wrong_keys() -> Iterator[tuple[str, str, Any, str]]:
    """Keys that do not fit: name, table, key and the sentence."""
    yield "no attribute", "one", {}, NO_MATCH
    yield "another attribute", "one", {"q": {"S": "a"}}, NO_MATCH
    yield "one attribute too many", "one", {**_a("a"), "q": {"S": "a"}}, NO_MATCH
    yield "no sort key", "two", _a("a"), NO_MATCH
    yield "another type", "one", {"p": {"N": "1"}}, NO_MATCH
    yield "another type of sort key", "two", {**_a("a"), "s": {"S": "1"}}, NO_MATCH
    yield "a type no key has", "one", {"p": {"BOOL": True}}, NO_MATCH
    yield "an empty string", "one", _a(""), EMPTY_KEY
    long = "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    yield "a string too long", "one", _a("x" * 2049), long
    yield "no number", "two", _two("x"), "The parameter cannot be converted to a numeric value: x"
    yield (
        "two types",
        "one",
        {"p": {"S": "a", "N": "1"}},
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    )
    yield (
        "no type",
        "one",
        {"p": {}},
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    )


def _wrong_gets() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for name, table_name, key, text in _wrong_keys():
        yield f"a key of {name}", _get(table_name, key), text
    yield "no such table", _get("none", _a("a")), NOT_FOUND
    yield (
        "no such table among others",
        {"RequestItems": {**_get("one", _a("a"))["RequestItems"], "none": {"Keys": [_a("a")]}}},
        NOT_FOUND,
    )
    names = {"#x": "x"}
    yield (
        "names without an expression",
        _get("one", _a("a"), ExpressionAttributeNames=names),
        "ExpressionAttributeNames can only be specified when using expressions",
    )
    yield (
        "a name not used",
        _get("one", _a("a"), ProjectionExpression="v", ExpressionAttributeNames=names),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}",
    )
    yield (
        "a name not given",
        _get("one", _a("a"), ProjectionExpression="#x"),
        "Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; "
        "attribute name: #x",
    )
    yield (
        "overlapping paths",
        _get("one", _a("a"), ProjectionExpression="m, m.k"),
        "Invalid ProjectionExpression: Two document paths overlap with each other; "
        "must remove or rewrite one of these paths; path one: [m], path two: [m, k]",
    )
    yield (
        "a name twice",
        _get("one", _a("a"), AttributesToGet=["v", "v"]),
        f"{INVALID}Duplicate value in attribute name: v",
    )
    yield (
        "an empty projection",
        _get("one", _a("a"), ProjectionExpression=""),
        ("Invalid ProjectionExpression: The expression can not be empty;"),
    )


def _put(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"PutRequest": {"Item": item}}


def _delete(key: Mapping[str, Any]) -> dict[str, Any]:
    return {"DeleteRequest": {"Key": key}}


def _write(name: str, *requests: Any, **members: Any) -> dict[str, Any]:
    return {"RequestItems": {name: list(requests)}, **members}


DONE: dict[str, Any] = {"UnprocessedItems": {}}
INDEXED = {"p": {"S": "a"}, "s": {"S": "a"}, "g": {"S": "x"}, "l": {"S": "y"}}


def _writes() -> Iterator[tuple[str, dict[str, Any], Any]]:
    yield "a put", _write("one", _put(_a("n"))), DONE
    yield "a delete of nothing", _write("one", _delete(_a("none"))), DONE
    yield "equal keys in two tables", {"RequestItems": {"one": [_put(_a("a"))], "two": [_put(_two("1"))]}}, DONE
    yield "an item of 400 KB", _write("one", _put({**_a("a"), "v": {"S": "x" * (400 * 1024 - 3)}})), DONE
    yield (
        "capacity of indexes",
        _write("three", _put(INDEXED), _put({"p": {"S": "a"}, "s": {"S": "b"}}), ReturnConsumedCapacity="INDEXES"),
        {
            **DONE,
            "ConsumedCapacity": [
                {
                    "TableName": "three",
                    "CapacityUnits": 4.0,
                    "Table": {"CapacityUnits": 2.0},
                    "LocalSecondaryIndexes": {"lix": {"CapacityUnits": 1.0}},
                    "GlobalSecondaryIndexes": {"gix": {"CapacityUnits": 1.0}},
                }
            ],
        },
    )
    yield (
        "capacity of two tables",
        {
            "ReturnConsumedCapacity": "TOTAL",
            "RequestItems": {"one": [_delete(_a("big"))], "two": [_put(_two("7")), _delete(_two("8"))]},
        },
        {
            **DONE,
            "ConsumedCapacity": {
                "$unordered": [
                    {"TableName": "one", "CapacityUnits": 9.0},
                    {"TableName": "two", "CapacityUnits": 2.0},
                ]
            },
        },
    )
    metrics = [{"ItemCollectionKey": _a("a"), "SizeEstimateRangeGB": [0.0, 1.0]}]
    yield (
        "sizes of item collections",
        _write("three", _put(INDEXED), _put({**_a("a"), "s": {"S": "c"}}), ReturnItemCollectionMetrics="SIZE"),
        {**DONE, "ItemCollectionMetrics": {"three": metrics}},
    )


def _wrong_writes() -> Iterator[tuple[str, dict[str, Any], str | Failure]]:
    for name, table_name, key, text in _wrong_keys():
        yield f"a delete of {name}", _write(table_name, _delete(key)), text
    yield "a put without its key", _write("two", _put(_a("a"))), NO_MATCH
    yield "a put of another type", _write("one", _put({"p": {"N": "1"}})), NO_MATCH
    yield "a put of no scalar", _write("one", _put({"p": {"L": []}})), NO_MATCH
    yield "a put of an empty key", _write("one", _put(_a(""))), EMPTY_KEY
    index = f"{INVALID}Type mismatch for Index Key g Expected: S Actual: N IndexName: gix"
    yield "an index key of another type", _write("three", _put({**INDEXED, "g": {"N": "1"}})), index
    large = "Item size has exceeded the maximum allowed size"
    yield "an item over 400 KB", _write("one", _put({**_a("a"), "v": {"S": "x" * (400 * 1024 - 2)}})), large
    yield "a key put twice", _write("one", _put(_a("a")), _put({**_a("a"), "v": {"S": "y"}})), DUPLICATES
    yield "a key deleted twice", _write("two", _delete(_two("1")), _delete(_two("1.0"))), DUPLICATES
    yield "a key put and deleted", _write("two", _put(_two("1.0")), _delete(_two("1"))), DUPLICATES
    yield "no such table", _write("none", _delete(_a("a"))), NOT_FOUND
    both = {**_put(_a("a")), **_delete(_a("b"))}
    yield (
        "both kinds in one place",
        _write("one", both),
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    )
    yield (
        "neither kind",
        _write("one", {}),
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    )


def _many() -> Iterator[Case]:
    """As many as are taken, and one more."""
    hundred = [_a(str(number)) for number in range(100)]
    yield case("batches: get, 100 keys", SETUP, do("BatchGetItem", _get("one", *hundred), _got(one=[])))
    request = {"RequestItems": {"one": {"Keys": hundred}, "two": {"Keys": [_two("1")]}}}
    yield case(
        "batches: get, 101 keys of two tables",
        SETUP,
        do("BatchGetItem", request, "Too many items requested for the BatchGetItem call"),
    )
    puts = [_put(_a(str(number))) for number in range(25)]
    steps: list[Step] = [
        do("BatchWriteItem", _write("one", *puts), DONE),
        do("Scan", {"TableName": "one", "Select": "COUNT"}, {"Count": 27, "ScannedCount": 27}),
        do("BatchWriteItem", _write("one", *(_delete(each["PutRequest"]["Item"]) for each in puts)), DONE),
        do("Scan", {"TableName": "one", "Select": "COUNT"}, {"Count": 2, "ScannedCount": 2}),
    ]
    yield case("batches: write, 25 puts and 25 deletes", SETUP, *steps)
    two_tables = {"RequestItems": {"one": puts, "two": [_delete(_two("1"))]}}
    yield case(
        "batches: write, 26 requests to two tables",
        SETUP,
        do("BatchWriteItem", two_tables, "Too many items requested for the BatchWriteItem call"),
        do("GetItem", {"TableName": "one", "Key": _a("1")}, {}),
    )
