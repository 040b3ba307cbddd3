"""Masks of any rank and layout, schedules, and the Pruner, against the reference toolkit's recorded answers."""

import os
import tempfile
import unittest

try:
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import golden
import lacuna_sparse as lacuna

RANDOM = np.random.default_rng(20240502)


def recipe(run, **more):
    c = run.schedule
    schedule = lacuna.Schedule(c["final_sparsity"], c["begin_step"], c["end_step"], c["initial_sparsity"], c["power"],
                               c["frequency"])
    # The toolkit counts blocks in its kernel [in, out], Lacuna in W [out, in].
    block = run.block and run.block[::-1]
    return lacuna.Recipe(schedule, block=block, keep_ties=True, layout="IO", **more)


class GoldenMasks(unittest.TestCase):
    def test_masks_equal_the_reference(self):
        data = golden.load("masks.json")
        weights = {name: golden.unpacked(packed) for name, packed in data["weights"].items()}
        equal = 0
        for case in data["cases"]:
            w, block = weights[case["weights"]], tuple(case["block"])
            # What the toolkit refuses, and where it prunes other cells than it pooled, has no answer to compare with.
            edges = w.ndim == 2 and any((b - n % b) % b >= 2 for n, b in zip(w.shape, block))
            if "error" in case or edges:
                continue
            layout = "IO" if w.ndim == 2 else "HWIO"
            if case["m_by_n"]:
                zeros, size = case["m_by_n"]
                keep = lacuna.mask(w, group=(size - zeros, size), layout=layout)
            else:
                pooling = {"AVG": "average", "MAX": "max"}[case["pooling"]]
                keep = lacuna.mask(w, case["sparsity"], keep_ties=True, layout=layout, pooling=pooling,
                                   block=None if block == (1, 1) else block[::-1])
            self.assertTrue(np.array_equal(keep, golden.bits(case["mask"], w.shape)), case["id"])
            equal += 1
        self.assertEqual(equal, 180)

    def test_sparsities_equal_the_reference_bit_for_bit(self):
        compared = 0
        for case in golden.load("schedules.json")["schedules"]:
            a = case["args"]
            if case["kind"] == "ConstantSparsity":
                schedule = lacuna.Schedule.constant(a["target_sparsity"], a["begin_step"], a.get("end_step", -1),
                                                    a.get("frequency", 100))
            else:
                schedule = lacuna.Schedule(a["final_sparsity"], a["begin_step"], a["end_step"], a["initial_sparsity"],
                                           a.get("power", 3), a.get("frequency", 100))
            for step, _, bits in case["rows"]:
                mine = np.float32(schedule.sparsity(step)).view(np.uint32)
                self.assertEqual(format(int(mine), "08x"), bits, f"{case['kind']} {a} at {step}")
                compared += 1
        self.assertGreater(compared, 500)


