"""scipy.sparse matrices of any format as the compressed arrays that the library takes, and back."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from ._arrays import Array, native, packed, plain


def index_vector(array: Any, what: str) -> Array:
    """One-dimensional whole numbers."""
    array = plain(array)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{what} is {array.ndim}-dimensional {array.dtype}, a vector of integers wanted")
    return array


def compressed(matrix: Any) -> Tuple[Array, Array, Array]:
    """offsets, indices, values of a scipy CSR or BSR matrix as the library takes them: packed, in one index type,
    columns rising in each row. Duplicates are added up, as scipy means them. What is no valid structure is left to the
    library, which says where it breaks."""
    blocked = matrix.format == "bsr"
    r, c = matrix.blocksize if blocked else (1, 1)
    offsets = index_vector(matrix.indptr, "indptr")
    indices = index_vector(matrix.indices, "indices")
    values = native(matrix.data)
    if values.ndim != (3 if blocked else 1) or blocked and values.shape[1:] != (r, c):
        raise ValueError(f"data of shape {values.shape} does not fit a {matrix.format} matrix")
    rows = -(-matrix.shape[0] // r)
    if len(offsets) != rows + 1:
        raise ValueError(f"indptr has {len(offsets)} elements, {rows + 1} wanted for {rows} rows of {matrix.format}")
    # scipy's arrays may be longer than what is used of them.
    stored = int(offsets[-1])
    if not 0 <= stored <= len(indices):
        stored = len(indices)
    if len(values) < stored:
        raise ValueError(f"data has {len(values)} elements, indices {stored}")
    narrow = np.dtype(np.int32)
    width = narrow if all(np.can_cast(a.dtype, narrow) for a in (offsets, indices)) else np.dtype(np.int64)
    offsets = packed(offsets, width)
    indices = packed(indices[:stored], width)
    values = packed(values[:stored])
    steps = np.diff(offsets)
    if offsets[0] == 0 and offsets[-1] == stored and (steps >= 0).all() and stored > 1:
        row = np.repeat(np.arange(rows), steps)
        if not ((np.diff(indices) > 0) | (np.diff(row) > 0)).all():
            order = np.lexsort((indices, row))
            row, indices, values = row[order], indices[order], values[order]
            first = np.flatnonzero(np.r_[True, (np.diff(indices) != 0) | (np.diff(row) != 0)])
            values = packed(np.add.reduceat(values, first, axis=0), values.dtype)
            indices = packed(indices[first])
            offsets = np.r_[0, np.cumsum(np.bincount(row[first], minlength=rows))].astype(width)
    return offsets, indices, values
