"""prune_low_magnitude and strip_pruning: which layers of a model are pruned, and the end of it."""

from __future__ import annotations

import contextlib
from fnmatch import fnmatchcase
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union

import keras

from . import kernels as _kernels
from .kernels import Kernel, Rule
from .optimizer import PruningMixin, attach, detach, innermost
from .schedules import ConstantSparsity, PruningSchedule

_MARK = "_lacuna_pruning"
PerLayer = Union[Callable[[Any], Any], Mapping[str, Any]]


def prune_low_magnitude(to_prune: Any, pruning_schedule: Optional[PruningSchedule] = None,
                        block_size: Tuple[int, int] = (1, 1), block_pooling_type: str = "AVG",
                        pruning_policy: Any = None, sparsity_m_by_n: Optional[Tuple[int, int]] = None,
                        per_layer: Optional[PerLayer] = None) -> Any:
    """Marks a layer, a list of layers or all layers of a model for pruning, and returns what it was given.

    The arguments are the toolkit's: `block_size` counts in the kernel as Keras has it (inputs, outputs), and
    `sparsity_m_by_n` = (2, 4) makes two zeros of each four inputs. `pruning_policy` may have `allow_pruning(layer)`.

    `per_layer` is for models. It is a function of a layer, or a dict by name (patterns such as "block*" too); the
    answer is a dict of those arguments of this function that differ for the layer, True for none, False or None to
    leave the layer alone. Layers that a dict does not name are pruned. Depthwise convolutions are left alone unless
    `per_layer` answers with True or a dict for them.
    """
    schedule = pruning_schedule if pruning_schedule is not None else ConstantSparsity(0.5, 0)
    common: Dict[str, Any] = {"pruning_schedule": schedule, "block_size": block_size, "block_pooling_type": block_pooling_type,
              "sparsity_m_by_n": sparsity_m_by_n}
    Rule(**common)  # wrong arguments are refused even where no layer takes them
    if isinstance(to_prune, (list, tuple)):
        return [prune_low_magnitude(layer, pruning_policy=pruning_policy, **common) for layer in to_prune]
    if isinstance(to_prune, keras.Model):
        _mark_model(to_prune, common, pruning_policy, per_layer)
        return to_prune
    if isinstance(to_prune, keras.layers.Layer):
        if per_layer is not None:
            raise ValueError("per_layer is for models; a layer has the arguments themselves")
        _mark(to_prune, Rule(**common))
        for inner in to_prune._flatten_layers(include_self=False):
            _mark(inner, Rule(**common))
        return to_prune
    raise ValueError("`prune_low_magnitude` can only prune an object of the following types: keras.Model, "
                     "keras.layers.Layer, list of keras.layers.Layer. You passed an object of type: "
                     f"{type(to_prune).__name__}.")


def _mark_model(model: Any, common: Mapping[str, Any], policy: Any, per_layer: Optional[PerLayer]) -> None:
    used = set()
    for layer in model._flatten_layers(include_self=False):
        answer: Any = not _kernels.is_depthwise(layer)
        if callable(per_layer):
            given = per_layer(layer)
            answer = given if given is not True or answer else True
        elif per_layer is not None:
            for pattern in per_layer:
                if fnmatchcase(layer.name, pattern):
                    answer = per_layer[pattern]
                    used.add(pattern)
                    break
        if answer is None or answer is False or policy is not None and not policy.allow_pruning(layer):
            continue
        _mark(layer, Rule(**{**common, **(answer if isinstance(answer, Mapping) else {})}))
    if isinstance(per_layer, Mapping) and set(per_layer) - used:
        names = ", ".join(sorted(set(per_layer) - used))
        raise ValueError(f"per_layer names what no layer of the model is called: {names}")
    # Whoever compiles now gets an optimizer that misses the callback when it is forgotten.
    original = type(model).compile

    def compile(*arguments: Any, **named: Any) -> None:
        original(model, *arguments, **named)
        if model.optimizer is not None:
            attach(model.optimizer, [])

    object.__setattr__(model, "compile", compile)
    if getattr(model, "compiled", False) and model.optimizer is not None:
        attach(model.optimizer, [])


def _mark(layer: Any, rule: Rule) -> None:
    if not _kernels.is_known(layer):
        raise ValueError(
            "Please initialize `Prune` with a supported layer: a built-in Keras layer, a `PrunableLayer`, or one with "
            f"a `get_prunable_weights` method. Layer {layer.name} is a {type(layer).__name__}.")
    object.__setattr__(layer, _MARK, rule)


def marked_kernels(model: Any) -> List[Kernel]:
    """All weights of a built model that are to be pruned, each once."""
    found, seen = [], set()
    for layer in model._flatten_layers():
        rule = getattr(layer, _MARK, None)
        if rule is None or not layer.built:
            continue
        for kernel in _kernels.kernels(layer, rule):
            if id(kernel.variable) not in seen:
                seen.add(id(kernel.variable))
                found.append(kernel)
    return found


def strip_pruning(model: Any) -> Any:
    """Ends pruning: masked weights are exactly zero, the masks are gone, the model is an ordinary one again.

    Its optimizer, if it has one, is the ordinary one too: training on would not keep the zeros.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"Expected model to be a `keras.Model` instance but got: {model!r}")
    optimizer = innermost(getattr(model, "optimizer", None))
    if isinstance(optimizer, PruningMixin):
        optimizer.apply_masks()
        detach(optimizer)
        for name in ("train_function", "_lacuna_driver"):
            if getattr(model, name, None) is not None:
                object.__setattr__(model, name, None)
    for layer in model._flatten_layers():
        if hasattr(layer, _MARK):
            object.__delattr__(layer, _MARK)
    if "compile" in vars(model):
        object.__delattr__(model, "compile")
    return model


@contextlib.contextmanager
def prune_scope() -> Iterator[None]:
    """The toolkit needs it to load a model. Here nothing does: to import this module is enough."""
    yield
