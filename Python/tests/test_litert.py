"""The delegate in LiteRT: what it takes and leaves, results beside the engine alone, refusals."""

import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings

try:
    import ai_edge_litert  # noqa: F401
    import flatbuffers  # noqa: F401
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse.litert as lacuna_litert
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite import Model, encoded, schema

try:
    lacuna_litert.library()
except RuntimeError as missing:
    raise unittest.SkipTest(str(missing))

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "tflite"
RANDOM = np.random.default_rng(11)


def array(*shape, zeros=0.0, dtype=np.float32):
    values = RANDOM.standard_normal(shape)
    values[RANDOM.random(shape) < zeros] = 0
    return values.astype(dtype)


def sparse(*shape, dtype=np.float32):
    return array(*shape, zeros=0.9, dtype=dtype)


def run(interpreter, feeds):
    """The outputs of a prepared interpreter."""
    for detail, value in zip(interpreter.get_input_details(), feeds):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def simple(rows, columns, w=None, width=32, activation="", bias=True, **more):
    """One FULLY_CONNECTED [width, columns] → [width, rows]."""
    model = Model()
    x = model.tensor((width, columns))
    weights = model.constant(sparse(rows, columns) if w is None else w)
    y = model.fully_connected(x, weights, model.constant(array(rows)) if bias else None, (width, rows), activation, **more)
    return model.content([x], [y])


