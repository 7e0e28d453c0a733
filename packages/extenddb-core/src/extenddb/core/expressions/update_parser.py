"""The grammar of updates: sections SET, REMOVE, ADD and DELETE, each at most once, in any order."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import (
    Action,
    Add,
    Arithmetic,
    Delete,
    Operand,
    Remove,
    Set,
    UpdateNode,
    Value,
)
from extenddb.core.expressions.parser import CACHED_TREES, UPDATE_FUNCTIONS, Parser
from extenddb.core.expressions.tokens import END, VALUE


@lru_cache(maxsize=CACHED_TREES)
def parse_update(text: str) -> UpdateNode:
    """Return the tree of an update expression; raises `Problem`."""
    return UpdateParser(text).parse()


class UpdateParser(Parser):
    """Parser of one update."""

    keywords: ClassVar[frozenset[str]] = frozenset(("SET", "REMOVE", "ADD", "DELETE"))
    functions: ClassVar[frozenset[str]] = UPDATE_FUNCTIONS
    grammar: ClassVar[str] = "an update"

    def parse(self) -> UpdateNode:
        """Return the tree of the whole text."""
        parsers: dict[str, Callable[[], Action]] = {
            "SET": self._set,
            "REMOVE": self._remove,
            "ADD": self._add,
            "DELETE": self._delete,
        }
        actions: list[Action] = []
        seen: set[str] = set()
        while True:
            section = self.kind
            if section not in parsers:
                self.fail()
            self.advance()
            if section in seen:
                self.note(problems.section_repeated(section))
            seen.add(section)
            actions.append(parsers[section]())
            while self.accept(","):
                actions.append(parsers[section]())
            if self.kind == END:
                break
        self.finish()
        return UpdateNode(tuple(actions))

    def _set(self) -> Set:
        path = self.path()
        self.expect("=")
        return Set(path, self._value())

    def _remove(self) -> Remove:
        return Remove(self.path())

    def _add(self) -> Add:
        return Add(self.path(), Value(self.expect(VALUE).text))

    def _delete(self) -> Delete:
        return Delete(self.path(), Value(self.expect(VALUE).text))

    def _value(self) -> Operand | Arithmetic:
        """Parse what SET assigns; parentheses may stand around all of it and around each operand."""
        opened = self._opened()
        value: Operand | Arithmetic
        value = left = self.operand()
        closed = 0
        while closed < opened and self.accept(")"):
            closed += 1
        still_open = opened - closed
        if self.kind in ("+", "-"):
            self.count_operator()
            value = Arithmetic(self.advance().kind, left, self._right_operand())
            excess = max(closed, still_open)
        else:
            excess = opened
        for _ in range(still_open):
            self.expect(")")
        self._check_parentheses(excess)
        return value

    def _right_operand(self) -> Operand:
        depth = self._opened()
        operand = self.operand()
        for _ in range(depth):
            self.expect(")")
        self._check_parentheses(depth)
        return operand

    def _check_parentheses(self, depth: int) -> None:
        if depth > 1:
            self.note(problems.Problem(problems.REDUNDANT_PARENTHESES))

    def _opened(self) -> int:
        depth = 0
        while self.accept("("):
            depth += 1
        return depth
