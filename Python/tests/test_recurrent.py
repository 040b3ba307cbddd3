"""LSTMs and GRUs against numpy in double precision and against onnxruntime; and what does not fit."""

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


def logistic(x):
    return 1 / (1 + np.exp(-x))


def gates(sums, cell, order):
    """The parts of [..., gates · hidden] as i, f, c, o or z, r, n."""
    parts = np.split(sums, 4 if cell == "lstm" else 3, axis=-1)
    if cell == "lstm":
        return [parts[i] for i in ((0, 2, 3, 1) if order == "onnx" else (0, 1, 2, 3))]
    return [parts[i] for i in ((1, 0, 2) if order == "torch" else (0, 1, 2))]


def oracle(x, weights, cell, order, direction, state, lengths):
    """x [steps, batch, inputs] in double precision; results [steps, directions, batch, hidden], and last states."""
    directions = 2 if direction == "bidirectional" else 1
    last = [np.array(part, np.float64) for part in state]
    for layer in range(len(weights) // directions):
        results = []
        for d in range(directions):
            number = layer * directions + d
            w, r, wb, rb = (np.asarray(part, np.float64) for part in weights[number])
            y = np.zeros(x.shape[:2] + (r.shape[1],))
            h = last[0][number]
            c = last[1][number] if cell == "lstm" else None
            backwards = direction == "reverse" or d == 1
            for t in reversed(range(len(x))) if backwards else range(len(x)):
                sx, sh = gates(x[t] @ w.T + wb, cell, order), gates(h @ r.T + rb, cell, order)
                if cell == "lstm":
                    i, f, g, o = (a + b for a, b in zip(sx, sh))
                    after = logistic(f) * c + logistic(i) * np.tanh(g)
                    h_after = logistic(o) * np.tanh(after)
                else:
                    z, reset = logistic(sx[0] + sh[0]), logistic(sx[1] + sh[1])
                    if cell == "gru-after":
                        n = np.tanh(sx[2] + reset * sh[2])
                    else:
                        rows = slice(2 * r.shape[1], None)
                        n = np.tanh(sx[2] + (reset * h) @ r[rows].T + rb[rows])
                    h_after = (1 - z) * n + z * h
                goes_on = (t < lengths)[:, None]
                h = np.where(goes_on, h_after, h)
                if cell == "lstm":
                    c = np.where(goes_on, after, c)
                y[t] = np.where(goes_on, h_after, 0)
            last[0][number] = h
            if cell == "lstm":
                last[1][number] = c
            results.append(y)
        x = np.concatenate(results, axis=-1)
    return np.stack(results, axis=1), last


def random_case(case):
    """A network's weights, and what it is made with."""
    cell = ("lstm", "gru-after", "gru-before")[case % 3]
    direction = ("forward", "reverse", "bidirectional")[case // 3 % 3]
    layers, directions = int(RANDOM.integers(1, 4)), 2 if direction == "bidirectional" else 1
    inputs, hidden = int(RANDOM.integers(1, 30)), int(RANDOM.integers(1, 40))
    rows = hidden * (4 if cell == "lstm" else 3)
    weights = []
    for number in range(layers * directions):
        columns = inputs if number < directions else hidden * directions
        w, r = ((RANDOM.standard_normal((rows, n)) * (RANDOM.random((rows, n)) < 0.5) / np.sqrt(n)).astype("float32")
                for n in (columns, hidden))
        weights.append((w, r) + tuple(RANDOM.standard_normal(rows).astype("float32") for _ in "wr"))
    return cell, weights, dict(order=("onnx", "keras", "torch")[case // 9 % 3], direction=direction,
                               layout=("time", "batch", "onnx")[case // 2 % 3])


def network(cell, weights, **options):
    if cell == "lstm":
        return lacuna.LSTM(weights, **options)
    return lacuna.GRU(weights, reset_after=cell == "gru-after", **options)


def placed(y, layout):
    """[steps, directions, batch, hidden] in another layout."""
    if layout == "onnx":
        return y
    joined = np.concatenate([y[:, d] for d in range(y.shape[1])], axis=-1)
    return joined if layout == "time" else joined.transpose(1, 0, 2)


class Networks(unittest.TestCase):
    # Sums of some dozens of products of about 1 in single precision, over some steps: more than 100 times their error.
    TOLERANCE = 2e-5

    def test_random_networks_are_right(self):
        for case in range(108):
            cell, weights, options = random_case(case)
            steps, batch = int(RANDOM.integers(1, 8)), int(RANDOM.integers(1, 6))
            net = network(cell, weights, steps=steps, batch=batch, **options)
            x = RANDOM.standard_normal((steps, batch, net.inputs)).astype("float32")
            lengths = RANDOM.integers(0, steps + 1, batch) if case % 4 == 0 else np.full(batch, steps)
            state = [RANDOM.standard_normal((len(weights), batch, net.hidden)).astype("float32")
                     for _ in range(2 if cell == "lstm" else 1)]
            want, last = oracle(x, weights, cell, options["order"], options["direction"], state, lengths)
            given = np.ascontiguousarray(x.transpose(1, 0, 2)) if options["layout"] == "batch" else x
            before = tuple(state) if cell == "lstm" else state[0]
            y, after = net(given, before, None if case % 4 else lengths)
            where = f"case {case}: {net!r}"
            self.assertEqual(y.shape, net.output_shape(steps, batch), where)
            self.assertLess(abs(y - placed(want, options["layout"])).max(), self.TOLERANCE, where)
            for part, wanted in zip(after if cell == "lstm" else (after,), last):
                self.assertLess(abs(part - wanted).max(), self.TOLERANCE, where)
            sliced, begun = np.full_like(y, np.nan), [part.copy() for part in state]
            for part in (2, 0, 1):
                net.run_slice(part, 3, given, sliced, tuple(begun) if cell == "lstm" else begun[0],
                              None if case % 4 else lengths)
            self.assertTrue(np.array_equal(sliced, y), where)
            self.assertEqual(net.stored, sum(np.count_nonzero(w) + np.count_nonzero(r) for w, r, *_ in weights), where)

    @unittest.skipUnless(onnxruntime, "onnx and onnxruntime are not here")
    def test_onnxruntime_computes_the_same(self):
        for case in range(60):
            cell, weights, options = random_case(case)
            directions = 2 if options["direction"] == "bidirectional" else 1
            weights = weights[:directions]
            options.update(order="onnx", layout="onnx")
            net = network(cell, weights, **options)
            steps, batch = 6, 3
            x = RANDOM.standard_normal((steps, batch, net.inputs)).astype("float32")
            lengths = np.array([6, 2, 4], np.int32)
            feeds = {"X": x, "W": np.stack([w for w, *_ in weights]), "R": np.stack([r for _, r, *_ in weights]),
                     "B": np.stack([np.concatenate(b) for *_, b1, b2 in weights for b in [(b1, b2)]]),
                     "lengths": lengths}
            operation = "LSTM" if cell == "lstm" else "GRU"
            attributes = {} if cell == "lstm" else {"linear_before_reset": int(cell == "gru-after")}
            node = onnx.helper.make_node(operation, list(feeds), ["Y", "Y_h"], hidden_size=net.hidden,
                                         direction=options["direction"], **attributes)
            kinds = {np.dtype("float32"): onnx.TensorProto.FLOAT, np.dtype("int32"): onnx.TensorProto.INT32}
            graph = onnx.helper.make_graph(
                [node], "case",
                [onnx.helper.make_tensor_value_info(n, kinds[a.dtype], a.shape) for n, a in feeds.items()],
                [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in ("Y", "Y_h")])
            model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=9)
            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            want = session.run(None, feeds)
            y, state = net(x, lengths=lengths)
            hidden = state[0] if cell == "lstm" else state
            self.assertLess(abs(y - want[0]).max(), self.TOLERANCE, f"case {case}: {net!r}")
            self.assertLess(abs(hidden - want[1]).max(), self.TOLERANCE, f"case {case}: {net!r}")

    def test_a_stream_goes_on_where_it_was(self):
        cell, weights, options = random_case(0)
        # OpenBLAS rounds a product of one step in another way than one of nine.
        options.update(layout="time", direction="forward", exclude_dense=True)
        net = network(cell, weights, **options)
        x = RANDOM.standard_normal((9, 2, net.inputs)).astype("float32")
        want, last = net(x)
        state, y = net.state(2), np.empty((1, 2, net.outputs), "float32")
        for t in range(9):
            net.run(x[t:t + 1], y, state)
            self.assertTrue(np.array_equal(y[0], want[t]))
        self.assertTrue(all(np.array_equal(a, b) for a, b in zip(state, last)))
        state = net.state(2)
        self.assertIsNone(net.run(x, None, state))
        self.assertTrue(all(np.array_equal(a, b) for a, b in zip(state, last)))

    def test_matrices_and_bytes_are_taken(self):
        cell, weights, options = random_case(1)
        net = network(cell, weights, **options)
        blocks = [(lacuna.Matrix.from_numpy(w).converted("bsr", (4, 4)), lacuna.Matrix.from_numpy(r), b, c)
                  for w, r, b, c in weights]
        x = RANDOM.standard_normal((3, 2, net.inputs)).astype("float32")
        want, _ = net(x)
        self.assertLess(abs(network(cell, blocks, **options)(x)[0] - want).max(), self.TOLERANCE)
        quantized = network(cell, weights, quantized=True, **options)(x)[0]
        self.assertLess(abs(quantized - want).max(), 0.1)
        self.assertGreater(abs(quantized - want).max(), 0)
        self.assertIn("layer 0, forward, W", str(net))
        self.assertGreater(net.workspace_size(3, 2), 0)
        self.assertEqual((net.layout, net.layers), (options["layout"], len(weights)))

    def test_several_threads_run_one_network(self):
        cell, weights, options = random_case(2)
        net = network(cell, weights, **options)
        x = RANDOM.standard_normal((4, 3, net.inputs)).astype("float32")
        want, _ = net(x)
        results = [None] * 4

        def work(i):
            for _ in range(20):
                results[i], _ = net(x)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            self.assertTrue(np.array_equal(result, want))

    def test_what_does_not_fit_is_refused(self):
        w, r = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
        good = lacuna.LSTM([(w, r)])
        for weights, arguments, error, words in [
            ([], {}, ValueError, "0 entries"), ([(w, r)], dict(direction="bidirectional"), ValueError, "1 entries"),
            ([(w, r)] * 2, {}, ValueError, "3"), ([(w,)], {}, TypeError, "weights 0"), ([w], {}, TypeError, "weights 0"),
            ([(w[:6], r)], {}, ValueError, "6"), ([(w, r[:, :1])], {}, ValueError, "8"),
            ([(w[0], r)], {}, ValueError, "1 dimensions"), ([(w.astype("float64"), r)], {}, TypeError, "float32"),
            ([(w, r, np.ones(7))], {}, ValueError, "7 values"), ([(w, r, np.ones((2, 4)))], {}, TypeError, "vector"),
            ([(w, r)], dict(order="caffe"), ValueError, "caffe"), ([(w, r)], dict(layout="TNC"), ValueError, "TNC"),
            ([(w, r)], dict(direction="up"), ValueError, "up"), ([(w, r)], dict(steps=0), ValueError, "0"),
            ([(w, r)], dict(batch=-1), ValueError, "-1"), ([(w, r)], dict(threads=0), ValueError, "0"),
            ([(w, r)], dict(kernel="none"), NotImplementedError, "none"), ([(w, r)], dict(kernel=1), TypeError, "1"),
            ([(lacuna.Matrix.from_numpy(w.astype("float64")), r)], {}, NotImplementedError, "F64"),
        ]:
            with self.subTest(words), self.assertRaisesRegex(error, words):
                lacuna.LSTM(weights, **arguments)
        x, y, state = np.ones((2, 1, 3), "float32"), np.full((2, 1, 2), 7, "float32"), good.state()
        h = state[0]
        for operands in [(x[0], y, state), (x, y[:1], state), (x[:, :, :2], y, state), (x, y, h), (x, y, (h, h[:0])),
                         (x.astype("float64"), y, state), (x.tolist(), y, state), (x, y, state, [1, 2]),
                         (x, y, state, [3]), (x, y, state, [-1]), (x, y, state, [1.0]), (x, y, (h, h)),
                         (x[:0], y[:0], state)]:
            with self.assertRaises((TypeError, ValueError)):
                good.run(*operands)
        with self.assertRaisesRegex(ValueError, "0 steps"):
            good(x[:0])
        with self.assertRaises(ValueError):
            good.state(0)
        y.flags.writeable = False
        with self.assertRaisesRegex(ValueError, "read-only"):
            good.run(x, y, state)
        self.assertTrue((y == 7).all() and not state[0].any())


if __name__ == "__main__":
    unittest.main()
