"""w ← where(mask, w, 0) after every optimizer step, on the device: any Keras optimizer, with masks as variables.

The masks are variables of the optimizer, so that they are saved and resumed with it. In the step before an update
they are not applied: the update ranks what the optimizer made of masked weights, so that a weight can come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import keras
import numpy as np
from keras import ops

from .kernels import Kernel, Rule

_CLASSES: Dict[type, type] = {}


@dataclass
class Masked:
    """A weight that an optimizer masks: which of its variables, by what rule."""

    rule: Rule
    layout: Optional[str]
    name: str
    shape: Tuple[int, ...]
    index: Optional[int] = None  # among the variables that the optimizer was built with
    variable: Any = None

    def get_config(self) -> Dict[str, Any]:
        return {"index": self.index, "name": self.name, "shape": list(self.shape), "layout": self.layout,
                "rule": self.rule.get_config()}

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> Masked:
        return cls(Rule.from_config(config["rule"]), config["layout"], config["name"], tuple(config["shape"]),
                   config["index"])

    def find(self, variables: List[Any]) -> None:
        """Finds the variable among those that the optimizer was built with. Paths will not do: the same weight has
        another one after loading."""
        if self.variable is not None:
            self.index = next((n for n, v in enumerate(variables) if v is self.variable), None)
            if self.index is None:
                raise ValueError(f"{self.variable.path} is to be pruned, but the optimizer was not built for it")
            return
        assert self.index is not None
        found = variables[self.index] if self.index < len(variables) else None
        if found is None or tuple(found.shape) != self.shape or found.name != self.name:
            there = f"{found.path} of shape {tuple(found.shape)}" if found is not None else "nothing"
            raise ValueError(f"the optimizer was saved with a mask for weight {self.index}, a {self.name} of shape "
                             f"{self.shape}; the model has {there} there")
        self.variable = found


class PruningMixin:
    """What a pruned optimizer adds to the one that it was."""

    _pruning_plan: List[Masked]
    _pruning_masks: List[Any]  # one variable for each entry of the plan
    _pruning_next: Any  # the step before which masks are not applied
    _pruning_driver: Any  # the callback that renews the masks

    @property
    def pruning_kernels(self) -> List[Tuple[Kernel, Any]]:
        """Each pruned weight with its mask variable."""
        return [(Kernel(entry.variable, entry.rule, entry.layout), mask)
                for entry, mask in zip(self._pruning_plan, self._pruning_masks)]

    def build(self, variables: Any) -> None:
        super().build(variables)  # type: ignore[misc]
        if not self._pruning_masks:
            self._make_masks()

    def _make_masks(self) -> None:
        for entry in self._pruning_plan:
            entry.find(self._trainable_variables)  # type: ignore[attr-defined]
        add = self.add_variable  # type: ignore[attr-defined]
        if self._pruning_plan:
            _set(self, "_pruning_next", add((), keras.initializers.Constant(-1), "int32", name="pruning_next"))
        _set(self, "_pruning_masks", [add(entry.shape, "ones", "bool", name=f"{entry.name}_pruning_mask")
                                      for entry in self._pruning_plan])

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if self._pruning_driver is None:
            raise ValueError("the model is pruned: give fit the callback UpdatePruningStep(), or call its methods from "
                             "your training loop, or end pruning with strip_pruning(model)")
        super().apply(grads, trainable_variables)  # type: ignore[misc]
        if not self._pruning_masks:
            return
        step = ops.convert_to_tensor(self._iterations)  # type: ignore[attr-defined]
        hold = ops.equal(step + 1, ops.cast(self._pruning_next, step.dtype))
        for kernel, mask in self.pruning_kernels:
            weights = ops.convert_to_tensor(kernel.variable)
            keep = ops.logical_or(ops.convert_to_tensor(mask), hold)
            kernel.variable.assign(ops.where(keep, weights, ops.zeros((), weights.dtype)))

    def apply_masks(self) -> None:
        """Zeroes what the masks remove, from outside a training step."""
        for kernel, mask in self.pruning_kernels:
            keep = np.asarray(ops.convert_to_numpy(mask))
            if not keep.all():
                weights = np.asarray(ops.convert_to_numpy(kernel.variable))
                kernel.variable.assign(np.where(keep, weights, np.zeros((), weights.dtype)))

    def get_config(self) -> Dict[str, Any]:
        config = super().get_config()  # type: ignore[misc]
        config["pruning"] = [entry.get_config() for entry in self._pruning_plan]
        return dict(config)

    @classmethod
    def from_config(cls, config: Dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        plan = [Masked.from_config(entry) for entry in config.pop("pruning", [])]
        # The plain class's own way of reading its numbers, schedules of the learning rate among them.
        base: Any = cls.__mro__[2]
        plain = base.from_config(config, custom_objects) if custom_objects else base.from_config(config)
        return _become(plain, cls, plan)


def _set(optimizer: Any, name: str, value: Any) -> None:
    # Past Keras's tracking: the variables are tracked already, and lists of plain values are no state.
    object.__setattr__(optimizer, name, value)


def _become(optimizer: Any, cls: type, plan: List[Masked]) -> Any:
    object.__setattr__(optimizer, "__class__", cls)
    for name, value in (("_pruning_plan", plan), ("_pruning_masks", []), ("_pruning_next", None),
                        ("_pruning_driver", None)):
        _set(optimizer, name, value)
    return optimizer


def pruned(cls: type) -> type:
    """The pruned class of an optimizer class, under which Keras saves and loads it. Made for all of Keras's own; call
    it for one of your own before loading a model that was saved with it."""
    if issubclass(cls, PruningMixin):
        return cls
    if cls not in _CLASSES:
        made = type(f"Pruned{cls.__name__}", (PruningMixin, cls), {"__module__": __name__, "__doc__": cls.__doc__})
        _CLASSES[cls] = keras.saving.register_keras_serializable("lacuna_sparse")(made)
    return _CLASSES[cls]


def innermost(optimizer: Any) -> Any:
    """The optimizer that a loss scale of mixed precision wraps, or the optimizer itself."""
    return getattr(optimizer, "inner_optimizer", None) or optimizer


def attach(optimizer: Any, kernels: List[Kernel]) -> bool:
    """Makes an optimizer a pruned one, in place, with masks for these kernels; those it has already stay. Returns
    whether anything changed."""
    optimizer = innermost(optimizer)
    changed = not isinstance(optimizer, PruningMixin)
    if changed:
        _become(optimizer, pruned(type(optimizer)), [])
    have = {id(entry.variable) for entry in optimizer._pruning_plan}
    fresh = [Masked(k.rule, k.layout, k.variable.name, tuple(k.variable.shape), variable=k.variable)
             for k in kernels if id(k.variable) not in have and k.variable.trainable]
    if not fresh:
        return changed
    if optimizer._pruning_masks:
        raise ValueError(f"{fresh[0].variable.path} is to be pruned, but the optimizer's masks were made without it: "
                         "strip_pruning first, or compile anew")
    _set(optimizer, "_pruning_plan", fresh)
    if optimizer.built:
        optimizer._make_masks()
    return True


def detach(optimizer: Any) -> None:
    """Makes a pruned optimizer the plain one again."""
    for variable in [*optimizer._pruning_masks, optimizer._pruning_next]:
        if variable is not None:
            optimizer._untrack_variable(variable)
    object.__setattr__(optimizer, "__class__", type(optimizer).__mro__[2])


for _name in ("Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam",
              "RMSprop", "SGD"):
    _class = getattr(keras.optimizers, _name, None)
    if _class is not None:
        # The torch backend has classes of its own, which it puts in the place of these.
        pruned(type(_class.__new__(_class)))
