"""Writes cases.json: LSTM and GRU nodes as onnxruntime computes them, small enough to read.

    pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
    python make.py

Every number that goes in is a multiple of 1/64, so that it is short and exact. Each case is one ONNX node: gates in
ONNX's order, X [time, batch, inputs] and Y [time, directions, batch, hidden], or the layout with the batch first.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

RANDOM = np.random.default_rng(20261126)


def numbers(*shape):
    return (RANDOM.integers(-64, 65, shape) / 64 + 0.0).astype(np.float32)


def sparse(*shape):
    return np.where(RANDOM.random(shape) < 0.5, numbers(*shape), np.float32(0))


def run(op, direction, steps, batch, inputs, hidden, reset=0, lengths=None, bias=True, states=True):
    gates = 4 if op == "LSTM" else 3
    count = 2 if direction == "bidirectional" else 1
    feeds = {"X": numbers(steps, batch, inputs), "W": sparse(count, gates * hidden, inputs),
             "R": sparse(count, gates * hidden, hidden)}
    if bias:
        feeds["B"] = numbers(count, 2 * gates * hidden)
    if lengths:
        feeds["sequence_lens"] = np.array(lengths, np.int32)
    if states:
        feeds["initial_h"] = numbers(count, batch, hidden)
        if op == "LSTM":
            feeds["initial_c"] = numbers(count, batch, hidden)
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h"] + (["initial_c"] if op == "LSTM" else [])
    outputs = ["Y", "Y_h"] + (["Y_c"] if op == "LSTM" else [])
    attributes = {"hidden_size": hidden, "direction": direction}
    if op == "GRU":
        attributes["linear_before_reset"] = reset
    node = helper.make_node(op, [n if n in feeds else "" for n in order], outputs, **attributes)
    kind = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}
    graph = helper.make_graph(
        [node], "case",
        [helper.make_tensor_value_info(n, kind[a.dtype], a.shape) for n, a in feeds.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = dict(zip(outputs, session.run(outputs, feeds)))
    case = {"op": op, "direction": direction, "linear_before_reset": reset, "steps": steps, "batch": batch,
            "inputs": inputs, "hidden": hidden}
    for name, array in {**feeds, **results}.items():
        case[name] = [int(v) if array.dtype == np.int32 else float(np.format_float_positional(v, trim="-"))
                      for v in array.ravel()]
    return case


cases = []
for op, reset in [("LSTM", 0), ("GRU", 0), ("GRU", 1)]:
    for direction in ["forward", "reverse", "bidirectional"]:
        cases.append(run(op, direction, 4, 2, 3, 5, reset))
        cases.append(run(op, direction, 5, 3, 2, 4, reset, lengths=[5, 2, 4]))
    cases.append(run(op, "forward", 1, 1, 6, 9, reset, bias=False, states=False))

lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
path = pathlib.Path(__file__).with_name("cases.json")
path.write_text(f"[\n{lines}\n]\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
