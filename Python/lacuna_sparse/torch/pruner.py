"""lacuna_sparse.Pruner on the parameters of a module, wherever they lie: masks are tensors beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

import torch
from torch import Tensor, nn

from .._arrays import Array
from ..recipe import Overrides, Recipe, chosen

# Layouts of weights by the number of their dimensions; a transposed convolution has inputs first.
_LAYOUTS = {2: "OI", 3: "OIA", 4: "OIAB", 5: "OIABC"}
_TRANSPOSED = {3: "IOA", 4: "IOAB", 5: "IOABC"}


class Pruner:
    """Prunes a module's parameters while any loop trains it: `step()` before the forward pass, `enforce()` after the
    optimizer. Masked weights are exactly zero after each of the two.

    - recipe: of all parameters of two or more dimensions that are no embedding and that `overrides` does not name.
    - overrides: recipes by pattern of the parameter's name ("head.*"); None leaves those alone.

    A recipe without a layout gets the one of the parameter's layer.
    """

    def __init__(self, module: nn.Module, recipe: Optional[Recipe], overrides: Optional[Overrides] = None) -> None:
        self._module, self._step = module, 0
        self._recipes: Dict[str, Recipe] = dict(_recipes(module, recipe, dict(overrides or {})))
        if not self._recipes:
            raise ValueError("nothing to prune: no parameter has a recipe")
        self._masks: Dict[str, Tensor] = {}
        self._waiting: Dict[str, Tensor] = {}

    @property
    def current_step(self) -> int:
        return self._step

    @property
    def masks(self) -> Dict[str, Tensor]:
        """A bool tensor for each parameter that has been pruned: True stays."""
        return dict(self._masks)

    @property
    def sparsity(self) -> Dict[str, float]:
        """The fraction of zeros that each mask has."""
        return {name: 1 - float(keep.float().mean()) for name, keep in self._masks.items()}

    def _parameters(self) -> Dict[str, nn.Parameter]:
        found = dict(self._module.named_parameters())
        missing = [name for name in self._recipes if name not in found]
        if missing:
            raise ValueError(f"parameters that are pruned are gone: {', '.join(missing)}")
        for name, keep in self._masks.items():
            if found[name].shape != keep.shape:
                raise ValueError(f"{name} has shape {tuple(found[name].shape)}, its mask {tuple(keep.shape)}")
        return {name: found[name] for name in self._recipes}

    @torch.no_grad()
    def step(self) -> None:
        """Begins a training step: counts it, renews the masks that are due, zeroes masked weights. When it raises,
        nothing has changed."""
        parameters, step = self._parameters(), self._step + 1
        renewed = {}
        for name, parameter in parameters.items():
            recipe = self._recipes[name]
            if recipe.schedule.is_update(step):
                live = self._live(name, parameter)
                try:
                    renewed[name] = torch.from_numpy(recipe.mask(_ranked(live), step)).to(parameter.device), live
                except ValueError as error:
                    raise ValueError(f"{name} at step {step}: {error}") from error
        for name, (keep, live) in renewed.items():
            parameters[name].copy_(live)
            self._masks[name] = keep
        self._step, self._waiting = step, {}
        self._zero(parameters)

    @torch.no_grad()
    def enforce(self) -> None:
        """Ends a training step: masked weights become exactly zero again."""
        parameters = self._parameters()
        for name, keep in self._masks.items():
            if self._recipes[name].schedule.is_update(self._step + 1):
                self._waiting[name] = parameters[name][~keep].clone()
        self._zero(parameters)

    def _live(self, name: str, parameter: Tensor) -> Tensor:
        """The weights with what the optimizer made of the masked ones, which lies aside."""
        values = self._waiting.get(name)
        return parameter if values is None else parameter.masked_scatter(~self._masks[name], values)

    def _zero(self, parameters: Mapping[str, Tensor]) -> None:
        for name, keep in self._masks.items():
            parameters[name].masked_fill_(~keep, 0)

    def strip(self) -> None:
        """Ends pruning: the zeros stay in the weights, the masks are forgotten."""
        with torch.no_grad():
            self._zero(self._parameters())
        self._masks, self._waiting, self._recipes = {}, {}, {}

    def state_dict(self) -> Dict[str, Any]:
        """What has to be saved beside the module to go on exactly; tensors, numbers and names only."""
        return {"step": self._step, "masks": {n: k.clone() for n, k in self._masks.items()},
                "waiting": {n: v.clone() for n, v in self._waiting.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where the pruner was whose `state_dict` this is."""
        parameters = self._parameters()
        for name, keep in state["masks"].items():
            if name not in parameters:
                raise ValueError(f"there is a mask for {name}, which is not pruned here")
            if keep.shape != parameters[name].shape:
                raise ValueError(f"{name} has shape {tuple(parameters[name].shape)}, its mask {tuple(keep.shape)}")
        for name, values in state["waiting"].items():
            if name not in state["masks"] or values.numel() != int((~state["masks"][name]).sum()):
                raise ValueError(f"what waits of {name} does not fit its mask")
        self._step = int(state["step"])
        self._masks = {n: k.to(parameters[n].device, torch.bool).clone() for n, k in state["masks"].items()}
        self._waiting = {n: v.to(parameters[n]).clone() for n, v in state["waiting"].items()}


def _ranked(weights: Tensor) -> Array:
    """As numpy, in a type that the library ranks: float16 and bfloat16 are exact in float32."""
    plain = weights.detach().cpu()
    return (plain if plain.dtype in (torch.float32, torch.float64) else plain.float()).contiguous().numpy()


def _recipes(module: nn.Module, recipe: Optional[Recipe], overrides: Overrides) -> Iterator[Tuple[str, Recipe]]:
    seen = set()
    for path, layer in module.named_modules():
        for local, parameter in layer.named_parameters(recurse=False):
            name = f"{path}.{local}".lstrip(".")
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            default = None if parameter.ndim < 2 or isinstance(layer, nn.Embedding) else recipe
            own = chosen(name, default, overrides)
            if own is None:
                continue
            transposed = isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
            layout = own.layout or (_TRANSPOSED if transposed else _LAYOUTS).get(parameter.ndim)
            yield name, replace(own, layout=layout)
