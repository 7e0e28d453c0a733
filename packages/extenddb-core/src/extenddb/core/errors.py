"""The closed set of service errors: name, namespace, fault, HTTP status, retry.

Everything a client can be told is an `ErrorType` of this module's table; `ServiceError` is the one exception
that carries it. Texts are built where the rule is known; this module never builds one, it only bounds their length:
an error may not repeat a request of megabytes.

Source of names, faults and statuses: the service model in botocore; of the namespaces and of the member that
holds the text: answers of the public service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

MODELLED = "com.amazonaws.dynamodb.v20120810"
"""Namespace of errors named in the service model."""
CORAL_SERVICE = "com.amazon.coral.service"
"""Namespace of errors raised by the service's front end."""
CORAL_VALIDATE = "com.amazon.coral.validate"
"""Namespace of ValidationException."""

MESSAGE_LENGTH = 64 * 1024
"""Most characters of an error's text; a bound of our own."""
EXCERPT_LENGTH = 33 * 1024
"""Most characters of one value of the request that an error repeats; a bound of our own. The service is recorded to
repeat 32,769 of them."""

Fault = Literal["client", "server"]


def excerpt(text: str) -> str:
    """Return a text of the request as an error repeats it: whole, or as much of its beginning as is repeated."""
    return text if len(text) <= EXCERPT_LENGTH else text[:EXCERPT_LENGTH]


def listed(texts: Iterable[str]) -> str:
    """Return texts of the request with commas between them, as an error repeats them; those that are cut off are not
    even asked for."""
    pieces: list[str] = []
    length = 0
    for text in texts:
        pieces.append(excerpt(text))
        length += len(text) + len(", ")
        if length > EXCERPT_LENGTH:
            break
    return excerpt(", ".join(pieces))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorType:
    """One kind of error the service can answer with."""

    name: str
    """Short name, as in the service model."""
    namespace: str = MODELLED
    """What stands before `#` in `__type`."""
    status: int = 400
    """HTTP status."""
    fault: Fault = "client"
    """Who is to blame."""
    retryable: bool = False
    """Whether SDKs repeat the request."""
    message_member: str = "message"
    """Name of the member that holds the text."""

    @property
    def wire_name(self) -> str:
        """Value of `__type`."""
        return f"{self.namespace}#{self.name}"


class ServiceError(Exception):
    """An error of the service, to be answered to the client as it is."""

    settled = False
    """Whether stored data decided it, under the definition of the table that was in force then."""

    def __init__(self, kind: ErrorType, message: str = "", **members: Any) -> None:
        if len(message) > MESSAGE_LENGTH:
            message = message[:MESSAGE_LENGTH]
        super().__init__(f"{kind.name}: {message}")
        self.kind = kind
        self.message = message
        self.members: Mapping[str, Any] = members
        """Further members of the answer, such as `Item` or `CancellationReasons`."""

    def settle(self) -> Self:
        """Mark the error as settled, and return it."""
        self.settled = True
        return self

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        return {"__type": self.kind.wire_name, self.kind.message_member: self.message, **self.members}


class RequestError(ServiceError):
    """An error of the request as a whole: what would cancel a transaction with a reason refuses it outright."""


@dataclass(slots=True)
class _Registry:
    kinds: dict[str, ErrorType] = field(default_factory=dict)

    def add(self, name: str, **fields: Any) -> ErrorType:
        kind = ErrorType(name=name, **fields)
        self.kinds[name] = kind
        return kind


_registry = _Registry()
_add = _registry.add

ERROR_TYPES: Mapping[str, ErrorType] = _registry.kinds
"""Every error type by short name."""

# Front end and validation.
VALIDATION = _add("ValidationException", namespace=CORAL_VALIDATE)
SERIALIZATION = _add("SerializationException", namespace=CORAL_SERVICE, message_member="Message")
UNKNOWN_OPERATION = _add("UnknownOperationException", namespace=CORAL_SERVICE)
ACCESS_DENIED = _add("AccessDeniedException", namespace=CORAL_SERVICE, message_member="Message")
MISSING_AUTHENTICATION_TOKEN = _add("MissingAuthenticationTokenException", namespace=CORAL_SERVICE)
INCOMPLETE_SIGNATURE = _add("IncompleteSignatureException", namespace=CORAL_SERVICE)
INVALID_SIGNATURE = _add("InvalidSignatureException", namespace=CORAL_SERVICE)
UNRECOGNIZED_CLIENT = _add("UnrecognizedClientException", namespace=CORAL_SERVICE)
EXPIRED_TOKEN = _add("ExpiredTokenException", namespace=CORAL_SERVICE)
REQUEST_ENTITY_TOO_LARGE = _add("RequestEntityTooLargeException", namespace=CORAL_SERVICE, status=413)
SERVICE_UNAVAILABLE = _add(
    "ServiceUnavailableException", namespace=CORAL_SERVICE, status=503, fault="server", retryable=True
)
INTERNAL_FAILURE = _add("InternalFailure", namespace=CORAL_SERVICE, status=500, fault="server", retryable=True)
CORAL_THROTTLING = _add("ThrottlingException", namespace=CORAL_SERVICE, retryable=True, message_member="Message")

