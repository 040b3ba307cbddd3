"""The OpenVINO extension of Benchmarks/engines: what it takes and leaves, results beside the engine alone, refusals."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

try:
    import numpy as np
    import onnx  # noqa: F401
    import openvino as ov
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse
import lacuna_sparse._library

HERE = pathlib.Path(__file__).resolve().parents[2] / "Benchmarks" / "engines" / "openvino"
COMPILER = os.environ.get("CXX", "c++")
if shutil.which(COMPILER) is None:
    raise unittest.SkipTest(f"there is no {COMPILER}")
sys.path.insert(0, str(HERE))
import lacuna_openvino  # noqa: E402

RANDOM = np.random.default_rng(11)


def array(*shape, zeros=0.0):
    values = RANDOM.standard_normal(shape)
    values[RANDOM.random(shape) < zeros] = 0
    return values.astype("float32")


def sparse(*shape):
    return array(*shape, zeros=0.9)


def graph(nodes, inputs, outputs, weights, name="g"):
    return helper.make_graph(
        [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes], name,
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])


def model(nodes, inputs, outputs, weights):
    inputs = {name: (TensorProto.FLOAT, shape) for name, shape in inputs.items()}
    return content(graph(nodes, inputs, outputs, weights))


def content(made):
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def compiled(core, read, threads=1, **more):
    return core.compile_model(read, "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                                            "INFERENCE_PRECISION_HINT": "f32", **more})


def operators(read):
    return [node.get_type_name() for node in read.get_ordered_ops()]


PRODUCT = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 96]}, ["y"], {"w": sparse(96, 64)})


class Extension(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.library = os.path.join(cls.folder.name, "extension.so")
        subprocess.run([str(HERE / "build"), sys.executable, lacuna_sparse._library.path, cls.library], check=True)

    def compare(self, source, feeds, claimed, threads=1, **more):
        """Runs the model with and without; `claimed` is how many products are to be taken. Returns the decisions."""
        core = ov.Core()
        alone = core.read_model(source)
        both, decisions = lacuna_openvino.claim(core, alone, self.library, **more)
        self.assertEqual(sum(d["claimed"] for d in decisions), claimed, decisions)
        for read, count in ((alone, 0), (both, claimed)):
            found = sum(operators(graph).count("LacunaProduct") for graph in lacuna_openvino._graphs(read))
            self.assertEqual(found, count)
        alone, both = compiled(core, alone, threads), compiled(core, both, threads)
        self.assertEqual([o.names for o in alone.outputs], [o.names for o in both.outputs])
        for feed in feeds:
            for theirs, mine in zip(alone(feed).to_tuple(), both(feed).to_tuple()):
                self.assertEqual(mine.shape, theirs.shape)
                self.assertTrue(np.allclose(mine, theirs, rtol=1e-4, atol=1e-4), abs(mine - theirs).max(initial=0))
        return decisions

    def test_matmul_bias_and_activation_are_one_operation(self):
        for order, last in ((["b", "a"], ("Relu", ["s"], ["y"])), (["a", "b"], ("Clip", ["s", "low", "high"], ["y"]))):
            source = model([("MatMul", ["x", "w"], ["a"]), ("Add", order, ["s"]), last], {"x": ["batch", 5, 96]}, ["y"],
                           {"w": sparse(96, 128), "b": array(128), "low": np.float32(-0.5), "high": np.float32(1)})
            (decision,) = self.compare(source, [{"x": array(n, 5, 96)} for n in (1, 4, 0, 300)], 1)
            self.assertEqual((decision["nodes"], decision["reason"]), (["a", "s", "y"], ""))
            self.assertEqual((decision["rows"], decision["columns"], decision["width"]), (128, 96, 64))
            self.assertTrue(decision["kernel"])

    def test_bf16_is_rounded_when_asked(self):
        weights = sparse(96, 64)
        source = model([("MatMul", ["x", "w"], ["y"])], {"x": [40, 96]}, ["y"], {"w": weights})
        core = ov.Core()
        made, (decision,) = lacuna_openvino.claim(core, core.read_model(source), self.library, bf16=True)
        self.assertTrue(decision["claimed"], decision)
        x = array(40, 96)
        # Two operands of 8 bits, each half an ulp off at most.
        bound = abs(x) @ abs(weights) * 2.0 ** -7 + 1e-5
        self.assertTrue((abs(compiled(core, made)(x)[0] - x @ weights) <= bound).all())

    def test_ranks_and_transposed_weights(self):
        for shape in ((96,), (3, 96), (2, 3, 4, 96)):
            self.compare(model([("MatMul", ["x", "w"], ["y"])], {"x": list(shape)}, ["y"], {"w": sparse(96, 64)}),
                         [{"x": array(*shape)}], 1)
        for transposed in (0, 1):
            source = model([("Gemm", ["x", "w", "b"], ["y"], {"transB": transposed})], {"x": ["n", 96]}, ["y"],
                           {"w": sparse(*((128, 96) if transposed else (96, 128))), "b": array(128)})
            (decision,) = self.compare(source, [{"x": array(7, 96)}], 1)
            self.assertEqual(len(decision["nodes"]), 2)

    def test_branches_and_loops(self):
        float32, truth, whole = TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT64
        branches = [graph([("MatMul", ["x", "w"], [f"{name}_y"])], {}, [f"{name}_y"], {"w": sparse(96, 96)}, name)
                    for name in ("then", "else")]
        nodes = [("If", ["c"], ["y"], {"then_branch": branches[0], "else_branch": branches[1]})]
        made = content(graph(nodes, {"x": (float32, ["n", 96]), "c": (truth, [])}, ["y"], {}))
        self.compare(made, [{"x": array(3, 96), "c": np.array(c)} for c in (True, False)], 2)
        body = graph([("MatMul", ["h", "w"], ["next"]), ("Identity", ["going"], ["goes"])],
                     {"i": (whole, []), "going": (truth, []), "h": (float32, [3, 96])}, ["goes", "next"],
                     {"w": array(96, 96, zeros=0.9) / np.float32(10)}, "body")
        body.output[0].type.tensor_type.elem_type = truth
        nodes = [("Loop", ["times", "yes", "x"], ["y"], {"body": body})]
        made = content(graph(nodes, {"x": (float32, [3, 96])}, ["y"], {"times": np.array(5), "yes": np.array(True)}))
        self.compare(made, [{"x": array(3, 96)}], 1)

    def test_openvinos_threads_give_the_same_bits(self):
        source = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", 512]}, ["y"], {"w": sparse(512, 1024)})
        x, results = array(1000, 512), []
        for threads in (1, 2, 3):
            core = ov.Core()
            made, (decision,) = lacuna_openvino.claim(core, core.read_model(source), self.library)
            self.assertTrue(decision["claimed"])
            results.append(compiled(core, made, threads)(x)[0])
        self.assertTrue(np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2]))

    def test_streams_share_plans(self):
        core, x = ov.Core(), [array(n, 96) for n in range(1, 40)]
        made, _ = lacuna_openvino.claim(core, core.read_model(PRODUCT), self.library)
        expected, found = compiled(core, made), {}
        queue = ov.AsyncInferQueue(compiled(core, made, 4, NUM_STREAMS=4), 4)
        queue.set_callback(lambda request, number: found.update({number: request.get_output_tensor().data.copy()}))
        for number, given in enumerate(x):
            queue.start_async([given], number)
        queue.wait_all()
        for number, given in enumerate(x):
            self.assertTrue(np.array_equal(found[number], expected(given)[0]))

    def test_a_process_ends_silently_with_a_model_alive(self):
        ended = self.ended("""
