"""Amazon Resource Names of tables, indexes and streams, and the names inside them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from extenddb.core.errors import ServiceError, validation
from extenddb.core.limits import TABLE_NAME_MAX, TABLE_NAME_MIN

_TABLE_NAME = re.compile(rf"[a-zA-Z0-9_.-]{{{TABLE_NAME_MIN},{TABLE_NAME_MAX}}}\Z")
_TABLE_ARN = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):dynamodb:(?P<region>[a-z0-9-]*):(?P<account>[0-9]{12}):table/(?P<path>.+)\Z"
)

INVALID_NAME = (
    "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only "
    "the characters a-z, A-Z, 0-9, '_', '-', and '.'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableArn:
    """The ARN of a table."""

    partition: str = "aws"
    region: str
    account: str
    table: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table}"

    def index(self, name: str) -> str:
        """Return the ARN of one of the table's indexes."""
        return f"{self}/index/{name}"

    def stream(self, label: str) -> str:
        """Return the ARN of one of the table's streams."""
        return f"{self}/stream/{label}"


def is_table_name(text: str) -> bool:
    """Tell whether a text obeys the naming rules of tables and indexes."""
    return _TABLE_NAME.match(text) is not None


def parse_table(text: str) -> TableArn | None:
    """Return the parts of a table's ARN, or None for what is not one."""
    found = _TABLE_ARN.match(text)
    if found is None or not is_table_name(found["path"]):
        return None
    return TableArn(partition=found["partition"], region=found["region"], account=found["account"], table=found["path"])


def table_name(text: str) -> str:
    """Return the table's name of a TableName member, which may be an ARN; raises a ValidationException."""
    if is_table_name(text):
        return text
    arn = parse_table(text)
    if arn is None:
        raise invalid_name(text)
    return arn.table


def control_table_name(text: str) -> str:
    """Return the table's name of a TableName member of the control plane; raises a ValidationException.

    Its lower bound and its pattern are constraints of the request; only the upper bound, which ARNs may exceed, is
    told here.
    """
    if len(text) > TABLE_NAME_MAX and not text.startswith("arn:"):
        raise validation(
            f"1 validation error detected: Value '{text}' at 'tableName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {TABLE_NAME_MAX}"
        )
    return table_name(text)


def check_length(member: str, text: str) -> None:
    """Raise a ValidationException for a name of wrong length, where the service tells it in these words."""
    if not TABLE_NAME_MIN <= len(text) <= TABLE_NAME_MAX:
        raise validation(
            f"{member} must be at least {TABLE_NAME_MIN} characters long and at most {TABLE_NAME_MAX} characters long"
        )


def invalid_name(text: str) -> ServiceError:
    """Return the error for a TableName member that is neither a name nor a table's ARN."""
    if text.startswith("arn:"):
        return validation(f"Invalid TableArn: Invalid ResourceArn provided as input {text}")
    return validation(INVALID_NAME)
