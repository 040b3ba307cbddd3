"""Single tensors of .lacuna files."""

from __future__ import annotations

import os
from typing import Union

from ._arguments import made
from ._errors import check
from ._library import lib
from .matrix import Matrix

Path = Union[str, bytes, "os.PathLike[str]"]


def read_tensor(path: Path, name: str) -> Matrix:
    """The tensor called `name` of a .lacuna file as a float32 matrix [first dimension, all others]. Nothing else of
    the file is decoded."""
    return Matrix(made(lib.lcn_tensor_read, os.fsencode(path), name.encode()))


def write_tensor(path: Path, name: str, matrix: Matrix) -> None:
    """Puts a float32 matrix into a .lacuna file as the tensor called `name`, in place of one of that name or behind all
    others. The file is replaced in one step, and made when there is none."""
    if not isinstance(matrix, Matrix):
        raise TypeError(f"a Matrix is wanted, not {type(matrix).__name__}")
    check(lib.lcn_tensor_write(os.fsencode(path), name.encode(), matrix._handle))


__all__ = ["read_tensor", "write_tensor"]
