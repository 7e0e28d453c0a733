# PynamoDB annotates its attributes but not their constructors.
# mypy: disable-error-code="no-untyped-call"
"""PynamoDB: models with every kind of attribute, indexes, versions, expiry, conditions, batches and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.attributes import (
    BinaryAttribute,
    BinarySetAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    DynamicMapAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NullAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import (
    DeleteError,
    DoesNotExist,
    GetError,
    PutError,
    QueryError,
    TableDoesNotExist,
    TransactWriteError,
    UpdateError,
)
from pynamodb.indexes import (
    AllProjection,
    GlobalSecondaryIndex,
    IncludeProjection,
    KeysOnlyProjection,
    LocalSecondaryIndex,
)
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("pynamodb")]
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)


class Located:
    """Where the server is; the fixture of that name fills it in."""

    host = ""
    region = ""
    aws_access_key_id = ""
    aws_secret_access_key = ""


class ByViews(LocalSecondaryIndex["Thread"]):
    class Meta:
        projection = AllProjection()

    forum = UnicodeAttribute(hash_key=True)
    views = NumberAttribute(range_key=True)


class ByAuthor(GlobalSecondaryIndex["Thread"]):
    class Meta:
        index_name = "by-author"
        projection = IncludeProjection(["tags"])
        read_capacity_units = 1
        write_capacity_units = 1

    author = UnicodeAttribute(hash_key=True)
    created = UTCDateTimeAttribute(range_key=True)


class ByState(GlobalSecondaryIndex["Thread"]):
    class Meta:
        projection = KeysOnlyProjection()
        read_capacity_units = 1
        write_capacity_units = 1

    state = UnicodeAttribute(hash_key=True)


class Address(MapAttribute[str, Any]):
    city = UnicodeAttribute()
    zip = NumberAttribute(null=True)


class Thread(Model):
    class Meta(Located):
        table_name = "threads"
        read_capacity_units = 5
        write_capacity_units = 5
        tags = {"team": "forum"}  # noqa: RUF012

    forum = UnicodeAttribute(hash_key=True)
    subject = UnicodeAttribute(range_key=True)
    views = NumberAttribute(default=0)
    author = UnicodeAttribute(null=True)
    created = UTCDateTimeAttribute(default=WHEN)
    state = UnicodeAttribute(null=True)
    tags = UnicodeSetAttribute(null=True)
    scores = NumberSetAttribute(null=True)
    blob = BinaryAttribute(null=True, legacy_encoding=False)
    blobs = BinarySetAttribute(null=True, legacy_encoding=False)
    open = BooleanAttribute(null=True)
    nothing = NullAttribute(null=True)
    settings = JSONAttribute(null=True)
    address = Address(null=True)
    people = ListAttribute[Address](of=Address, null=True)
    free = DynamicMapAttribute(null=True)
    by_views = ByViews()
    by_author = ByAuthor()
    by_state = ByState()


class Session(Model):
    class Meta(Located):
        table_name = "sessions"
        billing_mode = "PAY_PER_REQUEST"

    token = UnicodeAttribute(hash_key=True)
    version = VersionAttribute()
    expires = TTLAttribute(null=True)
    user = UnicodeAttribute(null=True)


class Animal(Model):
    class Meta(Located):
        table_name = "animals"
        billing_mode = "PAY_PER_REQUEST"

    number = NumberAttribute(hash_key=True)
    kind = DiscriminatorAttribute()


class Cat(Animal, discriminator="cat"):
    lives = NumberAttribute(default=9)


class Dog(Animal, discriminator="dog"):
    tricks = NumberAttribute(default=0)


@pytest.fixture(scope="module", autouse=True)
def located(server: Server) -> None:
    """The models know where the server is."""
    Located.host, Located.region = server.endpoint, server.region
    Located.aws_access_key_id, Located.aws_secret_access_key = server.access_key_id, server.secret_access_key


@pytest.fixture(autouse=True)
def tables(located: None) -> Iterator[None]:
    """Empty tables of all models."""
    for model in (Thread, Session, Animal):
        model.create_table(wait=True)
    yield
    for model in (Thread, Session, Animal):
        model.delete_table(wait=True)


def threads(count: int, forum: str = "f") -> list[Thread]:
    """Return threads that are not saved yet."""
    return [
        Thread(
            forum,
            f"s{number:03}",
            views=number * 7 % 10,
            author=f"a{number % 3}",
            created=WHEN + timedelta(days=number),
            state="open" if number % 2 else None,
        )
        for number in range(count)
    ]


def comparable(item: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an item whose sets have one order."""
    return {
        name: {kind: sorted(content) if kind in {"SS", "NS", "BS"} else content for kind, content in value.items()}
        for name, value in item.items()
    }


