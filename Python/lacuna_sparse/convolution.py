"""Convolutions: a kernel packed once for images of one size, run on arrays of numpy and of all that speaks DLPack."""

from __future__ import annotations

from ctypes import byref, c_size_t, c_void_p
from typing import Any, Callable, Optional, Tuple, Union

import numpy as np

from ._arguments import integer, made, text, word
from ._arrays import Array, address, imported, native, packed, plain
from ._chosen import Chosen
from ._errors import check
from ._library import ConvInfo, ConvOptions, lib
from .matrix import Matrix
from .plan import ACTIVATIONS, NUMBERS, Activation, Quantization

LAYOUTS = {"NCHW": 1, "NHWC": 2}
ORDERS = {"OIHW": 1, "OHWI": 2, "HWIO": 2}


class Convolution(Chosen):
    """A packed kernel W: `conv(x)` is activation(W ∗ x + bias), `conv(x, residual)` adds an array before the activation.

    `weights` are an array of four dimensions in the `order` "OIHW" (PyTorch, ONNX), "HWIO" (TensorFlow, Keras) or
    "OHWI", of which the nonzeros are kept; or a `Matrix` [filters, channels/groups · height · width] with columns in
    the order "OIHW" or "OHWI", and `kernel_size`. `image` is (height, width). `padding` is a number, (vertical,
    horizontal) or (top, left, bottom, right). `activation`, `threads`, `deterministic`, `kernel` and `exclude_dense` are
    as in `Plan`, and so is what is said there about zeros, NaN and threads. With a `quantization`, whose activations are
    bytes, it is a convolution of bytes with exact sums, without a residual; blocks of four channels or more gain most.
    """

    def __init__(self, weights: Any, image: Tuple[int, int], stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1, layout: str = "NCHW", order: str = "OIHW",
                 kernel_size: Optional[Tuple[int, int]] = None, images: int = 1, bias: Any = None,
                 activation: Activation = None, adds_residual: bool = False, threads: int = 1,
                 deterministic: bool = True, kernel: Optional[str] = None, exclude_dense: bool = False,
                 quantization: Optional[Quantization] = None) -> None:
        code = word(ORDERS, order, "order")
        groups = integer(groups, "groups")
        if isinstance(weights, Matrix):
            if kernel_size is None or order == "HWIO":
                raise ValueError("a Matrix wants kernel_size, and the order OIHW or OHWI of its columns")
            size = _numbers(kernel_size, "kernel_size", 2)
            matrix = weights
        else:
            if kernel_size is not None:
                raise ValueError("kernel_size is for a Matrix: an array has its own")
            matrix, size = _from_array(weights, order)
        taps = max(size[0] * size[1], 1)
        if matrix.shape[1] % taps:
            raise ValueError(f"{matrix.shape[1]} columns are not whole channels of {size[0]}×{size[1]} positions")
        height, width = _numbers(image, "image", 2)
        strides, dilations = _numbers(stride, "stride", 2), _numbers(dilation, "dilation", 2)
        pads = _padding(padding)
        options = ConvOptions(
            layout=word(LAYOUTS, layout, "layout"), images=integer(images, "images"),
            channels=matrix.shape[1] // taps * groups, height=height, width=width, filters=matrix.shape[0],
            kernel_height=size[0], kernel_width=size[1], stride_y=strides[0], stride_x=strides[1],
            dilation_y=dilations[0], dilation_x=dilations[1], pad_top=pads[0], pad_left=pads[1], pad_bottom=pads[2],
            pad_right=pads[3], groups=groups, kernel_order=code, adds_residual=int(bool(adds_residual)),
            threads=integer(threads, "threads", 32), deterministic=int(bool(deterministic)),
            exclude_dense=int(bool(exclude_dense)))
        if bias is not None:
            bias = plain(bias)
            if bias.ndim != 1 or not np.can_cast(bias.dtype, matrix.dtype, "same_kind"):
                raise TypeError(f"bias is {bias.ndim}-dimensional {bias.dtype}, a vector of {matrix.dtype} wanted")
            bias = packed(bias, matrix.dtype)
            options.bias, options.bias_count = address(bias), bias.size
        if isinstance(activation, (tuple, list)) and len(activation) == 2:
            options.activation, (options.clamp_lower, options.clamp_upper) = 2, activation
        else:
            options.activation = word(ACTIVATIONS, activation, "activation", " or a pair (lower, upper)")
        if kernel is not None:
            if not isinstance(kernel, str):
                raise TypeError(f"kernel is {kernel!r}, must be a name as in str(convolution)")
            options.kernel = kernel.encode()
        if quantization is not None:
            quantization._set(options, only_bytes=True)
        self._handle: Optional[c_void_p] = made(lib.lcn_conv_create, matrix._handle, byref(options))
        self._info = ConvInfo()
        check(lib.lcn_conv_get_info(self._handle, byref(self._info)))
        self._dtype = NUMBERS[self._info.dtype]
        self._x_dtype, self._y_dtype = NUMBERS[self._info.activations], NUMBERS[self._info.output]
        self._adds = bool(adds_residual)
        result = (matrix.shape[0], self._info.output_height, self._info.output_width)
        self._input = (options.channels, height, width) if layout == "NCHW" else (height, width, options.channels)
        self._output = result if layout == "NCHW" else result[1:] + result[:1]

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_conv_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self) -> str:
        return text(lib.lcn_conv_describe, self._handle)

    def __repr__(self) -> str:
        return (f"Convolution({self._input} → {self._output}, {self._dtype}, nnz={self.stored}, "
                f"kernel={self.kernel!r}, layout={self.layout!r})")

    @property
    def input_shape(self) -> Tuple[int, int, int]:
        """Of one image, without the number of images."""
        return self._input

    @property
    def output_shape(self) -> Tuple[int, int, int]:
        """Of one result."""
        return self._output

    @property
    def dtype(self) -> Any:
        """Of the weights; int8 with a quantization."""
        return self._dtype

    @property
    def input_dtype(self) -> Any:
        """Of images."""
        return self._x_dtype

    @property
    def output_dtype(self) -> Any:
        """Of results and residuals."""
        return self._y_dtype

    @property
    def layout(self) -> str:
        return "NCHW" if self._info.layout == 1 else "NHWC"

    @property
    def workspace_size(self) -> int:
        """Bytes of scratch memory that one run borrows from the plan."""
        size = c_size_t()
        check(lib.lcn_conv_workspace_size(self._handle, byref(size)))
        return size.value

    def run(self, x: Any, out: Any, residual: Any = None) -> Any:
        """out ← activation(W ∗ x + bias + residual), packed arrays as they lie in memory: no copy, no allocation.

        `out` must overlap neither of the others."""
        check(lib.lcn_conv_run(self._handle, *self._operands(x, out, residual), None, 0))
        return out

    def run_slice(self, slice: int, slices: int, x: Any, out: Any, residual: Any = None) -> Any:
        """Slice number `slice` of `slices` of that run in the calling thread: all of them, in any order and from any
        threads, are one run with the same bits."""
        check(lib.lcn_conv_run_slice(self._handle, integer(slice, "slice"), integer(slices, "slices"),
                                     *self._operands(x, out, residual), None, 0))
        return out

    def __call__(self, x: Any, residual: Any = None) -> Array:
        """The results in a new array; x and residual are copied first if they do not lie packed."""
        x = packed(native(x, (self._x_dtype,)))
        if residual is not None:
            residual = packed(native(residual))
        return self.run(x, np.empty(x.shape[:1] + self._output, self._y_dtype), residual)

    def _operands(self, x: Any, out: Any, residual: Any) -> Tuple[int, Optional[int], int, int]:
        """Addresses and the number of images, checked."""
        x = self._array(x, "x", self._input, self._x_dtype)
        out = self._array(out, "out", self._output, self._y_dtype)
        if (residual is not None) != self._adds:
            raise ValueError("a residual is wanted" if self._adds else "this convolution adds no residual")
        others = [(out, "out")]
        if residual is not None:
            residual = self._array(residual, "residual", self._output, self._y_dtype)
            others.append((residual, "residual"))
        for array, name in others:
            if array.shape[0] != x.shape[0]:
                raise ValueError(f"{name} has {array.shape[0]} images, x has {x.shape[0]}")
        if not out.flags.writeable:
            raise ValueError("out is read-only")
        return address(x), None if residual is None else address(residual), address(out), x.shape[0]

    def _array(self, array: Any, name: str, shape: Tuple[int, int, int], dtype: Any) -> Array:
        array = imported(array, name)
        if not isinstance(array, np.ndarray):
            raise TypeError(f"numpy arrays wanted, not {type(array).__name__}")
        plain(array)
        if array.dtype != dtype:
            raise TypeError(f"{dtype} wanted, {name} is {array.dtype}")
        if array.ndim != 4 or array.shape[1:] != shape:
            raise ValueError(f"{name} has the shape {array.shape}, (images,) + {shape} is wanted")
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ValueError(f"{name} must be contiguous and aligned")
        return array


