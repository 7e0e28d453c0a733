"""Random requests for a table of a shape. Most are legal; what is not must be refused alike."""

from __future__ import annotations

from typing import Any

from agreement_kit.expressions import PLAIN, conditions, updates
from agreement_kit.shapes import Shape
from agreement_kit.values import Value, anything, expiries, key_values, odd, partitions
from hypothesis import strategies as st

Request = dict[str, Any]
_RETURNS = ("NONE", "ALL_OLD")
_UPDATE_RETURNS = ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
_COMPARATORS = ("=", "<", "<=", ">", ">=")


class Requests:
    """Strategies for requests on one table."""

    def __init__(self, shape: Shape, table: str) -> None:
        self.shape = shape
        self.table = table
        self._names = (*shape.keys, *shape.index_keys(), *PLAIN, "x", "y")

    def keys(self) -> st.SearchStrategy[Value]:
        """Return primary keys."""
        first, *rest = self.shape.keys
        return st.fixed_dictionaries({first: partitions(first), **{name: key_values(name) for name in rest}})

    @st.composite
    @staticmethod
    def _item(draw: st.DrawFn, self: Requests) -> Value:
        item: Value = draw(self.keys())
        for name in self.shape.index_keys():
            choice = draw(st.integers(0, 9))
            if choice < 7:
                item[name] = draw(partitions(name) if choice else odd())
        if draw(st.integers(0, 5)) == 0:
            item["ttl"] = draw(expiries())
        plain: Value = draw(st.dictionaries(st.sampled_from(PLAIN), anything(), max_size=3))
        return {**item, **plain}

    def items(self) -> st.SearchStrategy[Value]:
        """Return items; index keys may be missing, and now and then are of a wrong type."""
        return Requests._item(self)

    def _maybe_conditional(self) -> st.SearchStrategy[Request]:
        return st.just({}) | conditions("ConditionExpression", self._names)

    def _write(self, base: st.SearchStrategy[Request], returns: tuple[str, ...]) -> st.SearchStrategy[Request]:
        options = st.fixed_dictionaries(
            {"ReturnValues": st.sampled_from(returns)},
            optional={
                "ReturnConsumedCapacity": st.sampled_from(["TOTAL", "INDEXES"]),
                "ReturnItemCollectionMetrics": st.just("SIZE"),
                "ReturnValuesOnConditionCheckFailure": st.just("ALL_OLD"),
            },
        )
        return st.builds(lambda given, more: {"TableName": self.table} | given | more, base, options)

    def puts(self) -> st.SearchStrategy[Request]:
        """Return PutItem requests."""
        return self._write(
            st.builds(lambda item, more: {"Item": item} | more, self.items(), self._maybe_conditional()), _RETURNS
        )

    def deletes(self) -> st.SearchStrategy[Request]:
        """Return DeleteItem requests."""
        return self._write(
            st.builds(lambda key, more: {"Key": key} | more, self.keys(), self._maybe_conditional()), _RETURNS
        )

    def _changes(self) -> st.SearchStrategy[Request]:
        return st.builds(merged, updates(self._names, self.shape.index_keys()), self._maybe_conditional())

    def updates(self) -> st.SearchStrategy[Request]:
        """Return UpdateItem requests."""
        return self._write(
            st.builds(lambda key, more: {"Key": key} | more, self.keys(), self._changes()), _UPDATE_RETURNS
        )

    def legacy_updates(self) -> st.SearchStrategy[Request]:
        """Return UpdateItem requests in the form without expressions."""
        change = st.fixed_dictionaries({"Action": st.sampled_from(["PUT", "ADD"]), "Value": anything()})
        expected = st.fixed_dictionaries({"Value": anything()}) | st.just({"Exists": False})
        return st.fixed_dictionaries(
            {
                "TableName": st.just(self.table),
                "Key": self.keys(),
                "AttributeUpdates": st.dictionaries(
                    st.sampled_from(self._names), change | st.just({"Action": "DELETE"})
                ),
                "ReturnValues": st.sampled_from(_UPDATE_RETURNS),
            },
            optional={"Expected": st.dictionaries(st.sampled_from(self._names), expected, min_size=1, max_size=2)},
        )

    def gets(self) -> st.SearchStrategy[Request]:
        """Return GetItem requests."""
        return st.fixed_dictionaries(
            {"TableName": st.just(self.table), "Key": self.keys()},
            optional={
                "ConsistentRead": st.booleans(),
                "ProjectionExpression": st.sampled_from(["x", "x.a, y", "z[0], x", "x[1], x[0]"]),
                "ReturnConsumedCapacity": st.just("TOTAL"),
            },
        )

    def batch_gets(self) -> st.SearchStrategy[Request]:
        """Return BatchGetItem requests; a key may be named twice, which is refused."""
        return st.lists(self.keys(), min_size=1, max_size=6).map(
            lambda keys: {"RequestItems": {self.table: {"Keys": keys}}, "ReturnConsumedCapacity": "TOTAL"}
        )

    def batch_writes(self) -> st.SearchStrategy[Request]:
        """Return BatchWriteItem requests."""
        put = self.items().map(lambda item: {"PutRequest": {"Item": item}})
        delete = self.keys().map(lambda key: {"DeleteRequest": {"Key": key}})
        return st.lists(put | put | delete, min_size=1, max_size=8).map(
            lambda actions: {"RequestItems": {self.table: actions}, "ReturnConsumedCapacity": "INDEXES"}
        )

    def _actions(self) -> st.SearchStrategy[Request]:
        here = st.just({"TableName": self.table})
        returned = st.sampled_from([{}, {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}])
        key = self.keys().map(lambda each: {"Key": each})
        item = self.items().map(lambda each: {"Item": each})
        check = conditions("ConditionExpression", self._names)
        bodies = {
            "Put": st.builds(merged, here, item, self._maybe_conditional(), returned),
            "Delete": st.builds(merged, here, key, self._maybe_conditional(), returned),
            "Update": st.builds(merged, here, key, self._changes(), returned),
            "ConditionCheck": st.builds(merged, here, key, check, returned),
        }
        return st.one_of([st.fixed_dictionaries({name: body}) for name, body in bodies.items()])

    def transact_writes(self) -> st.SearchStrategy[Request]:
        """Return TransactWriteItems requests, some with a token that may come again."""
        return st.fixed_dictionaries(
            {"TransactItems": st.lists(self._actions(), min_size=1, max_size=4)},
            optional={
                "ClientRequestToken": st.sampled_from(["one", "two"]),
                "ReturnConsumedCapacity": st.just("INDEXES"),
            },
        )

    def transact_gets(self) -> st.SearchStrategy[Request]:
        """Return TransactGetItems requests."""
        get = self.keys().map(lambda key: {"Get": {"TableName": self.table, "Key": key}})
        return st.lists(get, min_size=1, max_size=5).map(
            lambda gets: {"TransactItems": gets, "ReturnConsumedCapacity": "TOTAL"}
        )

    @st.composite
    @staticmethod
    def _query(draw: st.DrawFn, self: Requests) -> Request:
        index, keys = draw(st.sampled_from(list(self.shape.schemas())))
        names = {"#h": keys[0]}
        values = {":h": draw(partitions(keys[0]))}
        text = "#h = :h"
        if len(keys) > 1 and draw(st.booleans()):
            text += " AND " + draw(_sort_conditions(keys[1]))
            names["#r"] = keys[1]
            values |= {name: draw(key_values(keys[1])) for name in (":a", ":z") if name in text}
        return {
            "TableName": self.table,
            **({} if index is None else {"IndexName": index}),
            "KeyConditionExpression": text,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": draw(st.booleans()),
            **draw(_read_options(self._names)),
        }

    def queries(self) -> st.SearchStrategy[Request]:
        """Return Query requests on the table or an index."""
        return Requests._query(self)

    @st.composite
    @staticmethod
    def _scan(draw: st.DrawFn, self: Requests) -> Request:
        index = draw(st.sampled_from([index for index, _ in self.shape.schemas()]))
        segments = draw(st.sampled_from([0, 0, 2, 3, 7]))
        segment = {"TotalSegments": segments, "Segment": draw(st.integers(0, segments - 1))} if segments else {}
        return {
            "TableName": self.table,
            **({} if index is None else {"IndexName": index}),
            **segment,
            **draw(_read_options(self._names)),
        }

    def scans(self) -> st.SearchStrategy[Request]:
        """Return Scan requests on the table or an index, some of one segment."""
        return Requests._scan(self)

    def changes_of_the_table(self) -> st.SearchStrategy[Request]:
        """Return UpdateTable requests."""
        return st.sampled_from([{"TableName": self.table, **change} for change in self.shape.late()])


