"""Lacuna from Python: sparse products on numpy arrays, without copies, over lacuna.h and ctypes.

    import lacuna
    plan = lacuna.Plan(lacuna.Matrix.from_scipy(weights), width=8, activation="relu")
    y = plan @ x                        # [out, 8] from x [in, 8]
    plan.run(x, out=y)                  # allocates nothing

    mask = lacuna.mask(weights, 0.9)    # numpy bool array of what stays
    lacuna.apply_mask(weights, mask)    # in place

The library is liblacuna.so.1 beside this file's folder, the one LACUNA_LIBRARY names, or the system's.
numpy is needed; scipy only for from_scipy and to_scipy.

Elements are float32 or float64 and are never converted to another type. What is only read may lie in memory in any
way: strides, byte order and alignment that the library does not take are copied first. What is written (`out`, the
weights of apply_mask) must be right as it is. A wrong argument raises TypeError or ValueError that says what is
wanted; a call that the library refuses raises lacuna.Error.
"""

import ctypes
import ctypes.util
import operator
import os
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_void_p

import numpy as np

ABI_VERSION = 1
_DTYPES = {np.dtype(np.float32): 1, np.dtype(np.float64): 2}
_INDEX_TYPES = {np.dtype(np.int32): 1, np.dtype(np.int64): 2}
_FORMATS = {"dense": 1, "csr": 2, "bsr": 3}
_LAYOUTS = {"columns": 1, "rows": 2}
_GRANULARITIES = {"element": 1, "block": 2, "pattern": 3, "window": 4, "rows": 5, "columns": 6}
_POOLINGS = {"average": 1, "max": 2, "l1": 3, "l2": 4}
_ACTIVATIONS = {None: 0, "none": 0, "relu": 1}


class Error(Exception):
    """A failed call. `status` is the name of its code in lacuna.h."""

    def __init__(self, code):
        self.code = code
        self.status = _lib.lcn_status_string(code).decode()
        super().__init__(f"{self.status}: {_lib.lcn_last_error().decode()}")


def _struct(name, **fields):
    """A descriptor that begins with its own size."""
    members = [("struct_size", c_uint32)] + list(fields.items())
    kind = type(name, (ctypes.Structure,), {"_fields_": members})
    return lambda **values: kind(struct_size=ctypes.sizeof(kind), **values)


_Dense = _struct("Dense", dtype=c_int32, rows=c_int64, columns=c_int64, row_stride=c_int64,
                 column_stride=c_int64, values=c_void_p)
_CSR = _struct("CSR", dtype=c_int32, index_type=c_int32, reserved=c_int32, rows=c_int64, columns=c_int64,
               nnz=c_int64, row_offsets=c_void_p, column_indices=c_void_p, values=c_void_p)
_BSR = _struct("BSR", dtype=c_int32, index_type=c_int32, reserved=c_int32, rows=c_int64, columns=c_int64,
               block_rows=c_int64, block_columns=c_int64, blocks=c_int64, row_offsets=c_void_p,
               column_indices=c_void_p, values=c_void_p)
_Mask = _struct("Mask", kind=c_int32, rows=c_int64, columns=c_int64, row_stride=c_int64, data=c_void_p)
_MatrixInfo = _struct("MatrixInfo", dtype=c_int32, format=c_int32, reserved=c_int32, rows=c_int64,
                      columns=c_int64, stored=c_int64, block_rows=c_int64, block_columns=c_int64,
                      blocks=c_int64, position_bytes=c_int64, value_bytes=c_int64)
_PlanOptions = _struct("PlanOptions", layout=c_int32, width=c_int64, bias=c_void_p, bias_count=c_int64,
                       activation=c_int32, threads=c_int32, clamp_lower=c_double, clamp_upper=c_double,
                       deterministic=c_int32, exclude_dense=c_int32, kernel=c_char_p)
_PlanInfo = _struct("PlanInfo", dtype=c_int32, layout=c_int32, threads=c_int32, rows=c_int64,
                    columns=c_int64, width=c_int64, slices=c_int64, stored=c_int64, packed_bytes=c_int64,
                    kernel=c_char * 64)
