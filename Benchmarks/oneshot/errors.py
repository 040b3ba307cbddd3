"""The order of the methods in layer error, on layers of real networks with their real inputs.

    python3 errors.py --g2p CHECKPOINT DICTIONARY --vad MODEL SPEECH --minilm MODEL TEXT

The networks are those of g2p.py, vad.py and minilm.py, any of them; of MiniLM the first and the last block. Each layer is
pruned by itself on the inputs that the dense network gives it, at 50, 70, 80 % and 2:4. The error of a layer is
|(W - W')X|^2 / |WX|^2. Written as a table in Markdown, with what holds of the order magnitude > Wanda >= SparseGPT >= ALPS
and of the claim that a re-fit on Wanda's mask closes at least half of the gap to ALPS.
"""
import argparse
import os
import statistics

import numpy as np

import g2p
import minilm
import vad
from tool import prune, safetensors

TARGETS = (("50 %", 0.5, ()), ("70 %", 0.7, ()), ("80 %", 0.8, ()), ("2:4", None, ("--pattern", "2:4")))
METHODS = (("magnitude", ()), ("wanda", ()), ("sparsegpt", ()), ("alps", ()), ("wanda", ("--refit",)))


def g2p_layers(checkpoint, dictionary):
    net = {name: values.astype(np.float32) for name, values in np.load(checkpoint).items()}
    every = g2p.words(dictionary)
    order = np.random.default_rng(1).permutation(len(every))[:1000]
    for name, inputs in g2p.collect(net, [every[i][0] for i in order]).items():
        yield "g2p " + name, net[name], inputs


def vad_layers(model, speech):
    net = safetensors(model)
    for name, inputs in vad.inputs(net, vad.streams(vad.files(speech)[::4], seed=1)):
        yield "vad " + name.removesuffix(".weight"), net[name].reshape(len(net[name]), -1), inputs


def minilm_layers(model, text):
    net = safetensors(os.path.join(model, "model.safetensors"))
    words = minilm.vocabulary(model)
    lines = minilm.texts(text)
    order = np.random.default_rng(1).permutation(len(lines))[:128]
    states = [minilm.entry(net, batch) for batch in minilm.batches([minilm.tokens(lines[i], words) for i in order])]
    for layer in range(minilm.LAYERS):
        if layer in (0, minilm.LAYERS - 1):
            for n, stage in enumerate(minilm.STAGES):
                seen = {}
                for x, on in states:
                    minilm.block(net, layer, x, on, seen, n)
                for part in stage:
                    yield (f"MiniLM {layer} {part}", net[f"encoder.layer.{layer}.{part}.weight"],
                           np.concatenate(seen[part]))
        states = [(minilm.block(net, layer, x, on), on) for x, on in states]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("g2p", "vad", "minilm"):
        arguments.add_argument("--" + name, nargs=2)
    arguments.add_argument("--samples", type=int, default=8192, help="at most so many of each layer's inputs")
    options = arguments.parse_args()
    layers = []
    for name, source in (("g2p", g2p_layers), ("vad", vad_layers), ("minilm", minilm_layers)):
        if getattr(options, name):
            layers += source(*getattr(options, name))
    print("| layer | shape | target | magnitude | Wanda | SparseGPT | ALPS | Wanda, re-fit | gap closed |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|")
    rows = []
    random = np.random.default_rng(2)
    for name, w, x in layers:
        if len(x) > options.samples:
            x = x[random.choice(len(x), options.samples, replace=False)]
        for target, sparsity, more in TARGETS:
            if target == "2:4" and w.shape[1] % 4:
                continue
            error = [prune(w, x, method, sparsity, *more, *refit)[1]["error"] for method, refit in METHODS]
            gap = error[1] - error[3]
            closed = (error[1] - error[4]) / gap if gap > 0 else 1.0
            rows.append((target, error, closed))
            print(f"| {name} | {w.shape[0]}×{w.shape[1]} | {target} | " + " | ".join(f"{e:.4f}" for e in error)
                  + f" | {closed:.0%} |", flush=True)
    print("\n| target | layers | magnitude | Wanda | SparseGPT | ALPS | Wanda, re-fit | "
          "magnitude > Wanda | Wanda ≥ SparseGPT | SparseGPT ≥ ALPS | half of the gap closed |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for target, _, _ in TARGETS:
        own = [row for row in rows if row[0] == target]
        if not own:
            continue
        median = [statistics.median(row[1][k] for row in own) for k in range(5)]
        holds = [sum(row[1][0] > row[1][1] for row in own), sum(row[1][1] >= row[1][2] for row in own),
                 sum(row[1][2] >= row[1][3] for row in own), sum(row[2] >= 0.5 for row in own)]
        print(f"| {target} | {len(own)} | " + " | ".join(f"{m:.4f}" for m in median) + " | "
              + " | ".join(f"{h} of {len(own)}" for h in holds) + " |")


if __name__ == "__main__":
    main()
