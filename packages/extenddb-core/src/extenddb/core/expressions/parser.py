"""What the parsers of the four grammars share: the token cursor, paths, operands and functions.

Syntax errors are raised at once. Everything else that is wrong with the text alone (reserved words, functions, sizes)
is noted and raised once the syntax is known to be right: the service reports a syntax error first wherever it stands.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar, NoReturn

from extenddb.core import limits
from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import Function, Operand, Part, Path, Value
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.reserved import RESERVED
from extenddb.core.expressions.tokens import END, NAME, NUMBER, VALUE, WORD, Token, tokenize

CACHED_TREES = 1024
"""Trees each grammar keeps, by text; a text is at most 4 KB."""

CONDITION_FUNCTIONS = frozenset(
    ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size")
)
UPDATE_FUNCTIONS = frozenset(("if_not_exists", "list_append"))

_OPERAND_COUNTS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
_CALL_DEPTH = 64
"""Function calls within each other; a bound of our own, since they recurse here and when they are bound."""
_MAX_INDEX = 2**32 - 2  # as measured of the service: 4294967295 is refused
_MAX_INDEX_DIGITS = 10


class Parser:
    """A cursor over the tokens of one expression. Raises `Problem`."""

    keywords: ClassVar[AbstractSet[str]] = frozenset()
    """Words, in upper case, that this grammar knows."""
    functions: ClassVar[AbstractSet[str]] = frozenset()
    """Functions that may stand in this grammar."""
    grammar: ClassVar[str] = ""
    """How messages call the grammar: `a condition` or `an update`."""

    def __init__(self, text: str) -> None:
        check_text(text)
        self._text = text
        self._tokens = tokenize(text, self.keywords)
        self._index = 0
        self._noted: Problem | None = None
        self._call_depth = 0
        self.operators = 0
        """Operators and functions met so far."""

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._index]

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self._tokens[self._index].kind

    def advance(self) -> Token:
        """Consume the next token."""
        token = self._tokens[self._index]
        self._index += 1
        return token

    def accept(self, kind: str) -> bool:
        """Consume the next token if it is of this kind."""
        if self._tokens[self._index].kind != kind:
            return False
        self._index += 1
        return True

    def expect(self, kind: str) -> Token:
        """Consume the next token, which must be of this kind."""
        if self._tokens[self._index].kind != kind:
            self.fail()
        return self.advance()

    def fail(self) -> NoReturn:
        """Raise the syntax error for the next token."""
        token = self.token
        start = self._tokens[self._index - 1].start if self._index else token.start
        following = min(self._index + 1, len(self._tokens) - 1)
        raise problems.syntax(token.text, self._text[start : self._tokens[following].end])

    def note(self, problem: Problem) -> None:
        """Keep the first problem to raise it when the syntax is known to be right."""
        self._noted = self._noted or problem

    def count_operator(self) -> None:
        """Count one operator or function."""
        self.operators += 1

    def finish(self) -> None:
        """Raise what was noted; the whole text has been consumed."""
        if self.kind != END:
            self.fail()
        if self.operators > limits.EXPRESSION_OPERATORS:
            raise problems.too_many_operators(self.operators)
        if self._noted:
            raise self._noted

    def path(self) -> Path:
        """Parse a document path."""
        parts: list[Part] = [self._name()]
        while True:
            if self.accept("."):
                parts.append(self._name())
            elif self.accept("["):
                parts.append(self._list_index())
                self.expect("]")
            else:
                break
        if len(parts) > limits.NESTING_DEPTH:
            self.note(problems.too_deep_path(len(parts)))
        return Path(tuple(parts))

    def _name(self) -> str:
        token = self.token
        if token.kind == WORD:
            if token.text.upper() in RESERVED:
                self.note(problems.reserved(token.text))
        elif token.kind != NAME:
            self.fail()
        return self.advance().text

    def _list_index(self) -> int:
        text = self.expect(NUMBER).text
        if len(text.lstrip("0")) > _MAX_INDEX_DIGITS or int(text) > _MAX_INDEX:
            self.note(problems.index_out_of_range(text))
            return 0
        return int(text)

    def operand(self) -> Operand:
        """Parse a path, a value or a function, without parentheses around it."""
        if self.kind == VALUE:
            return Value(self.advance().text)
        if self.kind == WORD and self._tokens[self._index + 1].kind == "(":
            return self._function()
        return self.path()

    def _function(self) -> Function:
        name = self.advance().text
        self._check_function(name)
        self.count_operator()
        self._call_depth += 1
        if self._call_depth > _CALL_DEPTH:
            raise problems.too_many_operators(self.operators)
        self.expect("(")
        arguments = [self.argument()]
        while self.accept(","):
            arguments.append(self.argument())
        self.expect(")")
        self._call_depth -= 1
        count = len(arguments)
        if count != _OPERAND_COUNTS.get(name, count):
            self.note(problems.operand_count(name, count))
        return Function(name, tuple(arguments))

    def _check_function(self, name: str) -> None:
        if name not in _OPERAND_COUNTS:
            self.note(problems.unknown_function(name))
        elif name not in self.functions:
            self.note(problems.function_not_allowed(name, self.grammar))

    def argument(self) -> Operand:
        """Parse an argument of a function."""
        return self.operand()


def check_text(text: str) -> None:
    """Raise if the text is empty or too long."""
    if not text.strip():
        raise Problem(problems.EMPTY)
    size = len(text) if text.isascii() else len(text.encode())
    if size > limits.EXPRESSION_SIZE:
        raise problems.too_long(size)
