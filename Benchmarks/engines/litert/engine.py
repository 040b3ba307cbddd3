"""Networks in LiteRT alone and with Lacuna's delegate, interleaved in one run, beside the largest difference.

    engine.py --nets FOLDER [--quick] [--threads N] [--model FILE.tflite …]      --model: also files of yours
"""

import argparse
import importlib.metadata
import pathlib
import statistics
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import lacuna_sparse as lacuna
import lacuna_sparse.litert as lacuna_litert

BURST = 10  # runs of one before the other's turn: who runs a network does not run another engine in between
# Pruned to 75 and 70 % zeros by those who trained them; the last has no zeros and is there to show what that costs.
NETS = ("pose_detection", "face_detection_full_range_sparse", "hand_landmark_lite")


def measure(path, threads, seconds):
    """Medians of interleaved runs of both, as milliseconds and as processor time, and the largest difference relative to the
    largest output."""
    both = [Interpreter(model_path=str(path), num_threads=threads),
            lacuna_litert.interpreter(path, num_threads=threads)]
    for interpreter in both:
        interpreter.allocate_tensors()
        random = np.random.default_rng(7)
        for detail in interpreter.get_input_details():
            if detail["dtype"] not in (np.float32, np.int32, np.int64):
                raise SystemExit(f"input {detail['name']} is a {detail['dtype'].__name__}, which this script does not make")
            noise = random.standard_normal(detail["shape"]) if detail["dtype"] == np.float32 else np.ones(detail["shape"])
            interpreter.set_tensor(detail["index"], noise.astype(detail["dtype"]))
        interpreter.invoke()
    outputs = [[i.get_tensor(d["index"]).astype(np.float64) for d in i.get_output_details()] for i in both]
    error = max(abs(a - b).max() / max(abs(a).max(), 1e-30) for a, b in zip(*outputs))
    if error > 1e-3:
        raise SystemExit(f"{path}: the results differ by {error:.1e}")
    wall, processor = ([], []), ([], [])
    limit = time.perf_counter() + seconds
    while time.perf_counter() < limit or len(wall[0]) < 5:
        for number, interpreter in enumerate(both):
            for _ in range(BURST):
                started, spent = time.perf_counter(), time.process_time()
                interpreter.invoke()
                processor[number].append(time.process_time() - spent)
                wall[number].append(time.perf_counter() - started)
    return ([1e3 * statistics.median(t) for t in wall], [1e3 * statistics.median(t) for t in processor], error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="half a second each: for a look, not for a figure")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", nargs="*", default=[], type=pathlib.Path)
    arguments = parser.parse_args()
    print(f"LiteRT {importlib.metadata.version('ai-edge-litert')}, {arguments.threads} thread(s), Lacuna {lacuna.version} on "
          f"{lacuna.info()['model']}, {lacuna.info()['isa']}\n")
    print("| network | products taken | LiteRT ms | with Lacuna ms | share | processor ms | with | share | largest difference |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for path in [arguments.nets / f"{name}.tflite" for name in NETS] + arguments.model:
        decisions = lacuna_litert.explain(path)
        wall, processor, error = measure(path, arguments.threads, 0.5 if arguments.quick else 8)
        print(f"| {path.stem} | {sum(d['claimed'] for d in decisions)} of {len(decisions)} "
              f"| {wall[0]:.2f} | {wall[1]:.2f} | {wall[1] / wall[0]:.2f} "
              f"| {processor[0]:.2f} | {processor[1]:.2f} | {processor[1] / processor[0]:.2f} | {error:.1e} |", flush=True)


if __name__ == "__main__":
    main()
