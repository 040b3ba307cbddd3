"""Every block of Python in the documentation runs as it stands."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ("README.md", "Python/README.md", *(f"Sources/Lacuna/Lacuna.docc/{name}.md" for name in (
    "ComingFromDeepSparse", "ComingFromTFMOT", "ComingFromTorchPrune", "Cookbook", "Python")))
NEEDED = ("numpy", "scipy", "keras", "torch", "jax", "optax", "onnxruntime", "onnx", "tensorflow", "ai_edge_litert")


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)


def needed(block):
    """The packages that a block imports, itself or by a module of lacuna_sparse."""
    lines = " ".join(line for line in block.splitlines() if line.startswith(("import ", "from ")))
    found = set(re.findall(rf"(?<![\w.])({'|'.join(NEEDED)})(?!\w)", lines))
    for module in re.findall(r"lacuna_sparse\.(\w+)", lines):
        found |= {"tfmot": {"keras"}, "jax": {"jax", "optax"}, "litert": {"ai_edge_litert"}}.get(module, {module} & set(NEEDED))
    return found


class Pages(unittest.TestCase):
    def run_page(self, page):
        found = blocks(page)
        self.assertTrue(found, f"{page} has no blocks of Python")
        for number, block in enumerate(found, 1):
            missing = sorted(name for name in needed(block) if importlib.util.find_spec(name) is None)
            with self.subTest(f"{page}, block {number}"):
                if missing:
                    self.skipTest(f"{' and '.join(missing)} not installed")
                backend = {} if "KERAS_BACKEND" in os.environ else {"KERAS_BACKEND": self.backend()}
                ended = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, cwd=ROOT,
                                       env={**os.environ, **backend})
                self.assertEqual(ended.returncode, 0, f"{block}\n{ended.stderr[-3000:]}")

    def backend(self):
        return next((name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)), "torch")


for _page in PAGES:
    def _test(self, page=_page):
        self.run_page(page)
    setattr(Pages, f"test_{re.sub(r'[^a-z]+', '_', _page.lower())}", _test)

if __name__ == "__main__":
    unittest.main()