def test_tables_are_made_from_models(server: Server) -> None:
    description = Thread.describe_table()
    assert description["TableStatus"] == "ACTIVE"
    assert description["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    assert {index["IndexName"] for index in description["GlobalSecondaryIndexes"]} == {"by-author", "by_state"}
    assert [index["IndexName"] for index in description["LocalSecondaryIndexes"]] == ["by_views"]
    assert Thread.exists()
    assert Session.describe_table()["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    expiry = server.client().describe_time_to_live(TableName="sessions")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_tags_are_made_from_models(server: Server) -> None:
    arn = Thread.describe_table()["TableArn"]
    tags = server.client().list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "forum"}]


def test_every_attribute_comes_back(server: Server) -> None:
    given = Thread(
        "f",
        "all",
        views=1.5,
        author="é\x00",
        tags={"a", "b"},
        scores={1, 2.5, -3},
        blob=b"\x00\xff",
        blobs={b"a", b"\xfe"},
        open=False,
        settings={"a": [1, None, {"b": "c"}]},
        address=Address(city="Ulm", zip=89073),
        people=[Address(city="Bern"), Address(city="Rom", zip=1)],
        free={"x": 1, "y": {"z": ["w"]}},
    )
    given.save()
    found = Thread.get("f", "all", consistent_read=True)
    key = {"forum": {"S": "f"}, "subject": {"S": "all"}}
    stored = server.client().get_item(TableName="threads", Key=key)["Item"]
    assert comparable(stored) == comparable(given.serialize())
    assert (found.created, found.blob, found.blobs) == (WHEN, b"\x00\xff", {b"a", b"\xfe"})
    assert found.people is not None
    assert [person.city for person in found.people] == ["Bern", "Rom"]
    assert found.free is not None
    assert found.free["y"]["z"] == ["w"]


def test_queries_and_their_conditions() -> None:
    with Thread.batch_write() as batch:
        for thread in threads(40):
            batch.save(thread)
    assert [thread.subject for thread in Thread.query("f", Thread.subject.startswith("s03"))] == [
        f"s{number:03}" for number in range(30, 40)
    ]
    between = Thread.query("f", Thread.subject.between("s005", "s007"), scan_index_forward=False)
    assert [thread.subject for thread in between] == ["s007", "s006", "s005"]
    filtered = Thread.query(
        "f",
        filter_condition=(Thread.views > 7) & Thread.author.is_in("a0", "a1") & ~Thread.tags.exists(),
        page_size=3,
    )
    right = [number for number in range(40) if number * 7 % 10 > 7 and number % 3 < 2]
    assert [thread.subject for thread in filtered] == [f"s{number:03}" for number in right]
    assert Thread.count("f") == 40
    assert Thread.count("f", filter_condition=Thread.state == "open") == 20
    limited = Thread.query("f", limit=5)
    assert len(list(limited)) == 5
    assert limited.last_evaluated_key == {"forum": {"S": "f"}, "subject": {"S": "s004"}}
    resumed = Thread.query("f", last_evaluated_key=limited.last_evaluated_key, limit=1)
    assert [thread.subject for thread in resumed] == ["s005"]
    partial = next(Thread.query("f", attributes_to_get=["views"]))
    assert partial.attribute_values.get("author") is None


def test_indexes() -> None:
    for thread in threads(12):
        thread.save()
    views = [thread.views for thread in Thread.by_views.query("f", Thread.views >= 5, consistent_read=True)]
    assert views == sorted(number * 7 % 10 for number in range(12) if number * 7 % 10 >= 5)
    recent = Thread.by_author.query("a1", ByAuthor.created > WHEN + timedelta(days=4), scan_index_forward=False)
    assert [thread.subject for thread in recent] == ["s010", "s007"]
    assert Thread.by_author.count("a1") == 4
    assert len(list(Thread.by_state.scan(page_size=2))) == 6


def test_scans() -> None:
    with Thread.batch_write() as batch:
        for thread in threads(60, "scan"):
            batch.save(thread)
    found = [thread.subject for segment in range(3) for thread in Thread.scan(segment=segment, total_segments=3)]
    assert sorted(found) == [f"s{number:03}" for number in range(60)]
    assert len(list(Thread.scan(Thread.views.between(3, 4), page_size=7))) == 12
    assert len(list(Thread.scan(limit=11))) == 11
    assert len(list(Thread.scan(rate_limit=1000))) == 60


