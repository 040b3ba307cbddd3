"""The processor as Lacuna sees it."""

from __future__ import annotations

from ctypes import byref
from typing import Any, Dict

from ._errors import check
from ._library import CPUInfo, lib, path, version

_SETS = {1: "baseline", 3: "v3", 4: "v4", 5: "v4-vnni", 6: "v3-vnni", 7: "v4-vbmi2", 8: "v4-bf16"}


def info() -> Dict[str, Any]:
    """Version and file of the library, and what it knows of the processor. LACUNA_ISA is honoured."""
    cpu = CPUInfo()
    check(lib.lcn_get_cpu_info(byref(cpu)))
    return {
        "version": version, "library": path, "model": cpu.model.decode(), "cores": cpu.cores,
        "isa": _SETS.get(cpu.isa, str(cpu.isa)), "detected_isa": _SETS.get(cpu.detected_isa, str(cpu.detected_isa)),
        "avx512_vnni": bool(cpu.avx512_vnni), "avx512_bf16": bool(cpu.avx512_bf16),
        "avx512_vbmi2": bool(cpu.avx512_vbmi2),
        "l1d_bytes": cpu.l1d_bytes, "l2_bytes": cpu.l2_bytes, "l3_bytes": cpu.l3_bytes,
    }