_Schedule = _struct("Schedule", kind=c_int32, initial_sparsity=c_double, final_sparsity=c_double,
                    power=c_double, begin_step=c_int64, end_step=c_int64, frequency=c_int64)
_MaskOptions = _struct("MaskOptions", granularity=c_int32, sparsity=c_double, block_rows=c_int64,
                       block_columns=c_int64, pooling=c_int32, ties=c_int32, group_keep=c_int32,
                       group_size=c_int32)
_ModelOptions = _struct("ModelOptions", threads=c_int32, batch=c_int64, exclude_dense=c_int32, reserved=c_int32)
_ModelInfo = _struct("ModelInfo", reserved=c_int32, inputs=c_int64, outputs=c_int64, parameters=c_int64,
                     stored=c_int64, weights=c_int64)


def _load():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", f"liblacuna.so.{ABI_VERSION}")
    named = os.environ.get("LACUNA_LIBRARY")
    path = named or (beside if os.path.exists(beside) else ctypes.util.find_library("lacuna"))
    if path is None:
        raise ImportError("liblacuna was not found: run Scripts/install, or name it in LACUNA_LIBRARY")
    lib = ctypes.CDLL(path)
    for name in ("lcn_version_string", "lcn_status_string", "lcn_last_error"):
        getattr(lib, name).restype = c_char_p
    if lib.lcn_abi_version() != ABI_VERSION:
        raise ImportError(f"{path} has ABI {lib.lcn_abi_version()}, this module wants {ABI_VERSION}")
    # Declared once, so that a call converts its numbers and nothing else.
    lib.lcn_plan_run.argtypes = [c_void_p, c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p, c_size_t]
    for name, types in {
        "lcn_matrix_destroy": [c_void_p], "lcn_plan_destroy": [c_void_p], "lcn_model_destroy": [c_void_p],
        "lcn_matrix_convert": [c_void_p, c_int32, c_int64, c_int64, c_void_p],
        "lcn_matrix_to_csr": [c_void_p, c_int32, c_void_p, c_void_p, c_void_p, c_int64],
        "lcn_matrix_to_bsr": [c_void_p, c_int32, c_void_p, c_void_p, c_void_p, c_int64],
        "lcn_plan_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
        "lcn_plan_serialize": [c_void_p, c_void_p, c_size_t, c_void_p],
        "lcn_plan_map": [c_void_p, c_size_t, c_void_p],
        "lcn_model_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
        "lcn_model_get_weight": [c_void_p, c_int64, c_void_p],
        "lcn_model_run": [c_void_p, c_void_p, c_void_p, c_int64],
        "lcn_schedule_sparsity": [c_void_p, c_int64, c_void_p],
        "lcn_schedule_is_update": [c_void_p, c_int64, c_void_p],
        "lcn_topk_threshold": [c_int32, c_void_p, c_int64, c_int64, c_void_p],
        "lcn_matrix_from_bitmask": [c_void_p, c_int32, c_void_p, c_int64, c_void_p],
    }.items():
        getattr(lib, name).argtypes = types
    return lib


_lib = _load()
version = _lib.lcn_version_string().decode()


def _check(code):
    if code:
        raise Error(code)


def _address(array):
    return array.__array_interface__["data"][0]


def _word(table, value, what, more=""):
    """The constant of a word."""
    try:
        return table[value]
    except (KeyError, TypeError):
        words = ", ".join(repr(word) for word in table)
        raise ValueError(f"{what} is {value!r}, must be one of {words}{more}") from None


def _integer(value, what, bits=64):
    """A whole number that fits the C type: ctypes would drop the bits that do not."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} is {value!r}, must be a whole number") from None
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise ValueError(f"{what} is {number}, which does not fit {bits} bits")
    return number


def _pair(value, what):
    """Two whole numbers."""
    try:
        first, second = value
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}, must be two whole numbers") from None
    return _integer(first, what), _integer(second, what)


def _plain(array):
    """An array without a subclass's own meaning: a masked one means more than its elements."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("masked arrays are not taken: fill them first")
    return np.asarray(array)


def _packed(array, dtype=None):
    """The array, or a copy of it, row-major and aligned."""
    return np.require(array, dtype, ["C", "A"])


