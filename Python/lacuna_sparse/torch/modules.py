"""Layers that run plans, and the exchange of a model's dense layers for them where that pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from ..matrix import Matrix
from .product import Product, product


class _Sparse(nn.Module):
    """A layer whose weights are a plan. They are no parameters: `sparsify` comes after training."""

    def __init__(self, weights: Product) -> None:
        super().__init__()
        self.weights = weights

    @property
    def plan(self) -> Any:
        return self.weights.plan

    def forward(self, x: Tensor) -> Tensor:
        return product(x, self.weights)

    def extra_repr(self) -> str:
        out, inputs = self.plan.shape
        return f"{inputs} → {out}, nnz={self.plan.stored}, kernel={self.plan.kernel}"

    def get_extra_state(self) -> Any:
        return self.weights

    def set_extra_state(self, state: Any) -> None:
        if not isinstance(state, Product) or state.plan.shape != self.plan.shape:
            raise ValueError(f"a Product of shape {self.plan.shape} wanted, not {state!r}")
        self.weights = state


class SparseLinear(_Sparse):
    """nn.Linear with a sparse weight: x·Wᵀ + b."""


class SparseConv1x1(_Sparse):
    """nn.Conv2d of one tap and no padding, with a sparse weight: W·x + b at every pixel of NCHW, or every stride-th."""

    def __init__(self, weights: Product, stride: Tuple[int, int] = (1, 1)) -> None:
        super().__init__(weights)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride != (1, 1):
            x = x[..., ::self.stride[0], ::self.stride[1]]
        return product(x.unsqueeze(0), self.weights).squeeze(0) if x.ndim == 3 else product(x, self.weights)


@dataclass(frozen=True)
class Decision:
    """What `sparsify` did with one layer. `reason` is empty when it was exchanged."""

    name: str
    kind: str
    shape: Tuple[int, ...]
    zeros: float
    kernel: str
    reason: str


def _effective(module: nn.Module) -> Tuple[Tensor, Optional[Tensor]]:
    """The weight that the layer multiplies with, and the mask that torch.nn.utils.prune left on it."""
    mask = getattr(module, "weight_mask", None)
    original = getattr(module, "weight_orig", None)
    if mask is not None and original is not None:
        return (original * mask).detach(), mask != 0
    return module.weight.detach(), None  # type: ignore[operator]


def _obstacle(module: nn.Module) -> str:
    """Why a layer of a kind that is looked at cannot be exchanged."""
    if type(module) is nn.Linear:
        return ""
    if not isinstance(module, nn.Conv2d) or type(module) is not nn.Conv2d:
        return f"a {type(module).__name__} may do more than its base class"
    if module.kernel_size != (1, 1):
        return f"a kernel of {module.kernel_size[0]}×{module.kernel_size[1]} taps needs convolution plans"
    if module.padding not in ((0, 0), "valid", "same") or module.groups != 1:
        return "padding or groups need convolution plans"
    return ""


def _exchanged(module: nn.Module, batch: int, pixels: int, threads: int, least: float,
               exclude_dense: bool) -> Tuple[Optional[nn.Module], float, str, str]:
    """The sparse layer or None, its zeros, kernel, and the reason for None."""
    reason = _obstacle(module)
    if reason:
        return None, 0.0, "", reason
    weight, mask = _effective(module)
    if weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.float64):
        return None, 0.0, "", f"its weight is {weight.dtype} on {weight.device}"
    w = weight.contiguous().numpy().reshape(weight.shape[0], -1)
    keep = (mask.contiguous().numpy() if mask is not None else weight.numpy() != 0).reshape(w.shape)
    zeros = 1 - float(np.count_nonzero(keep)) / max(keep.size, 1)
    if zeros < least:
        return None, zeros, "", f"{100 * zeros:.1f} % zeros are fewer than {100 * least:g} %"
    bias = module.bias.detach().numpy() if module.bias is not None else None  # type: ignore[union-attr,operator]
    linear = isinstance(module, nn.Linear)
    made = Product(Matrix.from_masked(w, keep), "rows" if linear else "columns", batch if linear else pixels, bias,
                   threads=threads, exclude_dense=exclude_dense)
    if made.plan.kernel == "dense":
        return None, zeros, "dense", "the plan's estimate says that dense is faster"
    sparse = SparseLinear(made) if linear else SparseConv1x1(made, module.stride)  # type: ignore[arg-type]
    return sparse.train(module.training), zeros, made.plan.kernel, ""


def sparsify(model: nn.Module, batch: int = 64, pixels: int = 784, threads: int = 1, least: float = 0.5,
             exclude_dense: bool = False, select: Optional[Callable[[str, nn.Module], bool]] = None) -> nn.Module:
    """Exchanges Linear layers, and Conv2d of one tap, whose weights have zeros for layers that skip them; in place,
    and returns the model (or what replaces it, when it is such a layer itself).

    - batch: rows that a Linear is expected to get at once, all leading dimensions multiplied.
    - pixels: height · width that a convolution is expected to get.
    - threads: of Lacuna's pool that each product may use; results are bitwise the same for any number.
    - least: the fraction of zeros below which a layer is not looked at.
    - select: says by name and layer which are looked at; all without it.

    Masks of torch.nn.utils.prune are understood. `report(model)` says what was done, and why not.
    """
    decisions: List[Decision] = []
    done: dict[int, Optional[nn.Module]] = {}

    def replacement(name: str, module: nn.Module) -> Optional[nn.Module]:
        if not isinstance(module, (nn.Linear, nn.Conv2d)) or select is not None and not select(name, module):
            return None
        if id(module) not in done:
            made, zeros, kernel, reason = _exchanged(module, batch, pixels, threads, least, exclude_dense)
            done[id(module)] = made
            decisions.append(Decision(name, type(module).__name__, tuple(_effective(module)[0].shape), zeros, kernel,
                                      reason))
        return done[id(module)]

    result = replacement("", model) or model
    if result is model:
        for path, parent in list(model.named_modules()):
            # Some containers read the weights of their layers past forward.
            if isinstance(parent, nn.MultiheadAttention):
                continue
            for name, child in list(parent._modules.items()):
                made = replacement(f"{path}.{name}".lstrip("."), child) if child is not None else None
                if made is not None:
                    setattr(parent, name, made)
                    if isinstance(parent, nn.TransformerEncoderLayer):
                        parent.activation_relu_or_gelu = 0  # its fast path reads them too: this switches it off
    object.__setattr__(result, "_lacuna_report", decisions)
    return result


def report(model: nn.Module) -> List[Decision]:
    """What the last `sparsify` did with each layer of a kind that it looks at."""
    return list(getattr(model, "_lacuna_report", []))
