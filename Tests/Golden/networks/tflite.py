"""Writes tflite.npz beside it: small TFLite networks, inputs, and what LiteRT makes of them.

    pip install ai-edge-litert==2.3.0 numpy && python tflite.py

name/model are the bytes of the file, name/x/… and name/y/… the arrays by the names of the tensors.
"""
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Python/tests"))
from tflite import Model, encoded, schema  # noqa: E402

RANDOM = np.random.default_rng(20261127)
ARRAYS = {}


def array(*shape, zeros=0.0, dtype=np.float32):
    values = RANDOM.standard_normal(shape)
    values[RANDOM.random(shape) < zeros] = 0
    return values.astype(dtype)


def save(name, model, inputs, outputs):
    content = model.content(inputs, outputs)
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    ARRAYS[f"{name}/model"] = np.frombuffer(content, np.uint8)
    for detail in interpreter.get_input_details():
        x = array(*detail["shape"])
        interpreter.set_tensor(detail["index"], x)
        ARRAYS[f"{name}/x/{detail['name']}"] = x
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        ARRAYS[f"{name}/y/{detail['name']}"] = interpreter.get_tensor(detail["index"])


def options(kind, **fields):
    made = getattr(schema, kind + "OptionsT")()
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def single(name, shape, out, operator, made=None, *constants, version=1):
    """A network of one operator."""
    model = Model()
    x = model.tensor(shape)
    y = model.tensor(out)
    model.operator(operator, [x] + [model.constant(c) for c in constants], [y], made, version)
    save(name, model, [x], [y])


