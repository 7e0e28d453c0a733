"""PartiQL: which texts are statements, what those are told that are none, and what the finer forms of them do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynamodb_cases.families.statements import CHECK_FAILED, DUPLICATE, NO_KEY
from dynamodb_cases.families.transactions import canceled
from dynamodb_cases.model import Case, Failure, case, do, failure, table

ITEM: dict[str, Any] = {
    "k": {"S": "x"},
    "n": {"N": "5"},
    "l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]},
    "m": {"M": {"a": {"M": {"b": {"S": "deep"}}}, "size": {"N": "7"}}},
    "tags": {"SS": ["blue", "red"]},
    "odd name": {"S": "it's"},
    "date": {"S": "today"},
    "none": {"NULL": True},
}
SETUP = [
    table("plain", "k S", global_={"by-n": "n N | ALL"}),
    do("PutItem", {"TableName": "plain", "Item": ITEM}),
]
MALFORMED = "Statement wasn't well formed, can't be processed: "

TEXTS: tuple[tuple[str, str], ...] = (
    ("SELEC * FROM plain WHERE k = 'x'", "Expected data manipulation"),
    ("UPDATE plain-2 SET n = 1 WHERE k = 'x'", "Expected data manipulation"),
    ("UPDATE plain WHERE k = 'x'", "Expected data manipulation"),
    ("INSERT INTO plain (key, n) VALUES ('x', 1)", "Unexpected keyword"),
    ("SELECT * FROM plain WHERE date = 'today'", "Unexpected keyword"),
    ("SELECT m.size FROM plain", "Invalid path dot component"),
    ("UPDATE plain SET date = 1 WHERE k = 'x'", "Expected identifier for simple path"),
    ("SELECT * FROM plain WHERE", "Unexpected term"),
    ("SELECT * FROM plain WHERE (k = 'x'", "Expected RIGHT_PAREN"),
    ("SELECT * FROM plain WHERE k = 'x')", "Unexpected token after expression"),
    ("SELECT * FROM plain WHERE k 'x'", "Unexpected token after expression"),
    ("UPDATE plain REMOVE n, l WHERE k = 'x'", "Unexpected token after expression"),
    ("DELETE plain WHERE k = 'x'", "Expected FROM after DELETE"),
    ("SELECT k plain", "Expected FROM after SELECT list"),
    ("SELECT * FROM plain WHERE k = 'x", ""),
    ("UPDATE plain SET n 1 WHERE k = 'x'", "Expected '='"),
    (
        "UPDATE plain SET n = 1 WHERE k = 'x' RETURNING *",
        "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.",
    ),
    (
        "SELECT * FROM plain; SELECT * FROM plain",
        "Unexpected token after semicolon. (Only one query is allowed.)",
    ),
)

READS: tuple[tuple[str, dict[str, Any] | None], ...] = (
    ("SELECT \"date\" FROM plain WHERE k = 'x'", {"date": ITEM["date"]}),
    ("SELECT m.\"size\" FROM plain WHERE k = 'x'", {"size": {"N": "7"}}),
    ("SELECT m.a.b FROM plain WHERE k = 'x'", {"b": {"S": "deep"}}),
    ("SELECT l[1], l[9] FROM plain WHERE k = 'x'", {"l[1]": {"N": "2"}}),
    ("SELECT \"odd name\" FROM plain WHERE k = 'x' AND \"odd name\" = 'it''s'", {"odd name": {"S": "it's"}}),
    ("SELECT k FROM plain WHERE k = 'x' -- the end", {"k": {"S": "x"}}),
    ("SELECT /* all\n of */ k FROM plain WHERE k = 'x'", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND n = 5.0", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND n = 0.5e1", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND n > -1", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND none = NULL", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND none IS NULL", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND zz IS MISSING", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND m.a.c IS NOT MISSING", None),
    ("SELECT k FROM plain WHERE k = 'x' AND tags = <<'red', 'blue'>>", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND l = [1, 2, 3]", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND m.a = {'b': 'deep'}", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND l[0] < l[1]", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND size(l) = 3", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND 4 < n", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND n NOT BETWEEN 6 AND 9", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND n NOT IN (5, 6)", None),
    ("SELECT k FROM plain WHERE k = 'x' AND n IN (4, 5)", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND n = 1 OR k = 'x' AND n = 5", {"k": {"S": "x"}}),
    ("SELECT k FROM plain WHERE k = 'x' AND NOT (n = 5 AND l[0] = 1)", None),
    ("SELECT k FROM plain WHERE k = 'x' AND NOT n = 4 AND NOT n = 6", {"k": {"S": "x"}}),
)
"""Statements that find the item, and what they take of it."""

WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SET l[1] = 9", {"l": {"L": [{"N": "1"}, {"N": "9"}, {"N": "3"}]}}),
    ("SET l = list_append(l, [4])", {"l": {"L": [{"N": str(number)} for number in (1, 2, 3, 4)]}}),
    ("SET l = LIST_APPEND([0], l)", {"l": {"L": [{"N": str(number)} for number in (0, 1, 2, 3)]}}),
    ("REMOVE l[0]", {"l": {"L": [{"N": "2"}, {"N": "3"}]}}),
    ("SET tags = set_add(tags, <<'green'>>)", {"tags": {"SS": ["blue", "green", "red"]}}),
    ("SET tags = SET_DELETE(tags, <<'red'>>)", {"tags": {"SS": ["blue"]}}),
    ("SET m.a.b = 'deeper'", {"m": {"M": {"a": {"M": {"b": {"S": "deeper"}}}, "size": {"N": "7"}}}}),
    ('SET m."size" = 8', {"m": {"M": {"a": {"M": {"b": {"S": "deep"}}}, "size": {"N": "8"}}}}),
    ("SET n = n + 1, \"date\" = 'later'", {"n": {"N": "6"}, "date": {"S": "later"}}),
    ("SET n = 10 - n SET none = TRUE", {"n": {"N": "5"}, "none": {"BOOL": True}}),
    ("SET n = l[2]", {"n": {"N": "3"}}),
)
"""Changes of the item, and what is different then."""

RETURNED: tuple[tuple[str, list[dict[str, Any]]], ...] = (
    ("SET n = 6 {} RETURNING MODIFIED OLD *", [{"n": {"N": "5"}}]),
    ("SET n = 6 {} RETURNING MODIFIED NEW *", [{"n": {"N": "6"}}]),
    ("SET m.a.b = 'z' {} RETURNING MODIFIED NEW *", [{"m": {"M": {"a": {"M": {"b": {"S": "z"}}}}}}]),
    ("SET fresh = 1 {} RETURNING MODIFIED OLD *", []),
    ("REMOVE n {} RETURNING MODIFIED NEW *", []),
    ("REMOVE n {} RETURNING MODIFIED OLD *", [{"n": {"N": "5"}}]),
)

REFUSED: tuple[tuple[str, str | Failure | None], ...] = (
    ("SELECT * FROM plain LIMIT 5", None),
    ("SELECT COUNT(*) FROM plain", None),
    ("SELECT k AS key1 FROM plain", None),
    ("SELECT * FROM plain p", None),
    ("SELECT * FROM plain, plain", None),
    ("SELECT k FROM plain GROUP BY k", None),
    ("SELECT ? FROM plain", None),
    ("SELECT * FROM plain WHERE k LIKE 'x'", None),
    ("INSERT INTO plain VALUE {'k': 'y', 's': <<>>}", None),
    ("INSERT INTO plain VALUE {'k': 'y', 's': <<1, 'a'>>}", None),
    ("INSERT INTO plain VALUE {'k': 'x'} IF NOT EXISTS", f"{MALFORMED}Unexpected token after expression"),
    ("UPDATE plain SET n = 1 WHERE n = 5", NO_KEY),
    ("UPDATE plain SET n = 1 WHERE k = 'x' OR k = 'y'", NO_KEY),
    ("UPDATE plain SET n = 1 WHERE k = 'x' AND n = 4", CHECK_FAILED),
    ("UPDATE plain SET n = 1 WHERE k = 'y'", CHECK_FAILED),
    ("DELETE FROM plain WHERE k = 'x' RETURNING ALL NEW *", None),
    ("DELETE FROM plain WHERE k = 'x' RETURNING MODIFIED OLD *", None),
    ("INSERT INTO plain VALUE {'k': 'x', 'n': 1}", DUPLICATE),
)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for text, told in TEXTS:
        yield _one(text, MALFORMED + told)
    for text, found in READS:
        yield _one(text, {"Items": [] if found is None else [found]})
    for change, different in WRITES:
        write = do("ExecuteStatement", {"Statement": f"UPDATE plain {change} WHERE k = 'x'"}, {"Items": []})
        read = {"TableName": "plain", "Key": {"k": {"S": "x"}}, "ConsistentRead": True}
        yield case(f"statement texts: {change}", SETUP, write, do("GetItem", read, {"Item": {**ITEM, **different}}))
    for change, items in RETURNED:
        text = f"UPDATE plain {change}".format("WHERE k = 'x'")
        yield _one(text, {"Items": items})
    for text, expected in REFUSED:
        yield _one(text, failure("ValidationException", None) if expected is None else expected)
    yield from _sets()


def _one(text: str, expected: Any, **members: Any) -> Case:
    return case(f"statement texts: {text}", SETUP, do("ExecuteStatement", {"Statement": text, **members}, expected))


def _sets() -> Iterator[Case]:
    consistent = "Strongly consistent read is not supported on Global Secondary Indexes"
    yield _one('SELECT * FROM "plain"."by-n"', consistent, ConsistentRead=True)
    yield _one('SELECT k FROM "plain"."nosuch"', "The table does not have the specified index", ConsistentRead=True)
    no_key = "Select statements within BatchExecuteStatement must specify the primary key in the where clause."
    wrong = {"Error": {"Code": "ValidationError", "Message": no_key}}
    texts = ("SELECT * FROM plain WHERE n = 5", 'SELECT * FROM "plain"."by-n" WHERE k = \'x\'')
    request = {"Statements": [{"Statement": text} for text in (*texts, "SELECT k FROM plain WHERE k = 'x'")]}
    answers = [wrong, wrong, {"TableName": "plain", "Item": {"k": {"S": "x"}}}]
    yield case(
        "statement texts: a batch that names no key",
        SETUP,
        do("BatchExecuteStatement", request, {"Responses": answers}),
    )
    insert = {"Statement": "INSERT INTO plain VALUE {'k': 'y'}"}
    refused = failure("ValidationException", None)
    for name, text, expected in (
        ("a malformed text", "SELEC * FROM plain", f"{MALFORMED}Expected data manipulation"),
        ("an update without a key", "UPDATE plain SET n = 1", f"Validation failed in TransactStatements[1]: {NO_KEY}"),
        ("a returning", "DELETE FROM plain WHERE k = 'x' RETURNING ALL OLD *", refused),
        ("a read", "SELECT * FROM plain WHERE k = 'x'", refused),
        (
            "an item that cannot be",
            "INSERT INTO plain VALUE {'n': 1}",
            canceled(
                {"Code": "None"},
                {
                    "Code": "ValidationError",
                    "Message": "One or more parameter values were invalid: Missing the key k in the item",
                },
            ),
        ),
    ):
        transaction = do("ExecuteTransaction", {"TransactStatements": [insert, {"Statement": text}]}, expected)
        after = do("GetItem", {"TableName": "plain", "Key": {"k": {"S": "y"}}}, {})
        yield case(f"statement texts: a transaction with {name}", SETUP, transaction, after)