def _numbers(value: Any, what: str, count: int) -> Tuple[int, ...]:
    """That many whole numbers; one stands for all."""
    if not isinstance(value, (tuple, list)):
        return (integer(value, what),) * count
    if len(value) != count:
        raise ValueError(f"{what} is {value!r}, {count} whole numbers are wanted")
    return tuple(integer(v, what) for v in value)


def _padding(value: Union[int, Tuple[int, ...]]) -> Tuple[int, ...]:
    """top, left, bottom, right."""
    if isinstance(value, (tuple, list)) and len(value) == 4:
        return _numbers(value, "padding", 4)
    return _numbers(value, "padding", 2) * 2


def _from_array(weights: Any, order: str) -> Tuple[Matrix, Tuple[int, int]]:
    """The nonzeros of a four-dimensional kernel as rows of filters, and its height and width."""
    array = native(weights)
    if array.ndim != 4:
        raise ValueError(f"the kernel has {array.ndim} dimensions, four ({order}) are wanted")
    if order == "HWIO":
        array = array.transpose(3, 0, 1, 2)
    height, width = array.shape[2:] if order == "OIHW" else array.shape[1:3]
    if 0 in array.shape:
        raise ValueError(f"the kernel has the shape {np.shape(weights)}, no dimension may be 0")
    rows = packed(array).reshape(array.shape[0], -1)
    return Matrix.from_masked(rows, rows != 0), (height, width)