IMAGE = (1, 7, 9, 8)
for number, (strides, same, dilations, activation) in enumerate((
        ((1, 1), True, (1, 1), ""), ((2, 3), True, (1, 1), "RELU"), ((1, 2), False, (1, 1), "RELU6"),
        ((1, 1), True, (2, 2), "RELU_N1_TO_1"), ((1, 1), False, (2, 1), ""))):
    for depthwise in (False, True):
        model = Model()
        x = model.tensor(IMAGE)
        extents = [2 * d + 1 for d in dilations]
        size = [-(-IMAGE[1 + d] // strides[d]) if same else (IMAGE[1 + d] - extents[d]) // strides[d] + 1 for d in (0, 1)]
        filters = 16 if depthwise else 12
        w = array(*((1, 3, 3, 16) if depthwise else (12, 3, 3, 8)), zeros=0.5)
        y = model.convolution(x, model.constant(w), model.constant(array(filters)), (1, *size, filters), activation,
                              strides, same, dilations, multiplier=2 if depthwise else None)
        save(f"{'depthwise' if depthwise else 'conv'}-{number}", model, [x], [y])

# Zeros around an image that two convolutions read, of which one pads by itself; and one that is read as it is.
model = Model()
x = model.tensor((1, 6, 6, 8))
pads = model.constant(np.array([[0, 0], [0, 1], [2, 1], [0, 0]], np.int32))
padded = model.tensor((1, 7, 9, 8))
model.operator("PAD", [x, pads], [padded], options("Pad"))
first = model.convolution(padded, model.constant(array(8, 3, 3, 8)), model.constant(array(8)), (1, 3, 4, 8), "", (2, 2), False)
second = model.convolution(padded, model.constant(array(1, 3, 3, 8)), model.constant(array(8)), (1, 3, 4, 8), "RELU", (2, 2),
                           False, multiplier=1)
y = model.tensor((1, 3, 4, 8))
model.operator("ADD", [first, second], [y], options("Add", fusedActivationFunction=1))
save("pad-folded", model, [x], [y])
model = Model()
x = model.tensor((1, 6, 6, 8))
padded = model.tensor((1, 7, 9, 10))
pads = model.constant(np.array([[0, 0], [0, 1], [2, 1], [1, 1]], np.int32))
model.operator("PAD", [x, pads], [padded], options("Pad"))
y = model.convolution(padded, model.constant(array(4, 1, 1, 10)), model.constant(array(4)), (1, 7, 9, 4))
save("pad-channels", model, [x], [y, padded])

# A residual block with every step that mobile networks have.
model = Model()
x = model.tensor((1, 8, 8, 6))
h = model.convolution(x, model.constant(array(24, 1, 1, 6, zeros=0.7)), model.constant(array(24)), (1, 8, 8, 24), "RELU6")
h = model.convolution(h, model.constant(array(1, 3, 3, 24)), model.constant(array(24)), (1, 8, 8, 24), "RELU6", multiplier=1)
h = model.convolution(h, model.constant(array(6, 1, 1, 24, zeros=0.7)), model.constant(array(6)), (1, 8, 8, 6))
s = model.tensor((1, 8, 8, 6))
model.operator("ADD", [x, h], [s], options("Add"))
p = model.tensor((1, 8, 8, 6))
model.operator("PRELU", [s, model.constant(array(1, 1, 6))], [p])
m = model.tensor((1, 4, 4, 6))
model.operator("MAX_POOL_2D", [p], [m], options("Pool2D", padding=0, strideW=2, strideH=2, filterWidth=3, filterHeight=2))
a = model.tensor((1, 4, 4, 6))
model.operator("AVERAGE_POOL_2D", [m], [a], options("Pool2D", padding=0, strideW=1, strideH=1, filterWidth=3, filterHeight=3,
                                                    fusedActivationFunction=1))
c = model.tensor((1, 4, 4, 12))
model.operator("CONCATENATION", [m, a], [c], options("Concatenation", axis=-1))
r = model.tensor((1, 1, 1, 12))
model.operator("MEAN", [c, model.constant(np.array([1, 2], np.int32))], [r], options("Reducer", keepDims=True))
g = model.tensor((1, 1, 1, 12))
model.operator("LOGISTIC", [r], [g])
t = model.tensor((1, 4, 4, 12))
model.operator("MUL", [c, g], [t], options("Mul"))
f = model.fully_connected(t, model.constant(array(10, 192, zeros=0.8)), model.constant(array(10)), (1, 10), "RELU")
z = model.tensor((1, 10))
model.operator("SOFTMAX", [f], [z], options("Softmax", beta=1.0))
save("residual", model, [x], [z, t])

single("hard-swish", IMAGE, IMAGE, "HARD_SWISH", options("HardSwish"))
single("leaky-relu", IMAGE, IMAGE, "LEAKY_RELU", options("LeakyRelu", alpha=0.1))
single("mean-flat", IMAGE, (1, 8), "MEAN", options("Reducer", keepDims=False), np.array([1, 2], np.int32))
single("mean-channels", IMAGE, (1, 7, 9), "MEAN", options("Reducer", keepDims=False), np.array([-1], np.int32))
single("depth-to-space", (1, 3, 4, 12), (1, 6, 8, 3), "DEPTH_TO_SPACE", options("DepthToSpace", blockSize=2))
single("reshape", IMAGE, (1, 63, 8), "RESHAPE", options("Reshape", newShape=[1, -1, 8]))
single("reshape-input", IMAGE, (9, 56), "RESHAPE", options("Reshape"), np.array([9, 56], np.int32))
single("squeeze", (1, 5, 1, 3), (5, 3), "SQUEEZE", options("Squeeze", squeezeDims=[0, 2]))
single("transpose", IMAGE, (1, 8, 7, 9), "TRANSPOSE", options("Transpose"), np.array([0, 3, 1, 2], np.int32))
single("add-row", IMAGE, IMAGE, "ADD", options("Add"), array(8))
for number, (align, half) in enumerate(((False, False), (True, False), (False, True))):
    single(f"resize-{number}", (1, 4, 5, 3), (1, 9, 7, 3), "RESIZE_BILINEAR",
           options("ResizeBilinear", alignCorners=align, halfPixelCenters=half), np.array([9, 7], np.int32), version=3)
for keep in (False, True):
    model = Model()
    x = model.tensor((2, 5, 12))
    out = (2, 5, 7) if keep else (10, 7)
    y = model.fully_connected(x, model.constant(array(7, 12)), model.constant(array(7)), out, keep=keep)
    save(f"fully-connected-{keep}", model, [x], [y])

# Weights of 16 bits, and in TensorFlow's sparse encoding.
model = Model()
x = model.tensor((3, 24))
w = model.dequantized(model.constant(array(16, 24, dtype=np.float16)), (16, 24))
h = model.fully_connected(x, w, model.dequantized(model.constant(array(16, dtype=np.float16)), (16,)), (3, 16), "RELU")
values, sparsity = encoded(array(8, 16, zeros=0.7))
w = model.densified(model.tensor((8, 16), np.float32, values, sparsity=sparsity), (8, 16))
y = model.fully_connected(h, w, None, (3, 8))
save("half-and-sparse", model, [x], [y])

np.savez_compressed(HERE / "tflite.npz", **ARRAYS)
print(len([name for name in ARRAYS if name.endswith("/model")]), "networks")
