"""One-shot pruning written from the papers' formulas in plain numpy, and its results as golden files.

    python3 make.py

Weights are [out, in], inputs X [samples, in]. Everything is computed in double precision from float32 weights and
inputs. Files: layer.npz (weights, inputs and, per case, mask and weights).
"""
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
DAMPING = 0.01


def round_half_even(x):
    return int(np.round(x))


def kept_count(count, sparsity):
    """k = max(round(float32(N) * (1 - s)), 1)."""
    return max(round_half_even(np.float32(count) * np.float32(1 - np.float32(sparsity))), 1)


def keep_largest(scores, kept):
    """A mask of the `kept` largest; ties keep the lower index."""
    order = np.argsort(-scores.ravel(), kind="stable")
    mask = np.zeros(scores.size, bool)
    mask[order[:kept]] = True
    return mask.reshape(scores.shape)


def groups(scores, keep, of):
    mask = np.zeros(scores.shape, bool)
    for i in range(scores.shape[0]):
        for j in range(0, scores.shape[1], of):
            mask[i, j:j + of] = keep_largest(scores[i, j:j + of], keep)
    return mask


def products(x):
    """H, lambda: a hundredth of the mean diagonal of the inputs that are not dead, whose diagonal becomes the mean."""
    x = x.astype(np.float64)
    h = x.T @ x
    d = np.diag(h).copy()
    mean = d[d > 0].mean()
    h[np.diag_indices_from(h)] = np.where(d > 0, d, mean) + DAMPING * mean
    return h, d == 0


def wanda(w, x, sparsity=None, group=None):
    """|w| * norm of the input, compared within each row (Sun et al. 2023)."""
    scores = np.abs(w) * np.linalg.norm(x.astype(np.float64), axis=0)
    if group:
        mask = groups(scores, *group)
    else:
        kept = kept_count(w.shape[1], sparsity)
        mask = np.stack([keep_largest(row, kept) for row in scores])
    return mask, w * mask


def sparsegpt(w, x, sparsity=None, group=None, width=128):
    """Frantar and Alistarh 2023, algorithm 1: columns from left to right in blocks."""
    h, dead = products(x)
    # (H + lambda)^-1 = U^T U with U upper triangular.
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    w = w.astype(np.float64).copy()
    rows, columns = w.shape
    mask = np.ones(w.shape, bool)
    total, done = kept_count(w.size, sparsity) if sparsity is not None else 0, 0
    for first in range(0, columns, width):
        last = min(first + width, columns)
        d = np.diag(u)[first:last]

        def score(j0, j1):
            return np.where(dead[j0:j1], 0, np.abs(w[:, j0:j1]) / np.diag(u)[j0:j1])

        if group is None:
            kept = round_half_even(total * last / columns) - done
            done += kept
            mask[:, first:last] = keep_largest(score(first, last), kept)
        errors = np.zeros((rows, last - first))
        for j in range(first, last):
            if group and (j - first) % group[1] == 0:
                end = min(j + group[1], last)
                mask[:, j:end] = groups(score(j, end), group[0], end - j)
            e = np.where(mask[:, j], 0, w[:, j] / u[j, j])
            w[:, j:last] -= np.outer(e, u[j, j:last])
            errors[:, j - first] = e
        w[:, last:] -= errors @ u[first:last, last:]
    return mask, w * mask


def refit(w, x, mask, damped):
    """Each row by numpy.linalg.lstsq on its kept columns; with damping, lambda * I pulls towards the old weights."""
    x = x.astype(np.float64)
    result = np.zeros(w.shape)
    d = (x * x).sum(0)
    rows = np.sqrt(DAMPING * d[d > 0].mean()) if damped else 0
    for i in range(w.shape[0]):
        s = np.flatnonzero(mask[i])
        a, b = x[:, s], x @ w[i].astype(np.float64)
        if damped:
            a = np.vstack([a, rows * np.eye(len(s))])
            b = np.concatenate([b, rows * w[i, s].astype(np.float64)])
        result[i, s] = np.linalg.lstsq(a, b, rcond=None)[0]
    return result


def main():
    random = np.random.default_rng(13)
    out, inputs, samples = 12, 40, 200
    # Correlated inputs of different scales, one of them dead.
    mixing = random.standard_normal((inputs, inputs)) / np.sqrt(inputs) + np.eye(inputs)
    x = (random.standard_normal((samples, inputs)) @ mixing) * np.exp(0.7 * random.standard_normal(inputs))
    x[:, 17] = 0
    x = x.astype(np.float32)
    w = random.standard_normal((out, inputs)).astype(np.float32)
    arrays = {"weights": w, "inputs": x}

    def put(name, result):
        arrays[name + "_mask"] = result[0].astype(np.uint8)
        arrays[name + "_weights"] = result[1].astype(np.float64)

    for percent in (50, 70):
        put(f"wanda_{percent}", wanda(w, x, percent / 100))
        put(f"sparsegpt_{percent}", sparsegpt(w, x, percent / 100, width=16))
    put("wanda_2of4", wanda(w, x, group=(2, 4)))
    put("sparsegpt_2of4", sparsegpt(w, x, group=(2, 4), width=16))
    mask = wanda(w, x, 0.6)[0]
    mask[:, 17] = False
    put("refit", (mask, refit(w, x, mask, damped=False)))
    put("refit_damped", (mask, refit(w, x, mask, damped=True)))
    np.savez_compressed(os.path.join(HERE, "layer.npz"), **arrays)


if __name__ == "__main__":
    main()
