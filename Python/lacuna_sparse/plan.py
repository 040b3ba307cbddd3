"""Plans: a matrix packed once for a width, run as often as you like on memory that numpy or DLPack shows."""

from __future__ import annotations

import ctypes
import dataclasses
from ctypes import byref, c_size_t, c_void_p
from typing import Any, Callable, Mapping, Optional, Tuple, Union

import numpy as np

from ._arguments import integer, made, text, word
from ._arrays import BFLOAT16, Array, address, fits, imported, native, packed, plain
from ._chosen import Chosen
from ._errors import check, failure
from ._library import PlanInfo, PlanOptions, lib
from .matrix import Matrix

LAYOUTS = {"columns": 1, "rows": 2}
ACTIVATIONS: Mapping[Optional[str], int] = {None: 0, "none": 0, "relu": 1, "hard_swish": 3, "silu": 4}
# Functions of which a result does not tell the gradient.
GATED = ("hard_swish", "silu")
Activation = Union[None, str, Tuple[float, float]]
# Element types by the constants of lacuna.h.
NUMBERS: Mapping[int, Any] = {1: np.dtype(np.float32), 2: np.dtype(np.float64), 3: np.dtype(np.int8),
                              4: np.dtype(np.uint8), 5: BFLOAT16, 6: np.dtype(np.float16)}
