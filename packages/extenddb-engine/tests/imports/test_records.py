"""Records are cut at newlines, and at nothing else, wherever the pieces of an object end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extenddb.engine.imports.records import MAX_RECORD, BadObject, Cutter

DATA = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b'"', b"\x0b", b"\xe2\x80\xa8"]), max_size=30)


def cut(data: bytes, places: list[int], *, quoted: bool) -> list[bytes]:
    """Return the records of data that comes in pieces."""
    cutter = Cutter(quoted=quoted)
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [record for first, last in pairwise(ends) for record in cutter.feed(data[first:last])] + cutter.finish()


@given(parts=DATA, places=st.lists(st.integers(0, 100), max_size=6))
def test_records_end_with_newlines(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)
    records = cut(data, places, quoted=False)
    *whole, rest = data.split(b"\n")
    assert records == [line + b"\n" for line in whole] + ([rest] if rest else [])


@given(parts=DATA, places=st.lists(st.integers(0, 100), max_size=6))
def test_newlines_within_quotes_end_no_record(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)
    records = cut(data, places, quoted=True)
    assert b"".join(records) == data
    assert records == cut(data, [], quoted=True)
    assert all(record.endswith(b"\n") and record.count(b'"') % 2 == 0 for record in records[:-1])


def test_a_record_without_end_is_refused() -> None:
    cutter = Cutter()
    assert cutter.feed(b"x" * MAX_RECORD) == []
    with pytest.raises(BadObject):
        cutter.feed(b"x")
