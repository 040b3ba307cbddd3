"""Networks as ONNX, made here: shapes of well-known ones, random weights, one-shot zeros by magnitude (for speed only)."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import lacuna_sparse as lacuna

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


def recurrent(layers=2, units=256, steps=64):
    """LSTMs one after the other, one sequence."""
    nodes, weights, x = [], {"axes": np.array([1])}, "x"
    for n in range(layers):
        for key in "wr":
            weights[f"{key}{n}"] = (RANDOM.standard_normal((1, 4 * units, units)) / units ** 0.5).astype("float32")
        nodes += [helper.make_node("LSTM", [x, f"w{n}", f"r{n}"], [f"y{n}"], name=f"lstm {n}", hidden_size=units),
                  helper.make_node("Squeeze", [f"y{n}", "axes"], [f"s{n}"])]
        x = f"s{n}"
    return built(nodes, {"x": [steps, 1, units]}, [x], weights)


def products_of_bytes(sparsity, block, layers=6, width=1024, rows=128):
    """Products of a quantized model (QDQ), one after the other: weights in blocks of outputs by inputs.

    Weights have seven bits and activations eight, as quantisers choose for processors whose sums of two products saturate.
    """
    nodes, holders, x = [], {"zero": np.uint8(128), "step": np.float32(0.05)}, "x"
    for n in range(layers):
        kept = RANDOM.random((width // block[1], width // block[0])) >= sparsity
        kept = np.repeat(np.repeat(kept, block[1], axis=0), block[0], axis=1)
        holders[f"w{n}"] = (RANDOM.integers(-63, 64, (width, width)) * kept).astype(np.int8)
        # So that the bytes of the result are used, and few are the least or the greatest.
        holders[f"s{n}"] = np.full(width, 0.02 / max(width * (1 - sparsity), 1) ** 0.5, "float32")
        nodes += [helper.make_node("DequantizeLinear", [x, "step", "zero"], [f"x{n}"]),
                  helper.make_node("DequantizeLinear", [f"w{n}", f"s{n}"], [f"f{n}"], axis=1),
                  helper.make_node("MatMul", [f"x{n}", f"f{n}"], [f"p{n}"], name=f"product {n}"),
                  helper.make_node("QuantizeLinear", [f"p{n}", "step", "zero"], [f"y{n}"])]
        x = f"y{n}"
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.UINT8, [rows, width])],
        [helper.make_tensor_value_info(x, TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in holders.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def convolutions_of_bytes(sparsity, block, layers=6, channels=128, size=28):
    """3×3 convolutions of a quantized model (QDQ), one after the other: weights in blocks of filters by channels of one tap."""
    nodes, holders, x = [], {"zero": np.uint8(128), "step": np.float32(0.05)}, "x"
    for n in range(layers):
        kept = RANDOM.random((channels // block[0], channels // block[1], 3, 3)) >= sparsity
        kept = np.repeat(np.repeat(kept, block[0], axis=0), block[1], axis=1)
        holders[f"w{n}"] = (RANDOM.integers(-63, 64, (channels, channels, 3, 3)) * kept).astype(np.int8)
        holders[f"s{n}"] = np.full(channels, 0.02 / max(9 * channels * (1 - sparsity), 1) ** 0.5, "float32")
        nodes += [helper.make_node("DequantizeLinear", [x, "step", "zero"], [f"x{n}"]),
                  helper.make_node("DequantizeLinear", [f"w{n}", f"s{n}"], [f"f{n}"], axis=0),
                  helper.make_node("Conv", [f"x{n}", f"f{n}"], [f"p{n}"], name=f"convolution {n}", pads=[1, 1, 1, 1]),
                  helper.make_node("QuantizeLinear", [f"p{n}", "step", "zero"], [f"y{n}"])]
        x = f"y{n}"
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, channels, size, size])],
        [helper.make_tensor_value_info(x, TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in holders.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def sized(model, shape):
    """The model for an input of that shape, where one is given."""
    if shape is not None:
        for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim, shape):
            dim.Clear()
            dim.dim_value = size
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
    return model


def pruned(model, sparsity):
    """The model with the smallest weights of each constant matrix and kernel gone, but those of depthwise convolutions."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    used = {node.input[1] for node in made.graph.node if node.op_type in ("MatMul", "Gemm", "Conv") and len(node.input) > 1}
    used |= {name for node in made.graph.node if node.op_type in ("LSTM", "GRU") for name in node.input[1:3]}
    for node in made.graph.node:
        if any(a.name == "group" and a.i > 1 for a in node.attribute):
            used.discard(node.input[1])
    held = [(t, t.name) for t in made.graph.initializer]
    held += [(a.t, node.output[0]) for node in made.graph.node if node.op_type == "Constant" for a in node.attribute
             if a.name == "value"]
    for tensor, name in held if sparsity else ():
        if name in used and tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
            w = numpy_helper.to_array(tensor).copy()
            flat = w.reshape(-1, w.shape[-1]) if w.ndim == 3 else w.reshape(len(w), -1)
            lacuna.apply_mask(flat, lacuna.mask(flat, sparsity))
            kept = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(w, kept))
    return made.SerializeToString()
