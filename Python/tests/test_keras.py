"""Keras 3 on the backend that KERAS_BACKEND names: golden trajectories, saving and resuming, layers, refusals."""

import os
import tempfile
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    import keras
    import numpy as np
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import golden
from lacuna_sparse import keras as sparsity

L = keras.layers


def layers(model):
    """The pruned layers of a model."""
    return [layer for layer in model._flatten_layers(include_self=False) if hasattr(layer, "_lacuna_pruning")]


def masks(model):
    return {k.variable.path: np.asarray(keras.ops.convert_to_numpy(m)) for k, m in model.optimizer.pruning_kernels}


def weights(model):
    return [np.asarray(w).copy() for w in model.get_weights()]


def small(**arguments):
    """A pruned model with data to train it on."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([L.Input((12,)), L.Dense(16, activation="relu", name="first"), L.Dense(4, name="last")])
    schedule = sparsity.PolynomialDecay(0.0, 0.8, 2, 12, frequency=3)
    return sparsity.prune_low_magnitude(model, schedule, **arguments)


RANDOM = np.random.default_rng(5)
X, Y = RANDOM.standard_normal((128, 12)).astype("float32"), RANDOM.standard_normal((128, 4)).astype("float32")


def fit(model, epochs=1, callbacks=(), batch_size=8, **more):
    model.fit(X, Y, batch_size=batch_size, epochs=epochs, verbose=0, shuffle=False,
              callbacks=[sparsity.UpdatePruningStep(), *callbacks], **more)


class Golden(unittest.TestCase):
    def test_trajectories_equal_the_toolkit(self):
        for name in golden.RUNS:
            run = golden.Run(name)
            # The toolkit's own tests say it in one line; so does a script whose import line was changed.
            import lacuna_sparse.tfmot as tfmot

            model = tfmot.sparsity.keras.prune_low_magnitude(
                keras.Sequential([L.Input((12,)), L.Dense(10, activation="relu"), L.Dense(4)]),
                pruning_schedule=tfmot.sparsity.keras.PolynomialDecay(**run.schedule),
                **({"block_size": run.block, "block_pooling_type": "AVG"} if run.block else {}))
            optimizer = keras.optimizers.Adam(0.01, epsilon=1e-7) if run.adam else keras.optimizers.SGD(0.05)
            model.compile(optimizer, "mse")
            for layer, (w, b) in zip(model.layers, (("W1", "b1"), ("W2", "b2"))):
                layer.kernel.assign(run.data[w])
                layer.bias.assign(run.data[b])
            compared = []

            class Watch(keras.callbacks.Callback):
                def on_train_batch_end(self, batch, logs=None):
                    step = len(compared) + 1
                    wrong = []
                    for number, (kernel, mask) in enumerate(self.model.optimizer.pruning_kernels, 1):
                        keep = np.asarray(keras.ops.convert_to_numpy(mask))
                        w = np.asarray(keras.ops.convert_to_numpy(kernel.variable))
                        if not np.array_equal(keep, run.mask(number, step)):
                            wrong.append(f"mask {number}")
                        # The toolkit leaves masked weights where the optimizer moved them until the next pass.
                        if abs(w - run.kernel(number, step))[keep].max() > 2e-5:
                            wrong.append(f"kernel {number}")
                    compared.append(wrong)

            model.fit(run.data["X"], run.data["Y"], batch_size=32, epochs=run.steps, shuffle=False, verbose=0,
                      callbacks=[tfmot.sparsity.keras.UpdatePruningStep(), Watch()])
            self.assertEqual(compared, [[]] * run.steps, name)
            final = masks(model)
            self.assertEqual(len(final), 2)
            for (_, keep), layer in zip(sorted(final.items()), model.layers):
                self.assertFalse(np.asarray(keras.ops.convert_to_numpy(layer.kernel))[~keep].any())

    def test_schedules_equal_the_toolkit(self):
        data = golden.load("schedules.json")
        for case in data["schedules"]:
            schedule = getattr(sparsity, case["kind"])(**case["args"])
            self.assertEqual(type(schedule).from_config(schedule.get_config()).get_config(), schedule.get_config())
            for step, update, bits in case["rows"]:
                mine, value = schedule(step)
                self.assertEqual((int(mine), format(int(np.float32(value).view(np.uint32)), "08x")), (update, bits),
                                 f"{case} at {step}")
        for case in data["validation"]:
            try:
                getattr(sparsity, case["kind"])(**case["args"])
                ok = True
            except ValueError:
                ok = False
            self.assertEqual(ok, case["ok"], case)


class Training(unittest.TestCase):
    def test_masked_weights_stay_zero_between_updates(self):
        model = small()
        model.compile(keras.optimizers.Adam(0.01), "mse")
        seen = []

        class Watch(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch + 1 in (6, 7, 9, 13):  # renewed at 5 and 8; 7 is the step before an update
                    kernels = self.model.optimizer.pruning_kernels
                    seen.append(all(not np.asarray(keras.ops.convert_to_numpy(k.variable))[
                        ~np.asarray(keras.ops.convert_to_numpy(m))].any() for k, m in kernels))

        fit(model, callbacks=[Watch()])
        self.assertEqual(seen, [True, False, True, True])
        share = {path: 1 - keep.mean() for path, keep in masks(model).items()}
        # The last update, at step 11, is before the end: its sparsity, not the final one.
        wanted = sparsity.PolynomialDecay(0.0, 0.8, 2, 12, frequency=3)(11)[1]
        self.assertTrue(all(abs(s - wanted) < 0.02 for s in share.values()), share)

    def test_a_run_that_was_saved_and_loaded_goes_on_bit_for_bit(self):
        for optimizer in (lambda: keras.optimizers.SGD(0.05, momentum=0.9), lambda: keras.optimizers.Adam(0.01),
                          lambda: keras.optimizers.AdamW(keras.optimizers.schedules.ExponentialDecay(0.01, 4, 0.9))):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.keras")
                model = small()
                model.compile(optimizer(), "mse")
                # 4 steps an epoch; after 4 the step before an update is just over.
                fit(model, 2, batch_size=32)
                model.save(path)
                fit(model, 2, batch_size=32)
                loaded = keras.saving.load_model(path)
                self.assertEqual(type(loaded.optimizer).__name__[:6], "Pruned")
                first = [keep.sum() for keep in masks(loaded).values()]
                self.assertLess(sum(first), 256)
                fit(loaded, 2, batch_size=32)
                for a, b in zip(weights(model), weights(loaded)):
                    self.assertTrue(np.array_equal(a, b))
                mine, theirs = masks(model).values(), masks(loaded).values()
                self.assertEqual((len(mine), len(theirs)), (2, 2))
                for a, b, before in zip(mine, theirs, first):
                    self.assertTrue(np.array_equal(a, b))
                    self.assertLess(a.sum(), before)

    def test_without_the_callback_training_is_refused(self):
        model = small()
        model.compile("adam", "mse")
        with self.assertRaisesRegex(ValueError, "UpdatePruningStep"):
            model.fit(X, Y, verbose=0)

    def test_the_callback_finds_layers_that_were_given_one_by_one(self):
        keras.utils.set_random_seed(1)
        schedule = sparsity.ConstantSparsity(0.5, 1, frequency=4)
        model = keras.Sequential([L.Input((12,)), L.Dense(16), sparsity.prune_low_magnitude(L.Dense(4), schedule)])
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)  # compiled without pruning first
        fit(model)
        (keep,) = masks(model).values()
        self.assertEqual(keep.sum(), 32)
        unpruned = keras.Sequential([L.Input((12,)), L.Dense(4)])
        unpruned.compile("sgd", "mse")
        with self.assertRaisesRegex(ValueError, "nothing to prune"):
            fit(unpruned)

    def test_several_steps_in_one_call(self):
        if keras.backend.backend() == "torch":
            self.skipTest("Keras takes no steps_per_execution on torch")
        model = small()
        model.compile(keras.optimizers.SGD(0.05), "mse", steps_per_execution=4)
        fit(model)
        share = [1 - keep.mean() for keep in masks(model).values()]
        self.assertTrue(all(abs(s - 0.7994) < 0.02 for s in share), share)
        for (path, keep), kernel in zip(masks(model).items(), model.get_weights()[::2]):
            self.assertFalse(kernel[~keep].any(), path)

    def test_stripping_leaves_an_ordinary_model_with_its_zeros(self):
        model = small()
        model.compile("adam", "mse")
        fit(model)
        keep, before = masks(model), weights(model)
        outputs = model.predict(X, verbose=0)
        self.assertIs(sparsity.strip_pruning(model), model)
        self.assertFalse(layers(model))
        self.assertNotIn("Pruned", type(model.optimizer).__name__)
        for a, b in zip(before, weights(model)):
            self.assertTrue(np.array_equal(a, b))
        for mask, kernel in zip(keep.values(), model.get_weights()[::2]):
            self.assertFalse(kernel[~mask].any())
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.keras")
            model.save(path)
            loaded = keras.saving.load_model(path)
            self.assertEqual(type(loaded.optimizer).__name__, "Adam")
            self.assertTrue(np.array_equal(loaded.predict(X, verbose=0), outputs))
        model.fit(X, Y, verbose=0)
        self.assertTrue(all((w != 0).all() for w in model.get_weights()[::2]))

    def test_a_model_that_changed_between_save_and_load_is_refused(self):
        model = small()
        model.compile("adam", "mse")
        fit(model)
        config = model.optimizer.get_config()
        optimizer = type(model.optimizer).from_config(config)
        other = keras.Sequential([L.Input((12,)), L.Dense(16, name="first"), L.Dense(5, name="last")])
        with self.assertRaisesRegex(ValueError, r"kernel of shape \(16, 4\); the model has .*last/kernel.*\(16, 5\)"):
            optimizer.build(other.trainable_variables)

    def test_mixed_precision(self):
        keras.mixed_precision.set_dtype_policy("mixed_float16")
        try:
            model = small()
            model.compile("adam", "mse")
            fit(model)
            self.assertEqual(type(model.optimizer).__name__, "LossScaleOptimizer")
            kernels = model.optimizer.inner_optimizer.pruning_kernels
            self.assertTrue(all(np.asarray(keras.ops.convert_to_numpy(mask)).mean() < 0.3 for _, mask in kernels))
            self.assertTrue(all((w == 0).mean() > 0.7 for w in model.get_weights()[::2]))
            sparsity.strip_pruning(model)
            self.assertNotIn("Pruned", type(model.optimizer.inner_optimizer).__name__)
        finally:
            keras.mixed_precision.set_dtype_policy("float32")

    def test_summaries_hold_the_sparsity_of_each_kernel(self):
        if keras.backend.backend() != "tensorflow":
            self.skipTest("TensorBoard's files are written by TensorFlow")
        try:
            import tensorboard  # noqa: F401
        except ImportError:
            self.skipTest("tensorboard is not installed")
        from tensorflow.python.summary.summary_iterator import summary_iterator

        model = small()
        model.compile("sgd", "mse")
        with tempfile.TemporaryDirectory() as folder:
            fit(model, 2, callbacks=[sparsity.PruningSummaries(folder)])
            found = {}
            for place, _, files in os.walk(folder):
                for file in files:
                    for event in summary_iterator(os.path.join(place, file)):
                        for value in event.summary.value:
                            found.setdefault(value.tag.split("/", 1)[-1], []).append(event.step)
        self.assertEqual(found["first/kernel/mask/sparsity"], [0, 1])
        self.assertEqual(found["last/kernel/mask/sparsity"], [0, 1])

    def test_a_loop_of_ones_own(self):
        if keras.backend.backend() == "jax":
            self.skipTest("JAX has no loop that changes variables in place; lacuna_sparse.jax is for its own loops")
        model = small()
        optimizer = keras.optimizers.SGD(0.05)
        model.optimizer = optimizer
        callback = sparsity.UpdatePruningStep()
        callback.set_model(model)
        callback.on_train_begin()
        for step in range(16):
            callback.on_train_batch_begin(batch=step)
            x, y = X[step * 8:step * 8 + 8], Y[step * 8:step * 8 + 8]
            if keras.backend.backend() == "tensorflow":
                import tensorflow as tf

                with tf.GradientTape() as tape:
                    loss = keras.ops.mean((model(x, training=True) - y) ** 2)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            else:
                import torch

                model.zero_grad()
                keras.ops.mean((model(x, training=True) - keras.ops.convert_to_tensor(y)) ** 2).backward()
                with torch.no_grad():
                    optimizer.apply([v.value.grad for v in model.trainable_variables], model.trainable_variables)
        callback.on_epoch_end(batch=-1)
        for keep, layer in zip(masks(model).values(), model.layers):
            self.assertFalse(np.asarray(keras.ops.convert_to_numpy(layer.kernel))[~keep].any())
            self.assertLess(keep.mean(), 0.3)


class Layers(unittest.TestCase):
    def prune(self, model, steps=2, words=None, **arguments):
        """Masks after training on noise, by path."""
        arguments.setdefault("pruning_schedule", sparsity.ConstantSparsity(0.5, 1, frequency=1))
        sparsity.prune_low_magnitude(model, **arguments)
        model.compile("sgd", "mse")
        x = RANDOM.standard_normal((steps, *model.input_shape[1:])).astype("float32")
        if words:
            x = RANDOM.integers(0, words, (steps, *model.input_shape[1:]))
        y = np.zeros((steps, *model.output_shape[1:]), "float32")
        model.fit(x, y, batch_size=1, verbose=0, callbacks=[sparsity.UpdatePruningStep()])
        result = masks(model)
        for kernel, mask in model.optimizer.pruning_kernels:
            keep = np.asarray(keras.ops.convert_to_numpy(mask))
            self.assertFalse(np.asarray(keras.ops.convert_to_numpy(kernel.variable))[~keep].any())
        return {path.split("/", 1)[1] if path.startswith("sequential") else path: keep for path, keep in result.items()}

    def test_which_weights_of_which_layers(self):
        model = keras.Sequential([
            L.Input((8, 8, 3)), L.Conv2D(4, 3, name="conv"), L.BatchNormalization(), L.ReLU(),
            L.DepthwiseConv2D(3, name="depthwise"), L.SeparableConv2D(6, 3, padding="same", name="separable"),
            L.Conv2DTranspose(5, 2, name="transposed"), L.GlobalAveragePooling2D(), L.Dropout(0.1),
            L.Dense(3, name="dense")])
        found = self.prune(model)
        self.assertEqual(sorted(found), ["conv/kernel", "dense/kernel", "separable/pointwise_kernel",
                                         "transposed/kernel"])
        for path, keep in found.items():
            self.assertEqual(keep.sum(), round(keep.size / 2), path)

    def test_recurrent_layers_and_embeddings(self):
        model = keras.Sequential([
            L.Input((6,), dtype="int32"), L.Embedding(20, 8, name="words"),
            L.Bidirectional(L.GRU(4, return_sequences=True, name="gru"), name="both"), L.LSTM(4, name="lstm")])
        found = sorted(path for path in self.prune(model, words=20))
        self.assertEqual(len(found), 7, found)
        self.assertEqual(sum("recurrent_kernel" in path for path in found), 3)
        self.assertEqual(found[-1], "words/embeddings")

    def test_by_function_and_by_name(self):
        def model():
            return keras.Sequential([
                L.Input((6, 6, 4)), L.DepthwiseConv2D(3, name="depthwise"), L.Conv2D(8, 1, name="conv"), L.Flatten(),
                L.Dense(8, name="dense1"), L.Dense(8, name="dense2"), L.Dense(2, name="head")])

        chosen = self.prune(model(), per_layer=lambda layer: isinstance(layer, (L.Dense, L.DepthwiseConv2D))
                            and layer.name != "head")
        self.assertEqual(sorted(chosen), ["dense1/kernel", "dense2/kernel", "depthwise/kernel"])
        ninety = {"pruning_schedule": sparsity.ConstantSparsity(0.9, 1, frequency=1)}
        chosen = self.prune(model(), per_layer={"head": None, "dense1": ninety, "dense*": {"block_size": (4, 2)}})
        self.assertEqual(sorted(chosen), ["conv/kernel", "dense1/kernel", "dense2/kernel"])
        self.assertAlmostEqual(chosen["dense1/kernel"].mean(), 0.1, delta=0.01)
        blocks = chosen["dense2/kernel"].reshape(2, 4, 4, 2).transpose(0, 2, 1, 3).reshape(8, 8)
        self.assertTrue((blocks.all(1) | ~blocks.any(1)).all() and blocks.any(1).sum() == 4)
        with self.assertRaisesRegex(ValueError, "no layer.*dence"):
            self.prune(model(), per_layer={"dence": None})

    def test_two_of_four_zeros(self):
        model = keras.Sequential([L.Input((4, 4, 8)), L.Conv2D(4, 3, name="conv"), L.Flatten(), L.Dense(3, name="dense")])
        found = self.prune(model, sparsity_m_by_n=(2, 4))
        self.assertTrue((found["conv/kernel"].reshape(3, 3, 2, 4, 4).sum(3) == 2).all())
        self.assertTrue((found["dense/kernel"].reshape(4, 4, 3).sum(1) == 2).all())

    def test_a_layer_of_ones_own(self):
        class Scaled(L.Layer):
            def build(self, shape):
                self.matrix = self.add_weight(shape=(shape[-1], 4), initializer="glorot_uniform", name="matrix")

            def call(self, x):
                return keras.ops.matmul(x, self.matrix)

        class Prunable(Scaled, sparsity.PrunableLayer):
            def get_prunable_weights(self):
                return [self.matrix]

        found = self.prune(keras.Sequential([L.Input((8,)), Prunable(name="own")]))
        self.assertEqual([keep.sum() for keep in found.values()], [16])
        with self.assertRaisesRegex(ValueError, "Layer other is a Scaled"):
            self.prune(keras.Sequential([L.Input((8,)), Scaled(name="other")]))

    def test_shared_and_frozen_layers(self):
        shared = L.Dense(8, name="shared")
        frozen = L.Dense(8, name="frozen", trainable=False)
        inputs = keras.Input((8,))
        model = keras.Model(inputs, L.Dense(2, name="out")(shared(frozen(shared(inputs)))))
        self.assertEqual(sorted(self.prune(model)), ["out/kernel", "shared/kernel"])

    def test_what_is_refused(self):
        dense = L.Dense(3)
        for call, words in (
                (lambda: sparsity.prune_low_magnitude(object()), "object of type: object"),
                (lambda: sparsity.prune_low_magnitude(dense, block_pooling_type="MIN"), "'MIN'. Should be 'AVG' or"),
                (lambda: sparsity.prune_low_magnitude(dense, sparsity_m_by_n=(2,)), "tuple/list of 2 integers"),
                (lambda: sparsity.prune_low_magnitude(dense, sparsity_m_by_n=(2, 4.0)), "element 4.0 of type"),
                (lambda: sparsity.prune_low_magnitude(dense, sparsity_m_by_n=5), "received: 5"),
                (lambda: sparsity.prune_low_magnitude(dense, sparsity_m_by_n=(5, 4)), "5 zeros of 4"),
                (lambda: sparsity.prune_low_magnitude(dense, 0.5), "PruningSchedule is wanted"),
                (lambda: sparsity.strip_pruning(dense), "Expected model"),
                (lambda: sparsity.PruningSummaries(""), "non-empty string")):
            with self.assertRaisesRegex(ValueError, words):
                call()

    def test_weights_that_go_are_zeros_whatever_they_were(self):
        from lacuna_sparse.keras.callbacks import _kept

        random = np.random.default_rng(9)
        for dtype in ("float16", "float32", "float64"):
            weights = random.standard_normal((7, 9)).astype(dtype)
            weights[0, :3] = np.nan, np.inf, -0.0
            keep = random.random(weights.shape) < 0.5
            for whole in (keep, ~keep):
                kept = _kept(weights, whole)
                self.assertEqual(kept.dtype, weights.dtype)
                np.testing.assert_array_equal(kept, np.where(whole, weights, np.zeros((), dtype)))

    def test_a_weight_that_is_no_number_is_named(self):
        model = small()
        model.compile("sgd", "mse")
        kernel = weights(model)[0]
        kernel[1, 2] = np.nan
        model.layers[0].kernel.assign(kernel)
        with self.assertRaisesRegex(ValueError, "first/kernel at step 2: LCN_NOT_A_NUMBER"):
            fit(model)


if __name__ == "__main__":
    unittest.main()
