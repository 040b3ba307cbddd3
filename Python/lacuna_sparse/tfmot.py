"""The import line of a script that was written for TensorFlow's model optimization toolkit:

    import lacuna_sparse.tfmot as tfmot
    prune_low_magnitude = tfmot.sparsity.keras.prune_low_magnitude
"""

from __future__ import annotations

from types import SimpleNamespace

from . import keras as _keras

sparsity = SimpleNamespace(keras=_keras)

__all__ = ["sparsity"]
