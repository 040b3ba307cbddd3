#!/usr/bin/env python3
"""The pruning tutorial of 2019 in Keras 3, from end to end: a dense network on Fashion-MNIST, pruned to 90 %, compressed.

    KERAS_BACKEND=jax python3 Python/examples/fashion_mnist.py

Needs keras with one of its backends, and lacuna_sparse. The last row needs the tool `lacuna` (Scripts/install) on the
path or in --lacuna. Ends with a table; --images 6000 --epochs 1 --pruning-epochs 1 is a quick try. --cost measures only what
pruning adds to a training step.
"""

import argparse
import gzip
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

import lacuna_sparse as lacuna
from lacuna_sparse import keras as sparsity

L = keras.layers
BATCH = 128


def images(folder, name, count):
    """Images [count, 28, 28, 1] in 0…1 and labels, from IDX files."""
    with gzip.open(folder / f"{name}-images-idx3-ubyte.gz") as file:
        x = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(folder / f"{name}-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(), np.uint8, offset=8)
    return x[:count].astype("float32") / 255, y[:count].astype("int32")


def network():
    """The tutorial's network: 3.3 million parameters, 98 % of them in one layer."""
    return keras.Sequential([
        L.Input((28, 28, 1)),
        L.Conv2D(32, 5, padding="same", activation="relu", name="conv1"), L.MaxPooling2D(2, padding="same"),
        L.BatchNormalization(name="norm"),
        L.Conv2D(64, 5, padding="same", activation="relu", name="conv2"), L.MaxPooling2D(2, padding="same"),
        L.Flatten(),
        L.Dense(1024, activation="relu", name="dense1"), L.Dropout(0.4),
        L.Dense(10, name="dense2")])


class Clock(keras.callbacks.Callback):
    """Seconds a training step, without the first tenth of the steps: from batch to batch, as some backends run behind."""

    def __init__(self):
        super().__init__()
        self.started = []

    def on_train_batch_begin(self, batch, logs=None):
        self.started.append(time.perf_counter())

    def on_train_end(self, logs=None):
        self.ended = time.perf_counter()

    @property
    def step(self):
        first = len(self.started) // 10 + 1
        return (self.ended - self.started[first]) / (len(self.started) - first)


# The first convolution has 800 weights of 3.3 million, and the last layer 10 240.
LEFT_DENSE = {"conv1": None, "dense2": None}


def compiled(model):
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=["accuracy"])
    return model


def cost(data, final, turns=6, renewals=2, frequency=46):
    """Prints what pruning adds to a step. Both networks take turns: whatever else slows the machine slows both. Masks are
    renewed as often as in four epochs of 60 000 images."""
    count = renewals * frequency * BATCH
    schedule = sparsity.PolynomialDecay(0.5, final, frequency, 1000 * frequency, frequency=frequency)
    pruned = sparsity.prune_low_magnitude(network(), schedule, per_layer=LEFT_DENSE)
    both = [(compiled(network()), [], []), (compiled(pruned), [sparsity.UpdatePruningStep()], [])]
    for turn in range(turns + 1):
        for model, callbacks, steps in both:
            clock = Clock()
            model.fit(data[0][:count], data[1][:count], batch_size=BATCH, verbose=0, callbacks=[clock, *callbacks])
            if turn > 0:
                steps.append(clock.step)
    dense, sparse = (float(np.median(steps)) for _, _, steps in both)
    print(f"Keras {keras.__version__} on {keras.backend.backend()}, {lacuna.info()['model']}: a step takes "
          f"{1e3 * dense:.1f} ms, with pruning {1e3 * sparse:.1f} ms ({100 * (sparse / dense - 1):+.1f} %); medians of {turns} turns of "
          f"{renewals * frequency} steps, masks renewed every {frequency}")


def train(model, data, epochs, callbacks=()):
    clock = Clock()
    compiled(model)
    model.fit(*data, batch_size=BATCH, epochs=epochs, verbose=2, callbacks=[clock, *callbacks])
    return clock.step


def zeros(model):
    kernels = [w for w in model.get_weights() if w.ndim > 1]
    return 1 - sum(np.count_nonzero(w) for w in kernels) / sum(w.size for w in kernels)


def tensors(model):
    """All weights by name, kernels as Lacuna keeps them: [out, in]."""
    found = {}
    for layer in model.layers:
        for variable in layer.weights:
            w = np.asarray(keras.ops.convert_to_numpy(variable))
            found[f"{layer.name}/{variable.name}"] = np.ascontiguousarray(
                w.reshape(-1, w.shape[-1]).T if w.ndim > 1 else w)
    return found


def gzipped(weights):
    raw = io.BytesIO()
    np.savez(raw, **weights)
    return len(gzip.compress(raw.getvalue(), 9))


