"""The words of PartiQL: data only.

Source: the language's public reference parser, which reports of the service's own messages match word for word
(docs/differences.md, 28). A word that is a keyword is no identifier unless it stands in double quotation marks.
"""

from __future__ import annotations

from collections.abc import Mapping

_KEYWORDS = """
absolute action add all allocate alter any are asc assertion authorization avg begin bit bit_length cascade cascaded
case cast catalog char character character_length char_length check close coalesce collate collation column commit
connect connection constraint constraints continue convert corresponding count create cross current current_date
current_time current_timestamp current_user cursor date deallocate dec decimal declare default deferrable deferred
delete desc describe descriptor diagnostics disconnect distinct domain double drop else end escape exception exec
execute exists external extract date_add date_diff fetch first float foreign found from full get global go goto
grant group having identity immediate indicator initially inner input insensitive insert int integer interval into
isolation join key language last left level local lower match max min module names national natural nchar next no
nullif numeric octet_length of on only open option order outer output overlaps pad partial position precision
prepare preserve primary prior privileges procedure public read real references relative restrict revoke right
rollback rows schema scroll section select session session_user set size smallint some space sql sqlcode sqlerror
sqlstate substring sum system_user table temporary then time timestamp to transaction translate translation trim
unique unknown update upper usage user using value values varchar varying view when whenever where with work write
zone can_cast can_lossless_cast pivot unpivot limit offset tuple remove index let integer2 int2 integer4 int4
integer8 int8 bigint conflict do nothing returning modified new old bool boolean string symbol clob blob struct list
sexp bag
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""Keywords that are neither operators nor literals."""

OPERATOR_WORDS = frozenset(("and", "or", "not", "is", "in", "between", "like", "union", "except", "intersect"))
"""Operators that are written as words."""

JOINED: Mapping[tuple[str, str], str] = {
    pair: f"{pair[0]}_{pair[1]}"
    for pair in (
        ("not", "in"),
        ("not", "between"),
        ("not", "like"),
        ("is", "not"),
        ("insert", "into"),
        ("on", "conflict"),
        ("do", "nothing"),
        ("modified", "old"),
        ("modified", "new"),
        ("all", "old"),
        ("all", "new"),
        ("union", "all"),
        ("except", "all"),
        ("intersect", "all"),
    )
}
"""Two words that are one token wherever they follow each other."""

PRECEDENCE: Mapping[str, int] = {
    **dict.fromkeys(("union", "union_all", "intersect", "intersect_all", "except", "except_all"), 5),
    "or": 10,
    "and": 20,
    "not": 30,
    **dict.fromkeys(("=", "<>", "is", "is_not", "in", "not_in"), 40),
    **dict.fromkeys(("<", "<=", ">", ">=", "between", "not_between", "like", "not_like"), 50),
    **dict.fromkeys(("+", "-", "||"), 60),
    **dict.fromkeys(("*", "/", "%"), 70),
}
"""How strongly operators bind."""

CLAUSES = 6
"""Precedence at which the expressions of clauses are read: set operators between SELECTs are no part of them."""

_FUNCTION_WORDS = """
exists count avg max min sum char_length character_length octet_length bit_length upper lower size sexp list bag
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Keywords that may stand in front of a parenthesis as the names of functions."""

_TYPE_NAMES = """
missing null boolean bool smallint integer integer2 integer4 integer8 int int2 int4 int8 bigint float real decimal
dec numeric timestamp date time character char varchar string symbol clob blob struct tuple list sexp bag any
"""
TYPE_NAMES = frozenset(_TYPE_NAMES.split())
"""Types that IS can ask for."""
