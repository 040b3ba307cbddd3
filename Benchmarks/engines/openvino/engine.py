"""Networks in OpenVINO as float32, in OpenVINO as it is, and with Lacuna's operation, interleaved in one run.

The weights are random, or a model's own; their zeros are one-shot by magnitude, for speed only.

    engine.py --extension FILE.so [--quick] [--threads N] [--model FILE.onnx …]    --model: also files of yours, at 80 and 90 %
"""

import argparse
import statistics
import time

import lacuna_openvino
import numpy as np
import onnx
import openvino as ov

import lacuna_sparse as lacuna
from nets import decode, encoder, pruned

RANDOM = np.random.default_rng(8)


def feeds(compiled):
    """Noise for every input; what is not known of a shape is 1, whole numbers are ones."""
    result = []
    for given in compiled.inputs:
        shape = [1 if d.is_dynamic else d.get_length() for d in given.get_partial_shape()]
        kind = given.get_element_type()
        if kind not in (ov.Type.f32, ov.Type.i64, ov.Type.i32):
            raise SystemExit(f"input {given.get_any_name()} is {kind}, which this script does not make")
        whole = np.int64 if kind == ov.Type.i64 else np.int32
        result.append(RANDOM.standard_normal(shape).astype("float32") if kind == ov.Type.f32 else np.ones(shape, whole))
    return result


def compiled(content, threads, extension=None, precision=None):
    """A compiled model, and what became of its products. One stream: the time of one input, not of many at once."""
    core = ov.Core()
    model, decisions = core.read_model(content), []
    if extension:
        halves = core.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string() == "bf16"
        model, decisions = lacuna_openvino.claim(core, model, extension, bf16=halves)
    options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    if precision:
        options["INFERENCE_PRECISION_HINT"] = precision
    return core.compile_model(model, "CPU", options), decisions


def measure(content, threads, seconds, extension):
    """Medians in milliseconds of interleaved runs of all three, as time and as processor time, the precision that OpenVINO
    chose, decisions, and the largest difference from its float32 relative to the largest output."""
    made = [compiled(content, threads, precision="f32"), compiled(content, threads), compiled(content, threads, extension)]
    requests = [model.create_infer_request() for model, _ in made]
    given = feeds(made[0][0])
    results = []
    for request in requests:
        request.infer(given)
        results.append([np.array(request.get_output_tensor(i).data) for i in range(len(made[0][0].outputs))])
    chosen = made[1][0].get_property("INFERENCE_PRECISION_HINT").to_string()
    error = max(abs(a - b).max() / max(abs(a).max(), 1e-30) for a, b in zip(results[0], results[2]))
    if not error <= (1e-3 if chosen == "f32" else 0.05):
        raise SystemExit(f"the results differ by {error:.1e}")
    wall, processor = ([], [], []), ([], [], [])
    limit = time.perf_counter() + seconds
    while time.perf_counter() < limit or len(wall[0]) < 5:
        for number, request in enumerate(requests):
            started, spent = time.perf_counter(), time.process_time()
            request.infer()  # the inputs are there
            processor[number].append(time.process_time() - spent)
            wall[number].append(time.perf_counter() - started)
    medians = [[1e3 * statistics.median(t) for t in times] for times in (wall, processor)]
    return medians, chosen, made[2][1], error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--quick", action="store_true", help="half a second each: for a look, not for a figure")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", nargs="*", default=[])
    arguments = parser.parse_args()
    nets = [("MiniLM-L6's shapes, 128 tokens", encoder(128), (0, 0.5, 0.8, 0.9)),
            ("MiniLM-L6's shapes, 16 tokens", encoder(16), (0.8, 0.9)),
            ("decode products of GPT-2-small's shapes", decode(), (0.5, 0.7, 0.9))]
    nets += [(path, onnx.load(path), (0, 0.8, 0.9)) for path in arguments.model]
    print(f"OpenVINO {ov.get_version()}, {arguments.threads} thread(s), Lacuna {lacuna.version} on {lacuna.info()['model']}, "
          f"{lacuna.info()['isa']}\n")
    print("| network | zeros | products taken | f32 ms | OpenVINO's choice | ms | with Lacuna ms | share "
          "| processor ms: f32 | choice | with | share | largest difference |")
    print("|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, model, sparsities in nets:
        for sparsity in sparsities:
            medians, chosen, decisions, error = measure(
                pruned(model, sparsity), arguments.threads, 0.5 if arguments.quick else 8, arguments.extension)
            (single, alone, both), (spent, own, mine) = medians
            print(f"| {name} | {100 * sparsity:.0f} % | {sum(d['claimed'] for d in decisions)} of {len(decisions)} "
                  f"| {single:.2f} | {chosen} | {alone:.2f} | {both:.2f} | {both / alone:.2f} "
                  f"| {spent:.2f} | {own:.2f} | {mine:.2f} | {mine / own:.2f} | {error:.1e} |", flush=True)


if __name__ == "__main__":
    main()