class Layouts(unittest.TestCase):
    def test_a_layout_is_a_transposition(self):
        """The mask of an array in any layout is that of the same weights as W [out, taps, in]."""
        w = RANDOM.standard_normal((8, 3, 5, 12)).astype(np.float32)  # O H W I
        for kind in ({"sparsity": 0.7}, {"sparsity": 0.7, "block": (4, 3)}, {"group": (2, 4)},
                     {"sparsity": 0.5, "granularity": "window", "group": (1, 4)},
                     {"sparsity": 0.5, "granularity": "rows"}, {"sparsity": 0.5, "granularity": "columns"}):
            expected = lacuna.mask(w, layout="OHWI", **kind)
            self.assertEqual(expected.shape, w.shape)
            for layout, axes in {"HWIO": (1, 2, 3, 0), "OIHW": (0, 3, 1, 2), "IOHW": (3, 0, 1, 2)}.items():
                moved = w.transpose(axes)
                for array in (moved, np.ascontiguousarray(moved), np.asfortranarray(moved)):
                    keep = lacuna.mask(array, layout=layout, **kind)
                    self.assertTrue(np.array_equal(keep, expected.transpose(axes)), (kind, layout))
                out = np.ones(moved.shape, bool)
                self.assertIs(lacuna.mask(np.ascontiguousarray(moved), layout=layout, out=out, **kind), out)
                self.assertTrue(np.array_equal(out, expected.transpose(axes)), (kind, layout))

    def test_granularities_are_of_the_matrix_out_by_in(self):
        w = RANDOM.standard_normal((3, 3, 8, 16)).astype(np.float32)  # HWIO
        keep = lacuna.mask(w, group=(2, 4), layout="HWIO")
        self.assertTrue((keep.reshape(3, 3, 2, 4, 16).sum(3) == 2).all())
        keep = lacuna.mask(w, 0.5, granularity="rows", layout="HWIO")
        self.assertEqual(sorted(keep.sum((0, 1, 2))), [0] * 8 + [72] * 8)
        matrix = w[0, 0]
        keep = lacuna.mask(matrix, 0.75, block=(4, 2), layout="IO")
        blocks = keep.T.reshape(4, 4, 4, 2).transpose(0, 2, 1, 3).reshape(16, 8)
        self.assertTrue((blocks.all(1) | ~blocks.any(1)).all() and blocks.any(1).sum() == 4)

    def test_ranks_without_a_layout(self):
        for shape in ((), (7,), (5, 6), (4, 5, 6), (2, 3, 4, 5, 6)):
            w = RANDOM.standard_normal(shape).astype(np.float64)
            keep = lacuna.mask(w, 0.5)
            self.assertEqual((keep.shape, keep.sum()), (w.shape, max(round(w.size * 0.5), 1)))
            if shape:
                lacuna.apply_mask(w, keep)
                self.assertTrue(np.array_equal(w != 0, keep))

    def test_what_is_wrong_is_said(self):
        w = np.ones((3, 3, 4, 5), np.float32)
        for layout, words in {"HWOI2": "HWOI2", "OI": "(3, 3, 4, 5)", "HHIO": "letter", "HWIK": "O and I", 7: "7"}.items():
            with self.assertRaises((TypeError, ValueError)) as caught:
                lacuna.mask(w, 0.5, layout=layout)
            self.assertIn(words, str(caught.exception))
        with self.assertRaisesRegex(TypeError, "sparsity"):
            lacuna.mask(w)
        with self.assertRaisesRegex(ValueError, "strides"):
            lacuna.apply_mask(w[:, ::2], np.zeros((3, 2, 4, 5), bool))
        with self.assertRaisesRegex(ValueError, r"\(3, 3, 4, 5\)"):
            lacuna.apply_mask(w, np.zeros((3, 3, 4, 4), bool))
        with self.assertRaisesRegex(ValueError, "overlaps"):
            lacuna.mask(w, 0.5, out=w.view(np.uint8)[..., :5])


