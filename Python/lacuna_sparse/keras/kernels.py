"""Which weights of a layer are pruned, how their dimensions lie, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import keras

from .. import masks
from .._arrays import Array
from .schedules import PruningSchedule


class PrunableLayer:
    """What a layer of one's own derives from, or does as: it says which of its weights are pruned."""

    def get_prunable_weights(self) -> List[Any]:
        raise NotImplementedError(f"{type(self).__name__} must list its prunable weights")


@dataclass(frozen=True)
class Rule:
    """The arguments of prune_low_magnitude for one layer. Blocks are counted in the kernel as Keras has it."""

    pruning_schedule: PruningSchedule
    block_size: Tuple[int, int] = (1, 1)
    block_pooling_type: str = "AVG"
    sparsity_m_by_n: Optional[Tuple[int, int]] = None

    def __post_init__(self) -> None:
        if not callable(self.pruning_schedule):
            raise ValueError(f"pruning_schedule is {self.pruning_schedule!r}, a PruningSchedule is wanted")
        if self.block_pooling_type not in _POOLINGS:
            raise ValueError(f"Unsupported pooling type '{self.block_pooling_type}'. Should be 'AVG' or 'MAX'.")
        object.__setattr__(self, "block_size", _two(self.block_size, "block_size"))
        if self.sparsity_m_by_n is not None:
            zeros, size = _two(self.sparsity_m_by_n, "sparsity_m_by_n")
            if not 0 < zeros < size:
                raise ValueError(f"sparsity_m_by_n is {zeros} zeros of {size}: between 1 and {size - 1} wanted")
            object.__setattr__(self, "sparsity_m_by_n", (zeros, size))

    def updates(self, step: int) -> bool:
        """Whether masks are renewed at `step`. N:M masks are made once, at the first step, as in the toolkit."""
        return step == 1 if self.sparsity_m_by_n else bool(self.pruning_schedule(step)[0])

    def mask(self, weights: Array, layout: Optional[str], step: int) -> Array:
        """Which weights stay at `step`: all at or above the threshold."""
        if self.sparsity_m_by_n:
            zeros, size = self.sparsity_m_by_n
            return masks.mask(weights, group=(size - zeros, size), layout=layout)
        sparsity = float(self.pruning_schedule(step)[1])
        block = None if self.block_size == (1, 1) else self.block_size[::-1]
        if block is None:
            return masks.mask(weights, sparsity, keep_ties=True)
        return masks.mask(weights, sparsity, block, _POOLINGS[self.block_pooling_type], keep_ties=True, layout=layout)

    def get_config(self) -> Dict[str, Any]:
        return {"pruning_schedule": keras.saving.serialize_keras_object(self.pruning_schedule),
                "block_size": list(self.block_size), "block_pooling_type": self.block_pooling_type,
                "sparsity_m_by_n": list(self.sparsity_m_by_n) if self.sparsity_m_by_n else None}

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> Rule:
        return cls(keras.saving.deserialize_keras_object(config["pruning_schedule"]), tuple(config["block_size"]),
                   config["block_pooling_type"], config["sparsity_m_by_n"] and tuple(config["sparsity_m_by_n"]))


_POOLINGS = {"AVG": "average", "MAX": "max"}


def _two(value: Any, name: str) -> Tuple[int, int]:
    try:
        numbers = tuple(value)
    except TypeError:
        numbers = ()
    for number in numbers:
        if not isinstance(number, int):
            raise ValueError(f"The {name} argument must be a tuple/list of 2 integers. received: {value} "
                             f"including element {number} of type {type(number)}.")
    if len(numbers) != 2:
        raise ValueError(f"The {name} argument must be a tuple/list of 2 integers. received: {value}.")
    return numbers[0], numbers[1]


@dataclass(frozen=True)
class Kernel:
    """One weight of a layer that is pruned."""

    variable: Any
    rule: Rule
    layout: Optional[str] = field(default=None)


# Layouts of kernels: O outputs, I inputs, other letters taps. Convolutions have one letter for each of their taps.
def _dense(layer: Any) -> Dict[str, Optional[str]]:
    return {"kernel": "IO"}


def _convolution(layer: Any) -> Dict[str, Optional[str]]:
    return {"kernel": "ABC"[:layer.rank] + "IO"}


def _transposed(layer: Any) -> Dict[str, Optional[str]]:
    return {"kernel": "ABC"[:layer.rank] + "OI"}


def _separable(layer: Any) -> Dict[str, Optional[str]]:
    return {"pointwise_kernel": "ABC"[:layer.rank] + "IO"}


def _cell(layer: Any) -> Dict[str, Optional[str]]:
    return {"kernel": "IO", "recurrent_kernel": "IO"}


def _embedding(layer: Any) -> Dict[str, Optional[str]]:
    return {"embeddings": "IO"}


def _free(layer: Any) -> Dict[str, Optional[str]]:
    return {"kernel": None}


_L = keras.layers
# Most special first: the first class that a layer is an instance of decides.
_KERNELS: List[Tuple[Tuple[type, ...], Callable[[Any], Dict[str, Optional[str]]]]] = [
    ((_L.Conv1DTranspose, _L.Conv2DTranspose, _L.Conv3DTranspose), _transposed),
    ((_L.SeparableConv1D, _L.SeparableConv2D), _separable),
    ((_L.Conv1D, _L.Conv2D, _L.Conv3D), _convolution),
    ((_L.Dense,), _dense),
    ((_L.EinsumDense,), _free),
    ((_L.Embedding,), _embedding),
    ((_L.LSTMCell, _L.GRUCell, _L.SimpleRNNCell), _cell),
]
# A depthwise kernel has few weights, which all matter: only who names the layer prunes it.
_DEPTHWISE = (_L.DepthwiseConv1D, _L.DepthwiseConv2D)


def is_known(layer: Any) -> bool:
    """Whether it is known what of the layer is to be pruned, be it nothing."""
    own = callable(getattr(layer, "get_prunable_weights", None))
    return own or type(layer).__module__.split(".")[0] == "keras" or not _own_weights(layer)


def is_depthwise(layer: Any) -> bool:
    return isinstance(layer, _DEPTHWISE)


def kernels(layer: Any, rule: Rule) -> Iterable[Kernel]:
    """The weights of a built layer that `rule` is about; of the layer itself, not of those inside it."""
    if callable(getattr(layer, "get_prunable_weights", None)):
        return [Kernel(variable, rule) for variable in layer.get_prunable_weights()]
    if is_depthwise(layer):
        return [Kernel(layer.kernel, rule)]
    for classes, layouts in _KERNELS:
        if isinstance(layer, classes):
            return [Kernel(_floating(layer, name), rule, layout) for name, layout in layouts(layer).items()]
    return []


def _floating(layer: Any, name: str) -> Any:
    # With LoRA `kernel` is a sum; the variable is behind it.
    variable = getattr(layer, f"_{name}", None)
    if variable is None:
        variable = getattr(layer, name)
    if not hasattr(variable, "assign"):
        raise ValueError(f"{name} of layer {layer.name} is no variable of its own: {type(variable).__name__}")
    if "float" not in str(variable.dtype) or "float8" in str(variable.dtype):
        raise ValueError(f"{name} of layer {layer.name} is {variable.dtype}: prune before quantizing")
    return variable


def _own_weights(layer: Any) -> List[Any]:
    inner = {id(v) for sub in layer._flatten_layers(include_self=False) for v in sub.variables}
    return [v for v in layer.trainable_variables if id(v) not in inner]
