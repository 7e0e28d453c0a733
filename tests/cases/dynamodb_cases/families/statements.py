"""PartiQL: what statements read, write and refuse, alone, in batches and in transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamodb_cases.families.transactions import canceled
from dynamodb_cases.model import Case, Failure, Step, case, do, failure, table

INDEX = {"by-genre": "genre S, n N | KEYS_ONLY"}


def song(name: str) -> dict[str, Any]:
    """Return the item that a name such as a1 stands for."""
    number = int(name[1:])
    return {
        "artist": {"S": name[0]},
        "n": {"N": str(number)},
        "genre": {"S": "odd" if number % 2 else "even"},
        "plays": {"N": str(number * 10)},
        "m": {"M": {"x": {"S": "deep"}, "l": {"L": [{"N": "5"}, {"M": {"y": {"BOOL": True}}}]}}},
        "tags": {"SS": ["blue", "red"]},
    }


SONGS = tuple(f"{artist}{number}" for artist in "ab" for number in range(4))
SETUP = [
    table("songs", "artist S, n N", global_=INDEX),
    table("plain", "k S"),
    do("BatchWriteItem", {"RequestItems": {"songs": [{"PutRequest": {"Item": song(name)}} for name in SONGS]}}),
    do("PutItem", {"TableName": "plain", "Item": {"k": {"S": "x"}, "v": {"N": "1"}}}),
]
NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"
NO_TABLE = failure("ResourceNotFoundException", "Requested resource not found")
COUNT = "Number of parameters in request and statement don't match."
CHECK_FAILED = failure("ConditionalCheckFailedException", "The conditional request failed")
DUPLICATE = failure("DuplicateItemException", "Duplicate primary key exists in table")

IN_ORDER: tuple[tuple[str, str], ...] = (
    ("artist = 'a'", "a0 a1 a2 a3"),
    ("artist = 'a' AND n = 1", "a1"),
    ("'a' = artist AND 1 = n", "a1"),
    ("artist = 'a' AND n = 9", ""),
    ("artist = 'z'", ""),
    ("artist = 'a' AND n > 1", "a2 a3"),
    ("artist = 'a' AND n >= 1 AND n < 3", "a1 a2"),
    ("artist = 'a' AND n BETWEEN 1 AND 2", "a1 a2"),
    ("artist = 'a' AND n <> 1", "a0 a2 a3"),
    ("artist = 'a' AND n != 1", "a0 a2 a3"),
    ("artist = 'a' AND NOT n = 1", "a0 a2 a3"),
    ("artist = 'a' AND plays > 15", "a2 a3"),
    ("artist = 'a' AND (plays = 10 OR plays = 30)", "a1 a3"),
    ("artist = 'a' AND plays IN [0, 20, 99]", "a0 a2"),
    ("artist = 'a' AND m.x = 'deep' AND m.l[0] = 5 AND n = 1", "a1"),
    ("artist = 'a' AND m.l[1].y = true AND n = 2", "a2"),
    ("artist = 'a' AND contains(tags, 'red') AND n < 1", "a0"),
    ("artist = 'a' AND begins_with(genre, 'ev')", "a0 a2"),
    ("artist = 'a' AND attribute_type(plays, 'N') AND n = 3", "a3"),
    ("artist = 'a' AND size(genre) = 3", "a1 a3"),
    ("artist = 'a' AND zz IS MISSING AND n = 0", "a0"),
    ("artist = 'a' AND zz IS NOT MISSING", ""),
    ("artist = 'a' AND plays IS NOT NULL AND n = 1", "a1"),
    ("artist = 'a' ORDER BY n DESC", "a3 a2 a1 a0"),
    ("artist = 'a' ORDER BY n ASC", "a0 a1 a2 a3"),
    ("artist = 'a' AND n < 2 ORDER BY n DESC", "a1 a0"),
    ("artist IN ['a', 'b'] AND n = 2 ORDER BY artist DESC", "b2 a2"),
)
"""Clauses on a partition, and what they find, in order."""
IN_ANY_ORDER: tuple[tuple[str, str], ...] = (
    ("n = 3", "a3 b3"),
    ("artist IN ['a', 'b'] AND n = 2", "a2 b2"),
    ("artist = 'a' AND n = 1 OR artist = 'b' AND n = 2", "a1 b2"),
    ("plays >= 30", "a3 b3"),
    ("genre = 'odd' AND NOT artist = 'b'", "a1 a3"),
)
BY_INDEX: tuple[tuple[str, str], ...] = (
    ("genre = 'odd' AND n = 1", "a1 b1"),
    ("genre = 'even' AND n > 0", "a2 b2"),
    ("genre = 'none'", ""),
)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for clause, found in IN_ORDER:
        yield _one(clause, f"SELECT * FROM songs WHERE {clause}", {"Items": [song(name) for name in found.split()]})
    for clause, found in IN_ANY_ORDER:
        items = {"$unordered": [song(name) for name in found.split()]}
        yield _one(clause, f"SELECT * FROM songs WHERE {clause}", {"Items": items})
    for clause, found in BY_INDEX:
        held = {"$unordered": [{k: song(name)[k] for k in ("artist", "n", "genre")} for name in found.split()]}
        yield _one(f"index, {clause}", f'SELECT * FROM "songs"."by-genre" WHERE {clause}', {"Items": held})
    for name, statement, parameters, read in READS:
        yield _one(name, statement, {"Items": read}, parameters)
    for name, statement, parameters, steps in _writes():
        yield _then(name, statement, parameters, *steps)
    for name, statement, parameters, expected in REFUSED:
        yield _one(name, statement, expected, parameters)
    yield from _batches()
    yield from _transactions()
    yield from _tokens()
    yield from _capacity()


def _request(statement: str, parameters: list[Any] | None = None) -> dict[str, Any]:
    return {"Statement": statement} if parameters is None else {"Statement": statement, "Parameters": parameters}


def _one(name: str, statement: str, expected: Any, parameters: list[Any] | None = None) -> Case:
    return case(f"statements: {name}", SETUP, do("ExecuteStatement", _request(statement, parameters), expected))


def _then(name: str, statement: str, parameters: list[Any] | None, answer: Any, item: Any) -> Case:
    """Return a case of a write to plain's item x and of what the item is then; None for none."""
    read = {"TableName": "plain", "Key": {"k": {"S": "x"}}, "ConsistentRead": True}
    steps: list[Step] = [
        do("ExecuteStatement", _request(statement, parameters), answer),
        do("GetItem", read, {} if item is None else {"Item": {"k": {"S": "x"}, **item}}),
    ]
    return case(f"statements: {name}", SETUP, *steps)


