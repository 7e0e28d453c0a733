"""Vectors: their stored bytes, and the scores of similarity.

A stored vector is its components as 32-bit floats, big-endian. Scores are computed in double precision from the
stored components, so that every part of a store that answers for the same two vectors gives the same score.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

if sys.version_info >= (3, 12):
    from math import sumprod
else:
    from operator import mul

    def sumprod(left: Sequence[float], right: Sequence[float], /) -> float:
        """Return the sum of the products of two vectors of one length."""
        return math.fsum(map(mul, left, right))


Distance: TypeAlias = Literal["COSINE", "DOT_PRODUCT", "EUCLIDEAN"]
"""How similarity is measured."""
Score: TypeAlias = Callable[[bytes], float]
"""From a stored vector to its score against a given one."""

FLOAT_SIZE = 4
"""Bytes of one component."""
_FLOAT_DIGITS = 9
"""Decimal digits that tell any two 32-bit floats apart."""


def pack(components: Sequence[float]) -> bytes:
    """Return the stored bytes of a vector. Raises OverflowError for a component beyond the range of 32-bit floats."""
    return struct.pack(f">{len(components)}f", *components)


def unpack(vector: bytes) -> tuple[float, ...]:
    """Return the components of a stored vector."""
    return struct.unpack(f">{len(vector) // FLOAT_SIZE}f", vector)


def texts(components: Sequence[float]) -> list[str]:
    """Return the shortest decimal texts that stand for the components once they are 32-bit floats."""
    return [_text(component) for component in unpack(pack(components))]


def _text(component: float) -> str:
    for digits in range(1, _FLOAT_DIGITS):
        text = f"{component:.{digits}g}"
        if unpack(pack([float(text)]))[0] == component:
            return text
    return f"{component:.{_FLOAT_DIGITS}g}"


def score(distance: Distance, vector: bytes) -> Score:
    """Return the function that scores stored vectors of the same length against this one.

    COSINE is one minus the cosine of the angle, 0 to 2 (a vector of length zero stands at right angles to all),
    EUCLIDEAN the length of the difference, DOT_PRODUCT the sum of products.
    """
    return _SCORES[distance](unpack(vector))


def rank(distance: Distance, value: float) -> float:
    """Return a number that is smaller for a better score."""
    return -value if distance == "DOT_PRODUCT" else value


def _cosine(query: tuple[float, ...]) -> Score:
    square = sumprod(query, query)

    def score(vector: bytes) -> float:
        other = unpack(vector)
        # Under one root, so that the score of a vector against itself is exactly zero.
        length = math.sqrt(square * sumprod(other, other))
        if length == 0.0:
            return 1.0
        return min(max(1.0 - sumprod(query, other) / length, 0.0), 2.0)

    return score


def _dot_product(query: tuple[float, ...]) -> Score:
    return lambda vector: sumprod(query, unpack(vector))


def _euclidean(query: tuple[float, ...]) -> Score:
    return lambda vector: math.dist(query, unpack(vector))


_SCORES: Mapping[Distance, Callable[[tuple[float, ...]], Score]] = {
    "COSINE": _cosine,
    "DOT_PRODUCT": _dot_product,
    "EUCLIDEAN": _euclidean,
}
