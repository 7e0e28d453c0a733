"""Rows made by forms are the rows of the long way, and what the long way refuses no form accepts.

The long way parses a record and checks everything that a request's item is checked for. Each test takes the same
records both ways.
"""

from __future__ import annotations

import asyncio
import json
import random
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extenddb.core.arn import TableArn
from extenddb.core.errors import ServiceError
from extenddb.engine.imports.items import BadRecord, Put, parse_json
from extenddb.engine.imports.reading import Batch, Place
from extenddb.engine.imports.rows import Parsed, Rows, put_row
from extenddb.engine.tables import describe
from extenddb.engine.tables.filling import filling_record
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.model import NewRow

Item = dict[str, Any]


def made_table(*, sort: str | None = "N", indexed: bool = False) -> Table:
    """A table with a partition key `p` and perhaps a sort key `s`, and two indexes that hold all and little."""
    types = {"p": "S", "color": "S", "weight": "N"} | ({"s": sort} if sort else {})
    used = ["p", *(["s"] if sort else []), *(["color", "weight"] if indexed else [])]
    create: dict[str, Any] = {
        "TableName": "some",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": types[name]} for name in used],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if sort:
        create["KeySchema"].append({"AttributeName": "s", "KeyType": "RANGE"})
    if indexed:
        keys = [{"AttributeName": "color", "KeyType": "HASH"}, {"AttributeName": "weight", "KeyType": "RANGE"}]
        create["GlobalSecondaryIndexes"] = [
            {"IndexName": "all", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}},
            {"IndexName": "keys", "KeySchema": keys[:1], "Projection": {"ProjectionType": "KEYS_ONLY"}},
        ]
    arn = TableArn(region="eu-north-1", account="123456789012", table="some")
    description = describe.created(create, arn=arn, table_id="1234-5678", created_ms=1)
    return from_record(filling_record("123456789012", description, stored_vectors=False))


