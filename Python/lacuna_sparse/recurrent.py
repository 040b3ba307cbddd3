"""LSTMs and GRUs: weights packed once, run on whole sequences or step by step."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_size_t, c_void_p
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np

from ._arguments import integer, made, text, word
from ._arrays import Array, address, imported, native, packed, plain
from ._chosen import Chosen
from ._errors import check
from ._library import RecurrentInfo, RecurrentOperands, RecurrentOptions, RecurrentWeights, lib
from .matrix import Matrix

ORDERS = {"onnx": 1, "keras": 2, "torch": 3}
DIRECTIONS = {"forward": 1, "reverse": 2, "bidirectional": 3}
LAYOUTS = {"time": 1, "batch": 2, "onnx": 3}
_FLOAT = np.dtype(np.float32)


class Recurrent(Chosen):
    """A packed LSTM or GRU: `y, state = network(x)`, `y, state = network(x, state)` to go on.

    `weights` has one entry for each direction of each layer, layer after layer, the forward direction first:
    (W, R), (W, R, bias) or (W, R, input bias, recurrent bias), with W [gates · hidden, inputs] and R [gates · hidden,
    hidden], each a `Matrix` or an array of which the nonzeros are kept. `order` is that of the gates: "onnx" (LSTM i, o,
    f, c; GRU z, r, h), "keras" (i, f, c, o; z, r, h; kernels transposed) or "torch" (i, f, g, o; r, z, n). `layout` is
    "time" for x [steps, batch, inputs], "batch" for [batch, steps, inputs], or "onnx": as "time", with results
    [steps, directions, batch, hidden]. `steps` and `batch` are what a run is expected to have. With `quantized`, weights
    become 8-bit and so does what they are multiplied by, with the same bits on every processor. `threads`,
    `deterministic`, `kernel` and `exclude_dense` are as in `Plan`, and so is what is said there about zeros, NaN and
    threads. Everything is float32. Made as `LSTM` or `GRU`.
    """

    def __init__(self, cell: int, weights: Sequence[Any], order: str, layout: str = "time", direction: str = "forward",
                 steps: int = 1, batch: int = 1, quantized: bool = False, threads: int = 1, deterministic: bool = True,
                 kernel: Optional[str] = None, exclude_dense: bool = False) -> None:
        gates = 4 if cell == 1 else 3
        code = word(DIRECTIONS, direction, "direction")
        directions = 2 if direction == "bidirectional" else 1
        entries = [_entry(entry, number) for number, entry in enumerate(weights)]
        if not entries or len(entries) % directions:
            raise ValueError(f"weights has {len(entries)} entries, one for each direction of each layer is wanted")
        first, hidden = entries[0][0], entries[0][1].shape[1]
        options = RecurrentOptions(
            cell=cell, inputs=first.shape[1], hidden=hidden, layers=len(entries) // directions, direction=code,
            order=word(ORDERS, order, "order"), layout=word(LAYOUTS, layout, "layout"),
            threads=integer(threads, "threads", 32), steps=integer(steps, "steps"), batch=integer(batch, "batch"),
            deterministic=int(bool(deterministic)), exclude_dense=int(bool(exclude_dense)),
            weights=3 if quantized else 0)
        if kernel is not None:
            if not isinstance(kernel, str):
                raise TypeError(f"kernel is {kernel!r}, must be a name as in str(network)")
            options.kernel = kernel.encode()
        described = []
        for number, (w, r, biases) in enumerate(entries):
            for bias in biases:
                if bias is not None and bias.size != gates * hidden:
                    raise ValueError(f"a bias of weights {number} has {bias.size} values, {gates * hidden} are wanted")
            described.append(RecurrentWeights(
                input=w._handle, recurrent=r._handle,
                **{name: address(bias) for name, bias in zip(("input_bias", "recurrent_bias"), biases)
                   if bias is not None}))
        pointers = (c_void_p * len(described))(*(ctypes.addressof(entry) for entry in described))
        self._handle: Optional[c_void_p] = made(
            lib.lcn_recurrent_create, ctypes.cast(pointers, c_void_p), len(described), byref(options))
        self._info = RecurrentInfo()
        check(lib.lcn_recurrent_get_info(self._handle, byref(self._info)))
        self._has_cell = cell == 1
        self._layout, self._directions = layout, directions

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_recurrent_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self) -> str:
        return text(lib.lcn_recurrent_describe, self._handle)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}({self.inputs} → {self.outputs}, layers={self.layers}, nnz={self.stored}, "
                f"kernel={self.kernel!r}, layout={self._layout!r})")

    @property
    def inputs(self) -> int:
        """Features of a step of x."""
        return int(self._info.inputs)

    @property
    def hidden(self) -> int:
        """Units of each direction."""
        return int(self._info.hidden)

    @property
    def outputs(self) -> int:
        """Features of a step of the results: directions · hidden."""
        return int(self._info.outputs)

    @property
    def layers(self) -> int:
        return int(self._info.passes) // self._directions

    @property
    def layout(self) -> str:
        return self._layout

    def workspace_size(self, steps: int = 1, batch: int = 1) -> int:
        """Bytes of scratch memory that a run of that size borrows."""
        size = c_size_t()
        check(lib.lcn_recurrent_workspace_size(self._handle, integer(steps, "steps"), integer(batch, "batch"),
                                               byref(size)))
        return size.value

    def state(self, batch: int = 1) -> Any:
        """Zeros [layers · directions, batch, hidden]: h of a GRU, the pair h and c of an LSTM."""
        shape = (self._info.passes, integer(batch, "batch"), self.hidden)
        if shape[1] < 1:
            raise ValueError(f"batch is {batch}, must be 1 or more")
        h = np.zeros(shape, _FLOAT)
        return (h, np.zeros(shape, _FLOAT)) if self._has_cell else h

    def output_shape(self, steps: int, batch: int = 1) -> Tuple[int, ...]:
        """The shape of the results."""
        if self._layout == "onnx":
            return steps, self._directions, batch, self.hidden
        return (steps, batch, self.outputs) if self._layout == "time" else (batch, steps, self.outputs)

    def run(self, x: Any, out: Any, state: Any, lengths: Any = None) -> Any:
        """out ← the results of all steps, and `state` (h, or h and c) becomes the last one: packed arrays as they lie in
        memory, no copy. `lengths` has the steps of each sequence. `out` may be None."""
        check(lib.lcn_recurrent_run(self._handle, byref(self._operands(x, out, state, lengths))))
        return out

    def run_slice(self, slice: int, slices: int, x: Any, out: Any, state: Any, lengths: Any = None) -> Any:
        """Slice number `slice` of `slices` of that run in the calling thread: some of the sequences through all layers."""
        check(lib.lcn_recurrent_run_slice(self._handle, integer(slice, "slice"), integer(slices, "slices"),
                                          byref(self._operands(x, out, state, lengths))))
        return out

    def __call__(self, x: Any, state: Any = None, lengths: Any = None) -> Tuple[Array, Any]:
        """Results and last state in new arrays; what does not lie packed is copied first."""
        x = packed(native(x, (_FLOAT,)))
        if x.ndim != 3:
            raise ValueError(f"x has {x.ndim} dimensions, 3 are wanted")
        steps, batch = x.shape[:2] if self._layout != "batch" else x.shape[1::-1]
        if steps < 1 or batch < 1:
            raise ValueError(f"x has {steps} steps and {batch} sequences, one or more are wanted")
        if state is None:
            state = self.state(batch)
        elif self._has_cell:
            state = tuple(np.array(native(part, (_FLOAT,)), order="C") for part in self._parts(state))
        else:
            state = np.array(native(state, (_FLOAT,)), order="C")
        out = np.empty(self.output_shape(steps, batch), _FLOAT)
        return self.run(x, out, state, lengths), state

    def _parts(self, state: Any) -> Tuple[Any, ...]:
        """The arrays of a state."""
        if not self._has_cell:
            return (state,)
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise TypeError("the state of an LSTM is a pair (h, c)")
        return tuple(state)

    def _operands(self, x: Any, out: Any, state: Any, lengths: Any) -> Any:
        """The struct of a run, checked; its arrays stay alive as its attribute."""
        x = _array(x, "x", None)
        steps, batch = x.shape[:2] if self._layout != "batch" else x.shape[1::-1]
        if x.shape[2] != self.inputs:
            raise ValueError(f"x has {x.shape[2]} features, {self.inputs} are wanted")
        parts = [_array(part, "the state", (self._info.passes, batch, self.hidden), written=True)
                 for part in self._parts(state)]
        operands = RecurrentOperands(steps=steps, batch=batch, x=address(x))
        operands.first_hidden = operands.last_hidden = address(parts[0])
        if self._has_cell:
            operands.first_cell = operands.last_cell = address(parts[1])
        kept: List[Any] = [x] + parts
        if out is not None:
            out = _array(out, "out", self.output_shape(steps, batch), written=True)
            operands.y = address(out)
            kept.append(out)
        if lengths is not None:
            lengths = plain(lengths)
            if lengths.shape != (batch,) or lengths.dtype.kind not in "iu":
                raise ValueError(f"lengths is {lengths.dtype} {lengths.shape}, {batch} whole numbers are wanted")
            lengths = packed(lengths.astype(np.int64))
            operands.lengths = address(lengths)
            kept.append(lengths)
        operands.arrays = kept
        return operands


class LSTM(Recurrent):
    """A packed LSTM; its state is the pair h and c. See `Recurrent`."""

    def __init__(self, weights: Sequence[Any], order: str = "torch", **options: Any) -> None:
        super().__init__(1, weights, order, **options)


class GRU(Recurrent):
    """A packed GRU; its state is h. `reset_after` says whether r is multiplied by R_h·h + b (PyTorch, Keras' default) or
    by h before the product (ONNX's default). See `Recurrent`."""

    def __init__(self, weights: Sequence[Any], order: str = "torch", reset_after: bool = True, **options: Any) -> None:
        super().__init__(3 if reset_after else 2, weights, order, **options)


def _entry(entry: Any, number: int) -> Tuple[Matrix, Matrix, List[Optional[Array]]]:
    """The matrices and biases of one direction of one layer."""
    if not isinstance(entry, (tuple, list)) or not 2 <= len(entry) <= 4:
        raise TypeError(f"weights {number} is no tuple (W, R), (W, R, bias) or (W, R, input bias, recurrent bias)")
    w, r = (_matrix(part, f"{name} of weights {number}") for name, part in zip("WR", entry))
    return w, r, [None if bias is None else _bias(bias, number) for bias in entry[2:]]


def _matrix(value: Any, what: str) -> Matrix:
    if isinstance(value, Matrix):
        return value
    array = native(value, (_FLOAT,))
    if array.ndim != 2:
        raise ValueError(f"{what} has {array.ndim} dimensions, a matrix is wanted")
    return Matrix.from_masked(array, array != 0)


def _bias(value: Any, number: int) -> Array:
    bias = plain(value)
    if bias.ndim != 1 or not np.can_cast(bias.dtype, _FLOAT, "same_kind"):
        raise TypeError(f"a bias of weights {number} is {bias.ndim}-dimensional {bias.dtype}, a vector of float32 wanted")
    return packed(bias, _FLOAT)


def _array(array: Any, name: str, shape: Optional[Tuple[int, ...]], written: bool = False) -> Array:
    """A packed float32 array as it lies in memory."""
    array = imported(array, name)
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, a numpy array is wanted")
    plain(array)
    if array.dtype != _FLOAT:
        raise TypeError(f"float32 wanted, {name} is {array.dtype}")
    if array.ndim != 3 if shape is None else array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, {'three dimensions are' if shape is None else shape} wanted")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name} must be contiguous and aligned")
    if written and not array.flags.writeable:
        raise ValueError(f"{name} is read-only")
    return array
