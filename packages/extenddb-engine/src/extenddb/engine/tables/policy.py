"""Resource-based policies: what a document must look like, its canonical form, and its revisions. Pure.

Nothing here decides about access. Source of the rules: API reference of PutResourcePolicy and DeleteResourcePolicy;
grammar of policy documents in the IAM user guide; texts and the canonical form are those of public reports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import POLICY_NOT_FOUND, ServiceError, validation
from extenddb.engine.tables import rules

SIZE = 20 * 1024
"""Bytes of a document, white space included."""
NO_POLICY = "NO_POLICY"
"""The revision to expect where there is no policy yet."""
_NESTING = 32
"""Objects and lists within each other; conditions, the deepest elements there are, need five."""
_VERSIONS = ("2012-10-17", "2008-10-17")
_OLDEST = "2008-10-17"  # the version of a document that names none
_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_NEEDED = ("Effect", "Principal", "Action", "Resource")
_OF_STREAMS = frozenset(("describestream", "getrecords", "getsharditerator", "liststreams"))

Policy = Mapping[str, str]
"""Members Policy and RevisionId, as GetResourcePolicy answers; and Source, which tells equal documents."""


def check(document: str, arn: str) -> str:
    """Return the canonical form of a document. Raises a ValidationException for one that is no policy of the resource.

    It is compact, with its elements in one order, and lists of one element as that element.
    """
    return _compact(_canonical(document, arn))


def _canonical(document: str, arn: str) -> dict[str, Any]:
    if len(document.encode()) > SIZE:
        raise rules.invalid(f"Maximum policy size of {SIZE} bytes exceeded")
    policy = _parsed(document)
    if policy is None:
        raise _refused("This text appears not to be a policy")
    if not isinstance(policy, dict):
        raise _refused("This policy contains invalid Json")
    statements = policy.get("Statement")
    if statements == []:
        raise _refused("Could not parse the policy: Statement is empty!")
    statements = statements if isinstance(statements, list) else [statements]
    version = policy.get("Version", _OLDEST)
    known = policy.keys() <= {"Version", "Id", "Statement"} and version in _VERSIONS
    named = isinstance(policy.get("Id", ""), str)
    if not known or not named or not all(isinstance(statement, dict) for statement in statements):
        raise _syntax(document)
    found = [_statement(statement, document, arn) for statement in statements]
    sids = [statement["Sid"] for statement in found if "Sid" in statement]
    if len(set(sids)) < len(sids):
        raise _refused("The Statement Ids in the policy are not unique")
    return {"Version": version, **({"Id": policy["Id"]} if "Id" in policy else {}), "Statement": found}


def _parsed(document: str) -> Any:
    """Return the value of a document's JSON, which holds nothing but texts, numbers and not too deep structures."""
    try:
        policy = json.loads(document, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # numbers of thousands of digits are a ValueError too
        raise _refused("This policy contains invalid Json") from None
    if not _is_shallow(policy, _NESTING):
        raise _refused("This policy contains invalid Json")
    return policy


def _no_constant(name: str) -> None:
    """Refuse NaN and infinity, which the parser knows and JSON does not."""
    raise ValueError(name)


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    members = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(member, levels - 1) for member in members)