def merged(*parts: Request) -> Request:
    """Return the members of all parts; names and values of expressions come together, the first meaning counts."""
    whole: Request = {}
    for part in parts:
        for name, content in part.items():
            whole[name] = {**content, **whole[name]} if name in whole else content
    return whole


def _sort_conditions(name: str) -> st.SearchStrategy[str]:
    found = [f"#r {sign} :a" for sign in _COMPARATORS] + ["#r BETWEEN :a AND :z"]
    return st.sampled_from(found + ([] if name.startswith("n") else ["begins_with(#r, :a)"]))


@st.composite
def _read_options(draw: st.DrawFn, names: tuple[str, ...]) -> Request:
    options: Request = {"ReturnConsumedCapacity": draw(st.sampled_from(["NONE", "TOTAL", "INDEXES"]))}
    if draw(st.integers(0, 3)) == 0:
        options["FilterExpression"] = draw(st.sampled_from(["attribute_exists(x)", "size(x) > size(y)", "x <> y"]))
    if draw(st.integers(0, 3)) == 0:
        options["ProjectionExpression"] = draw(st.sampled_from([*names[:1], "x, y", "x.a, z[0]"]))
    elif draw(st.integers(0, 3)) == 0:
        options["Select"] = "COUNT"
    if draw(st.integers(0, 3)) == 0:
        options["ConsistentRead"] = draw(st.booleans())
    return options