def _dtype(array):
    """The constant of an element type in this machine's byte order."""
    try:
        return _DTYPES[array.dtype]
    except KeyError:
        raise TypeError(f"float32 or float64 wanted in the machine's byte order, not {array.dtype}") from None


def _native(array):
    """The same elements in this machine's byte order, which must be float32 or float64."""
    array = _plain(array)
    if array.dtype.newbyteorder("=") not in _DTYPES:
        raise TypeError(f"float32 or float64 wanted, not {array.dtype}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _fits(array):
    """Whether lacuna.h can describe a 2-D array: positive strides of whole elements, none of them twice."""
    (rows, columns), size = array.shape, array.itemsize
    if not array.flags.aligned:
        return False
    if array.size == 0:
        return True
    # The stride of a dimension of one element says nothing.
    row = array.strides[0] if rows > 1 else size * columns
    column = array.strides[1] if columns > 1 else size
    return (row > 0 and column > 0 and row % size == 0 and column % size == 0
            and (rows == 1 or columns == 1 or row > (columns - 1) * column or column > (rows - 1) * row))


def _matrix(array, what):
    array = _plain(array)
    if array.ndim != 2:
        raise ValueError(f"{what} has {array.ndim} dimensions, a matrix is wanted")
    return array


def _readable(array, what="the matrix"):
    """A 2-D array that the library can read: the array itself, or a copy."""
    array = _native(_matrix(array, what))
    return array if _fits(array) else _packed(array)


def _writable(array, what):
    """A 2-D array that the library can write where it lies."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is written in place: a numpy array wanted, not {type(array).__name__}")
    array = _matrix(array, what)
    _dtype(array)
    if not array.flags.writeable:
        raise ValueError(f"{what} is read-only")
    if not _fits(array):
        raise ValueError(f"{what} has strides {array.strides}: positive multiples of {array.itemsize} bytes wanted, "
                         "aligned, with no element twice")
    return array


def _dense(array):
    """The descriptor of a 2-D array as it lies in memory."""
    size = array.itemsize
    # 0 is the packed stride: numpy's for a dimension of one element can be anything.
    row, column = (array.strides[d] // size if array.size and array.shape[d] > 1 else 0 for d in (0, 1))
    return _Dense(dtype=_dtype(array), rows=array.shape[0], columns=array.shape[1], row_stride=row,
                  column_stride=column, values=_address(array))


def _mask(array, what, written=False):
    """A 2-D array of bytes or booleans and its descriptor."""
    if written and not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is written in place: a numpy array wanted, not {type(array).__name__}")
    array = _matrix(array, what)
    if array.dtype not in (np.bool_, np.uint8):
        raise TypeError(f"{what} is {array.dtype}, must be bool or uint8")
    if array.size and (array.shape[1] > 1 and array.strides[1] != 1
                       or array.shape[0] > 1 and array.strides[0] < array.shape[1]):
        if written:
            raise ValueError(f"{what} has strides {array.strides}: its rows must be contiguous")
        array = _packed(array)
    if written and not array.flags.writeable:
        raise ValueError(f"{what} is read-only")
    rows, columns = array.shape
    stride = array.strides[0] if array.size and rows > 1 else max(columns, 1)
    return array, _Mask(kind=1, rows=rows, columns=columns, row_stride=stride, data=_address(array))


def _overlap(a, b):
    """Whether two arrays share an element; when that is hard to tell, they do."""
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=10**6)
    except np.exceptions.TooHardError if hasattr(np, "exceptions") else np.TooHardError:
        return True


def _indices(array, what):
    """One-dimensional whole numbers."""
    array = _plain(array)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{what} is {array.ndim}-dimensional {array.dtype}, a vector of integers wanted")
    return array


def _compressed(matrix):
    """offsets, indices, values of a scipy CSR or BSR matrix as the library takes them: packed, in one index type,
    columns rising in each row. Duplicates are added up, as scipy means them. What is no valid structure is left to the
    library, which says where it breaks."""
    blocked = matrix.format == "bsr"
    r, c = matrix.blocksize if blocked else (1, 1)
    offsets = _indices(matrix.indptr, "indptr")
    indices = _indices(matrix.indices, "indices")
    values = _native(matrix.data)
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
    offsets = _packed(offsets, width)
    indices = _packed(indices[:stored], width)
    values = _packed(values[:stored])
    steps = np.diff(offsets)
    if offsets[0] == 0 and offsets[-1] == stored and (steps >= 0).all() and stored > 1:
        row = np.repeat(np.arange(rows), steps)
        if not ((np.diff(indices) > 0) | (np.diff(row) > 0)).all():
            order = np.lexsort((indices, row))
            row, indices, values = row[order], indices[order], values[order]
            first = np.flatnonzero(np.r_[True, (np.diff(indices) != 0) | (np.diff(row) != 0)])
            values = _packed(np.add.reduceat(values, first, axis=0), values.dtype)
            indices = _packed(indices[first])
            offsets = np.r_[0, np.cumsum(np.bincount(row[first], minlength=rows))].astype(width)
    return offsets, indices, values


def _text(call, handle):
    length = c_size_t()
    _check(call(handle, None, 0, byref(length)))
    buffer = ctypes.create_string_buffer(length.value + 1)
    _check(call(handle, buffer, len(buffer), byref(length)))
    return buffer.value.decode()


class Matrix:
    """An immutable matrix inside Lacuna."""

    def __init__(self, handle):
        if not isinstance(handle, c_void_p):
            raise TypeError("a matrix is made by from_numpy, from_masked or from_scipy")
        self._handle = handle
        self._info = _MatrixInfo()
        _check(_lib.lcn_matrix_get_info(handle, byref(self._info)))

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy=_lib.lcn_matrix_destroy):
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    @staticmethod
    def _made(call, *arguments):
        handle = c_void_p()
        _check(call(*arguments, byref(handle)))
        return Matrix(handle)

    @classmethod
    def from_numpy(cls, array):
        """A copy of a 2-D array of float32 or float64, zeros and all, however it lies in memory."""
        array = _readable(array)
        return cls._made(_lib.lcn_matrix_from_dense, byref(_dense(array)))

    @classmethod
    def from_masked(cls, array, keep):
        """The elements of `array` where `keep`, of bool or uint8, is true, as CSR."""
        array = _readable(array)
        keep, mask = _mask(keep, "keep")
        return cls._made(_lib.lcn_matrix_from_masked_dense, byref(_dense(array)), byref(mask))

    @classmethod
    def from_scipy(cls, matrix):
        """A copy of a scipy.sparse matrix of float32 or float64.

        BSR stays BSR; every other format becomes CSR. Columns are sorted and duplicates added up.
        """
        if not hasattr(matrix, "format") or not hasattr(matrix, "tocsr"):
            raise TypeError(f"a scipy.sparse matrix wanted, not {type(matrix).__name__}")
        if len(matrix.shape) != 2:
            raise ValueError(f"the matrix has {len(matrix.shape)} dimensions, 2 wanted")
        if np.dtype(matrix.dtype).newbyteorder("=") not in _DTYPES:
            raise TypeError(f"float32 or float64 wanted, not {matrix.dtype}")
        if matrix.format not in ("csr", "bsr"):
            matrix = matrix.tocsr()
        offsets, indices, values = _compressed(matrix)
        rows, columns = matrix.shape
        common = dict(dtype=_dtype(values), index_type=_INDEX_TYPES[offsets.dtype], rows=rows, columns=columns,
                      row_offsets=_address(offsets), column_indices=_address(indices), values=_address(values))
        if matrix.format == "csr":
            return cls._made(_lib.lcn_matrix_from_csr, byref(_CSR(nnz=len(indices), **common)))
        r, c = matrix.blocksize
        return cls._made(_lib.lcn_matrix_from_bsr, byref(
            _BSR(block_rows=r, block_columns=c, blocks=len(indices), **common)))

    def converted(self, format, block=(1, 1)):
        """The same matrix as "dense", "csr" or "bsr"."""
        return self._made(_lib.lcn_matrix_convert, self._handle, _word(_FORMATS, format, "format"),
                          *_pair(block, "block"))

    def transposed(self):
        return self._made(_lib.lcn_matrix_transpose, self._handle)

    @property
    def shape(self):
        return self._info.rows, self._info.columns

    @property
    def dtype(self):
        return np.dtype(np.float32 if self._info.dtype == 1 else np.float64)

    @property
    def format(self):
        return {1: "dense", 2: "csr", 3: "bsr"}[self._info.format]

    @property
    def stored(self):
        """Number of stored elements."""
        return self._info.stored

    def to_numpy(self):
        result = np.empty(self.shape, self.dtype)
        _check(_lib.lcn_matrix_to_dense(self._handle, byref(_dense(result))))
        return result

    def to_scipy(self):
        import scipy.sparse

        info, block = self._info, (self._info.block_rows, self._info.block_columns)
        rows = -(-info.rows // block[0])
        indptr, indices = np.empty(rows + 1, np.int64), np.empty(info.blocks, np.int64)
        blocked = self.format == "bsr"
        data = np.empty((info.blocks, *block) if blocked else info.blocks, self.dtype)
        call = _lib.lcn_matrix_to_bsr if blocked else _lib.lcn_matrix_to_csr
        _check(call(self._handle, 2, _address(indptr), _address(indices), _address(data), info.blocks))
        if blocked:
            return scipy.sparse.bsr_matrix((data, indices, indptr), shape=self.shape)
        return scipy.sparse.csr_matrix((data, indices, indptr), shape=self.shape)


class Plan:
    """A packed matrix W: `plan @ x` is activation(W·x + bias), or activation(x·Wᵀ + bias) by rows.

    Any number of threads may run one plan; the interpreter's lock is released while it runs. `activation` is None,
    "relu" or (lower, upper); NaN passes each of them, as in numpy.maximum and numpy.clip. A weight that is not stored
    contributes nothing, not even 0 · NaN, unless the plan finds dense faster (`plan.kernel` says so);
    `exclude_dense` keeps it from that.
    """

    def __init__(self, matrix, width=1, layout="columns", bias=None, activation=None, threads=1,
                 deterministic=True, kernel=None, exclude_dense=False):
        if not isinstance(matrix, Matrix):
            raise TypeError(f"a lacuna.Matrix wanted, not {type(matrix).__name__}: see Matrix.from_numpy, from_scipy")
        options = _PlanOptions(layout=_word(_LAYOUTS, layout, "layout"), width=_integer(width, "width"),
                               threads=_integer(threads, "threads", 32), deterministic=int(bool(deterministic)),
                               exclude_dense=int(bool(exclude_dense)))
        if bias is not None:
            bias = _plain(bias)
            if bias.ndim != 1 or not np.can_cast(bias.dtype, matrix.dtype, "same_kind"):
                raise TypeError(f"bias is {bias.ndim}-dimensional {bias.dtype}, a vector of {matrix.dtype} wanted")
            bias = _packed(bias, matrix.dtype)
            options.bias, options.bias_count = _address(bias), bias.size
        if isinstance(activation, (tuple, list)) and len(activation) == 2:
            options.activation, (options.clamp_lower, options.clamp_upper) = 2, activation
        else:
            options.activation = _word(_ACTIVATIONS, activation, "activation", " or a pair (lower, upper)")
        if kernel is not None:
            if not isinstance(kernel, str):
                raise TypeError(f"kernel is {kernel!r}, must be a name as in str(plan)")
            options.kernel = kernel.encode()
        handle = c_void_p()
        _check(_lib.lcn_plan_create(matrix._handle, byref(options), byref(handle)))
        self._adopt(handle)

    def _adopt(self, handle):
        self._handle = handle
        self.info = _PlanInfo()
        _check(_lib.lcn_plan_get_info(handle, byref(self.info)))
        # Plain numbers: an attribute of a ctypes struct costs more than the call it is for.
        self._number = handle.value
        self._by_columns = self.info.layout == 1
        self._rows, self._columns = self.info.rows, self.info.columns
        self._dtype = np.dtype(np.float32 if self.info.dtype == 1 else np.float64)

    @classmethod
    def from_bytes(cls, blob):
        """The plan that `bytes(plan)` described."""
        handle = c_void_p()
        blob = bytes(blob)
        _check(_lib.lcn_plan_map(blob, len(blob), byref(handle)))
        plan = cls.__new__(cls)
        plan._adopt(handle)
        return plan

    def __bytes__(self):
        length = c_size_t()
        _check(_lib.lcn_plan_serialize(self._handle, None, 0, byref(length)))
        blob = ctypes.create_string_buffer(length.value)
        _check(_lib.lcn_plan_serialize(self._handle, blob, length, byref(length)))
        return blob.raw

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy=_lib.lcn_plan_destroy):
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self):
        return _text(_lib.lcn_plan_describe, self._handle)

    @property
    def kernel(self):
        return self.info.kernel.decode()

    def run(self, x, out):
        """out ← activation(W·x + bias), both as they lie in memory: no copy, no allocation.

        A vector x counts as one right-hand side. Rows must be contiguous; strides between them are free. The two
        must not overlap.
        """
        if type(x) is not np.ndarray or type(out) is not np.ndarray:
            for array in (x, out):
                if not isinstance(array, np.ndarray):
                    raise TypeError(f"numpy arrays wanted, not {type(array).__name__}")
                _plain(array)
        xi, yi = x.__array_interface__, out.__array_interface__
        (xs, ys) = (xi["shape"], yi["shape"])
        if x.dtype != self._dtype or out.dtype != self._dtype:
            raise TypeError(f"{self._dtype} wanted, not {x.dtype} and {out.dtype}")
        if yi["data"][1]:
            raise ValueError("out is read-only")
        if len(xs) == 1 and len(ys) == 1:
            if xs[0] != self._columns or ys[0] != self._rows:
                raise ValueError(f"vectors of {self._columns} and {self._rows} wanted, not {xs[0]} and {ys[0]}")
            if xi["strides"] is not None or yi["strides"] is not None:
                raise ValueError("vectors must be contiguous")
            width = 1
            x_stride, y_stride = (1, 1) if self._by_columns else (xs[0], ys[0])
        elif len(xs) == 2 and len(ys) == 2:
            width = xs[1] if self._by_columns else xs[0]
            wanted = ((self._columns, width), (self._rows, width))
            if (xs, ys) != (wanted if self._by_columns else tuple(s[::-1] for s in wanted)):
                raise ValueError(f"x {xs} and out {ys} do not fit W {(self._rows, self._columns)}")
            x_stride, y_stride = _row_stride(xi, x), _row_stride(yi, out)
        else:
            raise ValueError(f"two vectors or two matrices wanted, not {len(xs)} and {len(ys)} dimensions")
        code = _lib.lcn_plan_run(self._number, xi["data"][0], x_stride, yi["data"][0], y_stride, width, None, 0)
        if code:
            raise Error(code)
        return out

    def __matmul__(self, x):
        """activation(W·x + bias) in a new array; for layout "rows" that is activation(x·Wᵀ + bias).

        An x whose rows are not contiguous is copied first.
        """
        x = _native(x)
        if x.ndim not in (1, 2):
            raise ValueError(f"x has {x.ndim} dimensions, a vector or a matrix is wanted")
        if x.size and not (x.flags.aligned and (x.flags.c_contiguous or x.ndim == 2 and _fits(x)
                                                and (x.strides[1] == x.itemsize or x.shape[1] == 1))):
            x = _packed(x)
        if x.ndim == 1:
            return self.run(x, np.empty(self._rows, self._dtype))
        shape = (self._rows, x.shape[1]) if self._by_columns else (x.shape[0], self._rows)
        return self.run(x, np.empty(shape, self._dtype))


def _row_stride(interface, array):
    if interface["strides"] is None or array.size == 0:
        return interface["shape"][1]
    row, column = interface["strides"]
    size = array.itemsize
    if array.shape[1] == 1 and row % size == 0 and row > 0:
        return row // size
    if column != size or row % size or row < 0:
        raise ValueError(f"strides {interface['strides']}: rows must be contiguous")
    return row // size if array.shape[0] > 1 else array.shape[1]


class Schedule:
    """Target sparsity per training step, and when masks are recomputed."""

    def __init__(self, final, begin, end, initial=0.0, power=3.0, frequency=100):
        self._desc = _Schedule(kind=2, initial_sparsity=initial, final_sparsity=final, power=power,
                               begin_step=_integer(begin, "begin"), end_step=_integer(end, "end"),
                               frequency=_integer(frequency, "frequency"))

    @classmethod
    def constant(cls, sparsity, begin=0, end=-1, frequency=100):
        schedule = cls(sparsity, begin, end, frequency=frequency)
        schedule._desc.kind = 1
        return schedule

    def sparsity(self, step):
        result = c_double()
        _check(_lib.lcn_schedule_sparsity(byref(self._desc), _integer(step, "step"), byref(result)))
        return result.value

    def is_update(self, step):
        result = c_int32()
        _check(_lib.lcn_schedule_is_update(byref(self._desc), _integer(step, "step"), byref(result)))
        return result.value == 1


def mask(weights, sparsity, block=None, pooling="average", granularity=None, keep_ties=False, group=None,
         out=None):
    """A bool array of the elements that stay when the smallest magnitudes go.

    `block` (rows, columns) removes whole blocks; `group` (keep, size) is for granularity "pattern" (N:M) or
    "window". `out` takes the mask without an allocation.
    """
    kind = granularity or ("block" if block is not None else "element")
    options = _MaskOptions(granularity=_word(_GRANULARITIES, kind, "granularity"), sparsity=sparsity,
                           pooling=_word(_POOLINGS, pooling, "pooling"), ties=2 if keep_ties else 1)
    options.block_rows, options.block_columns = _pair(block or (1, 1), "block")
    keep, size = _pair(group or (0, 0), "group")
    options.group_keep, options.group_size = _integer(keep, "group", 32), _integer(size, "group", 32)
    weights = _readable(weights, "weights")
    result = np.empty(weights.shape, np.bool_) if out is None else out
    result, target = _mask(result, "out", written=True)
    if result.shape != weights.shape:
        raise ValueError(f"out has shape {result.shape}, must be {weights.shape}")
    if out is not None and _overlap(result, weights):
        raise ValueError("out overlaps the weights")
    _check(_lib.lcn_mask_compute(byref(_dense(weights)), byref(options), byref(target), None))
    return result if out is None else out


def apply_mask(weights, keep):
    """weights ← 0 where `keep` is false, in place."""
    weights = _writable(weights, "weights")
    keep, mask = _mask(keep, "keep")
    _check(_lib.lcn_mask_apply(byref(_dense(weights)), byref(mask)))


def topk_threshold(values, k):
    """The k-th largest magnitude of an array."""
    values = _packed(_native(values))
    result = c_double()
    _check(_lib.lcn_topk_threshold(_dtype(values), _address(values), values.size, _integer(k, "k"), byref(result)))
    return result.value


class Model:
    """A network from a .lacuna file."""

    def __init__(self, path, threads=1, batch=1, exclude_dense=False):
        handle = c_void_p()
        options = _ModelOptions(threads=_integer(threads, "threads", 32), batch=_integer(batch, "batch"),
                                exclude_dense=int(bool(exclude_dense)))
        _check(_lib.lcn_model_load(os.fsencode(path), byref(options), byref(handle)))
        self._handle = handle
        self.info = _ModelInfo()
        _check(_lib.lcn_model_get_info(handle, byref(self.info)))

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy=_lib.lcn_model_destroy):
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self):
        return _text(_lib.lcn_model_describe, self._handle)

    def __call__(self, x, out=None):
        """Outputs [batch, outputs] for inputs [batch, …] of float32; `out` takes them, contiguous, without a copy."""
        x = _native(x)
        if x.dtype != np.float32 or x.ndim == 0 or x.size != len(x) * self.info.inputs:
            raise ValueError(
                f"float32 [batch, …] of {self.info.inputs} values per input wanted, not {x.dtype} {x.shape}")
        x = _packed(x)
        shape = (len(x), self.info.outputs)
        result = np.empty(shape, np.float32) if out is None else out
        if (not isinstance(result, np.ndarray) or result.dtype != np.float32 or result.shape != shape
                or not result.flags.c_contiguous or not result.flags.writeable or not result.flags.aligned):
            raise ValueError(f"out must be contiguous, writable float32 {shape}")
        _check(_lib.lcn_model_run(self._handle, _address(x), _address(result), len(x)))
        return result

    def weight(self, index):
        """Weight matrix number `index` as a Matrix."""
        return Matrix._made(_lib.lcn_model_get_weight, self._handle, _integer(index, "index"))
