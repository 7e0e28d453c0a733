"""ExecuteStatement over the memory store: what statements answer, and by which calls of the store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine.context import Caller
from extenddb.engine.engine import Engine
from extenddb.storage.memory import MemoryBackend

_CALLER = Caller()


def _refused() -> list[tuple[str, str]]:
    blocks = Path(__file__).with_name("test_partiql_refused.txt").read_text().split("\n\n")[1:]
    return [(lines[0], lines[1]) for lines in (block.splitlines() for block in blocks)]


class _CountingItems:
    """The items port, counting its calls."""

    def __init__(self, items: Any) -> None:
        self._items = items
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._items, name)

        async def counted(*arguments: Any) -> Any:
            self.calls[name] += 1
            return await method(*arguments)

        return counted


class _Service:
    """An engine with two tables, used from plain functions."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        backend: Any = MemoryBackend()
        self._items = backend.items = _CountingItems(backend.items)
        self._engine = Engine(backend)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        answer = self._runner.run(self._engine.execute(operation, _CALLER, request))
        plain: dict[str, Any] = orjson.loads(orjson.dumps(answer))
        return plain

    def run(self, statement: str, *parameters: dict[str, Any], **members: Any) -> dict[str, Any]:
        if parameters:
            members["Parameters"] = list(parameters)
        return self.call("ExecuteStatement", Statement=statement, **members)

    def items(self, statement: str, *parameters: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run(statement, *parameters, **members)["Items"]
        return found

    def pages(self, statement: str, **members: Any) -> list[list[dict[str, Any]]]:
        pages = []
        token: dict[str, Any] = {}
        while True:
            answer = self.run(statement, **members, **token)
            pages.append(answer["Items"])
            if "NextToken" not in answer:
                return pages
            token = {"NextToken": answer["NextToken"]}

    def error(self, statement: str, *parameters: dict[str, Any], **members: Any) -> tuple[str, str]:
        with pytest.raises(ServiceError) as caught:
            self.run(statement, *parameters, **members)
        return caught.value.kind.name, caught.value.message

    def calls_of(self, act: Callable[[], Any]) -> dict[str, int]:
        self._items.calls.clear()
        act()
        return dict(self._items.calls)

    def close(self) -> None:
        self._runner.run(self._engine.close())


@pytest.fixture
def service() -> Any:
    with asyncio.Runner() as runner:
        service = _Service(runner)
        service.call(
            "CreateTable",
            TableName="songs",
            KeySchema=[
                {"AttributeName": "artist", "KeyType": "HASH"},
                {"AttributeName": "n", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "artist", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
                {"AttributeName": "genre", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-genre",
                    "KeySchema": [
                        {"AttributeName": "genre", "KeyType": "HASH"},
                        {"AttributeName": "n", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        service.call(
            "CreateTable",
            TableName="plain",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield service
        service.close()


def _song(artist: str, n: int, **others: Any) -> dict[str, Any]:
    return {"artist": {"S": artist}, "n": {"N": str(n)}, **others}


def _fill(service: _Service, artists: str = "abc", count: int = 4) -> None:
    for artist in artists:
        for n in range(count):
            genre = {"S": "even" if n % 2 == 0 else "odd"}
            service.call("PutItem", TableName="songs", Item=_song(artist, n, genre=genre, plays={"N": str(n * 10)}))


def _numbers(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["artist"]["S"] + item["n"]["N"] for item in items]


# SELECT: by which calls.


@pytest.mark.parametrize(
    ("where", "calls", "found"),
    [
        ("artist = 'a' AND n = 1", {"get": 1}, ["a1"]),
        ("1 = n AND 'a' = artist", {"get": 1}, ["a1"]),
        ("artist = 'a' AND n = 1 AND plays = 11", {"get": 1}, []),
        ("artist IN ['a', 'b', 'a'] AND n = 1", {"get": 1}, ["a1", "b1"]),
        ("(artist = 'c' OR artist = 'a') AND n = 2", {"get": 1}, ["c2", "a2"]),
        ("artist = 'a'", {"read_range": 1}, ["a0", "a1", "a2", "a3"]),
        ("artist = 'a' AND n > 1", {"read_range": 1}, ["a2", "a3"]),
        ("artist = 'a' AND n >= 1 AND n < 3", {"read_range": 1}, ["a1", "a2"]),
        ("artist = 'a' AND n BETWEEN 1 AND 2", {"read_range": 1}, ["a1", "a2"]),
        ("artist = 'a' AND n <> 1", {"read_range": 1}, ["a0", "a2", "a3"]),
        ("artist = 'a' AND NOT n = 1 AND plays < 25", {"read_range": 1}, ["a0", "a2"]),
        ("artist = 'a' AND n IN [3, 0, 9]", {"get": 1}, ["a0", "a3"]),
        ("artist IN ['b', 'a'] AND n IN [3, 0]", {"get": 1}, ["b0", "b3", "a0", "a3"]),
        ("artist = 'a' AND n IN [3, 'x', 0]", {"read_range": 1}, ["a0", "a3"]),
        ("artist = 'a' AND artist = 'b'", {"read_range": 1}, []),
        ("artist IN ['b', 'a'] AND n < 1", {"read_range": 2}, ["b0", "a0"]),
        ("artist = 'a' AND n = 3 OR artist = 'b' AND plays = 0", {"read_range": 2}, ["a3", "b0"]),
        ("artist IN ['a', 'b'] AND artist IN ['b', 'c', 'd'] AND n = 0", {"get": 1}, ["b0"]),
        ("artist IN ['a', 'b'] AND artist IN ['b', 'c', 'd'] AND n < 1", {"read_range": 2}, ["b0"]),
        ("n = 3", {"scan": 1}, ["a3", "b3", "c3"]),
        ("artist > 'b' AND n = 0", {"scan": 1}, ["c0"]),
        ("artist = 'a' AND n = 0 OR plays = 30", {"scan": 1}, ["a0", "a3", "b3", "c3"]),
        ("NOT artist = 'a' AND n = 0", {"scan": 1}, ["b0", "c0"]),
        ("artist IN ['a', genre] AND n = 0", {"scan": 1}, ["a0"]),
    ],
)
def test_where_decides_how_items_are_reached(
    service: _Service, where: str, calls: dict[str, int], found: list[str]
) -> None:
    _fill(service)
    answers: list[list[str]] = []
    made = service.calls_of(lambda: answers.append(_numbers(service.items(f"SELECT * FROM songs WHERE {where}"))))
    assert made == calls
    if "scan" in made:
        answers[0].sort()
    assert answers == [found]


def test_index_is_queried_and_answers_what_it_holds(service: _Service) -> None:
    _fill(service, "a")
    statement = 'SELECT * FROM "songs"."by-genre" WHERE genre = \'even\' AND n = 2'
    answers: list[Any] = []
    assert service.calls_of(lambda: answers.append(service.items(statement))) == {"read_range": 1}
    assert answers == [[_song("a", 2, genre={"S": "even"})]]
    assert service.calls_of(lambda: service.items('SELECT * FROM "songs"."by-genre"')) == {"scan": 1}
    name, message = service.error('SELECT plays FROM "songs"."by-genre" WHERE genre = \'even\'')
    assert (name, "does not project [plays]" in message) == ("ValidationException", True)
    assert service.error("SELECT * FROM songs.nosuch") == (
        "ValidationException",
        "The table does not have the specified index",
    )


def test_consistent_read_of_a_global_index_is_refused(service: _Service) -> None:
    name, message = service.error('SELECT * FROM "songs"."by-genre"', ConsistentRead=True)
    assert (name, message) == (
        "ValidationException",
        "Strongly consistent read is not supported on Global Secondary Indexes",
    )


def test_select_list_takes_nested_paths(service: _Service) -> None:
    service.run("INSERT INTO plain VALUE {'k': 'x', 'm': {'list': [1, {'deep': 'd'}], 'select': TRUE}, 'other': 1}")
    items = service.items('SELECT k, m."list"[0], m."list"[1].deep, m."select", nosuch.path FROM plain WHERE k = \'x\'')
    assert items == [{"k": {"S": "x"}, "list[0]": {"N": "1"}, "deep": {"S": "d"}, "select": {"BOOL": True}}]
    assert service.items("SELECT nosuch FROM plain WHERE k = 'x'") == [{}]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("begins_with(s, 'ab')", "x"),
        ("contains(tags, 'red')", "x"),
        ("contains(s, 'bc')", "x"),
        ("size(l) = 2", "x"),
        ("attribute_type(l, 'L')", "x"),
        ("missing_one IS MISSING AND s IS NOT MISSING", "x"),
        ("s IS MISSING", "y"),
        ("none IS NULL", "x"),
        ("none = NULL", "x"),
        ("NOT none IS NULL", "y"),
        ("l[1] = 2 AND m.a = TRUE", "x"),
        ("l = [1, 2] AND m = {'a': TRUE} AND tags = <<'blue', 'red'>>", "x"),
        ("k IN ('y', ?)", "y"),
    ],
)
def test_conditions(service: _Service, condition: str, found: str) -> None:
    service.run(
        "INSERT INTO plain VALUE {'k': 'x', 's': 'abcd', 'tags': <<'red', 'blue'>>, 'l': [1, 2], 'm': {'a': TRUE}, "
        "'none': NULL}"
    )
    service.run("INSERT INTO plain VALUE {'k': 'y'}")
    parameters = [{"S": "nosuch"}] if "?" in condition else []
    items = service.items(f"SELECT k FROM plain WHERE {condition}", *parameters)
    assert [item["k"]["S"] for item in items] == [found]


# SELECT: order and pages.


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("artist = 'a' ORDER BY n DESC", ["a3", "a2", "a1", "a0"]),
        ("artist = 'a' ORDER BY artist DESC, n", ["a0", "a1", "a2", "a3"]),
        ("artist IN ['b', 'c', 'a'] AND n < 2 ORDER BY artist", ["a0", "a1", "b0", "b1", "c0", "c1"]),
        ("artist IN ['b', 'c', 'a'] AND n < 2 ORDER BY artist DESC, n DESC", ["c1", "c0", "b1", "b0", "a1", "a0"]),
        ("artist IN ['b', 'c'] ORDER BY n", ["b0", "c0", "b1", "c1", "b2", "c2", "b3", "c3"]),
        ("artist IN ['b', 'c'] ORDER BY n DESC", ["b3", "c3", "b2", "c2", "b1", "c1", "b0", "c0"]),
        ("artist IN ['b', 'c'] AND n = 2 ORDER BY n DESC", ["b2", "c2"]),
        ("artist IN ['b', 'a'] AND n IN [0, 2] ORDER BY n DESC", ["b2", "a2", "b0", "a0"]),
        ("artist IN ['b', 'a'] AND n IN [2, 0] ORDER BY artist, n", ["a0", "a2", "b0", "b2"]),
        ("artist IN ['b', 'a'] AND n IN [2, 0] ORDER BY artist DESC", ["b0", "b2", "a0", "a2"]),
    ],
)
@pytest.mark.parametrize("limit", [None, 1, 2, 3])
def test_order_holds_over_pages_of_any_size(
    service: _Service, clause: str, found: list[str], limit: int | None
) -> None:
    _fill(service)
    members = {} if limit is None else {"Limit": limit}
    pages = service.pages(f"SELECT * FROM songs WHERE {clause}", **members)
    assert [name for page in pages for name in _numbers(page)] == found
    assert all(limit is None or len(page) <= limit for page in pages)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_merged_order_over_an_index_with_equal_sort_keys(service: _Service, limit: int, descending: bool) -> None:
    _fill(service, "abcd", 6)
    clause = "genre IN ['odd', 'even'] ORDER BY n" + (" DESC" if descending else "")
    pages = service.pages(f'SELECT artist, n FROM "songs"."by-genre" WHERE {clause}', Limit=limit)
    names = [name for page in pages for name in _numbers(page)]
    assert len(names) == len(set(names)) == 24
    assert [name[1] for name in names] == sorted((name[1] for name in names), reverse=descending)


def test_merged_order_waits_for_the_range_that_was_cut_off(service: _Service) -> None:
    for n in range(4):
        service.call("PutItem", TableName="songs", Item=_song("a", n, pad={"S": "x" * 390_000}))
    for n in (7, 8):
        service.call("PutItem", TableName="songs", Item=_song("b", n))
    pages = service.pages("SELECT artist, n FROM songs WHERE artist IN ['b', 'a'] ORDER BY n")
    assert [_numbers(page) for page in pages] == [["a0", "a1"], ["a2", "a3"], ["b7", "b8"]]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT * FROM songs ORDER BY n",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM songs WHERE n = 1 ORDER BY n",
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM songs WHERE artist = 'a' ORDER BY plays",
            "Variable reference plays in ORDER BY clause must be part of the primary key",
        ),
        (
            "SELECT * FROM songs WHERE artist = 'a' ORDER BY n, n DESC",
            "ORDER BY must name the sort key attributes in their order, all in one direction",
        ),
    ],
)
def test_orders_that_no_key_gives(service: _Service, statement: str, message: str) -> None:
    assert service.error(statement) == ("ValidationException", message)


def test_limit_ends_a_page_and_the_token_goes_on(service: _Service) -> None:
    _fill(service, "a")
    first = service.run("SELECT * FROM songs WHERE artist = 'a'", Limit=2)
    assert _numbers(first["Items"]) == ["a0", "a1"]
    assert first["LastEvaluatedKey"] == _song("a", 1)
    second = service.run("SELECT * FROM songs WHERE artist = 'a'", Limit=2, NextToken=first["NextToken"])
    assert _numbers(second["Items"]) == ["a2", "a3"]
    third = service.run("SELECT * FROM songs WHERE artist = 'a'", Limit=2, NextToken=second["NextToken"])
    assert third == {"Items": []}


def test_limit_counts_items_before_the_filter(service: _Service) -> None:
    _fill(service, "a")
    pages = service.pages("SELECT * FROM songs WHERE artist = 'a' AND plays > 15", Limit=2)
    assert [_numbers(page) for page in pages] == [[], ["a2", "a3"], []]


def test_scan_pages(service: _Service) -> None:
    _fill(service)
    pages = service.pages("SELECT * FROM songs", Limit=5)
    assert [len(page) for page in pages] == [5, 5, 2]
    index_pages = service.pages('SELECT * FROM "songs"."by-genre"', Limit=5)
    assert [len(page) for page in index_pages] == [5, 5, 2]


def test_page_ends_at_a_megabyte(service: _Service) -> None:
    for n in range(4):
        service.call("PutItem", TableName="songs", Item=_song("a", n, pad={"S": "x" * 390_000}))
        service.call("PutItem", TableName="plain", Item={"k": {"S": str(n)}, "pad": {"S": "x" * 390_000}})
    pages = service.pages("SELECT n FROM songs WHERE artist = 'a'")
    assert [len(page) for page in pages] == [3, 1]
    points = service.pages("SELECT k FROM plain WHERE k IN ['0', '1', '2', '3']")
    assert [len(page) for page in points] == [3, 1]


def test_several_partitions_are_answered_in_pages_of_ten(service: _Service) -> None:
    names = [f"k{n:02}" for n in range(25)]
    for name in names:
        service.call("PutItem", TableName="plain", Item={"k": {"S": name}})
    statement = f"SELECT * FROM plain WHERE k IN [{', '.join(repr(name) for name in names)}]"
    pages = service.pages(statement)
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [item["k"]["S"] for page in pages for item in page] == names
    ranges = [str(n) for n in range(12)]
    by_range = service.pages(f"SELECT * FROM songs WHERE artist IN [{', '.join(repr(name) for name in ranges)}]")
    assert by_range == [[], []]
    too_many = ", ".join(repr(str(n)) for n in range(51))
    assert service.error(f"SELECT * FROM plain WHERE k IN [{too_many}]")[0] == "ValidationException"


def test_token_belongs_to_its_statement_and_parameters(service: _Service) -> None:
    _fill(service, "ab")
    statement = "SELECT * FROM songs WHERE artist = ?"
    token = service.run(statement, {"S": "a"}, Limit=1)["NextToken"]
    mismatch = ("ValidationException", "NextToken does not match request")
    assert service.error(statement, {"S": "b"}, NextToken=token) == mismatch
    assert service.error("SELECT * FROM songs", NextToken=token) == mismatch
    for bad in (token[:-4] + "AAAA", "x", "é", "!!!!", "AAAA"):
        assert service.error(statement, {"S": "a"}, NextToken=bad) == mismatch
    assert _numbers(service.items(statement, {"S": "a"}, NextToken=token)) == ["a1", "a2", "a3"]


def test_read_capacity(service: _Service) -> None:
    _fill(service, "ab")
    one = service.run("SELECT * FROM songs WHERE artist = 'a' AND n = 1", ReturnConsumedCapacity="TOTAL")
    assert one["ConsumedCapacity"] == {"TableName": "songs", "CapacityUnits": 0.5}
    consistent = service.run(
        "SELECT * FROM songs WHERE artist IN ['a', 'b'] AND n = 1", ConsistentRead=True, ReturnConsumedCapacity="TOTAL"
    )
    assert consistent["ConsumedCapacity"]["CapacityUnits"] == 2.0
    index = service.run('SELECT * FROM "songs"."by-genre" WHERE genre = \'odd\'', ReturnConsumedCapacity="INDEXES")
    assert index["ConsumedCapacity"]["GlobalSecondaryIndexes"] == {"by-genre": {"CapacityUnits": 0.5}}


# Writes.


def test_insert_adds_and_never_replaces(service: _Service) -> None:
    assert service.run("INSERT INTO plain VALUE {'k': 'x', 'v': ?}", {"N": "1.0"}) == {"Items": []}
    assert service.run("INSERT INTO plain VALUE ?", {"M": {"k": {"S": "y"}}}) == {"Items": []}
    assert service.error("INSERT INTO plain VALUE {'k': 'x', 'v': 2}") == (
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )
    assert service.call("GetItem", TableName="plain", Key={"k": {"S": "x"}})["Item"]["v"] == {"N": "1"}


@pytest.mark.parametrize(("statement", "message"), _refused())
def test_statements_that_are_refused(service: _Service, statement: str, message: str) -> None:
    assert service.error(statement) == ("ValidationException", message)


def test_unknown_table(service: _Service) -> None:
    assert service.error("SELECT * FROM nosuch") == ("ResourceNotFoundException", "Requested resource not found")


def test_table_may_be_an_arn(service: _Service) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/plain"
    service.run(f"INSERT INTO \"{arn}\" VALUE {{'k': 'x'}}")
    assert service.items(f"SELECT * FROM \"{arn}\" WHERE k = 'x'") == [{"k": {"S": "x"}}]


def test_update_sets_and_removes(service: _Service) -> None:
    service.run(
        "INSERT INTO plain VALUE {'k': 'x', 'n': 1, 'l': [1, 2, 3], 'm': {}, 's': <<1, 2>>, 'u': <<'a', 'b'>>, "
        "'v': [5, 6]}"
    )
    service.run(
        "UPDATE plain SET n = n + 5 SET m.a = [?], l = list_append(l, [4]) SET s = set_add(s, <<2, 3>>) "
        "SET u = set_delete(u, <<'a'>>) SET t = set_add(t, <<'new'>>) REMOVE v[0] WHERE k = 'x' AND n = 1",
        {"BOOL": False},
    )
    (item,) = service.items("SELECT * FROM plain WHERE k = 'x'")
    assert item["n"] == {"N": "6"}
    assert item["m"] == {"M": {"a": {"L": [{"BOOL": False}]}}}
    assert item["l"] == {"L": [{"N": str(n)} for n in (1, 2, 3, 4)]}
    assert sorted(item["s"]["NS"]) == ["1", "2", "3"]
    assert item["v"] == {"L": [{"N": "6"}]}
    assert item["u"] == {"SS": ["b"]}
    assert item["t"] == {"SS": ["new"]}


@pytest.mark.parametrize(
    ("returning", "items"),
    [
        ("", []),
        ("RETURNING ALL OLD *", [{"k": {"S": "x"}, "a": {"N": "1"}, "b": {"N": "2"}}]),
        ("RETURNING ALL NEW *", [{"k": {"S": "x"}, "a": {"N": "9"}, "c": {"N": "3"}}]),
        ("RETURNING MODIFIED OLD *", [{"a": {"N": "1"}, "b": {"N": "2"}}]),
        ("RETURNING MODIFIED NEW *", [{"a": {"N": "9"}, "c": {"N": "3"}}]),
    ],
)
def test_update_returning(service: _Service, returning: str, items: list[Any]) -> None:
    service.run("INSERT INTO plain VALUE {'k': 'x', 'a': 1, 'b': 2}")
    assert service.run(f"UPDATE plain SET a = 9 SET c = 3 REMOVE b WHERE k = 'x' {returning}") == {"Items": items}


def test_update_needs_the_item_and_its_condition(service: _Service) -> None:
    failed = ("ConditionalCheckFailedException", "The conditional request failed")
    assert service.error("UPDATE plain SET a = 1 WHERE k = 'x'") == failed
    assert service.items("SELECT * FROM plain") == []
    service.run("INSERT INTO plain VALUE {'k': 'x', 'a': 1}")
    assert service.error("UPDATE plain SET a = 2 WHERE k = 'x' AND a = 5") == failed
    with pytest.raises(ServiceError) as caught:
        service.run(
            "UPDATE plain SET a = 2 WHERE k = 'x' AND a IS MISSING", ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
    assert orjson.loads(orjson.dumps(caught.value.members["Item"])) == {"k": {"S": "x"}, "a": {"N": "1"}}


def test_delete(service: _Service) -> None:
    assert service.run("DELETE FROM plain WHERE k = 'x'") == {"Items": []}
    assert service.run("DELETE FROM plain WHERE k = 'x' AND a = 1 RETURNING ALL OLD *") == {"Items": []}
    service.run("INSERT INTO plain VALUE {'k': 'x', 'a': 1}")
    assert service.error("DELETE FROM plain WHERE k = 'x' AND a = 2")[0] == "ConditionalCheckFailedException"
    assert service.run("DELETE FROM plain WHERE k = 'x' AND a = 1 RETURNING ALL OLD *") == {
        "Items": [{"k": {"S": "x"}, "a": {"N": "1"}}]
    }
    assert service.items("SELECT * FROM plain") == []


def test_write_capacity(service: _Service) -> None:
    answer = service.run(
        "INSERT INTO songs VALUE {'artist': 'a', 'n': 1, 'genre': 'g'}", ReturnConsumedCapacity="INDEXES"
    )
    assert answer["ConsumedCapacity"] == {
        "TableName": "songs",
        "CapacityUnits": 2.0,
        "Table": {"CapacityUnits": 1.0},
        "GlobalSecondaryIndexes": {"by-genre": {"CapacityUnits": 1.0}},
    }


def test_each_write_is_one_mutation(service: _Service) -> None:
    for statement in (
        "INSERT INTO plain VALUE {'k': 'x'}",
        "UPDATE plain SET a = 1 WHERE k = 'x'",
        "DELETE FROM plain WHERE k = 'x' AND a = 1",
    ):
        assert service.calls_of(lambda statement=statement: service.run(statement)) == {"mutate": 1}  # type: ignore[misc]


def test_deep_conditions_do_not_exhaust_the_interpreter(service: _Service) -> None:
    condition = "k = 'x'"
    for number in range(140):
        condition = f"({condition} {'OR' if number % 2 else 'AND'} v = {number})"
    assert service.items(f"SELECT * FROM plain WHERE {condition}") == []
    assert service.items(f"SELECT * FROM plain WHERE {'NOT ' * 299}k = 'x'") == []


# Indexes of other shapes.


@pytest.fixture
def indexed(service: _Service) -> _Service:
    """A table with a local index that holds little and a global one whose key has several attributes."""
    service.call(
        "CreateTable",
        TableName="wide",
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S" if name in "ha" else "N"}
            for name in ("h", "r", "a", "b", "c", "d")
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "local",
                "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "many",
                "KeySchema": [
                    {"AttributeName": "a", "KeyType": "HASH"},
                    {"AttributeName": "b", "KeyType": "HASH"},
                    {"AttributeName": "c", "KeyType": "RANGE"},
                    {"AttributeName": "d", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for r in range(8):
        bits = {name: r >> bit & 1 for bit, name in enumerate("bcd")}
        service.run(f"INSERT INTO wide VALUE {{'h': 'x', 'r': {r}, 'a': 'k', 'other': {r}, {str(bits)[1:-1]}}}")
    return service


@pytest.mark.parametrize("clause", ["", "WHERE a = 'k'", "WHERE a = 'k' AND b = 1 ORDER BY c DESC"])
def test_index_with_keys_of_several_attributes_is_refused_unread(indexed: _Service, clause: str) -> None:
    def read() -> None:
        with pytest.raises(ServiceError, match="multi-attribute"):
            indexed.items(f"SELECT r FROM wide.many {clause}")

    assert indexed.calls_of(read) == {}


def test_local_index_fetches_what_it_does_not_hold(indexed: _Service) -> None:
    (item,) = indexed.items("SELECT r, other FROM wide.\"local\" WHERE h = 'x' AND b = 1 AND r = 3")
    assert item == {"r": {"N": "3"}, "other": {"N": "3"}}
    (item,) = indexed.items("SELECT * FROM wide.\"local\" WHERE h = 'x' AND b = 1 AND r = 3")
    assert item.keys() == {"h", "r", "b"}
