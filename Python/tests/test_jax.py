"""JAX: the gradient transformation's trajectories and resuming, the custom call under jit, grad and vmap."""

import os
import pickle
import shutil
import tempfile
import unittest

try:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import golden
import lacuna_sparse as lacuna
from lacuna_sparse import jax as sparse

RANDOM = np.random.default_rng(8)


def network(params, x):
    return jax.nn.relu(x @ params["first"]["kernel"] + params["first"]["bias"]) @ params["last"]["kernel"] \
        + params["last"]["bias"]


class Training(unittest.TestCase):
    def run_of(self, run):
        c = run.schedule
        recipe = lacuna.Recipe(
            lacuna.Schedule(c["final_sparsity"], c["begin_step"], c["end_step"], c["initial_sparsity"], c["power"],
                            c["frequency"]), block=run.block and run.block[::-1], keep_ties=True)
        optimizer = optax.chain(optax.adam(0.01, eps=1e-7) if run.adam else optax.sgd(0.05), sparse.prune(recipe))
        params = {"first": {"kernel": jnp.asarray(run.data["W1"]), "bias": jnp.asarray(run.data["b1"])},
                  "last": {"kernel": jnp.asarray(run.data["W2"]), "bias": jnp.asarray(run.data["b2"])}}

        @jax.jit
        def step(params, state):
            gradients = jax.grad(lambda p: jnp.mean((network(p, run.data["X"]) - run.data["Y"]) ** 2))(params)
            updates, state = optimizer.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        return params, optimizer.init(params), step

    def test_a_run_follows_the_reference(self):
        for name in golden.RUNS:
            run = golden.Run(name)
            params, state, step = self.run_of(run)
            for number in range(1, run.steps + 1):
                for layer, key in ((1, "first"), (2, "last")):
                    keep = np.asarray(sparse.masks(state)[f"{key}/kernel"])
                    self.assertTrue(np.array_equal(keep, run.mask(layer, number)), f"{name} step {number}")
                params, state = step(params, state)
                for layer, key in ((1, "first"), (2, "last")):
                    keep = np.asarray(sparse.masks(state)[f"{key}/kernel"])
                    w = np.asarray(params[key]["kernel"])
                    self.assertFalse(w[~keep].any())
                    if not run.adam:
                        both = keep & run.mask(layer, number)
                        self.assertLess(abs(w - run.kernel(layer, number))[both].max(), 2e-5)
            self.assertEqual(set(sparse.masks(state)), {"first/kernel", "last/kernel"})

    def test_it_resumes_exactly(self):
        run = golden.Run("adam")
        params, state, step = self.run_of(run)
        for _ in range(6):
            params, state = step(params, state)
        saved = pickle.dumps(jax.device_get((params, state)))
        for _ in range(6):
            params, state = step(params, state)
        again, resumed = pickle.loads(saved)
        for _ in range(6):
            again, resumed = step(again, resumed)
        for a, b in zip(jax.tree.leaves((params, state)), jax.tree.leaves((again, resumed))):
            self.assertTrue(np.array_equal(a, b))

    def test_updates_fall_where_the_schedule_says(self):
        from lacuna_sparse.jax.pruning import _is_update

        class Odd:
            def sparsity(self, step):
                return 0.5

            def is_update(self, step):
                return step % 2 == 1

        for schedule in (lacuna.Schedule(0.9, 3, 20, frequency=4), lacuna.Schedule.constant(0.5, 2, frequency=3),
                         lacuna.Schedule.constant(0.5, 2, 9, frequency=3), Odd()):
            recipe = lacuna.Recipe(schedule)
            asked = jax.jit(lambda step: _is_update(recipe, step))
            self.assertEqual([bool(asked(step)) for step in range(30)], [schedule.is_update(s) for s in range(30)])

    def test_masks_of_the_first_step(self):
        params = {"conv": jnp.asarray(RANDOM.standard_normal((3, 3, 8, 4)), jnp.bfloat16), "scale": jnp.ones(4)}
        optimizer = sparse.prune(lacuna.Recipe(lacuna.Schedule.constant(0.5, 1), group=(2, 4)))
        state = optimizer.init(params)
        first = sparse.masked(params, state)
        self.assertEqual(first["conv"].dtype, jnp.bfloat16)
        keep = np.asarray(first["conv"] != 0)
        self.assertTrue((keep.reshape(3, 3, 2, 4, 4).sum(3) == 2).all())
        self.assertTrue((first["scale"] == 1).all())

    def test_what_does_not_fit_is_refused(self):
        recipe = lacuna.Recipe(lacuna.Schedule.constant(0.5, 1))
        params = {"kernel": jnp.ones((4, 4))}
        optimizer = sparse.prune(recipe)
        state = optimizer.init(params)
        with self.assertRaisesRegex(ValueError, "needs the parameters"):
            optimizer.update(params, state)
        with self.assertRaisesRegex(ValueError, r"kernel has shape \(4, 5\), its mask \(4, 4\)"):
            optimizer.update({"kernel": jnp.ones((4, 5))}, state, {"kernel": jnp.ones((4, 5))})
        with self.assertRaisesRegex(ValueError, "missing: kernel"):
            optimizer.update({"other": jnp.ones(4)}, state, {"other": jnp.ones(4)})
        with self.assertRaisesRegex(ValueError, "nothing to prune"):
            sparse.prune(recipe, {"*": None}).init(params)
        with self.assertRaisesRegex(ValueError, "no prune"):
            sparse.masks(optax.adam(0.1).init(params))