READS: tuple[tuple[str, str, list[Any] | None, list[Any]], ...] = (
    (
        "a list of names",
        "SELECT plays, artist FROM songs WHERE artist = 'a' AND n = 1",
        None,
        [{"plays": {"N": "10"}, "artist": {"S": "a"}}],
    ),
    ("a name that nothing has", "SELECT zz FROM songs WHERE artist = 'a' AND n = 1", None, [{}]),
    ("a quoted table", "SELECT k FROM \"plain\" WHERE k = 'x'", None, [{"k": {"S": "x"}}]),
    ("a quoted name", 'SELECT "k" FROM plain WHERE "k" = \'x\'', None, [{"k": {"S": "x"}}]),
    ("keywords in small letters", "select k from plain where k = 'x' and v = 1", None, [{"k": {"S": "x"}}]),
    ("a semicolon", "SELECT k FROM plain WHERE k = 'x';", None, [{"k": {"S": "x"}}]),
    ("a parameter", "SELECT k FROM plain WHERE k = ?", [{"S": "x"}], [{"k": {"S": "x"}}]),
    (
        "parameters in order",
        "SELECT k FROM plain WHERE v = ? AND k = ?",
        [{"N": "1.0"}, {"S": "x"}],
        [{"k": {"S": "x"}}],
    ),
    ("parameters in a list", "SELECT k FROM plain WHERE k IN [?, ?]", [{"S": "y"}, {"S": "x"}], [{"k": {"S": "x"}}]),
    ("a parameter of another type", "SELECT k FROM plain WHERE k = 'x' AND v = ?", [{"S": "1"}], []),
    ("an apostrophe", "SELECT k FROM plain WHERE k = 'it''s'", None, []),
    (
        "an ARN",
        "SELECT k FROM \"arn:aws:dynamodb:us-east-1:$account:table/plain\" WHERE k = 'x'",
        None,
        [{"k": {"S": "x"}}],
    ),
)