def compact(item: Any) -> bytes:
    return json.dumps({"Item": item}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def by_rows(rows: Rows[NewRow], records: list[bytes]) -> Parsed[NewRow]:
    found: list[Parsed[NewRow]] = []

    async def main() -> None:
        found.append(await rows.parsed(Batch(records, parse_json, Place("o", len(records)))))

    asyncio.run(main())
    return found[0]


def the_long_way(table: Table, record: bytes) -> NewRow | str:
    try:
        return put_row(table, parse_json(record))
    except ServiceError as error:
        return error.message
    except BadRecord as error:
        return str(error)


def same(table: Table, records: list[bytes], found: Parsed[NewRow]) -> None:
    for place, record in enumerate(records):
        right = the_long_way(table, record)
        if isinstance(right, str):
            assert (found.rows[place], found.problems[place]) == (None, right), record
        else:
            assert found.rows[place] == right, record
            assert place not in found.problems


class Long:
    """The long way, with a count of the rows it made."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, table: Table, put: Put) -> NewRow:
        row = put_row(table, put)
        self.count += 1
        return row


class Maker:
    """Makes items of a few kinds, and spoils some of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        pieces = ["a", "word", " ", "é", "語", "😀", '"', "\\", "\n", "\x01", "{", "}", '":{"', ",", "\x7f", "\u2028"]
        plain = pieces[:3]
        among = pieces if self.random.random() < 0.2 else plain
        return "".join(self.random.choices(among, k=self.random.randrange(12)))

    def number(self) -> str:
        whole = str(self.random.randrange(10 ** self.random.randrange(1, 38)))
        choices = [whole, "0", f"-{whole}1", f"0.00{whole}5", f"{whole[:17]}.5", "1E3", "1.50", "+4", "007", "-0"]
        return self.random.choices(choices, [20, 2, 3, 2, 2, 1, 1, 1, 1, 1])[0]

    def binary(self) -> str:
        return b64encode(self.random.randbytes(self.random.randrange(9))).decode()

    def members(self, make: Callable[[], str]) -> list[str]:
        return list(dict.fromkeys(make() for _ in range(1 + self.random.randrange(4))))

    def value(self, depth: int = 0) -> Item:
        kinds: dict[str, Callable[[], Any]] = {
            "S": self.text,
            "N": self.number,
            "B": self.binary,
            "BOOL": lambda: self.random.random() < 0.5,
            "NULL": lambda: True,
            "SS": lambda: self.members(self.text),
            "NS": lambda: self.members(lambda: str(self.random.randrange(100))),
            "BS": lambda: self.members(self.binary),
            "L": lambda: [self.value(depth + 1) for _ in range(self.random.randrange(4))],
            "M": lambda: {f"m{n}": self.value(depth + 1) for n in range(self.random.randrange(3))},
        }
        kind = self.random.choice(list(kinds)[: 10 if depth < 3 else 5])
        return {kind: kinds[kind]()}

    def item(self, kind: int) -> Item:
        """One of three kinds; some attributes differ in their form too, some are missing at times."""
        item: Item = {"p": {"S": f"key{self.random.randrange(10_000)}"}, "s": {"N": str(self.random.randrange(10_000))}}
        item["Größe"] = {"N": self.number()}
        item[f"of{kind}"] = {"S": self.text()}
        item["open"] = {"BOOL": self.random.random() < 0.5}
        if kind == 1:
            item["address"] = {"M": {"city": {"S": self.text()}, "floor": {"N": self.number()}, "gone": {"NULL": True}}}
            item["tags"] = {"L": [{"S": self.text()} for _ in range(self.random.randrange(5))]}
            item["color"] = {"S": self.random.choice(["red", "blue", "x" * 600])}
        if kind == 2:
            item["groups"] = {"SS": self.members(self.text)}
            item["data"] = {"B": self.binary()}
            item["pair"] = {"L": [{"N": self.number()}, {"S": self.text()}]}
            item["any"] = self.value()
            item["weight"] = {"N": self.number()}
            if self.random.random() < 0.7:
                item["color"] = {"S": "green"}
        return item

    def spoiled(self, item: Item) -> Item:
        """Return the item with something that is refused, or that has another form."""
        name = self.random.choice(list(item))
        bad: list[Any] = [
            {"S": ""},
            {"N": "1" * 39},
            {"N": "1E126"},
            {"N": "x"},
            {"N": 1},
            {"S": None},
            {"S": "x" * 1025},
            {"S": "x" * 2049},
            {"B": "YQ="},
            {"B": "YR=="},
            {"B": "a b"},
            {"B": ""},
            {"SS": ["a", "a"]},
            {"SS": []},
            {"NS": ["1", "1.0"]},
            {"BS": ["YQ==", "YQ=="]},
            {"NULL": False},
            {"BOOL": "true"},
            {"S": "a", "N": "1"},
            {},
            {"Q": "1"},
            {"L": [{}]},
            {"L": [{"S": "a"}, 1]},
            {"M": {"": {"S": "a"}}},
            {"S": "x" * 410_000},
            None,
            self.deep(40),
            self.deep(9),
        ]
        return {**item, name: self.random.choice(bad)}

    def deep(self, levels: int) -> Item:
        value: Item = {"N": "1"}
        for _ in range(levels):
            value = {"L": [value]}
        return value

    def record(self) -> bytes:
        item = self.item(self.random.randrange(3))
        chance = self.random.random()
        if chance < 0.06:
            item = self.spoiled(item)
        record = compact(item)
        if chance > 0.97:
            record = self.rewritten(record, item)
        return record

    def rewritten(self, record: bytes, item: Item) -> bytes:
        """Return the record in another way to write JSON, or not quite JSON."""
        cut = self.random.randrange(len(record))
        ways: list[bytes] = [
            json.dumps({"Item": item}).encode() + b"\n",
            record.replace(b"/", b"\\/").replace(b"a", b"\\u0061", 1),
            record[:-1],
            record[:-1] + b"\r\n",
            record[:cut] + b"\xff" + record[cut:],
            record[:cut] + b"\x01" + record[cut:],
            record[:cut] + record[cut + 1 :],
            record.replace(b'"of', b'"p":{"S":"twice"},"of', 1),
            record[:-2] + b',"Other":1}\n',
            b"  " + record,
            b"[]\n",
        ]
        return self.random.choice(ways)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("indexed", [False, True])
def test_both_ways_agree_on_right_and_wrong_records(seed: int, indexed: bool) -> None:
    table = made_table(indexed=indexed)
    maker, long = Maker(seed), Long()
    rows: Rows[NewRow] = Rows(table, long)
    made = 0
    for _ in range(3):
        records = [maker.record() for _ in range(500)]
        found = by_rows(rows, records)
        made += len(records) - len(found.problems)
        same(table, records, found)
    assert made - long.count > 500, "forms were not used"


def nested(levels: int, inner: Item) -> Item:
    for _ in range(levels):
        inner = {"M": {"inner": inner}}
    return inner


def known(number: int) -> Item:
    """Items of one form, with a value of every type whose size needs a look."""
    return {
        "p": {"S": f"key{number}"},
        "s": {"N": str(number)},
        "SS": {"SS": [f"a{number}", "b"]},
        "NS": {"NS": [str(number), "-1.5"]},
        "BS": {"BS": ["YQ==", "YWI="]},
        "B": {"B": "YWJj"},
        "L": {"L": [{"S": "text"}] * (number % 9)},
        "M": {"M": {f"name{number}": {"S": "text"}}},
        "deep": nested(28, {"L": [{"S": "text"}] * 9}),
    }


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("SS", {"SS": ["a", "b", "a"]}, False),
        ("SS", {"SS": ['"', "b", ""]}, True),
        ("SS", {"SS": ["a", 1]}, False),
        ("SS", {"SS": []}, False),
        ("NS", {"NS": ["1", "2", "1"]}, False),
        ("NS", {"NS": ["1", "1.0"]}, False),
        ("NS", {"NS": ["x"]}, False),
        ("BS", {"BS": ["YQ==", "YQ=="]}, False),
        ("BS", {"BS": ["YQ==", "YR=="]}, False),
        ("BS", {"BS": ["YWJj"]}, True),
        ("B", {"B": "YWJjZA=="}, True),
        ("B", {"B": "YR=="}, False),
        ("B", {"B": "YWJ"}, False),
        ("B", {"B": ""}, True),
        ("L", {"L": [{"S": "a"}, {"SS": ["a", "a"]}]}, False),
        ("L", {"L": [{"S": "a"}, {"N": "1.0"}]}, True),
        ("L", {"L": [{"S": "a", "N": "1"}]}, False),
        ("M", {"M": {"a": {"NULL": False}}}, False),
        ("M", {"M": {"a": {"L": [{"M": {}}]}}}, True),
        ("deep", nested(28, {"L": [{"L": [{"L": [{"S": "a"}]}]}] * 9}), True),
        ("deep", nested(28, {"L": [{"L": [{"L": [{"L": [{"S": "a"}]}]}]}] * 9}), False),
        ("s", {"N": "1" * 38}, True),
        ("s", {"N": "1" * 39}, False),
        ("p", {"S": "é" * 1024}, True),
        ("p", {"S": "é" * 1025}, False),
        ("p", {"S": "\n"}, True),
        ("p", {"S": ""}, False),
    ],
)
def test_values_in_a_known_form(name: str, value: Item, right: bool) -> None:
    table = made_table()
    rows: Rows[NewRow] = Rows(table, put_row)
    by_rows(rows, [compact(known(number)) for number in range(100)])
    records = [compact({**known(1), name: value})]
    found = by_rows(rows, records)
    same(table, records, found)
    assert (found.rows[0] is not None) is right


