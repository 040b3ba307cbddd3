"""Measures Lacuna and its peers on the same matrices, one thread, taking turns.

Each matrix is written once, as a scipy .npz file; Lacuna reads that file. Every result is checked
against a double-precision product with the error bound of its sums before it is timed. A round lets
each system run for a while in turn; a case has several rounds, and the median counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import numpy as np
import scipy.sparse as sp

import report
import systems
import systems_int8

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", ".build", "release", "lacuna-bench")
KINDS = {"f32": systems.ALL, "i8": systems_int8.ALL}
SHAPES = ["512x512x512", "1024x3136x256", "3072x768x128", "768x3072x128", "256x1024x196",
          "384x64x196", "1024x1024x1", "4096x4096x1"]
SPARSITIES = ["0.8", "0.9", "0.95"]
BLOCKS = {"f32": ["1x1", "4x4"], "i8": ["1x4", "4x4"]}


class Case:
    """Weights with an exact number of nonzero blocks, and right-hand sides."""

    def __init__(self, shape, sparsity, block, seed=1):
        self.m, self.k, self.n = (int(word) for word in shape.split("x"))
        self.sparsity = float(sparsity)
        self.block = tuple(int(word) for word in block.split("x"))
        self.label = (shape, sparsity, block)
        random = np.random.default_rng(seed)
        rows, columns = self.block
        grid = (self.m // rows, self.k // columns)
        kept = np.zeros(grid[0] * grid[1], dtype=bool)
        count = round(len(kept) * (1 - self.sparsity))
        kept[random.choice(len(kept), count, replace=False)] = True
        mask = np.kron(kept.reshape(grid), np.ones(self.block, dtype=bool))
        values = random.uniform(-1, 1, (self.m, self.k)).astype(np.float32)
        values[values == 0] = 0.5
        self.dense = np.ascontiguousarray(np.where(mask, values, np.float32(0)))
        self.csr = sp.csr_array(self.dense)
        self.x = random.uniform(-1, 1, (self.k, self.n)).astype(np.float32)
        self.path = os.path.join(
            HERE, "work", f"{shape}-{sparsity}-{block}.npz")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        stored = self.csr if self.block == (1, 1) else sp.bsr_array(self.csr, blocksize=self.block)
        sp.save_npz(self.path, stored, compressed=False)
        self.expected = self.csr.astype(np.float64) @ self.x.astype(np.float64)
        # Every input is a term for the dense systems: gamma of k terms bounds them all.
        unit = (self.k + 2) * 2.0**-24
        self.bound = unit / (1 - unit) * (abs(self.csr).astype(np.float64) @ abs(self.x)) + 1e-30

    def use_bytes(self):
        """The weights in 8 bits, symmetric, a scale a row; unsigned inputs; sums are exact.

        Without VNNI the peers add two products in 16 bits, which saturate: their tools quantise to 7 bits there.
        """
        with open("/proc/cpuinfo") as file:
            levels = 127 if "vnni" in file.read() else 63
        scale = np.maximum(abs(self.dense).max(1, keepdims=True), 1e-30) / levels
        w8 = np.rint(self.dense / scale)
        self.w8 = np.where((w8 == 0) & (self.dense != 0), np.sign(self.dense), w8).astype(np.int8)
        self.x8 = np.random.default_rng(2).integers(0, 256, (self.k, self.n)).astype(np.uint8)
        # Doubles hold every sum of these exactly.
        self.expected = self.w8.astype(np.float64) @ self.x8.astype(np.float64)
        # A runtime that gives floats rounds once.
        self.bound = abs(self.expected) * 2.0**-23

    def check(self, name, result):
        error = np.abs(result.reshape(self.m, self.n).astype(np.float64) - self.expected)
        if not (error <= self.bound).all():
            sys.exit(f"peers: {name} {self.label}: wrong result, error {error.max()}")


def lacuna(case, dtype, budget):
    """One run of lacuna-bench on the case's file: the row it prints, checked there."""
    output = subprocess.run(
        [BENCH, "spmm", "--matrix", case.path, "--n", str(case.n), "--time", str(2 * budget),
         "--block", case.label[2], "--dtype", dtype, "--json"],
        check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def measure(case, dtype, peers, rounds, budget):
    if dtype == "i8":
        case.use_bytes()
    prepared = {}
    for peer in peers:
        if case.n == 1 and not peer.runs_vectors:
            continue
        try:
            run, result = peer.prepare(case)
            run()
        except RuntimeError as error:
            print(f"peers: {peer.name} {case.label}: {error}, left out", file=sys.stderr)
            continue
        if result is not None:
            case.check(peer.name, result())
        prepared[peer.name] = (peer, run)
    times = {}
    for _ in range(rounds):
        row = lacuna(case, dtype, budget)
        times.setdefault("Lacuna", []).append(row["seconds"])
        times.setdefault("OpenBLAS dense", []).append(row["denseSeconds"])
        if dtype == "i8":
            times.setdefault("Lacuna dense int8", []).append(row["denseInt8Seconds"])
        for name, (peer, run) in prepared.items():
            times.setdefault(name, []).append(peer.seconds(run, budget))
    shape, sparsity, block = case.label
    return {
        "shape": shape, "sparsity": sparsity, "block": block, "kernel": row["kernel"],
        "isa": row["isa"], "denseCore": row["denseCore"], "rounds": rounds,
        "seconds": {name: statistics.median(values) for name, values in times.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", default=",".join(SHAPES), help="MxKxN,…")
    parser.add_argument("--sparsity", default=",".join(SPARSITIES))
    parser.add_argument("--block", help="RxC,…")
    parser.add_argument("--dtype", choices=list(KINDS), default="f32", help="i8: products of bytes, in int8.md")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--time", type=float, default=0.1, help="seconds per system and round")
    parser.add_argument("--report", action="store_true", help="only write the table and the chart")
    options = parser.parse_args()
    dtype = options.dtype
    rows = os.path.join(HERE, "work", "rows.jsonl" if dtype == "f32" else f"rows-{dtype}.jsonl")
    peers, missing = systems.available(KINDS[dtype])
    for line in missing:
        print(f"peers: {line}, left out", file=sys.stderr)
    if not options.report:
        for shape in options.shape.split(","):
            for block in options.block.split(",") if options.block else BLOCKS[dtype]:
                for sparsity in options.sparsity.split(","):
                    case = Case(shape, sparsity, block)
                    row = measure(case, dtype, peers, options.rounds, options.time)
                    with open(rows, "a") as file:
                        file.write(json.dumps(row) + "\n")
                    dense = row["seconds"]["OpenBLAS dense"]
                    ratios = "  ".join(
                        f"{name} {dense / value:.2f}×" for name, value in row["seconds"].items())
                    print(f"{shape} {sparsity} {block}: {ratios}", flush=True)
    versions = [f"{peer.name} {peer.version()}" for peer in peers]
    hows = [(peer.name, peer.how) for peer in peers]
    report.write(HERE, rows, versions, hows, dtype)


main()
