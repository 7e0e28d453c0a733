"""The services' operations and shapes, as data; regenerate the tables with tools/generate_model.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from extenddb.core.model.data_operations import OPERATION_ROWS

Service = Literal["dynamodb", "dynamodbstreams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API; nothing here is behaviour."""

    name: str
    """Name, such as `GetItem`."""
    service: Service
    """The service it belongs to, as botocore names it."""
    target: str
    """Value of the `X-Amz-Target` header."""
    input: str
    """Name of the shape of its request."""
    output: str | None
    """Name of the shape of its answer; None if that has no members."""
    errors: tuple[str, ...]
    """Short names of the modelled errors, sorted."""
    idempotency_tokens: tuple[str, ...]
    """Request members that SDKs fill with a random token."""


def _operations() -> dict[str, Operation]:
    return {
        name: Operation(
            name=name,
            service=row["service"],
            target=f"{row['target_prefix']}.{name}",
            input=row["input"],
            output=row["output"],
            errors=row["errors"],
            idempotency_tokens=row["idempotency_tokens"],
        )
        for name, row in OPERATION_ROWS.items()
    }


OPERATIONS: Mapping[str, Operation] = _operations()
"""Every operation of both services by name."""

COMMON_ERRORS = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InternalFailure",
        "InternalServerError",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestEntityTooLargeException",
        "SerializationException",
        "ServiceUnavailableException",
        "ThrottlingException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "ValidationException",
    }
)
"""Short names of the errors that any operation may answer, whatever its model lists ("Common Errors", API reference);
they are those of the front end, and InternalServerError, which SDKs repeat by its status."""


def may_answer(operation: str, error: str) -> bool:
    """Tell whether an error, by its short name, is one that clients of an operation can expect."""
    return error in COMMON_ERRORS or (operation in OPERATIONS and error in OPERATIONS[operation].errors)


_BY_TARGET = {operation.target: operation for operation in OPERATIONS.values()}


def operation_for_target(target: str) -> Operation | None:
    """Return the operation an `X-Amz-Target` header names; None if there is none."""
    return _BY_TARGET.get(target)
