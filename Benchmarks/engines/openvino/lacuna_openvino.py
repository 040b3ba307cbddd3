"""Lacuna inside OpenVINO: products whose constant weights have zeros become one operation of an extension, before compiling.

    core = openvino.Core()
    model, decisions = lacuna_openvino.claim(core, core.read_model("model.onnx"), "extension.so")
    compiled = core.compile_model(model, "CPU")

`build` makes the extension for the release of OpenVINO that is installed. Where it cannot be used, a warning says why and the
model stays as it was.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
import openvino as ov
from openvino.utils import replace_node
from openvino.utils.node_factory import NodeFactory

PRODUCTS = ("MatMul", "Convolution", "GroupConvolution")
LOG = logging.getLogger("lacuna.openvino")


class Refusal(Exception):
    """Why a product stays OpenVINO's."""


def claim(core: ov.Core, model: ov.Model, library: str, *, min_zeros: Optional[float] = None,
          min_weights: int = 4096, width: int = 64, bf16: bool = False, report: Optional[str] = None
          ) -> Tuple[ov.Model, List[Dict[str, Any]]]:
    """The model with products replaced where a plan is estimated to gain, or `model` itself where none is, and a dict for each
    product: name, type, the nodes that one plan computes, rows, columns, width, zeros, claimed, and the kernel or the reason.

    - library: what `build` made. `core` gets it as an extension.
    - min_zeros: the share of zeros below which weights are left alone whatever the estimate says; None: what was measured.
    - min_weights: the number of weights below which a layer is not worth the call.
    - width: rows that a product gets at once where the model's shapes do not say.
    - bf16: round weights and activations to bfloat16, as OpenVINO does where it is compiled so; the sums stay float32.
    - report: a file that gets the same as JSON.
    """
    made, factory, unusable = model, None, ""
    try:
        # What compiling begins with: folds Gemm's factors into its weights, makes one Clamp of a pair of bounds.
        from openvino._offline_transformations import apply_moc_transformations

        factory = _factory(core, library)
        made = model.clone()  # of the same weights
        apply_moc_transformations(made, cf=False)
    except (ImportError, OSError, RuntimeError) as why:
        unusable = str(why)
        LOG.warning("OpenVINO %s runs its own kernels alone: %s", ov.get_version(), unusable)
    # What the CPU computes in unless it is told otherwise.
    halves = core.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string() == "bf16"
    decisions = []
    for node in [node for graph in _graphs(made) for node in graph.get_ordered_ops() if node.get_type_name() in PRODUCTS]:
        decision: Dict[str, Any] = {
            "name": node.get_friendly_name(), "type": node.get_type_name(), "nodes": [node.get_friendly_name()],
            "rows": 0, "columns": 0, "width": 0, "zeros": 0.0, "claimed": False, "kernel": "", "reason": ""}
        try:
            if factory is None:
                raise Refusal(unusable)
            _replace(node, factory, decision, min_zeros, min_weights, width, halves, bf16)
            decision["claimed"] = True
        except (Refusal, RuntimeError, ValueError) as why:
            decision["reason"] = str(why)
        LOG.info("%s: %s", decision["name"], decision["kernel"] or "left alone, " + decision["reason"])
        decisions.append(decision)
    if report is not None:
        with open(report + ".part", "w", encoding="utf-8") as file:
            json.dump(decisions, file, indent=1)
        os.replace(report + ".part", report)
    if not any(decision["claimed"] for decision in decisions):
        return model, decisions
    made.validate_nodes_and_infer_types()
    return made, decisions


def _graphs(model: ov.Model) -> Iterator[ov.Model]:
    """The bodies inside a model (branches of If, what Loop and TensorIterator repeat), and the model."""
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "If":
            yield from _graphs(node.get_then_body())
            yield from _graphs(node.get_else_body())
        elif kind in ("Loop", "TensorIterator"):
            yield from _graphs(node.get_function())
    yield model


_factories: Dict[str, NodeFactory] = {}


def _factory(core: ov.Core, library: str) -> NodeFactory:
    """What makes the operation. The library stays for the rest of the process: models outlive cores and factories."""
    import lacuna_sparse  # noqa: F401  before the extension, so that both use one liblacuna

    library = os.path.abspath(library)
    if library not in _factories:
        try:
            ctypes.CDLL(library)
        except OSError as why:  # its sentence names the file or the symbol that is missing
            raise OSError(f"{why}: the extension belongs to another release, build it again" if "libopenvino.so" in str(why)
                          else str(why)) from None
        made = NodeFactory()
        made.add_extension(library)
        _factories[library] = made
    core.add_extension(library)
    return _factories[library]


def _source(node: ov.Node, place: int) -> ov.Node:
    return node.input_value(place).get_node()


def _constant(node: ov.Node) -> Optional[np.ndarray]:
    """The floats of a constant, also of one that is stored in half precision and widened."""
    if node.get_type_name() == "Convert":
        node = _source(node, 0)
    if node.get_type_name() != "Constant" or node.get_element_type() not in (ov.Type.f32, ov.Type.f16):
        return None
    return np.asarray(node.data, np.float32)


