"""Words, whole numbers and handles: what Python hands over becomes what C takes, or a sentence about it."""

from __future__ import annotations

import ctypes
import operator
from ctypes import byref, c_size_t, c_void_p
from typing import Any, Callable, Mapping, Optional, Tuple

from ._errors import check


def word(table: Mapping[Any, int], value: Any, what: str, more: str = "") -> int:
    """The constant of a word."""
    try:
        return table[value]
    except (KeyError, TypeError):
        words = ", ".join(repr(word) for word in table)
        raise ValueError(f"{what} is {value!r}, must be one of {words}{more}") from None


def integer(value: Any, what: str, bits: int = 64) -> int:
    """A whole number that fits the C type: ctypes would drop the bits that do not."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} is {value!r}, must be a whole number") from None
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise ValueError(f"{what} is {number}, which does not fit {bits} bits")
    return number


def pair(value: Any, what: str) -> Tuple[int, int]:
    """Two whole numbers."""
    try:
        first, second = value
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}, must be two whole numbers") from None
    return integer(first, what), integer(second, what)


def real(value: Any, what: str) -> float:
    """A number as C's double."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}, must be a number") from None


def made(call: Callable[..., int], *arguments: Any) -> c_void_p:
    """The handle that a constructor of the library writes to its last argument."""
    handle = c_void_p()
    check(call(*arguments, byref(handle)))
    return handle


def text(call: Callable[..., int], handle: Optional[c_void_p]) -> str:
    """The text that a describing function writes."""
    length = c_size_t()
    check(call(handle, None, 0, byref(length)))
    buffer = ctypes.create_string_buffer(length.value + 1)
    check(call(handle, buffer, len(buffer), byref(length)))
    return buffer.value.decode()
