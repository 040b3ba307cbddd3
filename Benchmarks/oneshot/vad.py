"""Decisions of a voice activity detector pruned at once: the LSTM of silero-vad and its four convolutions, on speech.

    python3 vad.py silero_vad/data/silero_vad_16k.safetensors CALIBRATION TEST

The model comes from the PyPI wheel silero-vad 6.2.3 (MIT); CALIBRATION and TEST are folders of speech, 16-bit mono WAV
of 8 or 16 kHz (Debian: asterisk-core-sounds-en-wav and pocketsphinx-testdata), or one folder twice: every other file is
then for tests. Utterances are joined with pauses of quiet noise. Layers go in order, each on what the pruned ones before
it give. Reported: on how many frames of 32 ms the pruned detector decides as the dense one.
"""
import argparse
import os
import time
import wave

import numpy as np

from tool import prune, safetensors

CONVOLUTIONS = (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1))
FRAME, CONTEXT = 512, 64


def sound(path):
    """Samples in [-1, 1] at 16 kHz; nothing when the file is of another kind."""
    with wave.open(path) as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1 or file.getframerate() not in (8000, 16000):
            return np.zeros(0, np.float32)
        x = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        if file.getframerate() == 16000 or len(x) == 0:
            return x
    # Twice the rate: zeros above the old band.
    spectrum = np.fft.rfft(x)
    return np.fft.irfft(np.concatenate([spectrum, np.zeros(len(x) - len(spectrum) + 1)]) * 2, 2 * len(x)).astype(np.float32)


def files(folder):
    found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(".wav")]
    return sorted(found)


def streams(paths, seed, seconds=20):
    """Utterances with pauses between them, cut into streams of equal length: [streams, frames, 512 + 64]."""
    random = np.random.default_rng(seed)
    parts = []
    for path in paths:
        x = sound(path)
        if len(x) >= FRAME:
            pause = random.integers(4800, 24000)
            parts += [x, np.zeros(pause, np.float32)]
    x = np.concatenate(parts)
    x = x + 0.002 * random.standard_normal(len(x)).astype(np.float32)
    frames = seconds * 16000 // FRAME
    count = -(-len(x) // (frames * FRAME))
    x = np.pad(x, (0, count * frames * FRAME - len(x))).reshape(count, -1)
    x = np.pad(x, ((0, 0), (CONTEXT, 0)))
    return np.stack([x[:, i * FRAME:i * FRAME + FRAME + CONTEXT] for i in range(frames)], 1).astype(np.float32)


def patches(x, stride):
    """[n, channels, length] -> [n, places, channels * 3], a place for each step of a width 3 with one zero around."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    places = range(0, x.shape[2] - 2, stride)
    return np.stack([x[:, :, i:i + 3].reshape(len(x), -1) for i in places], 1)


def spectra(net, frames):
    """Magnitudes of four windows of each frame: [n, 129, 4]."""
    x = np.pad(frames, ((0, 0), (0, 64)), mode="reflect")
    windows = np.stack([x[:, i:i + 256] for i in range(0, x.shape[1] - 255, 128)], 1)
    y = (windows @ net["stft_conv.weight"].reshape(258, 256).T).transpose(0, 2, 1)
    return np.sqrt(y[:, :129] ** 2 + y[:, 129:] ** 2)


def convolution(net, name, x, stride, seen=None):
    p = patches(x, stride)
    if seen is not None:
        seen.append(p.reshape(-1, p.shape[2]))
    w = net[name + ".weight"]
    y = p @ w.reshape(len(w), -1).T + net[name + ".bias"]
    return np.maximum(y, 0).transpose(0, 2, 1)


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def recurrence(net, x, seen=None):
    """[streams, frames, 128] -> the probability of speech of each frame."""
    h = c = np.zeros((len(x), 128), np.float32)
    result = []
    for t in range(x.shape[1]):
        if seen is not None:
            seen.append(h)
        gates = (x[:, t] @ net["lstm_cell.weight_ih"].T + net["lstm_cell.bias_ih"]
                 + h @ net["lstm_cell.weight_hh"].T + net["lstm_cell.bias_hh"])
        i, f, g, o = np.split(gates, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        result.append(np.maximum(h, 0) @ net["final_conv.weight"].reshape(128) + net["final_conv.bias"][0])
    return sigmoid(np.stack(result, 1))


def encoded(net, frames):
    x = spectra(net, frames.reshape(-1, frames.shape[2]))
    for name, stride in CONVOLUTIONS:
        x = convolution(net, name, x, stride)
    return x.reshape(*frames.shape[:2], -1)


def probabilities(net, frames):
    return recurrence(net, encoded(net, frames))


def inputs(net, frames):
    """Of each layer in order its name and inputs; a layer that is changed by then changes those of the next ones."""
    x = spectra(net, frames.reshape(-1, frames.shape[2]))
    for name, stride in CONVOLUTIONS:
        seen = []
        convolution(net, name, x, stride, seen)
        yield name + ".weight", seen[0]
        x = convolution(net, name, x, stride)
    x = x.reshape(*frames.shape[:2], -1)
    yield "lstm_cell.weight_ih", x.reshape(-1, 128)
    states = []
    recurrence(net, x, states)
    yield "lstm_cell.weight_hh", np.concatenate(states)


def pruned(dense, frames, method, sparsity, *options):
    """The network pruned, each layer on what the pruned ones before it give."""
    net = dict(dense)
    for name, x in inputs(net, frames):
        w = dense[name].reshape(len(dense[name]), -1)
        net[name] = prune(w, x, method, sparsity, *options)[0].reshape(dense[name].shape)
    return net


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model")
    arguments.add_argument("calibration")
    arguments.add_argument("test", nargs="+")
    arguments.add_argument("--sparsity", type=float, nargs="*", default=[0.5, 0.7])
    arguments.add_argument("--method", nargs="*",
                           default=["magnitude", "wanda", "wanda+refit", "sparsegpt", "sparsegpt+refit", "alps"])
    options = arguments.parse_args()
    dense = safetensors(options.model)
    calibration, tests = files(options.calibration), []
    for folder in options.test:
        paths = files(folder)
        if os.path.samefile(folder, options.calibration):
            calibration, paths = paths[::2], paths[1::2]
        tests.append((os.path.basename(os.path.normpath(folder)), streams(paths, seed=2)))
    calibration = streams(calibration, seed=1)
    reference = [probabilities(dense, frames) for _, frames in tests]
    for (name, frames), p in zip(tests, reference):
        print(f"{name}: {p.size} frames, {(p > 0.5).mean():.1%} of them speech", flush=True)
    print(f"calibration: {calibration.shape[0] * calibration.shape[1]} frames", flush=True)
    for sparsity in options.sparsity:
        for method in options.method:
            name, *more = method.split("+")
            start = time.time()
            net = pruned(dense, calibration, name, sparsity, *(["--refit"] if more else []))
            seconds = time.time() - start
            agree = [((probabilities(net, frames) > 0.5) == (p > 0.5)).mean() for (_, frames), p in zip(tests, reference)]
            print(f"{sparsity:.0%} {method}: decides alike on "
                  + ", ".join(f"{a:.4f} of {name}" for a, (name, _) in zip(agree, tests))
                  + f", pruning {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