class Delegate(unittest.TestCase):
    def compare(self, content, claimed, shapes=(None,), threads=1, resolver=OpResolverType.AUTO, **options):
        """Runs the model with and without, for inputs of each of `shapes`, None being the model's own; `claimed` is how many
        products are to be taken. Returns the decisions."""
        decisions = lacuna_litert.explain(content, num_threads=threads, **options)
        self.assertEqual(sum(d["claimed"] for d in decisions), claimed, decisions)
        both = lacuna_litert.interpreter(content, num_threads=threads, **options)
        source = {"model_content": content} if isinstance(content, bytes) else {"model_path": content}
        alone = Interpreter(**source, num_threads=threads, experimental_op_resolver_type=resolver)
        for shape in shapes:
            for interpreter in (alone, both):
                for detail in interpreter.get_input_details():
                    if shape is not None:
                        interpreter.resize_tensor_input(detail["index"], shape)
                interpreter.allocate_tensors()
            feeds = [RANDOM.integers(-128, 128, detail["shape"]).astype(np.int8) if detail["dtype"] == np.int8 else
                     array(*detail["shape"]).astype(detail["dtype"]) for detail in alone.get_input_details()]
            for mine, theirs in zip(run(both, feeds), run(alone, feeds)):
                self.assertEqual((mine.shape, mine.dtype), (theirs.shape, theirs.dtype))
                if mine.dtype == np.int8:
                    # LiteRT multiplies sums by a fixed-point number and these plans by a float: some results round to
                    # the next byte.
                    apart = np.abs(mine.astype(int) - theirs)
                    self.assertTrue(apart.max(initial=0) <= 1 and np.count_nonzero(apart) <= 0.02 * mine.size + 1, apart)
                    self.assertGreater(len(np.unique(mine)), 5)
                else:
                    self.assertTrue(np.allclose(mine, theirs, rtol=1e-4, atol=1e-4), abs(mine - theirs).max(initial=0))
        return decisions

    def test_products_with_every_activation_and_bias(self):
        for activation, bias in itertools.product(("", "RELU", "RELU6", "RELU_N1_TO_1"), (True, False)):
            (decision,) = self.compare(simple(128, 96, activation=activation, bias=bias), 1)
            self.assertEqual((decision["rows"], decision["columns"], decision["width"]), (128, 96, 32))
            self.assertTrue(decision["kernel"])
            self.assertEqual(decision["reason"], "")

    def test_an_input_of_more_dimensions(self):
        for keep, shape in ((True, (2, 5, 96)), (False, (2, 5, 96)), (True, (96,)), (False, (1, 4, 4, 6))):
            model = Model()
            x = model.tensor(shape)
            rows = int(np.prod(shape)) // 96
            out = (*shape[:-1], 128) if keep else (rows, 128)
            y = model.fully_connected(x, model.constant(sparse(128, 96)), model.constant(array(128)), out, keep=keep)
            self.compare(model.content([x], [y]), 1, min_weights=0)

    def test_shapes_known_only_at_run_time(self):
        model = Model()
        x = model.tensor((1, 96), signature=[-1, 96])
        h = model.fully_connected(x, model.constant(sparse(128, 96)), None, (1, 128), "RELU", signature=[-1, 128])
        y = model.fully_connected(h, model.constant(sparse(64, 128)), None, (1, 64), signature=[-1, 64])
        for decision in self.compare(model.content([x], [y]), 2, [(1, 96), (7, 96), (300, 96), (2, 96)], width=50):
            self.assertEqual(decision["width"], 50)

    def test_convolutions_of_one_tap_with_strides(self):
        for strides, same, activation in itertools.product(((1, 1), (2, 2), (2, 3)), (True, False), ("", "RELU6")):
            model = Model()
            x = model.tensor((2, 9, 7, 64))
            out = (2, (9 - 1) // strides[0] + 1, (7 - 1) // strides[1] + 1, 96)
            y = model.convolution(x, model.constant(sparse(96, 1, 1, 64)), model.constant(array(96)), out, activation,
                                  strides, same)
            (decision,) = self.compare(model.content([x], [y]), 1, [None, (1, 12, 20, 64), (1, 1, 1, 64)], min_weights=0)
            self.assertEqual(decision["width"], int(np.prod(out[:3])))

    def window(self, x, kernel, result, claimed=1, shapes=(None,), multiplier=None, signature=None, **more):
        """Compares one convolution of an image of shape `x`."""
        model = Model()
        filters = kernel[3] if multiplier else kernel[0]
        source = model.tensor(x, signature=signature)
        y = model.convolution(source, model.constant(sparse(*kernel)), model.constant(array(filters)), result,
                              multiplier=multiplier, **more)
        (decision,) = self.compare(model.content([source], [y]), claimed, shapes, min_weights=0, width=30)
        return decision

    def test_convolutions_of_windows(self):
        # (Strides larger than the kernel are wrong in XNNPACK of LiteRT 1.4 itself.)
        for same, strides, dilations, kernel in itertools.product(
                (True, False), ((1, 1), (2, 1), (2, 2)), ((1, 1), (2, 1)), ((3, 3), (1, 2), (5, 4))):
            if strides != (1, 1) and dilations != (1, 1):
                continue
            size = [(n - 1) // s + 1 if same else (n - (k - 1) * d - 1) // s + 1
                    for n, s, d, k in zip((11, 9), strides, dilations, kernel)]
            decision = self.window((2, 11, 9, 16), (24, *kernel, 16), (2, *size, 24), same=same, strides=strides,
                                   dilations=dilations, activation="RELU6")
            self.assertEqual((decision["rows"], decision["columns"]), (24, kernel[0] * kernel[1] * 16))
            self.assertEqual(decision["width"], 2 * size[0] * size[1])

    def test_convolutions_of_groups(self):
        self.window((1, 11, 9, 32), (24, 3, 3, 16), (1, 11, 9, 24))
        self.window((1, 11, 9, 32), (24, 1, 1, 16), (1, 11, 9, 24))

    def test_depthwise_convolutions_are_left_alone(self):
        decision = self.window((1, 11, 9, 16), (1, 3, 3, 16), (1, 11, 9, 16), claimed=0, multiplier=1)
        self.assertEqual(decision["type"], "DEPTHWISE_CONV_2D")
        self.assertIn("quicker in LiteRT", decision["reason"])

    def blocks(self, height, width):
        """Inverted bottlenecks with padding, sums, pooling, resizing, and all that stretches have inside; then an operator that is
        not."""
        model = Model()
        h, w = height // 2, width // 2
        x = model.tensor((1, height, width, 3))
        y = model.convolution(x, model.constant(array(32, 3, 3, 3) / 5), model.constant(array(32)), (1, h, w, 32), "RELU", (2, 2))
        for multiplier, stride in ((1, 1), (2, 2)):
            u = model.convolution(y, model.constant(sparse(96, 1, 1, 32)), model.constant(array(96)), (1, h, w, 96), "RELU6")
            pads = model.constant(np.array([[0, 0], [1, 2], [2, 1], [0, 0]], np.int32))
            p = model.other("PAD", [u, pads], (1, h + 3, w + 3, 96), schema.PadOptionsT())
            wide, tall = 96 * multiplier, (h + 3 - 4) // stride + 1
            d = model.convolution(p, model.constant(array(1, 4, 4, wide) / 4), model.constant(array(wide)),
                                  (1, tall, (w + 3 - 4) // stride + 1, wide), "RELU_N1_TO_1", (stride, stride), False,
                                  multiplier=multiplier)
            z = model.convolution(d, model.constant(sparse(32, 1, 1, wide) / 3), model.constant(array(32)),
                                  (1, tall, (w + 3 - 4) // stride + 1, 32))
            kind = "AVERAGE_POOL_2D" if stride == 1 else "MAX_POOL_2D"
            m = model.other(kind, [y], (1, tall, (w + stride - 1) // stride, 32), schema.Pool2DOptionsT(), padding=0, strideH=stride,
                            strideW=stride, filterHeight=3, filterWidth=3)
            y = model.other("ADD", [z, m], (1, tall, (w + stride - 1) // stride, 32), schema.AddOptionsT(),
                            fusedActivationFunction=1 if stride == 1 else 0)
            h, w = tall, (w + stride - 1) // stride
        first = y
        y = model.other("HARD_SWISH", [y], (1, h, w, 32), schema.HardSwishOptionsT())
        s = model.other("LOGISTIC", [y], (1, h, w, 32))
        y = model.other("MUL", [y, s], (1, h, w, 32), schema.MulOptionsT(), fusedActivationFunction=0)
        sizes = model.constant(np.array([2 * h, 2 * w], np.int32))
        y = model.other("RESIZE_BILINEAR", [y, sizes], (1, 2 * h, 2 * w, 32), schema.ResizeBilinearOptionsT(), 3,
                        halfPixelCenters=True)
        y = model.other("DEPTH_TO_SPACE", [y], (1, 4 * h, 4 * w, 8), schema.DepthToSpaceOptionsT(), blockSize=2)
        y = model.other("TANH", [y], (1, 4 * h, 4 * w, 8))
        return model.content([x], [y, first])

    def test_a_convolutional_network_is_one_plan(self):
        content = self.blocks(22, 36)
        for threads in (1, 2):
            decisions = self.compare(content, 7, threads=threads)
            self.assertEqual({d["stretch"] for d in decisions}, {18})
            self.assertEqual(sum(len(d["nodes"]) for d in decisions), 18)
            self.assertEqual([d["type"] for d in decisions].count("DEPTHWISE_CONV_2D"), 2)
            self.assertTrue(all(d["kernel"] for d in decisions))

    def test_a_stretch_is_planned_again_for_images_of_another_size(self):
        model = Model()
        x = model.tensor((1, 8, 8, 64))
        y = model.convolution(x, model.constant(sparse(64, 1, 1, 64)), model.constant(array(64)), (1, 8, 8, 64), "RELU")
        # Padding that depends on the size of an image inside.
        y = model.convolution(y, model.constant(array(1, 3, 3, 64)), model.constant(array(64)), (1, 4, 4, 64), "", (2, 2),
                              multiplier=1)
        y = model.convolution(y, model.constant(array(1, 2, 4, 64)), model.constant(array(64)), (1, 2, 2, 64), "", (2, 3),
                              multiplier=1)
        values, sparsity = encoded(sparse(32, 1, 1, 64))
        stored = model.tensor((32, 1, 1, 64), np.float32, values, sparsity=sparsity)
        y = model.convolution(y, model.densified(stored, (32, 1, 1, 64)), model.constant(array(32)), (1, 2, 2, 32))
        content = model.content([x], [y])
        decisions = self.compare(content, 4, [(1, 8, 8, 64), (2, 5, 9, 64), (1, 7, 6, 64), (1, 1, 1, 64), (1, 8, 8, 64)])
        self.assertEqual({d["stretch"] for d in decisions}, {4})

    def test_a_stretch_that_does_not_gain_is_left_and_said_so(self):
        model = Model()
        x = model.tensor((1, 8, 8, 64))
        y = model.convolution(x, model.constant(array(256, 3, 3, 64) / 9), model.constant(array(256)), (1, 8, 8, 256), "RELU")
        y = model.convolution(y, model.constant(sparse(32, 1, 1, 256)), model.constant(array(32)), (1, 8, 8, 32))
        decisions = self.compare(model.content([x], [y]), 0)
        whole = [d for d in decisions if d["type"] == "stretch"]
        self.assertEqual(len(whole), 1)
        self.assertIn("% of LiteRT's time", whole[0]["reason"])
        # The second is too small to be taken out of it.
        self.assertIn("less than its borders cost", decisions[-1]["reason"])

    def test_images_of_another_size_than_the_model_says(self):
        shapes = [None, (1, 20, 5, 16), (3, 2, 2, 16), (3, 11, 9, 16)]
        self.window((2, 11, 9, 16), (24, 3, 3, 16), (2, 11, 9, 24), shapes=shapes)
        self.window((2, 11, 9, 16), (24, 3, 3, 16), (2, 9, 7, 24), shapes=[None, (1, 3, 20, 16)], same=False)
        self.window((1, 1, 1, 16), (24, 5, 5, 16), (1, 1, 1, 24), shapes=shapes[1:], signature=[-1, -1, -1, 16])

    def test_weights_of_half_precision_and_sparse_ones(self):
        for half, stored_sparse, bias in itertools.product((False, True), (False, True), (False, True)):
            w = sparse(128, 96, dtype=np.float16 if half else np.float32)
            model = Model()
            x = model.tensor((32, 96))
            if stored_sparse:
                values, sparsity = encoded(w)
                weights = model.densified(model.tensor(w.shape, w.dtype, values, sparsity=sparsity), w.shape, w.dtype)
            else:
                weights = model.constant(w)
            if half:
                weights = model.dequantized(weights, w.shape)
            b = None
            if bias:
                b = model.constant(array(128, dtype=w.dtype))
                b = model.dequantized(b, (128,)) if half else b
            y = model.fully_connected(x, weights, b, (32, 128))
            (decision,) = self.compare(model.content([x], [y]), 1)
            # What made the constants need not run any more.
            self.assertEqual(len(decision["nodes"]), 1 + half + stored_sparse + (half and bias))
            self.assertAlmostEqual(decision["zeros"], float(np.mean(w == 0)), places=5)

    def test_every_number_of_half_precision_is_read_right(self):
        finite = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
        finite = finite[np.isfinite(finite)]
        w = np.zeros((512, 512), np.float16)
        w.reshape(-1)[:finite.size * 4:4] = finite
        model = Model()
        x = model.tensor((512, 512))
        y = model.fully_connected(x, model.dequantized(model.constant(w), w.shape), None, (512, 512))
        interpreter = lacuna_litert.interpreter(model.content([x], [y]))
        interpreter.allocate_tensors()
        (found,) = run(interpreter, [np.eye(512, dtype=np.float32)])
        self.assertTrue(np.array_equal(found, w.astype(np.float32).T))

    def test_constants_that_others_read_are_still_made(self):
        w = sparse(128, 96, dtype=np.float16)
        model = Model()
        x = model.tensor((32, 96))
        weights = model.dequantized(model.constant(w), w.shape)
        y = model.fully_connected(x, weights, None, (32, 128))
        z = model.tensor((128, 96))
        model.operator("ABS", [weights], [z])
        self.compare(model.content([x], [y, z]), 1)
        # One that leaves the graph. (LiteRT 2.3 alone leaves that output unwritten.)
        interpreter = lacuna_litert.interpreter(model.content([x], [y, weights]))
        interpreter.allocate_tensors()
        self.assertTrue(np.array_equal(run(interpreter, [array(32, 96)])[1], w.astype(np.float32)))
        # Weights that are at once another product's input.
        model = Model()
        x = model.tensor((32, 96))
        weights = model.dequantized(model.constant(w), w.shape)
        y = model.fully_connected(x, weights, None, (32, 128))
        z = model.fully_connected(weights, model.constant(sparse(64, 96)), None, (128, 64))
        self.compare(model.content([x], [y, z]), 2)

    def test_products_that_follow_each_other_are_one_partition(self):
        model = Model()
        x = model.tensor((32, 96))
        a = model.fully_connected(x, model.constant(sparse(128, 96)), None, (32, 128), "RELU")
        b = model.fully_connected(a, model.constant(sparse(256, 128)), None, (32, 256))
        c = model.fully_connected(b, model.constant(sparse(128, 256)), None, (32, 128))
        d = model.fully_connected(a, model.constant(sparse(64, 128)), None, (32, 64))
        content = model.content([x], [c, d])
        self.compare(content, 4, [None, (5, 96), (64, 96)])
        interpreter = lacuna_litert.interpreter(content)
        interpreter.allocate_tensors()
        operators = [o["op_name"] for o in interpreter._get_ops_details()]
        self.assertEqual(operators, 4 * ["FULLY_CONNECTED"] + ["DELEGATE"])
        # With another operator between them, and with a value in the middle that leaves the graph.
        model = Model()
        x = model.tensor((32, 96))
        a = model.fully_connected(x, model.constant(sparse(128, 96)), None, (32, 128))
        t = model.tensor((32, 128))
        model.operator("TANH", [a], [t])
        b = model.fully_connected(t, model.constant(sparse(96, 128)), None, (32, 96))
        c = model.fully_connected(b, model.constant(sparse(128, 96)), None, (32, 128))
        self.compare(model.content([x], [c, b, a]), 3)

    def test_constants_that_are_made_in_another_partition(self):
        # LiteRT runs what makes constants first, so they belong to the first partition and are read in the second.
        model = Model()
        x = model.tensor((32, 96))
        weights = [model.dequantized(model.constant(sparse(*shape, dtype=np.float16)), shape)
                   for shape in ((128, 96), (96, 128))]
        a = model.fully_connected(x, weights[0], None, (32, 128))
        t = model.tensor((32, 128))
        model.operator("TANH", [a], [t])
        content = model.content([x], [model.fully_connected(t, weights[1], None, (32, 96))])
        self.compare(content, 2, [None, (5, 96)], min_zeros=0, min_weights=0)
        interpreter = lacuna_litert.interpreter(content)
        interpreter.allocate_tensors()
        self.assertEqual(list(interpreter.get_tensor_details()[weights[1]]["shape"]), [0])      # and need no room

    def test_branches_are_graphs_of_their_own(self):
        model = Model()
        x, condition = model.tensor((32, 96)), model.tensor((), np.bool_)
        y = model.tensor((32, 128))
        options = schema.IfOptionsT()
        options.thenSubgraphIndex, options.elseSubgraphIndex = 1, 2
        model.operator("IF", [condition, x], [y], options)
        for activation in ("RELU", "RELU6"):
            branch = Model(model)
            b = branch.tensor((32, 96))
            branch.content([b], [branch.fully_connected(b, branch.constant(sparse(128, 96)), None, (32, 128), activation)])
        content = model.content([condition, x], [y])
        self.assertEqual([d["claimed"] for d in lacuna_litert.explain(content)], [True, True])
        alone, both = Interpreter(model_content=content), lacuna_litert.interpreter(content)
        for condition in (True, False):
            feeds = [np.array(condition), array(32, 96)]
            for interpreter in (alone, both):
                interpreter.allocate_tensors()
            self.assertTrue(np.allclose(run(both, feeds)[0], run(alone, feeds)[0], rtol=1e-4, atol=1e-4))

    def test_what_interpreters_can_be_asked_for(self):
        model = Model()
        x = model.tensor((32, 96))
        a = model.fully_connected(x, model.constant(sparse(128, 96)), None, (32, 128))
        content = model.content([x], [model.fully_connected(a, model.constant(sparse(64, 128)), None, (32, 64))])
        feed = array(32, 96)
        expected = None
        for more in ({}, {"experimental_preserve_all_tensors": True}, {"experimental_disable_delegate_clustering": True},
                     {"experimental_op_resolver_type": OpResolverType.BUILTIN_REF}):
            with warnings.catch_warnings(), self.subTest(more):
                warnings.simplefilter("ignore")
                interpreter = lacuna_litert.interpreter(content, **more)
                interpreter.allocate_tensors()
                (found,) = run(interpreter, [feed])
                self.assertTrue(expected is None or np.array_equal(found, expected))
                expected = found

    def test_the_models_of_tensorflows_converter(self):
        for path in sorted(GOLDEN.glob("*.tflite")):
            with self.subTest(path.name):
                taken = 0 if "int8" in path.name or path.name == "dense_2by4.tflite" else 1
                (decision,) = self.compare(str(path), taken, min_zeros=0.6, min_weights=0)
                if "int8" in path.name:
                    self.assertIn("8-bit integers", decision["reason"])

    def test_threads_give_the_same_bits(self):
        content = simple(1024, 512, width=1000)
        x = array(1000, 512)
        results = []
        for options in ({"num_threads": 1}, {"num_threads": 2}, {"num_threads": 1, "threads": 3}):
            interpreter = lacuna_litert.interpreter(content, **options)
            interpreter.allocate_tensors()
            results.append(run(interpreter, [x])[0].copy())
        self.assertTrue(np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2]))

    def test_what_is_left_alone_and_why(self):
        def conv(*shape, zeros):
            model = Model()
            x = model.tensor((1, 8, 8, 64))
            return model.content([x], [model.convolution(x, model.constant(array(*shape, zeros=zeros)),
                                                         model.constant(array(shape[0])), (1, 8, 8, 64))])

        dynamic = Model()
        x, w = dynamic.tensor((32, 96)), dynamic.tensor((128, 96))
        weighted = dynamic.content([x, w], [dynamic.fully_connected(x, w, None, (32, 128))])
        biased = Model()
        x, b = biased.tensor((32, 96)), biased.tensor((128,))
        biased = biased.content([x, b], [biased.fully_connected(x, biased.constant(sparse(128, 96)), b, (32, 128))])
        for reason, content in (
                ("few zeros", simple(128, 96, array(128, 96, zeros=0.3))),
                ("few zeros", simple(512, 96, array(512, 96, zeros=0.6), width=4)),
                ("few weights", simple(16, 96)),
                ("weights are known only at run time", weighted),
                ("bias is known only at run time", biased),
                ("few zeros", conv(64, 3, 3, 64, zeros=0.3))):
            with self.subTest(reason):
                (decision,) = self.compare(content, 0)
                self.assertIn(reason, decision["reason"])
                self.assertEqual(decision["kernel"], "")

    def test_an_activation_that_litert_does_not_fuse_either(self):
        (decision,) = lacuna_litert.explain(simple(128, 96, activation="TANH"))
        self.assertIn("its activation is another than", decision["reason"])

    def integers(self, *shape):
        """Integers of weights of which a tenth is not zero, in whole groups of four inputs."""
        kept = np.repeat(RANDOM.random((*shape[:-1], -(-shape[-1] // 4))) < 0.1, 4, axis=-1)[..., :shape[-1]]
        return (RANDOM.integers(-120, 121, shape) * kept).astype(np.int8)

    def test_products_of_bytes(self):
        for activation, bias, per_row in itertools.product(("", "RELU", "RELU6"), (True, False), (True, False)):
            model = Model()
            x = model.tensor((32, 96), np.int8, scales=0.04, zero=-7)
            scales = RANDOM.uniform(0.005, 0.02, 128 if per_row else 1)
            w = model.constant(self.integers(128, 96), scales)
            b = model.constant(RANDOM.integers(-2000, 2000, 128).astype(np.int32), 0.04 * scales) if bias else None
            y = model.fully_connected(x, w, b, (32, 128), activation, dtype=np.int8, scales=0.05, zero=-9)
            (decision,) = self.compare(model.content([x], [y]), 1)
            self.assertEqual((decision["rows"], decision["columns"], decision["width"]), (128, 96, 32))

    def test_convolutions_of_bytes_and_chains(self):
        for strides in ((1, 1), (2, 3)):
            model = Model()
            x = model.tensor((2, 9, 7, 64), np.int8, scales=0.04, zero=3)
            out = (2, (9 - 1) // strides[0] + 1, (7 - 1) // strides[1] + 1)
            names, sizes = [x], (64, 96, 80)
            for number in range(2):
                scales = RANDOM.uniform(0.005, 0.02, sizes[number + 1])
                w = model.constant(self.integers(sizes[number + 1], 1, 1, sizes[number]), scales)
                b = model.constant(RANDOM.integers(-2000, 2000, sizes[number + 1]).astype(np.int32), 0.04 * scales)
                names.append(model.convolution(names[-1], w, b, (*out, sizes[number + 1]), "RELU6" if number == 0 else "",
                                               strides if number == 0 else (1, 1), dtype=np.int8, scales=0.04, zero=-20))
            for threads in (1, 2):
                self.compare(model.content([x], [names[-1]]), 2, threads=threads, min_weights=0)

    def test_convolutions_of_windows_on_bytes(self):
        for number, (kernel, groups, more) in enumerate((
                ((3, 3), 1, {}), ((3, 3), 1, dict(strides=(2, 2))), ((5, 1), 1, dict(same=False)),
                ((3, 2), 1, dict(dilations=(2, 3))), ((3, 3), 2, dict(strides=(1, 2))), ((7, 7), 1, dict(strides=(2, 2))))):
            model, spans = Model(), [(k - 1) * d + 1 for k, d in zip(kernel, more.get("dilations", (1, 1)))]
            x = model.tensor((2, 15, 13, 64), np.int8, scales=0.04, zero=3)
            scales = RANDOM.uniform(0.005, 0.02, 96)
            w = model.constant(self.integers(96, *kernel, 64 // groups), scales)
            b = model.constant(RANDOM.integers(-2000, 2000, 96).astype(np.int32), 0.04 * scales)
            out = [-(-(n if more.get("same", True) else n - span + 1) // s)
                   for n, span, s in zip((15, 13), spans, more.get("strides", (1, 1)))]
            y = model.convolution(x, w, b, (2, *out, 96), "RELU6" if number % 2 else "", dtype=np.int8, scales=0.06, zero=-20,
                                  **more)
            for threads in (1, 2):
                (decision,) = self.compare(model.content([x], [y]), 1, threads=threads, min_weights=0, min_zeros=0)
                self.assertIn("x4", decision["kernel"])
            # The plan is made again for images of another size.
            self.compare(model.content([x], [y]), 1, [(1, 19, 21, 64), (3, 15, 13, 64)], min_weights=0, min_zeros=0)

    def test_sparse_bytes_and_shapes_known_at_run_time(self):
        model = Model()
        x = model.tensor((1, 96), np.int8, signature=[-1, 96], scales=0.04, zero=1)
        values, sparsity = encoded(self.integers(128, 96))
        stored = model.tensor((128, 96), np.int8, values, sparsity=sparsity, scales=0.01)
        w = model.densified(stored, (128, 96), np.int8)
        model.graph.tensors[w].quantization = model.graph.tensors[stored].quantization
        b = model.constant(RANDOM.integers(-2000, 2000, 128).astype(np.int32), 0.0004)
        y = model.fully_connected(x, w, b, (1, 128), dtype=np.int8, scales=0.05, zero=4, signature=[-1, 128])
        # XNNPACK alone refuses to prepare this graph.
        self.compare(model.content([x], [y]), 1, [(1, 96), (7, 96), (300, 96), (2, 96)],
                           resolver=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)

    def test_bytes_that_are_left_alone_and_why(self):
        for reason, weights, options, axes in (
                ("whole groups of four", RANDOM.integers(-9, 10, (128, 96)).astype(np.int8), {"scales": 0.01}, None),
                ("a zero point", self.integers(128, 96), {"scales": 0.01, "zero": 3}, None),
                ("fewer than four channels", self.integers(96, 3, 3, 2), {"scales": 0.01}, (2, 9, 7, 64)),
                ("few zeros in whole groups of four", RANDOM.integers(-9, 10, (96, 3, 3, 64)).astype(np.int8),
                 {"scales": 0.01}, (2, 9, 7, 64))):
            model = Model()
            x = model.tensor(axes or (32, 96), np.int8, scales=0.04)
            w = model.tensor(weights.shape, np.int8, weights, **options)
            b = model.constant(np.zeros(len(weights), np.int32), 0.0004)
            more = dict(dtype=np.int8, scales=0.05)
            y = (model.fully_connected(x, w, b, (32, 128), **more) if axes is None else
                 model.convolution(x, w, b, (*axes[:3], 96), **more))
            (decision,) = lacuna_litert.explain(model.content([x], [y]))
            self.assertFalse(decision["claimed"])
            self.assertIn(reason, decision["reason"])

    def test_a_damaged_sparse_encoding_is_left_to_litert(self):
        w = sparse(128, 96)
        values, _ = encoded(w)

        def order(s):
            s.traversalOrder = [0, 0]

        def short(s):
            s.dimMetadata[1].arraySegments.values = s.dimMetadata[1].arraySegments.values[:50]

        def far(s):
            s.dimMetadata[1].arrayIndices.values = [96] + s.dimMetadata[1].arrayIndices.values[1:]

        def negative(s):
            s.dimMetadata[1].arraySegments.values = [-1] + s.dimMetadata[1].arraySegments.values[1:]

        def many(s):
            s.dimMetadata[1].arraySegments.values = s.dimMetadata[1].arraySegments.values[:-1] + [1 << 30]

        def dense(s):
            s.dimMetadata[0].denseSize = 1 << 30

        for damage in (order, short, far, negative, many, dense):
            _, sparsity = encoded(w)
            damage(sparsity)
            model = Model()
            x = model.tensor((32, 96))
            stored = model.tensor(w.shape, w.dtype, values, sparsity=sparsity)
            y = model.fully_connected(x, model.densified(stored, w.shape), None, (32, 128))
            with self.subTest(damage.__name__):
                (decision,) = lacuna_litert.explain(model.content([x], [y]))
                self.assertFalse(decision["claimed"])
                self.assertIn("sparse encoding is damaged", decision["reason"])

    def test_an_input_that_does_not_fit_is_an_error(self):
        interpreter = lacuna_litert.interpreter(simple(128, 96, keep=True))
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (32, 95))
        with self.assertRaisesRegex(RuntimeError, "lacuna: an input has 95 features where the weights have 96"):
            interpreter.allocate_tensors()

    def test_names_of_any_bytes_are_reported(self):
        for name, expected in ((b"a\"\\\n\x7f", 'a"\\\n\x7f'), ("ä→😀".encode(), "ä→😀"), (b"\xff\xc3(", "ÿÃ("),
                               (b"\xed\xa0\x80\xe2\x86", "í\xa0\x80â\x86")):
            model = Model()
            x = model.tensor((32, 96))
            y = model.fully_connected(x, model.constant(sparse(128, 96)), None, (32, 128))
            model.graph.tensors[y].name = name
            (decision,) = lacuna_litert.explain(model.content([x], [y]))
            self.assertEqual(decision["name"], expected)

    def test_options_decide(self):
        content = simple(128, 96, array(128, 96, zeros=0.4))
        self.compare(content, 0)
        self.compare(content, 1, min_zeros=0.3)
        self.compare(simple(16, 96), 1, min_weights=16 * 96)

    def test_options_that_make_no_sense_are_refused(self):
        for wrong, words in (({"min_zeros": 1.5}, 'min_zeros is "1.5", must be a number from 0'),
                             ({"width": 0}, 'width is "0"'), ({"threads": "many"}, 'threads is "many"'),
                             ({"min_zero": 0.5}, 'there is no option "min_zero": they are min_zeros')):
            with self.assertRaisesRegex(ValueError, words):
                lacuna_litert.delegate(**wrong)
        with self.assertRaisesRegex(RuntimeError, "cannot write the report to /absent/report.json"):
            lacuna_litert.interpreter(simple(128, 96), report="/absent/report.json")

    def test_a_process_ends_silently_with_an_interpreter_alive(self):
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            file.write(simple(128, 96))
            file.flush()
            ended = subprocess.run([sys.executable, "-c", f"""
import numpy as np, lacuna_sparse.litert as ll, sys
sys.kept = ll.interpreter({file.name!r})
sys.kept.allocate_tensors()
sys.kept.set_tensor(0, np.ones((32, 96), "float32"))
sys.kept.invoke()
print(sys.kept.get_tensor(sys.kept.get_output_details()[0]["index"]).shape)
"""], capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stdout), (0, "(32, 128)\n"), ended.stderr)

    def test_a_library_that_is_missing_is_told(self):
        ended = subprocess.run([sys.executable, "-c", "import lacuna_sparse.litert as ll; ll.delegate()"],
                               capture_output=True, text=True,
                               env={**os.environ, "LACUNA_LITERT_LIBRARY": "/absent.so"})
        self.assertIn("RuntimeError: /absent.so is not there: Integrations/litert/build", ended.stderr)


if __name__ == "__main__":
    unittest.main()
