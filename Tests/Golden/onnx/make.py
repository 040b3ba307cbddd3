"""Writes the ONNX files beside it: pip install onnx==1.23.2 numpy && python make.py

Element i of a tensor is ((7 i) mod 11) - 5, as far as its type can hold it, unless said otherwise here.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h

here = os.path.dirname(os.path.abspath(__file__))


def numbers(shape):
    return (7 * np.arange(int(np.prod(shape))) % 11 - 5).reshape(shape)


def save(name, graph, opset=17):
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], producer_name="golden")
    model.ir_version = 9
    model.doc_string = "kept as it is"
    h.set_model_props(model, {"author": "make.py"})
    onnx.checker.check_model(model)
    with open(os.path.join(here, name), "wb") as f:
        f.write(model.SerializeToString(deterministic=True))


def raw(name, values, kind=T.FLOAT):
    dtype = h.tensor_dtype_to_np_dtype(kind)
    return h.make_tensor(name, kind, values.shape, values.astype(dtype).tobytes(), raw=True)


def typed(name, values, kind=T.FLOAT):
    return h.make_tensor(name, kind, values.shape, values.flatten())


def value(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


# Gemm, MatMul behind a Transpose, MatMul, Conv, ConvTranspose: where outputs and inputs are.
save("layers.onnx", h.make_graph(
    [
        h.make_node("Gemm", ["x", "gemm.w", "gemm.b"], ["a"], transB=1),
        h.make_node("Transpose", ["turned.w"], ["turned"], perm=[1, 0]),
        h.make_node("MatMul", ["a", "turned"], ["b"]),
        h.make_node("MatMul", ["b", "matmul.w"], ["y"], name="last"),
        h.make_node("Conv", ["image", "conv.w", "conv.b"], ["c"], pads=[1, 1, 1, 1]),
        h.make_node("ConvTranspose", ["c", "up.w"], ["z"]),
    ], "layers", [value("x", [2, 6]), value("image", [1, 3, 5, 5])],
    [value("y", [2, 2]), value("z", [1, 2, 6, 6])],
    [
        raw("gemm.w", numbers((4, 6))), raw("gemm.b", numbers((4,))),
        typed("turned.w", numbers((5, 4))), raw("matmul.w", numbers((5, 2))),
        raw("conv.w", numbers((4, 3, 3, 3))), raw("conv.b", numbers((4,))),
        raw("up.w", numbers((4, 2, 2, 2))),
    ]))

# Every number type, its elements raw and in the typed field.
kinds = ["FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "BOOL", "FLOAT16", "DOUBLE",
         "UINT32", "UINT64", "BFLOAT16"]
tensors, nodes, outputs = [], [], []
for kind in kinds:
    code = getattr(T, kind)
    values = numbers((2, 6))
    if kind.startswith("UINT"):
        values = values + 5
    if kind == "BOOL":
        values = values > 0
    for form in ("raw", "typed"):
        name = f"{kind}.{form}"
        if form == "typed":
            tensors.append(typed(name, values.astype(np.float32) if "FLOAT" in kind else values, code))
        elif kind == "BFLOAT16":
            bits = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
            tensors.append(h.make_tensor(name, code, values.shape, bits.tobytes(), raw=True))
        else:
            tensors.append(raw(name, values, code))
        nodes.append(h.make_node("Identity", [name], [name + ".out"]))
        outputs.append(value(name + ".out", [2, 6], code))
save("types.onnx", h.make_graph(nodes, "types", [], outputs, tensors))

# Sparse initialisers, by position and by coordinates, and a sparse Constant.
dense = np.where(numbers((3, 4)) > 1, numbers((3, 4)), 0).astype(np.float32)
rows, columns = np.nonzero(dense)


def sparse(name, places):
    return h.make_sparse_tensor(
        typed(name, dense[rows, columns]), typed(name + ".i", places, T.INT64), dense.shape)


save("sparse.onnx", h.make_graph(
    [
        h.make_node("Constant", [], ["constant"],
                    sparse_value=sparse("", rows * 4 + columns)),
        h.make_node("MatMul", ["x", "linear"], ["a"]), h.make_node("MatMul", ["x", "pairs"], ["b"]),
        h.make_node("MatMul", ["x", "constant"], ["c"]),
    ], "sparse", [value("x", [1, 3])], [value(n, [1, 4]) for n in "abc"],
    sparse_initializer=[
        sparse("linear", rows * 4 + columns), sparse("pairs", np.stack([rows, columns], 1)),
    ]))

# Constant nodes; the same name in both branches of an If.
branches = [
    h.make_graph(
        [h.make_node("MatMul", ["x", "w"], [branch])], branch, [], [value(branch, [1, 2])],
        [raw("w", numbers((3, 2)) + shift)])
    for branch, shift in (("then", 0), ("else", 1))
]
save("constants.onnx", h.make_graph(
    [
        h.make_node("Constant", [], ["k"], value=raw("", numbers((3, 3)))),
        h.make_node("MatMul", ["x0", "k"], ["x"]),
        h.make_node("If", ["c"], ["y"], name="choice", then_branch=branches[0],
                    else_branch=branches[1]),
    ], "constants", [value("x0", [1, 3]), value("c", [], T.BOOL)], [value("y", [1, 2])]))

# Recurrent cells.
save("recurrent.onnx", h.make_graph(
    [
        h.make_node("LSTM", ["x", "lstm.w", "lstm.r", "lstm.b"], ["", "h"], hidden_size=2),
        h.make_node("GRU", ["x", "gru.w", "gru.r"], ["", "g"], hidden_size=2,
                    direction="bidirectional"),
    ], "recurrent", [value("x", [4, 1, 3])], [value("h", [1, 1, 2]), value("g", [2, 1, 2])],
    [
        raw("lstm.w", numbers((1, 8, 3))), raw("lstm.r", numbers((1, 8, 2))),
        raw("lstm.b", numbers((1, 16))), raw("gru.w", numbers((2, 6, 3))),
        raw("gru.r", numbers((2, 6, 2))),
    ]))

# Quantised weights: Q/DQ pairs with a scale per column or for all, and integer operators.
save("quantized.onnx", h.make_graph(
    [
        h.make_node("DequantizeLinear", ["columns.q", "columns.s", "columns.z"], ["columns"], axis=1),
        h.make_node("MatMul", ["x", "columns"], ["a"]),
        h.make_node("DequantizeLinear", ["one.q", "one.s", "one.z"], ["one"]),
        h.make_node("Gemm", ["x", "one"], ["b"], transB=1),
        h.make_node("QLinearConv", ["i", "is", "iz", "conv.q", "conv.s", "conv.z", "os", "oz"], ["c"]),
        h.make_node("MatMulInteger", ["u", "integer.q", "iz", "integer.z"], ["d"]),
    ], "quantized",
    [value("x", [2, 3]), value("i", [1, 1, 4, 4], T.UINT8), value("u", [2, 3], T.UINT8)],
    [value("a", [2, 4]), value("b", [2, 4]), value("c", [1, 2, 2, 2], T.UINT8),
     value("d", [2, 4], T.INT32)],
    [
        raw("columns.q", numbers((3, 4)), T.INT8),
        typed("columns.s", np.array([0.5, 0.25, 2, 1])), raw("columns.z", np.zeros(4), T.INT8),
        raw("one.q", numbers((4, 3)) + 128, T.UINT8), typed("one.s", np.array(0.5)),
        raw("one.z", np.array(128), T.UINT8),
        raw("conv.q", numbers((2, 1, 3, 3)), T.INT8), typed("conv.s", np.array([0.5, 2])),
        raw("conv.z", np.zeros(2), T.INT8), raw("integer.q", numbers((3, 4)), T.INT8),
        raw("integer.z", np.array(0), T.INT8), typed("is", np.array(0.1)),
        raw("iz", np.array(128), T.UINT8), typed("os", np.array(0.2)),
        raw("oz", np.array(3), T.UINT8),
    ]))

# Elements in a file beside the model, the second one at an offset.
first, second = raw("first", numbers((3, 4))), raw("second", numbers((4, 2)))
with open(os.path.join(here, "external.data"), "wb") as f:
    for tensor, offset in ((first, 0), (second, 64)):
        f.seek(offset)
        f.write(tensor.raw_data)
        for key, text in (("location", "external.data"), ("offset", offset),
                          ("length", len(tensor.raw_data))):
            tensor.external_data.add(key=key, value=str(text))
        tensor.ClearField("raw_data")
        tensor.data_location = T.EXTERNAL
model = h.make_model(h.make_graph(
    [h.make_node("MatMul", ["x", "first"], ["a"]), h.make_node("MatMul", ["a", "second"], ["y"])],
    "external", [value("x", [1, 3])], [value("y", [1, 2])], [first, second]))
model.ir_version = 9
with open(os.path.join(here, "external.onnx"), "wb") as f:
    f.write(model.SerializeToString(deterministic=True))
