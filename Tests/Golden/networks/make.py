"""Writes networks.npz beside it: pip install onnx==1.23.2 onnxruntime==1.32.0 numpy && python make.py

Small networks, an operator or a few each, with inputs and what onnxruntime makes of them. For every case NAME the archive holds
`NAME/model` (the bytes of an ONNX file), `NAME/x/INPUT` and `NAME/y/OUTPUT`. Seeds are fixed.
"""
import os
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T, helper as h, numpy_helper

here = os.path.dirname(os.path.abspath(__file__))
archive = {}
kinds = {np.dtype("float32"): T.FLOAT, np.dtype("int64"): T.INT64, np.dtype("int32"): T.INT32, np.dtype("bool"): T.BOOL}


def random(name, *shape, zeros=0.0):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    x = rng.standard_normal(shape).astype(np.float32)
    return np.where(rng.random(shape) < zeros, 0, x).astype(np.float32)


def save(name, nodes, inputs, outputs=("y",), constants=None, opset=17, sparse=(), open_axes=False):
    """`inputs` and `constants` by name; `sparse` names those constants that become sparse initialisers."""
    constants = constants or {}
    dense = [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items() if n not in sparse]
    pairs = []
    for n in sparse:
        a = np.asarray(constants[n])
        places = np.flatnonzero(a)
        values = h.make_tensor(n, T.FLOAT, [len(places)], a.reshape(-1)[places])
        pairs.append(h.make_sparse_tensor(values, h.make_tensor(n + ".i", T.INT64, [len(places)], places), a.shape))

    def value(n, a):
        shape = [f"{n}{i}" for i in range(a.ndim)] if open_axes else a.shape
        return h.make_tensor_value_info(n, kinds[a.dtype], shape)

    graph = h.make_graph(
        nodes, name, [value(n, a) for n, a in inputs.items()],
        [h.make_empty_tensor_value_info(n) for n in outputs], dense, sparse_initializer=pairs)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8)
    bytes = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(bytes, providers=["CPUExecutionProvider"])
    archive[f"{name}/model"] = np.frombuffer(bytes, np.uint8)
    for n, a in inputs.items():
        archive[f"{name}/x/{n}"] = a
    for n, a in zip(outputs, session.run(list(outputs), inputs)):
        archive[f"{name}/y/{n}"] = np.asarray(a)


def one(name, operation, inputs, constants=None, opset=17, outputs=("y",), order=None, **attributes):
    names = order or list(inputs) + list(constants or {})
    save(name, [h.make_node(operation, names, list(outputs), **attributes)], inputs, outputs, constants, opset)


N = h.make_node
i64 = lambda *v: np.array(v, np.int64)
f32 = lambda *v: np.array(v, np.float32)

# Functions of single elements.
x = {"x": np.concatenate([random("x", 4, 9) * 3, np.float32([[-90, -20, -1, -0.5, 0, 0.5, 1, 20, 90]])])}
for operation in ("Relu Sigmoid Tanh Erf Exp Neg Abs Floor Ceil Round Sin Cos Softplus HardSwish Elu LeakyRelu HardSigmoid "
                  "Reciprocal").split():
    one(operation.lower(), operation, x)
one("sqrt", "Sqrt", {"x": np.abs(x["x"])})
one("log", "Log", {"x": np.abs(x["x"]) + 0.1})
one("gelu", "Gelu", x, opset=20)
one("gelu-tanh", "Gelu", x, opset=20, approximate="tanh")
one("clip", "Clip", x, {"low": np.float32(-1), "high": np.float32(2)})
one("clip-old", "Clip", x, opset=6, min=0.0, max=6.0)
one("prelu", "PRelu", x, {"slope": random("slope", 9)})
for operation in "Add Sub Mul Div Max Min".split():
    one(operation.lower(), operation, {"a": random("a", 3, 1, 7), "b": random("b", 5, 1) + 3})
one("pow", "Pow", {"a": np.abs(random("a", 3, 5))}, {"b": np.float32(1.7)})
one("square", "Pow", {"a": random("a", 3, 5)}, {"b": np.float32(2)})
one("sum", "Sum", {"a": random("a", 3, 4), "b": random("b", 4), "c": random("c", 3, 1)})
one("where", "Where", {"c": random("c", 3, 1) > 0, "a": random("a", 1, 4), "b": random("b", 3, 4)})
one("equal", "Equal", {"a": i64(1, 2, 3), "b": i64(1, 0, 3)})
one("less", "Less", {"a": random("a", 3, 4), "b": random("b", 4)})
one("mod", "Mod", {"a": i64(-7, 7, -7, 7), "b": i64(3, 3, -3, -3)})

