"""Plans of bytes against integers of numpy, and what they refuse."""

import pickle
import unittest

try:
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse as lacuna

RANDOM = np.random.default_rng(20261126)
ROWS, COLUMNS, WIDTH = 19, 45, 7


def weights(one_scale):
    """Weights that are int8 numbers times scales, as a matrix, and both factors."""
    integers = RANDOM.integers(-126, 127, (ROWS, COLUMNS)) * (RANDOM.random((ROWS, COLUMNS)) < 0.3)
    integers[:, 0] = 127
    scales = (2.0 ** -RANDOM.integers(3, 8, (1 if one_scale else ROWS, 1))).astype(np.float32)
    return lacuna.Matrix.from_numpy((integers * scales).astype(np.float32)).converted("csr"), integers, scales


def quantized(y, scale, zero, dtype):
    limits = np.iinfo(dtype)
    return np.clip(np.rint(y * np.float32(1 / np.float32(scale))) + zero, limits.min, limits.max).astype(dtype)


class Products(unittest.TestCase):
    def test_bytes_are_multiplied_exactly(self):
        bias = RANDOM.standard_normal(ROWS).astype(np.float32)
        for case in range(24):
            one_scale, layout = bool(case % 2), ("columns", "rows")[case // 2 % 2]
            dtype, zero = ((np.uint8, 130), (np.int8, -7))[case // 4 % 2]
            output = (None, (np.uint8, 0.5, 100), (np.int8, 0.25, -3))[case // 8]
            matrix, integers, scales = weights(one_scale)
            limits = np.iinfo(dtype)
            x = RANDOM.integers(limits.min, limits.max + 1, (COLUMNS, WIDTH)).astype(dtype)
            plan = lacuna.Plan(matrix, width=WIDTH, layout=layout, bias=bias, activation="relu",
                               quantization=lacuna.Quantization(dtype, (0.125, zero), one_scale, output))
            self.assertEqual(plan.dtype, np.int8)
            sums = (integers @ (x.astype(np.int64) - zero)).astype(np.float32)
            y = np.maximum(sums * (scales * np.float32(0.125)) + bias[:, None], 0)
            if output is not None:
                y = quantized(y, output[1], output[2], output[0])
            found = plan(x) if layout == "columns" else plan(np.ascontiguousarray(x.T)).T
            self.assertEqual(found.dtype, np.float32 if output is None else output[0])
            self.assertTrue(np.array_equal(found, y), f"case {case}")
            again = pickle.loads(pickle.dumps(plan))
            mapped = again(x) if layout == "columns" else again(np.ascontiguousarray(x.T)).T
            self.assertTrue(np.array_equal(mapped, y), f"case {case}, pickled")
            if layout == "columns":
                out = np.empty_like(y)
                for slice in range(3):
                    plan.run_slice(slice, 3, x, out)
                self.assertTrue(np.array_equal(out, y), f"case {case}, in slices")

    def test_weights_of_another_program_keep_its_scales(self):
        # No row reaches 127: scales by magnitude would be others, and the bytes too.
        integers = RANDOM.integers(-90, 91, (ROWS, COLUMNS)) * (RANDOM.random((ROWS, COLUMNS)) < 0.3)
        scales = (0.01 * RANDOM.uniform(0.5, 2, ROWS)).astype(np.float32)
        matrix = lacuna.Matrix.from_numpy((integers * scales[:, None]).astype(np.float32)).converted("csr")
        x = RANDOM.integers(0, 256, (COLUMNS, WIDTH)).astype(np.uint8)
        plan = lacuna.Plan(matrix, width=WIDTH, quantization=lacuna.Quantization(
            np.uint8, (0.125, 7), weight_scales=scales))
        sums = (integers @ (x.astype(np.int64) - 7)).astype(np.float32)
        np.testing.assert_array_equal(plan(x), sums * (scales * np.float32(0.125))[:, None])
        for wrong, error, words in (
                (scales[1:], ValueError, "expected 19"), (scales / 1000, ValueError, "more than 127"),
                (-scales, ValueError, "positive"), (scales.astype(np.float64), TypeError, "float32"),
                (scales[None], ValueError, "dimensions")):
            with self.subTest(words), self.assertRaisesRegex(error, words):
                lacuna.Plan(matrix, width=1, quantization=lacuna.Quantization(np.uint8, (1, 0), weight_scales=wrong))
        with self.assertRaisesRegex(ValueError, "one_scale"):
            lacuna.Plan(matrix, width=1, quantization=lacuna.Quantization(
                np.uint8, (1, 0), one_scale=True, weight_scales=scales))

    def test_numbers_become_bytes_on_the_way(self):
        matrix, integers, scales = weights(False)
        x = RANDOM.standard_normal((COLUMNS, WIDTH)).astype(np.float32)
        exact = (integers * scales) @ x
        for range in ("side", "tensor", (0.03, 128)):
            found = lacuna.Plan(matrix, width=WIDTH, quantization=lacuna.Quantization(range=range))(x)
            error = abs(found - exact).max()
            self.assertTrue(0 < error < 0.02 * abs(exact).max(), f"{range}: {error}")

    def test_what_does_not_fit_together_is_refused(self):
        matrix = weights(False)[0]

        def refused(kind, *words, matrix=matrix, **members):
            with self.assertRaises(kind) as caught:
                lacuna.Plan(matrix, quantization=lacuna.Quantization(**members))
            for word in words:
                self.assertIn(word, str(caught.exception))

        refused(TypeError, "activations is float64", activations=np.float64)
        refused(TypeError, "output is int16", output=(np.int16, 1, 0))
        refused(ValueError, "'all'", "'side'", "(scale, zero point)", range="all")
        refused(ValueError, "u8 activations", activations=np.uint8)
        refused(ValueError, "-1.0", activations=np.uint8, range=(-1, 0))
        refused(ValueError, "256", "0...255", activations=np.uint8, range=(1, 256))
        refused(ValueError, "scale of the output is inf", output=(np.int8, float("inf"), 0))
        refused(ValueError, "128", "-128...127", output=(np.int8, 1, 128))
        refused(NotImplementedError, "LCN_F64", matrix=lacuna.Matrix.from_numpy(np.eye(3)))
        plan = lacuna.Plan(matrix, quantization=lacuna.Quantization(np.uint8, (1, 0)))
        with self.assertRaisesRegex(TypeError, "uint8 wanted, not float32"):
            plan(np.zeros(COLUMNS, np.float32))
        with self.assertRaisesRegex(TypeError, "uint8 and float32 wanted, not uint8 and uint8"):
            plan.run(np.zeros(COLUMNS, np.uint8), np.zeros(ROWS, np.uint8))
        with self.assertRaises(NotImplementedError):
            plan.update(np.zeros(plan.stored, np.int8))


if __name__ == "__main__":
    unittest.main()
