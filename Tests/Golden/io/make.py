"""Writes the golden files of LacunaIOTests with NumPy and SciPy: run in this folder.

Made with NumPy 2.4.6 and SciPy 1.17.1; what the tests expect is written in GoldenFileTests.swift.
"""

import gzip
import struct

import numpy as np
import scipy.io
import scipy.sparse

# Arrays of every type, order and shape: element k (in row-major order) is k, or k odd for Booleans.
for code in ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "b1"]:
    for order in "<>":
        if order == ">" and code[1] == "1":
            continue
        base = np.arange(6).reshape(2, 3)
        array = (base % 2 == 1) if code == "b1" else base.astype(order + code)
        name = f"{'big' if order == '>' else 'little'}-{code}.npy"
        np.save(name, array)
np.save("fortran.npy", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
np.save("scalar.npy", np.float64(2.5))
np.save("empty.npy", np.zeros((3, 0), "<f4"))
np.save("text.npy", np.array(["csr", "bsr"]))
for version in [(2, 0), (3, 0)]:
    with open(f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, np.arange(6, dtype="<f4").reshape(2, 3), version)
np.save("structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
np.save("half.npy", np.array([0, -0.0, 2**-24, 2**-14, 1 / 3, 65504, np.inf, -np.inf], "<f2"))

arrays = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.arange(3, dtype="<i8")}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)

# The same 4×6 matrix in each of SciPy's formats.
dense = np.zeros((4, 6), "<f4")
dense[0, 1], dense[0, 4], dense[2, 0], dense[2, 5], dense[3, 3] = 1, 2, 3, -4.5, 5
matrix = scipy.sparse.csr_matrix(dense)
scipy.sparse.save_npz("csr.npz", matrix)
scipy.sparse.save_npz("csc.npz", matrix.tocsc())
scipy.sparse.save_npz("coo.npz", matrix.tocoo(), compressed=False)
scipy.sparse.save_npz("bsr.npz", scipy.sparse.bsr_matrix(dense, blocksize=(2, 3)))
unsorted = scipy.sparse.csr_matrix(
    (np.array([2, 1, 3, -4.5, 2, 3], "<f4"), np.array([4, 1, 0, 5, 3, 3]), np.array([0, 2, 2, 4, 6])),
    shape=(4, 6),
)
scipy.sparse.save_npz("unsorted.npz", unsorted)
scipy.io.mmwrite("general.mtx", matrix.astype("f8"))
scipy.io.mmwrite("array.mtx", dense.astype("f8"))
square = np.array([[2, 0, 1.5], [0, 0, -3], [1.5, -3, 4]])
scipy.io.mmwrite("symmetric.mtx", scipy.sparse.coo_matrix(square), symmetry="symmetric")
skew = np.array([[0, 0, -1.5], [0, 0, 3], [1.5, -3, 0]])
scipy.io.mmwrite("skew.mtx", scipy.sparse.coo_matrix(skew), symmetry="skew-symmetric")
scipy.io.mmwrite("symmetric-array.mtx", square, symmetry="symmetric")
with open("general.mtx", "rb") as source, open("general.mtx.gz", "wb") as target:
    with gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0) as packed:
        packed.write(source.read())
with open("pattern.mtx", "w") as file:
    file.write("%%MatrixMarket matrix coordinate pattern general\n% a comment\n\n4 6 5\n")
    file.write("".join(f"{i + 1} {j + 1}\n" for i, j in zip(*dense.nonzero())))
with open("pattern.smtx", "w") as file:
    file.write("4, 6, 5\n0 2 2 4 5 \n4 1 0 5 3 \n")

# safetensors by hand, as its documentation describes it.
header = b'{"__metadata__":{"format":"pt"},' b'"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},'
header += b'"h":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},'
header += b'"b":{"dtype":"BF16","shape":[2],"data_offsets":[28,32]}}'
data = np.arange(6, dtype="<f4").tobytes() + np.array([0.5, -2], "<f2").tobytes()
data += (np.array([0.5, -2], "<f4").view("<u4") >> 16).astype("<u2").tobytes()
with open("plain.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + data)
parts = {
    "w.shape": ("I64", np.array([4, 6], "<i8")),
    "w.compressed": ("F32", dense[dense != 0]),
    "w.bitmask": ("U8", np.packbits(dense != 0, axis=1, bitorder="little")),
    "w.row_offsets": ("I64", np.array([0, 2, 2, 4], "<i8")),
}
entries, data = [], b""
for name, (dtype, array) in parts.items():
    shape = str(list(array.shape)).replace(" ", "")
    end = len(data) + array.nbytes
    entries.append(f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{len(data)},{end}]}}')
    data += array.tobytes()
header = ("{" + ",".join(entries) + "}").encode()
with open("bitmask.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + data)
