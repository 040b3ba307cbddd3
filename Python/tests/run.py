#!/usr/bin/env python3
"""Runs every test here and ends with lines for Scripts/test-clients: what ran, and what was skipped and why.

    PYTHONPATH=PREFIX/lib/python python3 Python/tests/run.py [-v] [MODULE …]

Each file is a process of its own, so that frameworks do not meet.
"""

import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# A file whose framework runs on several backends is run on each.
BACKENDS = {"test_keras": ("jax", "tensorflow", "torch")}


def run(module, verbose, backend):
    """Lines about one file, and whether it passed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(HERE))))}
    if backend:
        environment["KERAS_BACKEND"] = backend
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-W", "default", str(HERE / "one.py"), module], env=environment,
                           capture_output=True, text=True)
    name = f"{module} on {backend}" if backend else module
    lines = [line for line in ended.stdout.splitlines() if line.startswith("= ")]
    if ended.returncode or not lines:
        print(ended.stdout[-3000:], ended.stderr[-6000:], sep="\n")
        print(f"Python: {name} FAILED")
        return False
    if verbose:
        print(ended.stderr)
    for line in lines:
        print(f"Python: {name}: {line[2:]} ({time.monotonic() - started:.1f} s)" if line.startswith("= ran")
              else f"Python: {name}: {line[2:]}")
    return True


def main():
    verbose = "-v" in sys.argv[1:]
    named = [a for a in sys.argv[1:] if a != "-v"]
    modules = named or sorted(path.stem for path in HERE.glob("test_*.py"))
    results = [run(module, verbose, backend) for module in modules for backend in BACKENDS.get(module, (None,))]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