def test_the_known_form_is_known() -> None:
    long = Long()
    by_rows(Rows(made_table(), long), [compact(known(number)) for number in range(500)])
    assert long.count <= 100


KEYS = st.sampled_from(["S", "N", "B"])
NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.text("0123456789.-+eE", max_size=8),
)
BASE64 = st.one_of(st.binary(max_size=9).map(lambda data: b64encode(data).decode()), st.text("AQgwz+/=", max_size=8))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
CONTENTS = {"S": TEXTS, "N": NUMBERS, "B": BASE64}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), sort=KEYS)
def test_whatever_stands_in_a_known_form_both_ways_agree(data: st.DataObject, sort: str) -> None:
    table = made_table(sort=sort)
    plain = {"S": "text", "N": "12", "B": "YWJj"}

    def item(key: str, contents: dict[str, Any], inner: Any) -> Item:
        values = {kind: {kind: content} for kind, content in contents.items()}
        return {"p": {"S": key}, "s": {sort: contents[sort]}, **values, "list": {"L": inner[0]}, "map": {"M": inner[1]}}

    lesson = [compact(item(f"k{n}", plain, ([{"S": "a"}] * n, {"a": {"S": "b"}, "b": {"N": "1"}}))) for n in range(64)]
    rows: Rows[NewRow] = Rows(table, put_row)
    same(table, lesson, by_rows(rows, lesson))
    lists = st.lists(st.one_of(TEXTS.map(lambda text: {"S": text}), NUMBERS.map(lambda text: {"N": text})), max_size=3)
    maps = st.fixed_dictionaries({"a": TEXTS.map(lambda text: {"S": text}), "b": NUMBERS.map(lambda n: {"N": n})})
    contents = st.fixed_dictionaries(CONTENTS)
    drawn = data.draw(st.lists(st.tuples(TEXTS, contents, st.tuples(lists, maps)), min_size=1, max_size=6))
    records = [compact(item(*each)) for each in drawn]
    same(table, records, by_rows(rows, records))


