"""The execution provider in onnxruntime: what it takes and leaves, results beside the engine alone, refusals."""

import os
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import onnx  # noqa: F401
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse.onnxruntime as lacuna_ort

try:
    lacuna_ort.register()
except RuntimeError as missing:
    raise unittest.SkipTest(str(missing))

RANDOM = np.random.default_rng(11)
ort.set_default_logger_severity(4)


def array(*shape, zeros=0.0, dtype=np.float32):
    values = RANDOM.standard_normal(shape)
    values[RANDOM.random(shape) < zeros] = 0
    return values.astype(dtype)


def sparse(*shape):
    return array(*shape, zeros=0.9)


def model(nodes, inputs, outputs, weights, opset=17, value_info=()):
    graph = helper.make_graph(
        [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes], "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def options(threads=1, level=None):
    made = ort.SessionOptions()
    made.intra_op_num_threads = threads
    if level is not None:
        made.graph_optimization_level = level
    return made


class Provider(unittest.TestCase):
    def compare(self, content, feeds, claimed, threads=1, level=None, **more):
        """Runs the model with and without; `claimed` is how many products are to be taken. Returns the decisions."""
        decisions = lacuna_ort.explain(content, options(threads, level), **more)
        self.assertEqual(sum(d["claimed"] for d in decisions), claimed, decisions)
        alone = ort.InferenceSession(content, options(threads, level), providers=["CPUExecutionProvider"])
        both = ort.InferenceSession(content, lacuna_ort.session_options(options(threads, level), **more))
        for feed in feeds:
            for mine, theirs in zip(both.run(None, feed), alone.run(None, feed)):
                self.assertEqual(mine.shape, theirs.shape)
                self.assertTrue(np.allclose(mine, theirs, rtol=1e-4, atol=1e-4), abs(mine - theirs).max(initial=0))
        return decisions

    def test_matmul_bias_and_activation_are_one_stretch(self):
        for level in (None, ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
            content = model(
                [("MatMul", ["x", "w"], ["a"]), ("Add", ["b", "a"], ["s"]), ("Relu", ["s"], ["y"])],
                {"x": ["batch", 5, 96]}, ["y"], {"w": sparse(96, 128), "b": array(128)})
            (decision,) = self.compare(content, [{"x": array(n, 5, 96)} for n in (1, 4, 0)], 1, level=level)
            self.assertEqual(len(decision["nodes"]), 3)
            self.assertEqual((decision["rows"], decision["columns"], decision["reason"]), (128, 96, ""))
            self.assertTrue(decision["kernel"])

    def test_ranks_and_bounds(self):
        nodes = [("MatMul", ["x", "w"], ["a"]), ("Clip", ["a", "low", "high"], ["y"])]
        weights = {"w": sparse(96, 64), "low": np.float32(-0.5), "high": np.float32(1)}
        for shape in ((96,), (3, 96), (2, 3, 4, 96)):
            self.compare(model(nodes, {"x": list(shape)}, ["y"], weights), [{"x": array(*shape)}], 1)
        only_high = [("MatMul", ["x", "w"], ["a"]), ("Clip", ["a", "", "high"], ["y"])]
        self.compare(model(only_high, {"x": [3, 96]}, ["y"], weights), [{"x": array(3, 96)}], 1)
        old = [("MatMul", ["x", "w"], ["a"]), ("Clip", ["a"], ["y"], {"min": 0.0, "max": 6.0})]
        self.compare(model(old, {"x": [3, 96]}, ["y"], {"w": weights["w"]}, opset=9), [{"x": array(3, 96)}], 1)

    def test_hard_swish_and_silu_are_part_of_the_stretch(self):
        def check(after, taken):
            for first in (("MatMul", ["x", "w"], ["a"]), ("Conv", ["x", "k"], ["a"])):
                shape = [3, 96] if first[0] == "MatMul" else [2, 64, 6, 5]
                weights = {"w": sparse(96, 64)} if first[0] == "MatMul" else {"k": sparse(80, 64, 1, 1)}
                content = model([first] + after, {"x": shape}, ["y"], weights)
                (decision,) = self.compare(content, [{"x": array(*shape)}], 1)
                self.assertEqual(len(decision["nodes"]), taken)

        sixth = {"alpha": 1 / 6, "beta": 0.5}
        check([("HardSwish", ["a"], ["y"])], 2)
        check([("Sigmoid", ["a"], ["g"]), ("Mul", ["a", "g"], ["y"])], 3)
        check([("Sigmoid", ["a"], ["g"]), ("Mul", ["g", "a"], ["y"])], 3)
        check([("HardSigmoid", ["a"], ["g"], sixth), ("Mul", ["a", "g"], ["y"])], 3)
        # Gates of another slope, and gates that something else reads, are not taken up.
        check([("HardSigmoid", ["a"], ["g"]), ("Mul", ["a", "g"], ["y"])], 1)
        check([("Sigmoid", ["a"], ["g"]), ("Mul", ["a", "g"], ["m"]), ("Add", ["m", "g"], ["y"])], 1)

    def test_gemm_in_its_forms(self):
        for transposed in (0, 1):
            for bias in (None, array(128), array(1, 128)):
                weights = {"w": sparse(*((128, 96) if transposed else (96, 128)))}
                if bias is not None:
                    weights["b"] = bias
                content = model([("Gemm", ["x", "w"] + ["b"] * (bias is not None), ["a"], {"transB": transposed}),
                                 ("Relu", ["a"], ["y"])], {"x": ["n", 96]}, ["y"], weights)
                self.compare(content, [{"x": array(7, 96)}], 1)

    def test_convolutions_of_one_tap(self):
        for bias in (False, True):
            names = ["x", "w"] + ["b"] * bias
            content = model([("Conv", names, ["a"]), ("Clip", ["a", "low", "high"], ["c"]), ("Conv", ["c", "v"], ["y"])],
                            {"x": ["n", 64, "h", "w2"]}, ["y"],
                            {"w": sparse(96, 64, 1, 1), "b": array(96), "v": sparse(80, 96, 1, 1),
                             "low": np.float32(0), "high": np.float32(6)})
            decisions = self.compare(content, [{"x": array(2, 64, 9, 7)}, {"x": array(1, 64, 1, 1)}], 2)
            self.assertEqual([len(d["nodes"]) for d in decisions], [2, 1])
        content = model([("Conv", ["x", "w"], ["y"], {"strides": [2, 3]})], {"x": ["n", 64, "h", "w2"]}, ["y"],
                        {"w": sparse(96, 64, 1, 1)})
        self.compare(content, [{"x": array(2, 64, h, 7)} for h in (1, 8, 9)], 1)
        content = model([("Conv", ["x", "w"], ["y"])], {"x": [2, 64, 30]}, ["y"], {"w": sparse(96, 64, 1)})
        self.compare(content, [{"x": array(2, 64, 30)}], 1)

    def blocks(self, height="h", batch=1):
        """An inverted bottleneck twice, with padding, sums, pooling and a gate, between operators that stay outside."""
        weights = {"first": array(32, 3, 3, 3) / 5, "first.b": array(32), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
        nodes = [("Conv", ["x", "first", "first.b"], ["c0"], {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
                 ("Relu", ["c0"], ["y0"])]
        for n, stride in ((1, 1), (2, 2)):
            weights |= {f"up{n}": sparse(96, 32, 1, 1), f"deep{n}": array(96, 1, 3, 3) / 3, f"down{n}": sparse(32, 96, 1, 1) / 3,
                        f"b{n}": array(96), "low": np.float32(0), "high": np.float32(6)}
            nodes += [("Conv", [f"y{n - 1}", f"up{n}", f"b{n}"], [f"u{n}"]), ("Clip", [f"u{n}", "low", "high"], [f"v{n}"]),
                      ("Pad", [f"v{n}", "pads"], [f"p{n}"]),
                      ("Conv", [f"p{n}", f"deep{n}"], [f"d{n}"], {"group": 96, "strides": [stride, stride]}),
                      ("Relu", [f"d{n}"], [f"e{n}"]), ("Conv", [f"e{n}", f"down{n}"], [f"z{n}"])]
            pool = ("AveragePool", {"count_include_pad": 0}) if stride == 1 else ("MaxPool", {"strides": [2, 2]})
            nodes.append((pool[0], [f"y{n - 1}"], [f"m{n}"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], **pool[1]}))
            nodes.append(("Add", [f"m{n}", f"z{n}"], [f"y{n}"]))
        nodes += [("GlobalAveragePool", ["y2"], ["g"]), ("HardSigmoid", ["g"], ["s"]), ("Mul", ["y2", "s"], ["t"]),
                  ("DepthToSpace", ["t"], ["w"], {"blocksize": 2}), ("Tanh", ["w"], ["y"])]
        return nodes, weights

    def test_a_convolutional_network_is_one_plan(self):
        nodes, weights = self.blocks()
        content = model(nodes, {"x": [2, 3, 22, 36]}, ["y", "y1"], weights)
        for threads, level in ((1, None), (2, None), (1, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)):
            decisions = self.compare(content, [{"x": array(2, 3, 22, 36)}], 7, threads=threads, level=level, min_weights=2048)
            # Each node is named once, the one outside not at all; onnxruntime has put some together before.
            (stretch,) = {d["stretch"] for d in decisions}
            self.assertEqual(sum(len(d["nodes"]) for d in decisions), stretch)
            self.assertTrue(20 <= stretch <= len(nodes) - 1, stretch)
            self.assertTrue(all(d["kernel"] for d in decisions), decisions)
        # As many images as there are, where the model leaves that open; DepthToSpace ends the stretch then.
        content = model(nodes, {"x": ["n", 3, 22, 36]}, ["y", "y1"], weights)
        self.compare(content, [{"x": array(n, 3, 22, 36)} for n in (1, 3, 0)], 7, min_weights=2048)
        # Sizes that are known only at run time: products by themselves.
        content = model(nodes, {"x": [1, 3, "h", 36]}, ["y", "y1"], weights)
        decisions = self.compare(content, [{"x": array(1, 3, 22, 36)}], 4, min_weights=2048)
        self.assertEqual({d["stretch"] for d in decisions}, {0})

    def test_a_stretch_that_does_not_gain_is_left_and_said_so(self):
        nodes, weights = self.blocks()
        dense = {name: array(*w.shape) if w.ndim == 4 else w for name, w in weights.items()}
        dense["up1"] = sparse(96, 32, 1, 1)
        content = model(nodes, {"x": [1, 3, 22, 36]}, ["y"], dense)
        decisions = self.compare(content, [{"x": array(1, 3, 22, 36)}], 0, min_weights=2048)
        self.assertIn("less than its borders cost", [d for d in decisions if d["name"] == "u1"][0]["reason"])
        whole = [d for d in decisions if d["type"] == "stretch"]
        self.assertEqual(len(whole), 1)
        self.assertIn("% of onnxruntime's time", whole[0]["reason"])

    def test_operators_that_lacuna_does_not_know_end_a_stretch(self):
        weights = {"a": sparse(64, 64, 1, 1), "b": sparse(64, 64, 1, 1), "c": sparse(64, 64, 1, 1), "d": sparse(64, 64, 1, 1)}
        nodes = [("Conv", ["x", "a"], ["a1"]), ("Conv", ["a1", "b"], ["b1"]), ("Cos", ["b1"], ["c1"]), ("Conv", ["c1", "c"], ["d1"]),
                 ("Conv", ["d1", "d"], ["e1"]), ("Add", ["e1", "a1"], ["f1"]), ("Relu", ["f1"], ["y"])]
        decisions = self.compare(model(nodes, {"x": [1, 64, 9, 8]}, ["y"], weights), [{"x": array(1, 64, 9, 8)}], 4)
        self.assertEqual([d["stretch"] for d in decisions], [2, 2, 4, 4])

    def test_products_of_rows_with_sums_and_normalisation_are_one_plan(self):
        weights = {"a": sparse(96, 128), "ab": array(128), "b": sparse(128, 96), "bb": array(96), "s": array(96), "t": array(96),
                   "c": sparse(96, 64), "cb": array(64)}
        nodes = [("MatMul", ["x", "a"], ["a1"]), ("Add", ["ab", "a1"], ["a2"]), ("Relu", ["a2"], ["a3"]),
                 ("MatMul", ["a3", "b"], ["b1"]), ("Add", ["b1", "bb"], ["b2"]), ("Add", ["b2", "x"], ["r"]),
                 ("LayerNormalization", ["r", "s", "t"], ["n"], {"axis": -1, "epsilon": 1e-6}),
                 ("MatMul", ["n", "c"], ["c1"]), ("Add", ["c1", "cb"], ["c2"]), ("Tanh", ["c2"], ["y"])]
        content = model(nodes, {"x": [2, 24, 96]}, ["y", "n"], weights)
        for threads in (1, 2):
            decisions = self.compare(content, [{"x": array(2, 24, 96)}], 3, threads=threads)
            self.assertEqual(len({d["stretch"] for d in decisions}), 1)
            self.assertGreaterEqual(decisions[0]["stretch"], 6)
            self.assertEqual([(d["rows"], d["columns"], d["width"]) for d in decisions],
                             [(128, 96, 48), (96, 128, 48), (64, 96, 48)])

    def test_convolutions_of_windows(self):
        for taps, more, image, channels in (
                ((3, 3), {"pads": [1, 1, 1, 1]}, (9, 7), (64, 96)), ((3, 3), {}, (8, 8), (64, 64)),
                ((7, 7), {"pads": [3, 3, 3, 3], "strides": [2, 2]}, (31, 29), (16, 32)),
                ((3, 2), {"pads": [2, 0, 1, 3], "dilations": [2, 4]}, (12, 9), (64, 64)),
                ((5, 5), {"auto_pad": "VALID", "strides": [3, 1]}, (17, 17), (32, 32)),
                ((1, 1), {"group": 2}, (6, 5), (128, 128)), ((3, 3), {"group": 4, "pads": [0, 1, 2, 0]}, (6, 5), (64, 96)),
                ((3, 3), {"group": 512, "pads": [1, 1, 1, 1]}, (6, 5), (512, 512))):
            groups = more.get("group", 1)
            content = model(
                [("Conv", ["x", "w", "b"], ["a"], more), ("Relu", ["a"], ["y"])],
                {"x": ["n", channels[0], *image]}, ["y"],
                {"w": sparse(channels[1], channels[0] // groups, *taps), "b": array(channels[1])})
            feeds = [{"x": array(n, channels[0], *image)} for n in (1, 3, 0)]
            for level in (None, ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
                (decision,) = self.compare(content, feeds, 1, level=level)
                self.assertEqual(decision["columns"], channels[0] // groups * taps[0] * taps[1])
                self.assertIn(decision["kernel"].split("-")[0], ("direct", "panels"))
        content = model([("Conv", ["x", "w"], ["y"], {"pads": [1, 1, 1, 1]})], {"x": ["n", 64, 40, 40]}, ["y"],
                        {"w": sparse(128, 64, 3, 3)})
        x = array(4, 64, 40, 40)
        results = [ort.InferenceSession(content, lacuna_ort.session_options(options(threads))).run(None, {"x": x})[0]
                   for threads in (1, 2, 3)]
        self.assertTrue(np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2]))

    def quantized(self, product, w, shape, bias=None, per_row=True, transposed=False, activation=None, output=None,
                  weights=np.int8, activations=np.uint8, **attributes):
        """A model of bytes: x and w through DequantizeLinear, the product, and QuantizeLinear where `output` is a type.

        `w` are integers; its scales lie along the outputs. Returns the model and what it computes by its definition.
        """
        axis = 1 if product == "MatMul" or (product == "Gemm" and not transposed) else 0
        outputs = w.shape[axis]
        scales = RANDOM.uniform(0.002, 0.01, outputs if per_row else ()).astype(np.float32)
        zero = activations(RANDOM.integers(-9, 9) + (128 if activations == np.uint8 else 0))
        w_zero = weights(0) if weights == np.int8 else weights(128)
        holders = {"w": (w + int(w_zero)).astype(weights), "w_scale": scales, "w_zero": np.full(scales.shape, w_zero),
                   "x_scale": np.float32(0.03), "x_zero": zero}
        nodes = [("DequantizeLinear", ["q", "x_scale", "x_zero"], ["x"]),
                 ("DequantizeLinear", ["w", "w_scale", "w_zero"], ["wf"], {"axis": axis})]
        names = ["x", "wf"]
        if bias is not None:
            step = (scales * np.float32(0.03)).astype(np.float32)
            holders.update(b=np.rint(bias / step).astype(np.int32), b_scale=step, b_zero=np.zeros(step.shape, np.int32))
            nodes.append(("DequantizeLinear", ["b", "b_scale", "b_zero"], ["bf"], {"axis": 0}))
            names += ["bf"] if product != "MatMul" else []
        nodes.append((product, names, ["p"], {**attributes, **({"transB": int(transposed)} if product == "Gemm" else {})}))
        last = "p"
        if bias is not None and product == "MatMul":
            nodes.append(("Add", [last, "bf"], ["s"]))
            last = "s"
        if activation:
            nodes.append((activation, [last], ["r"]))
            last = "r"
        kind = TensorProto.FLOAT
        if output is not None:
            holders.update(y_scale=np.float32(0.05), y_zero=output(100 if output == np.uint8 else -3))
            nodes.append(("QuantizeLinear", [last, "y_scale", "y_zero"], ["y"]))
            kind = TensorProto.UINT8 if output == np.uint8 else TensorProto.INT8
        else:
            nodes.append(("Identity", [last], ["y"]))
        graph = helper.make_graph(
            [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes], "g",
            [helper.make_tensor_value_info(
                "q", TensorProto.UINT8 if activations == np.uint8 else TensorProto.INT8, shape)],
            [helper.make_tensor_value_info("y", kind, None)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in holders.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()

    def compare_bytes(self, content, feeds, nodes, threads=1, **how):
        """Against onnxruntime computing in floats as the model says: its products of bytes saturate without VNNI."""
        plain = options(threads, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
        alone = ort.InferenceSession(content, plain, providers=["CPUExecutionProvider"])
        for level in (None, ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
            (decision,) = lacuna_ort.explain(content, options(threads, level), **how)
            self.assertTrue(decision["claimed"], decision)
            self.assertEqual(len(decision["nodes"]), nodes, decision)
            both = ort.InferenceSession(content, lacuna_ort.session_options(options(threads, level), **how))
            for feed in feeds:
                (mine,), (theirs,) = both.run(None, feed), alone.run(None, feed)
                self.assertEqual((mine.shape, mine.dtype), (theirs.shape, theirs.dtype))
                if mine.dtype == np.float32:
                    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-3)
                elif mine.size:
                    # Floats that are summed in another order may round to the next byte.
                    apart = np.abs(mine.astype(int) - theirs)
                    self.assertTrue(apart.max() <= 1 and np.count_nonzero(apart) <= 0.01 * mine.size + 1, apart.max())

    def integers(self, *shape, groups=0):
        """Integers of weights of which a tenth is not zero; whole groups of four along axis `groups`."""
        cells = [-(-n // 4) if axis == groups else n for axis, n in enumerate(shape)]
        kept = np.repeat(RANDOM.random(cells) < 0.1, 4, axis=groups)
        return RANDOM.integers(-100, 101, shape) * np.take(kept, range(shape[groups]), axis=groups)

    def test_products_of_bytes(self):
        for number, (activations, output) in enumerate(
                ((np.uint8, np.uint8), (np.int8, np.int8), (np.uint8, None), (np.uint8, np.int8))):
            q = [{"q": RANDOM.integers(0, 120, (n, 5, 96)).astype(activations)} for n in (1, 4, 0)]
            per_row = number % 2 == 0
            more = dict(per_row=per_row, activations=activations, output=output)
            content = self.quantized("MatMul", self.integers(96, 128), ["batch", 5, 96], **more)
            self.compare_bytes(content, q, 4 if output else 3)
            content = self.quantized("MatMul", self.integers(96, 128), ["batch", 5, 96], bias=array(128),
                                     activation="Relu", **more)
            self.compare_bytes(content, q, 7 if output else 6)
            for transposed in (False, True):
                w = self.integers(*((128, 96) if transposed else (96, 128)), groups=int(transposed))
                content = self.quantized("Gemm", w, ["n", 96], bias=array(128), transposed=transposed, **more)
                self.compare_bytes(content, [{"q": q[1]["q"][:, 0]}], 5 if output else 4)
            w = self.integers(96, 64, 1, 1, groups=1)
            images = [{"q": RANDOM.integers(0, 120, (n, 64, 9, 7)).astype(activations)} for n in (1, 3)]
            for strides in ([1, 1], [2, 3]):
                content = self.quantized("Conv", w, ["n", 64, "h", "v"], bias=array(96), strides=strides, **more)
                self.compare_bytes(content, images, 5 if output else 4)
            for kernel, attributes in (((3, 3), dict(pads=[1, 1, 1, 1])), ((5, 1), dict(pads=[3, 0, 1, 0], strides=[2, 1])),
                                       ((3, 2), dict(dilations=[2, 3])), ((3, 3), dict(group=2, pads=[2, 0, 0, 1])),
                                       ((7, 7), dict(pads=[3, 3, 3, 3], strides=[2, 2]))):
                w = self.integers(96, 64 // attributes.get("group", 1), *kernel, groups=1)
                content = self.quantized("Conv", w, ["n", 64, 9, 7], bias=array(96), activation="Relu", **attributes, **more)
                self.compare_bytes(content, images, 6 if output else 5, min_zeros=0)
        # Unsigned weights around 128.
        content = self.quantized("MatMul", self.integers(96, 128), ["n", 96], weights=np.uint8)
        self.compare_bytes(content, [{"q": RANDOM.integers(0, 256, (7, 96)).astype(np.uint8)}], 3)
        # The same bits with any number of threads.
        content = self.quantized("MatMul", self.integers(512, 1024), ["n", 512], output=np.uint8)
        q = RANDOM.integers(0, 256, (700, 512)).astype(np.uint8)
        results = [ort.InferenceSession(content, lacuna_ort.session_options(options(threads))).run(None, {"q": q})[0]
                   for threads in (1, 2, 3)]
        self.assertTrue(np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2]))

    def test_bytes_that_are_left_alone_and_why(self):
        level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        scattered = RANDOM.integers(1, 101, (96, 128)) * (RANDOM.random((96, 128)) < 0.3)
        for reason, content in (
                ("whole groups of four", self.quantized("MatMul", scattered, ["n", 96])),
                ("whole groups of four", self.quantized("MatMul", self.integers(96, 128), [1, 96])),
                ("fewer than four channels", self.quantized("Conv", self.integers(96, 2, 3, 3), [1, 64, 9, 7], group=32)),
                ("whole groups of four", self.quantized("Conv", RANDOM.integers(1, 101, (96, 64, 3, 3)), [1, 64, 9, 7]))):
            (decision,) = lacuna_ort.explain(content, options(1, level))
            self.assertFalse(decision["claimed"])
            self.assertIn(reason, decision["reason"])
        # The same bits with any number of threads, of kernels of several taps as well.
        content = self.quantized("Conv", self.integers(256, 128, 3, 3, groups=1), [2, 128, 40, 40], output=np.int8,
                                 pads=[1, 1, 1, 1])
        q = RANDOM.integers(0, 256, (2, 128, 40, 40)).astype(np.uint8)
        results = [ort.InferenceSession(content, lacuna_ort.session_options(options(threads))).run(None, {"q": q})[0]
                   for threads in (1, 2, 3)]
        self.assertTrue(np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2]))
        content = self.quantized("MatMul", scattered, [1, 96])
        (decision,) = lacuna_ort.explain(content, options(1, level), min_zeros=0)
        self.assertTrue(decision["claimed"], decision)

    def test_weights_of_bytes_with_activations_of_floats(self):
        nodes = [("DequantizeLinear", ["w", "s"], ["wf"]), ("MatMul", ["x", "wf"], ["y"])]
        content = model(nodes, {"x": ["n", 96]}, ["y"], {
            "w": self.integers(96, 128).astype(np.int8), "s": np.float32(0.01)})
        # onnxruntime would round the activations, too, where it may change the graph.
        level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        (decision,) = self.compare(content, [{"x": array(3, 96)}], 1, level=level)
        self.assertEqual(len(decision["nodes"]), 2)
        (decision,) = lacuna_ort.explain(content)
        self.assertTrue(decision["claimed"])

    def test_onnxruntimes_threads_give_the_same_bits(self):
        content = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 512]}, ["y"], {"w": sparse(512, 1024)})
        x = array(1000, 512)
        results = [ort.InferenceSession(content, lacuna_ort.session_options(options(threads))).run(None, {"x": x})[0]
                   for threads in (1, 2, 3)]
        self.assertTrue(np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2]))

    def test_what_is_left_alone_and_why(self):
        x2, x4 = {"x": ["n", 96]}, {"x": [1, 64, 8, 8]}
        for reason, nodes, inputs, weights in (
                ("few zeros", [("MatMul", ["x", "w"], ["y"])], x2, {"w": array(96, 64)}),
                ("few weights", [("MatMul", ["x", "w"], ["y"])], x2, {"w": sparse(96, 8)}),
                ("not constant", [("Relu", ["z"], ["w"]), ("MatMul", ["x", "w"], ["y"])],
                 {**x2, "z": [96, 64]}, {}),
                ("not a matrix", [("MatMul", ["x", "w"], ["y"])], {"x": [2, 5, 96]}, {"w": sparse(2, 96, 64)}),
                ("transposed", [("Gemm", ["x", "w"], ["y"], {"transA": 1})], {"x": [96, 7]}, {"w": sparse(96, 64)}),
                ("alpha", [("Gemm", ["x", "w"], ["y"], {"alpha": 0.5})], x2, {"w": sparse(96, 64)}),
                ("one constant per output", [("Gemm", ["x", "w", "b"], ["y"])], {"x": [3, 96]},
                 {"w": sparse(96, 64), "b": array(3, 64)}),
                ("known only at run time", [("Conv", ["x", "w"], ["y"])], {"x": [1, 64, "n", 8]},
                 {"w": sparse(64, 64, 3, 3)}),
                ("SAME_UPPER", [("Conv", ["x", "w"], ["y"], {"auto_pad": "SAME_UPPER"})], x4,
                 {"w": sparse(64, 64, 3, 3)}),
                ("not of two dimensions", [("Conv", ["x", "w"], ["y"])], {"x": [1, 64, 9]},
                 {"w": sparse(64, 64, 3)}),
                ("padding of 3", [("Conv", ["x", "w"], ["y"], {"pads": [3, 1, 1, 1]})], x4,
                 {"w": sparse(64, 64, 3, 3)})):
            content = model(nodes, inputs, ["y"], weights)
            feed = {name: array(*(3 if d == "n" else d for d in shape)) for name, shape in inputs.items()}
            level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # else alpha and strides might be rewritten first
            (decision,) = self.compare(content, [feed], 0, level=level)
            self.assertIn(reason, decision["reason"])

    def recurrent(self, cell, directions, inputs=20, hidden=48, zeros=0.9, bias=True, lengths=None, states=None,
                  outputs=(True, True, True), axes=("steps", "batch"), **attributes):
        """A model of one node. Lengths and first states are "given" as inputs, or held by the model, or left out (None)."""
        gates = {"LSTM": 4, "GRU": 3}[cell] * hidden
        held = {"w": array(directions, gates, inputs, zeros=zeros) / 4, "r": array(directions, gates, hidden, zeros=zeros) / 4}
        if bias:
            held["b"] = array(directions, 2 * gates)
        names = ["x", "w", "r", "b" if bias else "", "", ""] + [""] * (cell == "LSTM")
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [*axes, inputs])]
        if lengths is not None:
            names[4] = "lengths"
            if lengths == "given":
                given.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [axes[1]]))
            else:
                held["lengths"] = np.array(lengths, np.int32)
        for place, name in enumerate(("h", "c")[:2 if cell == "LSTM" else 1]):
            if states is not None:
                names[5 + place] = name
            if states == "given":
                given.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [directions, axes[1], hidden]))
            elif states is not None:
                held[name] = array(directions, states, hidden)
        results = [name if there else "" for name, there in zip(("y", "yh", "yc"), outputs)][:3 if cell == "LSTM" else 2]
        node = helper.make_node(cell, names, results, hidden_size=hidden,
                                **({} if directions == 1 else {"direction": "bidirectional"}), **attributes)
        graph = helper.make_graph(
            [node], "g", given,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results if name],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()

    def test_recurrent_nodes(self):
        forms = (("LSTM", 1, {}), ("LSTM", 1, {"direction": "reverse"}), ("LSTM", 2, {}), ("GRU", 1, {}),
                 ("GRU", 2, {"linear_before_reset": 1}), ("GRU", 1, {"linear_before_reset": 1, "direction": "reverse"}),
                 ("LSTM", 2, {"activations": ["Sigmoid", "Tanh", "Tanh"] * 2}))
        for cell, directions, attributes in forms:
            for bias, lengths, states, outputs in (
                    (True, None, None, (True, True, True)), (False, None, "given", (True, False, False)),
                    (True, "given", "given", (True, True, True)), (True, None, 3, (False, True, True)),
                    (False, (7, 2, 5), None, (False, True, False))):
                content = self.recurrent(cell, directions, bias=bias, lengths=lengths, states=states, outputs=outputs,
                                         **attributes)
                feeds = []
                for steps, batch in ((7, 3),) if states == 3 or isinstance(lengths, tuple) else ((7, 3), (1, 1), (40, 9)):
                    feed = {"x": array(steps, batch, 20)}
                    if lengths == "given":
                        feed["lengths"] = RANDOM.integers(1, steps + 1, batch).astype(np.int32)
                    if states == "given":
                        feed.update({name: array(directions, batch, 48) for name in ("h", "c")[:2 if cell == "LSTM" else 1]})
                    feeds.append(feed)
                (decision,) = self.compare(content, feeds, 1)
                self.assertEqual((decision["type"], decision["columns"]), (cell, 68))
        # A network of several nodes, on any number of threads the same bits.
        content = self.recurrent("LSTM", 2, 256, 256, axes=(60, 12))
        feed = {"x": array(60, 12, 256)}
        self.compare(content, [feed], 1)
        results = [ort.InferenceSession(content, lacuna_ort.session_options(options(threads))).run(None, feed)
                   for threads in (1, 2, 3)]
        for other in results[1:]:
            self.assertTrue(all(np.array_equal(a, b) for a, b in zip(results[0], other)))

    def test_recurrent_nodes_that_are_left_alone_and_why(self):
        for reason, content in (
                ("few zeros", self.recurrent("LSTM", 1, zeros=0.3)),
                ("few weights", self.recurrent("GRU", 1, 4, 8)),
                ("Sigmoid and Tanh", self.recurrent("LSTM", 1, activations=["Sigmoid", "Relu", "Tanh"])),
                ("clipped", self.recurrent("LSTM", 1, clip=3.0)),
                ("coupled", self.recurrent("LSTM", 1, input_forget=1))):
            (decision,) = lacuna_ort.explain(content, options(1))
            self.assertFalse(decision["claimed"])
            self.assertIn(reason, decision["reason"])
        # Lengths or states that do not fit the sequences are an error, not a crash.
        for more, feed in ((dict(lengths=(7, 2, 5)), {"x": array(7, 4, 20)}), (dict(states=3), {"x": array(7, 4, 20)}),
                           (dict(lengths="given"), {"x": array(7, 2, 20), "lengths": np.array([9, 1], np.int32)})):
            session = ort.InferenceSession(self.recurrent("GRU", 1, **more), lacuna_ort.session_options(options(1)))
            with self.assertRaises(Exception):
                session.run(None, feed)

    def test_values_that_others_see_are_not_fused_away(self):
        nodes = [("MatMul", ["x", "w"], ["a"]), ("Relu", ["a"], ["r"]), ("Add", ["a", "r"], ["y"])]
        (decision,) = self.compare(model(nodes, {"x": ["n", 96]}, ["y"], {"w": sparse(96, 64)}),
                                   [{"x": array(3, 96)}], 1)
        self.assertEqual(len(decision["nodes"]), 1)
        nodes = [("MatMul", ["x", "w"], ["a"]), ("Relu", ["a"], ["y"])]
        (decision,) = self.compare(model(nodes, {"x": ["n", 96]}, ["y", "a"], {"w": sparse(96, 64)}),
                                   [{"x": array(3, 96)}], 1)
        self.assertEqual(len(decision["nodes"]), 1)
        # A bias that gives the sum another dimension; one that is the other operand's size by chance, but a different axis; one
        # known only at run time.
        nodes = [("MatMul", ["x", "w"], ["a"]), ("Add", ["a", "b"], ["y"])]
        (decision,) = self.compare(model(nodes, {"x": [3, 96]}, ["y"], {"w": sparse(96, 64), "b": array(1, 1, 64)}),
                                   [{"x": array(3, 96)}], 1)
        self.assertEqual(len(decision["nodes"]), 1)
        level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # else both are a Gemm
        (decision,) = self.compare(model(nodes, {"x": [64, 96]}, ["y"], {"w": sparse(96, 64), "b": array(64, 1)}),
                                   [{"x": array(64, 96)}], 1, level=level)
        self.assertEqual(len(decision["nodes"]), 1)
        (decision,) = self.compare(model(nodes, {"x": [3, 96], "b": [64]}, ["y"], {"w": sparse(96, 64)}),
                                   [{"x": array(3, 96), "b": array(64)}], 1, level=level)
        self.assertEqual(len(decision["nodes"]), 1)

    def test_the_same_weights_twice_and_subgraphs(self):
        nodes = [("MatMul", ["x", "w"], ["a"]), ("Tanh", ["a"], ["t"]), ("MatMul", ["t", "w"], ["y"])]
        self.compare(model(nodes, {"x": ["n", 96]}, ["y"], {"w": sparse(96, 96)}), [{"x": array(3, 96)}], 2)
        branches = []
        for name in ("then", "else"):
            w = numpy_helper.from_array(sparse(96, 64), "w")
            branches.append(helper.make_graph([helper.make_node("MatMul", ["x", "w"], [f"{name}_y"])], name, [],
                                              [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)], [w]))
        graph = helper.make_graph(
            [helper.make_node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1])], "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 96]),
             helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
        content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
        decisions = self.compare(content, [{"x": array(3, 96), "c": np.array(c)} for c in (True, False)], 0)
        self.assertEqual([d["reason"] for d in decisions], ["it is inside an If or a Loop"] * 2)

    def test_weights_in_files_beside_the_model(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            content = onnx.load_from_string(model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 256]}, ["y"],
                                                  {"w": sparse(256, 256)}))
            onnx.save(content, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
            self.compare(path, [{"x": array(3, 256)}], 1)

    def test_options_that_make_no_sense_are_refused(self):
        for wrong, words in (({"min_zeros": 1.5}, "min_zeros is 1.5"), ({"width": 0}, "width is 0"), ({"threads": -1}, "threads is -1"),
                             ({"report": "/absent/report.json"}, "/absent/report.json")):
            with self.assertRaisesRegex(ValueError, words):
                lacuna_ort.session_options(**wrong)
        # Past this module the provider refuses them itself, and onnxruntime goes on without it.
        made = ort.SessionOptions()
        with self.assertRaisesRegex(Exception, 'option width is "many", must be a number from'):
            made.add_provider_for_devices(lacuna_ort.register(), {"width": "many"})
            content = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 96]}, ["y"], {"w": sparse(96, 64)})
            ort.InferenceSession(content, made, enable_fallback=0)

    def test_names_of_any_bytes_are_reported(self):
        content = model([("MatMul", ["x", "w"], ["aaaa"]), ("Tanh", ["aaaa"], ["y"])], {"x": ["n", 96]}, ["y"],
                        {"w": sparse(96, 64)})
        (decision,) = lacuna_ort.explain(content.replace(b"aaaa", b"a\xff\xc3("))
        self.assertEqual(decision["name"], "aÿÃ(")

    def test_options_decide(self):
        content = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 96]}, ["y"], {"w": array(96, 64, zeros=0.4)})
        self.compare(content, [{"x": array(3, 96)}], 0)
        (decision,) = self.compare(content, [{"x": array(3, 96)}], 1, min_zeros=0.3, width=3)
        self.assertEqual(decision["width"], 3)

    def test_a_process_ends_silently_with_a_session_alive(self):
        content = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 96]}, ["y"], {"w": sparse(96, 64)})
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            file.write(content)
            file.flush()
            ended = subprocess.run([sys.executable, "-c", f"""
import numpy as np, onnxruntime as ort, lacuna_sparse.onnxruntime as lo, sys
sys.kept = ort.InferenceSession({file.name!r}, lo.session_options())
print(sys.kept.run(None, {{"x": np.ones((2, 96), "float32")}})[0].shape)
"""], capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stdout), (0, "(2, 64)\n"), ended.stderr)

    def test_a_library_that_is_missing_is_told(self):
        ended = subprocess.run([sys.executable, "-c", "import lacuna_sparse.onnxruntime as lo; lo.register()"],
                               capture_output=True, text=True,
                               env={**os.environ, "LACUNA_ONNXRUNTIME_LIBRARY": "/absent.so"})
        self.assertIn("RuntimeError: /absent.so is not there: Integrations/onnxruntime/build", ended.stderr)


if __name__ == "__main__":
    unittest.main()
