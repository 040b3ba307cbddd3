"""Immutable matrices inside Lacuna: dense, CSR or BSR, of 64, 32 or 16 bits, to and from numpy, scipy and DLPack."""

from __future__ import annotations

from ctypes import byref, c_int64, c_void_p
from typing import Any, Callable, Optional, Tuple

import numpy as np

from . import _arrays as arrays
from ._arguments import integer, made, pair, word
from ._arrays import STORED, Array, address, dense, dtype_code, mask_view, readable, stored_code
from ._errors import check
from ._library import BSR, CSR, MatrixInfo, lib
from ._scipy import compressed

FORMATS = {"dense": 1, "csr": 2, "bsr": 3}


class Matrix:
    """An immutable matrix W [out, in] with its own copy of everything. Made by `from_numpy`, `from_masked`,
    `from_scipy`, `from_csr` or `from_bitmask`; a network's weights come as one too."""

    def __init__(self, handle: c_void_p) -> None:
        if not isinstance(handle, c_void_p):
            raise TypeError("a matrix is made by from_numpy, from_masked or from_scipy")
        self._handle: Optional[c_void_p] = handle
        self._info = MatrixInfo()
        check(lib.lcn_matrix_get_info(handle, byref(self._info)))

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_matrix_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    @classmethod
    def from_numpy(cls, array: Any) -> Matrix:
        """A copy of a 2-D array of float32, float64, float16 or bfloat16, zeros and all, however it lies in memory.
        Tensors of other libraries that speak DLPack are arrays too. bfloat16 is the type of ml_dtypes; where that is not
        installed, arrays of uint16 are its bits."""
        array = readable(array, dtypes=STORED)
        return cls(made(lib.lcn_matrix_from_dense, byref(dense(array, STORED))))

    from_dlpack = from_numpy

    @classmethod
    def from_masked(cls, array: Any, keep: Any) -> Matrix:
        """The elements of `array` where `keep`, of bool or uint8, is true, as CSR."""
        array = readable(array, dtypes=STORED)
        keep, mask = mask_view(keep, "keep")
        return cls(made(lib.lcn_matrix_from_masked_dense, byref(dense(array, STORED)), byref(mask)))

    @classmethod
    def from_bitmask(cls, keep: Any, values: Any) -> Matrix:
        """A matrix of `keep`'s shape as CSR: `values` are the elements where it is true, in row-major order."""
        keep, mask = mask_view(keep, "keep")
        values = arrays.packed(arrays.native(values, STORED))
        if values.ndim != 1:
            raise ValueError(f"values have {values.ndim} dimensions, a vector is wanted")
        return cls(made(lib.lcn_matrix_from_bitmask, byref(mask), dtype_code(values, STORED), address(values),
                        values.size))

    @classmethod
    def from_scipy(cls, matrix: Any) -> Matrix:
        """A copy of a scipy.sparse matrix of float32 or float64.

        BSR stays BSR; every other format becomes CSR. Columns are sorted and duplicates added up.
        """
        if not hasattr(matrix, "format") or not hasattr(matrix, "tocsr"):
            raise TypeError(f"a scipy.sparse matrix wanted, not {type(matrix).__name__}")
        if len(matrix.shape) != 2:
            raise ValueError(f"the matrix has {len(matrix.shape)} dimensions, 2 wanted")
        if np.dtype(matrix.dtype).newbyteorder("=") not in arrays.DTYPES:
            raise TypeError(f"float32 or float64 wanted, not {matrix.dtype}")
        if matrix.format not in ("csr", "bsr"):
            matrix = matrix.tocsr()
        offsets, indices, values = compressed(matrix)
        rows, columns = matrix.shape
        common = dict(dtype=dtype_code(values), index_type=arrays.INDEX_TYPES[offsets.dtype], rows=rows,
                      columns=columns, row_offsets=address(offsets), column_indices=address(indices),
                      values=address(values))
        if matrix.format == "csr":
            return cls(made(lib.lcn_matrix_from_csr, byref(CSR(nnz=len(indices), **common))))
        r, c = matrix.blocksize
        return cls(made(lib.lcn_matrix_from_bsr, byref(
            BSR(block_rows=r, block_columns=c, blocks=len(indices), **common))))

    def converted(self, format: str, block: Tuple[int, int] = (1, 1)) -> Matrix:
        """The same matrix as "dense", "csr" or "bsr"."""
        return Matrix(made(lib.lcn_matrix_convert, self._handle, word(FORMATS, format, "format"),
                           *pair(block, "block")))

    def astype(self, dtype: Any) -> Matrix:
        """The same matrix with each element rounded to the nearest of float32, float64, float16 or "bfloat16"."""
        return Matrix(made(lib.lcn_matrix_cast, self._handle, stored_code(dtype)))

    def transposed(self) -> Matrix:
        return Matrix(made(lib.lcn_matrix_transpose, self._handle))

    @property
    def shape(self) -> Tuple[int, int]:
        return self._info.rows, self._info.columns

    @property
    def dtype(self) -> Any:
        """Of the elements; bfloat16 is uint16, its bits, where ml_dtypes is not installed."""
        return next(dtype for dtype, code in STORED.items() if code == self._info.dtype)

    @property
    def format(self) -> str:
        return {1: "dense", 2: "csr", 3: "bsr"}[self._info.format]

    @property
    def block(self) -> Tuple[int, int]:
        """Rows and columns of a block; (1, 1) unless the format is "bsr"."""
        return self._info.block_rows, self._info.block_columns

    @property
    def stored(self) -> int:
        """Number of stored elements."""
        return self._info.stored

    @property
    def nbytes(self) -> int:
        """Memory of values, offsets and indices."""
        return self._info.position_bytes + self._info.value_bytes

    def __repr__(self) -> str:
        rows, columns = self.shape
        kind = "bsr {}×{}".format(*self.block) if self.format == "bsr" else self.format
        share = f", {100 * self.stored / (rows * columns):.3g} %" if rows * columns else ""
        return f"Matrix({rows}×{columns}, {kind}, {self.dtype}, nnz={self.stored}{share})"

    def to_numpy(self) -> Array:
        """Every element, in a new array."""
        result = np.empty(self.shape, self.dtype)
        check(lib.lcn_matrix_to_dense(self._handle, byref(dense(result, STORED))))
        return result

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> Array:
        if copy is False:
            raise ValueError("a Matrix keeps its elements to itself: an array of them is always a copy")
        result = self.to_numpy()
        return result if dtype is None else result.astype(dtype, copy=False)

    def to_bitmask(self) -> Tuple[Array, Array]:
        """Which elements are stored, as a bool array, and their values in row-major order. Of a dense matrix only
        nonzeros count."""
        keep = np.empty(self.shape, np.bool_)
        _, mask = mask_view(keep, "mask", written=True)
        values, count = np.empty(self.stored, self.dtype), c_int64()
        check(lib.lcn_matrix_to_bitmask(self._handle, byref(mask), address(values), integer(values.size, "capacity"),
                                        byref(count)))
        return keep, values[:count.value].copy() if count.value < values.size else values

    def to_scipy(self) -> Any:
        """A scipy.sparse matrix, "bsr" as BSR and all else as CSR. Indices are 32-bit where they fit."""
        import scipy.sparse

        if self._info.dtype > 2:
            raise TypeError(f"scipy.sparse does not multiply {self.dtype}: astype(numpy.float32) first")
        if self.format == "dense":
            return self.converted("csr").to_scipy()
        info, block = self._info, self.block
        rows = -(-info.rows // block[0])
        narrow = max(info.rows, info.columns, info.blocks) < 1 << 31
        index = np.int32 if narrow else np.int64
        indptr, indices = np.empty(rows + 1, index), np.empty(info.blocks, index)
        blocked = self.format == "bsr"
        data = np.empty((info.blocks, *block) if blocked else info.blocks, self.dtype)
        call = lib.lcn_matrix_to_bsr if blocked else lib.lcn_matrix_to_csr
        check(call(self._handle, 1 if narrow else 2, address(indptr), address(indices), address(data), info.blocks))
        if blocked:
            return scipy.sparse.bsr_matrix((data, indices, indptr), shape=self.shape)
        return scipy.sparse.csr_matrix((data, indices, indptr), shape=self.shape)
