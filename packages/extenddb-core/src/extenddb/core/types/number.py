"""DynamoDB numbers: 38 significant digits, magnitude from 1E-130 to 9.99...E+125, one normal form.

The normal form is plain decimal notation without exponent, leading or trailing zeros: equality of numbers is then
equality of texts. `encode` gives order-preserving bytes in base 100, the form in which the service's own partition
order was observed.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from extenddb.core import limits
from extenddb.core.errors import ServiceError, excerpt, validation

NORMAL = r"0|-?(?:[1-9][0-9]{0,37}|(?:0|[1-9][0-9]{0,17})\.[0-9]{0,18}[1-9])"
"""Regular expression of texts that are seen at once to be in normal form and in range; most numbers are."""
_NORMAL = re.compile(rf"(?:{NORMAL})\Z")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_EXPONENT_DIGITS = 9  # beyond this an exponent is out of range whatever its mantissa

_ZERO = b"\x80"
_BASE100_DIGITS = 20
_PAIRS = [(byte >> 4) * 10 + (byte & 15) for byte in range(256)]  # of two decimal digits, each half a byte
_PLUS_ONE = bytes((pair + 1) & 255 for pair in _PAIRS)
_FROM_101 = bytes((101 - pair) & 255 for pair in _PAIRS)
_HEADS = [bytes((byte,)) for byte in range(256)]

EXACT = Context(prec=400, Emax=999999, Emin=-999999, traps=[])
"""Arithmetic that never rounds within the range of two legal numbers."""

OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
TOO_MANY_DIGITS = "Attempting to store more than 38 significant digits in a Number"


def is_normal(text: str) -> bool:
    """Tell whether a text is seen at once to be a number in normal form; most are, and some normal ones are not."""
    return text == "0" or _NORMAL.match(text) is not None


def normalize(text: str) -> str:
    """Return the normal form of a number's text.

    Raises a ValidationException for a text that is no number or is out of DynamoDB's range.
    """
    if is_normal(text):
        return text
    return to_text(parse(text))


def parse(text: str) -> Decimal:
    """Return the value of a number's text; raises like `normalize`."""
    if not _NUMBER.match(text):
        raise not_a_number(text)
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent.lstrip("+-").lstrip("0")) > _EXPONENT_DIGITS:
        if not mantissa.strip("+-0."):
            return Decimal(0)
        raise validation(UNDERFLOW if exponent.startswith("-") else OVERFLOW)
    return check(Decimal(text))


def check_big_decimal(text: str) -> None:
    """Refuse a text that Java's BigDecimal cannot hold, or whose magnitude is out of range in 32-bit arithmetic.

    BigDecimal takes exponents and scales of 32 bits; `precision - scale` wraps around, so that 1e2147483647 is told as
    an underflow (recorded for parameters of statements, 2026-10). Raises a ValidationException.
    """
    if is_normal(text):
        return
    if not _NUMBER.match(text):
        raise not_a_number(text)
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent.lstrip("+-").lstrip("0")) <= _EXPONENT_DIGITS:
        parse(text)
        return
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    scale = len(fraction) - int(exponent)
    if int(exponent) != _wrapped(int(exponent)) or scale != _wrapped(scale):
        raise not_a_number(text)
    digits = (whole + fraction).lstrip("0")
    if digits:
        raise validation(OVERFLOW if _wrapped(len(digits) - scale) > 0 else UNDERFLOW)


def _wrapped(value: int) -> int:
    """Return what is left of a value in 32 bits with a sign."""
    return (value + 2**31) % 2**32 - 2**31


def not_a_number(text: str) -> ServiceError:
    """Return the error for a text that is no number."""
    if not text:
        return validation("The parameter cannot be converted to a numeric value")
    return validation(f"The parameter cannot be converted to a numeric value: {excerpt(text)}")


def check(value: Decimal) -> Decimal:
    """Return the value if DynamoDB can hold it, else raise a ValidationException."""
    if not value:
        return Decimal(0)
    exponent = value.adjusted()
    if exponent > limits.NUMBER_MAX_EXPONENT:
        raise validation(OVERFLOW)
    if exponent < limits.NUMBER_MIN_EXPONENT:
        raise validation(UNDERFLOW)
    if len(_significant(value)) > limits.NUMBER_DIGITS:
        raise validation(TOO_MANY_DIGITS)
    return value


def to_text(value: Decimal) -> str:
    """Return the normal form of a value."""
    if not value:
        return "0"
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text


def add(left: str, right: str) -> str:
    """Return the sum of two normal forms in normal form; raises when it cannot be held."""
    return to_text(check(EXACT.add(Decimal(left), Decimal(right))))


def subtract(left: str, right: str) -> str:
    """Return the difference of two normal forms in normal form; raises when it cannot be held."""
    return to_text(check(EXACT.subtract(Decimal(left), Decimal(right))))


def size(text: str) -> int:
    """Return the stored size of a normal form: an exponent byte, a byte per base-100 digit, one for the sign."""
    if text == "0":
        return 1
    negative, digits, exponent = _parts(text)
    return 1 + (len(digits) + 1 + (exponent % 2 == 0)) // 2 + negative


def encode(text: str) -> bytes:
    """Return bytes whose unsigned order is the order of the numbers, 1 to 22 of them.

    First the exponent in base 100 with an offset that leaves 0x80 to zero, then each base-100 digit plus one.
    Negative numbers are the complement of that, ended by 102 so that a shorter one sorts after a longer one.
    """
    if text == "0":
        return _ZERO
    negative, digits, exponent = _parts(text)
    if exponent % 2 == 0:  # the leading base-100 digit holds one decimal digit
        digits = "0" + digits
    if len(digits) % 2:
        digits += "0"
    pairs = bytes.fromhex(digits)  # two decimal digits in each byte
    scale = exponent // 2 + 1
    if not negative:
        return _HEADS[0xC0 + scale] + pairs.translate(_PLUS_ONE)
    body = _HEADS[0x3F - scale] + pairs.translate(_FROM_101)
    return body if len(pairs) == _BASE100_DIGITS else body + b"\x66"


def decode(data: bytes) -> str:
    """Return the normal form of what `encode` made."""
    if data == _ZERO:
        return "0"
    negative = data[0] < 0x80
    if negative:
        exponent = 0x3F - data[0]
        pairs = [101 - byte for byte in data[1:] if byte != 0x66]
    else:
        exponent = data[0] - 0xC0
        pairs = [byte - 1 for byte in data[1:]]
    digits = "".join(f"{pair:02d}" for pair in pairs)
    value = Decimal(f"{digits}E{2 * (exponent - len(pairs))}")
    return to_text(value.copy_negate() if negative else value)


def _significant(value: Decimal) -> str:
    digits = "".join(map(str, value.as_tuple().digits))
    return digits.strip("0")


def _parts(text: str) -> tuple[bool, str, int]:
    """Return the sign, the significant digits and the exponent of the first one, of a normal form other than zero."""
    negative = text[0] == "-"
    whole, _, fraction = (text[1:] if negative else text).partition(".")
    if whole != "0":
        return negative, (whole + fraction).rstrip("0"), len(whole) - 1
    digits = fraction.lstrip("0")
    return negative, digits, len(digits) - len(fraction) - 1
