"""Pruning in Keras 3, on JAX, TensorFlow and torch, under the names of TensorFlow's model optimization toolkit.

    from lacuna_sparse import keras as sparsity
    model = sparsity.prune_low_magnitude(model, pruning_schedule=sparsity.PolynomialDecay(0.5, 0.9, 0, 2000))
    model.compile("adam", loss)
    model.fit(x, y, callbacks=[sparsity.UpdatePruningStep()])
    model = sparsity.strip_pruning(model)

The layers stay as they are. The callback makes the model's optimizer one that owns a mask for each pruned kernel and
multiplies after each step, on the device; the masks are saved and resumed with the optimizer. Import this module
before `keras.saving.load_model` of such a model.
"""

from .api import prune_low_magnitude, prune_scope, strip_pruning
from .callbacks import PruningSummaries, UpdatePruningStep
from .kernels import PrunableLayer
from .optimizer import pruned
from .schedules import ConstantSparsity, PolynomialDecay, PruningSchedule

__all__ = [
    "ConstantSparsity", "PolynomialDecay", "PrunableLayer", "PruningSchedule", "PruningSummaries",
    "UpdatePruningStep", "prune_low_magnitude", "prune_scope", "pruned", "strip_pruning",
]