# Products.
a = {"a": random("a", 5, 24)}
one("matmul", "MatMul", a, {"w": random("w", 24, 16)})
one("matmul-sparse", "MatMul", a, {"w": random("w", 24, 40, zeros=0.9)})
save("matmul-initializer", [N("MatMul", ["a", "w"], ["y"])], a, constants={"w": random("w", 24, 40, zeros=0.9)}, sparse=("w",))
one("matmul-left", "MatMul", {"a": random("a", 24, 6)}, {"w": random("w", 16, 24, zeros=0.8)}, order=["w", "a"])
one("matmul-left-batch", "MatMul", {"a": random("a", 3, 24, 6)}, {"w": random("w", 16, 24, zeros=0.8)}, order=["w", "a"])
one("matmul-stack", "MatMul", {"a": random("a", 2, 3, 5, 24)}, {"w": random("w", 24, 16, zeros=0.5)})
one("matmul-batch", "MatMul", {"a": random("a", 2, 1, 5, 8), "b": random("b", 3, 8, 7)})
one("matmul-vector", "MatMul", {"a": random("a", 8), "b": random("b", 3, 8, 7)})
one("gemm", "Gemm", a, {"w": random("w", 16, 24), "c": random("c", 16)}, transB=1, alpha=0.5, beta=2.0)
one("gemm-sparse", "Gemm", a, {"w": random("w", 16, 24, zeros=0.9), "c": random("c", 1, 16)}, transB=1)
one("gemm-full", "Gemm", {"a": random("a", 24, 5), "b": random("b", 24, 16), "c": random("c", 5, 1)}, transA=1)

