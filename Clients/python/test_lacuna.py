"""The Python module against scipy.sparse and numpy: hundreds of random matrices, pruning, damage.

    PYTHONPATH=PREFIX/lib/python python3 test_lacuna.py
"""

import sys
import threading

try:
    import numpy as np
    import scipy
    import scipy.sparse as sparse
except ImportError as missing:
    print(f"Python: skipped, {missing}")
    sys.exit(77)

import lacuna

RANDOM = np.random.default_rng(20240501)


def bound(w, x):
    """How far a sum in any order may be from the exact one: gamma(n) · |W|·|x|, Higham (2002), 3.1."""
    u = np.finfo(w.dtype).eps / 2
    n = (w.shape[1] + 2) * u
    # Twice: numpy's own result, which is the reference, has such an error as well.
    return 2 * n / (1 - n) * (abs(w).astype(np.float64) @ abs(x).astype(np.float64)) + np.finfo(w.dtype).tiny


def random_matrix(kind, dtype, case):
    rows, columns = RANDOM.integers(1, 130, 2)
    if kind == "csr":
        # Some empty, some dense, most between.
        density = [0.0, 1.0][case % 20] if case % 20 < 2 else RANDOM.uniform(0.01, 0.5)
        m = sparse.random(rows, columns, density, format="csr", dtype=dtype, random_state=RANDOM)
        m.data -= dtype(0.5)
        m.sort_indices()
        return m
    r, c = RANDOM.integers(1, 9, 2)
    rows, columns = rows // r * r + r, columns // c * c + c
    grid = sparse.random(rows // r, columns // c, RANDOM.uniform(0.05, 0.6), format="csr", random_state=RANDOM)
    grid.sort_indices()
    data = (RANDOM.random((grid.nnz, r, c)) - 0.5).astype(dtype)
    return sparse.bsr_matrix((data, grid.indices, grid.indptr), shape=(rows, columns))


def parity(cases):
    for case in range(cases):
        kind = ("csr", "bsr")[case % 2]
        dtype = (np.float32, np.float64)[case // 2 % 2]
        w = random_matrix(kind, dtype, case)
        if case % 3 == 0:
            w.indices, w.indptr = w.indices.astype(np.int64), w.indptr.astype(np.int64)
        m = lacuna.Matrix.from_scipy(w)
        where = f"case {case}: {kind} {w.shape} {dtype.__name__}"
        dense = w.toarray()
        assert m.shape == w.shape and m.format == kind, where
        assert np.array_equal(m.to_numpy(), dense), where
        assert np.array_equal(m.transposed().to_numpy(), dense.T), where
        back = m.to_scipy()
        assert back.format == kind and (back != w).nnz == 0, where
        width = int(RANDOM.integers(1, 40))
        x = (RANDOM.random((w.shape[1], width + 3)) - 0.5).astype(dtype)[:, :width]
        for layout in ("columns", "rows"):
            plan = lacuna.Plan(m, width=width, layout=layout)
            y = plan @ x if layout == "columns" else (plan @ np.ascontiguousarray(x.T)).T
            assert (abs(y - w @ x) <= bound(dense, x)).all(), f"{where} ×{width} {layout}"
        assert np.array_equal(lacuna.Plan.from_bytes(bytes(plan)) @ np.ascontiguousarray(x.T), y.T), where
        vector = lacuna.Plan(m) @ x[:, 0].copy()
        assert (abs(vector - w @ x[:, 0]) <= bound(dense, x[:, :1])[:, 0]).all(), where
    return cases


def epilogue_and_threads():
    w = sparse.random(80, 120, 0.2, format="csr", dtype=np.float32, random_state=RANDOM)
    w.sort_indices()
    bias = RANDOM.random(80).astype(np.float32) - 0.5
    x = RANDOM.random((120, 6)).astype(np.float32) - 0.5
    plan = lacuna.Plan(lacuna.Matrix.from_scipy(w), width=6, bias=bias, activation=(-0.5, 1.5))
    expected = np.clip(w.toarray() @ x + bias[:, None], -0.5, 1.5)
    out = np.full((80, 9), 7, np.float32)
    plan.run(x, out[:, :6])
    assert np.allclose(out[:, :6], expected, atol=1e-5) and (out[:, 6:] == 7).all()
    assert "80×120" in str(plan) and plan.kernel
    results = [None] * 8

    def work(i):
        results[i] = [plan @ x for _ in range(50)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(y, out[:, :6]) for ys in results for y in ys)


def pruning():
    for dtype in (np.float32, np.float64):
        for sparsity in (0.0, 0.3, 0.5, 0.9, 0.99):
            w = RANDOM.standard_normal((64, 96)).astype(dtype)
            before = w.copy()
            keep = lacuna.mask(w, sparsity)
            k = max(round(w.size * (1 - sparsity)), 1)
            assert keep.sum() == k
            threshold = lacuna.topk_threshold(w, k)
            assert threshold == np.sort(abs(w), axis=None)[-k]
            assert np.array_equal(keep, abs(w) >= threshold)
            address = w.__array_interface__["data"][0]
            lacuna.apply_mask(w, keep)
            assert address == w.__array_interface__["data"][0]
            assert np.array_equal(w, np.where(keep, before, 0))
    # TensorFlow keeps kernels [in, out]: the transposed view is pruned in place, by blocks of the view.
    kernel = RANDOM.standard_normal((96, 64)).astype(np.float32)
    keep = lacuna.mask(kernel.T, 0.75, block=(4, 2))
    blocks = keep.reshape(16, 4, 48, 2).transpose(0, 2, 1, 3).reshape(16 * 48, 8)
    assert (blocks.all(1) | ~blocks.any(1)).all() and blocks.any(1).sum() == 192
    lacuna.apply_mask(kernel.T, keep)
    assert np.array_equal(kernel != 0, keep.T)
    pattern = lacuna.mask(RANDOM.standard_normal((8, 32)).astype(np.float32), 0.5, granularity="pattern",
                          group=(2, 4))
    assert (pattern.reshape(8, 8, 4).sum(2) == 2).all()
    # A training loop's view: cubic ramp, updates every 10 steps and at the end.
    schedule = lacuna.Schedule(0.9, begin=0, end=95, frequency=10)
    assert [s for s in range(1, 101) if schedule.is_update(s)] == [*range(10, 100, 10), 95]
    for step in (0, 17, 50, 95, 200):
        p = min(step / 95, 1)
        assert abs(schedule.sparsity(step) - (0.9 - 0.9 * (1 - p) ** 3)) < 1e-6
    positive = before > 0
    masked = lacuna.Matrix.from_masked(before, positive)
    assert masked.stored == positive.sum()
    assert np.array_equal(masked.to_numpy(), np.where(positive, before, 0))


def misuse():
    def fails(kind, call, status=None):
        try:
            call()
        except kind as error:
            assert status is None or error.status == status, error
            return
        raise AssertionError(f"no {kind.__name__}")

    w = sparse.csr_matrix(np.eye(3, dtype=np.float32))
    plan = lacuna.Plan(lacuna.Matrix.from_scipy(w))
    x, y = np.zeros(3, np.float32), np.zeros(3, np.float32)
    fails(TypeError, lambda: plan.run(x.astype(np.float64), y))
    fails(ValueError, lambda: plan.run(np.zeros(4, np.float32), y))
    fails(ValueError, lambda: plan.run(np.zeros(6, np.float32)[::2], y))
    fails(lacuna.Error, lambda: plan.run(x, x), "LCN_INVALID_ARGUMENT")
    y.flags.writeable = False
    fails(ValueError, lambda: plan.run(x, y))
    broken = w.copy()
    broken.indices[0] = 7
    fails(lacuna.Error, lambda: lacuna.Matrix.from_scipy(broken), "LCN_INVALID_STRUCTURE")
    fails(lacuna.Error, lambda: lacuna.Plan(lacuna.Matrix.from_scipy(w), kernel="none"), "LCN_UNSUPPORTED")
    fails(lacuna.Error, lambda: lacuna.mask(np.full((2, 2), np.nan, np.float32), 0.5), "LCN_NOT_A_NUMBER")
    fails(lacuna.Error, lambda: lacuna.Plan.from_bytes(b"LCNPLAN\0" + bytes(1000)))
    fails(lacuna.Error, lambda: lacuna.Model("/nonexistent"), "LCN_FILE_NOT_FOUND")


if __name__ == "__main__":
    cases = parity(400)
    epilogue_and_threads()
    pruning()
    misuse()
    print(f"Python: Lacuna {lacuna.version}, parity with scipy {scipy.__version__} on {cases} random matrices")