PIECES = st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"0", b"\xff", b"\x00", b"\xc3", b"S"])


@settings(max_examples=150, deadline=None)
@given(edits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 3), PIECES), min_size=1, max_size=3))
def test_records_with_damage_are_judged_alike(edits: list[tuple[float, int, bytes]]) -> None:
    table = made_table(indexed=True)
    maker = Maker(1)
    lesson = [compact(maker.item(n % 3)) for n in range(300)]
    rows: Rows[NewRow] = Rows(table, put_row)
    by_rows(rows, lesson)
    damaged = []
    for record in lesson[:6]:
        for place, length, piece in edits:
            at = int(place * len(record))
            record = record[:at] + piece + record[at + length :]
        damaged.append(record.replace(b"\n", b"") + b"\n")
    same(table, damaged, by_rows(rows, damaged))


def test_records_after_a_lesson_are_not_parsed() -> None:
    table = made_table(indexed=True)
    records = [
        compact(
            {
                "p": {"S": f"key{n}"},
                "s": {"N": str(n)},
                "color": {"S": "red"},
                "tags": {"L": [{"S": "x"}] * (n % 4)},
                "address": {"M": {"city": {"S": f'"city" of {n}'}}},
                "groups": {"SS": [f"g{each}" for each in range(1 + n % 3)]},
            }
        )
        for n in range(2000)
    ]
    long = Long()
    found = by_rows(Rows(table, long), records)
    assert not found.problems
    assert long.count <= 100  # those that the lesson was about
    same(table, records, found)


def test_nothing_is_learned_of_keys_of_several_attributes() -> None:
    create = {
        "TableName": "some",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in "pabc"],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "i",
                "KeySchema": [{"AttributeName": name, "KeyType": "HASH"} for name in "abc"],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    arn = TableArn(region="eu-north-1", account="123456789012", table="some")
    description = describe.created(create, arn=arn, table_id="1234", created_ms=1)
    table = from_record(filling_record("123456789012", description, stored_vectors=False))
    records = [
        compact({"p": {"S": str(n)}, "a": {"S": "x" * (n * 10)}, "b": {"S": "y" * 1000}, "c": {"S": "z"}})
        for n in range(1, 200)
    ]
    found = by_rows(Rows(table, put_row), records)
    same(table, records, found)
    assert found.problems
