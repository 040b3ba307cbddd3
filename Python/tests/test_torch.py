"""PyTorch: the operator under compile and autograd, exchanged layers against dense ones, the pruner's trajectories."""

import copy
import io
import shutil
import subprocess
import sys
import unittest

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as missing:
    raise unittest.SkipTest(str(missing))

import golden
import lacuna_sparse as lacuna
from lacuna_sparse import torch as sparse

torch.manual_seed(3)


def pruned(module, sparsity=0.9):
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                keep = lacuna.mask(parameter.numpy().reshape(len(parameter), -1), sparsity)
                parameter.mul_(torch.from_numpy(keep).reshape(parameter.shape))
    return module


def network():
    return pruned(nn.Sequential(nn.Linear(96, 128), nn.ReLU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 10)))


class Layers(unittest.TestCase):
    def close(self, a, b):
        self.assertEqual(a.shape, b.shape)
        self.assertLess(float((a - b).detach().abs().max()), 1e-5)

    def test_an_exchanged_network_computes_the_same(self):
        for model, x in ((network(), torch.randn(7, 96)), (network(), torch.randn(2, 5, 96)),
                         (network().double(), torch.randn(3, 96, dtype=torch.float64)),
                         (pruned(nn.Sequential(nn.Conv2d(16, 32, 1), nn.ReLU(), nn.Conv2d(32, 8, 1, bias=False))),
                          torch.randn(3, 16, 9, 5)),
                         (pruned(nn.Sequential(nn.Conv2d(16, 32, 1, stride=(2, 3)))), torch.randn(2, 16, 9, 5)),
                         (pruned(nn.Conv2d(16, 32, 1)), torch.randn(16, 9, 5))):
            dense = copy.deepcopy(model)
            exchanged = sparse.sparsify(model, exclude_dense=True)
            kinds = [m for m in exchanged.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
            self.assertEqual(kinds, [])
            for given in (x, x.transpose(0, -1).contiguous().transpose(0, -1), x[:1]):
                if not isinstance(dense, nn.Conv2d) or given is not x[:1] and given.shape[0] == 16:
                    self.close(exchanged(given), dense(given))
        self.assertEqual(exchanged(torch.zeros(16, 0, 5)).shape, (32, 0, 5))

    def test_memory_is_not_copied(self):
        layer = sparse.sparsify(pruned(nn.Linear(64, 32)), exclude_dense=True)
        x = torch.randn(4, 64)
        y = layer(x)
        self.assertTrue(np.array_equal(layer.plan(x.numpy()), y.numpy()))

    def test_what_is_left_alone_is_told(self):
        model = nn.ModuleDict({
            "full": nn.Linear(64, 64), "sparse": pruned(nn.Linear(64, 64)), "taps": pruned(nn.Conv2d(16, 16, 3)),
            "padded": pruned(nn.Conv2d(16, 16, 1, padding=1)), "narrow": pruned(nn.Linear(64, 64)).half(),
            "own": type("Own", (nn.Linear,), {})(64, 64), "norm": nn.LayerNorm(64)})
        model["again"] = model["sparse"]
        sparse.sparsify(model, exclude_dense=True)
        told = {decision.name: decision for decision in sparse.report(model)}
        self.assertEqual(set(told), {"full", "sparse", "taps", "padded", "narrow", "own"})
        self.assertIs(model["again"], model["sparse"])
        self.assertIsInstance(model["sparse"], sparse.SparseLinear)
        self.assertEqual((told["sparse"].reason, told["sparse"].shape), ("", (64, 64)))
        for name, words in {"full": "0.0 % zeros", "taps": "3×3 taps", "padded": "padding", "narrow": "float16",
                            "own": "Own"}.items():
            self.assertIn(words, told[name].reason)
        untouched = nn.Sequential(nn.Linear(8, 8))
        self.assertIs(sparse.sparsify(untouched, select=lambda name, layer: False), untouched)
        self.assertEqual(sparse.report(untouched), [])

    def test_a_transformer_that_reads_weights_past_forward(self):
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        model = pruned(nn.TransformerEncoder(layer, 2)).eval()
        x = torch.randn(2, 5, 16)
        with torch.no_grad():
            expected = model(x)
            exchanged = sparse.sparsify(model, exclude_dense=True)
            self.assertEqual(sum(not d.reason for d in sparse.report(model)), 4)
            self.close(exchanged(x), expected)

    def test_masks_of_torch_prune_are_understood(self):
        from torch.nn.utils import prune

        layer = nn.Linear(64, 48)
        with torch.no_grad():
            layer.weight[0, 0] = 0  # kept by the mask, and zero
        prune.l1_unstructured(layer, "weight", amount=0.8)
        layer.weight_mask[0, 0] = 1
        x = torch.randn(5, 64)
        expected = layer(x)
        exchanged = sparse.sparsify(layer, exclude_dense=True)
        self.assertEqual(exchanged.plan.stored, int(layer.weight_mask.sum()))
        self.close(exchanged(x), expected)

    def test_gradients_reach_the_input(self):
        for activation in (None, "relu", (-0.3, 0.4)):
            w = pruned(nn.Linear(12, 9).double(), 0.6)
            weights = sparse.Product(lacuna.Matrix.from_numpy(w.weight.detach().numpy()).converted("csr"),
                                     bias=w.bias.detach().numpy(), activation=activation)
            x = torch.randn(4, 12, dtype=torch.float64, requires_grad=True)
            self.assertTrue(torch.autograd.gradcheck(lambda x: sparse.product(x, weights), (x,)))
        for activation, function in (("silu", nn.functional.silu), ("hard_swish", nn.functional.hardswish)):
            w = pruned(nn.Linear(12, 9), 0.6)
            weights = sparse.Product(lacuna.Matrix.from_numpy(w.weight.detach().numpy()).converted("csr"),
                                     bias=w.bias.detach().numpy(), activation=activation)
            x = torch.randn(4, 12, requires_grad=True)
            y = sparse.product(x, weights)
            self.close(y.detach(), function(w(x)).detach())
            with self.assertRaisesRegex(NotImplementedError, activation):
                y.sum().backward()
        layer = sparse.sparsify(pruned(nn.Conv2d(6, 4, 1).double(), 0.6), exclude_dense=True)
        x = torch.randn(2, 6, 3, 2, dtype=torch.float64, requires_grad=True)
        self.assertTrue(torch.autograd.gradcheck(layer, (x,)))

    def test_the_operator_keeps_its_promises(self):
        weights = sparse.sparsify(pruned(nn.Linear(16, 8)), exclude_dense=True).weights
        torch.library.opcheck(torch.ops.lacuna_sparse.product.default, (torch.randn(3, 16), weights.key))

    def test_it_survives_compilation(self):
        model, x = network(), torch.randn(6, 96)
        expected = model(x)
        exchanged = sparse.sparsify(model, exclude_dense=True)
        backends = ["aot_eager"] + (["inductor"] if shutil.which("g++") else [])
        for backend in backends:
            torch._dynamo.reset()
            compiled = torch.compile(exchanged, backend=backend, fullgraph=True)
            self.close(compiled(x), expected)
            graph = torch._dynamo.explain(exchanged)(x)
            self.assertEqual((graph.graph_count, graph.graph_break_count), (1, 0))
            self.close(compiled(x[:2]), expected[:2])

    def test_it_is_copied_saved_and_loaded(self):
        exchanged = sparse.sparsify(network(), exclude_dense=True)
        x = torch.randn(6, 96)
        expected = exchanged(x)
        file = io.BytesIO()
        torch.save(exchanged, file)
        file.seek(0)
        for other in (copy.deepcopy(exchanged), torch.load(file, weights_only=False)):
            self.assertTrue(torch.equal(other(x), expected))
        another = sparse.sparsify(network(), exclude_dense=True)
        another.load_state_dict(exchanged.state_dict())
        self.assertTrue(torch.equal(another(x), expected))

    def test_what_does_not_fit_is_refused(self):
        layer = sparse.sparsify(pruned(nn.Linear(16, 8)), exclude_dense=True)
        with self.assertRaisesRegex(TypeError, "torch.float32 tensor on the CPU wanted, not torch.float64"):
            layer(torch.randn(2, 16, dtype=torch.float64))
        with self.assertRaisesRegex(ValueError, r"\(2, 15\), 16 inputs"):
            layer(torch.randn(2, 15))
        key = layer.weights.key
        del layer
        with self.assertRaisesRegex(RuntimeError, "is gone"):
            torch.ops.lacuna_sparse.product(torch.randn(2, 16), key)

    def test_plans_end_silently_with_the_interpreter(self):
        ended = subprocess.run([sys.executable, "-c", """
import torch, lacuna_sparse.torch as sparse
layer = torch.nn.Linear(64, 64)
layer.weight.data[:, 5:] = 0
layer = sparse.sparsify(layer, exclude_dense=True)
torch.ops.kept = layer
layer(torch.ones(2, 64))
"""], capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))


