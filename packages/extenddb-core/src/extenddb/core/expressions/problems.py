"""What can be wrong with an expression, and the service's sentence for it: every sentence is built here.

A problem is raised before it is known which member of the request holds the expression; `Problem.as_error` adds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extenddb.core.errors import ServiceError, excerpt, listed, validation

EMPTY = "The expression can not be empty;"
REDUNDANT_PARENTHESES = "The expression has redundant parentheses;"

# Answered while an update is applied; these stand without the name of the expression.
NO_SUCH_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
INVALID_DOCUMENT_PATH = "The document path provided in the update expression is invalid for update"
INCORRECT_DATA_TYPE = "An operand in the update expression has an incorrect data type"


class Problem(Exception):
    """Something wrong with an expression."""

    def __init__(
        self, text: str, *, whole: bool = False, filter_detail: str = "", statement_text: str | None = None
    ) -> None:
        super().__init__(text)
        self.text = text
        self.statement_text = text if statement_text is None else statement_text
        """The sentence in a PartiQL statement, where it stands alone."""
        self.whole = whole
        """Whether the text stands alone, without the name of the expression in front."""
        self.filter_detail = filter_detail
        """What the text goes on with in a FilterExpression alone."""

    def as_error(self, member: str) -> ServiceError:
        """Return the ValidationException for an expression in this member of the request."""
        detail = self.filter_detail if member == "FilterExpression" else ""
        return validation(self.text if self.whole else f"Invalid {member}: {self.text}{detail}")

    def as_statement_error(self) -> ServiceError:
        """Return the ValidationException for a statement: the sentence stands alone (recorded 2026-08 to 2026-10)."""
        return validation(self.statement_text)


def syntax(token: str, near: str) -> Problem:
    """A token stands where it may not; `near` is the text from the token before it to the token after it."""
    return Problem(f'Syntax error; token: "{token}", near: "{near}"')


def too_long(size: int) -> Problem:
    """The text is too long; `size` in bytes, which only filters are told."""
    return Problem("Expression size has exceeded the maximum allowed size;", filter_detail=f" expression size: {size}")


def too_many_operators(count: int) -> Problem:
    """Too many operators and functions."""
    return Problem(f"The expression contains too many operators; operator count: {count}")


def too_many_options(count: int) -> Problem:
    """Too many operands in the parentheses of IN."""
    return Problem(f"The IN operator is provided with too many operands; number of operands: {count}")


def reserved(word: str) -> Problem:
    """A reserved word stands as an attribute name."""
    return Problem(f"Attribute name is a reserved keyword; reserved keyword: {word}")


def undefined_name(symbol: str) -> Problem:
    """No ExpressionAttributeNames entry for the symbol."""
    return Problem(f"An expression attribute name used in the document path is not defined; attribute name: {symbol}")


def undefined_value(symbol: str) -> Problem:
    """No ExpressionAttributeValues entry for the symbol."""
    return Problem(f"An expression attribute value used in expression is not defined; attribute value: {symbol}")


def index_out_of_range(text: str) -> Problem:
    """A list index no list can have."""
    return Problem(f"List index is not within the allowable range; index: [{text}]")


def too_deep_path(levels: int) -> Problem:
    """A path with too many parts."""
    return Problem(f"The document path has too many nesting elements; nesting levels: {levels}")


def unknown_function(name: str) -> Problem:
    """No function of that name exists."""
    return Problem(f"Invalid function name; function: {name}")


def function_not_allowed(name: str, where: str) -> Problem:
    """A function of another grammar; `where` is `a condition` or `an update`."""
    return Problem(f"The function is not allowed in {where} expression; function: {name}")


def function_misused(name: str) -> Problem:
    """A function in a place where it cannot stand."""
    return Problem(f"The function is not allowed to be used this way in an expression; function: {name}")


def operand_count(name: str, count: int) -> Problem:
    """A function with too few or too many arguments."""
    return Problem(
        "Incorrect number of operands for operator or function; "
        f"operator or function: {name}, number of operands: {count}"
    )


def operand_type(name: str, kind: str) -> Problem:
    """A value of a type the operator or function cannot take."""
    label = "operator" if name in _COMPARATORS else "operator or function"
    sentence = "Incorrect operand type for operator or function; {}: {}, operand type: {}"
    return Problem(
        sentence.format(label, name, kind), statement_text=sentence.format("operator or function", name, kind)
    )


_COMPARATORS = frozenset(("<", "<=", ">", ">=", "BETWEEN"))

_TYPE_SET_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "M": "MAP",
    "L": "LIST",
    "NULL": "NULL",
    "BOOL": "BOOLEAN",
}


def section_operand_type(section: str, kind: str) -> Problem:
    """A value that ADD or DELETE cannot take."""
    return Problem(
        f"Incorrect operand type for operator or function; operator: {section}, "
        f"operand type: {_TYPE_SET_NAMES[kind]}, typeSet: ALLOWED_FOR_{section}_OPERAND"
    )


def path_required(name: str) -> Problem:
    """A function that takes a path got something else."""
    return Problem(f"Operator or function requires a document path; operator or function: {name}")


def not_distinct(operator: str, path: Sequence[str | int]) -> Problem:
    """The first operand is also one of the others."""
    return Problem(
        "The first operand must be distinct from the remaining operands for this operator or function; "
        f"operator: {operator}, first operand: {path_text(path)}"
    )


def unknown_type(name: str) -> Problem:
    """attribute_type with a name that is no type."""
    return Problem(f"Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}")


def bounds_reversed(low: dict[str, Any], high: dict[str, Any]) -> Problem:
    """BETWEEN with the upper bound below the lower."""
    return Problem(
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
        f"lower bound operand: {value_text(low)}, upper bound operand: {value_text(high)}"
    )


def bounds_of_two_types(low: dict[str, Any], high: dict[str, Any]) -> Problem:
    """BETWEEN with bounds of different types."""
    return Problem(
        "The BETWEEN operator requires same data type for lower and upper bounds; "
        f"lower bound operand: {value_text(low)}, upper bound operand: {value_text(high)}"
    )


def section_repeated(section: str) -> Problem:
    """An update expression with a section twice."""
    return Problem(f'The "{section}" section can only be used once in an update expression;')


def paths_overlap(one: Sequence[str | int], two: Sequence[str | int]) -> Problem:
    """One path starts with, or is, the other."""
    return _two_paths("overlap", one, two)


def paths_conflict(one: Sequence[str | int], two: Sequence[str | int]) -> Problem:
    """One path takes for a map what the other takes for a list."""
    return _two_paths("conflict", one, two)


def _two_paths(verb: str, one: Sequence[str | int], two: Sequence[str | int]) -> Problem:
    return Problem(
        f"Two document paths {verb} with each other; must remove or rewrite one of these paths; "
        f"path one: {path_text(one)}, path two: {path_text(two)}"
    )


def path_text(path: Sequence[str | int]) -> str:
    """Return a path as the service writes it: `[a, [0], b]`."""
    return f"[{listed(f'[{part}]' if isinstance(part, int) else part for part in path)}]"


def value_text(value: dict[str, Any]) -> str:
    """Return a value as the service writes it: `AttributeValue: {N:2}`."""
    ((kind, content),) = value.items()
    return f"AttributeValue: {{{kind}:{excerpt(str(content))}}}"


# Key conditions.
def key_operator(name: str) -> Problem:
    """An operator or function that no key condition may have."""
    return Problem(f"Invalid operator used in KeyConditionExpression: {name}", whole=True)


def key_condition(text: str) -> Problem:
    """A comparison that is no key condition."""
    return Problem(f"Invalid condition in KeyConditionExpression: {text}", whole=True)


def key_problem(text: str) -> Problem:
    """A key condition that is wrong as a whole; `text` is one of the sentences below."""
    return Problem(text, whole=True)


NESTED_KEY = "KeyConditionExpressions cannot have conditions on nested attributes"
NESTED_OPERATION = "KeyConditionExpressions cannot contain nested operations"
ONE_PER_KEY = "KeyConditionExpressions must only contain one condition per key"
