"""Lacuna in PyTorch: pruning in a training loop, and layers that run sparse plans on tensor memory.

    from lacuna_sparse import Recipe, Schedule
    from lacuna_sparse.torch import Pruner, sparsify

    pruner = Pruner(model, Recipe(Schedule(0.9, begin=100, end=2000)))
    for x, y in batches:
        pruner.step()               # before the forward pass
        ...                         # forward, backward, optimizer.step()
        pruner.enforce()            # after the optimizer
    model = sparsify(model.eval(), batch=64)     # Linear and 1×1 Conv2d become sparse where that pays
"""

from .modules import Decision, SparseConv1x1, SparseLinear, report, sparsify
from .product import Product, product
from .pruner import Pruner

__all__ = ["Decision", "Product", "Pruner", "SparseConv1x1", "SparseLinear", "product", "report", "sparsify"]
