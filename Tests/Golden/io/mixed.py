"""Writes the golden files that hold more than plain numbers: run in this folder.

Made with NumPy 2.4.6, without any other package; what the tests expect is written in CarriedDataTests.swift.
"""

import io
import json
import struct
import zipfile

import numpy as np

w = np.array([[1, -2, 3, -4], [5, -6, 7, -8]], "<f4")


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), **options)
    return buffer.getvalue()


# An array of every kind that is not computed with, beside those that are.
members = {
    "w": npy(w),
    "names": npy(np.array(["conv1", "fc"])),
    "tags": npy(np.array([b"a\0b", b"xyz"])),
    "step": npy(np.int64(7)),
    "flag": npy(np.bool_(True)),
    "big": npy(np.arange(4, dtype=">i4")),
    "f": npy(np.asfortranarray(np.array([[1, 2, 3], [4, 5, 6]], ">f8"))),
    "z": npy(np.array([1 + 2j, -3j])),
    "when": npy(np.array(["2026-01-02"], "M8[D]")),
    "record": npy(np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")])),
    "config": npy(np.array({"layers": 3}, dtype=object), allow_pickle=True),
    "bf16": npy(np.array([[0x3F80, 0xC000, 0x4040, 0x3F00]], "<u2")).replace(b"'<u2'", b"'<V2'"),
    "empty": npy(np.zeros((3, 0), "<f4")),
}
for name, method in [("mixed", zipfile.ZIP_STORED), ("mixed-deflated", zipfile.ZIP_DEFLATED)]:
    with zipfile.ZipFile(name + ".npz", "w", method) as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member + ".npy"), data, method)
        archive.writestr(zipfile.ZipInfo("README.txt"), b"made by a script", method)
with open("bf16.npy", "wb") as file:
    file.write(members["bf16"])
with open("fortran-big.npy", "wb") as file:
    file.write(members["f"])

# The same letter as one character and as two.
with zipfile.ZipFile("unicode.npz", "w") as archive:
    archive.writestr(zipfile.ZipInfo("caf\u00e9.npy"), npy(w))
    archive.writestr(zipfile.ZipInfo("cafe\u0301.npy"), npy(2 * w))


# Sizes in fields of 64 bits though 32 would do, and sizes behind the data, as writers to a pipe do.
class Pipe(io.RawIOBase):
    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def with_zip64_directory(data):
    """The archive of one member with every number of its directory in 64 bits."""
    end = data.rindex(b"PK\5\6")
    size, offset = struct.unpack("<II", data[end + 12 : end + 20])
    entry = bytearray(data[offset : offset + size])
    sizes = struct.unpack("<II", entry[20:28])
    (start,) = struct.unpack("<I", entry[42:46])
    (name,) = struct.unpack("<H", entry[28:30])
    entry[20:28] = b"\xff" * 8
    entry[42:46] = b"\xff" * 4
    entry[30:32] = struct.pack("<H", 28)
    extra = struct.pack("<HHQQQ", 1, 24, sizes[1], sizes[0], start)
    entry = bytes(entry[: 46 + name]) + extra
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, len(entry), offset)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, offset + len(entry), 1)
    last = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:offset] + entry + end64 + locator + last


pipe = Pipe()
with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr(zipfile.ZipInfo("w.npy"), npy(w), zipfile.ZIP_DEFLATED)
with open("streamed.npz", "wb") as file:
    file.write(pipe.data)
with open("zip64.npz", "wb") as file:
    file.write(with_zip64_directory(pipe.data))

# safetensors with types that are carried, one of them unknown to everyone.
tensors = [
    ("q", "F8_E4M3", [2, 2], bytes([0x38, 0xB8, 0x7E, 0x01])),
    ("w", "F32", [2, 4], w.tobytes()),
    ("four", "F4", [2, 3], bytes([1, 2, 3])),
    ("z", "C64", [1], np.array([1 + 2j], "<c8").tobytes()),
    ("new", "X128", [1], bytes(range(16))),
    ("caf\u00e9", "BF16", [2], bytes([0x80, 0x3F, 0, 0xC0])),
    ("cafe\u0301", "BOOL", [2], bytes([0, 1])),
]
header, data = {"__metadata__": {"format": "pt"}}, b""
for name, dtype, shape, content in tensors:
    offsets = [len(data), len(data) + len(content)]
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
    data += content
text = json.dumps(header, ensure_ascii=False).encode()
with open("carried.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
