"""The package against scipy.sparse and numpy: hundreds of random matrices, pruning, damage."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

try:
    import numpy as np
    import scipy
    import scipy.sparse as sparse
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import lacuna_sparse as lacuna

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


def fails(kind, call, *words, status=None):
    """`call` raises `kind` with a text that has all the words in it."""
    try:
        call()
    except kind as error:
        assert status is None or error.status == status, error
        assert all(word in str(error) for word in words), (words, str(error))
        return
    raise AssertionError(f"no {kind.__name__}")


def misuse():
    w = sparse.csr_matrix(np.eye(3, dtype=np.float32))
    plan = lacuna.Plan(lacuna.Matrix.from_scipy(w))
    x, y = np.zeros(3, np.float32), np.zeros(3, np.float32)
    fails(TypeError, lambda: plan.run(x.astype(np.float64), y))
    fails(ValueError, lambda: plan.run(np.zeros(4, np.float32), y))
    fails(ValueError, lambda: plan.run(np.zeros(6, np.float32)[::2], y))
    fails(lacuna.Error, lambda: plan.run(x, x), status="LCN_INVALID_ARGUMENT")
    y.flags.writeable = False
    fails(ValueError, lambda: plan.run(x, y))
    broken = w.copy()
    broken.indices[0] = 7
    fails(lacuna.Error, lambda: lacuna.Matrix.from_scipy(broken), status="LCN_INVALID_STRUCTURE")
    fails(lacuna.Error, lambda: lacuna.Plan(lacuna.Matrix.from_scipy(w), kernel="none"), status="LCN_UNSUPPORTED")
    fails(lacuna.Error, lambda: lacuna.mask(np.full((2, 2), np.nan, np.float32), 0.5), status="LCN_NOT_A_NUMBER")
    fails(lacuna.Error, lambda: lacuna.Plan.from_bytes(b"LCNPLAN\0" + bytes(1000)))
    fails(lacuna.Error, lambda: lacuna.Model("/nonexistent"), status="LCN_FILE_NOT_FOUND")


def swapped(array):
    """The same elements in the other byte order."""
    return array.astype(array.dtype.newbyteorder())


def arrays_in_any_layout():
    """What is only read may have any strides, byte order and alignment."""
    for dtype in (np.float32, np.float64):
        base = RANDOM.standard_normal((12, 10)).astype(dtype)
        raw = np.empty(base.nbytes + 1, np.uint8)
        misaligned = raw[1:].view(dtype).reshape(base.shape)
        misaligned[:] = base
        wide = np.zeros((12, 20), dtype)
        wide[:, ::2] = base
        layouts = {
            "packed": base, "transposed": np.asfortranarray(base), "every second": wide[:, ::2],
            "reversed rows": base[::-1][::-1][::-1], "reversed columns": base[:, ::-1], "one row": base[3:4, ::-1],
            "one column": base[::2, 3:4], "broadcast": np.broadcast_to(base[0], (5, 10)),
            "overlapping": np.lib.stride_tricks.sliding_window_view(base[0], 4), "byte order": swapped(base),
            "misaligned": misaligned, "empty": base[:0], "no columns": base[:, :0],
            "real part": (base + 1j * base).real,
        }
        for name, array in layouts.items():
            assert np.array_equal(lacuna.Matrix.from_numpy(array).to_numpy(), array), (dtype, name)
            keep = RANDOM.random(array.shape) > 0.5
            for mask in (keep, np.asfortranarray(keep), keep[::-1][::-1], keep.astype(np.uint8)):
                masked = lacuna.Matrix.from_masked(array, mask).to_numpy()
                assert np.array_equal(masked, np.where(keep, array, 0)), (dtype, name)
            if array.size:
                expected = lacuna.mask(np.ascontiguousarray(array, dtype), 0.5)
                assert np.array_equal(lacuna.mask(array, 0.5), expected), (dtype, name)
                k = array.size // 2 + 1
                assert lacuna.topk_threshold(array, k) == np.sort(abs(array), axis=None)[-k], (dtype, name)
        w = lacuna.Matrix.from_numpy(base)
        plan = lacuna.Plan(w, width=12, bias=swapped(base[:, 0].copy()))
        rows = lacuna.Plan(w, width=12, layout="rows")
        square = RANDOM.standard_normal((10, 12)).astype(dtype)
        expected = plan @ square
        for x in (np.asfortranarray(square), swapped(square), square[::-1][::-1]):
            assert np.array_equal(plan @ x, expected)
            assert np.array_equal(rows @ x.T, rows @ np.ascontiguousarray(square.T))
        assert np.array_equal(plan @ np.repeat(square, 2, axis=1)[:, ::2], expected)
        assert np.array_equal(plan @ square[:, 0], plan @ square[:, 0].copy())
    for array in (np.ones((2, 2), int), np.ones((2, 2), complex), np.ones((2, 2), bool), np.ones((2, 2), np.longdouble)):
        fails(TypeError, lambda: lacuna.Matrix.from_numpy(array), "float32 or float64", str(array.dtype))
    fails(TypeError, lambda: lacuna.Matrix.from_numpy(np.ma.masked_array(np.ones((2, 2)))), "masked")
    fails(ValueError, lambda: lacuna.Matrix.from_numpy(np.ones(3)), "1 dimensions")
    fails(TypeError, lambda: lacuna.Matrix.from_masked(np.ones((2, 2)), np.ones((2, 2))), "bool or uint8", "float64")


def scipy_in_any_format():
    """Every format, index type and order of entries gives scipy's own matrix, or a refusal with the words wanted."""
    w = sparse.random(20, 30, 0.2, format="csr", dtype=np.float32, random_state=RANDOM)
    expected = w.toarray()
    for name in ("csr", "csc", "coo", "lil", "dok", "dia"):
        m = lacuna.Matrix.from_scipy(w.asformat(name))
        assert m.format == "csr" and np.array_equal(m.to_numpy(), expected), name
    for kind in (sparse.csr_array, sparse.coo_array, sparse.bsr_array):
        assert np.array_equal(lacuna.Matrix.from_scipy(kind(w)).to_numpy(), expected)
    # Index arrays of different and unusual types, strides and byte orders.
    for offsets in (np.int32, np.int64, np.uint16, ">i4", ">i8"):
        for indices in (np.int32, np.int64, np.int8, np.uint32, ">i4"):
            m = w.copy()
            m.indptr, m.indices = m.indptr.astype(offsets), np.repeat(m.indices.astype(indices), 2)[::2]
            assert np.array_equal(lacuna.Matrix.from_scipy(m).to_numpy(), expected), (offsets, indices)
    # Values that are a view: the real part of a complex matrix, a reversed array, the other byte order.
    c = sparse.csr_matrix(np.array([[1 + 10j, 0, 2 + 20j], [0, 3 + 30j, 0]])).real
    assert np.array_equal(lacuna.Matrix.from_scipy(c).to_numpy(), [[1, 0, 2], [0, 3, 0]])
    m = sparse.csr_matrix((3, 3))
    m.data, m.indices, m.indptr = np.array([3.0, 2, 1])[::-1], np.arange(3, dtype="i4"), np.arange(4, dtype="i4")
    assert np.array_equal(lacuna.Matrix.from_scipy(m).to_numpy(), np.diag([1, 2, 3]))
    m = w.copy()
    m.data = swapped(m.data)
    assert np.array_equal(lacuna.Matrix.from_scipy(m).to_numpy(), expected)
    blocks = np.asfortranarray(np.arange(8.0).reshape(2, 2, 2))
    b = sparse.bsr_matrix((blocks, [0, 1], [0, 1, 2]), shape=(4, 4))
    assert np.array_equal(lacuna.Matrix.from_scipy(b).to_numpy(), b.toarray())
    # Unsorted columns and duplicates.
    for shape, extra in (((3, 4), ()), ((6, 8), (2, 2))):
        indices = np.array([3, 0, 2, 2, 1, 1, 1, 0], np.int32)
        values = RANDOM.standard_normal((8, *extra)).astype(np.float32)
        kind = sparse.bsr_matrix if extra else sparse.csr_matrix
        m = kind((values, indices, np.array([0, 2, 2, 8], np.int32)), shape=shape)
        kept = (m.indices.copy(), m.data.copy())
        assert np.allclose(lacuna.Matrix.from_scipy(m).to_numpy(), m.toarray(), atol=1e-6)
        assert np.array_equal(m.indices, kept[0]) and np.array_equal(m.data, kept[1]), "the caller's matrix stays"
    # Arrays longer than what is used of them, and too short ones.
    m = w.copy()
    m.data, m.indices = np.r_[m.data, m.data], np.r_[m.indices, m.indices]
    assert np.array_equal(lacuna.Matrix.from_scipy(m).to_numpy(), expected)
    m.data = m.data[:3]
    fails(ValueError, lambda: lacuna.Matrix.from_scipy(m), "data has 3 elements")
    m = w.copy()
    m.indptr = m.indptr[:-1]
    fails(ValueError, lambda: lacuna.Matrix.from_scipy(m), "indptr has 20 elements, 21 wanted")
    m = w.copy()
    m.indptr = m.indptr.astype(float)
    fails(TypeError, lambda: lacuna.Matrix.from_scipy(m), "indptr", "float64", "integers")
    for offsets in ([0, 1, 0, 2], [1, 1, 1, 2], [0, 1, 2, 9], [0, -1, 1, 2]):
        m = sparse.csr_matrix((3, 3), dtype=np.float32)
        m.data, m.indices, m.indptr = np.ones(2, "f4"), np.array([0, 1], "i4"), np.array(offsets, "i4")
        fails(lacuna.Error, lambda: lacuna.Matrix.from_scipy(m), status="LCN_INVALID_STRUCTURE")
    for dtype in (np.int32, np.complex128, bool):
        fails(TypeError, lambda: lacuna.Matrix.from_scipy(w.astype(dtype)), "float32 or float64")
    fails(TypeError, lambda: lacuna.Matrix.from_scipy(expected), "scipy.sparse", "ndarray")


