"""ONNX files as networks: onnxruntime's results within rounding, types, open shapes, threads; and what does not fit."""

import os
import pathlib
import tempfile
import threading
import unittest

try:
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse as lacuna

# Small networks with inputs and onnxruntime's outputs: name/model, name/x/…, name/y/….
ARCHIVE = pathlib.Path(__file__).parents[2] / "Tests/Golden/networks/networks.npz"


class GraphTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with np.load(ARCHIVE) as archive:
            cls.arrays = {name: archive[name] for name in archive.files}
        cls.names = sorted(name[:-6] for name in cls.arrays if name.endswith("/model"))
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def graph(self, name):
        path = os.path.join(self.folder.name, name.replace("/", "-") + ".onnx")
        pathlib.Path(path).write_bytes(self.arrays[name + "/model"].tobytes())
        return lacuna.Graph(path)

    def test_a_model_in_memory_is_the_same_network(self):
        name = "conv-same"
        graph, memory = self.graph(name), lacuna.Graph.from_bytes(self.arrays[name + "/model"].tobytes())
        self.assertEqual((graph.inputs, graph.outputs, graph.nodes), (memory.inputs, memory.outputs, memory.nodes))
        arrays = self.inputs(graph, name)
        shapes = {key: array.shape for key, array in arrays.items()}
        results = [g.plan(shapes, deterministic=True).run(arrays) for g in (graph, memory)]
        for key, array in results[0].items():
            self.assertTrue(np.array_equal(array, results[1][key]))
        with self.assertRaises(lacuna.Error):
            lacuna.Graph.from_bytes(b"none")

    def parts(self, name, kind):
        start = f"{name}/{kind}/"
        return {key[len(start):]: array for key, array in self.arrays.items() if key.startswith(start)}

    def inputs(self, graph, name):
        arrays = self.parts(name, "x")
        return {key: arrays[key].astype(dtype) for key, (dtype, _) in graph.inputs.items()}

    def test_results_are_those_of_onnxruntime(self):
        self.assertGreater(len(self.names), 50)
        for name in self.names:
            with self.subTest(name):
                graph = self.graph(name)
                arrays = self.inputs(graph, name)
                plan = graph.plan({key: array.shape for key, array in arrays.items()}, deterministic=True)
                results = plan.run(arrays)
                self.assertEqual(list(results), graph.outputs)
                for key, expected in self.parts(name, "y").items():
                    found = results[key]
                    self.assertEqual((found.dtype, found.shape), plan.outputs[key])
                    self.assertEqual(found.shape, expected.shape)
                    wanted = expected.astype(np.float64)
                    finite = np.abs(wanted[np.isfinite(wanted)])
                    bound = 100 * 2.0**-24 * (finite.max() if finite.size else 0)
                    np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=0, atol=bound)

    def test_a_plan_is_called_with_arrays_in_order(self):
        graph = self.graph("relu")
        x = self.parts("relu", "x")["x"]
        plan = graph.plan({"x": x.shape})
        np.testing.assert_array_equal(plan(x), np.maximum(x, 0))
        self.assertIn("relu", str(plan))
        self.assertIn("float32[5, 9]", repr(plan))
        self.assertIn("x → y", repr(graph))
        y = np.empty_like(x)
        self.assertIs(plan.run({"x": x[:, ::1]}, out={"y": y})["y"], y)
        np.testing.assert_array_equal(y, np.maximum(x, 0))
        # Any memory layout and byte order of what is read.
        np.testing.assert_array_equal(plan(np.asfortranarray(x).astype(">f4")), np.maximum(x, 0))

    def test_threads_run_one_plan_side_by_side(self):
        graph = self.graph("relu")
        x = self.parts("relu", "x")["x"]
        plan = graph.plan({"x": x.shape}, threads=2)
        failures = []

        def work(shift):
            for _ in range(50):
                if not np.array_equal(plan(x + shift), np.maximum(x + shift, 0)):
                    failures.append(shift)

        threads = [threading.Thread(target=work, args=(np.float32(i),)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_constants_are_folded(self):
        name = next(name for name in self.names if len(self.parts(name, "x")) == 2)
        graph = self.graph(name)
        arrays = self.inputs(graph, name)
        first, second = list(arrays)
        whole = graph.plan({key: array.shape for key, array in arrays.items()}, deterministic=True)
        plan = graph.plan({first: arrays[first].shape}, constants={second: arrays[second]}, deterministic=True)
        self.assertEqual(list(plan.inputs), [first])
        expected = whole.run(arrays)
        for key, found in plan.run({first: arrays[first]}).items():
            np.testing.assert_allclose(found, expected[key], rtol=1e-5, atol=1e-6)

    def test_what_does_not_fit_is_named(self):
        graph = self.graph("relu")
        x = self.parts("relu", "x")["x"]
        plan = graph.plan({"x": x.shape})
        for call, error, words in [
            (lambda: graph.plan({"z": (1, 2)}), ValueError, "z"),
            (lambda: graph.plan({"x": (-1, 9)}), ValueError, "-1"),
            (lambda: graph.plan({"x": (1.5, 9)}), TypeError, "whole"),
            (lambda: graph.plan({"x": x.shape}, constants={"x": x}), ValueError, "twice|inputs"),
            (lambda: graph.plan({"x": x.shape}, threads=0), ValueError, "threads"),
            (lambda: graph.plan({"x": x.shape}, memory=-1), ValueError, "memory"),
            (lambda: plan(x, x), TypeError, "2 arrays"),
            (lambda: plan(x.astype(np.float64)), TypeError, "float64"),
            (lambda: plan(x[1:]), ValueError, "made for"),
            (lambda: plan.run({}), ValueError, "no array"),
            (lambda: plan.run({"z": x}), ValueError, "z"),
            (lambda: plan.run({"x": x}, out={"z": x}), ValueError, "z"),
            (lambda: plan.run({"x": x}, out={"y": x}), ValueError, "overlaps"),
            (lambda: plan.run({"x": x}, out={"y": np.empty((9, 5), np.float32)}), ValueError, "must be"),
            (lambda: lacuna.Graph("/nonexistent.onnx"), FileNotFoundError, "nonexistent"),
        ]:
            with self.subTest(words), self.assertRaisesRegex(error, words):
                call()
        path = os.path.join(self.folder.name, "bad.onnx")
        pathlib.Path(path).write_bytes(self.arrays["relu/model"].tobytes().replace(b"Relu", b"Rely"))
        with self.assertRaisesRegex(lacuna.UnsupportedError, "Rely"):
            lacuna.Graph(path)
        pathlib.Path(path).write_bytes(b"no model")
        with self.assertRaises(lacuna.Error):
            lacuna.Graph(path)


if __name__ == "__main__":
    unittest.main()
