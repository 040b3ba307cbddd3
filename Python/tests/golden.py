"""The reference toolkit's answers in Tests/Golden/tfmot, and the network whose training they record."""

import base64
import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "tfmot"


def load(name):
    return json.loads((FOLDER / name).read_text())


def unpacked(packed):
    return np.frombuffer(base64.b64decode(packed["base64"]), packed["type"]).reshape(packed["shape"]).copy()


def bits(text, shape):
    raw = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(raw)[:int(np.prod(shape))].astype(bool).reshape(shape)


class Run:
    """One recorded training run: schedule, arrays after each step."""

    def __init__(self, name):
        golden = load("trajectories.json")
        self.data = {key: unpacked(value) for key, value in golden["data"].items()}
        run = next(run for run in golden["runs"] if run["name"] == name)
        self.name, self.steps = name, run["steps"]
        self.schedule = run["schedule"]["config"]
        self.block = tuple(run["wrap"].get("block_size", ())) or None
        self.adam = run["optimizer"].startswith("adam")
        self.arrays = {key: unpacked(value) for key, value in run["arrays"].items()}

    def kernel(self, layer, step):
        return self.arrays[f"k{layer}"][step - 1]

    def mask(self, layer, step):
        return self.arrays[f"m{layer}"][step - 1].astype(bool)


RUNS = ("sgd", "adam", "sgd_block22")


class Network:
    """Dense(10) → ReLU → Dense(4), mean squared error, TensorFlow's layout, in numpy."""

    def __init__(self, run):
        self.data, self.adam, self.steps = run.data, run.adam, 0
        self.arrays = {"k1": run.data["W1"].copy(), "b1": run.data["b1"].copy(),
                       "k2": run.data["W2"].copy(), "b2": run.data["b2"].copy()}
        self.moments = {name: np.zeros((2, *a.shape), np.float32) for name, a in self.arrays.items()}

    def train(self):
        x, y, p = self.data["X"], self.data["Y"], self.arrays
        hidden = np.maximum(x @ p["k1"] + p["b1"], 0)
        error = 2 * (hidden @ p["k2"] + p["b2"] - y) / np.float32(y.size)
        back = (error @ p["k2"].T) * (hidden > 0)
        gradients = {"k2": hidden.T @ error, "b2": error.sum(0), "k1": x.T @ back, "b1": back.sum(0)}
        self.steps += 1
        for name, g in gradients.items():
            if self.adam:
                m, v = self.moments[name]
                m += np.float32(0.1) * (g - m)
                v += np.float32(0.001) * (g * g - v)
                rate = 0.01 * np.sqrt(1 - 0.999 ** self.steps) / (1 - 0.9 ** self.steps)
                p[name] -= np.float32(rate) * m / (np.sqrt(v) + np.float32(1e-7))
            else:
                p[name] -= np.float32(0.05) * g
