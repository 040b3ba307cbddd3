"""A weight array of any rank as the matrix W [out, in] that pruning speaks of, and a mask of W as one of the array.

A layout names the dimensions, outermost first: one letter each, O for outputs, I for inputs, any other letters for
the taps of a convolution. "OI" is PyTorch's Linear, "IO" TensorFlow's Dense, "OIHW" and "HWIO" their convolutions.
"""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from ._arrays import Array

GROUPED = ("pattern", "window")


def order(layout: Optional[str], shape: Tuple[int, ...], what: str = "the array") -> Tuple[int, ...]:
    """The axes in the order out, taps, in. Without a layout the first dimension is the outputs."""
    if layout is None:
        return tuple(range(len(shape)))
    if not isinstance(layout, str):
        raise TypeError(f"layout is {layout!r}, must be a word such as 'OIHW'")
    if len(set(layout)) != len(layout) or not {"O", "I"} <= set(layout) or not layout.isalpha():
        raise ValueError(f"layout is {layout!r}: one letter for each dimension wanted, O and I among them")
    if len(layout) != len(shape):
        raise ValueError(f"layout {layout!r} names {len(layout)} dimensions, {what} has shape {shape}")
    out, inputs = layout.index("O"), layout.index("I")
    return (out, *(axis for axis in range(len(shape)) if axis not in (out, inputs)), inputs)


def as_matrix(array: Array, layout: Optional[str], granularity: str, what: str = "the array") -> Array:
    """W [out, taps · in] over the array's memory where strides can say it, else a copy. For groups, which never cross
    from one tap to the next, it is [out · taps, in]."""
    axes = order(layout, array.shape, what)
    if array.ndim < 2:
        return array.reshape(1, -1)
    if array.ndim == 2:
        return array.transpose(axes)
    if granularity == "element":
        # Single weights compete wherever they lie: equal ones stay by their place in memory.
        return array.reshape(array.shape[0], -1)
    view = array.transpose(axes)
    return view.reshape(-1, view.shape[-1]) if granularity in GROUPED else view.reshape(view.shape[0], -1)


def as_array(mask: Array, shape: Tuple[int, ...], layout: Optional[str], granularity: str) -> Array:
    """The mask of an array of `shape` for one of its `as_matrix`, packed."""
    if len(shape) < 2 or len(shape) > 2 and granularity == "element":
        return np.ascontiguousarray(mask).reshape(shape)
    axes = order(layout, shape)
    moved = mask.reshape([shape[axis] for axis in axes])
    return np.ascontiguousarray(moved.transpose(np.argsort(axes)))
