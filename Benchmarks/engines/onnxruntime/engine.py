"""Networks in onnxruntime alone and with Lacuna's provider, interleaved in one run, beside the largest difference.

The weights are random, or a model's own; their zeros are one-shot by magnitude, for speed only, but for the two detectors, which
those pruned who trained them.

    engine.py [--nets FOLDER] [--quick] [--threads N] [--model FILE.onnx …]      --model: also files of yours, pruned at 80 and 90 %
"""

import argparse
import pathlib
import statistics
import time

import numpy as np
import onnx
import onnxruntime as ort

import lacuna_sparse as lacuna
import lacuna_sparse.onnxruntime as lacuna_ort
from nets import convolutions_of_bytes, decode, encoder, products_of_bytes, pruned, recurrent, sized

RANDOM = np.random.default_rng(8)
BURST = 10  # runs of one before the other's turn: who runs a network does not run another engine in between

# Name, file, shape of the input, and the zeros that are made; None for those that are there.
IMAGES = (
    ("mediapipe pose detection, own zeros (75 %)", "pose_detection.onnx", None, (None,)),
    ("mediapipe face detection, own zeros (70 %)", "face_detection_full_range_sparse.onnx", None, (None,)),
    ("PP-OCRv4 recognition, 48×320", "ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 320), (0, 0.9)),
    ("open-nsfw (a thin ResNet-50)", "open-nsfw.onnx", (1, 224, 224, 3), (0, 0.9)),
)


def feeds(session):
    """Noise for every input; what is not known of a shape is 1, whole numbers are ones."""
    result = {}
    for given in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else 1 for d in given.shape]
        if given.type == "tensor(uint8)":
            result[given.name] = RANDOM.integers(0, 256, shape).astype("uint8")
            continue
        if given.type not in ("tensor(float)", "tensor(int64)", "tensor(int32)"):
            raise SystemExit(f"input {given.name} is a {given.type}, which this script does not make")
        kind = {"tensor(int64)": "int64", "tensor(int32)": "int32"}.get(given.type)
        result[given.name] = np.ones(shape, kind) if kind else RANDOM.standard_normal(shape).astype("float32")
    return result


def measure(content, threads, seconds):
    """Medians of interleaved runs of both, and the largest difference relative to the largest output."""
    def options():
        made = ort.SessionOptions()
        made.intra_op_num_threads = threads
        return made

    sessions = [ort.InferenceSession(content, options(), providers=["CPUExecutionProvider"]),
                ort.InferenceSession(content, lacuna_ort.session_options(options()))]
    given = feeds(sessions[0])
    results = [session.run(None, given) for session in sessions]
    error = max(abs(a.astype(float) - b).max() / max(abs(a.astype(float)).max(), 1e-30) for a, b in zip(*results))
    # Of bytes each product may round to the next one.
    if error > (0.05 if results[0][0].dtype == np.uint8 else 1e-3):
        raise SystemExit(f"the results differ by {error:.1e}")
    times = ([], [])
    limit = time.perf_counter() + seconds
    while time.perf_counter() < limit or len(times[0]) < 5:
        for session, taken in zip(sessions, times):
            for _ in range(BURST):
                started = time.perf_counter()
                session.run(None, given)
                taken.append(time.perf_counter() - started)
    taken = sum(d["claimed"] for d in lacuna_ort.explain(content, options()))
    return [1e3 * statistics.median(t) for t in times], error, taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="half a second each: for a look, not for a figure")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", nargs="*", default=[])
    parser.add_argument("--nets", type=pathlib.Path, help="networks that were fetched: see `run`")
    parser.add_argument("--only", default="", help="networks whose name has this in it")
    arguments = parser.parse_args()
    ort.set_default_logger_severity(3)
    nets = [("MiniLM-L6's shapes, 128 tokens", encoder(128), (0, 0.8, 0.9)),
            ("decode products of GPT-2-small's shapes", decode(), (0.5, 0.7, 0.9)),
            ("two LSTMs of 256 units, 64 steps", recurrent(), (0, 0.5, 0.8, 0.9))]
    for name, file, shape, sparsities in IMAGES:
        path = arguments.nets / file if arguments.nets else None
        if path is not None and path.exists():
            nets.append((name, sized(onnx.load(path), shape), sparsities))
    nets += [(path, onnx.load(path), (0, 0.8, 0.9)) for path in arguments.model]
    nets = [net for net in nets if arguments.only in net[0]]
    cases = [(name, sparsity, pruned(model, sparsity or 0)) for name, model, sparsities in nets for sparsity in sparsities]
    for name, made in (("6 products of bytes, 1024×1024 by 128", products_of_bytes),
                       ("6 convolutions of bytes, 3×3, 128 channels, 28×28", convolutions_of_bytes)):
        if arguments.only in name:
            cases += [(f"{name}, {r}×{c} blocks", sparsity, made(sparsity, (r, c)))
                      for r, c in ((1, 4), (2, 4)) for sparsity in (0.7, 0.8, 0.9)]
    print(f"onnxruntime {ort.__version__}, {arguments.threads} thread(s), Lacuna {lacuna.version} on "
          f"{lacuna.info()['model']}, {lacuna.info()['isa']}\n")
    print("| network | zeros | onnxruntime ms | with Lacuna ms | share | products taken | largest difference |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, sparsity, content in cases:
        (alone, both), error, taken = measure(content, arguments.threads, 0.5 if arguments.quick else 6)
        zeros = "" if sparsity is None else f"{100 * sparsity:.0f} %"
        print(f"| {name} | {zeros} | {alone:.2f} | {both:.2f} | {both / alone:.2f} | {taken} | {error:.1e} |",
              flush=True)


if __name__ == "__main__":
    main()
