"""Lacuna inside JAX: two real networks, JAX's own dense result as the oracle, speed side by side.

1. The convolutional network of the pruning tutorial. JAX trains it on Fashion-MNIST; Lacuna's schedule and mask
   functions prune it in place to 90 % while it trains; then its fully connected layers, 98 % of the weights, run once
   as JAX's dense operations and once as Lacuna's, in one jitted function each. The convolutions stay JAX's: its
   operations offer no way to multiply with patches of an image without writing them out, and that costs five times
   what the zeros save.
2. A WaveRNN GRU, published at 95 % sparsity in 4×4 blocks: many steps of one sequence, one matrix-vector product
   each, inside lax.scan.

    engine.py --gru FILE.npz [--epochs 2] [--data DIR] [--cache FILE.npz]
"""

import argparse
import gzip
import os
import time

import jax
import jax.numpy as jnp
import lacuna_sparse as lacuna
import numpy as np
import scipy.sparse
from lacuna_sparse.jax import Product

IMAGE, CLASSES = (28, 28, 1), 10
PRUNED = ("conv2", "dense1", "dense2")
SPARSITY = 0.9


def idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def fashion(folder, name):
    images = idx(os.path.join(folder, f"{name}-images-idx3-ubyte.gz"), 16).reshape(-1, *IMAGE)
    return images.astype(np.float32) / 255, idx(os.path.join(folder, f"{name}-labels-idx1-ubyte.gz"), 8)


def initial(seed=1):
    """Weights as Lacuna keeps them: [out, in], a kernel as [filters, height · width · channels]."""
    random = np.random.default_rng(seed)
    shapes = {"conv1": (32, 25), "conv2": (64, 800), "dense1": (1024, 3136), "dense2": (CLASSES, 1024)}
    weights = {}
    for name, (out, fan_in) in shapes.items():
        weights[name] = (random.standard_normal((out, fan_in)) * np.sqrt(2 / fan_in)).astype(np.float32)
        weights[name + "/bias"] = np.zeros(out, np.float32)
    return weights


def convolution(x, w, b, window=5):
    kernel = w.reshape(w.shape[0], window, window, x.shape[-1])
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "OHWI", "NHWC"))
    return jax.nn.relu(y + b)


def pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def dense_network(p, x):
    x = pool(convolution(x, p["conv1"], p["conv1/bias"]))
    x = pool(convolution(x, p["conv2"], p["conv2/bias"]))
    x = x.reshape(x.shape[0], -1)
    x = jax.nn.relu(x @ p["dense1"].T + p["dense1/bias"])
    return x @ p["dense2"].T + p["dense2/bias"]


def sparse_layer(w, b, width, relu, block=None):
    """relu(x·Wᵀ + b) by Lacuna, as an operation that JAX can compile around."""
    matrix = lacuna.Matrix.from_numpy(w)
    matrix = matrix.converted("bsr", block) if block else matrix.converted("csr")
    return Product(matrix, width=width, bias=b, activation="relu" if relu else None)


def sparse_network(p, batch):
    layers = {
        "dense1": sparse_layer(p["dense1"], p["dense1/bias"], batch, True),
        "dense2": sparse_layer(p["dense2"], p["dense2/bias"], batch, False),
    }

    def network(x):
        x = pool(convolution(x, p["conv1"], p["conv1/bias"]))
        x = pool(convolution(x, p["conv2"], p["conv2/bias"]))
        return layers["dense2"](layers["dense1"](x.reshape(x.shape[0], -1)))

    return network, layers


