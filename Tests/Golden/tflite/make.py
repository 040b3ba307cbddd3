"""Writes expected.npz and plain*.tflite: run in this folder, after

    pip install ai-edge-litert==2.3.0 flatbuffers numpy

The files of `digests` come from TensorFlow 2.21: one Dense layer 64 -> 48, its kernel masked to 80 % zeros
(single weights, blocks of 4x1 and 16x1 inputs) or 2 of 4, converted with Optimize.EXPERIMENTAL_SPARSITY,
the last one with DEFAULT as well (8-bit weights). The digests are those of the dense weights that
TensorFlow's own FormatConverter made of them there; what is written here is decoded independently of
Lacuna, and has to have these digests.
"""
import hashlib
import os

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

here = os.path.dirname(os.path.abspath(__file__))
digests = {
    "dense80": "99e0b4a4ba6aa4693e036be2ebab236e0bea01717286ee443f78f067bf9c9a5d",
    "dense80_block41": "80fd045c9de676833852167de907e861f5eb8f06cf61b6c30a1dca01e70dba06",
    "dense80_block161": "468870a4cda0789bd425264dfee794f908228dc207c0b811c4ca33ac36cf1a55",
    "dense_2by4": "8acdbabaf5ed7466aa50bed639f787bf8d5df07bc2479c381caa17684fc428d0",
    "dense80_block161_dynint8": "dc9630e1b15bbc777887c84867eed8cbd4649eafa7af77e1a33493e676cfe01f",
}
types = {0: np.float32, 1: np.float16, 9: np.int8}


def densify(tensor, data):
    s, shape = tensor.sparsity, list(tensor.shape)
    dtype = types[tensor.type]
    values = np.frombuffer(bytes(data), dtype)
    rank = len(shape)
    blocks = [1] * rank
    order = list(s.traversalOrder)
    maps = list(s.blockMap) if s.blockMap is not None else []
    for i, axis in enumerate(maps):
        blocks[axis] = s.dimMetadata[order.index(rank + i)].denseSize
    dense = np.zeros(shape, dtype)

    def walk(level, position, place):
        if level == len(order):
            at = [place[a] * blocks[a] for a in range(rank)]
            for i, axis in enumerate(maps):
                at[axis] += place[rank + i]
            dense[tuple(at)] = values[position]
            return
        d = s.dimMetadata[level]
        if d.format == 0:
            for i in range(d.denseSize):
                walk(level + 1, position * d.denseSize + i, {**place, order[level]: i})
        else:
            for e in range(d.arraySegments.values[position], d.arraySegments.values[position + 1]):
                walk(level + 1, e, {**place, order[level]: d.arrayIndices.values[e]})

    walk(0, 0, {})
    return dense


if __name__ == "__main__":
    arrays = {}
    for name, digest in digests.items():
        with open(os.path.join(here, name + ".tflite"), "rb") as f:
            model = schema.ModelT.InitFromPackedBuf(f.read())
        (tensor,) = [t for t in model.subgraphs[0].tensors if t.sparsity is not None]
        dense = densify(tensor, model.buffers[tensor.buffer].data)
        assert hashlib.sha256(dense.tobytes()).hexdigest() == digest, name
        arrays[name] = dense
        # The same network as it was before its zeros were left out.
        if name in ("dense80", "dense80_block161_dynint8"):
            tensor.sparsity = None
            # No DENSIFY between the weights and FULLY_CONNECTED.
            graph = model.subgraphs[0]
            (product,) = [o for o in graph.operators if len(o.inputs) == 3]
            product.inputs = [product.inputs[0], graph.tensors.index(tensor), product.inputs[2]]
            graph.operators = [product]
            model.buffers[tensor.buffer].data = np.frombuffer(dense.tobytes(), np.uint8)
            builder = flatbuffers.Builder(1 << 14)
            builder.Finish(model.Pack(builder), b"TFL3")
            plain = "plain" if name == "dense80" else "plain_int8"
            with open(os.path.join(here, plain + ".tflite"), "wb") as f:
                f.write(builder.Output())
    np.savez_compressed(os.path.join(here, "expected.npz"), **arrays)
