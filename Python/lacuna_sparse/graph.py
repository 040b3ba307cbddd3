"""Networks of ONNX and TFLite files, planned for the shapes of their inputs and run with their zeros skipped."""

from __future__ import annotations

import os
from ctypes import POINTER, byref, c_int64, c_void_p, cast
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ._arguments import integer, made, text
from ._arrays import Array, address, imported, overlap, packed, plain
from ._errors import check
from ._library import GraphInfo, GraphInput, GraphOptions, GraphPlanInfo, GraphValue, lib

Type = Tuple[Any, Tuple[Optional[int], ...]]
"""A numpy dtype, and a shape in which open dimensions are None."""

_DTYPES = {1: np.dtype(np.float32), 7: np.dtype(np.int64), 8: np.dtype(np.bool_)}


def _value(call: Callable[..., int], handle: Any, index: int) -> Tuple[str, Any]:
    value = GraphValue()
    check(call(handle, index, byref(value)))
    name = (value.name or b"").decode()
    if value.rank < 0:
        return name, None
    sizes = cast(value.shape, POINTER(c_int64))
    shape = tuple(None if sizes[d] < 0 else int(sizes[d]) for d in range(value.rank))
    return name, (_DTYPES[value.dtype], shape)


class Graph:
    """The network of an ONNX or TFLite file: operators between named values.

        graph = Graph("model.onnx")
        plan = graph.plan({"x": (1, 3, 224, 224)}, threads=2)
        y = plan(x)

    An operator that is not supported is an UnsupportedError that names its node.
    """

    def __init__(self, path: Union[str, bytes, "os.PathLike[str]"]) -> None:
        self._take(made(lib.lcn_graph_load, os.fsencode(path)), os.fsdecode(path))

    @classmethod
    def from_bytes(cls, model: bytes) -> Graph:
        """The network of a model in memory, the bytes that its file would have."""
        result = cls.__new__(cls)
        result._take(made(lib.lcn_graph_read, bytes(model), len(model)), "bytes")
        return result

    def _take(self, handle: c_void_p, path: str) -> None:
        self._handle: Optional[c_void_p] = handle
        self._path = path
        self._info = GraphInfo()
        check(lib.lcn_graph_get_info(self._handle, byref(self._info)))

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_graph_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __repr__(self) -> str:
        return (f"Graph({self._path!r}, {', '.join(self.inputs)} → {', '.join(self.outputs)}, "
                f"nodes={self.nodes}, parameters={self.parameters})")

    @property
    def inputs(self) -> Dict[str, Type]:
        """Type and shape of each input; dimensions that are given when a plan is made are None."""
        return dict(_value(lib.lcn_graph_get_input, self._handle, i) for i in range(self._info.inputs))

    @property
    def outputs(self) -> List[str]:
        """Names of the outputs, whose types a plan knows."""
        return [_value(lib.lcn_graph_get_output, self._handle, i)[0] for i in range(self._info.outputs)]

    @property
    def nodes(self) -> int:
        """Operators."""
        return int(self._info.nodes)

    @property
    def parameters(self) -> int:
        """Numbers that the file brings along, zeros included."""
        return int(self._info.parameters)

    def plan(self, shapes: Optional[Mapping[str, Sequence[int]]] = None,
             constants: Optional[Mapping[str, Any]] = None, threads: int = 1, exclude_dense: bool = False,
             deterministic: bool = False, memory: int = 0) -> "GraphPlan":
        """The network for inputs of these shapes; those without open dimensions may be left out.

        `constants` are inputs that are always the same, such as a sampling rate: what depends on them is computed now.
        Kernels are chosen by timing unless `deterministic`. `memory` bounds the bytes that the plan may take.
        """
        types = self.inputs
        inputs: List[Any] = []
        kept: List[Any] = []  # what the inputs point to
        for name, shape in (shapes or {}).items():
            sizes = [integer(size, f"a dimension of {name!r}") for size in shape]
            inputs.append(_described(name, sizes, None, kept))
        for name, array in (constants or {}).items():
            known = types.get(name)
            array = plain(array)
            if known is not None:
                array = _typed(array, known[0], f"the constant {name!r}")
            array = packed(array)
            kept.append(array)
            inputs.append(_described(name, list(array.shape), address(array), kept))
        table = (c_void_p * max(len(inputs), 1))(*[cast(byref(value), c_void_p) for value in inputs])
        options = GraphOptions(threads=integer(threads, "threads", 32), deterministic=int(bool(deterministic)),
                               exclude_dense=int(bool(exclude_dense)), memory=integer(memory, "memory"))
        return GraphPlan(made(lib.lcn_graph_plan_create, self._handle, table, len(inputs), byref(options)))


