"""H = X·Xᵀ of a layer's inputs, and W pruned so that W·X changes least: one-shot pruning, without training."""

from __future__ import annotations

import os
from ctypes import addressof, byref, c_double, c_void_p
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._arguments import integer, made, pair, real, word
from ._arrays import Array, address, dense, mask_view, native, packed, two_dimensional, writable
from ._errors import check
from ._library import CalibrationInfo, NetworkOptions, NetworkReport, OneShotOptions, OneShotReport, lib
from .masks import GRANULARITIES, granularity_of

Path = Union[str, bytes, "os.PathLike[str]"]

LAYOUTS = {"columns": 1, "rows": 2}
MOMENTS = {"norms": 1, "single": 2, "double": 3}
BUDGETS = {"global": 1, "owl": 2, "least_error": 3}
AIMS = {"dense": 1, "own": 2}
METHODS = {"magnitude": 1, "wanda": 2, "sparsegpt": 3, "obs": 4, "alps": 5}


class Calibration:
    """What the inputs of a layer were like: enough to prune it at once, without training.

        inputs = lacuna.Calibration(w.shape[1])
        for x in batches:                   # [samples, in]
            inputs.add(x)
        keep, report = inputs.prune(w, "sparsegpt", sparsity=0.7)    # w loses weights in place

    `moments` is how much is kept of them: "norms" for magnitude and Wanda, "single" or "double" for all methods.

    With `outputs` the layer aims at outputs that are given beside the inputs, those of the dense network where earlier
    layers were pruned before, and with `bias` its bias changes too:

        inputs = lacuna.Calibration(w.shape[1], outputs=w.shape[0])
        for x, t in batches:                # t [samples, out], with the bias
            inputs.add(x, t)
        keep, report = inputs.prune(w, "alps", sparsity=0.7)
        b = report["bias"]
    """

    def __init__(self, inputs: int, moments: str = "double", outputs: Optional[int] = None, bias: bool = True) -> None:
        kept = word(MOMENTS, moments, "moments")
        self._outputs, self._bias = outputs, bool(bias)
        if outputs is None:
            self._handle: Optional[c_void_p] = made(lib.lcn_calibration_create, integer(inputs, "inputs"), kept)
        elif moments != "double":
            raise ValueError("a calibration with outputs keeps double moments")
        else:
            self._handle = made(lib.lcn_calibration_create_aimed, integer(inputs, "inputs"),
                                integer(outputs, "outputs"), int(self._bias))

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

    def add(self, x: Any, targets: Any = None, layout: str = "rows") -> None:
        """Adds float32 samples [samples, inputs], or [inputs, samples] for layout "columns".

        `targets` are the outputs that the layer should have for them, in the same layout: needed by a calibration with
        `outputs`, and only there.
        """
        order = word(LAYOUTS, layout, "layout")
        x = _samples(x, "x", self.inputs, layout)
        samples = len(x) if layout == "rows" else x.shape[1]
        if (targets is None) != (self._outputs is None):
            raise ValueError("targets are needed by a calibration with outputs, and only there")
        if targets is None:
            check(lib.lcn_calibration_add(self._handle, order, address(x), samples, 0))
            return
        targets = _samples(targets, "targets", int(self._outputs or 0), layout)
        if targets.shape[0 if layout == "rows" else 1] != samples:
            raise ValueError(f"targets are {targets.shape}, x is {x.shape}")
        check(lib.lcn_calibration_add_aimed(self._handle, order, address(x), 0, address(targets), 0, samples))

    def prune(self, weights: Any, method: str = "sparsegpt", sparsity: Optional[float] = None,
              block: Optional[Tuple[int, int]] = None, granularity: Optional[str] = None,
              group: Optional[Tuple[int, int]] = None, refit: bool = False,
              damping: float = 0.01) -> Tuple[Array, Dict[str, Any]]:
        """Prunes float32 weights [out, in] in place; returns a bool array of what stays, and the report.

        `method` is "magnitude", "wanda", "sparsegpt", "obs" or "alps". `block` (rows, columns) removes whole blocks,
        `group` (keep, size) all but `keep` of each `size` inputs, which implies the sparsity. `granularity` may also be
        "rows" or "columns". `refit` fits what is left to the dense outputs again. The report of a calibration with
        `outputs` holds the new "bias".
        """
        options = _options(method, sparsity, block, granularity, group, refit, damping)
        weights, report = writable(weights, "weights"), OneShotReport()
        kept, target = mask_view(np.empty(weights.shape, np.bool_), "mask", written=True)
        views = byref(dense(weights)), byref(options), byref(target), byref(report)
        if self._outputs is None:
            check(lib.lcn_oneshot_prune(self._handle, *views))
            return kept, _facts(report)
        bias = np.empty(len(weights), np.float32) if self._bias else None
        check(lib.lcn_oneshot_prune_aimed(self._handle, views[0], None if bias is None else address(bias),
                                          *views[1:]))
        return kept, {**_facts(report), "bias": bias}

    def refit(self, weights: Any, keep: Any, damping: float = 0.01) -> Dict[str, Any]:
        """Fits the weights that `keep` leaves to the outputs of all of them, in place; returns the report."""
        weights, report = writable(weights, "weights"), OneShotReport()
        keep, mask = mask_view(keep, "keep")
        check(lib.lcn_oneshot_refit(self._handle, byref(dense(weights)), byref(mask), real(damping, "damping"),
                                    byref(report)))
        return _facts(report)


