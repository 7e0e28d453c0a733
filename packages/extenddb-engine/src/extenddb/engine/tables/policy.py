"""Resource-based policies: what a document must look like, and their revisions. Pure.

Nothing here decides about access. Source of the rules: API reference of PutResourcePolicy and DeleteResourcePolicy;
grammar of policy documents in the IAM user guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import POLICY_NOT_FOUND, ServiceError, validation

SIZE = 20 * 1024
"""Bytes of a document, white space included."""
NO_POLICY = "NO_POLICY"
"""The revision to expect where there is no policy yet."""
_VERSIONS = ("2012-10-17", "2008-10-17")
_STATEMENT_KEYS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)

Policy = Mapping[str, str]
"""Members Policy and RevisionId, as GetResourcePolicy answers."""


def check(document: str, arn: str) -> None:
    """Raise a ValidationException for a document that is no policy of the resource."""
    if len(document.encode()) > SIZE:
        raise _refused(f"the document is larger than {SIZE} bytes")
    try:
        policy = json.loads(document)
    except ValueError:
        raise _refused("the document is not valid JSON") from None
    if not isinstance(policy, dict) or not policy.keys() <= {"Version", "Id", "Statement"}:
        raise _refused("the document may have the members Version, Id and Statement")
    if policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise _refused(f"the version must be one of {', '.join(_VERSIONS)}")
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise _refused("the document has no statement")
    for statement in statements:
        _check_statement(statement, arn)


def _check_statement(statement: Any, arn: str) -> None:
    if not isinstance(statement, dict) or not statement.keys() <= _STATEMENT_KEYS:
        raise _refused("a statement has unknown members")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _refused("the effect of a statement must be Allow or Deny")
    for member in ("Principal", "Action", "Resource"):
        if (member in statement) == (f"Not{member}" in statement):
            raise _refused(f"a statement must have exactly one of {member} and Not{member}")
    for action in _texts(statement.get("Action", statement.get("NotAction"))):
        if action != "*" and not action.lower().startswith("dynamodb:"):
            raise _refused(f"{action} is no action of this service")
    for resource in _texts(statement.get("Resource", statement.get("NotResource"))):
        if resource != "*" and resource != arn and not resource.startswith(f"{arn}/"):
            raise _refused(f"{resource} is not the resource of the policy")


def _texts(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise _refused("actions and resources must be strings or lists of them")
    return texts


def _refused(reason: str) -> ServiceError:
    return validation(f"Invalid policy document: {reason}")


def put(current: Policy | None, document: str, expected: str | None, now_ms: int) -> Policy:
    """Return the policy that a request leaves. The same document again keeps its revision.

    Raises a PolicyNotFoundException if another revision is expected than there is.
    """
    check_revision(current, expected)
    if current is not None and current["Policy"] == document:
        return current
    return {"Policy": document, "RevisionId": _revision(current, now_ms)}


def check_revision(current: Policy | None, expected: str | None) -> None:
    """Raise a PolicyNotFoundException if another revision is expected than there is."""
    if expected is None:
        return
    revision = NO_POLICY if current is None else current["RevisionId"]
    if expected != revision:
        raise ServiceError(
            POLICY_NOT_FOUND,
            "Resource-based policy not found for the provided ResourceArn: "
            "Requested policy update for resource with the given RevisionId is no longer the current one.",
        )


def not_found(arn: str) -> ServiceError:
    """Return the error for a resource without a policy."""
    return ServiceError(POLICY_NOT_FOUND, f"Resource-based policy not found for the provided ResourceArn: {arn}")


def _revision(current: Policy | None, now_ms: int) -> str:
    before = 0 if current is None else int(current["RevisionId"])
    return str(max(now_ms, before + 1))
