"""Convolutions against numpy in double precision, within the error bound of their sums; and what does not fit."""

import threading
import unittest

try:
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse as lacuna

try:
    import onnx
    import onnxruntime
except ImportError:
    onnxruntime = None

RANDOM = np.random.default_rng(20261126)


def oracle(x, w, stride, padding, dilation, groups):
    """x [n, c, h, w] and w [o, c/groups, r, s], in double precision."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding[0], padding[2]), (padding[1], padding[3])))
    w = w.astype(np.float64)
    filters, channels, rows, columns = w.shape
    extents = (rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1
    out = tuple((x.shape[2 + d] - extents[d]) // stride[d] + 1 for d in (0, 1))
    y = np.zeros((x.shape[0], filters) + out)
    share = filters // groups
    for g in range(groups):
        part = x[:, g * channels:(g + 1) * channels]
        for r in range(rows):
            for s in range(columns):
                top, left = r * dilation[0], s * dilation[1]
                seen = part[:, :, top:top + (out[0] - 1) * stride[0] + 1:stride[0],
                            left:left + (out[1] - 1) * stride[1] + 1:stride[1]]
                y[:, g * share:(g + 1) * share] += np.einsum("nchw,oc->nohw", seen, w[g * share:(g + 1) * share, :, r, s])
    return y


def random_case(case):
    """Keyword arguments of a Convolution in NCHW, and its kernel OIHW."""
    groups = int(RANDOM.choice([1, 1, 2, 4]))
    size = tuple(int(v) for v in RANDOM.integers(1, 5, 2))
    dilation = tuple(int(v) for v in RANDOM.integers(1, 4, 2))
    extent = tuple((size[d] - 1) * dilation[d] + 1 for d in (0, 1))
    padding = tuple(int(RANDOM.integers(0, extent[d % 2])) for d in range(4))
    image = tuple(int(extent[d] + RANDOM.integers(0, 15)) for d in (0, 1))
    dtype = (np.float32, np.float64)[case % 2]
    shape = (groups * int(RANDOM.integers(1, 9)), int(RANDOM.integers(1, 7))) + size
    w = (RANDOM.standard_normal(shape) * (RANDOM.random(shape) < RANDOM.uniform(0, 1))).astype(dtype)
    return dict(image=image, stride=tuple(int(v) for v in RANDOM.integers(1, 4, 2)), padding=padding,
                dilation=dilation, groups=groups), w


def onnx_convolution(x, w, bias, stride, padding, dilation, groups):
    """onnxruntime's Conv."""
    names = ("x", "w", "b")
    node = onnx.helper.make_node("Conv", names, ("y",), strides=stride, pads=padding, dilations=dilation, group=groups,
                                 kernel_shape=w.shape[2:])
    values = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, a.shape) for n, a in zip(names, (x, w, bias))]
    graph = onnx.helper.make_graph([node], "conv", values,
                                   [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, (x, w, bias))))[0]


def turned(array, layout):
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if layout == "NHWC" else array