# Modelled, data plane.
CONDITIONAL_CHECK_FAILED = _add("ConditionalCheckFailedException")
DUPLICATE_ITEM = _add("DuplicateItemException")
IDEMPOTENT_PARAMETER_MISMATCH = _add("IdempotentParameterMismatchException", message_member="Message")
INTERNAL_SERVER_ERROR = _add("InternalServerError", status=500, fault="server", retryable=True)
ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED = _add("ItemCollectionSizeLimitExceededException")
PROVISIONED_THROUGHPUT_EXCEEDED = _add("ProvisionedThroughputExceededException", retryable=True)
REPLICATED_WRITE_CONFLICT = _add("ReplicatedWriteConflictException", retryable=True)
REQUEST_LIMIT_EXCEEDED = _add("RequestLimitExceeded", retryable=True)
RESOURCE_NOT_FOUND = _add("ResourceNotFoundException")
TRANSACTION_CANCELED = _add("TransactionCanceledException", message_member="Message")
TRANSACTION_CONFLICT = _add("TransactionConflictException", retryable=True)
TRANSACTION_IN_PROGRESS = _add("TransactionInProgressException", retryable=True, message_member="Message")

# Modelled, control plane.
BACKUP_IN_USE = _add("BackupInUseException")
BACKUP_NOT_FOUND = _add("BackupNotFoundException")
CONTINUOUS_BACKUPS_UNAVAILABLE = _add("ContinuousBackupsUnavailableException")
EXPORT_CONFLICT = _add("ExportConflictException")
EXPORT_NOT_FOUND = _add("ExportNotFoundException")
GLOBAL_TABLE_ALREADY_EXISTS = _add("GlobalTableAlreadyExistsException")
GLOBAL_TABLE_NOT_FOUND = _add("GlobalTableNotFoundException")
IMPORT_CONFLICT = _add("ImportConflictException")
IMPORT_NOT_FOUND = _add("ImportNotFoundException")
INDEX_NOT_FOUND = _add("IndexNotFoundException")
INVALID_ENDPOINT = _add("InvalidEndpointException", status=421)
INVALID_EXPORT_TIME = _add("InvalidExportTimeException")
INVALID_RESTORE_TIME = _add("InvalidRestoreTimeException")
LIMIT_EXCEEDED = _add("LimitExceededException", retryable=True)
POINT_IN_TIME_RECOVERY_UNAVAILABLE = _add("PointInTimeRecoveryUnavailableException")
POLICY_NOT_FOUND = _add("PolicyNotFoundException")
REPLICA_ALREADY_EXISTS = _add("ReplicaAlreadyExistsException")
REPLICA_NOT_FOUND = _add("ReplicaNotFoundException")
RESOURCE_IN_USE = _add("ResourceInUseException")
TABLE_ALREADY_EXISTS = _add("TableAlreadyExistsException")
TABLE_IN_USE = _add("TableInUseException")
TABLE_NOT_FOUND = _add("TableNotFoundException")

# Modelled, streams.
EXPIRED_ITERATOR = _add("ExpiredIteratorException")
TRIMMED_DATA_ACCESS = _add("TrimmedDataAccessException")


def validation(message: str) -> ServiceError:
    """Return a ValidationException with this text."""
    return ServiceError(VALIDATION, message)


def request_validation(message: str) -> RequestError:
    """Return a ValidationException with this text that no transaction turns into a reason."""
    return RequestError(VALIDATION, message)


def invalid_request(message: str) -> ServiceError:
    """Return the ValidationException with which backups, restores, exports and settings refuse a request."""
    return validation(f"Invalid Request: {message}")


def resource_not_found(message: str = "Requested resource not found") -> ServiceError:
    """Return a ResourceNotFoundException; the default text is the data plane's."""
    return ServiceError(RESOURCE_NOT_FOUND, message)
