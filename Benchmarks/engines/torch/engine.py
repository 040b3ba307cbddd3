"""An encoder of MiniLM-L6's shapes in PyTorch alone and with Lacuna's linear layers, interleaved in one run.

Random weights; zeros are one-shot by magnitude, for speed only.

    engine.py [--quick] [--threads N]
"""

import argparse
import copy
import statistics
import time

import torch

import lacuna_sparse as lacuna
import lacuna_sparse.torch as lacuna_torch


BURST = 10  # runs of one before the other's turn: who runs a network does not run another engine in between


class Layer(torch.nn.Module):
    """Attention and two products, as BERT has them."""

    def __init__(self, width=384, inner=1536, heads=12):
        super().__init__()
        linear, self.heads = torch.nn.Linear, heads
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        self.i, self.f = linear(width, inner), linear(inner, width)
        self.n1, self.n2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)

    def forward(self, x):
        def apart(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(-2, -3)
        a = torch.nn.functional.scaled_dot_product_attention(apart(self.q(x)), apart(self.k(x)), apart(self.v(x)))
        x = self.n1(x + self.o(a.transpose(-2, -3).flatten(-2)))
        return self.n2(x + self.f(torch.nn.functional.gelu(self.i(x))))


def encoder():
    torch.manual_seed(7)
    return torch.nn.Sequential(*(Layer() for _ in range(6))).eval()


def pruned(model, sparsity):
    made = copy.deepcopy(model)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.dim() == 2:
                w = weight.numpy()
                lacuna.apply_mask(w, lacuna.mask(w, sparsity))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="half a second each: for a look, not for a figure")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    x = torch.randn(1, 128, 384)
    print(f"torch {torch.__version__}, {arguments.threads} thread(s), Lacuna {lacuna.version} on {lacuna.info()['model']}, "
          f"{lacuna.info()['isa']}\n")
    print("| MiniLM-L6's shapes, 128 tokens, zeros | torch ms | with Lacuna ms | share | largest difference |")
    print("|---:|---:|---:|---:|---:|")
    for sparsity in (0.8, 0.9):
        dense = pruned(encoder(), sparsity)
        both = [dense, lacuna_torch.sparsify(copy.deepcopy(dense), batch=128, threads=arguments.threads)]
        times = ([], [])
        with torch.inference_mode():
            results = [model(x) for model in both]
            error = float((results[0] - results[1]).abs().max() / results[0].abs().max())
            limit = time.perf_counter() + (0.5 if arguments.quick else 6)
            while time.perf_counter() < limit or len(times[0]) < 5:
                for model, taken in zip(both, times):
                    for _ in range(BURST):
                        started = time.perf_counter()
                        model(x)
                        taken.append(time.perf_counter() - started)
        alone, mine = (1e3 * statistics.median(t) for t in times)
        print(f"| {100 * sparsity:.0f} % | {alone:.2f} | {mine:.2f} | {mine / alone:.2f} | {error:.1e} |", flush=True)


if __name__ == "__main__":
    main()
