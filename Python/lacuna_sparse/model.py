"""Networks in .lacuna files, planned for inference."""

from __future__ import annotations

import os
from ctypes import byref, c_void_p
from typing import Any, Callable, List, Optional, Union

import numpy as np

from ._arguments import integer, made, text, word
from ._arrays import Array, address, imported, native, packed
from ._errors import check
from ._library import ModelInfo, ModelOptions, lib
from .matrix import Matrix


ARITHMETICS = {"float32": 1, "int8": 3}


class Model:
    """A network from a .lacuna file: `model(x)` are its outputs.

    With `arithmetic="int8"` layers whose weights are stored in 8 bits multiply bytes, at least one of them. A file that
    `lacuna calibrate` wrote has the ranges of its activations, which then stay bytes from layer to layer; else inputs
    become bytes on the way, by a range for each of them.
    """

    def __init__(self, path: Union[str, bytes, "os.PathLike[str]"], threads: int = 1, batch: int = 1,
                 exclude_dense: bool = False, arithmetic: str = "float32") -> None:
        options = ModelOptions(threads=integer(threads, "threads", 32), batch=integer(batch, "batch"),
                               exclude_dense=int(bool(exclude_dense)),
                               arithmetic=word(ARITHMETICS, arithmetic, "arithmetic"))
        self._handle: Optional[c_void_p] = made(lib.lcn_model_load, os.fsencode(path), byref(options))
        self._path = os.fsdecode(path)
        self._info = ModelInfo()
        check(lib.lcn_model_get_info(self._handle, byref(self._info)))

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_model_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def __str__(self) -> str:
        return text(lib.lcn_model_describe, self._handle)

    def __repr__(self) -> str:
        return (f"Model({self._path!r}, {self.inputs} → {self.outputs}, parameters={self.parameters}, "
                f"stored={self.stored})")

    @property
    def inputs(self) -> int:
        """float32 values per input."""
        return self._info.inputs

    @property
    def outputs(self) -> int:
        """float32 values per output."""
        return self._info.outputs

    @property
    def parameters(self) -> int:
        """Weights and biases, zeros included."""
        return self._info.parameters

    @property
    def stored(self) -> int:
        """Weights and biases that are stored."""
        return self._info.stored

    @property
    def weights(self) -> List[Matrix]:
        """All weight matrices, in layer order."""
        return [self.weight(index) for index in range(self._info.weights)]

    def __call__(self, x: Any, out: Any = None) -> Array:
        """Outputs [batch, outputs] for inputs [batch, …] of float32; `out` takes them, contiguous, without a copy."""
        x = native(x)
        if x.dtype != np.float32 or x.ndim == 0 or x.size != len(x) * self.inputs:
            raise ValueError(f"float32 [batch, …] of {self.inputs} values per input wanted, not {x.dtype} {x.shape}")
        x = packed(x)
        shape = (len(x), self.outputs)
        result = np.empty(shape, np.float32) if out is None else imported(out, "out")
        if (not isinstance(result, np.ndarray) or result.dtype != np.float32 or result.shape != shape
                or not result.flags.c_contiguous or not result.flags.writeable or not result.flags.aligned):
            raise ValueError(f"out must be contiguous, writable float32 {shape}")
        check(lib.lcn_model_run(self._handle, address(x), address(result), len(x)))
        return result if out is None else out

    def weight(self, index: int) -> Matrix:
        """Weight matrix number `index`: [out, in], a convolution's as [filters, height · width · channels]."""
        return Matrix(made(lib.lcn_model_get_weight, self._handle, integer(index, "index")))