def _writes() -> Iterator[tuple[str, str, list[Any] | None, tuple[Any, Any]]]:
    done: dict[str, Any] = {"Items": []}
    one = {"v": {"N": "1"}}
    yield "insert", "INSERT INTO plain VALUE {'k': 'y', 'w': 2}", None, (done, one)
    yield (
        "insert of every type",
        (
            "INSERT INTO plain VALUE {'k': 'y', 's': 'a', 'n': -1.50, 'b': true, 'z': null, 'l': [1, 'a'], "
            "'m': {'x': 1}, 'ss': <<'a', 'b'>>, 'ns': <<1, 2>>}"
        ),
        None,
        (done, one),
    )
    yield "insert of parameters", "INSERT INTO plain VALUE {'k': ?, 'b': ?}", [{"S": "y"}, {"B": "YQ=="}], (done, one)
    yield "insert over an item", "INSERT INTO plain VALUE {'k': 'x'}", None, (DUPLICATE, one)
    yield "set", "UPDATE plain SET w = 'a' WHERE k = 'x'", None, (done, {**one, "w": {"S": "a"}})
    yield (
        "set of several",
        "UPDATE plain SET v = 2 SET w = ? WHERE k = ?",
        [{"S": "b"}, {"S": "x"}],
        (
            done,
            {"v": {"N": "2"}, "w": {"S": "b"}},
        ),
    )
    yield "set of a sum", "UPDATE plain SET v = v + 5 WHERE k = 'x'", None, (done, {"v": {"N": "6"}})
    yield "set of a difference", "UPDATE plain SET v = v - ? WHERE k = 'x'", [{"N": "5"}], (done, {"v": {"N": "-4"}})
    yield "remove", "UPDATE plain REMOVE v WHERE k = 'x'", None, (done, {})
    yield "remove of nothing", "UPDATE plain REMOVE zz WHERE k = 'x'", None, (done, one)
    yield "set and remove", "UPDATE plain SET w = 1 REMOVE v WHERE k = 'x'", None, (done, {"w": {"N": "1"}})
    appended = {**one, "l": {"L": [{"N": "1"}]}}
    yield "set of a list", "UPDATE plain SET l = [1] WHERE k = 'x'", None, (done, appended)
    yield "set of a set", "UPDATE plain SET s = <<'a'>> WHERE k = 'x'", None, (done, {**one, "s": {"SS": ["a"]}})
    yield "update of a condition", "UPDATE plain SET v = 2 WHERE k = 'x' AND v = 1", None, (done, {"v": {"N": "2"}})
    yield (
        "update of a condition that fails",
        "UPDATE plain SET v = 2 WHERE k = 'x' AND v = 9",
        None,
        (CHECK_FAILED, one),
    )
    yield "update of nothing", "UPDATE plain SET v = 2 WHERE k = 'none'", None, (CHECK_FAILED, one)
    for mode, returned in (
        ("ALL OLD", {"k": {"S": "x"}, "v": {"N": "1"}}),
        ("ALL NEW", {"k": {"S": "x"}, "v": {"N": "2"}}),
        ("MODIFIED OLD", {"v": {"N": "1"}}),
        ("MODIFIED NEW", {"v": {"N": "2"}}),
    ):
        statement = f"UPDATE plain SET v = 2 WHERE k = 'x' RETURNING {mode} *"
        yield f"returning {mode}", statement, None, ({"Items": [returned]}, {"v": {"N": "2"}})
    yield "delete", "DELETE FROM plain WHERE k = 'x'", None, (done, None)
    yield "delete of nothing", "DELETE FROM plain WHERE k = 'none'", None, (done, one)
    yield "delete of a condition", "DELETE FROM plain WHERE k = 'x' AND v = 1", None, (done, None)
    yield "delete of a condition that fails", "DELETE FROM plain WHERE k = 'x' AND v = 2", None, (CHECK_FAILED, one)
    old = {"Items": [{"k": {"S": "x"}, "v": {"N": "1"}}]}
    yield "delete returning", "DELETE FROM plain WHERE k = 'x' RETURNING ALL OLD *", None, (old, None)
    yield "delete of nothing returning", "DELETE FROM plain WHERE k = 'none' RETURNING ALL OLD *", None, (done, one)