def _described(name: str, shape: List[int], constant: Optional[int], kept: List[Any]) -> Any:
    sizes = (c_int64 * max(len(shape), 1))(*shape)
    kept.append(sizes)
    return GraphInput(rank=len(shape), name=name.encode(), shape=cast(sizes, c_void_p), constant=constant)


def _typed(array: Array, dtype: Any, what: str) -> Array:
    """The array in this machine's byte order; it must be of the type."""
    if array.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"{what} is {array.dtype}, must be {dtype}")
    return array if array.dtype.isnative else array.astype(dtype)


class GraphPlan:
    """A graph planned for shapes: `plan(x, …)` are its outputs for its inputs in order, `plan.run({…})` by name.

    Threads may run one plan at once, side by side. Results are the same bits for any number of threads.
    """

    def __init__(self, handle: c_void_p) -> None:
        self._handle: Optional[c_void_p] = handle
        self._info = GraphPlanInfo()
        check(lib.lcn_graph_plan_get_info(handle, byref(self._info)))
        self._inputs = dict(_value(lib.lcn_graph_plan_get_input, handle, i) for i in range(self._info.inputs))
        self._outputs = dict(_value(lib.lcn_graph_plan_get_output, handle, i) for i in range(self._info.outputs))

    def __del__(self, _destroy: Callable[..., int] = lib.lcn_graph_plan_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self) -> str:
        return text(lib.lcn_graph_plan_describe, self._handle)

    def __repr__(self) -> str:
        def listed(types: Dict[str, Type]) -> str:
            return ", ".join(f"{name} {dtype}{list(shape)}" for name, (dtype, shape) in types.items())
        return f"GraphPlan({listed(self._inputs)} → {listed(self._outputs)}, steps={self.steps}, threads={self.threads})"

    @property
    def inputs(self) -> Dict[str, Type]:
        """Type and shape of what a run is given, in order; constants are no inputs."""
        return dict(self._inputs)

    @property
    def outputs(self) -> Dict[str, Type]:
        """Type and shape of what a run gives, in order."""
        return dict(self._outputs)

    @property
    def steps(self) -> int:
        """What is left of the nodes: those of constants are computed, and many are fused."""
        return int(self._info.steps)

    @property
    def threads(self) -> int:
        """Threads that a run may use."""
        return int(self._info.threads)

    @property
    def arena_bytes(self) -> int:
        """Activations and scratch memory of one run."""
        return int(self._info.arena_bytes)

    def __call__(self, *arrays: Any) -> Any:
        """The outputs in order: one array, or a tuple of them."""
        if len(arrays) != len(self._inputs):
            raise TypeError(f"{len(arrays)} arrays for {len(self._inputs)} inputs: {', '.join(self._inputs)}")
        results = tuple(self.run(dict(zip(self._inputs, arrays))).values())
        return results[0] if len(results) == 1 else results

    def run(self, arrays: Mapping[str, Any], out: Optional[Mapping[str, Any]] = None) -> Dict[str, Array]:
        """The outputs by name. Arrays of `out` take theirs where they lie, without a copy, and come back."""
        for name in arrays:
            if name not in self._inputs:
                raise ValueError(f"there is no input {name!r}: {', '.join(self._inputs)}")
        for name in out or {}:
            if name not in self._outputs:
                raise ValueError(f"there is no output {name!r}: {', '.join(self._outputs)}")
        inputs: List[Array] = []
        outputs: List[Array] = []
        results: Dict[str, Array] = {}
        for name, (dtype, shape) in self._inputs.items():
            if name not in arrays:
                raise ValueError(f"no array for the input {name!r}, {dtype} {shape}")
            array = _typed(plain(arrays[name]), dtype, f"the input {name!r}")
            if array.shape != shape:
                raise ValueError(f"the input {name!r} is {array.shape}, the plan was made for {shape}")
            inputs.append(packed(array))
        for name, (dtype, shape) in self._outputs.items():
            given = None if out is None else out.get(name)
            array = np.empty(shape, dtype) if given is None else imported(given, f"the output {name!r}")
            if (not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape
                    or not array.flags.c_contiguous or not array.flags.writeable or not array.flags.aligned):
                raise ValueError(f"the output {name!r} must be contiguous, writable {dtype} {shape}")
            if any(overlap(array, other) for other in inputs + outputs):
                raise ValueError(f"the output {name!r} overlaps another array")
            outputs.append(array)
            results[name] = array if given is None else given
        check(lib.lcn_graph_plan_run(self._handle, _addresses(inputs), _addresses(outputs)))
        return results


def _addresses(arrays: List[Array]) -> Any:
    return (c_void_p * max(len(arrays), 1))(*[address(array) for array in arrays])
