"""The runtimes that Lacuna is compared with, each used as its own documentation recommends.

A system is a class with a `name`, a one-line `how`, and `prepare(case)`, which returns a function
that computes the product once and a function that returns the result as [m, n] (None when it has
checked the result itself). What `prepare` does is not timed; `seconds` is.
"""

import ctypes
import glob
import os
import statistics
import sys
import time

import numpy as np
import scipy.sparse as sp


class System:
    """What most systems have in common: they run vectors too, and a call is one product."""

    runs_vectors = True

    def seconds(self, run, budget):
        """The median seconds of one call, over samples of at least 0.2 ms."""
        start = time.perf_counter()
        run()
        once = time.perf_counter() - start
        repeats = max(1, int(2e-4 / max(once, 1e-9)))
        samples, spent = [], 0.0
        while spent < budget or len(samples) < 3:
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            elapsed = time.perf_counter() - start
            samples.append(elapsed / repeats)
            spent += elapsed
        return statistics.median(samples)


class SciPy(System):
    name = "scipy CSR"
    how = "scipy.sparse.csr_array @ X"

    @staticmethod
    def version():
        import scipy

        return scipy.__version__

    def prepare(self, case):
        w, x = case.csr, case.x
        result = [None]

        def run():
            result[0] = w @ x

        return run, lambda: result[0]


def mkl_library():
    """libmkl_rt of the environment, or None."""
    for path in sorted(glob.glob(os.path.join(sys.prefix, "lib", "libmkl_rt.so*"))):
        return ctypes.CDLL(path)
    return None


class MatrixDescription(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("mode", ctypes.c_int), ("diag", ctypes.c_int)]


class MKL(System):
    """The inspector-executor interface: create, hint, optimize, then mm or mv."""

    name = "oneMKL sparse"
    how = "mkl_sparse_optimize with an mm/mv hint of 1000 calls, then mkl_sparse_s_mm or _mv; BSR for square blocks"
    GENERAL, NON_TRANSPOSE, ROW_MAJOR, ZERO_BASED = 20, 10, 101, 0

    def __init__(self):
        self.library = mkl_library()
        if self.library is None:
            raise ImportError("libmkl_rt is not installed")

    @staticmethod
    def version():
        from importlib.metadata import version

        return version("mkl")

    def prepare(self, case):
        mkl, handle = self.library, ctypes.c_void_p()
        description = MatrixDescription(self.GENERAL, 0, 0)
        rows, columns = case.block
        square = rows == columns and rows > 1
        w = sp.bsr_array(case.csr, blocksize=case.block) if square else case.csr
        offsets = w.indptr.astype(np.int32)
        indices = w.indices.astype(np.int32)
        values = np.ascontiguousarray(w.data, dtype=np.float32)
        x = case.x
        y = np.zeros((case.m, case.n), dtype=np.float32)
        int_size = offsets.itemsize
        starts = offsets.ctypes.data_as(ctypes.c_void_p)
        ends = ctypes.c_void_p(offsets.ctypes.data + int_size)
        column_pointer = indices.ctypes.data_as(ctypes.c_void_p)
        value_pointer = values.ctypes.data_as(ctypes.c_void_p)

        def check(status, what):
            if status != 0:
                raise RuntimeError(f"{what} returned {status}")

        if square:
            check(
                mkl.mkl_sparse_s_create_bsr(
                    ctypes.byref(handle), self.ZERO_BASED, self.ROW_MAJOR, case.m // rows,
                    case.k // rows, rows, starts, ends, column_pointer, value_pointer),
                "mkl_sparse_s_create_bsr")
        else:
            check(
                mkl.mkl_sparse_s_create_csr(
                    ctypes.byref(handle), self.ZERO_BASED, case.m, case.k, starts, ends,
                    column_pointer, value_pointer),
                "mkl_sparse_s_create_csr")
        # A hint may be refused for a format; the optimization then goes without it.
        if case.n == 1:
            mkl.mkl_sparse_set_mv_hint(handle, self.NON_TRANSPOSE, description, 1000)
        else:
            mkl.mkl_sparse_set_mm_hint(
                handle, self.NON_TRANSPOSE, description, self.ROW_MAJOR, case.n, 1000)
        check(mkl.mkl_sparse_optimize(handle), "mkl_sparse_optimize")
        xp, yp = x.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p)
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        keep = (offsets, indices, values, x)

        def mm():
            assert keep is not None
            check(
                mkl.mkl_sparse_s_mm(
                    self.NON_TRANSPOSE, one, handle, description, self.ROW_MAJOR, xp, case.n,
                    case.n, zero, yp, case.n),
                "mkl_sparse_s_mm")

        def mv():
            assert keep is not None
            check(
                mkl.mkl_sparse_s_mv(self.NON_TRANSPOSE, one, handle, description, xp, zero, yp),
                "mkl_sparse_s_mv")

        return (mv if case.n == 1 else mm), lambda: y


