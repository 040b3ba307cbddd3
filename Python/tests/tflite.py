"""Tiny .tflite models, written with the schema that comes with ai-edge-litert."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1, np.dtype(np.int32): 2, np.dtype(np.bool_): 6,
         np.dtype(np.int8): 9}
ACTIVATIONS = {"": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3, "TANH": 4}
OPERATORS = schema.BuiltinOperator


class Model:
    """A graph under construction; tensors are numbers, −1 is none. With `main` it is another graph of that one's model."""

    def __init__(self, main=None):
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.codes, self.buffers, self.graphs = ([], [schema.BufferT()], []) if main is None else (
            main.codes, main.buffers, main.graphs)
        self.graphs.append(self.graph)

    def tensor(self, shape, dtype=np.float32, value=None, signature=None, sparsity=None, scales=None, zero=0):
        """`scales` of integers: one number, or one for each place of the first dimension."""
        made = schema.TensorT()
        made.shape, made.type, made.name = list(shape), TYPES[np.dtype(dtype)], f"t{len(self.graph.tensors)}"
        made.shapeSignature, made.sparsity, made.buffer = signature, sparsity, 0
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            made.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if np.dtype(dtype) == np.int8 or scales is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = [float(s) for s in np.atleast_1d(0.05 if scales is None else scales)]
            made.quantization.zeroPoint = [zero] * len(made.quantization.scale)
            made.quantization.quantizedDimension = 0
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def constant(self, value, scales=None):
        return self.tensor(value.shape, value.dtype, value, scales=scales)

    def operator(self, name, inputs, outputs, options=None, version=1):
        code = getattr(OPERATORS, name)
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), version
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(self.codes), list(inputs), list(outputs)
        if options is not None:
            kind = type(options).__name__[:-1]
            made.builtinOptions, made.builtinOptionsType = options, getattr(schema.BuiltinOptions, kind)
        self.codes.append(entry)
        self.graph.operators.append(made)

    def dequantized(self, source, shape):
        made = self.tensor(shape)
        self.operator("DEQUANTIZE", [source], [made], schema.DequantizeOptionsT(), 3)
        return made

    def densified(self, source, shape, dtype=np.float32):
        made = self.tensor(shape, dtype)
        self.operator("DENSIFY", [source], [made], schema.DensifyOptionsT())
        return made

    def fully_connected(self, x, w, bias, shape, activation="", keep=False, signature=None, **result):
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction, options.keepNumDims = ACTIVATIONS[activation], keep
        made = self.tensor(shape, signature=signature, **result)
        self.operator("FULLY_CONNECTED", [x, w] + ([] if bias is None else [bias]), [made], options,
                      5 if keep or result else 1)
        return made

    def convolution(self, x, w, bias, shape, activation="", strides=(1, 1), same=True, dilations=(1, 1), multiplier=None,
                    signature=None, **result):
        """With `multiplier` a depthwise one."""
        options = schema.Conv2DOptionsT() if multiplier is None else schema.DepthwiseConv2DOptionsT()
        options.fusedActivationFunction, options.padding = ACTIVATIONS[activation], 0 if same else 1
        (options.strideH, options.strideW), (options.dilationHFactor, options.dilationWFactor) = strides, dilations
        if multiplier is not None:
            options.depthMultiplier = multiplier
        made = self.tensor(shape, signature=signature, **result)
        self.operator("CONV_2D" if multiplier is None else "DEPTHWISE_CONV_2D", [x, w, bias], [made], options,
                      3 if result else 2)
        return made

    def other(self, name, inputs, shape, options=None, version=1, **fields):
        """Any operator with one result; `fields` are those of its options."""
        for field, value in fields.items():
            setattr(options, field, value)
        made = self.tensor(shape)
        self.operator(name, inputs, [made], options, version)
        return made

    def content(self, inputs, outputs):
        """The whole model, with what goes into this graph and comes out of it."""
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, self.graphs, self.buffers, self.codes
        builder = flatbuffers.Builder(1 << 14)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def encoded(dense):
    """TensorFlow's encoding of a matrix by its rows: (values, sparsity)."""
    values, segments, indices = [], [0], []
    for row in dense.reshape(len(dense), -1):
        (found,) = np.nonzero(row)
        indices.extend(int(j) for j in found)
        values.extend(row[found])
        segments.append(len(indices))
    made = schema.SparsityParametersT()
    made.traversalOrder = list(range(dense.ndim))
    made.dimMetadata = []
    for axis, size in enumerate(dense.shape):
        level = schema.DimensionMetadataT()
        level.format, level.denseSize = 0, size
        if axis == dense.ndim - 1:
            level.format, level.denseSize = 1, 0
            level.arraySegmentsType = level.arrayIndicesType = schema.SparseIndexVector.Int32Vector
            level.arraySegments, level.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
            level.arraySegments.values, level.arrayIndices.values = segments, indices
        made.dimMetadata.append(level)
    return np.array(values, dense.dtype), made