def _reader(node: ov.Node) -> Optional[ov.Node]:
    """The only reader of a node's only output."""
    readers = [place.get_node() for place in node.output(0).get_target_inputs()]
    return readers[0] if len(readers) == 1 else None


def _bias(node: Optional[ov.Node], product: ov.Node, rows: int) -> Optional[np.ndarray]:
    """One constant number for each output, when that is what `node` adds."""
    if node is None or node.get_type_name() != "Add":
        return None
    other = 1 if _source(node, 0).get_name() == product.get_name() else 0
    bias, rank = _constant(_source(node, other)), product.get_output_partial_shape(0).rank
    if bias is None or rank.is_dynamic or bias.ndim > rank.get_length() or bias.shape[-1:] != (rows,) or bias.size != rows:
        return None
    return bias.reshape(rows)


def _activation(node: Optional[ov.Node]) -> Any:
    if node is None:
        return None
    if node.get_type_name() == "Relu":
        return "relu"
    if node.get_type_name() == "Clamp":
        return (node.get_attributes()["min"], node.get_attributes()["max"])
    return None


def _weights(node: ov.Node) -> np.ndarray:
    """W as [out, in]."""
    if node.get_type_name() != "MatMul":
        raise Refusal("images stay in OpenVINO's own layout: see README.md")
    if node.get_input_element_type(0) != ov.Type.f32 or node.get_output_element_type(0) != ov.Type.f32:
        raise Refusal("its input or output is not float32")
    weights, attributes = _constant(_source(node, 1)), node.get_attributes()
    if weights is None:
        raise Refusal("its weights are the first operand" if _constant(_source(node, 0)) is not None
                      else "its weights are not constant floats")
    if weights.ndim != 2:
        raise Refusal("its weights are not a matrix")
    if attributes["transpose_a"]:
        raise Refusal("its input is transposed")
    return weights if attributes["transpose_b"] else weights.T


def _width(shape: ov.PartialShape, otherwise: int) -> int:
    """How many rows X has."""
    if shape.rank.is_dynamic or any(d.is_dynamic for d in list(shape)[:-1]):
        return otherwise
    return min(max(int(np.prod([d.get_length() for d in list(shape)[:-1]], dtype=np.int64)), 1), 65536)


# The plan's dense candidate is OpenBLAS's, and OpenVINO's own is quicker with few rows: from these shares on the estimate was
# right. (OpenVINO 2026.4.1, one thread, AVX2: encoders of MiniLM-L6's shapes; with 4 rows and 50, 60, 70 % zeros 1.08, 0.97,
# 0.80 of OpenVINO's own time, with 16 rows 0.98, 0.86, with 128 rows and 40, 50 % 0.82, 0.73.) Where it computes in bf16, half
# as long: with one row and 70 % 0.97, with 16 rows and 80, 90 % 1.35, 0.89, with 128 rows 0.89, 0.68 (Zen 5).
def _least_zeros(width: int, halves: bool) -> float:
    if halves:
        return 0.75 if width >= 32 or width == 1 else 0.88
    return 0.4 if width >= 32 else 0.6


def _replace(node: ov.Node, factory: NodeFactory, decision: Dict[str, Any], min_zeros: Optional[float], min_weights: int,
             width: int, halves: bool, bf16: bool) -> None:
    import lacuna_sparse as lacuna

    weights = _weights(node)
    rows, columns = weights.shape
    width = _width(node.get_input_partial_shape(0), width)
    zeros = 1 - np.count_nonzero(weights) / max(weights.size, 1)
    decision.update(rows=rows, columns=columns, width=width, zeros=round(float(zeros), 6))
    if weights.size < min_weights:
        raise Refusal("it has few weights")
    if zeros < (_least_zeros(width, halves) if min_zeros is None else min_zeros):
        raise Refusal(f"it has few zeros for {width} rows")
    nodes = [node]
    bias = _bias(_reader(node), node, rows)
    if bias is not None:
        nodes.append(_reader(node))
    activation = _activation(_reader(nodes[-1]))
    if activation is not None:
        nodes.append(_reader(nodes[-1]))
    matrix = lacuna.Matrix.from_numpy(weights).converted("csr")
    if bf16:
        matrix = matrix.astype("bfloat16")
    plan = lacuna.Plan(matrix, width, "rows", bias, activation, allow_bf16_activations=bf16)
    if plan.kernel in ("dense", "pairs-dense"):
        raise Refusal("by the plan's estimate dense is as fast")
    blob = ov.op.Constant(np.frombuffer(bytes(plan), np.uint8))
    made = factory.create("LacunaProduct", [node.input_value(0), blob.output(0)])
    made.set_friendly_name(nodes[-1].get_friendly_name())
    decision.update(nodes=[n.get_friendly_name() for n in nodes], kernel=plan.kernel)
    replace_node(nodes[-1], made)
