"""Lacuna from Python: sparse products on arrays of numpy and of all that speaks DLPack, and pruning.

    import lacuna_sparse as lacuna
    plan = lacuna.Plan(lacuna.Matrix.from_scipy(weights), width=8, activation="relu")
    y = plan(x)                         # [out, 8] from x [in, 8]
    plan.run(x, out=y)                  # allocates nothing

    mask = lacuna.mask(weights, 0.9)    # numpy bool array of what stays
    lacuna.apply_mask(weights, mask)    # in place

    inputs = lacuna.Calibration(weights.shape[1])
    inputs.add(activations)             # [samples, in], as often as there are batches
    inputs.prune(weights, "sparsegpt", sparsity=0.7)    # in place, without training

numpy is needed; scipy only for from_scipy and to_scipy. `lacuna_sparse.keras`, `.torch`, `.jax`, `.onnxruntime` and
`.litert` are imported by name and need those packages.

Elements are float32 or float64 and are never converted to another type, unless a plan is made with a Quantization. What is only read may lie in memory in any
way: strides, byte order and alignment that the library does not take are copied first. What is written (`out`, the
weights of apply_mask) must be right as it is. A wrong argument raises TypeError or ValueError that says what is
wanted; a call that the library refuses raises lacuna_sparse.Error, which is a ValueError, NotImplementedError,
MemoryError or OSError too where it means one.
"""

from ._cpu import info
from ._errors import ArgumentError, Error, FileSystemError, MissingFileError, OutOfMemoryError, UnsupportedError
from ._library import version
from .convolution import Convolution
from .graph import Graph, GraphPlan
from .masks import apply_mask, mask, topk_threshold
from .matrix import Matrix
from .model import Model
from .oneshot import Calibration, choose, product_seconds, prune_network, share
from .plan import Plan, Quantization
from .pruner import Pruner
from .recipe import Recipe
from .recurrent import GRU, LSTM, Recurrent
from .schedule import Schedule
from .tensors import read_tensor, write_tensor

__version__ = version
__all__ = [
    "ArgumentError", "Calibration", "Convolution", "Error", "FileSystemError", "GRU", "Graph", "GraphPlan", "LSTM",
    "Matrix", "MissingFileError", "Model", "OutOfMemoryError", "Plan", "Pruner", "Quantization", "Recipe",
    "Recurrent", "Schedule", "UnsupportedError", "apply_mask", "choose", "info", "mask", "product_seconds",
    "prune_network", "read_tensor", "share", "topk_threshold", "version", "write_tensor",
]