def _samples(values: Any, name: str, width: int, layout: str) -> Array:
    """Packed float32 samples of `width` values each."""
    values = native(two_dimensional(values, name))
    if values.dtype != np.float32:
        raise TypeError(f"{name}: float32 wanted, not {values.dtype}")
    found = values.shape[1] if layout == "rows" else values.shape[0]
    if found != width:
        raise ValueError(f"{name} has {found} values for each sample, the calibration {width}")
    return packed(values)


def _options(method: str, sparsity: Optional[float], block: Optional[Tuple[int, int]], granularity: Optional[str],
             group: Optional[Tuple[int, int]], refit: bool, damping: float) -> Any:
    """The struct of what is asked for."""
    kind = granularity_of(granularity, block, group)
    if sparsity is None and kind not in ("pattern", "window"):
        raise ValueError("sparsity is missing: only a group implies one")
    options = OneShotOptions(
        method=word(METHODS, method, "method"), sparsity=real(0.0 if sparsity is None else sparsity, "sparsity"),
        granularity=GRANULARITIES[kind], refit=int(bool(refit)), damping=real(damping, "damping"))
    options.block_rows, options.block_columns = pair(block or (1, 1), "block")
    keep, size = pair(group or (0, 0), "group")
    options.group_keep, options.group_size = integer(keep, "group", 32), integer(size, "group", 32)
    return options


def share(calibrations: Sequence[Calibration], weights: Sequence[Any], sparsity: float, budget: str = "least_error",
          method: str = "sparsegpt", refit: bool = False, damping: float = 0.01) -> Array:
    """The sparsity of each layer, such that `sparsity` of all weights go; weights[i] is [out, in] for calibrations[i].

    `budget` is "global", "owl", or "least_error", which prunes copies of each layer to about ten sparsities and takes
    those with the least sum of errors.
    """
    if len(calibrations) != len(weights):
        raise ValueError(f"{len(calibrations)} calibrations for {len(weights)} layers")
    options = _options(method, sparsity, None, None, None, refit, damping)
    views = [dense(native(two_dimensional(w, "weights"))) for w in weights]
    result = np.empty(len(views))
    check(lib.lcn_oneshot_share(
        len(views), (c_void_p * len(views))(*(c._handle for c in calibrations)),
        (c_void_p * len(views))(*(addressof(view) for view in views)), byref(options),
        word(BUDGETS, budget, "budget"), address(result)))
    return result


def product_seconds(weights: Any, width: int = 1, sparse: bool = True) -> float:
    """Seconds of weights [out, in] by `width` columns on one thread, its zeros skipped when `sparse`."""
    seconds = c_double()
    check(lib.lcn_oneshot_time(byref(dense(native(two_dimensional(weights, "weights")))), integer(width, "width"),
                               int(not sparse), byref(seconds)))
    return seconds.value


def choose(layers: Sequence[Sequence[Tuple[float, float]]], budget: float) -> List[int]:
    """One (cost, error) of each layer: the costs together at most `budget`, the errors together the least."""
    counts = np.array([len(layer) for layer in layers], np.int64)
    flat = np.array([choice for layer in layers for choice in layer], float).reshape(-1, 2).T.copy()
    chosen = np.empty(len(layers), np.int64)
    check(lib.lcn_oneshot_choose(len(layers), address(counts), address(flat[0]), address(flat[1]),
                                 real(budget, "budget"), address(chosen)))
    return [int(n) for n in chosen]


def prune_network(source: Path, target: Path, samples: Any, method: str = "sparsegpt",
                  sparsity: Optional[float] = None, budget: str = "uniform", aim: Optional[str] = None,
                  latency: Optional[float] = None, batch: int = 1, block: Optional[Tuple[int, int]] = None,
                  group: Optional[Tuple[int, int]] = None, refit: bool = False, damping: float = 0.01,
                  exclude: Sequence[str] = (), patches: int = 32, threads: int = 0) -> Dict[str, Any]:
    """Prunes the network of a .lacuna file on float32 samples [count, …] and writes it to `target`; returns a report.

    `budget` is "uniform" or one of share(). `aim` is "dense", where layers keep the outputs of the dense network and
    biases change too, or "own"; by default what suits the method. `latency` in seconds takes the place of `sparsity`: the
    products of `batch` samples take at most so long on this machine, at the least sum of errors.
    """
    if (sparsity is None) == (latency is None) and group is None:
        raise ValueError("give sparsity, or latency, or a group")
    samples = native(samples)
    if samples.dtype != np.float32 or samples.ndim < 2:
        raise ValueError(f"float32 [count, …] wanted, not {samples.dtype} {samples.shape}")
    samples = packed(samples)
    options = _options(method, 0.0 if sparsity is None else sparsity, block, None, group, refit, damping)
    network = NetworkOptions(
        budget=0 if budget == "uniform" else word(BUDGETS, budget, "budget"),
        aim=0 if aim is None else word(AIMS, aim, "aim"), threads=integer(threads, "threads", 32),
        patches=integer(patches, "patches"), latency=real(0.0 if latency is None else latency, "latency"),
        batch=integer(batch, "batch"), exclude=",".join(exclude).encode() or None)
    report = NetworkReport()
    check(lib.lcn_oneshot_network(os.fsencode(source), os.fsencode(target), address(samples), len(samples),
                                  samples.size // max(len(samples), 1), byref(options), byref(network), byref(report)))
    return {name: getattr(report, name) for name, _ in report._fields_[1:]}


def _facts(report: Any) -> Dict[str, Any]:
    """A report as a dict; errors that nobody could measure are None."""
    result = {name: getattr(report, name) for name, _ in report._fields_[2:]}
    for name in ("error", "error_of_mask"):
        if result[name] < 0:
            result[name] = None
    return result
