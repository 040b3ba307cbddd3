"""Networks whose 1×1 convolutions XNNPACK may run sparse, made without TensorFlow for LiteRT.

XNNPACK runs convolutions sparse only inside a network of a certain form: weights in TFLite's sparse
encoding, a 3×3 stride-2 convolution of three channels in front (where it turns NHWC into NCHW) and a
global average behind. So the network here is

    input [1, 2h, 2w, 3] → pad → conv 3×3/2 → [conv k→m → conv m→k] × pairs → mean over the pixels

and the seconds of one product are the difference between networks of different depth, divided by the
number of products that they differ by. For m ≠ k that is the mean of W·X and of the transposed shape.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter


class Network:
    """A TFLite model under construction; tensors and operators are added in order."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]
        self.codes = {}

    def tensor(self, shape, values=None, kind=schema.TensorType.FLOAT32):
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), kind
        tensor.name = f"t{len(self.graph.tensors)}"
        tensor.buffer = 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, code, inputs, outputs, kind=None, options=None):
        if code not in self.codes:
            entry = schema.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
            self.codes[code] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(entry)
        op = schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self.codes[code], inputs, outputs
        if options is not None:
            op.builtinOptionsType, op.builtinOptions = kind, options
        self.graph.operators.append(op)

    def sparse_weights(self, weights):
        """A [m, 1, 1, k] tensor in sparse encoding (the last dimension in CSR), densified."""
        m, k = weights.shape
        counts = np.concatenate([[0], np.cumsum((weights != 0).sum(axis=1))]).astype(np.int32)
        columns = np.nonzero(weights)[1].astype(np.int32)
        sparse = self.tensor([m, 1, 1, k], weights[weights != 0])
        parameters = schema.SparsityParametersT()
        parameters.traversalOrder, parameters.dimMetadata = [0, 1, 2, 3], []
        for size in (m, 1, 1):
            dense = schema.DimensionMetadataT()
            dense.format, dense.denseSize = schema.DimensionType.DENSE, size
            parameters.dimMetadata.append(dense)
        compressed = schema.DimensionMetadataT()
        compressed.format = schema.DimensionType.SPARSE_CSR
        compressed.arraySegmentsType = compressed.arrayIndicesType = schema.SparseIndexVector.Int32Vector
        compressed.arraySegments, compressed.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
        compressed.arraySegments.values, compressed.arrayIndices.values = counts, columns
        parameters.dimMetadata.append(compressed)
        self.graph.tensors[sparse].sparsity = parameters
        dense = self.tensor([m, 1, 1, k])
        self.operator(
            schema.BuiltinOperator.DENSIFY, [sparse], [dense], schema.BuiltinOptions.DensifyOptions,
            schema.DensifyOptionsT())
        return dense

    def convolution(self, x, weights, bias, shape, stride):
        y = self.tensor(shape)
        options = schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.VALID, stride, stride
        options.dilationHFactor = options.dilationWFactor = 1
        self.operator(
            schema.BuiltinOperator.CONV_2D, [x, weights, bias], [y],
            schema.BuiltinOptions.Conv2DOptions, options)
        return y

    def bytes(self, x, y):
        self.graph.inputs, self.graph.outputs = [x], [y]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def network(case, first, second, pairs):
    """The model for so many pairs of products, and its expected output for an input of ones."""
    h, w = factors(case.n)
    k, m = case.k, case.m
    random = np.random.default_rng(2)
    entry = random.uniform(-1, 1, (k, 3, 3, 3)).astype(np.float32)
    net = Network()
    x = net.tensor([1, 2 * h, 2 * w, 3])
    padded = net.tensor([1, 2 * h + 2, 2 * w + 2, 3])
    border = net.tensor([4, 2], np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32), schema.TensorType.INT32)
    net.operator(
        schema.BuiltinOperator.PAD, [x, border], [padded], schema.BuiltinOptions.PadOptions,
        schema.PadOptionsT())
    y = net.convolution(
        padded, net.tensor(entry.shape, entry), net.tensor([k], np.zeros(k, np.float32)),
        [1, h, w, k], 2)
    for _ in range(pairs):
        for weights in (first, second):
            size = weights.shape[0]
            y = net.convolution(
                y, net.sparse_weights(weights), net.tensor([size], np.zeros(size, np.float32)),
                [1, h, w, size], 1)
    axes = net.tensor([2], np.array([1, 2], np.int32), schema.TensorType.INT32)
    mean = net.tensor([1, 1, 1, k])
    options = schema.ReducerOptionsT()
    options.keepDims = True
    net.operator(
        schema.BuiltinOperator.MEAN, [y, axes], [mean], schema.BuiltinOptions.ReducerOptions,
        options)
    # Of an input of ones, the entry convolution sees a border of zeros at the top and the left.
    pixels = np.empty((h, w, k))
    full = entry.astype(np.float64)
    pixels[:, :] = full.sum(axis=(1, 2, 3))
    pixels[0, :] = full[:, 1:].sum(axis=(1, 2, 3))
    pixels[:, 0] = full[:, :, 1:].sum(axis=(1, 2, 3))
    pixels[0, 0] = full[:, 1:, 1:].sum(axis=(1, 2, 3))
    expected = pixels.mean(axis=(0, 1))
    for _ in range(pairs):
        expected = second.astype(np.float64) @ (first.astype(np.float64) @ expected)
    return net.bytes(x, mean), expected


def factors(n):
    """The most square h·w = n."""
    h = int(n**0.5)
    while n % h:
        h -= 1
    return h, n // h


# Deep enough that the difference is far above the noise, shallow enough to stay finite.
DEPTHS = (1, 5)


def products_between():
    """How many products the networks of the two depths differ by."""
    return 2 * (DEPTHS[1] - DEPTHS[0])


def checked(case, pairs):
    """An interpreter of the network for so many pairs, which gave the expected result."""

    def scaled(weights):
        # So that many products in a row neither overflow nor vanish.
        return weights * np.float32((3 / (weights.shape[1] * (1 - case.sparsity))) ** 0.5)

    first, second = scaled(case.dense), scaled(np.ascontiguousarray(case.dense.T))
    model, expected = network(case, first, second, pairs)
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    interpreter.set_tensor(details["index"], np.ones(details["shape"], np.float32))
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel()
    # A check of the whole network, whose sums pile up: the bound is loose.
    if not np.allclose(result, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max()):
        raise RuntimeError(f"wrong result after {pairs} pairs of products")
    return interpreter
