"""Failed calls as exceptions: the library's sentence, the status's name, and Python's own kind where there is one."""

from __future__ import annotations

from typing import Dict, Type

from ._library import lib


class Error(Exception):
    """A failed call. `status` is the name of its code in lacuna.h, `code` its number."""

    code: int
    status: str


class ArgumentError(Error, ValueError):
    """A value, shape, stride or structure that the library refuses."""


class UnsupportedError(Error, NotImplementedError):
    """Valid, but this library, processor or object cannot do it."""


class OutOfMemoryError(Error, MemoryError):
    """The memory for the result cannot be had."""


class MissingFileError(Error, FileNotFoundError):
    """The file does not exist."""


class FileSystemError(Error, OSError):
    """The operating system failed to read or write."""


_KINDS: Dict[str, Type[Error]] = {
    "LCN_UNSUPPORTED": UnsupportedError, "LCN_OUT_OF_MEMORY": OutOfMemoryError,
    "LCN_FILE_NOT_FOUND": MissingFileError, "LCN_IO": FileSystemError, "LCN_INTERNAL": Error,
    "LCN_ENVIRONMENT": Error, "LCN_INVALID_HANDLE": Error,
}


def failure(code: int) -> Error:
    """The exception of a status code that this thread's last call returned."""
    status = lib.lcn_status_string(code).decode()
    error = _KINDS.get(status, ArgumentError)(f"{status}: {lib.lcn_last_error().decode()}")
    error.code, error.status = code, status
    return error


def check(code: int) -> None:
    if code:
        raise failure(code)
