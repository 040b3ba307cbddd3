"""Sums a network's convolutions: Lacuna sparse over the best dense engine, one thread, batch 1 and 16.

Layers and their counts come from Benchmarks/shapes/conv-*.txt; weights are random, the share of zeros is the same in all layers
but those marked `dense`. Lacuna is `lacuna-bench conv`, which checks each result and times its own dense convolution and OpenBLAS on
patches in turn with it. onnxruntime and OpenVINO run a model of the one convolution; what counts is their own profile's time of that node,
without the changes of layout before and behind it, which a whole network would not have there.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", ".build", "release", "lacuna-bench")
SHAPES = os.path.join(HERE, "..", "shapes")
TITLES = {"resnet50": "ResNet-50", "mobilenetv2": "MobileNetV2", "resnet18": "ResNet-18", "vgg16": "VGG16"}


class Layer:
    """A line of a file of shapes, for a number of images."""

    def __init__(self, line, images):
        name, count, shape, *marks = line.split()
        self.name, self.count, self.is_dense = name, int(count), "dense" in marks
        numbers = [int(n) for n in shape.split("x")]
        numbers[0] = images
        self.shape = "x".join(map(str, numbers))
        (self.images, self.channels, self.height, self.width, self.filters, self.rows, self.columns, self.stride,
         self.padding, self.groups) = numbers

    def arrays(self):
        random = np.random.default_rng(1)
        x = random.uniform(-1, 1, (self.images, self.channels, self.height, self.width)).astype(np.float32)
        w = random.uniform(-1, 1, (self.filters, self.channels // self.groups, self.rows, self.columns))
        return x, w.astype(np.float32)


def layers(network, images):
    with open(os.path.join(SHAPES, f"conv-{network}.txt")) as file:
        return [Layer(line, images) for line in file if line.strip() and not line.startswith("#")]


class ONNXRuntime:
    name = "onnxruntime"

    def __init__(self):
        import onnx
        import onnxruntime

        self.onnx, self.runtime = onnx, onnxruntime

    def version(self):
        return self.runtime.__version__

    def times(self, layer, runs):
        """Seconds of the convolution in each of some runs, by the session's own profile; None before those that warm up."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        x, w = layer.arrays()
        node = helper.make_node(
            "Conv", ["x", "w"], ["y"], strides=[layer.stride] * 2, pads=[layer.padding] * 4, group=layer.groups)
        graph = helper.make_graph(
            [node], "layer", [helper.make_tensor_value_info("x", kind, x.shape)],
            [helper.make_tensor_value_info("y", kind, None)], [self.onnx.numpy_helper.from_array(w, "w")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_profiling = True
        with tempfile.TemporaryDirectory() as folder:
            options.profile_file_prefix = os.path.join(folder, "profile")
            session = self.runtime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            for _ in range(runs + 2):
                session.run(None, {"x": x})
            with open(session.end_profiling()) as file:
                events = json.load(file)
        times = [e["dur"] * 1e-6 for e in events
                 if e.get("cat") == "Node" and e["name"].endswith("_kernel_time") and e["args"]["op_name"] == "Conv"]
        if len(times) != runs + 2:
            raise RuntimeError(f"{len(times)} convolutions in the profile of {runs + 2} runs")
        return times[2:]


class OpenVINO:
    def __init__(self, precision):
        import openvino

        self.openvino, self.precision, self.name = openvino, precision, f"OpenVINO {precision}"
        if precision == "bf16":
            with open("/proc/cpuinfo") as file:
                if "avx512_bf16" not in file.read():
                    raise ImportError("the processor has no products of bf16")

    def version(self):
        return self.openvino.__version__.split("-")[0]

    def times(self, layer, runs):
        """As those of onnxruntime, by PERF_COUNT."""
        ov = self.openvino
        x, w = layer.arrays()
        source = ov.opset8.parameter(x.shape, np.float32)
        strides, pads = [layer.stride] * 2, [layer.padding] * 2
        if layer.groups == 1:
            node = ov.opset8.convolution(source, ov.opset8.constant(w), strides, pads, pads, [1, 1])
        else:
            w = w.reshape(layer.groups, layer.filters // layer.groups, *w.shape[1:])
            node = ov.opset8.group_convolution(source, ov.opset8.constant(w), strides, pads, pads, [1, 1])
        compiled = ov.Core().compile_model(ov.Model([node], [source]), "CPU", {
            "INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self.precision,
            "PERF_COUNT": True})
        request = compiled.create_infer_request()
        request.set_input_tensor(ov.Tensor(x))
        times = []
        for _ in range(runs + 2):
            request.infer()
            # Microseconds. Convolutions of one tap are Convolution too; layout changes are Reorder.
            nodes = [n for n in request.get_profiling_info() if "onvolution" in n.node_type and n.real_time]
            if len(nodes) != 1:
                raise RuntimeError(f"{len(nodes)} convolutions in a profile")
            times.append(nodes[0].real_time.total_seconds())
        return times[2:]


def lacuna(layer, options):
    """The rows of one layer: one for each sparsity, or one where all weights are kept."""
    sparsities = "0" if layer.is_dense else options.sparsity
    block = "1x1" if layer.is_dense else options.block
    output = subprocess.run(
        [BENCH, "conv", "--shape", layer.shape, "--sparsity", sparsities, "--block", block, "--time", str(options.time),
         "--dtype", options.dtype, "--json"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def is_single(name):
    return not name.endswith(("bf16", "i8"))


def measure(network, images, engines, options):
    """Seconds of all layers by engine, and of Lacuna by sparsity; and of the best engine of each layer."""
    sparsities = options.sparsity.split(",")
    own = "Lacuna dense" + (" i8" if options.dtype == "i8" else "")
    dense, sparse, best, slower = {}, dict.fromkeys(sparsities, 0.0), 0.0, dict.fromkeys(sparsities, 0)
    for layer in layers(network, images):
        times = {}
        rows = []
        for _ in range(options.rounds):
            for engine in engines:
                first = engine.times(layer, 1)[0]
                runs = int(min(200, max(3, options.time / max(first, 1e-6))))
                times.setdefault(engine.name, []).append(statistics.median(engine.times(layer, runs)))
            rows.append(lacuna(layer, options))
            for name, key in ((own, "denseSeconds"), ("im2col, OpenBLAS", "im2colSeconds")):
                times.setdefault(name, []).append(statistics.median(r[key] for r in rows[-1]))
        one = {name: statistics.median(values) for name, values in times.items()}
        for name, value in one.items():
            dense[name] = dense.get(name, 0.0) + layer.count * value
        # bf16 and bytes are other precisions: they are named, and compared with apart.
        fastest = min(value for name, value in one.items() if is_single(name))
        best += layer.count * fastest
        for number, sparsity in enumerate(sparsities):
            seconds = statistics.median(r[0 if layer.is_dense else number]["seconds"] for r in rows)
            sparse[sparsity] += layer.count * seconds
            if not layer.is_dense:
                slower[sparsity] += layer.count * (seconds > 1.05 * one[own])
        print(f"{network} batch {images} {layer.name}: " + "  ".join(
            f"{name} {value * 1e6:.0f}" for name, value in one.items()) + "  sparse " + " ".join(
            f"{statistics.median(r[0 if layer.is_dense else n]['seconds'] for r in rows) * 1e6:.0f}"
            for n in range(len(sparsities))) + " µs", file=sys.stderr, flush=True)
    return {"network": network, "batch": images, "block": options.block, "dtype": options.dtype, "dense": dense, "sparse": sparse, "best": best,
            "slower": slower, "isa": rows[0][0]["isa"], "core": rows[0][0]["denseCore"]}


def table(result):
    """Markdown: the engines' milliseconds, then a line for each sparsity."""
    dense = result["dense"]
    single = {name: value for name, value in dense.items() if is_single(name)}
    engine = min(single, key=single.get)
    bf16 = [value for name, value in dense.items() if name.endswith("bf16")]
    lines = [f"**{TITLES[result['network']]}, batch {result['batch']}.** Dense, ms: " + ", ".join(
        f"{name} {value * 1e3:.2f}" for name, value in sorted(dense.items(), key=lambda item: item[1]))
        + f"; the best of each layer {result['best'] * 1e3:.2f}.", ""]
    lines += [f"| zeros, {result['block']}{', bytes' if result['dtype'] == 'i8' else ''} | sparse ms | × {engine} | × the best of each layer | × OpenVINO bf16 |",
              "| ---: | ---: | ---: | ---: | ---: |"]
    for sparsity, seconds in result["sparse"].items():
        lines.append(
            f"| {float(sparsity) * 100:g} % | {seconds * 1e3:.2f} | {single[engine] / seconds:.2f} | "
            f"{result['best'] / seconds:.2f} | " + (f"{bf16[0] / seconds:.2f}" if bf16 else "–") + " |")
    slow = {s: n for s, n in result["slower"].items() if n}
    lines += ["", "Pruned layers slower than this library's dense convolution by more than 5 %: "
              + (", ".join(f"{n} at {float(s) * 100:g} %" for s, n in slow.items()) or "none") + ".", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", default="resnet50,mobilenetv2", help=",".join(TITLES))
    parser.add_argument("--batch", default="1,16")
    parser.add_argument("--sparsity", default="0.5,0.7,0.8,0.9,0.95")
    parser.add_argument("--block", default="1x1")
    parser.add_argument("--dtype", default="f32", choices=["f32", "i8"], help="of Lacuna's convolutions")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--time", type=float, default=0.1, help="seconds per engine, layer and round")
    options = parser.parse_args()
    engines = []
    for make in (ONNXRuntime, lambda: OpenVINO("f32"), lambda: OpenVINO("bf16")):
        try:
            engines.append(make())
        except ImportError as error:
            print(f"layers: {error}, left out", file=sys.stderr)
    for network in options.network.split(","):
        for images in options.batch.split(","):
            result = measure(network, int(images), engines, options)
            print(json.dumps(result), file=sys.stderr)
            print(table(result), flush=True)
    print("Engines: " + ", ".join(f"{e.name} {e.version()}" for e in engines)
          + f"; OpenBLAS {result['core']}, Lacuna's kernels {result['isa']}.")


main()
