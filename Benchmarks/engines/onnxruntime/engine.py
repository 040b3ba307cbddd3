"""Networks in onnxruntime alone and with Lacuna's provider, interleaved in one run, beside the largest difference.

The weights are random, or a model's own; their zeros are one-shot by magnitude, for speed only.

    engine.py [--quick] [--threads N] [--model FILE.onnx …]      --model: also files of yours, pruned at 80 and 90 %
"""

import argparse
import statistics
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import lacuna_sparse as lacuna
import lacuna_sparse.onnxruntime as lacuna_ort

RANDOM = np.random.default_rng(7)


def built(nodes, inputs, outputs, weights):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [numpy_helper.from_array(w, n) for n, w in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def encoder(tokens, layers=6, width=384, inner=1536, heads=12):
    """The shapes of MiniLM-L6: attention, two products inside, layer normalisation."""
    nodes, weights, x = [], {}, "x"
    size = width // heads

    def product(name, source, out, inputs):
        weights[f"{name}.w"] = (RANDOM.standard_normal((inputs, out)) / inputs ** 0.5).astype("float32")
        weights[f"{name}.b"] = np.zeros(out, "float32")
        nodes.append(helper.make_node("MatMul", [source, f"{name}.w"], [f"{name}.p"], name=name))
        nodes.append(helper.make_node("Add", [f"{name}.p", f"{name}.b"], [name]))
        return name

    def heads_of(name, source, order):
        shape = f"{name}.shape"
        weights[shape] = np.array([1, tokens, heads, size])
        nodes.append(helper.make_node("Reshape", [source, shape], [f"{name}.r"]))
        nodes.append(helper.make_node("Transpose", [f"{name}.r"], [name], perm=order))
        return name

    def normalised(name, a, b):
        weights[f"{name}.scale"], weights[f"{name}.shift"] = np.ones(width, "float32"), np.zeros(width, "float32")
        nodes.append(helper.make_node("Add", [a, b], [f"{name}.s"]))
        nodes.append(helper.make_node("LayerNormalization", [f"{name}.s", f"{name}.scale", f"{name}.shift"], [name], axis=-1))
        return name

    weights["merged"], weights["factor"] = np.array([1, tokens, width]), np.float32(size ** -0.5)
    for n in range(layers):
        q, k, v = (heads_of(f"{n}.{c}h", product(f"{n}.{c}", x, width, width), (0, 2, 3, 1) if c == "k" else (0, 2, 1, 3))
                   for c in "qkv")
        nodes.append(helper.make_node("MatMul", [q, k], [f"{n}.qk"]))
        nodes.append(helper.make_node("Mul", [f"{n}.qk", "factor"], [f"{n}.scaled"]))
        nodes.append(helper.make_node("Softmax", [f"{n}.scaled"], [f"{n}.soft"], axis=-1))
        nodes.append(helper.make_node("MatMul", [f"{n}.soft", v], [f"{n}.av"]))
        nodes.append(helper.make_node("Transpose", [f"{n}.av"], [f"{n}.t"], perm=(0, 2, 1, 3)))
        nodes.append(helper.make_node("Reshape", [f"{n}.t", "merged"], [f"{n}.m"]))
        a = normalised(f"{n}.n1", x, product(f"{n}.o", f"{n}.m", width, width))
        i = product(f"{n}.i", a, inner, width)
        weights.update({"half": np.float32(0.5), "one": np.float32(1), "root": np.float32(2 ** -0.5)})
        gelu = (("Mul", i, "root"), ("Erf", f"{i}.0"), ("Add", f"{i}.1", "one"), ("Mul", i, f"{i}.2"),
                ("Mul", f"{i}.3", "half"))
        for number, (operator, *names) in enumerate(gelu):
            nodes.append(helper.make_node(operator, names, [f"{i}.{number}"]))
        x = normalised(f"{n}.n2", a, product(f"{n}.f", f"{i}.4", width, inner))
    return built(nodes, {"x": [1, tokens, width]}, [x], weights)


def decode(layers=12, width=768):
    """The products of one decoded token of GPT-2-small's shapes, with a Tanh between them."""
    nodes, weights, x = [], {}, "x"
    for n in range(layers):
        for name, inputs, out in (("qkv", width, 3 * width), ("o", 3 * width, width), ("i", width, 4 * width),
                                  ("f", 4 * width, width)):
            key = f"{n}.{name}"
            weights[key] = (RANDOM.standard_normal((inputs, out)) / inputs ** 0.5).astype("float32")
            nodes.append(helper.make_node("MatMul", [x, key], [f"{key}.p"], name=key))
            nodes.append(helper.make_node("Tanh", [f"{key}.p"], [f"{key}.t"]))
            x = f"{key}.t"
    return built(nodes, {"x": [1, width]}, [x], weights)


def pruned(model, sparsity):
    """The model with the smallest weights of each constant matrix or kernel of one tap gone."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    used = {node.input[1] for node in made.graph.node if node.op_type in ("MatMul", "Gemm", "Conv") and len(node.input) > 1}
    for tensor in made.graph.initializer if sparsity else ():
        if tensor.name in used and tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
            w = numpy_helper.to_array(tensor).copy()
            flat = w.reshape(len(w), -1)
            lacuna.apply_mask(flat, lacuna.mask(flat, sparsity))
            tensor.CopyFrom(numpy_helper.from_array(w, tensor.name))
    return made.SerializeToString()


def feeds(session):
    """Noise for every input; what is not known of a shape is 1, whole numbers are ones."""
    result = {}
    for given in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else 1 for d in given.shape]
        if given.type not in ("tensor(float)", "tensor(int64)", "tensor(int32)"):
            raise SystemExit(f"input {given.name} is a {given.type}, which this script does not make")
        kind = {"tensor(int64)": "int64", "tensor(int32)": "int32"}.get(given.type)
        result[given.name] = np.ones(shape, kind) if kind else RANDOM.standard_normal(shape).astype("float32")
    return result


def measure(content, threads, seconds):
    """Medians of interleaved runs of both, and the largest difference relative to the largest output."""
    def options():
        made = ort.SessionOptions()
        made.intra_op_num_threads = threads
        return made

    sessions = [ort.InferenceSession(content, options(), providers=["CPUExecutionProvider"]),
                ort.InferenceSession(content, lacuna_ort.session_options(options()))]
    given = feeds(sessions[0])
    results = [session.run(None, given) for session in sessions]
    error = max(abs(a - b).max() / max(abs(a).max(), 1e-30) for a, b in zip(*results))
    if error > 1e-3:
        raise SystemExit(f"the results differ by {error:.1e}")
    times = ([], [])
    limit = time.perf_counter() + seconds
    while time.perf_counter() < limit or len(times[0]) < 5:
        for session, taken in zip(sessions, times):
            started = time.perf_counter()
            session.run(None, given)
            taken.append(time.perf_counter() - started)
    taken = sum(d["claimed"] for d in lacuna_ort.explain(content, options()))
    return [1e3 * statistics.median(t) for t in times], error, taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="half a second each: for a look, not for a figure")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", nargs="*", default=[])
    arguments = parser.parse_args()
    ort.set_default_logger_severity(3)
    nets = [("MiniLM-L6's shapes, 128 tokens", encoder(128), (0, 0.8, 0.9)),
            ("decode products of GPT-2-small's shapes", decode(), (0.5, 0.7, 0.9))]
    nets += [(path, onnx.load(path), (0, 0.8, 0.9)) for path in arguments.model]
    print(f"onnxruntime {ort.__version__}, {arguments.threads} thread(s), Lacuna {lacuna.version} on "
          f"{lacuna.info()['model']}, {lacuna.info()['isa']}\n")
    print("| network | zeros | onnxruntime ms | with Lacuna ms | share | products taken | largest difference |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, model, sparsities in nets:
        for sparsity in sparsities:
            (alone, both), error, taken = measure(pruned(model, sparsity), arguments.threads, 0.5 if arguments.quick else 6)
            print(f"| {name} | {100 * sparsity:.0f} % | {alone:.2f} | {both:.2f} | {both / alone:.2f} | {taken} | {error:.1e} |",
                  flush=True)


if __name__ == "__main__":
    main()