RANGES = {"tensor": 1, "side": 2}


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How a plan of a float32 matrix multiplies bytes: `Plan(matrix, quantization=Quantization())`.

    Weights become int8, symmetric, zero exact, with a scale for each output row, or `one_scale` for all; or by
    `weight_scales`, one for each row: weights that are multiples of them become exactly those bytes. `activations`
    is the dtype of x: uint8 and int8 stand for scale · (x − zero point) with the pair `range`; float32 becomes such
    bytes on the way, by a range that is measured in each run, for each right-hand side ("side") or for all of x
    ("tensor"), or given as that pair. Sums are exact. `output` is None for results in float32, or (dtype, scale, zero
    point): after bias and activation, y becomes the byte zero point + round(y / scale), bounded to the type.
    """

    activations: Any = np.float32
    range: Union[str, Tuple[float, int]] = "side"
    one_scale: bool = False
    output: Optional[Tuple[Any, float, int]] = None
    weight_scales: Optional[Any] = None

    def _set(self, options: Any, only_bytes: bool = False) -> None:
        """With `only_bytes` x has to be bytes: then there is no range that is measured."""
        if only_bytes and (np.dtype(self.activations) == np.float32 or isinstance(self.range, str)):
            raise ValueError("a convolution of bytes wants activations of uint8 or int8, and their range (scale, zero point)")
        options.weights = 3
        options.activations = _byte_code(self.activations, "activations")
        options.one_scale = int(bool(self.one_scale))
        if self.weight_scales is not None:
            scales = packed(native(self.weight_scales, (np.dtype(np.float32),)))
            if scales.ndim != 1:
                raise ValueError(f"weight_scales have {scales.ndim} dimensions, a vector is wanted")
            options.weight_scales, options.weight_scale_count = address(scales), len(scales)
            options.kept = scales  # as long as the options point to it
        if isinstance(self.range, (tuple, list)) and len(self.range) == 2:
            options.activation_scale = self.range[0]
            options.zero_point = integer(self.range[1], "zero point", 32)
        else:
            options.range = word(RANGES, self.range, "range", " or a pair (scale, zero point)")
        if self.output is not None:
            dtype, options.output_scale, zero = self.output
            options.output = _byte_code(dtype, "output")
            options.output_zero_point = integer(zero, "zero point of the output", 32)


def _result_type(weights: Any) -> Any:
    """Of x, of y and of the bias: weights of 16 bits multiply as float32."""
    return weights if weights == np.dtype(np.float64) else np.dtype(np.float32)


def _byte_code(dtype: Any, what: str) -> int:
    number = np.dtype(dtype)
    for code in (1, 3, 4):
        if NUMBERS[code] == number:
            return code
    raise TypeError(f"{what} is {number}, must be float32, int8 or uint8")


class Plan(Chosen):
    """A packed matrix W: `plan(x)`, or `plan @ x`, is activation(W·x + bias), or activation(x·Wᵀ + bias) by rows.

    Any number of threads may run one plan; the interpreter's lock is released while it runs. `activation` is None,
    "relu", "hard_swish", "silu" or (lower, upper); NaN passes each of them, as in numpy.maximum and numpy.clip. A weight
    that is not stored contributes nothing, not even 0 · NaN, unless the plan finds dense faster (`plan.kernel` says so);
    `exclude_dense` keeps it from that. A plan made `updatable` takes new weights on the same pattern: see `update`.
    With a `quantization` the product is one of bytes. `allow_bf16_activations` lets a plan of bfloat16 weights round x
    to bfloat16 as well, where the processor multiplies such pairs: up to twice as fast.
    """

    def __init__(self, matrix: Matrix, width: int = 1, layout: str = "columns", bias: Any = None,
                 activation: Activation = None, threads: int = 1, deterministic: bool = True,
                 kernel: Optional[str] = None, exclude_dense: bool = False,
                 updatable: bool = False, quantization: Optional[Quantization] = None,
                 allow_bf16_activations: bool = False) -> None:
        if not isinstance(matrix, Matrix):
            raise TypeError(f"a Matrix wanted, not {type(matrix).__name__}: see Matrix.from_numpy, from_scipy")
        options = PlanOptions(layout=word(LAYOUTS, layout, "layout"), width=integer(width, "width"),
                              threads=integer(threads, "threads", 32), deterministic=int(bool(deterministic)),
                              exclude_dense=int(bool(exclude_dense)), updatable=int(bool(updatable)),
                              allow_bf16_activations=int(bool(allow_bf16_activations)))
        if bias is not None:
            bias, number = plain(bias), _result_type(matrix.dtype)
            if bias.ndim != 1 or not np.can_cast(bias.dtype, number, "same_kind"):
                raise TypeError(f"bias is {bias.ndim}-dimensional {bias.dtype}, a vector of {number} wanted")
            bias = packed(bias, number)
            options.bias, options.bias_count = address(bias), bias.size
        if isinstance(activation, (tuple, list)) and len(activation) == 2:
            options.activation, (options.clamp_lower, options.clamp_upper) = 2, activation
        else:
            options.activation = word(ACTIVATIONS, activation, "activation", " or a pair (lower, upper)")
        if kernel is not None:
            if not isinstance(kernel, str):
                raise TypeError(f"kernel is {kernel!r}, must be a name as in str(plan)")
            options.kernel = kernel.encode()
        if quantization is not None:
            quantization._set(options)
        self._adopt(made(lib.lcn_plan_create, matrix._handle, byref(options)))

    def _adopt(self, handle: c_void_p) -> None:
        self._handle: Optional[c_void_p] = handle
        self._info = info = PlanInfo()
        check(lib.lcn_plan_get_info(handle, byref(info)))
        # Plain numbers: an attribute of a ctypes struct costs more than the call it is for.
        self._number = handle.value
        self._by_columns = info.layout == 1
        self._rows, self._columns = info.rows, info.columns
        self._dtype = NUMBERS[info.dtype]
        self._x_dtype, self._y_dtype = NUMBERS[info.activations], NUMBERS[info.output]

    @classmethod
    def from_bytes(cls, blob: bytes) -> Plan:
        """The plan that `bytes(plan)` described."""
        blob = bytes(blob)
        plan = cls.__new__(cls)
        plan._adopt(made(lib.lcn_plan_map, blob, len(blob)))
        return plan

    def __bytes__(self) -> bytes:
        length = c_size_t()
        check(lib.lcn_plan_serialize(self._handle, None, 0, byref(length)))
        blob = ctypes.create_string_buffer(length.value)
        check(lib.lcn_plan_serialize(self._handle, blob, length, byref(length)))
        return blob.raw

    def __reduce__(self) -> Tuple[Callable[[bytes], Plan], Tuple[bytes]]:
        return Plan.from_bytes, (bytes(self),)

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_plan_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self) -> str:
        return text(lib.lcn_plan_describe, self._handle)

    def __repr__(self) -> str:
        return (f"Plan({self._rows}×{self._columns}, {self._dtype}, nnz={self.stored}, kernel={self.kernel!r}, "
                f"layout={self.layout!r}, width={self.width})")

    @property
    def shape(self) -> Tuple[int, int]:
        """[out, in] of W."""
        return self._rows, self._columns

    @property
    def dtype(self) -> Any:
        """Of the weights: int8 with a quantization, and 16-bit ones for x and y of float32."""
        return self._dtype

    @property
    def layout(self) -> str:
        return "columns" if self._by_columns else "rows"

    @property
    def width(self) -> int:
        """The number of right-hand sides that the kernel was chosen for."""
        return self._info.width

    def update(self, values: Any, bias: Any = None) -> None:
        """New weights under the plan's pattern, and a new bias: nothing is chosen or packed again.

        `values` are in the order of the matrix that the plan was made from: the `data` of a CSR or BSR matrix with
        sorted indices (scipy's `sort_indices`), or a dense array. No run of this plan may be under way.
        """
        values = plain(values)
        if self._info.dtype == 5 and values.dtype != BFLOAT16:
            raise TypeError(f"values are {values.dtype}, the plan's weights {BFLOAT16}: Matrix.astype rounds")
        values = packed(values, self._dtype)
        biases = None if bias is None else packed(plain(bias), _result_type(self._dtype))
        check(lib.lcn_plan_update_values(self._handle, address(values), values.size,
                                         None if biases is None else address(biases),
                                         0 if biases is None else biases.size))

    def workspace_size(self, width: int) -> int:
        """Bytes of scratch memory that one run of `width` right-hand sides borrows from the plan."""
        size = c_size_t()
        check(lib.lcn_plan_workspace_size(self._handle, integer(width, "width"), byref(size)))
        return size.value

    def run(self, x: Any, out: Any) -> Any:
        """out ← activation(W·x + bias), both as they lie in memory: no copy, no allocation.

        A vector x counts as one right-hand side. Rows must be contiguous; strides between them are free. The two
        must not overlap. Tensors that speak DLPack count as the arrays that they are.
        """
        code = lib.lcn_plan_run(self._number, *self._operands(x, out), None, 0)
        if code:
            raise failure(code)
        return out

    def run_slice(self, slice: int, slices: int, x: Any, out: Any) -> Any:
        """Slice number `slice` of `slices` of that product in the calling thread: all of them, in any order and from
        any threads, are one run with the same bits."""
        code = lib.lcn_plan_run_slice(self._number, integer(slice, "slice"), integer(slices, "slices"),
                                      *self._operands(x, out), None, 0)
        if code:
            raise failure(code)
        return out

    def _operands(self, x: Any, out: Any) -> Tuple[int, int, int, int, int]:
        """Addresses, strides and width of both arrays, checked."""
        if type(x) is not np.ndarray or type(out) is not np.ndarray:
            x, out = imported(x, "x"), imported(out, "out")
            for array in (x, out):
                if not isinstance(array, np.ndarray):
                    raise TypeError(f"numpy arrays wanted, not {type(array).__name__}")
                plain(array)
        xi, yi = x.__array_interface__, out.__array_interface__
        (xs, ys) = (xi["shape"], yi["shape"])
        if x.dtype != self._x_dtype or out.dtype != self._y_dtype:
            wanted_types = self._x_dtype if self._x_dtype == self._y_dtype else f"{self._x_dtype} and {self._y_dtype}"
            raise TypeError(f"{wanted_types} wanted, not {x.dtype} and {out.dtype}")
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
        return xi["data"][0], x_stride, yi["data"][0], y_stride, width

    def __matmul__(self, x: Any) -> Array:
        """activation(W·x + bias) in a new array; for layout "rows" that is activation(x·Wᵀ + bias).

        An x whose rows are not contiguous is copied first.
        """
        x = native(x, (self._x_dtype,))
        if x.ndim not in (1, 2):
            raise ValueError(f"x has {x.ndim} dimensions, a vector or a matrix is wanted")
        if x.size and not (x.flags.aligned and (x.flags.c_contiguous or x.ndim == 2 and fits(x)
                                                and (x.strides[1] == x.itemsize or x.shape[1] == 1))):
            x = packed(x)
        if x.ndim == 1:
            return self.run(x, np.empty(self._rows, self._y_dtype))
        shape = (self._rows, x.shape[1]) if self._by_columns else (x.shape[0], self._rows)
        return self.run(x, np.empty(shape, self._y_dtype))

    __call__ = __matmul__


def _row_stride(interface: Mapping[str, Any], array: Array) -> int:
    if interface["strides"] is None or array.size == 0:
        return int(interface["shape"][1])
    row, column = interface["strides"]
    size = array.itemsize
    if array.shape[1] == 1 and row % size == 0 and row > 0:
        return int(row // size)
    if column != size or row % size or row < 0:
        raise ValueError(f"strides {interface['strides']}: rows must be contiguous")
    return int(row // size) if array.shape[0] > 1 else int(array.shape[1])