import sys, numpy as np, openvino as ov, lacuna_openvino
core = ov.Core()
made, (decision,) = lacuna_openvino.claim(core, core.read_model(sys.stdin.buffer.read()), sys.argv[1])
sys.kept = core.compile_model(made, "CPU")
del core, made
print(decision["claimed"], sys.kept(np.ones((3, 96), "f"))[0].shape)
""")
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, b"True (3, 64)\n", b""))

    def ended(self, program, **environment):
        """A process of its own that ran `program` with the extension as its argument and a model as its input."""
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        return subprocess.run([sys.executable, "-c", program, self.library], capture_output=True, input=PRODUCT,
                              env={**os.environ, **environment, "PYTHONPATH": path})

    def test_what_is_left_alone_and_why(self):
        x2 = {"x": ["n", 96]}
        for reason, nodes, inputs, weights, more in (
                ("few zeros for 64 rows", [("MatMul", ["x", "w"], ["y"])], x2, {"w": array(96, 64, zeros=0.3)}, {}),
                ("few weights", [("MatMul", ["x", "w"], ["y"])], x2, {"w": sparse(96, 8)}, {}),
                ("not constant", [("MatMul", ["x", "z"], ["y"])], {**x2, "z": [96, 64]}, {}, {}),
                ("first operand", [("MatMul", ["w", "x"], ["y"])], {"x": [96, 3]}, {"w": sparse(64, 96)}, {}),
                ("not a matrix", [("MatMul", ["x", "w"], ["y"])], {"x": [2, 5, 96]}, {"w": sparse(2, 96, 64)}, {}),
                ("own layout", [("Conv", ["x", "w"], ["y"])], {"x": [1, 64, 8, 8]}, {"w": sparse(96, 64, 1, 1)}, {})):
            source = model(nodes, inputs, ["y"], weights)
            feed = {name: array(*(3 if d == "n" else d for d in shape)) for name, shape in inputs.items()}
            (decision,) = self.compare(source, [feed], 0, **more)
            self.assertIn(reason, decision["reason"])
            self.assertEqual((decision["kernel"], decision["claimed"]), ("", False))

    def test_a_product_that_is_best_dense_is_left_alone(self):
        # Which one is depends on the processor and on OpenBLAS's core.
        dense = functools.partial(lacuna_sparse.Plan, kernel="dense")
        with unittest.mock.patch.object(lacuna_sparse, "Plan", dense):
            (decision,) = self.compare(PRODUCT, [{"x": array(3, 96)}], 0)
        self.assertIn("dense is as fast", decision["reason"])

    def test_a_net_with_nothing_sparse_stays_as_it_was(self):
        source = model([("MatMul", ["x", "w"], ["a"]), ("Relu", ["a"], ["r"]), ("MatMul", ["r", "v"], ["y"])], {"x": ["n", 96]},
                       ["y"], {"w": array(96, 128), "v": array(128, 64)})
        core = ov.Core()
        read = core.read_model(source)
        made, decisions = lacuna_openvino.claim(core, read, self.library)
        self.assertEqual([d["claimed"] for d in decisions], [False, False])
        self.assertIs(made, read)
        self.assertEqual(operators(read), operators(core.read_model(source)))

    def test_values_that_others_see_are_not_fused_away(self):
        w = {"w": sparse(96, 64)}
        seen = [("MatMul", ["x", "w"], ["a"]), ("Relu", ["a"], ["r"]), ("Add", ["a", "r"], ["y"])]
        column = [("MatMul", ["x", "w"], ["a"]), ("Add", ["a", "b"], ["y"])]
        for nodes, outputs, x, weights in (
                (seen, ["y"], ["n", 96], w),
                ([("MatMul", ["x", "w"], ["a"]), ("Relu", ["a"], ["y"])], ["y", "a"], ["n", 96], w),
                # A bias of the other axis, and one that gives the result another dimension.
                (column, ["y"], [64, 96], {**w, "b": array(64, 1)}),
                (column, ["y"], [3, 96], {**w, "b": array(1, 1, 64)})):
            (decision,) = self.compare(model(nodes, {"x": x}, outputs, weights), [{"x": array(64 if x[0] == 64 else 3, 96)}], 1)
            self.assertEqual(len(decision["nodes"]), 1)

    def test_a_model_can_be_saved_cached_and_read_again(self):
        core, path = ov.Core(), os.path.join(self.folder.name, "saved.xml")
        x = array(5, 96)
        read, _ = lacuna_openvino.claim(core, core.read_model(PRODUCT), self.library)
        expected = compiled(core, read)(x)[0]
        ov.save_model(read, path)
        for _ in range(2):  # the second time from the cache
            other = ov.Core()
            other.add_extension(self.library)
            again = compiled(other, other.read_model(path), CACHE_DIR=os.path.join(self.folder.name, "cache"))
            self.assertTrue(np.array_equal(again(x)[0], expected))
        self.assertTrue(again.get_property("LOADED_FROM_CACHE"))
        # Weights in half precision, as save_model leaves them.
        ov.save_model(core.read_model(PRODUCT), path)
        self.compare(path, [{"x": x}], 1)
        # A plan that is damaged is an error, and no crash.
        ov.save_model(read, path)
        weights = pathlib.Path(path).with_suffix(".bin")
        weights.write_bytes(bytes(weights.stat().st_size))
        with self.assertRaisesRegex(RuntimeError, "its plan cannot be read"):
            other.read_model(path)

    def test_an_input_that_does_not_fit_is_an_error(self):
        source = model([("MatMul", ["x", "w"], ["y"])], {"x": ["n", "features"]}, ["y"], {"w": sparse(96, 64)})
        core = ov.Core()
        read, _ = lacuna_openvino.claim(core, core.read_model(source), self.library)
        request = compiled(core, read).create_infer_request()
        request.start_async([array(3, 95)])
        with self.assertRaisesRegex(RuntimeError, "X has 95 features where the weights have 96"):
            request.wait()
        # OpenVINO drops the exception of a run that is not waited for.
        request.infer([array(3, 95)])
        self.assertTrue(np.isnan(request.get_output_tensor().data).all())

    def test_the_report_is_what_was_returned(self):
        path, core = os.path.join(self.folder.name, "report.json"), ov.Core()
        with self.assertLogs("lacuna.openvino", "INFO") as log:
            _, decisions = lacuna_openvino.claim(core, core.read_model(PRODUCT), self.library, report=path)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), decisions)
        self.assertIn(decisions[0]["kernel"], log.output[0])

    def falls_back(self, library):
        """The warning, when nothing is taken and the model runs as it did."""
        core = ov.Core()
        read = core.read_model(PRODUCT)
        with self.assertLogs("lacuna.openvino", "WARNING") as log:
            made, (decision,) = lacuna_openvino.claim(core, read, library)
        self.assertFalse(decision["claimed"])
        self.assertIs(made, read)
        self.assertEqual(compiled(core, read)(array(3, 96))[0].shape, (3, 64))
        self.assertIn(decision["reason"], log.output[0])
        return log.output[0]

    def test_another_release_or_no_extension_leaves_the_model_alone(self):
        content = pathlib.Path(self.library).read_bytes()
        release = ov.get_version().encode()
        self.assertIn(release, content)
        # Two files: the first stays loaded.
        other, foreign = (os.path.join(self.folder.name, name) for name in ("other.so", "foreign.so"))
        pathlib.Path(other).write_bytes(content.replace(release, b"1" + release[1:]))
        self.assertIn(f"built for OpenVINO 1{ov.get_version()[1:]}, and {ov.get_version()} is running", self.falls_back(other))
        pathlib.Path(foreign).write_bytes(content.replace(b"libopenvino.so.2", b"libopenvino.so.1"))
        self.assertRegex(self.falls_back(foreign), "libopenvino.so.1.* belongs to another release, build it again")
        self.assertIn("absent.so", self.falls_back("/absent.so"))

    def test_a_liblacuna_that_lacks_something_leaves_the_model_alone(self):
        old = os.path.join(self.folder.name, "old.so")
        functions = 'const char *lcn_version_string(void){return "0";} const char *lcn_status_string(int s){return "";}' \
            'const char *lcn_last_error(void){return "";} int lcn_abi_version(void){return 1;}'
        subprocess.run([COMPILER, "-x", "c", "-", "-shared", "-fPIC", "-Wl,-soname,liblacuna.so.1", "-o", old], check=True,
                       input=functions, text=True)
        ended = self.ended("""
import sys, numpy as np, openvino as ov, lacuna_openvino
core = ov.Core()
made, (decision,) = lacuna_openvino.claim(core, core.read_model(sys.stdin.buffer.read()), sys.argv[1])
print(decision["claimed"], core.compile_model(made, "CPU")(np.ones((3, 96), "f"))[0].shape)
""", LACUNA_LIBRARY=old)
        self.assertEqual((ended.returncode, ended.stdout), (0, b"False (3, 64)\n"), ended.stderr)
        self.assertRegex(ended.stderr.decode(), "runs its own kernels alone: .*old.so .* is older than this module: .*lcn_")


if __name__ == "__main__":
    unittest.main()
