"""y ← activation(x·Wᵀ + b) in a jitted function, on XLA's own buffers and threads, with its gradient for x."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any, Optional, Tuple

import jax
import jax.numpy as jnp
import numpy as np

from ..matrix import Matrix
from ..plan import GATED, Activation, Plan
from . import _build

_registered = False


def _register() -> None:
    """Makes the custom call known to XLA, once in each process."""
    global _registered
    if not _registered:
        handler = ctypes.CDLL(_build.library()).LacunaProduct
        jax.ffi.register_ffi_target("lacuna_product", jax.ffi.pycapsule(handler), platform="cpu")
        _registered = True


class Product:
    """A sparse W [out, in] for `product`: float32, planned for `width` rows at once.

    The first one on a machine compiles the custom call, which takes a C++20 compiler and some seconds; the result is
    kept in the user's cache folder.
    """

    def __init__(self, matrix: Matrix, width: int = 64, bias: Any = None, activation: Activation = None,
                 exclude_dense: bool = False) -> None:
        if matrix.dtype != np.float32:
            raise TypeError(f"float32 wanted, not {matrix.dtype}")
        _register()
        self.plan = Plan(matrix, width, "rows", bias, activation, exclude_dense=exclude_dense)
        self.activation = activation
        self._matrix = matrix
        self._transposed: Optional[Plan] = None

    @property
    def transposed(self) -> Plan:
        """The plan of Wᵀ that the gradient runs."""
        if self._transposed is None:
            self._transposed = Plan(self._matrix.transposed(), self.plan.width, "rows")
        return self._transposed

    def __call__(self, x: Any) -> Any:
        return product(x, self)

    def __repr__(self) -> str:
        return f"Product({self.plan!r})"


def _call(plan: Plan, x: Any) -> Any:
    out, inputs = plan.shape
    if x.dtype != jnp.float32:
        raise TypeError(f"float32 wanted, not {x.dtype}")
    if x.ndim == 0 or x.shape[-1] != inputs:
        raise ValueError(f"x has shape {x.shape}, {inputs} inputs are wanted")
    result = jax.ShapeDtypeStruct((*x.shape[:-1], out), jnp.float32)
    call = jax.ffi.ffi_call("lacuna_product", result, vmap_method="broadcast_all")
    return call(x, plan=np.int64(plan._number or 0), stored=np.int64(plan.stored))


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def product(x: Any, weights: Product) -> Any:
    """activation(x·Wᵀ + bias) for x [..., in]. The gradient goes to x; W is fixed. `weights` has to live as long as
    what was compiled with it."""
    return _call(weights.plan, x)


def _forward(x: Any, weights: Product) -> Tuple[Any, Any]:
    if weights.activation in GATED:
        raise NotImplementedError(
            f"the gradient of {weights.activation} takes its argument, which a fused product does not keep")
    y = _call(weights.plan, x)
    return y, y if weights.activation not in (None, "none") else None


def _backward(weights: Product, y: Any, gradient: Any) -> Tuple[Any]:
    if y is not None:
        lower, upper = weights.activation if isinstance(weights.activation, tuple) else (0.0, float("inf"))
        gradient = jnp.where((y > lower) & (y < upper), gradient, 0)
    return (_call(weights.transposed, gradient),)


product.defvjp(_forward, _backward)