class ConvolutionTests(unittest.TestCase):
    def test_random_convolutions_are_right(self):
        for case in range(200):
            shape, w = random_case(case)
            layout, order = ("NCHW", "NHWC")[case // 2 % 2], ("OIHW", "HWIO", "OHWI")[case % 3]
            bias = RANDOM.standard_normal(w.shape[0]).astype(w.dtype)
            activation = (None, "relu", (-0.5, 0.75))[case % 3]
            adds = case % 5 == 0
            x = RANDOM.standard_normal((int(RANDOM.integers(1, 4)), w.shape[1] * shape["groups"]) + shape["image"])
            x = x.astype(w.dtype)
            arguments = {name: shape[name] for name in ("stride", "padding", "dilation", "groups")}
            want = oracle(x, w, **arguments) + bias[:, None, None]
            size = oracle(abs(x), abs(w), **arguments) + abs(bias[:, None, None])
            residual = RANDOM.standard_normal(want.shape).astype(w.dtype)
            if adds:
                want, size = want + residual, size + abs(residual)
            if activation == "relu":
                want = np.maximum(want, 0)
            elif activation:
                want = np.clip(want, *activation)
            kernel = {"OIHW": w, "HWIO": w.transpose(2, 3, 1, 0), "OHWI": w.transpose(0, 2, 3, 1)}[order]
            conv = lacuna.Convolution(kernel, layout=layout, order=order, bias=bias, activation=activation,
                                      adds_residual=adds, **shape)
            where = f"case {case}: {conv!r}"
            # Twice: the oracle has such an error as well.
            u = np.finfo(w.dtype).eps / 2 * (np.prod(w.shape[1:]) + 4)
            bound = 2 * u / (1 - u) * size + np.finfo(w.dtype).tiny
            y = conv(turned(x, layout), turned(residual, layout) if adds else None)
            self.assertTrue((abs(y - turned(want, layout)) <= turned(bound, layout)).all(), where)
            sliced = np.full_like(y, np.nan)
            for part in (2, 0, 1):
                conv.run_slice(part, 3, turned(x, layout), sliced, turned(residual, layout) if adds else None)
            self.assertTrue(np.array_equal(sliced, y), where)
            self.assertEqual(conv.stored, np.count_nonzero(w), where)

    @unittest.skipUnless(onnxruntime, "onnx and onnxruntime are not here")
    def test_onnxruntime_computes_the_same(self):
        for case in range(300):
            shape, w = random_case(case)
            w = w.astype("float32")
            bias = RANDOM.standard_normal(w.shape[0]).astype("float32")
            arguments = {name: shape[name] for name in ("stride", "padding", "dilation", "groups")}
            x = RANDOM.standard_normal((int(RANDOM.integers(1, 3)), w.shape[1] * shape["groups"]) + shape["image"])
            x = x.astype("float32")
            want = onnx_convolution(x, w, bias, **arguments)
            size = oracle(abs(x), abs(w), **arguments) + abs(bias[:, None, None])
            # Each of the two may be that far off.
            u = np.finfo("float32").eps / 2 * (np.prod(w.shape[1:]) + 4)
            bound = 2 * u / (1 - u) * size + np.finfo("float32").tiny
            layout = ("NCHW", "NHWC")[case % 2]
            conv = lacuna.Convolution(w, layout=layout, bias=bias, **shape)
            y = conv(turned(x, layout))
            self.assertTrue((abs(y - turned(want, layout)) <= turned(bound, layout)).all(), f"case {case}: {conv!r}")

    def test_hard_swish_and_silu(self):
        shape, w = random_case(0)
        x = 3 * RANDOM.standard_normal((2, w.shape[1] * shape["groups"]) + shape["image"]).astype("float32")
        plain = lacuna.Convolution(w, **shape)(x).astype("float64")
        for activation, want in (("hard_swish", plain * np.clip(plain / 6 + 0.5, 0, 1)),
                                 ("silu", plain / (1 + np.exp(-plain)))):
            y = lacuna.Convolution(w, activation=activation, **shape)(x)
            self.assertTrue((abs(y - want) <= 5e-7 * np.maximum(abs(plain), 1)).all(), activation)

    def test_a_matrix_of_blocks_is_taken(self):
        grid = RANDOM.random((4, 45)) < 0.3
        w = (np.kron(grid, np.ones((2, 1))) * RANDOM.standard_normal((8, 45))).astype("float32")
        matrix = lacuna.Matrix.from_numpy(w).converted("bsr", (2, 1))
        x = RANDOM.standard_normal((1, 5, 6, 6)).astype("float32")
        conv = lacuna.Convolution(matrix, (6, 6), kernel_size=(3, 3), padding=1, kernel="direct-2x1")
        want = oracle(x, w.reshape(8, 5, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1)
        self.assertTrue(np.allclose(conv(x), want, atol=1e-5))
        self.assertEqual((conv.kernel, conv.input_shape, conv.output_shape), ("direct-2x1", (5, 6, 6), (8, 6, 6)))
        self.assertIn("direct-2x1", str(conv))
        self.assertGreater(conv.workspace_size, 0)

    def test_convolutions_of_bytes_are_exact(self):
        for case in range(60):
            shape, w = random_case(2 * case)
            images, outputs = ((np.uint8, np.int8)[case % 2], (np.float32, np.uint8, np.int8)[case % 3])
            layout, order = ("NCHW", "NHWC")[case // 2 % 2], ("OIHW", "HWIO", "OHWI")[case % 3]
            zero = int(RANDOM.integers(np.iinfo(images).min, np.iinfo(images).max + 1))
            bias = RANDOM.standard_normal(w.shape[0]).astype("float32")
            x = RANDOM.integers(np.iinfo(images).min, np.iinfo(images).max + 1,
                                (2, w.shape[1] * shape["groups"]) + shape["image"]).astype(images)
            scales = (abs(w).reshape(len(w), -1).max(axis=1) / 127).astype("float32")
            integers = np.rint(w / np.where(scales > 0, scales, 1)[:, None, None, None])
            stored = (integers * scales[:, None, None, None]).astype("float32")
            arguments = {name: shape[name] for name in ("stride", "padding", "dilation", "groups")}
            sums = oracle(x.astype(int) - zero, integers, **arguments)
            column = (slice(None), None, None)
            want = sums.astype("float32") * (scales * np.float32(0.03))[column] + bias[column]
            want = np.maximum(want, 0)
            output = None if outputs == np.float32 else (outputs, 0.5, 7)
            if output:
                least, most = np.iinfo(outputs).min, np.iinfo(outputs).max
                want = np.clip(np.rint(want * (np.float32(1) / np.float32(0.5))) + 7, least, most).astype(outputs)
            kernel = {"OIHW": stored, "HWIO": stored.transpose(2, 3, 1, 0), "OHWI": stored.transpose(0, 2, 3, 1)}[order]
            conv = lacuna.Convolution(
                kernel, layout=layout, order=order, bias=bias, activation="relu", **shape,
                quantization=lacuna.Quantization(images, (0.03, zero), output=output, weight_scales=scales))
            self.assertEqual((conv.dtype, conv.input_dtype, conv.output_dtype), (np.int8, images, outputs))
            self.assertTrue(np.array_equal(conv(turned(x, layout)), turned(want, layout)), f"case {case}: {conv!r}")

    def test_what_convolutions_of_bytes_refuse(self):
        w = np.ones((4, 4, 3, 3), "float32")
        good = lacuna.Quantization(np.uint8, (0.1, 3))
        for arguments, error, words in [
            (dict(quantization=lacuna.Quantization()), ValueError, "uint8 or int8"),
            (dict(quantization=lacuna.Quantization(np.uint8)), ValueError, "their range"),
            (dict(quantization=lacuna.Quantization(np.uint8, (0.1, 256))), ValueError, "256"),
            (dict(quantization=lacuna.Quantization(np.uint8, (0.0, 1))), ValueError, "scale"),
            (dict(quantization=good, adds_residual=True), NotImplementedError, "no residual"),
            (dict(quantization=lacuna.Quantization(np.uint8, (0.1, 3), weight_scales=np.ones(3, "float32"))), ValueError, "3"),
        ]:
            with self.subTest(arguments), self.assertRaisesRegex(error, words):
                lacuna.Convolution(w, image=(5, 5), **arguments)
        with self.assertRaisesRegex(NotImplementedError, "LCN_F64"):
            lacuna.Convolution(w.astype("float64"), image=(5, 5), quantization=good)
        conv = lacuna.Convolution(w, image=(5, 5), quantization=good)
        with self.assertRaisesRegex(TypeError, "uint8 wanted"):
            conv(np.ones((1, 4, 5, 5), "float32"))

    def test_several_threads_run_one_convolution(self):
        shape, w = random_case(0)
        conv = lacuna.Convolution(w, **shape)
        x = RANDOM.standard_normal((2,) + conv.input_shape).astype(w.dtype)
        want = conv(x)
        results = [None] * 4

        def work(i):
            for _ in range(20):
                results[i] = conv(x)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            self.assertTrue(np.array_equal(result, want))

    def test_what_does_not_fit_is_refused(self):
        w = np.ones((4, 2, 3, 3), "float32")
        good = lacuna.Convolution(w, (5, 5))
        x, y = np.ones((1, 2, 5, 5), "float32"), np.full((1, 4, 3, 3), 7, "float32")
        for arguments, error, words in [
            (dict(image=(0, 5)), ValueError, "0"), (dict(image=(2, 5)), ValueError, "3"),
            (dict(padding=3), ValueError, "padding of 3"), (dict(padding=-1), ValueError, "-1"),
            (dict(groups=3), ValueError, "3 groups do not divide 4"), (dict(groups=0), ValueError, "0"),
            (dict(dilation=3), ValueError, "7"), (dict(stride=0), ValueError, "0"), (dict(images=0), ValueError, "0"),
            (dict(stride=(1, 2, 3)), ValueError, "2 whole numbers"), (dict(layout="CHWN"), ValueError, "CHWN"),
            (dict(order="IOHW"), ValueError, "IOHW"), (dict(activation="tanh"), ValueError, "tanh"),
            (dict(bias=np.ones(3, "float32")), ValueError, "3"), (dict(bias=np.ones((2, 2))), TypeError, "bias"),
            (dict(kernel="winograd"), NotImplementedError, "winograd"), (dict(kernel=3), TypeError, "3"),
            (dict(kernel_size=(3, 3)), ValueError, "kernel_size"), (dict(stride="2"), TypeError, "stride"),
        ]:
            with self.subTest(arguments), self.assertRaisesRegex(error, words):
                lacuna.Convolution(w, **{"image": (5, 5), **arguments})
        for kernel in (w[0], np.ones((4, 0, 3, 3), "float32"), w.astype("int32")):
            with self.assertRaises((TypeError, ValueError)):
                lacuna.Convolution(kernel, (5, 5))
        matrix = lacuna.Matrix.from_numpy(w.reshape(4, 18))
        for arguments in (dict(), dict(kernel_size=(2, 2)), dict(kernel_size=(3, 3), order="HWIO")):
            with self.assertRaises(ValueError):
                lacuna.Convolution(matrix, (5, 5), **arguments)
        for operands in [(x[0], y), (x, y[:, :3]), (np.ones((2, 2, 5, 5), "float32"), y), (x, y, y.copy()),
                         (x.transpose(0, 1, 3, 2), y), (x.astype("float64"), y), (x.tolist(), y)]:
            with self.assertRaises((TypeError, ValueError)):
                good.run(*operands)
        adding = lacuna.Convolution(w, (5, 5), adds_residual=True)
        for residual in (None, y, y[:, :2]):
            with self.assertRaises(ValueError):
                adding.run(x, y, residual)
        y.flags.writeable = False
        with self.assertRaisesRegex(ValueError, "read-only"):
            good.run(x, y)
        self.assertTrue((y == 7).all())


if __name__ == "__main__":
    unittest.main()
