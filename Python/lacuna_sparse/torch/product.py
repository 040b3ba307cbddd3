"""y ← activation(x·Wᵀ + b) as an operator of PyTorch's own, so that torch.compile keeps it and autograd knows it."""

from __future__ import annotations

import itertools
from typing import Any, Optional, Tuple
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from .._errors import failure
from .._library import lib
from ..matrix import Matrix
from ..plan import GATED, Activation, Plan

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Product:
    """A sparse W [out, in] for `product`. Holds a plan, and one of Wᵀ from the first backward pass on."""

    def __init__(self, matrix: Matrix, layout: str = "rows", width: int = 64, bias: Any = None,
                 activation: Activation = None, threads: int = 1, exclude_dense: bool = False,
                 plan: Optional[Plan] = None) -> None:
        self.plan = plan or Plan(matrix, width, layout, bias, activation, threads, exclude_dense=exclude_dense)
        self._matrix, self._activation = matrix, activation
        self._transposed: Optional[Plan] = None
        self.dtype = _DTYPES[str(self.plan.dtype)]
        # An operator takes numbers, not objects: this one stands for the product as long as it lives.
        self.key = next(_keys)
        _products[self.key] = self

    @property
    def transposed(self) -> Plan:
        """The plan of Wᵀ that the gradient runs."""
        if self._transposed is None:
            self._transposed = Plan(self._matrix.transposed(), self.plan.width, self.plan.layout,
                                    threads=self.plan.threads)
        return self._transposed

    def __reduce__(self) -> Tuple[Any, ...]:
        return _restored, (bytes(self.plan), self._matrix.to_bitmask(), self._activation)

    def __repr__(self) -> str:
        return f"Product({self.plan!r})"


_keys = itertools.count(1)
_products: WeakValueDictionary[int, Product] = WeakValueDictionary()


def _restored(blob: bytes, bitmask: Tuple[Any, Any], activation: Activation) -> Product:
    return Product(Matrix.from_bitmask(*bitmask), activation=activation, plan=Plan.from_bytes(blob))


def _found(key: int) -> Product:
    found = _products.get(key)
    if found is None:
        raise RuntimeError(f"the sparse product number {key} is gone: it lives as long as its layer")
    return found


def _run(plan: Plan, dtype: Any, x: Tensor) -> Tensor:
    """The plan on the tensor's memory: [..., in] for rows; [batch, in, …] for columns, where … are the columns."""
    rows, columns = plan.shape
    if x.device.type != "cpu" or x.dtype != dtype:
        raise TypeError(f"a {dtype} tensor on the CPU wanted, not {x.dtype} on {x.device}")
    by_rows = plan.layout == "rows"
    inputs = x.shape[-1] if by_rows else x.shape[1] if x.ndim > 2 else -1
    if inputs != columns:
        raise ValueError(f"x has shape {tuple(x.shape)}, {columns} inputs are wanted")
    x = x.contiguous()
    if by_rows:
        y = x.new_empty((*x.shape[:-1], rows))
        width = x.numel() // max(columns, 1)
        code = lib.lcn_plan_run(plan._number, x.data_ptr(), columns, y.data_ptr(), rows, width, None, 0)
    else:
        y = x.new_empty((x.shape[0], rows, *x.shape[2:]))
        width = x[0, 0].numel() if x.numel() else 0
        size, code = x.element_size(), 0
        for sample in range(x.shape[0] if width else 0):
            code = code or lib.lcn_plan_run(plan._number, x.data_ptr() + sample * columns * width * size, width,
                                            y.data_ptr() + sample * rows * width * size, width, width, None, 0)
    if code:
        raise failure(code)
    return y


@torch.library.custom_op("lacuna_sparse::product", mutates_args=(), device_types="cpu")
def _product(x: Tensor, key: int) -> Tensor:
    found = _found(key)
    return _run(found.plan, found.dtype, x)


@_product.register_fake
def _shape(x: Tensor, key: int) -> Tensor:
    plan = _found(key).plan
    out = plan.shape[0]
    return x.new_empty((*x.shape[:-1], out) if plan.layout == "rows" else (x.shape[0], out, *x.shape[2:]))


@torch.library.custom_op("lacuna_sparse::product_gradient", mutates_args=(), device_types="cpu")
def _gradient(gradient: Tensor, key: int) -> Tensor:
    found = _found(key)
    return _run(found.transposed, found.dtype, gradient)


@_gradient.register_fake
def _gradient_shape(gradient: Tensor, key: int) -> Tensor:
    plan = _found(key).plan
    inputs = plan.shape[1]
    return gradient.new_empty((*gradient.shape[:-1], inputs) if plan.layout == "rows"
                              else (gradient.shape[0], inputs, *gradient.shape[2:]))


def _remember(ctx: Any, inputs: Tuple[Tensor, int], output: Tensor) -> None:
    ctx.key = inputs[1]
    ctx.save_for_backward(*((output,) if _found(inputs[1])._activation not in (None, "none") else ()))


def _backward(ctx: Any, gradient: Tensor) -> Tuple[Tensor, None]:
    activation = _found(ctx.key)._activation
    if activation in GATED:
        raise NotImplementedError(f"the gradient of {activation} takes its argument, which a fused product does not keep")
    if activation not in (None, "none"):
        (output,) = ctx.saved_tensors
        lower, upper = activation if isinstance(activation, tuple) else (0.0, float("inf"))
        gradient = gradient * ((output > lower) & (output < upper))
    return _gradient(gradient, ctx.key), None


_product.register_autograd(_backward, setup_context=_remember)


def product(x: Tensor, weights: Product) -> Tensor:
    """activation(x·Wᵀ + bias) for x [..., in], or W·x for each sample of x [batch, in, …] in layout "columns".

    The gradient goes to x; W is fixed.
    """
    return _product(x, weights.key)  # type: ignore[no-any-return]