INVALID = "One or more parameter values were invalid: "
MALFORMED = "Statement wasn't well formed, can't be processed: Expected data manipulation"
REFUSED: tuple[tuple[str, str, list[Any] | None, str | Failure], ...] = (
    ("no such table", "SELECT * FROM none WHERE k = 'x'", None, NO_TABLE),
    ("insert into no such table", "INSERT INTO none VALUE {'k': 'x'}", None, NO_TABLE),
    ("update of no such table", "UPDATE none SET v = 1 WHERE k = 'x'", None, NO_TABLE),
    ("delete from no such table", "DELETE FROM none WHERE k = 'x'", None, NO_TABLE),
    ("no such index", 'SELECT * FROM "songs"."none"', None, "The table does not have the specified index"),
    ("no statement", "SELEC * FROM plain", None, MALFORMED),
    ("too few parameters", "SELECT * FROM plain WHERE k = ? AND v = ?", [{"S": "x"}], COUNT),
    ("too many parameters", "SELECT * FROM plain WHERE k = ?", [{"S": "x"}, {"S": "y"}], COUNT),
    ("parameters for nothing", "SELECT * FROM plain", [{"S": "x"}], COUNT),
    ("update without a key", "UPDATE plain SET v = 2 WHERE v = 1", None, NO_KEY),
    ("update without a clause", "UPDATE plain SET v = 2", None, NO_KEY),
    ("update of half a key", "UPDATE songs SET v = 2 WHERE artist = 'a'", None, NO_KEY),
    ("delete without a key", "DELETE FROM songs WHERE n = 1", None, NO_KEY),
    ("delete of a range", "DELETE FROM songs WHERE artist = 'a' AND n > 1", None, NO_KEY),
    ("insert without the key", "INSERT INTO plain VALUE {'v': 1}", None, f"{INVALID}Missing the key k in the item"),
    (
        "insert of another type of key",
        "INSERT INTO plain VALUE {'k': 1}",
        None,
        f"{INVALID}Type mismatch for key k expected: S actual: N",
    ),
    (
        "set of a key",
        "UPDATE plain SET k = 'z' WHERE k = 'x'",
        None,
        f"{INVALID}Cannot update attribute k. This attribute is part of the key",
    ),
    (
        "a parameter that is no number",
        "SELECT * FROM plain WHERE k = 'x' AND v = ?",
        [{"N": "x"}],
        "The parameter cannot be converted to a numeric value: x",
    ),
    (
        "an order without a clause",
        "SELECT * FROM songs ORDER BY n",
        None,
        "Must have WHERE clause in the statement when using ORDER BY clause.",
    ),
    (
        "an order without a partition",
        "SELECT * FROM songs WHERE n = 1 ORDER BY n",
        None,
        "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
    ),
    (
        "an order by what is no key",
        "SELECT * FROM songs WHERE artist = 'a' ORDER BY plays",
        None,
        "Variable reference plays in ORDER BY clause must be part of the primary key",
    ),
)