class MKLDense(MKL):
    name = "oneMKL dense"
    how = "cblas_sgemm or cblas_sgemv of libmkl_rt"

    def prepare(self, case):
        mkl = self.library
        w, x = case.dense, case.x
        y = np.zeros((case.m, case.n), dtype=np.float32)
        wp, xp, yp = (a.ctypes.data_as(ctypes.c_void_p) for a in (w, x, y))
        one, zero = ctypes.c_float(1), ctypes.c_float(0)

        def gemm():
            mkl.cblas_sgemm(
                101, 111, 111, case.m, case.n, case.k, one, wp, case.k, xp, case.n, zero, yp,
                case.n)

        def gemv():
            mkl.cblas_sgemv(101, 111, case.m, case.k, one, wp, case.k, xp, 1, zero, yp, 1)

        return (gemv if case.n == 1 else gemm), lambda: y


class ONNXRuntime(System):
    name = "onnxruntime dense"
    how = "MatMul with a constant, hence prepacked, weight; X row-major [n, k]; I/O binding; one thread"

    def __init__(self):
        import onnx
        import onnxruntime

        self.onnx, self.runtime = onnx, onnxruntime

    def version(self):
        return self.runtime.__version__

    def prepare(self, case):
        helper, numpy_helper = self.onnx.helper, self.onnx.numpy_helper
        kind = self.onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])], "product",
            [helper.make_tensor_value_info("x", kind, [case.n, case.k])],
            [helper.make_tensor_value_info("y", kind, [case.n, case.m])],
            [numpy_helper.from_array(np.ascontiguousarray(case.dense.T), "w")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        session = self.runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        x = self.runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(case.x.T))
        y = self.runtime.OrtValue.ortvalue_from_shape_and_type([case.n, case.m], np.float32)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", x)
        binding.bind_ortvalue_output("y", y)
        return (lambda: session.run_with_iobinding(binding)), (lambda: y.numpy().T)


class OpenVINO(System):
    name = "openvino"
    how = "MatMul with a constant weight, latency hint, f32, one thread, sparse weights decompression allowed"

    def __init__(self):
        import openvino

        self.openvino = openvino

    def version(self):
        return self.openvino.__version__.split("-")[0]

    def prepare(self, case):
        ov = self.openvino
        x = ov.opset8.parameter([case.n, case.k], np.float32)
        w = ov.opset8.constant(case.dense)
        model = ov.Model([ov.opset8.matmul(x, w, False, True)], [x])
        compiled = ov.Core().compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE": min(case.sparsity, 0.5),
        })
        request = compiled.create_infer_request()
        request.set_input_tensor(ov.Tensor(np.ascontiguousarray(case.x.T)))
        return request.infer, lambda: request.get_output_tensor().data.T


class XNNPACK(System):
    name = "LiteRT XNNPACK"
    how = (
        "ai-edge-litert and its default delegate, one thread: 1×1 convolutions with weights in TFLite's sparse encoding, "
        "in a network of the form that XNNPACK can run sparse; the seconds are the difference between five pairs of "
        "products and one. XNNPACK's sparse kernels for x86 use SSE, and on a processor with AVX it decides for its "
        "dense ones (`xnn_is_chw_compatible_config`): that is what is measured here")
    # A network has pixels; one of a single pixel is a fully connected layer, which never runs sparse.
    runs_vectors = False

    def __init__(self):
        import xnnpack

        self.networks = xnnpack

    @staticmethod
    def version():
        from importlib.metadata import version

        return version("ai-edge-litert")

    def prepare(self, case):
        shallow, deep = (self.networks.checked(case, pairs) for pairs in self.networks.DEPTHS)

        def run():
            start = time.perf_counter()
            shallow.invoke()
            middle = time.perf_counter()
            deep.invoke()
            return middle - start, time.perf_counter() - middle

        return run, None

    def seconds(self, run, budget):
        """Seconds of one product: the two networks take turns."""
        samples = []
        while sum(map(sum, samples)) < 2 * budget or len(samples) < 5:
            samples.append(run())
        shallow, deep = (statistics.median(times) for times in zip(*samples))
        return (deep - shallow) / self.networks.products_between()


ALL = [SciPy, MKL, MKLDense, ONNXRuntime, OpenVINO, XNNPACK]


def available(kinds):
    """The systems of these kinds that work here, and a line for each that does not."""
    systems, missing = [], []
    for kind in kinds:
        try:
            systems.append(kind())
        except ImportError as error:
            missing.append(f"{kind.name}: {error}")
    return systems, missing