class Training(unittest.TestCase):
    def golden(self, run):
        """The recorded network in PyTorch's layout, its optimizer and its pruner."""
        model = nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4))
        with torch.no_grad():
            for layer, w, b in ((model[0], "W1", "b1"), (model[2], "W2", "b2")):
                layer.weight.copy_(torch.from_numpy(run.data[w].T.copy()))
                layer.bias.copy_(torch.from_numpy(run.data[b]))
        c = run.schedule
        schedule = lacuna.Schedule(c["final_sparsity"], c["begin_step"], c["end_step"], c["initial_sparsity"],
                                   c["power"], c["frequency"])
        pruner = sparse.Pruner(model, lacuna.Recipe(schedule, block=run.block and run.block[::-1], keep_ties=True))
        optimizer = torch.optim.Adam(model.parameters(), 0.01, eps=1e-7) if run.adam else \
            torch.optim.SGD(model.parameters(), 0.05)
        return model, optimizer, pruner

    def train(self, run, model, optimizer, pruner):
        pruner.step()
        optimizer.zero_grad()
        error = (model(torch.from_numpy(run.data["X"])) - torch.from_numpy(run.data["Y"])) ** 2
        error.mean().backward()
        optimizer.step()

    def test_a_run_follows_the_reference(self):
        for name in golden.RUNS:
            run = golden.Run(name)
            model, optimizer, pruner = self.golden(run)
            for step in range(1, run.steps + 1):
                self.train(run, model, optimizer, pruner)
                for layer, key in ((1, "0.weight"), (2, "2.weight")):
                    keep = pruner.masks.get(key, torch.ones_like(model.get_parameter(key), dtype=torch.bool)).T.numpy()
                    self.assertTrue(np.array_equal(keep, run.mask(layer, step)), f"{name} step {step}")
                    # PyTorch's Adam adds its epsilon elsewhere: the masks are the same, small steps are not.
                    if not run.adam:
                        w = model.get_parameter(key).detach().T.numpy()
                        self.assertLess(abs(w - run.kernel(layer, step)).max(), 2e-5)
                pruner.enforce()
                for key, keep in pruner.masks.items():
                    self.assertFalse(bool(model.get_parameter(key)[~keep].any()))
            self.assertEqual(set(pruner.masks), {"0.weight", "2.weight"})

    def test_it_resumes_exactly(self):
        run = golden.Run("adam")
        for stop in (3, 4, 5, 7):
            model, optimizer, pruner = self.golden(run)
            for _ in range(stop):
                self.train(run, model, optimizer, pruner)
                pruner.enforce()
            file = io.BytesIO()
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                        "pruner": pruner.state_dict()}, file)
            file.seek(0)
            state = torch.load(file, weights_only=True)
            again = self.golden(run)
            for part, key in zip(again, ("model", "optimizer", "pruner")):
                part.load_state_dict(state[key])
            for _ in range(5):
                for trained in ((model, optimizer, pruner), again):
                    self.train(run, *trained)
                    trained[2].enforce()
            for a, b in zip(model.parameters(), again[0].parameters()):
                self.assertTrue(torch.equal(a, b))
            for key, keep in pruner.masks.items():
                self.assertTrue(torch.equal(keep, again[2].masks[key]))

    def test_which_parameters_and_how_they_lie(self):
        model = nn.ModuleDict({"words": nn.Embedding(20, 8), "conv": nn.Conv2d(8, 12, 3), "up": nn.ConvTranspose2d(8, 12, 2),
                               "lstm": nn.LSTM(8, 6), "head": nn.Linear(8, 4), "narrow": nn.Linear(8, 8).bfloat16()})
        recipe = lacuna.Recipe(lacuna.Schedule.constant(0.5, frequency=1), group=(2, 4))
        pruner = sparse.Pruner(model, recipe, {"head.*": None})
        pruner.step()
        self.assertEqual(set(pruner.masks), {"conv.weight", "up.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0",
                                             "narrow.weight"})
        masks = pruner.masks
        self.assertTrue(bool((masks["conv.weight"].reshape(12, 2, 4, 9).sum(2) == 2).all()))
        self.assertTrue(bool((masks["up.weight"].reshape(2, 4, 12, 4).sum(1) == 2).all()))
        self.assertFalse(bool(model["narrow"].weight[~masks["narrow.weight"]].any()))
        pruner.strip()
        self.assertEqual(pruner.masks, {})
        with self.assertRaisesRegex(ValueError, "nothing to prune"):
            sparse.Pruner(nn.LayerNorm(4), recipe)
        with torch.no_grad():
            model["conv"].weight[0, 0, 0, 0] = float("nan")
        with self.assertRaisesRegex(ValueError, "conv.weight at step 1: LCN_NOT_A_NUMBER"):
            sparse.Pruner(model, recipe).step()


if __name__ == "__main__":
    unittest.main()