def words_and_numbers():
    """A wrong word lists the right ones; a number that does not fit is not cut."""
    m = lacuna.Matrix.from_numpy(np.eye(3, dtype=np.float32))
    fails(ValueError, lambda: lacuna.Plan(m, activation="gelu"), "'gelu'", "'relu'", "(lower, upper)")
    fails(ValueError, lambda: lacuna.Plan(m, activation=(1, 2, 3)), "'relu'", "(lower, upper)")
    fails(ValueError, lambda: lacuna.Plan(m, layout="row"), "'row'", "'columns'", "'rows'")
    fails(ValueError, lambda: m.converted("csc"), "'csc'", "'dense'", "'csr'", "'bsr'")
    fails(ValueError, lambda: m.converted(["csr"]), "'csr'")
    fails(ValueError, lambda: lacuna.mask(np.ones((2, 2)), 0.5, pooling="mean"), "'average'", "'l2'")
    fails(ValueError, lambda: lacuna.mask(np.ones((2, 2)), 0.5, granularity="row"), "'rows'", "'pattern'")
    fails(lacuna.Error, lambda: lacuna.Plan(m.converted("csr"), kernel="fast"), "dense", "csr", status="LCN_UNSUPPORTED")
    fails(TypeError, lambda: lacuna.Plan(m, kernel=7), "kernel")
    fails(TypeError, lambda: lacuna.Plan(np.eye(3)), "Matrix.from_numpy")
    fails(TypeError, lambda: lacuna.Matrix(np.eye(3)), "from_numpy")
    fails(TypeError, lambda: lacuna.Plan(m, bias=np.ones(3, complex)), "bias", "complex128")
    fails(TypeError, lambda: lacuna.Plan(m, bias=np.ones((3, 1), np.float32)), "bias", "2-dimensional")
    fails(lacuna.Error, lambda: lacuna.Plan(m, bias=np.ones(4, np.float32)), status="LCN_SHAPE_MISMATCH")
    for threads in (2**32 + 1, -2**32 + 1, 2**80):
        fails(ValueError, lambda: lacuna.Plan(m, threads=threads), "threads", "32 bits")
    for width in (2**64 + 1, 2**63):
        fails(ValueError, lambda: lacuna.Plan(m, width=width), "width", "64 bits")
    fails(TypeError, lambda: lacuna.Plan(m, width=1.5), "width", "whole number")
    fails(TypeError, lambda: m.converted("bsr", 4), "block", "two")
    fails(ValueError, lambda: m.converted("bsr", (2**64 + 1, 1)), "block")
    fails(ValueError, lambda: lacuna.topk_threshold(np.ones(3), 2**64 + 1), "k is")
    fails(ValueError, lambda: lacuna.Schedule(0.9, 0, 2**64), "end")
    fails(ValueError, lambda: lacuna.Schedule(0.9, 0, 9).sparsity(2**64), "step")
    assert lacuna.Plan(m, activation="none").kernel == lacuna.Plan(m).kernel
    # A negative threads, a size too large, … are the library's to refuse.
    fails(lacuna.Error, lambda: lacuna.Plan(m, threads=-1), status="LCN_INVALID_ARGUMENT")