class Training(unittest.TestCase):
    def test_a_run_follows_the_reference(self):
        for name in golden.RUNS:
            run = golden.Run(name)
            network, compared = golden.Network(run), 0
            pruner = lacuna.Pruner(None, {"k*": recipe(run)})
            for step in range(1, run.steps + 1):
                pruner.step(network.arrays)
                network.train()
                for layer in (1, 2):
                    keep = pruner.masks.get(f"k{layer}", np.ones_like(run.mask(layer, step)))
                    self.assertTrue(np.array_equal(keep, run.mask(layer, step)), f"{name} step {step} layer {layer}")
                    mine, theirs = network.arrays[f"k{layer}"], run.kernel(layer, step)
                    self.assertLess(abs(mine - theirs).max(), 2e-5, f"{name} step {step}")
                    compared += not keep.all()
                pruner.enforce(network.arrays)
                for key, keep in pruner.masks.items():
                    self.assertFalse(network.arrays[key][~keep].any())
            self.assertGreater(compared, 20)
            self.assertEqual(set(pruner.masks), {"k1", "k2"})

    def test_it_resumes_exactly_from_every_step(self):
        run = golden.Run("adam")

        def steps(network, pruner, count):
            for _ in range(count):
                pruner.step(network.arrays)
                network.train()
                pruner.enforce(network.arrays)

        rules = {"b*": None, "k2": recipe(run)}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pruner.npz")
            for stop in range(1, 12):
                network, pruner = golden.Network(run), lacuna.Pruner(recipe(run), rules)
                steps(network, pruner, stop)
                pruner.save(path)
                self.assertEqual(os.listdir(folder), ["pruner.npz"])
                resumed = lacuna.Pruner(recipe(run), rules)
                resumed.load(path)
                other = golden.Network(run)
                other.arrays = {name: a.copy() for name, a in network.arrays.items()}
                other.moments = {name: a.copy() for name, a in network.moments.items()}
                other.steps = network.steps
                steps(network, pruner, 13 - stop)
                steps(other, resumed, 13 - stop)
                self.assertEqual(pruner.current_step, resumed.current_step)
                for name in network.arrays:
                    self.assertTrue(np.array_equal(network.arrays[name], other.arrays[name]), (stop, name))
                for name, keep in pruner.masks.items():
                    self.assertTrue(np.array_equal(keep, resumed.masks[name]), (stop, name))

    def test_a_weight_can_come_back(self):
        w = {"w": np.arange(1, 11, dtype=np.float32)}
        pruner = lacuna.Pruner(lacuna.Recipe(lacuna.Schedule.constant(0.5, begin=1, frequency=2)))
        pruner.step(w)
        self.assertEqual(list(w["w"]), [0, 0, 0, 0, 0, 6, 7, 8, 9, 10])
        pruner.enforce(w)
        pruner.step(w)
        w["w"][0] = 20
        pruner.enforce(w)  # the next step renews the masks: 20 waits
        self.assertEqual(w["w"][0], 0)
        pruner.step(w)
        self.assertEqual(list(w["w"]), [20, 0, 0, 0, 0, 0, 7, 8, 9, 10])

    def test_a_refused_step_changes_nothing(self):
        arrays = {"a": np.arange(1, 7, dtype=np.float32), "b": np.array([1, np.nan], np.float32)}
        pruner = lacuna.Pruner(lacuna.Recipe(lacuna.Schedule.constant(0.5, frequency=1)))
        before = arrays["a"].copy()
        with self.assertRaises(lacuna.Error) as caught:
            pruner.step(arrays)
        self.assertEqual(caught.exception.status, "LCN_NOT_A_NUMBER")
        self.assertTrue(np.array_equal(arrays["a"], before))
        self.assertEqual((pruner.current_step, pruner.masks), (0, {}))

    def test_what_changed_between_save_and_load_is_said(self):
        arrays = {"a": np.arange(1, 7, dtype=np.float32), "b": np.arange(1, 7, dtype=np.float64)}
        common = lacuna.Recipe(lacuna.Schedule.constant(0.5, frequency=1))
        pruner = lacuna.Pruner(common)
        pruner.step(arrays)
        pruner.enforce(arrays)
        state = pruner.state_dict()
        for changed, words in (({"a": arrays["a"].reshape(2, 3), "b": arrays["b"]}, "its mask"),
                               ({"a": arrays["a"]}, "b"), ({**arrays, "b": arrays["b"].astype(np.float32)}, "float64")):
            again = lacuna.Pruner(common)
            again.load_state_dict(state)
            with self.assertRaisesRegex((KeyError, ValueError, TypeError), words):
                again.step(changed)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "state.npz")
            pruner.save(path)
            with open(path, "rb") as file:
                whole = file.read()
            for damaged in (b"", b"no zip", whole[:len(whole) // 2]):
                with open(path, "wb") as file:
                    file.write(damaged)
                with self.assertRaisesRegex(ValueError, "no state of a pruner"):
                    lacuna.Pruner(common).load(path)
            with self.assertRaises(FileNotFoundError):
                lacuna.Pruner(common).load(os.path.join(folder, "absent"))

    def test_recipes_by_name_and_as_json(self):
        import json

        first = lacuna.Recipe(lacuna.Schedule(0.9, 0, 100), block=(4, 1), pooling="l2", layout="IO")
        again = lacuna.Recipe.from_config(json.loads(json.dumps(first.get_config())))
        self.assertEqual(first, again)
        pruner = lacuna.Pruner(first, {"*bias": None})
        self.assertIsNone(pruner.recipe("dense/bias"))
        self.assertEqual(pruner.recipe("dense/kernel"), first)
        for wrong in (lambda: lacuna.Recipe(0.9), lambda: lacuna.Recipe(lacuna.Schedule(0.9, 0, 9), block=4),
                      lambda: lacuna.Pruner(0.9), lambda: lacuna.Schedule(1.5, 0, 9)):
            with self.assertRaises((TypeError, ValueError)):
                wrong()


if __name__ == "__main__":
    unittest.main()