def compressed(tool, weights, bits, folder):
    """Bytes of the .lacuna file that the tool makes of the weights."""
    np.savez(folder / "weights.npz", **weights)
    made = folder / f"model-{bits}.lacuna"
    ended = subprocess.run([tool, "compress", folder / "weights.npz", "--bits", bits, "--output", made],
                           capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"{tool} compress: {ended.stderr.strip()}")
    return made.stat().st_size


def milliseconds(call, *arguments):
    times = []
    for _ in range(30):
        started = time.perf_counter()
        call(*arguments)
        times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--images", type=int, default=60_000, help="training images")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--pruning-epochs", type=int, default=4)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--lacuna", default=shutil.which("lacuna"), help="the tool; found on the path without it")
    parser.add_argument("--json", type=pathlib.Path, help="also write the table's numbers there")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cost", action="store_true", help="only measure what pruning adds to a step")
    arguments = parser.parse_args()
    if not (arguments.data / "train-images-idx3-ubyte.gz").exists():
        sys.exit(f"{arguments.data} has no Fashion-MNIST: install the package dataset-fashion-mnist, or give --data")
    keras.utils.set_random_seed(arguments.seed)
    data, test = images(arguments.data, "train", arguments.images), images(arguments.data, "t10k", None)
    if arguments.cost:
        return cost(data, arguments.sparsity)

    model = network()
    dense_step = train(model, data, arguments.epochs)
    dense = {"accuracy": model.evaluate(*test, verbose=0)[1], "zeros": zeros(model), "step": dense_step}
    weights = tensors(model)
    dense.update(bytes=sum(w.nbytes for w in weights.values()), gzip=gzipped(weights))

    # From 50 % to the end over the first three quarters; the rest of the training is for what is left.
    steps = arguments.pruning_epochs * -(-len(data[0]) // BATCH)
    frequency = max(1, steps // 40)
    end = steps * 3 // 4 // frequency * frequency
    schedule = sparsity.PolynomialDecay(0.5, arguments.sparsity, frequency, max(end, frequency), frequency=frequency)
    model = sparsity.prune_low_magnitude(model, schedule, per_layer=LEFT_DENSE)
    pruned_step = train(model, data, arguments.pruning_epochs, [sparsity.UpdatePruningStep()])
    model = sparsity.strip_pruning(model)
    pruned = {"accuracy": model.evaluate(*test, verbose=0)[1], "zeros": zeros(model), "step": pruned_step}
    weights = tensors(model)
    pruned.update(bytes=sum(w.nbytes for w in weights.values()), gzip=gzipped(weights))
    rows = {"dense": dense, "pruned": pruned}

    with tempfile.TemporaryDirectory() as folder:
        for name, bits in (("`.lacuna`, f32", "f32"), ("`.lacuna`, 8 bits", "8")):
            if arguments.lacuna:
                rows[name] = {"bytes": compressed(arguments.lacuna, weights, bits, pathlib.Path(folder))}

    w, b = weights["dense1/kernel"], weights["dense1/bias"]
    x = np.ones((w.shape[1], 1), np.float32)
    plan = lacuna.Plan(lacuna.Matrix.from_numpy(w).converted("csr"), width=1, bias=b, activation="relu")
    out = np.empty((w.shape[0], 1), np.float32)
    slow, fast = milliseconds(lambda: np.maximum(w @ x + b[:, None], 0)), milliseconds(plan.run, x, out)

    print(f"\nKeras {keras.__version__} on {keras.backend.backend()}, {len(data[0])} images, {arguments.epochs} + "
          f"{arguments.pruning_epochs} epochs, Lacuna {lacuna.version} on {lacuna.info()['model']}\n")
    print("| weights | test accuracy | zeros | MB | gzip -9 MB | ms a step |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, row in rows.items():
        cells = [f"{100 * row['accuracy']:.2f} %" if "accuracy" in row else "",
                 f"{100 * row['zeros']:.1f} %" if "zeros" in row else "", f"{row['bytes'] / 1e6:.2f}",
                 f"{row['gzip'] / 1e6:.2f}" if "gzip" in row else "", f"{1e3 * row['step']:.1f}" if "step" in row else ""]
        print(f"| {name} | {' | '.join(cells)} |")
    if not arguments.lacuna:
        print("\n`.lacuna`: skipped, the tool is not on the path (Scripts/install, or --lacuna)")
    print(f"\nwith pruning, minutes later, a step took {100 * (pruned_step / dense_step - 1):+.1f} % (--cost compares in turn); "
          f"layer dense1, one image: {slow:.3f} ms in numpy, {fast:.3f} ms in a plan ({plan.kernel})")
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows, "dense1_ms": {"numpy": slow, "plan": fast}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