def outputs():
    """What is written must be right as it is: type, shape, strides, no overlap."""
    w = RANDOM.standard_normal((4, 6)).astype(np.float32)
    plan = lacuna.Plan(lacuna.Matrix.from_numpy(w), width=3)
    x = np.ones((6, 3), np.float32)
    for out in (np.empty((4, 3), np.float64), np.empty((4, 3), ">f4"), np.empty((4, 3), np.int32)):
        fails(TypeError, lambda: plan.run(x, out), "float32 wanted", str(out.dtype))
    for out in (np.empty((3, 4), np.float32), np.empty(12, np.float32), np.empty((4, 4), np.float32)):
        fails(ValueError, lambda: plan.run(x, out))
    for out in (np.empty((4, 6), np.float32)[:, ::2], np.empty((4, 3), np.float32)[::-1],
                np.empty((3, 4), np.float32).T):
        fails(ValueError, lambda: plan.run(x, out), "contiguous")
    fails(TypeError, lambda: plan.run(x.tolist(), np.empty((4, 3), np.float32)), "numpy arrays", "list")
    fails(TypeError, lambda: plan.run(np.ma.masked_array(x), np.empty((4, 3), np.float32)), "masked")
    both = np.zeros((10, 3), np.float32)
    fails(lacuna.Error, lambda: plan.run(both[:6], both[5:9]), "overlap", status="LCN_INVALID_ARGUMENT")
    side = np.zeros((6, 6), np.float32)
    side[:, :3] = 1
    plan.run(side[:, :3], side[:4, 3:])  # side by side, not over each other
    assert np.array_equal(side[:4, 3:], plan @ x)
    buffer = np.empty(49, np.uint8)
    fails(lacuna.Error, lambda: plan.run(x, buffer[1:].view(np.float32).reshape(4, 3)), status="LCN_MISALIGNED")

    for out in (np.empty((4, 6), np.float32), np.empty((4, 6), np.int64)):
        fails(TypeError, lambda: lacuna.mask(w, 0.5, out=out), "bool or uint8")
    fails(ValueError, lambda: lacuna.mask(w, 0.5, out=np.empty((6, 4), bool)), "(6, 4)", "(4, 6)")
    fails(ValueError, lambda: lacuna.mask(w, 0.5, out=np.empty((6, 4), bool).T), "contiguous")
    frozen = np.empty((4, 6), bool)
    frozen.flags.writeable = False
    fails(ValueError, lambda: lacuna.mask(w, 0.5, out=frozen), "read-only")
    fails(ValueError, lambda: lacuna.mask(w, 0.5, out=w.view(np.uint8)[:, :6]), "overlaps")
    fails(TypeError, lambda: lacuna.mask(w, 0.5, out=[[True] * 6] * 4), "numpy array")
    wide = np.zeros((4, 9), bool)
    assert lacuna.mask(w, 0.5, out=wide[:, :6]).base is wide and wide.sum() == 12 and not wide[:, 6:].any()

    keep = np.zeros((4, 6), bool)
    frozen = w.copy()
    frozen.flags.writeable = False
    fails(ValueError, lambda: lacuna.apply_mask(frozen, keep), "read-only")
    fails(TypeError, lambda: lacuna.apply_mask(w.tolist(), keep), "numpy array")
    fails(TypeError, lambda: lacuna.apply_mask(swapped(w), keep), "byte order")
    fails(TypeError, lambda: lacuna.apply_mask(w.astype(int), keep), "float32 or float64")
    fails(ValueError, lambda: lacuna.apply_mask(w[:, ::-1], keep), "strides")
    fails(ValueError, lambda: lacuna.apply_mask(np.broadcast_to(w[0], (4, 6)), keep))
    fails(lacuna.Error, lambda: lacuna.apply_mask(w, keep.T), status="LCN_SHAPE_MISMATCH")
    lacuna.apply_mask(w[::2], keep[::2])
    assert not w[::2].any() and w[1::2].all()


