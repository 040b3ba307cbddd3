"""The table (README.md) and the chart (peers.svg) of the measured rows."""

import json
import math
import os
import subprocess

INTRODUCTION = """# Lacuna and its peers

Written by `Benchmarks/peers/run`; do not edit. Every system multiplies the same matrices on one
thread; the systems take turns in several rounds, and the median counts. Operands are warm: what fits
in a cache is there. The numbers are speed-ups over dense `cblas_sgemm` (or `cblas_sgemv` for n = 1)
of OpenBLAS, measured in the same rounds; below 1 a system is slower than dense. Making the plan, the
MKL handle or the session is not timed.

![speed-ups over dense OpenBLAS](peers.svg)
"""

INT8 = """# Products of bytes, Lacuna and its peers

Written by `Benchmarks/peers/run --dtype i8`; do not edit. Weights of 8 bits with a scale for each row, inputs of unsigned
bytes, exact sums; one thread, the systems take turns in several rounds, and the median counts. Operands are warm. The peers
compute the dense product, zeros included; on processors without VNNI their weights have 7 bits, as their own tools quantise
there, since their sums of two products saturate. The numbers are speed-ups over dense `cblas_sgemm` (or `cblas_sgemv` for n = 1)
of OpenBLAS in f32, measured in the same rounds. Lacuna gives f32, onnxruntime and oneDNN 32-bit sums; openvino takes f32
and gives f32.
"""


def read(path):
    """The last row of each case."""
    rows = {}
    with open(path) as file:
        for line in file:
            row = json.loads(line)
            rows[(row["shape"], row["sparsity"], row["block"])] = row
    return list(rows.values())


def names(rows):
    """All systems, Lacuna first, the dense baseline left out."""
    found = []
    for row in rows:
        for name in row["seconds"]:
            if name not in found and name != "OpenBLAS dense":
                found.append(name)
    return found


def speedup(row, name):
    seconds = row["seconds"].get(name)
    return None if seconds is None else row["seconds"]["OpenBLAS dense"] / seconds


def mean(rows, name):
    """The geometric mean of a system's speed-ups, None when it has none."""
    values = [value for row in rows if (value := speedup(row, name)) is not None]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def text(value):
    return "–" if value is None else f"{value:.2f}"


def is_vector(row):
    return row["shape"].endswith("x1")


def groups(rows):
    """(title, rows) for each kind of right-hand side, block and sparsity."""
    found = []
    for vector in (False, True):
        for block in sorted({row["block"] for row in rows}):
            for sparsity in sorted({row["sparsity"] for row in rows}):
                chosen = [
                    row for row in rows
                    if is_vector(row) == vector and row["block"] == block
                    and row["sparsity"] == sparsity
                ]
                if chosen:
                    width = "n = 1" if vector else "wide n"
                    found.append((f"{width}, {block}, {float(sparsity):.0%}", chosen))
    return found


def machine():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def commit(folder):
    words = ["git", "-C", folder, "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip() or "unknown"


def table(header, lines):
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule] + lines) + "\n"


def write(folder, path, versions, hows, dtype):
    rows = read(path)
    systems = names(rows)
    parts = [INTRODUCTION if dtype == "f32" else INT8]
    parts.append(
        f"Machine: {machine()}, kernels {rows[-1]['isa']}, OpenBLAS {rows[-1]['denseCore']}. "
        f"Commit {commit(folder)}. Peers: {', '.join(versions)}.\n")
    parts.append("## Geometric means\n")
    parts.append(table(
        ["case"] + systems,
        [[title] + [text(mean(chosen, name)) for name in systems] for title, chosen in groups(rows)]))
    parts.append("## Every case\n")
    parts.append(table(
        ["m×k×n", "block", "sparsity", "dense µs", "kernel"] + systems,
        [[row["shape"].replace("x", "×"), row["block"], row["sparsity"],
          f"{row['seconds']['OpenBLAS dense'] * 1e6:.0f}", row["kernel"]]
         + [text(speedup(row, name)) for name in systems] for row in rows]))
    parts.append("## How each peer is used\n")
    parts.append("\n".join(f"- {name}: {how}." for name, how in hows) + "\n")
    with open(os.path.join(folder, "README.md" if dtype == "f32" else "int8.md"), "w") as file:
        file.write("\n".join(parts))
    if dtype != "f32":
        return
    with open(os.path.join(folder, "peers.svg"), "w") as file:
        file.write(chart(groups(rows), systems))


COLORS = ["#0b6e4f", "#b07d2b", "#7b5ea7", "#a63d40", "#3d6fa6", "#6b6b6b", "#4f9da6"]


def chart(cases, systems):
    """Grouped horizontal bars: a group per case, a bar per system, dense at 1."""
    bar, gap, left, width = 13, 16, 150, 620
    longest = max(value for _, rows in cases for s in systems if (value := mean(rows, s)))
    scale = (width - 60) / longest
    height = 60 + sum(len(systems) * bar + gap for _ in cases)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 20}" height="{height}" '
        f'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="16" font-size="13">speed-up over dense OpenBLAS, one thread</text>',
    ]
    x = left
    for index, name in enumerate(systems):
        out.append(f'<rect x="{x}" y="26" width="10" height="10" fill="{COLORS[index % 7]}"/>')
        out.append(f'<text x="{x + 14}" y="35">{name}</text>')
        x += 26 + 6.2 * len(name)
    y = 52
    for title, rows in cases:
        out.append(f'<text x="{left - 8}" y="{y + len(systems) * bar / 2 + 4}" text-anchor="end">{title}</text>')
        for index, name in enumerate(systems):
            value = mean(rows, name)
            if value is not None:
                out.append(
                    f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="{bar - 2}" '
                    f'fill="{COLORS[index % 7]}"/>')
                out.append(f'<text x="{left + value * scale + 4:.1f}" y="{y + 9}" font-size="9">{value:.1f}</text>')
            y += bar
        y += gap
    out.append(
        f'<line x1="{left + scale:.1f}" y1="44" x2="{left + scale:.1f}" y2="{height - 10}" '
        f'stroke="#333" stroke-dasharray="3 3"/>')
    return "\n".join(out + ["</svg>"]) + "\n"