def _batches() -> Iterator[Case]:
    def batch(name: str, statements: list[Any], answer: Any, **members: Any) -> Case:
        request = {"Statements": statements, **members}
        return case(f"statements: batch, {name}", SETUP, do("BatchExecuteStatement", request, answer))

    def read(where: str) -> dict[str, Any]:
        return {"Statement": f"SELECT * FROM songs WHERE {where}"}

    found = [
        {"TableName": "songs", "Item": song("a1")},
        {"TableName": "songs"},
        {"TableName": "songs", "Item": song("b2")},
    ]
    wheres = ("artist = 'a' AND n = 1", "artist = 'a' AND n = 9", "artist = 'b' AND n = 2")
    yield batch("reads", [read(where) for where in wheres], {"Responses": found})
    error = {"Error": {"Code": "ResourceNotFound", "Message": "Requested resource not found"}}
    missing = {"Statement": "SELECT * FROM none WHERE k = 'x'"}
    yield batch("a read of no table", [read(wheres[0]), missing], {"Responses": [found[0], error]})
    count = {"Error": {"Code": "ValidationError", "Message": COUNT}}
    unbound = {"Statement": "SELECT * FROM songs WHERE artist = ? AND n = 1"}
    yield batch("a read without its parameter", [unbound, read(wheres[0])], {"Responses": [count, found[0]]})
    writes = [
        {"Statement": "INSERT INTO plain VALUE {'k': 'y'}"},
        {"Statement": "INSERT INTO plain VALUE {'k': 'x'}"},
        {"Statement": "UPDATE plain SET v = 2 WHERE k = ?", "Parameters": [{"S": "none"}]},
        {"Statement": "DELETE FROM plain WHERE k = 'none'"},
        {"Statement": "INSERT INTO none VALUE {'k': 'x'}"},
    ]
    answers = [
        {"TableName": "plain"},
        {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}, "TableName": "plain"},
        {
            "Error": {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
            "TableName": "plain",
        },
        {"TableName": "plain"},
        error,
    ]
    yield batch("writes that fail one by one", writes, {"Responses": answers})
    yield batch(
        "capacity",
        [read(where) for where in wheres],
        {"Responses": found, "ConsumedCapacity": [{"TableName": "songs", "CapacityUnits": 1.5}]},
        ReturnConsumedCapacity="TOTAL",
    )
    old = {
        "Statement": "UPDATE plain SET v = 2 WHERE k = 'x' AND v = 9",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    yield batch(
        "a condition that fails, its item asked for", [old], {"Responses": [{"Error": failed, "TableName": "plain"}]}
    )


def transact(name: str, statements: list[Any], expected: Any, *after: Step, **members: Any) -> Case:
    """Return a case of one ExecuteTransaction and of what is then."""
    request = {"TransactStatements": statements, **members}
    step = do("ExecuteTransaction", request, expected)
    return case(f"statements: transaction, {name}", SETUP, step, *after)


def _transactions() -> Iterator[Case]:
    read = [
        {"Statement": "SELECT plays FROM songs WHERE artist = 'a' AND n = 1"},
        {"Statement": "SELECT * FROM plain WHERE k = ?", "Parameters": [{"S": "none"}]},
    ]
    yield transact("reads", read, {"Responses": [{"Item": {"plays": {"N": "10"}}}, {}]})
    insert = {"Statement": "INSERT INTO plain VALUE {'k': 'y'}"}
    update = {"Statement": "UPDATE plain SET v = v + 1 WHERE k = 'x'"}
    item = {"TableName": "plain", "Key": {"k": {"S": "x"}}, "ProjectionExpression": "v"}
    other = {"TableName": "plain", "Key": {"k": {"S": "y"}}}
    yield transact(
        "writes",
        [insert, update],
        None,
        do("GetItem", item, {"Item": {"v": {"N": "2"}}}),
        do("GetItem", other, {"Item": {"k": {"S": "y"}}}),
    )
    none: Mapping[str, Any] = {"Code": "None"}
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    twice = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
    yield transact(
        "an insert over an item",
        [
            update | {"Statement": "DELETE FROM plain WHERE k = 'z'"},
            {"Statement": "INSERT INTO plain VALUE {'k': 'x'}"},
        ],
        canceled(none, twice),
    )
    yield transact(
        "a condition that fails",
        [insert, {"Statement": "UPDATE plain SET v = 1 WHERE k = 'x' AND v = 9"}],
        canceled(none, failed),
        do("GetItem", other, {}),
    )
    exists = {"Statement": "EXISTS(SELECT * FROM plain WHERE k = 'x' AND v = 1)"}
    yield transact("a check that holds", [insert, exists], None, do("GetItem", other, {"Item": {"k": {"S": "y"}}}))
    fails = {"Statement": "EXISTS(SELECT * FROM plain WHERE k = 'x' AND v = 2)"}
    yield transact("a check that fails", [insert, fails], canceled(none, failed), do("GetItem", other, {}))
    yield transact("no such table", [{"Statement": "DELETE FROM none WHERE k = 'x'"}], NO_TABLE)
    same = "Transaction request cannot include multiple operations on one item"
    yield transact("one item twice", [update, exists], same)


def _tokens() -> Iterator[Case]:
    insert = {"Statement": "INSERT INTO plain VALUE {'k': 'y'}"}
    update = {"Statement": "UPDATE plain SET v = v + 1 WHERE k = 'x'"}
    item = {"TableName": "plain", "Key": {"k": {"S": "x"}}, "ProjectionExpression": "v"}
    yield transact(
        "the same token again",
        [update],
        None,
        do("ExecuteTransaction", {"TransactStatements": [update], "ClientRequestToken": "t1"}),
        do("GetItem", item, {"Item": {"v": {"N": "2"}}}),
        do(
            "ExecuteTransaction",
            {"TransactStatements": [insert], "ClientRequestToken": "t1"},
            failure("IdempotentParameterMismatchException", None),
        ),
        ClientRequestToken="t1",
    )
    put = {"TransactItems": [{"Put": {"TableName": "plain", "Item": {"k": {"S": "z"}}}}], "ClientRequestToken": "t1"}
    yield transact(
        "a token that a transaction of another operation has",
        [update],
        None,
        do("TransactWriteItems", put, {}),
        do("GetItem", {"TableName": "plain", "Key": {"k": {"S": "z"}}}, {"Item": {"k": {"S": "z"}}}),
        ClientRequestToken="t1",
    )


def _capacity() -> Iterator[Case]:
    for name, statement, consistent, units in (
        ("a read", "SELECT * FROM plain WHERE k = 'x'", False, 0.5),
        ("a consistent read", "SELECT * FROM plain WHERE k = 'x'", True, 1.0),
        ("a read of nothing", "SELECT * FROM plain WHERE k = 'none'", False, 0.5),
        ("an insert", "INSERT INTO plain VALUE {'k': 'y'}", False, 1.0),
        ("an update", "UPDATE plain SET v = 2 WHERE k = 'x'", False, 1.0),
        ("a delete", "DELETE FROM plain WHERE k = 'x'", False, 1.0),
    ):
        request: dict[str, Any] = {"Statement": statement, "ReturnConsumedCapacity": "TOTAL"}
        if consistent:
            request["ConsistentRead"] = True
        items = [{"k": {"S": "x"}, "v": {"N": "1"}}] if "SELECT" in statement and "'x'" in statement else []
        answer = {"Items": items, "ConsumedCapacity": {"TableName": "plain", "CapacityUnits": units}}
        yield case(f"statements: capacity of {name}", SETUP, do("ExecuteStatement", request, answer))
