"""Pages of statements: put together they are the whole answer, and their tokens fit no other statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

MISMATCH = "NextToken does not match request"
PARTITIONS = ("a", "b", "c")
SIZE = 14


@pytest.fixture
def account(world: World) -> str:
    """An account with a table of three partitions of 14 items each."""
    number = world.account()
    world.must(number, "CreateTable", create_request("pages", "p S, s N", {"gix": "g S, s N"}, {}))
    for partition in PARTITIONS:
        puts = [
            {"PutRequest": {"Item": {"p": {"S": partition}, "s": {"N": str(place)}, "g": {"S": "xy"[place % 2]}}}}
            for place in range(SIZE)
        ]
        world.must(number, "BatchWriteItem", {"RequestItems": {"pages": puts}})
    return number


def run(world: World, account: str, statement: str, **members: Any) -> dict[str, Any]:
    """Return the answer to a statement."""
    return world.must(account, "ExecuteStatement", {"Statement": statement, **members})


def pages(world: World, account: str, statement: str, **members: Any) -> Iterator[list[str]]:
    """Yield the names of the items of each page."""
    token: dict[str, Any] = {}
    for _ in range(500):
        page = run(world, account, statement, **members, **token)
        yield [item["p"]["S"] + item["s"]["N"] for item in page["Items"]]
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}
    pytest.fail("the pages have no end")


STATEMENTS = (
    ("SELECT p, s FROM pages", None, SIZE * 3),
    ("SELECT p, s FROM pages WHERE p = 'a'", None, SIZE),
    ("SELECT p, s FROM pages WHERE p = ? ORDER BY s DESC", [{"S": "b"}], SIZE),
    ("SELECT p, s FROM pages WHERE p = 'a' AND s >= 3 AND s < 9", None, 6),
    ("SELECT p, s FROM pages WHERE p IN ['c', 'a']", None, SIZE * 2),
    ("SELECT p, s FROM pages WHERE p IN ['c', 'a'] ORDER BY s", None, SIZE * 2),
    ("SELECT p, s FROM pages WHERE p IN ['c', 'a', 'b'] AND s IN [1, 3, 5, 7]", None, 12),
    ("SELECT p, s FROM pages WHERE s > 10", None, 9),
    ('SELECT p, s FROM "pages"."gix" WHERE g = \'x\'', None, SIZE * 3 // 2),
    ('SELECT p, s FROM "pages"."gix" WHERE g = \'y\' AND s > 5 ORDER BY s DESC', None, 12),
)


@pytest.mark.parametrize(("statement", "parameters", "count"), STATEMENTS, ids=lambda value: str(value)[:60])
def test_pages_of_any_size_are_the_whole(
    world: World, account: str, statement: str, parameters: list[Any] | None, count: int
) -> None:
    members = {} if parameters is None else {"Parameters": parameters}
    whole = [name for page in pages(world, account, statement, **members) for name in page]
    assert len(whole) == len(set(whole)) == count
    for limit in (1, 4, 1000):
        found = list(pages(world, account, statement, Limit=limit, **members))
        assert [name for page in found for name in page] == whole
        assert all(len(page) <= limit for page in found)


def test_limit_counts_items_before_the_filter(world: World, account: str) -> None:
    found = list(pages(world, account, "SELECT p, s FROM pages WHERE p = 'a' AND g = 'y'", Limit=2))
    assert [name for page in found for name in page] == [f"a{place}" for place in range(1, SIZE, 2)]
    assert found[: SIZE // 2] == [[f"a{place}"] for place in range(1, SIZE, 2)]


def test_the_last_key_stands_beside_the_token(world: World, account: str) -> None:
    page = run(world, account, "SELECT * FROM pages WHERE p = 'a'", Limit=3)
    assert page["LastEvaluatedKey"] == {"p": {"S": "a"}, "s": {"N": "2"}}
    assert page.keys() == {"Items", "NextToken", "LastEvaluatedKey"}
    assert run(world, account, "SELECT * FROM pages WHERE p = 'a' AND s > 11").keys() == {"Items"}


def test_a_token_fits_its_statement_only(world: World, account: str) -> None:
    statement = "SELECT * FROM pages WHERE p = ?"
    request = {"Statement": statement, "Parameters": [{"S": "a"}]}
    token = run(world, account, statement, Parameters=[{"S": "a"}], Limit=1)["NextToken"]
    swapped = token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]
    for other in (
        {**request, "Parameters": [{"S": "b"}], "NextToken": token},
        {"Statement": "SELECT * FROM pages", "NextToken": token},
        {**request, "NextToken": swapped},
        {**request, "NextToken": "x"},
    ):
        reply = world.service.call(account, "ExecuteStatement", other)
        assert (reply.error, reply.message) == ("ValidationException", MISMATCH)
    rest = run(world, account, statement, Parameters=[{"S": "a"}], NextToken=token)
    assert len(rest["Items"]) == SIZE - 1


def test_a_token_fits_parameters_with_their_members_in_another_order(world: World, account: str) -> None:
    statement = "SELECT * FROM pages WHERE p = 'a' AND s <> ?"
    one, other = ({"M": {name: {"S": name} for name in names}} for names in ("xy", "yx"))
    token = run(world, account, statement, Parameters=[one], Limit=1)["NextToken"]
    rest = run(world, account, statement, Parameters=[other], NextToken=token)
    assert len(rest["Items"]) == SIZE - 1


def test_writes_take_no_part_in_paging(world: World, account: str) -> None:
    answer = run(world, account, "DELETE FROM pages WHERE p = 'a' AND s = 1 RETURNING ALL OLD *")
    assert answer == {"Items": [{"p": {"S": "a"}, "s": {"N": "1"}, "g": {"S": "y"}}]}
    assert len(run(world, account, "SELECT * FROM pages WHERE p = 'a'")["Items"]) == SIZE - 1
