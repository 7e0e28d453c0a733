"""What every operation answers when the store fails for good: something that its clients can expect."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from extenddb.core.errors import ERROR_TYPES, ServiceError
from extenddb.core.model import COMMON_ERRORS, OPERATIONS, may_answer
from extenddb.engine.buckets import BucketError
from extenddb.engine.context import Context
from extenddb.engine.failures import service_error
from extenddb.engine.jobs.backup import SourceGone
from extenddb.engine.jobs.runner import State
from extenddb.engine.jobs.waiting import turns
from extenddb.storage import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.StorageError)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_answer_is_one_that_clients_expect(operation: str, kind: type[errors.StorageError]) -> None:
    answer = service_error(operation, kind("what the store says"))
    assert may_answer(operation, answer.kind.name)
    assert "what the store says" not in answer.message
    assert answer.kind.fault == "server" or answer.kind.name in OPERATIONS[operation].errors


@pytest.mark.parametrize(
    ("operation", "kind", "name"),
    [
        ("PutItem", errors.SerializationFailure, "TransactionConflictException"),
        ("ExecuteStatement", errors.SerializationFailure, "TransactionConflictException"),
        ("Query", errors.SerializationFailure, "ServiceUnavailableException"),
        ("BatchGetItem", errors.SerializationFailure, "ServiceUnavailableException"),
        ("UpdateTable", errors.SerializationFailure, "ResourceInUseException"),
        ("TagResource", errors.Conflict, "ResourceInUseException"),
        ("CreateBackup", errors.SerializationFailure, "TableInUseException"),
        ("DeleteBackup", errors.SerializationFailure, "BackupInUseException"),
        ("UpdateContinuousBackups", errors.SerializationFailure, "ServiceUnavailableException"),
        ("UpdateTimeToLive", errors.NotFound, "ResourceNotFoundException"),
        ("CreateBackup", errors.NotFound, "TableNotFoundException"),
        ("DeleteBackup", errors.NotFound, "BackupNotFoundException"),
        ("CreateTable", errors.AlreadyExists, "ResourceInUseException"),
        ("RestoreTableFromBackup", errors.AlreadyExists, "TableAlreadyExistsException"),
        ("GetItem", errors.Unavailable, "ServiceUnavailableException"),
        ("PutItem", errors.Ambiguous, "InternalServerError"),
    ],
)
def test_answers_by_class_of_operation(operation: str, kind: type[errors.StorageError], name: str) -> None:
    assert service_error(operation, kind("x")).kind.name == name


def test_the_common_errors_are_known() -> None:
    assert ERROR_TYPES.keys() >= COMMON_ERRORS
    assert not may_answer("TagResource", "TransactionConflictException")
    assert may_answer("PutItem", "TransactionConflictException")
    assert not may_answer("Nothing", "TransactionConflictException")


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (BucketError("S3NoSuchBucket", "no such bucket"), logging.WARNING),
        (SourceGone("the table was removed"), logging.WARNING),
        (ServiceError(ERROR_TYPES["ValidationException"], "wrong"), logging.WARNING),
        (ZeroDivisionError("a defect"), logging.ERROR),
    ],
)
def test_only_defects_of_jobs_are_logged_as_errors(
    desk: Any, caplog: pytest.LogCaptureFixture, error: Exception, level: int
) -> None:
    failed: list[Exception] = []

    async def turn(_context: Context, _state: State) -> State | None:
        raise error

    async def note(_context: Context, _state: State, raised: Exception) -> None:
        failed.append(raised)

    async def run() -> State | None:
        return await turns(desk.engine.context, {"Table": "tab"}, turn, note)

    assert desk.run(run) is None
    assert failed == [error]
    (record,) = caplog.records
    assert record.levelno == level
    assert (record.exc_info is not None) == (level == logging.ERROR)
