"""The grammar of expressions: operands, paths, calls, literals and operators of nine strengths.

Whatever is still open waits on a stack of our own instead of Python's: how deep a text nests is the client's choice
and must not be able to exhaust the interpreter. On it stand operators whose right side is still being read, and frames:
brackets, calls and lists that are not closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from extenddb.core import limits
from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import Path
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql.cursor import Cursor, word_of
from extenddb.core.partiql.errors import unexpected_path, unsupported, unsupported_token
from extenddb.core.partiql.keywords import FUNCTION_WORDS, PRECEDENCE, TYPE_NAMES
from extenddb.core.partiql.nodes import ListOf, MapOf, Parameter, Scalar, SetOf
from extenddb.core.partiql.operands import (
    Call,
    Meanings,
    Odd,
    Term,
    list_of,
    map_of,
    set_of,
    signed,
)
from extenddb.core.partiql.tokens import END, ION, NUMBER, OPERATOR, PARAMETER, STRING, Token
from extenddb.core.types.attribute import TOO_DEEP

_MAX_INDEX_DIGITS = 9
_CLOSING: Mapping[str, tuple[str, str]] = {
    "(": (")", "RIGHT_PAREN"),
    "[": ("]", "RIGHT_BRACKET"),
    "<<": (">>", "RIGHT_DOUBLE_ANGLE_BRACKET"),
    "{": ("}", "RIGHT_CURLY"),
    "call": (")", "RIGHT_PAREN"),
    "in": (")", "RIGHT_PAREN"),
    "index": ("]", "RIGHT_BRACKET"),
}
"""What closes a frame, and what it is called where it is missing."""
_EMPTY: Mapping[str, Term] = {"[": ListOf(()), "<<": SetOf(()), "{": MapOf(())}
_WORDS_OF_TERMS = frozenset(
    ("case", "cast", "select", "create", "drop", "pivot", "values", "substring", "trim", "extract", "exec")
)
"""Keywords at which an expression of a kind begins that no statement may have."""


@dataclass(slots=True)
class _Frame:
    """Something that is not closed yet."""

    kind: str
    token: Token
    """Where it was opened, or the name of the call."""
    members: list[Term] = field(default_factory=list)
    base: Term | None = None
    """What is indexed."""
    first: Token | None = None
    """Where the first argument of a call begins."""


@dataclass(slots=True)
class _Waiting:
    """An operator whose last operand is being read."""

    token: Token
    precedence: int
    operands: list[Term]
    """Those that are complete."""


_Stack: TypeAlias = list[_Frame | _Waiting]
_SIGN = 100  # signs bind to the operand behind them alone


class Expressions(Cursor, Meanings):
    """Parser of expressions, wherever in a statement they stand."""

    def __init__(self, text: str) -> None:
        Cursor.__init__(self, text)
        Meanings.__init__(self)
        self.parameters = 0
        """Parameters met so far."""

    def expression(self, precedence: int = 0) -> Term:
        """Parse an expression up to the first token that cannot belong to it, or an operator no stronger than this."""
        stack: _Stack = []
        while True:
            term = self._begin(stack)
            while term is not None:
                term = self._steps(stack, term)
                if term is not None:
                    term = self._operators(stack, term, precedence)
                if term is None:
                    break
                if not stack:
                    return term
                term = self._close(stack, term)

    def _begin(self, stack: _Stack) -> Term | None:
        """Read the beginning of an operand; None when more of it is to come."""
        token = self.token
        if token.kind == OPERATOR:
            self._prefix(stack)
            return None
        if token.kind in ("(", "[", "<<", "{"):
            return self._open(stack, token)
        if self.ahead(1).kind == "(" and (self.at_name or word_of(token) in FUNCTION_WORDS):
            return self._call(stack)
        return Path((self.name(),)) if self.at_name else self._literal()

    def _prefix(self, stack: _Stack) -> None:
        if self.word not in ("+", "-", "not"):
            self.fail("Identifier must follow @-operator" if self.word == "@" else "Unexpected operator")
        precedence = PRECEDENCE["not"] if self.word == "not" else _SIGN
        if precedence != _SIGN:
            self.count_operator()
        stack.append(_Waiting(self.advance(), precedence, []))

    def _open(self, stack: _Stack, token: Token) -> Term | None:
        self.advance()
        if token.kind in _EMPTY:
            if self.accept(_CLOSING[token.kind][0]):
                return _EMPTY[token.kind]
            # An item's own map comes on top of the nesting allowed.
            if sum(isinstance(each, _Frame) and each.kind in _EMPTY for each in stack) > limits.NESTING_DEPTH:
                raise Problem(TOO_DEEP, whole=True)
        stack.append(_Frame(token.kind, token))
        return None

    def _call(self, stack: _Stack) -> Term | None:
        name = self.advance()
        self.count_operator()
        self.advance()
        if self.kind == "*" and name.text != "count":
            self.fail(f"{name.text}(*) is not allowed")
        if self.accept("*") or self.accept(")"):
            if name.text == "count" and not self.accept(")"):
                self.fail("Expected RIGHT_PAREN")
            return self.call(Call(name.text.lower(), (), self.place(name), name.text))
        stack.append(_Frame("call", name, first=self.token))
        return None

    def _literal(self) -> Term:
        token = self.token
        if token.kind in (STRING, NUMBER):
            self.advance()
            return Scalar("S" if token.kind == STRING else "N", token.text)
        if token.kind in ("true", "false"):
            self.advance()
            return Scalar("BOOL", token.kind == "true")
        if self.accept("null"):
            return Scalar("NULL", True)
        if self.accept(PARAMETER):
            self.parameters += 1
            return Parameter(self.parameters - 1)
        if token.kind in ("missing", ION):
            self.advance()
            return Odd(unsupported_token(self.place(token)))
        if not word_of(token):
            self.fail("Unexpected term")
        return self.term_of_word()

    def term_of_word(self) -> Term:
        """Parse an operand that begins with a keyword."""
        if self.word not in _WORDS_OF_TERMS:
            self.fail("Unexpected keyword")
        raise unsupported(f"Unsupported expression: {self.word.upper()} at {self.place(self.token)}")

    def _steps(self, stack: _Stack, term: Term) -> Term | None:
        """Read the steps of a path; None when an index is being read."""
        while self.kind in (".", "["):
            token = self.advance()
            if token.kind == "[":
                if self.kind != "*":
                    stack.append(_Frame("index", token, base=term))
                    return None
                term = Odd(unexpected_path(self.place(self.advance())))
                if not self.accept("]"):
                    self.fail("Expected RIGHT_BRACKET")
            elif self.at_name:
                term = self.step(term, self.token, self.name())
            elif self.kind == "*":
                term = Odd(unexpected_path(self.place(self.advance())))
            else:
                self.fail("Invalid path dot component")
        return term

    def step(self, base: Term, token: Token, part: str | int) -> Term:
        """Return a path with one more step, which the token names."""
        if not isinstance(base, Path):
            return base if isinstance(base, Odd) else Odd(unexpected_path(self.place(token)))
        return Path((*base.parts, part))

    def _operators(self, stack: _Stack, term: Term, precedence: int) -> Term | None:
        """Apply operators that wait for this operand; None when the next operator makes another be read."""
        while True:
            strength = self._strength()
            while stack and isinstance(waiting := stack[-1], _Waiting) and waiting.precedence >= strength:
                waiting.operands.append(term)
                if _is_between(waiting) and len(waiting.operands) == 2:
                    self._bound()
                    return None
                stack.pop()
                term = self._applied(waiting)
            in_frame = any(isinstance(each, _Frame) for each in stack)
            if strength <= (0 if in_frame else precedence):
                return term
            self.count_operator()
            if self.word not in ("is", "is_not"):
                self._push(stack, term, strength)
                return None
            term = self._is(term)

    def _strength(self) -> int:
        """Return how strongly the next token binds as an operator; zero if it is none."""
        if self.kind == "*":
            return PRECEDENCE["*"]
        return PRECEDENCE.get(self.word, 0) if self.word != "not" else 0

    def _push(self, stack: _Stack, term: Term, strength: int) -> None:
        operator = self.advance()
        opens_list = operator.text in ("in", "not_in") and self.kind == "("
        if opens_list and word_of(self.ahead(1)) not in ("select", "values"):
            stack.append(_Waiting(operator, strength, [term]))
            stack.append(_Frame("in", self.advance()))
            return
        if self.kind == END:
            self.fail("Missing right-hand side expression of infix operator")
        stack.append(_Waiting(operator, strength, [term]))

    def _bound(self) -> None:
        """Read the AND of BETWEEN."""
        if self.word != "and":
            self.fail("Expected AND keyword")
        self.advance()
        if self.at_end:
            self.fail("Expected expression after AND")

    def _applied(self, waiting: _Waiting) -> Term:
        operator, place = waiting.token.text, self.place(waiting.token)
        if waiting.precedence == _SIGN:
            return signed(operator, waiting.operands[0], place)
        if operator == "not":
            return self.negation(waiting.operands[0], place)
        if _is_between(waiting):
            first, low, high = waiting.operands
            return self.between(operator, (first, low, high), place)
        left, right = waiting.operands
        return self.infix(operator, left, right, place)

    def _is(self, term: Term) -> Term:
        operator = self.advance()
        name = self.kind if self.kind in ("null", "missing") else self.word
        if name not in TYPE_NAMES:
            self.fail("Expected type name")
        self.advance()
        return self.is_type(operator.text, term, name, self.place(operator))

    def _close(self, stack: _Stack, term: Term) -> Term | None:
        """Give the frame on top a member; return what it is when it is closed, else None."""
        frame = stack[-1]
        assert isinstance(frame, _Frame)  # noqa: S101  (operators have been applied)
        frame.members.append(term)
        if frame.kind == "{" and len(frame.members) % 2:
            if not self.accept(":"):
                self.fail("Expected COLON")
            return None
        if frame.kind != "index" and self.accept(","):
            return None
        closing, name = _CLOSING[frame.kind]
        if not self.accept(closing):
            self.fail(f"Expected {name}")
        stack.pop()
        return _CLOSED[frame.kind](self, frame)

    def closed_group(self, frame: _Frame) -> Term:
        """Parentheses stand around one term, or are a list of several."""
        return frame.members[0] if len(frame.members) == 1 else list_of(frame.members)

    def closed_in(self, frame: _Frame) -> Term:
        """Parentheses behind IN are a list, even of one."""
        return list_of(frame.members)

    def closed_set(self, frame: _Frame) -> Term:
        """`<<a, b>>`."""
        return set_of(frame.members, self.place(frame.token))

    def closed_map(self, frame: _Frame) -> Term:
        """`{'a': b}`."""
        return map_of(frame.members, self.place(frame.token))

    def closed_call(self, frame: _Frame) -> Term:
        """`f(a, b)`."""
        name, first = frame.token, self.place(frame.first or frame.token)
        return self.call(Call(name.text.lower(), tuple(frame.members), self.place(name), name.text, first))

    def closed_index(self, frame: _Frame) -> Term:
        """`a[0]`."""
        assert frame.base is not None  # noqa: S101  (frames of this kind have one)
        return self.indexed(frame.base, frame.members[0], frame.token)

    def indexed(self, base: Term, index: Term, token: Token) -> Term:
        """Return `a[0]`, and `a['b']` for `a."b"`; the token is the bracket."""
        if isinstance(index, Odd):
            return base if isinstance(base, Odd) else index
        if isinstance(index, Scalar) and index.kind == "S" and index.content:
            return self.step(base, token, str(index.content))
        text = str(index.content) if isinstance(index, Scalar) and index.kind == "N" else ""
        if not text.isdigit():
            return Odd(unexpected_path(self.place(token)))
        if len(text.lstrip("0")) > _MAX_INDEX_DIGITS:
            return Odd(problems.index_out_of_range(text))
        return self.step(base, token, int(text))


def _is_between(waiting: _Waiting) -> bool:
    return waiting.token.text in ("between", "not_between")


_CLOSED: Mapping[str, Callable[[Expressions, _Frame], Term]] = {
    "(": Expressions.closed_group,
    "[": Expressions.closed_in,
    "<<": Expressions.closed_set,
    "{": Expressions.closed_map,
    "in": Expressions.closed_in,
    "call": Expressions.closed_call,
    "index": Expressions.closed_index,
}