def test_updates() -> None:
    thread = threads(1)[0]
    thread.tags, thread.scores = {"a", "b"}, {1}
    thread.people = [Address(city="Bern")]
    thread.save()
    thread.update(
        actions=[
            Thread.views.set(Thread.views + 3),
            Thread.state.set(Thread.state | "new"),
            Thread.tags.delete({"a"}),
            Thread.scores.add({2}),
            Thread.author.remove(),
            Thread.people.set(Thread.people.append([{"city": "Rom"}])),
            Thread.address.set(Address(city="Ulm")),
        ],
        condition=Thread.views == 0,
    )
    assert (thread.views, thread.state, thread.tags, thread.scores) == (3, "new", {"b"}, {1, 2})
    assert "author" not in thread.serialize()
    assert thread.people is not None
    assert [person.city for person in thread.people] == ["Bern", "Rom"]
    thread.update(actions=[Thread.address.city.set("Wien"), Thread.people[0].remove()])  # type: ignore[attr-defined]  # on the class it is the attribute
    fresh = Thread.get("f", "s000")
    assert comparable(fresh.serialize()) == comparable(thread.serialize())
    assert fresh.address.city == "Wien"
    with pytest.raises(UpdateError) as error:
        thread.update(actions=[Thread.views.add(1)], condition=Thread.subject.does_not_exist())
    assert error.value.cause_response_code == "ConditionalCheckFailedException"


def test_conditional_writes() -> None:
    thread = threads(1)[0]
    thread.save(Thread.forum.does_not_exist())
    with pytest.raises(PutError, match="ConditionalCheckFailed"):
        threads(1)[0].save(Thread.forum.does_not_exist())
    with pytest.raises(DeleteError):
        thread.delete(Thread.views > 100)
    thread.delete(Thread.views <= 0)
    with pytest.raises(DoesNotExist):
        Thread.get("f", "s000")
    with pytest.raises(DoesNotExist):
        thread.refresh()


def test_versions_guard_against_lost_updates() -> None:
    session = Session("t", user="one")
    session.save()
    assert session.version == 1
    other = Session.get("t")
    session.user = "two"
    session.save()
    assert session.version == 2
    other.user = "three"
    with pytest.raises(PutError, match="ConditionalCheckFailed"):
        other.save()
    with pytest.raises(DeleteError):
        other.delete()
    other.refresh()
    other.update(actions=[Session.user.set("four")])
    assert other.version == 3
    assert Session.get("t").user == "four"


def test_expiry_is_a_date() -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    Session("t", expires=later).save()
    assert Session.get("t").expires == later
    Session("u", expires=timedelta(minutes=5)).save()
    assert Session.get("u").expires > datetime.now(UTC)


def test_batches() -> None:
    with Thread.batch_write() as batch:
        for thread in threads(110):
            batch.save(thread)
    with Thread.batch_write() as batch:
        for thread in threads(110)[::2]:
            batch.delete(thread)
    keys = [("f", f"s{number:03}") for number in range(110)]
    found = sorted(thread.subject for thread in Thread.batch_get(keys, consistent_read=True))
    assert found == [f"s{number:03}" for number in range(1, 110, 2)]
    assert len(list(Thread.batch_get(keys[:3], attributes_to_get=["forum", "subject"]))) == 1


def test_transactions() -> None:
    connection = Connection(region=Located.region, host=Located.host)
    connection.session.set_credentials(Located.aws_access_key_id, Located.aws_secret_access_key)
    kept, gone = threads(2)
    gone.save()
    session = Session("t")
    with TransactWrite(connection=connection, client_request_token="once") as transaction:
        transaction.save(session)
        transaction.save(kept, condition=Thread.forum.does_not_exist())
        transaction.delete(gone, condition=Thread.forum.exists())
    assert session.version == 1
    transaction = TransactWrite(connection=connection)
    transaction.update(kept, actions=[Thread.views.add(1)])
    transaction.condition_check(Thread, "f", "s001", condition=Thread.forum.exists())
    with pytest.raises(TransactWriteError) as error:
        transaction.__exit__(None, None, None)
    failed, innocent = error.value.cancellation_reasons  # PynamoDB sends its condition checks first
    assert failed is not None
    assert failed.code == "ConditionalCheckFailed"
    assert innocent is None
    with TransactGet(connection=connection) as reads:
        first, second = reads.get(Thread, "f", "s000"), reads.get(Session, "t")
        missing = reads.get(Thread, "f", "s001")
    assert (first.get().views, second.get().version) == (0, 1)
    with pytest.raises(DoesNotExist):
        missing.get()


def test_classes_of_one_table() -> None:
    Cat(1).save()
    Dog(2, tricks=3).save()
    assert {type(animal) for animal in Animal.scan()} == {Cat, Dog}
    assert [animal.number for animal in Dog.scan()] == [2]
    assert list(Cat.query(2)) == []
    assert Cat.get(1).lives == 9


def test_errors() -> None:
    class Missing(Model):
        class Meta(Located):
            table_name = "missing"

        key = UnicodeAttribute(hash_key=True)

    assert not Missing.exists()
    with pytest.raises(TableDoesNotExist):
        Missing.describe_table()
    with pytest.raises(GetError, match="ResourceNotFoundException"):
        Missing.get("a")
    with pytest.raises(QueryError, match="ValidationException"):
        next(Thread.query(""))
