"""Steps of LSTMs and GRUs: Lacuna sparse over onnxruntime's dense ones, one thread, one sequence.

Lacuna is `lacuna-bench recurrent`, which checks both its sides and takes turns with OpenBLAS. onnxruntime runs a model of the one
GRU or LSTM, by I/O binding, its last state bound to the next run's first; a call of 100 steps tells what a step costs without the call.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import numpy as np
import onnx
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", ".build", "release", "lacuna-bench")
# Cell, inputs, hidden units: the GRU of WaveRNN at each sample, the encoders of g2p-en and of silero-vad.
CELLS = {"WaveRNN": ("gru-after", 3, 1024), "g2p-en": ("gru-after", 256, 256), "silero-vad": ("lstm", 128, 128)}
KINDS = {"gru-after": ("GRU", 3), "gru": ("GRU", 3), "lstm": ("LSTM", 4)}


def onnxruntime_seconds(cell, inputs, hidden, steps, budget):
    """Median seconds of a call of so many steps."""
    operator, gates = KINDS[cell]
    random = np.random.default_rng(1)
    scale = hidden**-0.5
    weights = {"w": random.uniform(-scale, scale, (1, gates * hidden, inputs)),
               "r": random.uniform(-scale, scale, (1, gates * hidden, hidden)), "b": np.zeros((1, 2 * gates * hidden))}
    states = ["h"] + (["c"] if operator == "LSTM" else [])
    attributes = {"hidden_size": hidden} | ({"linear_before_reset": 1} if cell == "gru-after" else {})
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node(
        operator, ["x", "w", "r", "b", ""] + states, ["y"] + [s + "n" for s in states], **attributes)
    shape = [1, 1, hidden]
    graph = helper.make_graph(
        [node], "steps", [helper.make_tensor_value_info("x", kind, [steps, 1, inputs])]
        + [helper.make_tensor_value_info(s, kind, shape) for s in states],
        [helper.make_tensor_value_info("y", kind, [steps, 1, 1, hidden])]
        + [helper.make_tensor_value_info(s + "n", kind, shape) for s in states],
        [onnx.numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString(), options,
        providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    make = onnxruntime.OrtValue.ortvalue_from_numpy
    held = {"x": make(random.uniform(-1, 1, (steps, 1, inputs)).astype(np.float32))}
    binding.bind_ortvalue_input("x", held["x"])
    held["y"] = make(np.zeros((steps, 1, 1, hidden), np.float32))
    binding.bind_ortvalue_output("y", held["y"])
    for s in states:
        # Two memories would have to change places after each call, which costs more than the step.
        held[s], held[s + "n"] = (make(np.zeros(shape, np.float32)) for _ in range(2))
        binding.bind_ortvalue_input(s, held[s])
        binding.bind_ortvalue_output(s + "n", held[s + "n"])
    samples, spent = [], 0.0
    for _ in range(3):
        session.run_with_iobinding(binding)
    while spent < budget or len(samples) < 5:
        start = time.perf_counter()
        session.run_with_iobinding(binding)
        samples.append(time.perf_counter() - start)
        spent += samples[-1]
    return statistics.median(samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sparsity", default="0.8,0.9,0.95")
    parser.add_argument("--block", default="1x1,4x4")
    parser.add_argument("--time", type=float, default=0.3, help="seconds of each measurement")
    options = parser.parse_args()
    print("| cell | steps | zeros | blocks | Lacuna µs | onnxruntime dense µs | OpenBLAS dense µs | × onnxruntime | of real time at 24 kHz |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (cell, inputs, hidden) in CELLS.items():
        for steps in (1, 100):
            dense = onnxruntime_seconds(cell, inputs, hidden, steps, options.time) / steps
            output = subprocess.run(
                [BENCH, "recurrent", "--shape", f"{cell}x{inputs}x{hidden}x{steps}x1", "--sparsity", options.sparsity,
                 "--block", options.block, "--time", str(options.time), "--json"],
                check=True, capture_output=True, text=True).stdout
            for row in map(json.loads, output.splitlines()):
                step = row["stepSeconds"]
                print(f"| {name}: {cell} {inputs} → {hidden} | {steps} | {row['sparsity'] * 100:g} % | {row['block']} | "
                      f"{step * 1e6:.1f} | {dense * 1e6:.1f} | {row['denseSeconds'] / steps * 1e6:.1f} | {dense / step:.1f} | "
                      f"{step * 24000:.2f} |", flush=True)
    print(f"\nonnxruntime {onnxruntime.__version__}; OpenBLAS {row['denseCore']}, Lacuna's kernels {row['isa']}.")


main()