# Convolutions and pooling.
image = {"x": random("image", 2, 6, 13, 11)}
conv = lambda *s, zeros=0.0: random("conv", *s, zeros=zeros)
one("conv", "Conv", image, {"w": conv(8, 6, 3, 3), "b": random("b", 8)}, pads=[1, 1, 1, 1])
one("conv-sparse", "Conv", image, {"w": conv(8, 6, 3, 3, zeros=0.9), "b": random("b", 8)}, pads=[1, 0, 2, 1], strides=[2, 1])
save("conv-initializer", [N("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])], image,
     constants={"w": conv(8, 6, 3, 3, zeros=0.9)}, sparse=("w",))
one("conv-1x1", "Conv", image, {"w": conv(16, 6, 1, 1, zeros=0.8)})
one("conv-groups", "Conv", image, {"w": conv(6, 2, 3, 3)}, group=3, dilations=[2, 2])
one("conv-depthwise", "Conv", image, {"w": conv(6, 1, 5, 5), "b": random("b", 6)}, group=6, pads=[2, 2, 2, 2], strides=[2, 2])
one("conv-same", "Conv", image, {"w": conv(4, 6, 3, 2)}, auto_pad="SAME_UPPER", strides=[2, 2])
one("conv-same-lower", "Conv", image, {"w": conv(4, 6, 2, 3)}, auto_pad="SAME_LOWER")
one("conv-1d", "Conv", {"x": random("x", 2, 6, 29)}, {"w": conv(8, 6, 5, zeros=0.7)}, pads=[2, 2], strides=[3])
one("conv-transpose", "ConvTranspose", image, {"w": conv(6, 4, 2, 2), "b": random("b", 4)}, strides=[2, 2])
one("conv-transpose-padded", "ConvTranspose", image, {"w": conv(6, 4, 3, 3, zeros=0.8)}, strides=[2, 3], pads=[1, 0, 1, 2],
    output_padding=[1, 0], dilations=[1, 2])
one("max-pool", "MaxPool", image, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
one("max-pool-ceil", "MaxPool", image, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
one("max-pool-dilated", "MaxPool", image, kernel_shape=[2, 2], dilations=[2, 3])
one("max-pool-1d", "MaxPool", {"x": random("x", 2, 3, 17)}, kernel_shape=[4], strides=[3])
one("average-pool", "AveragePool", image, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
one("average-pool-padding", "AveragePool", image, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
one("average-pool-ceil", "AveragePool", image, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, opset=19)
one("global-average", "GlobalAveragePool", image)
one("global-max", "GlobalMaxPool", image)
one("resize-nearest", "Resize", image, {"s": f32(1, 1, 2, 2)}, order=["x", "", "s"], mode="nearest",
    coordinate_transformation_mode="asymmetric", nearest_mode="floor")
one("resize-nearest-half", "Resize", image, {"s": i64(2, 6, 20, 7)}, order=["x", "", "", "s"], mode="nearest")
one("resize-linear", "Resize", image, {"s": f32(1, 1, 1.5, 2)}, order=["x", "", "s"], mode="linear")
one("resize-corners", "Resize", image, {"s": i64(2, 6, 20, 7)}, order=["x", "", "", "s"], mode="linear",
    coordinate_transformation_mode="align_corners")

# Normalisation.
stats = {"scale": random("scale", 6), "shift": random("shift", 6), "mean": random("mean", 6),
         "var": np.abs(random("var", 6)) + 0.1}
one("batch-norm", "BatchNormalization", image, stats)
one("layer-norm", "LayerNormalization", a, {"scale": random("scale", 24), "shift": random("shift", 24)})
one("softmax", "Softmax", {"x": random("x", 3, 4, 5)}, axis=1)
one("softmax-old", "Softmax", {"x": random("x", 3, 4, 5)}, opset=11)
one("log-softmax", "LogSoftmax", {"x": random("x", 3, 4, 5)})

# Movement.
box = {"x": random("box", 3, 4, 5)}
one("transpose", "Transpose", box, perm=[2, 0, 1])
one("transpose-all", "Transpose", box)
one("flatten", "Flatten", box, axis=2)
one("reshape", "Reshape", box, {"s": i64(0, -1)})
one("squeeze", "Squeeze", {"x": random("x", 1, 4, 1, 5)}, {"axes": i64(-2)})
one("squeeze-old", "Squeeze", {"x": random("x", 1, 4, 1, 5)}, opset=11, axes=[0])
one("unsqueeze", "Unsqueeze", box, {"axes": i64(0, -1)})
one("concat", "Concat", {"a": random("a", 2, 3, 4), "b": random("b", 2, 5, 4)}, axis=-2)
one("split", "Split", {"x": random("x", 2, 7)}, {"sizes": i64(3, 4)}, outputs=("y", "z"), axis=1)
one("split-equal", "Split", {"x": random("x", 2, 6)}, outputs=("y", "z"), axis=1, opset=11)
one("slice", "Slice", box, {"starts": i64(-1, 1), "ends": i64(-100, 100), "axes": i64(0, 2), "steps": i64(-2, 2)})
one("slice-old", "Slice", box, opset=9, starts=[1, 0], ends=[3, -1])
one("pad", "Pad", box, {"pads": i64(0, 1, -1, 2, 0, 3), "value": np.float32(7)})
one("pad-reflect", "Pad", box, {"pads": i64(0, 1, 2, 2, 0, 3)}, mode="reflect")
one("pad-edge", "Pad", box, {"pads": i64(0, 1, 2, 5, 0, 3)}, mode="edge")
one("gather", "Gather", box, {"i": np.array([[0, -1], [2, 1]], np.int64)}, axis=1)
one("embedding", "Gather", {"i": np.array([[0, 4], [2, 1]], np.int64)}, {"w": random("w", 6, 8)}, order=["w", "i"])
one("expand", "Expand", {"x": random("x", 3, 1)}, {"s": i64(2, 1, 4)})
one("tile", "Tile", {"x": random("x", 2, 3)}, {"t": i64(2, 3)})
one("cast", "Cast", {"x": random("x", 4, 4) * 5}, to=T.INT64)
for operation in "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL2".split():
    name = "reduce-" + operation[6:].lower()
    one(name, operation, {"x": random("box", 3, 4, 5, 11)}, {"axes": i64(1, -1)}, opset=18)
    one(name + "-last", operation, {"x": random("box", 3, 4, 21)}, {"axes": i64(-1)}, opset=18, keepdims=0)
    one(name + "-middle", operation, {"x": random("box", 3, 4, 21)}, {"axes": i64(1)}, opset=18)
    one(name + "-all", operation, {"x": random("box", 3, 4)}, opset=18)

# What exporters make of shapes: nothing of it is left in a plan.
save("shapes", [
    N("Shape", ["x"], ["s"]), N("Gather", ["s", "zero"], ["batch"]), N("Unsqueeze", ["batch", "first"], ["b1"]),
    N("Concat", ["b1", "rest"], ["new"], axis=0), N("Reshape", ["x", "new"], ["r"]),
    N("Size", ["x"], ["n"]), N("Cast", ["n"], ["nf"], to=T.FLOAT), N("ConstantOfShape", ["s"], ["zeros"]),
    N("Range", ["zero", "five", "one"], ["count"]), N("Cast", ["count"], ["cf"], to=T.FLOAT),
    N("Add", ["x", "zeros"], ["u"]), N("Mul", ["u", "cf"], ["v"]), N("Div", ["v", "nf"], ["w"]), N("Reshape", ["w", "new"], ["q"]),
    N("Add", ["q", "r"], ["y"]),
], box, constants={"zero": np.int64(0), "five": np.int64(5), "one": np.int64(1), "first": i64(0), "rest": i64(-1)}, open_axes=True)

# A condition that shapes decide: one branch is left.
branches = [
    h.make_graph([N("Mul", ["x", "k"], ["m"]), N("Add", ["m", "around"], ["r"])], branch, [],
                 [h.make_empty_tensor_value_info("r")], [numpy_helper.from_array(np.float32(factor), "k")])
    for branch, factor in (("then", 2), ("else", 3))
]
for name, size in (("branch-true", 3), ("branch-false", 4)):
    save(name, [
        N("Shape", ["x"], ["s"]), N("Gather", ["s", "zero"], ["n"]), N("Equal", ["n", "size"], ["c"]), N("Relu", ["x"], ["around"]),
        N("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ], box, constants={"zero": np.int64(0), "size": np.int64(size)})

# Recurrent cells.
sequence = {"x": random("sequence", 7, 3, 10)}
gates = lambda kind, g, d, zeros=0.0: {
    "w": random(kind + "w", d, g * 12, 10, zeros=zeros) / 3, "r": random(kind + "r", d, g * 12, 12, zeros=zeros) / 3,
    "b": random(kind + "b", d, 2 * g * 12)}
state = lambda d: random("state", d, 3, 12)
one("lstm", "LSTM", sequence, gates("l", 4, 1), outputs=("y", "h", "c"), hidden_size=12)
one("lstm-sparse", "LSTM", sequence, gates("l", 4, 1, zeros=0.9), outputs=("y", "h", "c"), hidden_size=12)
one("lstm-both", "LSTM", {**sequence, "h0": state(2), "c0": -state(2)}, {**gates("l", 4, 2), "l": np.int32([7, 2, 5])},
    outputs=("y", "h", "c"), order=["x", "w", "r", "b", "l", "h0", "c0"], hidden_size=12, direction="bidirectional")
save("lstm-last", [N("LSTM", ["x", "w", "r"], ["", "h"], hidden_size=12, direction="reverse"), N("Squeeze", ["h", "first"], ["y"])],
     sequence, constants={**{k: v for k, v in gates("l", 4, 1).items() if k != "b"}, "first": i64(0)})
one("gru", "GRU", sequence, gates("g", 3, 1, zeros=0.8), outputs=("y", "h"), hidden_size=12)
one("gru-after", "GRU", {**sequence, "h0": state(2)}, gates("g", 3, 2), outputs=("y", "h"),
    order=["x", "w", "r", "b", "", "h0"], hidden_size=12, linear_before_reset=1, direction="bidirectional")

# Blocks of networks.
block = {"x": random("block", 1, 8, 14, 14)}
norm = lambda p, c: {p + "s": random(p + "s", c), p + "b": random(p + "b", c), p + "m": random(p + "m", c),
                     p + "v": np.abs(random(p + "v", c)) + 0.5}
bn = lambda p, x, y: N("BatchNormalization", [x, p + "s", p + "b", p + "m", p + "v"], [y])
save("residual-block", [
    N("Conv", ["x", "w1"], ["c1"], pads=[1, 1, 1, 1]), bn("n1", "c1", "d1"), N("Relu", ["d1"], ["e1"]),
    N("Conv", ["e1", "w2"], ["c2"], pads=[1, 1, 1, 1]), bn("n2", "c2", "d2"), N("Conv", ["x", "w3"], ["c3"]), bn("n3", "c3", "d3"),
    N("Add", ["d2", "d3"], ["s"]), N("Relu", ["s"], ["t"]), N("GlobalAveragePool", ["t"], ["p"]), N("Flatten", ["p"], ["f"]),
    N("Gemm", ["f", "w4", "b4"], ["g"], transB=1), N("Softmax", ["g"], ["y"]),
], block, constants={
    "w1": random("w1", 8, 8, 3, 3, zeros=0.8), "w2": random("w2", 8, 8, 3, 3, zeros=0.8), "w3": random("w3", 8, 8, 1, 1),
    "w4": random("w4", 10, 8), "b4": random("b4", 10), **norm("n1", 8), **norm("n2", 8), **norm("n3", 8)})
save("inverted-block", [
    N("Conv", ["x", "w1"], ["c1"]), bn("n1", "c1", "d1"), N("Clip", ["d1", "zero", "six"], ["e1"]),
    N("Conv", ["e1", "w2"], ["c2"], pads=[1, 1, 1, 1], group=24), bn("n2", "c2", "d2"), N("Clip", ["d2", "zero", "six"], ["e2"]),
    N("Conv", ["e2", "w3"], ["c3"]), bn("n3", "c3", "d3"), N("Add", ["x", "d3"], ["y"]),
], block, constants={
    "w1": random("w1", 24, 8, 1, 1, zeros=0.7), "w2": random("w2", 24, 1, 3, 3), "w3": random("w3", 8, 24, 1, 1, zeros=0.7),
    "zero": np.float32(0), "six": np.float32(6), **norm("n1", 24), **norm("n2", 24), **norm("n3", 8)})
save("hard-swish-by-hand", [
    N("Conv", ["x", "w"], ["c"]), N("Mul", ["c", "scale"], ["m"]), N("Add", ["m", "shift"], ["a"]), N("Sub", ["a", "shift"], ["u"]),
    N("Add", ["u", "three"], ["t"]), N("Clip", ["t", "zero", "six"], ["k"]), N("Mul", ["u", "k"], ["z"]), N("Div", ["z", "six"], ["h"]),
    N("GlobalAveragePool", ["h"], ["p"]), N("HardSigmoid", ["p"], ["q"]), N("Mul", ["h", "q"], ["y"]),
], block, constants={
    "w": random("w", 16, 8, 1, 1), "scale": random("scale", 1, 16, 1, 1), "shift": random("shift", 16, 1, 1),
    "three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)})
tokens = {"x": random("tokens", 2, 7, 32)}
save("attention", [
    N("MatMul", ["x", "wq"], ["q0"]), N("Add", ["q0", "bq"], ["q1"]), N("Reshape", ["q1", "heads"], ["q2"]),
    N("Transpose", ["q2"], ["q"], perm=[0, 2, 1, 3]), N("MatMul", ["x", "wk"], ["k0"]), N("Reshape", ["k0", "heads"], ["k1"]),
    N("Transpose", ["k1"], ["k"], perm=[0, 2, 3, 1]), N("MatMul", ["x", "wv"], ["v0"]), N("Reshape", ["v0", "heads"], ["v1"]),
    N("Transpose", ["v1"], ["v"], perm=[0, 2, 1, 3]), N("MatMul", ["q", "k"], ["s0"]), N("Div", ["s0", "root"], ["s1"]),
    N("Softmax", ["s1"], ["p"], axis=-1), N("MatMul", ["p", "v"], ["o0"]), N("Transpose", ["o0"], ["o1"], perm=[0, 2, 1, 3]),
    N("Reshape", ["o1", "flat"], ["o"]), N("MatMul", ["o", "wo"], ["r0"]), N("Add", ["r0", "x"], ["r"]),
    N("LayerNormalization", ["r", "ls", "lb"], ["n"]), N("MatMul", ["n", "w1"], ["f0"]), N("Add", ["f0", "b1"], ["f1"]),
    N("Div", ["f1", "two"], ["g0"]), N("Erf", ["g0"], ["g1"]), N("Add", ["g1", "one"], ["g2"]), N("Mul", ["f1", "g2"], ["g3"]),
    N("Mul", ["g3", "half"], ["g"]), N("MatMul", ["g", "w2"], ["h"]), N("Add", ["h", "n"], ["y"]),
], tokens, constants={
    **{n: random(n, 32, 32, zeros=0.8) / 6 for n in ("wq", "wk", "wv", "wo")}, "bq": random("bq", 32),
    "heads": i64(0, 0, 4, 8), "flat": i64(0, 0, 32), "root": np.float32(8 ** 0.5), "ls": random("ls", 32), "lb": random("lb", 32),
    "w1": random("w1", 32, 64, zeros=0.9), "b1": random("b1", 64), "two": np.float32(2 ** 0.5), "one": np.float32(1),
    "half": np.float32(0.5), "w2": random("w2", 64, 32, zeros=0.9)})
save("ports", [
    N("Identity", ["x"], ["same"]), N("Reshape", ["x", "s"], ["flat"]), N("Relu", ["x"], ["r"]), N("Reshape", ["r", "s"], ["rf"]),
    N("Reshape", ["r", "t"], ["rt"]), N("Identity", ["s"], ["known"]),
], box, outputs=("same", "flat", "r", "rf", "rt", "known"), constants={"s": i64(-1), "t": i64(5, -1)})

np.savez_compressed(os.path.join(here, "networks.npz"), **archive)
print(len([n for n in archive if n.endswith("/model")]), "networks")
