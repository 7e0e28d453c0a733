"""Patterns of the model take time that grows with a text's length alone, whatever the text."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest

from extenddb.core.errors import ServiceError
from extenddb.core.model.data_shapes import SHAPES
from extenddb.core.validation.overrides import PYTHON_PATTERNS
from extenddb.core.validation.rules import shape
from extenddb.core.wire.decode import decode

PATTERNS = sorted(name for name, row in SHAPES.items() if "pattern" in row)
LENGTH = 100_000
SECONDS = 1.0  # of process time, for what takes milliseconds; a square of the length would take minutes


@pytest.mark.parametrize("name", PATTERNS)
def test_long_texts_are_matched_in_no_time(name: str) -> None:
    regex = shape(name).regex
    if regex is None:
        pytest.skip("checked in words of its own")
    begun = time.process_time()
    for repeated, end in product(("a", "0", ".", "-", "_", "a.", "0f" * 8, " "), ("", "\0", "\n", "-", "$", "é")):
        regex.fullmatch((repeated * LENGTH)[:LENGTH] + end)
    assert time.process_time() - begun < SECONDS


def test_a_long_name_of_a_bucket_is_refused_in_no_time() -> None:
    begun = time.process_time()
    with pytest.raises(ServiceError, match="Member must satisfy regular expression pattern"):
        decode("ExportTableToPointInTime", {"TableArn": "arn", "S3Bucket": "x" * LENGTH + "\0"})
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("length", range(6))
def test_names_of_buckets_are_those_of_the_model(length: int) -> None:
    pattern = str(SHAPES["S3Bucket"]["pattern"])
    quick, exact = re.compile(PYTHON_PATTERNS[pattern], re.ASCII), re.compile(pattern, re.ASCII)
    for characters in product("aZ0.-_\n\0", repeat=length):
        text = "".join(characters)
        assert (quick.fullmatch(text) is None) == (exact.fullmatch(text) is None), text
