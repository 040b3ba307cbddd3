"""What the package promises beside its results: reprs, kinds of errors, DLPack, pickles, types, a quick import."""

import os
import pathlib
import pickle
import subprocess
import sys
import threading
import unittest

try:
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse as lacuna

PACKAGE = pathlib.Path(lacuna.__file__).parent
RANDOM = np.random.default_rng(20240503)


class Tensor:
    """Another library's tensor: nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **how):
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Objects(unittest.TestCase):
    def setUp(self):
        self.w = RANDOM.standard_normal((12, 20)).astype(np.float32)
        self.keep = lacuna.mask(self.w, 0.75)
        self.matrix = lacuna.Matrix.from_masked(self.w, self.keep)
        self.plan = lacuna.Plan(self.matrix, width=3)

    def test_a_repr_shows_shape_nnz_and_kernel(self):
        self.assertEqual(repr(self.matrix), "Matrix(12×20, csr, float32, nnz=60, 25 %)")
        self.assertEqual(repr(self.matrix.converted("bsr", (4, 2)))[:23], "Matrix(12×20, bsr 4×2, ")
        text = repr(self.plan)
        for word in ("12×20", "nnz=60", repr(self.plan.kernel), "width=3", "'columns'"):
            self.assertIn(word, text)
        self.assertEqual(repr(lacuna.Schedule(0.9, 0, 100)), "Schedule(0 → 0.9, power 3, steps 0…100, every 100)")
        self.assertEqual(repr(lacuna.Schedule.constant(0.5)), "Schedule(0.5, steps 0……, every 100)")
        self.assertEqual(repr(lacuna.Pruner(None)), "Pruner(step 0, 0 masks)")

    def test_an_error_is_of_pythons_kind_too(self):
        for call, kind in ((lambda: lacuna.Model("/absent"), FileNotFoundError),
                           (lambda: lacuna.Model("/absent", arithmetic="int8"), FileNotFoundError),
                           (lambda: lacuna.Plan(self.matrix, kernel="none"), NotImplementedError),
                           (lambda: lacuna.Plan(self.matrix, width=-1), ValueError),
                           (lambda: lacuna.Plan.from_bytes(bytes(self.plan)[:-1]), ValueError)):
            with self.assertRaises(kind) as caught:
                call()
            self.assertIsInstance(caught.exception, lacuna.Error)
            self.assertTrue(str(caught.exception).startswith(caught.exception.status + ": "))

    def test_a_plan_is_called_pickled_and_run_in_slices(self):
        x = RANDOM.standard_normal((20, 3)).astype(np.float32)
        y = self.plan(x)
        self.assertTrue(np.array_equal(y, self.plan @ x))
        self.assertTrue(np.array_equal(pickle.loads(pickle.dumps(self.plan))(x), y))
        out = np.empty_like(y)
        threads = [threading.Thread(target=self.plan.run_slice, args=(n, 3, x, out)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(np.array_equal(out, y))
        self.assertEqual((self.plan.shape, self.plan.stored, self.plan.threads), ((12, 20), 60, 1))
        self.assertGreaterEqual(self.plan.workspace_size(3), 0)

    def test_dlpack_tensors_are_arrays(self):
        x, out = RANDOM.standard_normal((20, 3)).astype(np.float32), np.zeros((12, 3), np.float32)
        self.assertTrue(np.array_equal(self.plan(Tensor(x)), self.plan(x)))
        self.assertTrue(np.array_equal(lacuna.Matrix.from_dlpack(Tensor(self.w)).to_numpy(), self.w))
        self.assertTrue(np.array_equal(lacuna.mask(Tensor(self.w), 0.75), self.keep))
        target = Tensor(out)
        if np.from_dlpack(target).flags.writeable:
            self.assertIs(self.plan.run(Tensor(x), target), target)
            self.assertTrue(np.array_equal(out, self.plan(x)))
        else:
            with self.assertRaisesRegex(ValueError, "read-only"):
                self.plan.run(Tensor(x), target)

        class Elsewhere(Tensor):
            def __dlpack__(self, **how):
                raise BufferError("it lies on a device")

        with self.assertRaisesRegex(TypeError, "Elsewhere.*it lies on a device"):
            self.plan(Elsewhere(x))

    def test_a_matrix_is_an_array_and_a_bitmask(self):
        self.assertTrue(np.array_equal(np.asarray(self.matrix), np.where(self.keep, self.w, 0)))
        keep, values = self.matrix.to_bitmask()
        self.assertTrue(np.array_equal(keep, self.keep) and np.array_equal(values, self.w[self.keep]))
        again = lacuna.Matrix.from_bitmask(keep, values)
        self.assertTrue(np.array_equal(again.to_numpy(), self.matrix.to_numpy()))
        with self.assertRaises(lacuna.Error) as caught:
            lacuna.Matrix.from_bitmask(keep, values[:-1])
        self.assertEqual(caught.exception.status, "LCN_SHAPE_MISMATCH")

    def test_the_processor_is_described(self):
        info = lacuna.info()
        self.assertGreaterEqual(info["cores"], 1)
        self.assertRegex(info["isa"], r"^(baseline|v[34](-[a-z0-9]+)?)$")
        self.assertTrue(os.path.exists(info["library"]))


class Module(unittest.TestCase):
    def python(self, *arguments, **environment):
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment})

    def test_it_is_typed(self):
        self.assertTrue((PACKAGE / "py.typed").exists())

    def test_its_types_agree(self):
        try:
            import mypy  # noqa: F401
        except ImportError:
            self.skipTest("mypy is not installed")
        settings = pathlib.Path(__file__).parents[1] / "pyproject.toml"
        ended = self.python("-m", "mypy", "--config-file", str(settings), "--cache-dir", os.devnull, "-p",
                            "lacuna_sparse")
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_importing_it_imports_no_framework(self):
        ended = self.python("-c", "import lacuna_sparse, sys; print(sorted({m.split('.')[0] for m in sys.modules}"
                                  " & {'scipy', 'keras', 'torch', 'jax', 'tensorflow', 'onnxruntime', 'optax', 'ai_edge_litert'}))")
        self.assertEqual((ended.stdout, ended.stderr), ("[]\n", ""))

    def test_a_library_that_cannot_be_loaded_is_named(self):
        for path, words in (("/absent/liblacuna.so", "/absent/liblacuna.so cannot be loaded"),
                            (__file__, "cannot be loaded"), ("libm.so.6", "older than this module")):
            ended = self.python("-c", "import lacuna_sparse", LACUNA_LIBRARY=path)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(words, ended.stderr.splitlines()[-1])
            self.assertIn("ImportError", ended.stderr.splitlines()[-1])

    def test_a_processor_that_lacks_the_instruction_set_asked_for_is_told(self):
        ended = self.python("-c", "import lacuna_sparse as l\ntry: l.info()\nexcept l.Error as e: print(e.status)",
                            LACUNA_ISA="v9")
        self.assertEqual(ended.stdout, "LCN_ENVIRONMENT\n")


if __name__ == "__main__":
    unittest.main()
