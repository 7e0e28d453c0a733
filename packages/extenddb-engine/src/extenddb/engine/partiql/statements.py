"""From the text and parameters of a request to a statement whose values are known, or to the error for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeGuard, TypeVar

from extenddb.core.errors import validation
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql import Delete, Exists, Insert, Malformed, Select, Statement, Update, Values, parse

Writing: TypeAlias = Insert | Update | Delete | Exists
"""Statements that are carried out as writes of one item; EXISTS is one that only checks."""

AnyStatement = TypeVar("AnyStatement", bound=Statement, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Generic[AnyStatement]):
    """A statement of one request."""

    statement: AnyStatement
    values: Values
    consistent: bool
    """ConsistentRead."""
    returns_old_on_failure: bool
    """A failed condition is answered with the item it was checked against."""
    capacity: str | None
    """ReturnConsumedCapacity of the whole request; None for none."""
    set_arguments: Mapping[str, str]
    """See `Parsed.set_arguments`."""
    refusal: str | None = None
    """What the statement is told unless its index refuses it first."""

    @property
    def table(self) -> str:
        """The table's name as the statement has it, or its ARN."""
        return self.statement.table


def prepare(member: Mapping[str, Any], request: Mapping[str, Any]) -> Prepared[Statement]:
    """Return the statement of a request, or of a member of a batch or transaction.

    Raises a ValidationException for what is wrong with its text, and for a wrong number of parameters. What is not
    supported of a read of an index is left to `reads.check_supported`, which knows the index.
    """
    try:
        parsed = parse(member["Statement"])
    except Malformed as error:
        raise error.as_error() from None
    except Problem as problem:
        raise problem.as_statement_error() from None
    if parsed.refusal is not None and not _reads_index(parsed.statement):
        raise validation(parsed.refusal)
    mode = request.get("ReturnConsumedCapacity")
    return Prepared(
        statement=parsed.statement,
        values=Values(parsed, member.get("Parameters")),
        consistent=bool(member.get("ConsistentRead")),
        returns_old_on_failure=member.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        capacity=mode if mode != "NONE" else None,
        set_arguments=parsed.set_arguments,
        refusal=parsed.refusal,
    )


def _reads_index(statement: Statement) -> bool:
    """Tell whether what is told first depends on the index that is read."""
    return isinstance(statement, Select) and statement.index is not None


def is_select(prepared: Prepared[Statement]) -> TypeGuard[Prepared[Select]]:
    """Tell whether a statement reads."""
    return isinstance(prepared.statement, Select)


def is_writing(prepared: Prepared[Statement]) -> TypeGuard[Prepared[Writing]]:
    """Tell whether a statement is carried out as a write."""
    return not isinstance(prepared.statement, Select)


def refuse_exists(prepared: Prepared[Statement]) -> None:
    """Refuse EXISTS, which is for transactions."""
    if isinstance(prepared.statement, Exists):
        raise validation("EXISTS can only be used in ExecuteTransaction")
