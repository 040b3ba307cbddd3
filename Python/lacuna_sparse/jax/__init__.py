"""Lacuna in JAX: pruning as a gradient transformation, and a sparse product that jit, grad and vmap know.

    import optax
    from lacuna_sparse import Recipe, Schedule
    from lacuna_sparse.jax import prune

    optimizer = optax.chain(optax.adam(1e-3), prune(Recipe(Schedule(0.9, begin=100, end=2000))))

Everything else is as in any optax loop: the masks are a part of the optimizer's state.
"""

from .product import Product, product
from .pruning import PruneState, masked, masks, prune

__all__ = ["Product", "PruneState", "masked", "masks", "product", "prune"]
