"""H = X·Xᵀ of a layer's inputs, and W pruned so that W·X changes least: one-shot pruning, without training."""

from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from ._arguments import integer, made, pair, real, word
from ._arrays import Array, address, dense, mask_view, native, packed, two_dimensional, writable
from ._errors import check
from ._library import CalibrationInfo, OneShotOptions, OneShotReport, lib
from .masks import GRANULARITIES, granularity_of

LAYOUTS = {"columns": 1, "rows": 2}
MOMENTS = {"norms": 1, "single": 2, "double": 3}
METHODS = {"magnitude": 1, "wanda": 2, "sparsegpt": 3, "obs": 4, "alps": 5}


class Calibration:
    """What the inputs of a layer were like: enough to prune it at once, without training.

        inputs = lacuna.Calibration(w.shape[1])
        for x in batches:                   # [samples, in]
            inputs.add(x)
        keep, report = inputs.prune(w, "sparsegpt", sparsity=0.7)    # w loses weights in place

    `moments` is how much is kept of them: "norms" for magnitude and Wanda, "single" or "double" for all methods.
    """

    def __init__(self, inputs: int, moments: str = "double") -> None:
        self._handle: Optional[c_void_p] = made(
            lib.lcn_calibration_create, integer(inputs, "inputs"), word(MOMENTS, moments, "moments"))

    # The function is kept here: when the interpreter ends, the module's names may go before its objects.
    def __del__(self, _destroy: Callable[..., int] = lib.lcn_calibration_destroy) -> None:
        if getattr(self, "_handle", None):
            _destroy(self._handle)
            self._handle = None

    def _info(self) -> Any:
        info = CalibrationInfo()
        check(lib.lcn_calibration_get_info(self._handle, byref(info)))
        return info

    def __repr__(self) -> str:
        info = self._info()
        return f"Calibration(inputs={info.inputs}, samples={info.samples}, dead_inputs={info.dead_inputs})"

    @property
    def inputs(self) -> int:
        """Inputs of each sample."""
        return self._info().inputs

    @property
    def samples(self) -> int:
        """Samples added so far."""
        return self._info().samples

    @property
    def dead_inputs(self) -> int:
        """Inputs that were zero in every sample."""
        return self._info().dead_inputs

    def add(self, x: Any, layout: str = "rows") -> None:
        """Adds float32 samples [samples, inputs], or [inputs, samples] for layout "columns"."""
        order = word(LAYOUTS, layout, "layout")
        x = native(two_dimensional(x, "x"))
        if x.dtype != np.float32:
            raise TypeError(f"float32 wanted, not {x.dtype}")
        samples, inputs = x.shape if layout == "rows" else x.shape[::-1]
        if inputs != self.inputs:
            raise ValueError(f"x has {inputs} inputs, the calibration {self.inputs}")
        x = packed(x)
        check(lib.lcn_calibration_add(self._handle, order, address(x), samples, 0))

    def prune(self, weights: Any, method: str = "sparsegpt", sparsity: Optional[float] = None,
              block: Optional[Tuple[int, int]] = None, granularity: Optional[str] = None,
              group: Optional[Tuple[int, int]] = None, refit: bool = False,
              damping: float = 0.01) -> Tuple[Array, Dict[str, Any]]:
        """Prunes float32 weights [out, in] in place; returns a bool array of what stays, and the report.

        `method` is "magnitude", "wanda", "sparsegpt", "obs" or "alps". `block` (rows, columns) removes whole blocks,
        `group` (keep, size) all but `keep` of each `size` inputs, which implies the sparsity. `granularity` may also be
        "rows" or "columns". `refit` fits what is left to the dense outputs again.
        """
        kind = granularity_of(granularity, block, group)
        if sparsity is None and kind not in ("pattern", "window"):
            raise ValueError("sparsity is missing: only a group implies one")
        options = OneShotOptions(
            method=word(METHODS, method, "method"), sparsity=real(0.0 if sparsity is None else sparsity, "sparsity"),
            granularity=GRANULARITIES[kind], refit=int(bool(refit)), damping=real(damping, "damping"))
        options.block_rows, options.block_columns = pair(block or (1, 1), "block")
        keep, size = pair(group or (0, 0), "group")
        options.group_keep, options.group_size = integer(keep, "group", 32), integer(size, "group", 32)
        weights, report = writable(weights, "weights"), OneShotReport()
        kept, target = mask_view(np.empty(weights.shape, np.bool_), "mask", written=True)
        check(lib.lcn_oneshot_prune(self._handle, byref(dense(weights)), byref(options), byref(target), byref(report)))
        return kept, _facts(report)

    def refit(self, weights: Any, keep: Any, damping: float = 0.01) -> Dict[str, Any]:
        """Fits the weights that `keep` leaves to the outputs of all of them, in place; returns the report."""
        weights, report = writable(weights, "weights"), OneShotReport()
        keep, mask = mask_view(keep, "keep")
        check(lib.lcn_oneshot_refit(self._handle, byref(dense(weights)), byref(mask), real(damping, "damping"),
                                    byref(report)))
        return _facts(report)


def _facts(report: Any) -> Dict[str, Any]:
    """A report as a dict; errors that nobody could measure are None."""
    result = {name: getattr(report, name) for name, _ in report._fields_[2:]}
    for name in ("error", "error_of_mask"):
        if result[name] < 0:
            result[name] = None
    return result