@unittest.skipUnless(shutil.which("c++") or shutil.which("g++"), "there is no C++ compiler for the custom call")
class Products(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The compiled call goes where it leaves nothing behind.
        cls.cache = tempfile.TemporaryDirectory()
        os.environ["XDG_CACHE_HOME"] = cls.cache.name
        cls.addClassCleanup(cls.cache.cleanup)

    def weights(self, **more):
        w = RANDOM.standard_normal((24, 40)).astype(np.float32)
        w[RANDOM.random(w.shape) < 0.8] = 0
        return w, sparse.Product(lacuna.Matrix.from_numpy(w).converted("csr"), exclude_dense=True, **more)

    def test_it_equals_the_dense_product_under_jit_and_vmap(self):
        bias = RANDOM.standard_normal(24).astype(np.float32)
        w, weights = self.weights(bias=bias, activation="relu")
        for shape in ((40,), (7, 40), (2, 3, 40), (0, 40)):
            x = RANDOM.standard_normal(shape).astype(np.float32)
            expected = np.maximum(x @ w.T + bias, 0)
            for call in (weights, jax.jit(weights), lambda x: sparse.product(x, weights)):
                y = np.asarray(call(x))
                self.assertEqual(y.shape, expected.shape)
                self.assertTrue(np.allclose(y, expected, atol=1e-5))
        x = RANDOM.standard_normal((5, 6, 40)).astype(np.float32)
        self.assertTrue(np.allclose(jax.jit(jax.vmap(weights))(x), np.maximum(x @ w.T + bias, 0), atol=1e-5))

    def test_its_gradient_is_the_dense_one(self):
        for activation, applied in ((None, lambda y: y), ("relu", jax.nn.relu),
                                    ((-1.0, 1.0), lambda y: jnp.clip(y, -1, 1))):
            w, weights = self.weights(activation=activation)
            x = jnp.asarray(RANDOM.standard_normal((6, 40)).astype(np.float32))
            mine = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(weights(x)))))(x)
            theirs = jax.grad(lambda x: jnp.sum(jnp.sin(applied(x @ w.T))))(x)
            self.assertTrue(np.allclose(mine, theirs, atol=1e-4))

    def test_gated_activations_run_and_have_no_gradient(self):
        for activation, applied in (("silu", jax.nn.silu), ("hard_swish", jax.nn.hard_swish)):
            w, weights = self.weights(activation=activation)
            x = jnp.asarray(RANDOM.standard_normal((6, 40)).astype(np.float32))
            self.assertTrue(np.allclose(weights(x), applied(x @ w.T), atol=1e-5))
            with self.assertRaisesRegex(NotImplementedError, activation):
                jax.grad(lambda x: jnp.sum(weights(x)))(x)

    def test_what_does_not_fit_is_refused(self):
        _, weights = self.weights()
        with self.assertRaisesRegex(ValueError, r"\(2, 39\), 40 inputs"):
            jax.jit(weights)(jnp.ones((2, 39)))
        with self.assertRaisesRegex(TypeError, "float32 wanted, not int32"):
            weights(jnp.ones((2, 40), jnp.int32))
        with self.assertRaisesRegex(TypeError, "float32 wanted, not float64"):
            sparse.Product(lacuna.Matrix.from_numpy(np.eye(3)))


if __name__ == "__main__":
    unittest.main()
