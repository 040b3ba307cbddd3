"""Dense products of bytes in other runtimes: X of u8, row-major [n, k], W of s8, exact sums in 32 bits.

The systems are those of systems.py in their form; a case has `w8` [m, k], `x8` [k, n] and the exact `expected`.
"""

import ctypes
import glob
import os
import sys

import numpy as np

from systems import System


class ONNXRuntime8(System):
    name = "onnxruntime int8"
    how = "MatMulInteger with a constant, hence prepacked, weight; u8 times s8; I/O binding; one thread"

    def __init__(self):
        import onnx
        import onnxruntime

        self.onnx, self.runtime = onnx, onnxruntime

    def version(self):
        return self.runtime.__version__

    def prepare(self, case):
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        graph = helper.make_graph(
            [helper.make_node("MatMulInteger", ["x", "w"], ["y"])], "product",
            [helper.make_tensor_value_info("x", kinds.UINT8, [case.n, case.k])],
            [helper.make_tensor_value_info("y", kinds.INT32, [case.n, case.m])],
            [self.onnx.numpy_helper.from_array(np.ascontiguousarray(case.w8.T), "w")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = self.runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        x = self.runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(case.x8.T))
        y = self.runtime.OrtValue.ortvalue_from_shape_and_type([case.n, case.m], np.int32)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", x)
        binding.bind_ortvalue_output("y", y)
        return (lambda: session.run_with_iobinding(binding)), (lambda: y.numpy().T)


class OpenVINO8(System):
    name = "openvino int8"
    how = "MatMul of FakeQuantize with 256 levels and of an s8 constant, as its quantiser writes them; f32 in and out; one thread"

    def __init__(self):
        import openvino

        self.openvino = openvino

    def version(self):
        return self.openvino.__version__.split("-")[0]

    def prepare(self, case):
        ov, op = self.openvino, self.openvino.opset8
        x = op.parameter([case.n, case.k], np.float32)
        ends = [op.constant(np.float32(end)) for end in (0, 255, 0, 255)]
        weights = op.multiply(op.convert(op.constant(case.w8), "f32"), op.constant(np.float32(1)))
        model = ov.Model([op.matmul(op.fake_quantize(x, *ends, 256), weights, False, True)], [x])
        compiled = ov.Core().compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
        precisions = {
            str(node.get_rt_info()["runtimePrecision"].astype(str))
            for node in compiled.get_runtime_model().get_ordered_ops()
            if node.get_rt_info()["layerType"].astype(str) in ("FullyConnected", "MatMul")}
        if not precisions & {"u8", "i8"}:
            raise RuntimeError(f"the product is computed in {', '.join(precisions)}, not in bytes")
        request = compiled.create_infer_request()
        request.set_input_tensor(ov.Tensor(np.ascontiguousarray(case.x8.T.astype(np.float32))))
        return request.infer, lambda: request.get_output_tensor().data.T


class OneDNN8(System):
    name = "oneDNN int8"
    how = "a matmul primitive, weights reordered once into the layout that it asks for; u8 times s8 into s32"
    U8, S8, S32, ANY, AB = 6, 5, 4, 1, 3
    WEIGHTS_MD, SOURCE, RESULT, WEIGHTS, ALLOCATE = 131, 1, 17, 33, ctypes.c_void_p(-1)

    class Argument(ctypes.Structure):
        _fields_ = [("what", ctypes.c_int), ("memory", ctypes.c_void_p)]

    def __init__(self):
        paths = sorted(glob.glob(os.path.join(sys.prefix, "lib", "**", "libdnnl.so.3"), recursive=True))
        if not paths:
            raise ImportError("libdnnl.so.3 is not installed")
        try:
            self.library = ctypes.CDLL(paths[0])
        except OSError as error:
            raise ImportError(str(error)) from None
        self.library.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        self.engine = self.made("dnnl_engine_create", 1, ctypes.c_size_t(0))
        self.stream = self.made("dnnl_stream_create", self.engine, 1)

    def call(self, name, *arguments):
        status = getattr(self.library, name)(*arguments)
        if status != 0:
            raise RuntimeError(f"{name} returned {status}")

    def made(self, name, *arguments):
        """What the function of that name puts into its first argument."""
        result = ctypes.c_void_p()
        self.call(name, ctypes.byref(result), *arguments)
        return result

    @staticmethod
    def version():
        from importlib.metadata import version

        return version("onednn-cpu-gomp")

    def description(self, shape, kind, tag):
        return self.made("dnnl_memory_desc_create_with_tag", 2, (ctypes.c_int64 * 2)(*shape), kind, tag)

    def execute(self, primitive, **memories):
        places = {"source": self.SOURCE, "result": self.RESULT, "weights": self.WEIGHTS}
        arguments = (self.Argument * len(memories))(*[(places[what], m.value) for what, m in memories.items()])

        def run():
            self.call("dnnl_primitive_execute", primitive, self.stream, len(memories), arguments)
            self.call("dnnl_stream_wait", self.stream)

        return run

    def prepare(self, case):
        x, w = np.ascontiguousarray(case.x8.T), np.ascontiguousarray(case.w8.T)
        y = np.zeros((case.n, case.m), np.int32)
        described = [self.description(a.shape, kind, self.AB) for a, kind in ((x, self.U8), (w, self.S8), (y, self.S32))]
        memories = [
            self.made("dnnl_memory_create", d, self.engine, ctypes.c_void_p(a.ctypes.data))
            for d, a in zip(described, (x, w, y))]
        product = self.made(
            "dnnl_matmul_primitive_desc_create", self.engine, described[0],
            self.description(w.shape, self.S8, self.ANY), None, described[2], None)
        wanted = ctypes.c_void_p(self.library.dnnl_primitive_desc_query_md(product, self.WEIGHTS_MD, 0))
        packed = self.made("dnnl_memory_create", wanted, self.engine, self.ALLOCATE)
        reorder = self.made(
            "dnnl_reorder_primitive_desc_create", described[1], self.engine, wanted, self.engine, None)
        self.execute(self.made("dnnl_primitive_create", reorder), source=memories[1], result=packed)()
        run = self.execute(
            self.made("dnnl_primitive_create", product), source=memories[0], weights=packed, result=memories[2])
        keep = (x, w)
        return run, lambda: (keep, y.T)[1]


ALL = [ONNXRuntime8, OpenVINO8, OneDNN8]
