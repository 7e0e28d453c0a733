"""Numbers: normal form, limits, sizes and order-preserving bytes, against Python's own decimals as the oracle."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extenddb.core.errors import ServiceError
from extenddb.core.types import number


@st.composite
def legal(draw: st.DrawFn) -> str:
    """Draw any number DynamoDB can hold, in scientific notation."""
    digits = draw(st.integers(1, 38))
    mantissa = draw(st.integers(10 ** (digits - 1), 10**digits - 1))
    exponent = draw(st.integers(-130, 125))
    return f"{draw(st.sampled_from(['', '-']))}{mantissa}E{exponent - digits + 1}"


@given(legal())
def test_normal_form_keeps_the_value_and_is_its_own(text: str) -> None:
    normal = number.normalize(text)
    assert Decimal(normal) == Decimal(text)
    assert number.normalize(normal) == normal
    assert "E" not in normal.upper()


@given(legal())
def test_bytes_round_trip(text: str) -> None:
    normal = number.normalize(text)
    data = number.encode(normal)
    assert number.decode(data) == normal
    assert len(data) <= 22


@given(st.lists(legal() | st.just("0"), min_size=2))
def test_bytes_order_as_the_numbers(texts: list[str]) -> None:
    normal = [number.normalize(text) for text in texts]
    assert sorted(normal, key=number.encode) == sorted(normal, key=Decimal)


@given(legal())
def test_size_is_that_of_the_base_100_digits(text: str) -> None:
    normal = number.normalize(text)
    sign_ends = number.encode(normal).endswith(b"\x66") if normal.startswith("-") else False
    assert number.size(normal) == len(number.encode(normal)) - sign_ends + normal.startswith("-")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0E+400", "0"),
        ("+7", "7"),
        ("007.500", "7.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("-1E-2", "-0.01"),
        ("1" + "0" * 60, "1" + "0" * 60),
        ("9" * 38 + "E87", "9" * 38 + "0" * 87),
        ("1E-130", "0." + "0" * 129 + "1"),
    ],
)
def test_normal_forms(text: str, normal: str) -> None:
    assert number.normalize(text) == normal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        ("1_000", "The parameter cannot be converted to a numeric value: 1_000"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("Infinity", "The parameter cannot be converted to a numeric value: Infinity"),
        ("١", "The parameter cannot be converted to a numeric value: ١"),
        ("1 ", "The parameter cannot be converted to a numeric value: 1 "),
        ("1\n", "The parameter cannot be converted to a numeric value: 1\n"),
        ("1" * 39, number.TOO_MANY_DIGITS),
        ("1E126", number.OVERFLOW),
        ("-1E126", number.OVERFLOW),
        ("1E9999999999", number.OVERFLOW),
        ("1E-131", number.UNDERFLOW),
        ("-1E-131", number.UNDERFLOW),
        ("1E-9999999999", number.UNDERFLOW),
    ],
)
def test_refused_texts(text: str, message: str) -> None:
    with pytest.raises(ServiceError) as raised:
        number.normalize(text)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [("1", "2", "3"), ("0.1", "0.2", "0.3"), ("-5", "5", "0"), ("9" * 37, "1", "1" + "0" * 37)],
)
def test_sums_are_exact(left: str, right: str, total: str) -> None:
    assert number.add(left, right) == total
    assert number.subtract(total, right) == left


def test_a_sum_that_cannot_be_held_is_refused() -> None:
    with pytest.raises(ServiceError, match="38 significant digits"):
        number.add("1", "1E-38".replace("1E-38", number.normalize("1E-38")))
    with pytest.raises(ServiceError, match="overflow"):
        number.add(number.normalize("9.9E125"), number.normalize("1E125"))
