"""What all statements share: the token cursor, names, paths, literals and operands."""

from __future__ import annotations

from typing import NoReturn

from extenddb.core import limits
from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import Function, Operand, Part, Path, Value
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql.errors import Malformed
from extenddb.core.partiql.nodes import ListOf, Literal, MapOf, Parameter, Scalar, SetOf
from extenddb.core.partiql.tokens import END, NAME, NUMBER, PARAMETER, STRING, Token, tokenize
from extenddb.core.types.attribute import TOO_DEEP

_SIGNS = ("+", "-")
_LITERALS = frozenset((STRING, NUMBER, PARAMETER, "NULL", "TRUE", "FALSE", "[", "{", "<<", *_SIGNS))
_MAX_INDEX_DIGITS = 9


class Terms:
    """A cursor over the tokens of one statement. Raises `Malformed` and `Problem`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._index = 0
        self.literals: list[Literal] = []
        """Literals met so far; those within others are not counted."""
        self.parameters = 0
        """Parameters met so far."""
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

    @property
    def calls(self) -> bool:
        """Whether the next tokens begin a function call."""
        return self.kind == NAME and self._tokens[self._index + 1].kind == "("

    def advance(self) -> Token:
        """Consume the next token."""
        token = self._tokens[self._index]
        self._index += 1
        return token

    def accept(self, kind: str) -> bool:
        """Consume the next token if it is of this kind."""
        if self.kind != kind:
            return False
        self._index += 1
        return True

    def accept_word(self, word: str) -> bool:
        """Consume the next token if it is this upper-case word, which is no keyword."""
        if self.kind != NAME or self.token.text.upper() != word:
            return False
        self._index += 1
        return True

    def expect(self, kind: str) -> Token:
        """Consume the next token, which must be of this kind."""
        if self.kind != kind:
            self.fail(kind)
        return self.advance()

    def fail(self, expected: str) -> NoReturn:
        """Raise the syntax error for the next token."""
        raise Malformed(self._text, self.token, expected)

    def finish(self) -> None:
        """Check that the whole text has been consumed, a semicolon apart."""
        self.accept(";")
        if self.kind != END:
            self.fail(END)

    def count_operator(self) -> None:
        """Count one operator or function; raises when there are too many."""
        self.operators += 1
        if self.operators > limits.EXPRESSION_OPERATORS:
            raise problems.too_many_operators(self.operators)

    def name(self) -> str:
        """Parse an identifier."""
        if not self.token.text:
            self.fail(NAME)
        return self.expect(NAME).text

    def path(self) -> Path:
        """Parse a document path."""
        parts: list[Part] = [self.name()]
        while True:
            if self.accept("."):
                parts.append(self.name())
            elif self.accept("["):
                parts.append(self._member())
                self.expect("]")
            else:
                break
        if len(parts) > limits.NESTING_DEPTH:
            raise problems.too_deep_path(len(parts))
        return Path(tuple(parts))

    def _member(self) -> Part:
        """Parse what stands in brackets: a list index, or a map member's name as a string."""
        if self.kind == STRING and self.token.text:
            return self.advance().text
        text = self.token.text
        if self.kind != NUMBER or not text.isdigit():
            self.fail("list index")
        if len(text.lstrip("0")) > _MAX_INDEX_DIGITS:
            raise problems.index_out_of_range(text)
        return int(self.advance().text)

    def operand(self) -> Operand:
        """Parse a path, a literal or the function `size`."""
        if self.kind in _LITERALS:
            return self.value()
        if self.calls:
            return self._size()
        if self.kind != NAME:
            self.fail("attribute or value")
        return self.path()

    def _size(self) -> Function:
        function = self.call()
        if function.name != "size":
            raise problems.function_misused(function.name)
        if len(function.arguments) != 1:
            raise problems.operand_count(function.name, len(function.arguments))
        return function

    def call(self) -> Function:
        """Parse a function call; its name is kept in lower case."""
        name = self.advance().text.lower()
        self.count_operator()
        self.expect("(")
        arguments = [self._argument()]
        while self.accept(","):
            arguments.append(self._argument())
        self.expect(")")
        return Function(name, tuple(arguments))

    def _argument(self) -> Operand:
        """Parse an argument, a path or a literal: no function takes another."""
        if self.kind in _LITERALS:
            return self.value()
        if self.calls:
            raise problems.function_misused(self.token.text.lower())
        return self.path()

    def value(self) -> Value:
        """Parse a literal and return its symbol."""
        literal = self._literal(0)
        self.literals.append(literal)
        return Value(f":{len(self.literals) - 1}")

    def _literal(self, depth: int) -> Literal:
        if depth > limits.NESTING_DEPTH + 1:  # an item's own map comes on top of the nesting allowed
            raise Problem(TOO_DEEP, whole=True)
        kind = self.kind
        if kind == "[":
            return ListOf(self._members("[", "]", depth))
        if kind == "<<":
            return SetOf(self._members("<<", ">>", depth))
        if kind == "{":
            return self._map(depth)
        return self._scalar()

    def _scalar(self) -> Literal:
        token = self.token
        if token.kind not in _LITERALS:
            self.fail("value")
        self.advance()
        if token.kind == PARAMETER:
            self.parameters += 1
            return Parameter(self.parameters - 1)
        if token.kind in _SIGNS:
            return Scalar("N", ("-" if token.kind == "-" else "") + self.expect(NUMBER).text)
        if token.kind == NUMBER:
            return Scalar("N", token.text)
        if token.kind == STRING:
            return Scalar("S", token.text)
        return Scalar("NULL", True) if token.kind == "NULL" else Scalar("BOOL", token.kind == "TRUE")

    def _members(self, opening: str, closing: str, depth: int) -> tuple[Literal, ...]:
        self.expect(opening)
        members: list[Literal] = []
        if self.accept(closing):
            return ()
        members.append(self._literal(depth + 1))
        while self.accept(","):
            members.append(self._literal(depth + 1))
        self.expect(closing)
        return tuple(members)

    def _map(self, depth: int) -> MapOf:
        self.expect("{")
        members: dict[str, Literal] = {}
        while not self.accept("}"):
            if members:
                self.expect(",")
            if self.kind != STRING or self.token.text in members:
                self.fail("another attribute name in single quotation marks")
            name = self.advance().text
            self.expect(":")
            members[name] = self._literal(depth + 1)
        return MapOf(tuple(members.items()))