def processes():
    """One pool whatever plans ask for; a fork that the child survives; OpenBLAS as it was; a silent end."""
    w = sparse.random(2048, 2048, 0.1, format="csr", dtype=np.float32, random_state=RANDOM)
    matrix, x = lacuna.Matrix.from_scipy(w), np.ones((2048, 128), np.float32)
    expected = lacuna.Plan(matrix, width=128) @ x

    def threads():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads"))

    cores = len(os.sched_getaffinity(0))
    plans = [lacuna.Plan(matrix, width=128, threads=t) for t in (1, cores, cores + 2, 16, 64) * 2]
    before = threads()
    for plan in plans:
        assert np.array_equal(plan @ x, expected)
    assert threads() - before <= cores - 1, (before, threads(), cores)

    # While another thread runs plans: the child must not wait for it.
    stop = threading.Event()

    def busy():
        out = np.empty_like(expected)
        while not stop.is_set():
            plans[2].run(x, out)

    worker = threading.Thread(target=busy, daemon=True)
    worker.start()
    children = []
    for _ in range(20):
        time.sleep(0.013)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                right = np.array_equal(plans[2] @ x, expected) and np.array_equal(plans[4] @ x, expected)
                new = lacuna.Plan(matrix, width=128, threads=cores + 2)
                status = 0 if right and np.array_equal(new @ x, expected) else 2
                del new
                del plans[:]
            finally:
                os._exit(status)
        children.append(child)
    stop.set()
    worker.join()
    limit = time.monotonic() + 60
    statuses = []
    for child in children:
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > limit:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.01)
        statuses.append(ended[1])
    assert not any(statuses), f"forked children ended with these statuses (9: they hung): {statuses}"
    assert np.array_equal(plans[2] @ x, expected)

    import ctypes
    blas = ctypes.CDLL("libopenblas.so.0")
    dense = lacuna.Plan(lacuna.Matrix.from_numpy(w.toarray()[:512]), width=8, kernel="dense", threads=cores + 1)
    for setting in (1, 2, 3):
        blas.openblas_set_num_threads(setting)
        for _ in range(10):
            dense @ x[:, :8]
        assert blas.openblas_get_num_threads() == setting
    blas.openblas_set_num_threads(1)

    # Objects in a cycle with the module, alive when the interpreter ends.
    end = subprocess.run(
        [sys.executable, "-c", """
import numpy as np, lacuna_sparse as lacuna, sys
class Holder: pass
holder = Holder()
holder.self, holder.module = holder, lacuna
holder.matrix = lacuna.Matrix.from_numpy(np.eye(3))
holder.plan = lacuna.Plan(holder.matrix)
lacuna.kept, sys.kept = holder.plan, holder
try: lacuna.Plan(holder.matrix, width=-1)
except lacuna.Error: pass
lacuna._library.lib = None
"""], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert end.returncode == 0 and end.stderr == "", end.stderr


def nan_and_infinity():
    """NaN passes every activation as in numpy; behind zeros that are not stored it never shows without dense."""
    scale = np.arange(1, 34, dtype=np.float32)
    matrix = lacuna.Matrix.from_scipy(sparse.csr_matrix(np.diag(scale)))
    activations = {None: lambda y: y, "relu": lambda y: np.maximum(y, 0), (-1.0, 6.0): lambda y: np.clip(y, -1, 6)}
    for width in (1, 2, 3, 8, 17, 64):
        x = np.ones((33, width), np.float32)
        x[0], x[1], x[2], x[3] = np.nan, np.inf, -np.inf, -1
        for bias in (None, np.full(33, 0.5, np.float32)):
            exact = scale[:, None] * x + (0 if bias is None else bias[:, None])
            for activation, applied in activations.items():
                for kernel in (None, "spmm-1x1", "csr"):
                    plan = lacuna.Plan(matrix, width=width, bias=bias, activation=activation, kernel=kernel)
                    assert np.array_equal(plan @ x, applied(exact), equal_nan=True), (width, activation, plan.kernel)
    for density in (0.5, 0.7, 1):
        w = RANDOM.standard_normal((256, 256)).astype(np.float32)
        w[RANDOM.random(w.shape) > density] = 0
        w[:, 7] = 0
        matrix = lacuna.Matrix.from_scipy(sparse.csr_matrix(w))
        for width in (1, 8, 64):
            x = np.ones((256, width), np.float32)
            x[7] = np.nan
            plan = lacuna.Plan(matrix, width=width, exclude_dense=True)
            assert np.isfinite(plan @ x).all() and "dense was excluded" in str(plan), plan


def updates():
    """New values on the same pattern give the bits of a new plan; other plans and numbers are refused."""
    for format, block in ("csr", None), ("bsr", (4, 4)):
        w = sparse.random(40, 60, 0.2, "csr", np.float32, rng=RANDOM)
        w = w if block is None else w.tobsr(block)
        w.sort_indices()
        matrix = lacuna.Matrix.from_scipy(w)
        other = w.copy()
        other.data *= np.float32(-1.7)
        values = other.data
        x = RANDOM.standard_normal((60, 9)).astype(np.float32)
        bias = RANDOM.standard_normal(40).astype(np.float32)
        plan = lacuna.Plan(matrix, width=9, bias=np.zeros(40, np.float32), updatable=True)
        fresh = lacuna.Plan(lacuna.Matrix.from_scipy(other), width=9, bias=bias, kernel=plan.kernel)
        plan.update(values, bias)
        assert (plan @ x == fresh @ x).all(), format
        assert (lacuna.Plan.from_bytes(bytes(plan)) @ x == fresh @ x).all()
        fails(lacuna.Error, lambda: plan.update(values.ravel()[1:]), "count", status="LCN_SHAPE_MISMATCH")
        fails(lacuna.Error, lambda: plan.update(values, bias[1:]), "bias", status="LCN_SHAPE_MISMATCH")
        fails(lacuna.Error, lambda: fresh.update(values), "updatable", status="LCN_UNSUPPORTED")


def one_shot():
    """Masks against Wanda in numpy, fits against lstsq, and what is refused."""
    w = RANDOM.standard_normal((24, 40)).astype(np.float32)
    x = (RANDOM.standard_normal((300, 40)) @ RANDOM.standard_normal((40, 40))).astype(np.float32)
    x[:, 7] = 0
    inputs = lacuna.Calibration(40)
    inputs.add(x[:100])
    inputs.add(np.ascontiguousarray(x[100:].T), layout="columns")
    assert (inputs.inputs, inputs.samples, inputs.dead_inputs) == (40, 300, 1)

    scores = abs(w) * np.linalg.norm(x.astype(np.float64), axis=0)
    order = np.argsort(-scores, axis=1, kind="stable")
    wanted = np.zeros(w.shape, bool)
    np.put_along_axis(wanted, order[:, :20], True, axis=1)
    pruned = w.copy()
    keep, report = inputs.prune(pruned, "wanda", sparsity=0.5)
    assert (keep == wanted).all() and (pruned == w * wanted).all() and report["kept"] == keep.sum()
    error = np.linalg.norm((w - pruned) @ x.T) ** 2 / np.linalg.norm(w @ x.T) ** 2
    assert abs(report["error"] - error) < 1e-5 * error

    keep[:, 7] = False
    fitted = w.copy()
    report = inputs.refit(fitted, keep, damping=0)
    for row, kept, result in zip(w, keep, fitted):
        best = np.linalg.lstsq(x[:, kept].astype(np.float64), x @ row.astype(np.float64), rcond=None)[0]
        assert np.allclose(result[kept], best, rtol=1e-4, atol=1e-4) and not result[~kept].any()
    assert report["error"] < report["error_of_mask"]

    last = 1.0
    for method in ("magnitude", "wanda", "sparsegpt", "alps"):
        pruned = np.asfortranarray(w)
        keep, report = inputs.prune(pruned, method, group=(2, 4))
        assert (keep.reshape(24, 10, 4).sum(2) == 2).all() and not pruned[~keep].any()
        assert report["error"] <= last
        last = report["error"]

    # Aiming at outputs: a damped least squares with a bias, of which the report knows the error.
    before = x + RANDOM.standard_normal(x.shape).astype(np.float32)
    targets = before @ w.T + 2
    aimed = lacuna.Calibration(40, outputs=24)
    aimed.add(x[:100], targets[:100])
    aimed.add(np.ascontiguousarray(x[100:].T), np.ascontiguousarray(targets[100:].T), layout="columns")
    assert (aimed.samples, aimed.dead_inputs) == (300, 1)
    pruned = w.copy()
    keep, report = aimed.prune(pruned, "alps", 0.5)
    assert not pruned[~keep].any() and report["kept"] == keep.sum() == 480
    left = x @ pruned.T + report["bias"] - targets
    error = (left ** 2).sum() / ((targets - targets.mean(0)) ** 2).sum()
    assert abs(report["error"] - error) < 1e-4 * error and abs(left.mean(0)).max() < 1e-3
    bare = lacuna.Calibration(40, outputs=24, bias=False)
    bare.add(x, targets)
    assert bare.prune(w.copy(), "alps", 0.5)[1]["bias"] is None

    # Shares: a layer of a single direction gives most of the weights, and the sum is what was asked for.
    easy = lacuna.Calibration(40)
    easy.add((x[:, :1] * RANDOM.standard_normal(40)).astype(np.float32))
    for budget in ("global", "owl", "least_error"):
        shares = lacuna.share([inputs, easy], [w, w], 0.5, budget)
        assert abs(shares.mean() - 0.5) < 1e-3 and (budget != "least_error" or shares[1] > 0.7)
    assert lacuna.choose([[(4, 0), (2, 1), (1, 3)], [(4, 0), (2, 5)]], 6.1) == [1, 0]
    assert lacuna.product_seconds(w, 8) > 0 and lacuna.product_seconds(w, 8, sparse=False) > 0
    fails(lacuna.Error, lambda: lacuna.choose([[(4, 0)]], 3), "4", status="LCN_INVALID_ARGUMENT")

    assert lacuna.Calibration(40, "norms").inputs == 40
    for wrong in (lambda: inputs.add(x[:, :39]), lambda: inputs.add(x.astype(np.float64)),
                  lambda: inputs.prune(w.copy(), "wanda"), lambda: inputs.prune(w.copy(), "best", 0.5),
                  lambda: inputs.prune(w.tolist(), "wanda", 0.5), lambda: lacuna.Calibration(4, "all"),
                  lambda: aimed.add(x), lambda: inputs.add(x, targets), lambda: aimed.add(x, targets[:5]),
                  lambda: aimed.add(x, targets[:, :23]), lambda: lacuna.share([inputs], [w, w], 0.5)):
        try:
            wrong()
        except (TypeError, ValueError):
            continue
        raise AssertionError("accepted")
    bad = x.copy()
    bad[3, 5] = np.nan
    for wrong, status in ((lambda: inputs.add(bad), "LCN_NOT_A_NUMBER"),
                          (lambda: inputs.prune(w.copy(), "wanda", 1.0), "LCN_INVALID_ARGUMENT"),
                          (lambda: inputs.prune(w[:, :39].copy(), "wanda", 0.5), "LCN_SHAPE_MISMATCH"),
                          (lambda: lacuna.Calibration(40).prune(w.copy(), "wanda", 0.5), "LCN_BAD_DATA")):
        try:
            wrong()
        except lacuna.Error as error:
            assert error.status == status, error
            continue
        raise AssertionError("accepted")


def tensors_of_files():
    """Single tensors go into .lacuna files and come back, dense, CSR and in blocks."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.lacuna")
        w = RANDOM.standard_normal((24, 40)).astype(np.float32)
        w[RANDOM.random(w.shape) < 0.8] = 0
        matrices = {"dense": lacuna.Matrix.from_numpy(w), "csr": lacuna.Matrix.from_scipy(sparse.csr_matrix(w)),
                    "bsr": lacuna.Matrix.from_scipy(sparse.bsr_matrix(w, blocksize=(4, 4)))}
        for name, matrix in matrices.items():
            lacuna.write_tensor(path, name, matrix)
        for name in matrices:
            assert np.array_equal(lacuna.read_tensor(path, name).to_numpy(), w), name
        fails(lacuna.Error, lambda: lacuna.read_tensor(path, "absent"), status="LCN_BAD_DATA")
        fails(lacuna.Error, lambda: lacuna.read_tensor(path + "x", "csr"), status="LCN_FILE_NOT_FOUND")
        double = lacuna.Matrix.from_numpy(w.astype(np.float64))
        fails(lacuna.Error, lambda: lacuna.write_tensor(path, "double", double), status="LCN_UNSUPPORTED")
        fails(TypeError, lambda: lacuna.write_tensor(path, "array", w))


def parity_with_scipy():
    parity(400)


def sixteen_bits():
    """Weights of 16 bits stay so, round to nearest even, and multiply as the numbers that they are."""
    wide = RANDOM.standard_normal((9, 12)).astype(np.float32)
    wide[RANDOM.random(wide.shape) < 0.5] = 0
    bits = wide.view(np.uint32)
    rounded = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).view(np.float32)
    half = lacuna.Matrix.from_numpy(wide.astype(np.float16))
    assert half.dtype == np.float16 and np.array_equal(half.to_numpy(), wide.astype(np.float16))
    brain = lacuna.Matrix.from_numpy(wide).astype("bfloat16")
    assert np.dtype(brain.dtype).itemsize == 2
    x = RANDOM.standard_normal((12, 5)).astype(np.float32)
    for matrix, values in ((half, wide.astype(np.float16).astype(np.float32)), (brain, rounded)):
        assert np.array_equal(matrix.astype(np.float32).to_numpy(), values)
        for width in (1, 5):
            y = lacuna.Plan(matrix, width=width)(np.ascontiguousarray(x[:, :width]))
            assert y.dtype == np.float32
            assert np.allclose(y, values @ x[:, :width], rtol=0, atol=1e-5), width
    # x may be rounded where that is allowed and the processor can: then it is a product of bfloat16 by bfloat16.
    x = RANDOM.standard_normal((12, 40)).astype(np.float32)
    near = np.abs(rounded) @ np.abs(x) * 2.0 ** -8 + 1e-5
    allowed = lacuna.Plan(brain, width=40, allow_bf16_activations=True)
    assert (np.abs(allowed(x) - rounded @ x) <= near).all()
    if lacuna.info()["isa"] == "v4-bf16":
        for matrix, kernel in ((brain, "pairs-dense"), (brain.converted("csr"), "pairs-4x2")):
            assert lacuna.Plan(matrix, width=40, kernel=kernel, allow_bf16_activations=True).kernel == kernel
    try:
        lacuna.Plan(brain, width=40, kernel="pairs-4x2")
        raise AssertionError("x was rounded unasked")
    except lacuna.Error as error:
        assert "pairs-4x2" in str(error)


def load_tests(loader, tests, pattern):
    return unittest.TestSuite(unittest.FunctionTestCase(check) for check in (
        parity_with_scipy, arrays_in_any_layout, scipy_in_any_format, words_and_numbers, outputs, epilogue_and_threads,
        pruning, nan_and_infinity, updates, one_shot, misuse, processes, tensors_of_files, sixteen_bits))


if __name__ == "__main__":
    unittest.main()
