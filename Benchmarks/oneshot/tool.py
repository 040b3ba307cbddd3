"""`lacuna prune` on numpy arrays, for the demonstrations beside this file."""
import json
import os
import subprocess
import tempfile

import numpy as np

TOOL = os.environ.get("LACUNA_TOOL", os.path.join(os.path.dirname(__file__), "../../.build/release/lacuna"))


def prune(weights, inputs, method, sparsity, *options):
    """Weights [out, in] pruned on inputs [samples, in], and the tool's report."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("w.npy", "x.npy", "p.npy")]
        np.save(paths[0], np.ascontiguousarray(weights, np.float32))
        np.save(paths[1], np.ascontiguousarray(inputs, np.float32))
        command = [TOOL, "prune", paths[0], "--method", method, "--calibration", paths[1], "--output", paths[2],
                   "--quiet", "--json", *options]
        if sparsity is not None:
            command += ["--sparsity", str(sparsity)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(run.stderr)
        return np.load(paths[2]), json.loads(run.stdout)["layers"][0]


def safetensors(path):
    """The f32 tensors of a file by name."""
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
