"""Numbers as logs spell them: with a typographer's minus, torn exponents, NaN in any case."""

from __future__ import annotations

import math
import re

MINUS = (
    "\N{MINUS SIGN}\N{EN DASH}\N{FULLWIDTH HYPHEN-MINUS}-"  # the last one of a class, where it is no range
)
# The lengths are bounded: a number of a megabyte of digits is none.
DIGITS = r"(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})"
NUMBER = rf"[+{MINUS}]?(?:nan|inf(?:inity)?|{DIGITS}(?:e\s?[+{MINUS}]?\s?\d{{1,4}})?)"
# In prose, which a translator may have given a decimal comma.
SPOKEN = NUMBER.replace(DIGITS, r"(?:\d{1,40}(?:\.\d{0,40}|,\d{1,40})?|\.\d{1,40})")
WHOLE = re.compile(NUMBER, re.IGNORECASE)
DASHES = str.maketrans(dict.fromkeys(MINUS, "-"))


def number_of(text: str) -> float:
    """The number that matched `NUMBER`, or `SPOKEN`."""
    return float("".join(text.translate(DASHES).replace(",", ".").split()))


def parse_number(text: str, comma: bool = False) -> float | None:
    """``text`` as a number, None where it is none; with ``comma`` that is its decimal point."""
    plain = text.strip().strip("\"'")
    if comma:
        plain = plain.replace(",", ".", 1)
    return number_of(plain) if WHOLE.fullmatch(plain) else None


def is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