def _statement(statement: Mapping[str, Any], document: str, arn: str) -> dict[str, Any]:
    for member in _NEEDED:
        if member not in statement and f"Not{member}" not in statement:
            raise _refused(f"Missing required field {member}")
    effect = str(statement["Effect"]).capitalize()
    named = isinstance(statement.get("Sid", ""), str)
    doubled = any(member in statement and f"Not{member}" in statement for member in _NEEDED)
    if doubled or not named or not statement.keys() <= set(_ELEMENTS) or effect not in ("Allow", "Deny"):
        raise _syntax(document)
    found = {
        **statement,
        "Effect": effect,
        **{
            member: _shortened(statement[member], document)
            for member in ("Action", "NotAction", "Resource", "NotResource")
            if member in statement
        },
        **{
            member: _principal(statement[member], document)
            for member in ("Principal", "NotPrincipal")
            if member in statement
        },
    }
    _check_actions(found, arn)
    _check_resources(found, arn)
    if effect == "Allow" and found.get("Principal") in ("*", {"AWS": "*"}) and "Condition" not in found:
        raise validation(
            "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to "
            "ensure least-privilege form of access"
        )
    return {member: found[member] for member in _ELEMENTS if member in found}


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _shortened(value: Any, document: str) -> str | list[str]:
    """Return a string or a list of them; a list of one is that one."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise _syntax(document)
    return texts[0] if len(texts) == 1 else texts


def _principal(value: Any, document: str) -> Any:
    if value == "*":
        return value
    if not isinstance(value, dict):
        raise _syntax(document)
    return {kind: _shortened(_named(_shortened(names, document)), document) for kind, names in value.items()}


def _named(names: str | Sequence[str]) -> list[str]:
    """Return principals by their ARNs, each once: an account is its root."""
    full = (f"arn:aws:iam::{name}:root" if name.isdigit() else name for name in _texts(names))
    return list(dict.fromkeys(full))


def _check_actions(statement: Mapping[str, Any], arn: str) -> None:
    of_stream = "/stream/" in arn
    wrong = [
        action
        for action in _texts(statement.get("Action", statement.get("NotAction", [])))
        if action != "*" and not _fits(action.lower(), of_stream=of_stream)
    ]
    if wrong:
        names = ", ".join(f'"{action}"' for action in wrong)
        raise _refused(f"The following action names are invalid: {names}")


def _fits(action: str, *, of_stream: bool) -> bool:
    service, _, name = action.partition(":")
    return service == "dynamodb" and bool(name) and ("*" in name or (name in _OF_STREAMS) == of_stream)


def _check_resources(statement: Mapping[str, Any], arn: str) -> None:
    for resource in _texts(statement.get("Resource", statement.get("NotResource", []))):
        if resource != "*" and resource.startswith("arn:") and ("/stream/" in resource) != ("/stream/" in arn):
            relative = resource.split(":", 5)[-1]
            raise _refused(f'The relative-id "{relative}" is invalid for ARN "{resource}"')


def _refused(reason: str) -> ServiceError:
    return rules.invalid(f"Invalid policy document: {reason}")


def _syntax(document: str) -> ServiceError:
    """Return the error for what the grammar does not know; the place told is the end of the document."""
    lines = document.split("\n")
    return _refused(f"Syntax error at position ({len(lines)},{len(lines[-1]) + 1})")


def _compact(policy: Mapping[str, Any]) -> str:
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def put(current: Policy | None, document: str, expected: str | None, now_ms: int, arn: str) -> Policy:
    """Return the policy that a request leaves. An equal document keeps its revision.

    Raises a ValidationException for what is no policy, a PolicyNotFoundException if another revision is expected than
    there is.
    """
    canonical = check(document, arn)
    check_revision(current, expected, arn)
    source = canonical if "Version" in json.loads(document) else f"no version: {canonical}"
    if current is not None and current.get("Source", current["Policy"]) == source:
        return current
    return {"Policy": canonical, "Source": source, "RevisionId": _revision(current, now_ms)}


def check_revision(current: Policy | None, expected: str | None, arn: str) -> None:
    """Raise a PolicyNotFoundException if another revision is expected than there is."""
    if expected is None:
        return
    revision = NO_POLICY if current is None else current["RevisionId"]
    if expected == revision:
        return
    target = arn.split(":", 5)[-1]
    none = f"{target.replace('/', ' ', 1)} has no associated policy."
    why = none if current is None else f"the policy associated to target {target} did not match."
    raise ServiceError(
        POLICY_NOT_FOUND,
        "Resource-based policy not found for the provided ResourceArn: Requested update for policy with revision id "
        f"{expected}, but {why}",
    )


def not_found(arn: str) -> ServiceError:
    """Return the error for a resource without a policy."""
    return ServiceError(POLICY_NOT_FOUND, f"Resource-based policy not found for the provided ResourceArn: {arn}")


def _revision(current: Policy | None, now_ms: int) -> str:
    before = 0 if current is None else int(current["RevisionId"])
    return str(max(now_ms, before + 1))
