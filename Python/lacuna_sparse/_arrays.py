"""numpy arrays as lacuna.h's descriptors: the array itself where the layout allows, else a copy or a refusal.

What is only read may lie in memory in any way: strides, byte order and alignment that the library does not take are
copied first. What is written must be right as it is.
"""

from __future__ import annotations

from typing import Any, Iterable, Tuple

import numpy as np

from ._library import Dense, Mask

Array = Any  # numpy.ndarray; without its type parameters, which differ between the numpy releases that are supported

DTYPES = {np.dtype(np.float32): 1, np.dtype(np.float64): 2}
try:
    import ml_dtypes

    BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
except ImportError:
    # numpy has no such type: its bits are shown as uint16.
    BFLOAT16 = np.dtype(np.uint16)
# What matrices store. bfloat16 has the type of ml_dtypes where that is installed.
STORED = {**DTYPES, BFLOAT16: 5, np.dtype(np.float16): 6}
NAMES = {np.dtype(np.uint16): "bfloat16 (as uint16)"}
_shares_memory: Any = np.shares_memory
_TooHardError: Any = getattr(getattr(np, "exceptions", np), "TooHardError")  # moved in numpy 1.25
INDEX_TYPES = {np.dtype(np.int32): 1, np.dtype(np.int64): 2}


def address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def imported(array: Any, what: str = "the array") -> Array:
    """A numpy array over the memory of any library's tensor that speaks DLPack, without a copy."""
    if isinstance(array, np.ndarray) or not hasattr(array, "__dlpack__"):
        return array
    try:
        return np.from_dlpack(array)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"{what} is a {type(array).__name__} whose memory cannot be taken: {error}") from None


def plain(array: Any) -> Array:
    """An array without a subclass's own meaning: a masked one means more than its elements."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("masked arrays are not taken: fill them first")
    return np.asarray(imported(array))


def packed(array: Array, dtype: Any = None) -> Array:
    """The array, or a copy of it, row-major and aligned."""
    return np.require(array, dtype, ["C", "A"])


def dtype_code(array: Array, dtypes: Any = DTYPES) -> int:
    """The constant of an element type in this machine's byte order."""
    try:
        return int(dtypes[array.dtype])
    except KeyError:
        raise TypeError(f"{listed(dtypes)} wanted in the machine's byte order, not {array.dtype}") from None


def listed(dtypes: Iterable[Any]) -> str:
    return " or ".join(NAMES.get(dtype, str(dtype)) for dtype in dtypes)


def stored_code(dtype: Any) -> int:
    """The constant of a type that matrices store: anything that numpy takes for one, or "bfloat16"."""
    number = BFLOAT16 if dtype == "bfloat16" else np.dtype(dtype)
    try:
        return STORED[number]
    except KeyError:
        raise TypeError(f"{listed(STORED)} wanted, not {number}") from None


def native(array: Any, dtypes: Iterable[Any] = tuple(DTYPES)) -> Array:
    """The same elements in this machine's byte order, which must be of one of the types."""
    array = plain(array)
    if array.dtype.newbyteorder("=") not in dtypes:
        raise TypeError(f"{listed(dtypes)} wanted, not {array.dtype}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def fits(array: Array) -> bool:
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


def two_dimensional(array: Any, what: str) -> Array:
    array = plain(array)
    if array.ndim != 2:
        raise ValueError(f"{what} has {array.ndim} dimensions, a matrix is wanted")
    return array


def readable(array: Any, what: str = "the matrix", dtypes: Iterable[Any] = tuple(DTYPES)) -> Array:
    """A 2-D array that the library can read: the array itself, or a copy."""
    array = native(two_dimensional(array, what), dtypes)
    return array if fits(array) else packed(array)


def writable(array: Any, what: str) -> Array:
    """A 2-D array that the library can write where it lies."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is written in place: a numpy array wanted, not {type(array).__name__}")
    array = two_dimensional(array, what)
    dtype_code(array)
    if not array.flags.writeable:
        raise ValueError(f"{what} is read-only")
    if not fits(array):
        raise ValueError(f"{what} has strides {array.strides}: positive multiples of {array.itemsize} bytes wanted, "
                         "aligned, with no element twice")
    return array


def dense(array: Array, dtypes: Any = DTYPES) -> Any:
    """The descriptor of a 2-D array as it lies in memory."""
    size = array.itemsize
    # 0 is the packed stride: numpy's for a dimension of one element can be anything.
    row, column = (array.strides[d] // size if array.size and array.shape[d] > 1 else 0 for d in (0, 1))
    return Dense(dtype=dtype_code(array, dtypes), rows=array.shape[0], columns=array.shape[1], row_stride=row,
                  column_stride=column, values=address(array))


def mask_view(array: Any, what: str, written: bool = False) -> Tuple[Array, Any]:
    """A 2-D array of bytes or booleans and its descriptor."""
    if written and not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is written in place: a numpy array wanted, not {type(array).__name__}")
    array = two_dimensional(array, what)
    if array.dtype not in (np.bool_, np.uint8):
        raise TypeError(f"{what} is {array.dtype}, must be bool or uint8")
    if array.size and (array.shape[1] > 1 and array.strides[1] != 1
                       or array.shape[0] > 1 and array.strides[0] < array.shape[1]):
        if written:
            raise ValueError(f"{what} has strides {array.strides}: its rows must be contiguous")
        array = packed(array)
    if written and not array.flags.writeable:
        raise ValueError(f"{what} is read-only")
    rows, columns = array.shape
    stride = array.strides[0] if array.size and rows > 1 else max(columns, 1)
    return array, Mask(kind=1, rows=rows, columns=columns, row_stride=stride, data=address(array))


def overlap(a: Array, b: Array) -> bool:
    """Whether two arrays share an element; when that is hard to tell, they do."""
    if not np.may_share_memory(a, b):
        return False
    try:
        return bool(_shares_memory(a, b, max_work=10**6))
    except _TooHardError:
        return True
