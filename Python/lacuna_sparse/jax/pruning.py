"""w + u ← where(mask, w + u, 0): pruning as the last gradient transformation of an optax chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, NamedTuple, Optional, Tuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..recipe import Overrides, Recipe, chosen
from ..schedule import Schedule

# flax, haiku and keras keep kernels as TensorFlow does: inputs before outputs, last.
_LAYOUTS = {2: "IO", 3: "AIO", 4: "ABIO", 5: "ABCIO"}


class PruneState(NamedTuple):
    """Steps taken, and a bool mask for each pruned parameter by its path."""

    step: jax.Array
    masks: Dict[str, jax.Array]


def prune(recipe: Optional[Recipe], overrides: Optional[Overrides] = None) -> optax.GradientTransformation:
    """A gradient transformation, to be the last of its chain: after each update masked parameters are exactly zero.

    - recipe: of all floating parameters of two or more dimensions that `overrides` does not name.
    - overrides: recipes by pattern of the parameter's path ("*/head/*"); None leaves those alone.

    A recipe without a layout means inputs before outputs, `[in, out]` and HWIO. Steps count from 1. Masks that the
    first step is to have are made when the state is: `params = masked(params, state)` applies them before it.
    """
    rules = dict(overrides or {})

    def own(path: Any, leaf: Any) -> Tuple[str, Optional[Recipe]]:
        name = _name(path)
        default = recipe if leaf.ndim >= 2 and jnp.issubdtype(leaf.dtype, jnp.floating) else None
        found = chosen(name, default, rules)
        if found is not None and found.layout is None:
            found = replace(found, layout=_LAYOUTS.get(leaf.ndim))
        return name, found

    def renewed(mask: Any, live: Any, found: Recipe, step: Any) -> Any:
        """The mask that training step number `step` has."""
        shape = jax.ShapeDtypeStruct(live.shape, jnp.bool_)
        return jax.lax.cond(
            _is_update(found, step),
            lambda live, mask: jax.pure_callback(lambda w, s: _mask(found, w, s), shape, live, step),
            lambda live, mask: mask, live, mask)

    def init(params: Any) -> PruneState:
        found = {}
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            name, rule = own(path, leaf)
            if rule is not None:
                found[name] = renewed(jnp.ones(leaf.shape, jnp.bool_), leaf, rule, jnp.int32(1))
        if not found:
            raise ValueError("nothing to prune: no parameter has a recipe")
        return PruneState(jnp.int32(0), found)

    def update(updates: Any, state: PruneState, params: Any = None) -> Tuple[Any, PruneState]:
        if params is None:
            raise ValueError("prune needs the parameters: optimizer.update(gradients, state, params)")
        step, new = state.step + 1, {}

        def leaf(path: Any, update: Any, param: Any) -> Any:
            name, rule = own(path, param)
            if rule is None or name not in state.masks:
                return update
            if state.masks[name].shape != param.shape:
                raise ValueError(f"{name} has shape {param.shape}, its mask {state.masks[name].shape}")
            # The next step's mask is ranked from what the optimizer made of masked weights too.
            new[name] = renewed(state.masks[name], param + update.astype(param.dtype), rule, step + 1)
            return jnp.where(new[name], update, -param.astype(update.dtype))

        result = jax.tree_util.tree_map_with_path(leaf, updates, params)
        missing = sorted(set(state.masks) - set(new))
        if missing:
            raise ValueError(f"parameters that have masks are missing: {', '.join(missing)}")
        return result, PruneState(step, new)

    return optax.GradientTransformation(init, update)


def masks(state: Any) -> Dict[str, jax.Array]:
    """The masks in the state of a chain, by path."""
    return _found(state).masks


def masked(params: Any, state: Any) -> Any:
    """The parameters with zeros where the masks of the state are False."""
    found = _found(state).masks

    def leaf(path: Any, param: Any) -> Any:
        mask = found.get(_name(path))
        return param if mask is None else jnp.where(mask, param, jnp.zeros_like(param))

    return jax.tree_util.tree_map_with_path(leaf, params)


def _found(state: Any) -> PruneState:
    for part in jax.tree_util.tree_leaves(state, is_leaf=lambda part: isinstance(part, PruneState)):
        if isinstance(part, PruneState):
            return part
    raise ValueError("there is no prune in the chain of this state")


def _name(path: Any) -> str:
    """"layer/kernel" for a leaf's path."""
    return "/".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)


def _mask(recipe: Recipe, weights: Any, step: Any) -> Any:
    array = np.asarray(weights)
    # float16 and bfloat16 are exact in float32, which the library ranks.
    ranked = array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
    return recipe.mask(ranked, int(step))


def _is_update(recipe: Recipe, step: Any) -> Any:
    """Whether masks are renewed at a traced step: on the device for a Schedule, else by asking it."""
    schedule = recipe.schedule
    if not isinstance(schedule, Schedule):
        return jax.pure_callback(lambda s: np.bool_(schedule.is_update(int(s))),
                                 jax.ShapeDtypeStruct((), jnp.bool_), step)
    inside = step >= schedule.begin
    regular = (step - schedule.begin) % schedule.frequency == 0
    if schedule.end < 0:
        return inside & regular
    return inside & (step <= schedule.end) & (regular | (step == schedule.end))