def train(p, images, labels, epochs, batch=128, rate=1e-3):
    """Adam; masks by Lacuna on the weights where they are, 50 % to 90 % over all but the last fifth."""
    steps = epochs * (len(images) // batch)
    schedule = lacuna.Schedule(SPARSITY, begin=steps // 5, end=steps * 4 // 5, initial=0.5, frequency=20)
    masks = {}

    @jax.jit
    def step(p, m, v, t, x, y):
        def loss(p):
            logits = dense_network(p, x)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))

        value, g = jax.value_and_grad(loss)(p)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        scale = rate * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        return jax.tree.map(lambda w, a, b: w - scale * a / (jnp.sqrt(b) + 1e-7), p, m, v), m, v, value

    p = {k: v.copy() for k, v in p.items()}
    m, v = jax.tree.map(np.zeros_like, p), jax.tree.map(np.zeros_like, p)
    random = np.random.default_rng(2)
    for t in range(1, steps + 1):
        if t % (steps // epochs) == 1:
            order = random.permutation(len(images))
        at = order[(t - 1) % (steps // epochs) * batch:][:batch]
        p, m, v, value = step(p, m, v, float(t), images[at], labels[at].astype(np.int32))
        if schedule.is_update(t) or masks:
            p = dict(p)
            for name in PRUNED:
                w = np.array(p[name])
                if schedule.is_update(t):
                    masks[name] = lacuna.mask(w, schedule.sparsity(t), out=masks.get(name))
                lacuna.apply_mask(w, masks[name])
                p[name] = w
        if t % 100 == 0 or t == steps:
            zeros = np.mean(np.asarray(p["dense1"]) == 0)
            print(f"  step {t}/{steps}: loss {float(value):.3f}, {zeros:.0%} of dense1 zero", flush=True)
    return {k: np.array(v) for k, v in p.items()}


def median_time(function, argument, seconds=1.5):
    """Seconds of one call."""
    function(argument).block_until_ready()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        function(argument).block_until_ready()
        times.append(time.perf_counter() - start)
    return np.median(times)


def difference(a, b, what):
    """The largest difference as a share of the largest value; stops when it is more than rounding."""
    a, b = np.asarray(a), np.asarray(b)
    error = np.abs(a - b).max() / np.abs(a).max()
    if not error < 1e-4:
        raise SystemExit(f"{what}: results differ by {error:.2g} of the largest")
    return error


def compare(name, what, dense, sparse, x, rows, error=None):
    """The difference of both results unless it is given, and both times, as one row."""
    if error is None:
        error = difference(dense(x), sparse(x), f"{name}, {what}")
    td, ts = median_time(dense, x), median_time(sparse, x)
    rows.append((name, what, td, ts, td / ts, error))


def tutorial(arguments, rows):
    test_images, test_labels = fashion(arguments.data, "t10k")
    if arguments.cache and os.path.exists(arguments.cache):
        p = dict(np.load(arguments.cache))
    else:
        print("training the tutorial's network in JAX, pruned by Lacuna:", flush=True)
        p = train(initial(), *fashion(arguments.data, "train"), arguments.epochs)
        if arguments.cache:
            np.savez(arguments.cache, **p)
    device = {k: jnp.asarray(v) for k, v in p.items()}
    zeros = {k: float(np.mean(p[k] == 0)) for k in PRUNED}
    print("zeros: " + ", ".join(f"{k} {z:.1%}" for k, z in zeros.items()))
    dense = jax.jit(lambda x: dense_network(device, x))
    accuracy = {}
    for batch in (1, 32, 256):
        network, layers = sparse_network(p, batch)
        sparse = jax.jit(network)
        if batch == 256:
            for kind, run in (("dense", dense), ("Lacuna", sparse)):
                predictions = [np.argmax(run(test_images[i:i + batch]), 1) for i in range(0, 9984, batch)]
                accuracy[kind] = np.concatenate(predictions)
            for k, v in accuracy.items():
                print(f"accuracy on 9984 test images, {k}: {np.mean(v == test_labels[:9984]):.2%}")
            print(f"same class for {np.mean(accuracy['dense'] == accuracy['Lacuna']):.2%} of them")
        x = jnp.asarray(test_images[:batch])
        compare("tutorial network", f"batch {batch}", dense, sparse, x, rows)
        features = jnp.asarray(np.random.default_rng(3).standard_normal((batch, 3136)).astype(np.float32))
        layer = jax.jit(lambda x: jax.nn.relu(x @ device["dense1"].T + device["dense1/bias"]))
        compare("its 3136→1024 layer", f"batch {batch}", layer, jax.jit(layers["dense1"]), features, rows)


def gru(path, rows, steps=100):
    w = scipy.sparse.load_npz(path).toarray()
    hidden = w.shape[1]
    print(f"GRU: {w.shape[0]}×{hidden}, {np.mean(w == 0):.1%} zeros")
    recurrent = jnp.asarray(w)
    sparse = sparse_layer(w, None, 1, False, block=(4, 4))

    def step(product, h, x):
        z, r, n = jnp.split(product(h), 3)
        zx, rx, nx = jnp.split(x, 3)
        z, r = jax.nn.sigmoid(z + zx), jax.nn.sigmoid(r + rx)
        return (1 - z) * jnp.tanh(r * n + nx) + z * h

    def run(product):
        def body(h, x):
            h = step(product, h, x)
            return h, h

        return jax.jit(lambda xs: jax.lax.scan(body, jnp.zeros(hidden), xs)[1])

    def dense(h):
        return recurrent @ h

    inputs = jnp.asarray(np.random.default_rng(4).standard_normal((steps, 3 * hidden)).astype(np.float32))
    # The recurrence amplifies rounding, as any trained one does: each step is checked from the same state.
    states = run(dense)(inputs)
    one = [jax.jit(lambda h, x, product=product: step(product, h, x)) for product in (dense, sparse)]
    error = max(difference(one[0](h, x), one[1](h, x), "GRU step") for h, x in zip(states, inputs[1:]))
    compare("WaveRNN GRU", f"{steps} steps", run(dense), run(sparse), inputs, rows, error)
    h = inputs[0, :hidden]
    compare("its 1024→3072 product", "1 vector", jax.jit(dense), jax.jit(sparse), h, rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--gru", required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--cache")
    arguments = parser.parse_args()
    rows = []
    gru(arguments.gru, rows)
    if os.path.isdir(arguments.data):
        tutorial(arguments, rows)
    else:
        print(f"tutorial network: skipped, {arguments.data} is not there")
    print(f"\nJAX {jax.__version__} on {os.cpu_count()} processors, Lacuna {lacuna.version}; median times\n")
    print("| network | input | JAX dense ms | with Lacuna ms | faster | largest difference |")
    print("|---|---|---:|---:|---:|---:|")
    for name, what, dense, sparse, ratio, error in rows:
        print(f"| {name} | {what} | {dense * 1e3:.3f} | {sparse * 1e3:.3f} | {ratio:.1f}× | {error:.1e} |")


if __name__ == "__main__":
    main()
