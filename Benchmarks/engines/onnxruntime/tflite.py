"""A convolutional network of TFLite as ONNX, images with their channels first: mediapipe's pruned detectors for onnxruntime.

    tflite.py FROM.tflite TO.onnx

Of TFLite's operators those that the detectors have. Weights are what LiteRT makes of them; the result is checked against LiteRT.
"""

import sys

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, helper, numpy_helper

OPERATORS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def same(size, taps, stride, dilation):
    """Zeros before and after an axis, for ⌈size / stride⌉ results."""
    total = max(0, (-(-size // stride) - 1) * stride + dilation * (taps - 1) + 1 - size)
    return total // 2, total - total // 2


class Converter:
    def __init__(self, content):
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        self.codes = [OPERATORS[max(c.builtinCode, c.deprecatedBuiltinCode)] for c in model.operatorCodes]
        self.graph = model.subgraphs[0]
        self.interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True,
                                       experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        self.interpreter.allocate_tensors()
        self.interpreter.invoke()  # makes floats of the weights
        self.nodes, self.constants = [], {}

    def shape(self, tensor):
        return [int(d) for d in self.graph.tensors[tensor].shape]

    def held(self, tensor):
        return self.interpreter.get_tensor(tensor).copy()

    def constant(self, name, value):
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def emit(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))

    def activated(self, function, emit, output):
        """What `emit` makes, with the activation that the operator has in TFLite."""
        kinds = schema.ActivationFunctionType
        if function == kinds.NONE:
            emit(output)
        elif function == kinds.RELU:
            emit(output + ".sum")
            self.emit("Relu", [output + ".sum"], output)
        elif function == kinds.RELU6:
            emit(output + ".sum")
            bounds = [self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))]
            self.emit("Clip", [output + ".sum"] + bounds, output)
        else:
            raise SystemExit(f"an activation of number {function}")

    def convolution(self, op, out, depthwise):
        o = op.builtinOptions
        x = self.shape(op.inputs[0])
        w = self.held(op.inputs[1])
        kernel = w.transpose(3, 0, 1, 2) if depthwise else w.transpose(0, 3, 1, 2)
        taps, strides = kernel.shape[2:], (o.strideH, o.strideW)
        dilations = (o.dilationHFactor, o.dilationWFactor)
        pads = [(0, 0)] * 2
        if o.padding == schema.Padding.SAME:
            pads = [same(*axis) for axis in zip(x[1:3], taps, strides, dilations)]
        inputs = [f"t{op.inputs[0]}", self.constant(out + ".w", kernel), self.constant(out + ".b", self.held(op.inputs[2]))]
        self.activated(o.fusedActivationFunction, lambda y: self.emit(
            "Conv", inputs, y, kernel_shape=taps, strides=strides, dilations=dilations, group=x[3] if depthwise else 1,
            pads=[p[0] for p in pads] + [p[1] for p in pads]), out)

    def convert(self, op):
        kind, o = self.codes[op.opcodeIndex], op.builtinOptions
        x, out = [f"t{i}" for i in op.inputs], f"t{op.outputs[0]}"
        if kind in ("DEQUANTIZE", "DENSIFY"):
            return
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self.convolution(op, out, kind.startswith("D"))
        elif kind == "ADD":
            self.activated(o.fusedActivationFunction, lambda y: self.emit("Add", x, y), out)
        elif kind == "PAD":
            pads = self.held(op.inputs[1])[[0, 3, 1, 2]]
            self.emit("Pad", [x[0], self.constant(out + ".pads", pads.T.reshape(-1).astype("int64"))], out)
        elif kind == "MAX_POOL_2D":
            if o.padding != schema.Padding.VALID:
                raise SystemExit("pooling with padding")
            self.emit("MaxPool", x, out, kernel_shape=[o.filterHeight, o.filterWidth], strides=[o.strideH, o.strideW])
        elif kind == "DEPTH_TO_SPACE":
            self.emit("DepthToSpace", x, out, blocksize=o.blockSize)
        elif kind == "RESIZE_BILINEAR":
            sizes = self.shape(op.outputs[0])
            mode = "align_corners" if o.alignCorners else "half_pixel" if o.halfPixelCenters else "asymmetric"
            sizes = self.constant(out + ".sizes", np.array([sizes[0], sizes[3], sizes[1], sizes[2]]))
            self.emit("Resize", [x[0], "", "", sizes], out, mode="linear", coordinate_transformation_mode=mode)
        elif kind == "RESHAPE":
            if len(self.shape(op.inputs[0])) == 4:
                self.emit("Transpose", x[:1], out + ".turned", perm=[0, 2, 3, 1])
                x[0] = out + ".turned"
            self.emit("Reshape", [x[0], self.constant(out + ".shape", np.array(self.shape(op.outputs[0])))], out)
        elif kind == "CONCATENATION":
            if len(self.shape(op.outputs[0])) == 4:
                raise SystemExit("images are concatenated")
            self.emit("Concat", x, out, axis=o.axis)
        else:
            raise SystemExit(f"the operator {kind}")

    def model(self):
        for op in self.graph.operators:
            self.convert(op)
        shapes = {f"t{i}": [self.shape(i)[d] for d in (0, 3, 1, 2)] for i in self.graph.inputs}
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
            [helper.make_tensor_value_info(f"t{i}", TensorProto.FLOAT, self.shape(i)) for i in self.graph.outputs],
            [numpy_helper.from_array(w, n) for n, w in self.constants.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def check(content, model):
    """Both on the same noise."""
    import onnxruntime as ort
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    x = np.random.default_rng(7).standard_normal(detail["shape"]).astype("float32")
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    session = ort.InferenceSession(model.SerializeToString())
    made = session.run(None, {session.get_inputs()[0].name: x.transpose(0, 3, 1, 2)})
    for wanted, given in zip(interpreter.get_output_details(), made):
        wanted = interpreter.get_tensor(wanted["index"])
        if wanted.shape != given.shape or abs(wanted - given).max() > 1e-4 * abs(wanted).max():
            raise SystemExit(f"the networks differ: {wanted.shape}, {abs(wanted - given).max()}")


if __name__ == "__main__":
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        held = file.read()
    converted = Converter(held).model()
    check(held, converted)
    onnx.save(converted, target)
