"""mask = 1 where |w| is among the largest: masks of weight arrays of any rank, layout and granularity."""

from __future__ import annotations

from ctypes import byref, c_double
from typing import Any, Optional, Tuple

import numpy as np

from ._arguments import integer, pair, real, word
from ._arrays import Array, address, dense, dtype_code, mask_view, native, overlap, packed, plain, readable, writable
from ._errors import check
from ._library import MaskOptions, lib
from ._views import as_array, as_matrix

GRANULARITIES = {"element": 1, "block": 2, "pattern": 3, "window": 4, "rows": 5, "columns": 6}
POOLINGS = {"average": 1, "max": 2, "l1": 3, "l2": 4}


def granularity_of(granularity: Optional[str], block: Any, group: Any) -> str:
    """What is asked for: by name, or by what only one kind has."""
    kind = granularity or ("block" if block is not None else "pattern" if group is not None else "element")
    word(GRANULARITIES, kind, "granularity")
    return kind


def mask(weights: Any, sparsity: Optional[float] = None, block: Optional[Tuple[int, int]] = None,
         pooling: str = "average", granularity: Optional[str] = None, keep_ties: bool = False,
         group: Optional[Tuple[int, int]] = None, out: Any = None, layout: Optional[str] = None) -> Array:
    """A bool array of the elements that stay when the smallest magnitudes go; it has the shape of `weights`.

    `block` (out, in) removes whole blocks; `group` (keep, size) keeps that many of each `size` consecutive inputs,
    as granularity "pattern" (N:M; the default) or "window" (balanced windows). "rows" and "columns" remove whole
    outputs and inputs. A group implies its sparsity unless one is given.

    `layout` names the dimensions of the array: "OI" or "IO", "OIHW", "HWIO" and so on; without it the first dimension
    is the outputs. `out`, a bool or uint8 array of the same shape, takes the mask.
    """
    kind = granularity_of(granularity, block, group)
    if sparsity is None:
        if group is None:
            raise TypeError("sparsity is missing: only a group implies one")
        keep, size = pair(group, "group")
        sparsity = 1 - keep / size if size else 0.0
    options = MaskOptions(granularity=GRANULARITIES[kind], sparsity=real(sparsity, "sparsity"),
                          pooling=word(POOLINGS, pooling, "pooling"), ties=2 if keep_ties else 1)
    options.block_rows, options.block_columns = pair(block or (1, 1), "block")
    keep, size = pair(group or (0, 0), "group")
    options.group_keep, options.group_size = integer(keep, "group", 32), integer(size, "group", 32)
    weights = native(weights)
    matrix = readable(as_matrix(weights, layout, kind, "weights"), "weights")
    direct = out is not None and weights.ndim == 2 and layout in (None, "OI")
    if out is not None:
        _checked_out(out, weights)
    result, target = mask_view(out if direct else np.empty(matrix.shape, np.bool_), "out", written=True)
    check(lib.lcn_mask_compute(byref(dense(matrix)), byref(options), byref(target), None))
    if direct:
        return out
    full = as_array(result, weights.shape, layout, kind)
    if out is None:
        return full
    out[...] = full
    return out


def _checked_out(out: Any, weights: Array) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is written in place: a numpy array wanted, not {type(out).__name__}")
    out = plain(out)
    if out.dtype not in (np.bool_, np.uint8):
        raise TypeError(f"out is {out.dtype}, must be bool or uint8")
    if out.shape != weights.shape:
        raise ValueError(f"out has shape {out.shape}, must be {weights.shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    if overlap(out, weights):
        raise ValueError("out overlaps the weights")


def apply_mask(weights: Any, keep: Any) -> None:
    """weights ← 0 where `keep`, of the same shape, is false; in place. NaN and infinity become 0 too."""
    if isinstance(weights, np.ndarray) and weights.ndim != 2:
        weights, keep = _flat(weights, plain(keep))
    weights = writable(weights, "weights")
    keep, mask = mask_view(keep, "keep")
    check(lib.lcn_mask_apply(byref(dense(weights)), byref(mask)))


def _flat(weights: Array, keep: Array) -> Tuple[Array, Array]:
    """Arrays of other ranks than 2 as one row, without a copy of the weights."""
    if weights.shape != keep.shape:
        raise ValueError(f"keep has shape {keep.shape}, must be {weights.shape}")
    if weights.flags.c_contiguous:
        return weights.reshape(1, -1), keep.reshape(1, -1)
    if weights.flags.f_contiguous:
        return weights.T.reshape(1, -1), keep.T.reshape(1, -1)
    raise ValueError(f"weights have strides {weights.strides}: an array of {weights.ndim} dimensions must be contiguous")


def topk_threshold(values: Any, k: int) -> float:
    """The k-th largest magnitude of an array."""
    values = packed(native(values))
    result = c_double()
    check(lib.lcn_topk_threshold(dtype_code(values), address(values), values.size, integer(k, "k"), byref(result)))
    return result.value
