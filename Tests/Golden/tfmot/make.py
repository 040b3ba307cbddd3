#!/usr/bin/env python3
"""Makes schedules.json, masks.json and trajectories.json by running the real toolkit.

    python3 -m venv v && v/bin/pip install tensorflow-cpu==2.21.0 \
        tensorflow-model-optimization==0.8.1 tf_keras numpy==2.4.6
    TF_USE_LEGACY_KERAS=1 v/bin/python make.py

The inputs (schedule arguments, weights, training data) are read from the files themselves, so that a run
changes nothing unless the toolkit's answers change. Arrays are little-endian, base64; masks are bits,
the first element in the highest bit of the first byte.
cases.json is a collection made by hand from runs of the toolkit (0.8.0) and from assertions in its own
tests; each case names its source.
"""

import base64
import json
import os
import pathlib

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras import (
    prune,
    pruning_callbacks,
    pruning_impl,
    pruning_schedule,
    pruning_wrapper,
)

here = pathlib.Path(__file__).parent


def pack(array):
    array = np.ascontiguousarray(array)
    return {
        "shape": list(array.shape),
        "type": array.dtype.name,
        "base64": base64.b64encode(array.tobytes()).decode(),
    }


def unpack(packed):
    data = base64.b64decode(packed["base64"])
    return np.frombuffer(data, packed["type"]).reshape(packed["shape"]).copy()


def load(name):
    return json.loads((here / name).read_text())


def save(name, value):
    (here / name).write_text(json.dumps(value, separators=(",", ":"), indent=None) + "\n")


def hexadecimal(value):
    return format(int(np.float32(value).view(np.uint32)), "08x")


def schedule_of(kind, arguments):
    return getattr(pruning_schedule, kind)(**arguments)


def schedules():
    golden = load("schedules.json")
    for case in golden["schedules"]:
        schedule = schedule_of(case["kind"], case["args"])
        rows = []
        for step in range(len(case["rows"])):
            update, sparsity = schedule(tf.constant(step, tf.int64))
            rows.append([step, int(update), hexadecimal(sparsity)])
        case["rows"] = rows
    for case in golden["validation"]:
        try:
            schedule_of(case["kind"], case["args"])
            case["ok"] = True
        except ValueError:
            case["ok"] = False
    save("schedules.json", golden)


def masks():
    golden = load("masks.json")
    weights = {name: unpack(packed) for name, packed in golden["weights"].items()}
    for case in golden["cases"]:
        sparsity = np.float32(case["sparsity"])
        pruning = pruning_impl.Pruning(
            training_step_fn=lambda: 1,
            pruning_vars=[],
            pruning_schedule=lambda step: (True, tf.constant(sparsity)),
            block_size=tuple(case["block"]),
            block_pooling_type=case["pooling"],
            sparsity_m_by_n=tuple(case["m_by_n"]) if case["m_by_n"] else None,
        )
        values = tf.Variable(weights[case["weights"]])
        for key in ("threshold_hex", "mask", "error"):
            case.pop(key, None)
        try:
            threshold, mask = pruning._maybe_update_block_mask(values)
            case["threshold_hex"] = hexadecimal(threshold)
            case["mask"] = base64.b64encode(
                np.packbits(mask.numpy().astype(np.uint8).ravel()).tobytes()
            ).decode()
        except ValueError as error:
            case["error"] = str(error)
    save("masks.json", golden)


def trajectories():
    golden = load("trajectories.json")
    data = {name: unpack(packed) for name, packed in golden["data"].items()}
    for run in golden["runs"]:
        arguments = dict(run["schedule"]["config"])
        wrap = dict(run["wrap"])
        if "block_size" in wrap:
            wrap["block_size"] = tuple(wrap["block_size"])
        layers = [
            keras.layers.Dense(10, activation="relu", input_shape=(12,)),
            keras.layers.Dense(4),
        ]
        model = prune.prune_low_magnitude(
            keras.Sequential(layers),
            pruning_schedule=schedule_of(run["schedule"]["class_name"], arguments),
            **wrap,
        )
        optimizer = (
            keras.optimizers.legacy.SGD(0.05)
            if run["optimizer"].startswith("sgd")
            else keras.optimizers.legacy.Adam(0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
        )
        model.compile(optimizer=optimizer, loss="mse")
        for layer, w, b in zip(model.layers, ("W1", "W2"), ("b1", "b2")):
            layer.layer.kernel.assign(data[w])
            layer.layer.bias.assign(data[b])
        seen = {key: [] for key in ("k1", "m1", "t1", "b1", "k2", "m2", "t2", "b2")}

        class Watch(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                for number, layer in enumerate(self.model.layers, 1):
                    (kernel, mask, threshold), = layer.pruning_vars
                    seen[f"k{number}"].append(kernel.numpy().copy())
                    seen[f"m{number}"].append(mask.numpy().astype(np.uint8))
                    seen[f"t{number}"].append(np.float32(threshold.numpy()))
                    seen[f"b{number}"].append(layer.layer.bias.numpy().copy())

        model.fit(
            data["X"],
            data["Y"],
            batch_size=32,
            epochs=run["steps"],
            shuffle=False,
            verbose=0,
            callbacks=[pruning_callbacks.UpdatePruningStep(), Watch()],
        )
        run["arrays"] = {key: pack(np.stack(values)) for key, values in seen.items()}
    save("trajectories.json", golden)


if __name__ == "__main__":
    schedules()
    masks()
    trajectories()
