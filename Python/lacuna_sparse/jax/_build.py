"""The custom call compiled on the user's machine: its interface is XLA's, of the jaxlib that is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import jax
import jaxlib.version

from .._library import path as _liblacuna

_SOURCE = Path(__file__).with_name("call.cc")


def _header() -> Path:
    """The folder of lacuna.h: inside a wheel, beside an installed library, or in the source tree."""
    package = Path(__file__).resolve().parents[1]
    places = [package / "include", Path(_liblacuna).parent.parent / "include",
              package.parents[1] / "CSupport" / "CLacuna" / "include"]
    for place in places:
        if (place / "lacuna.h").exists():
            return place
    raise RuntimeError(f"lacuna.h is in none of {', '.join(map(str, places))}")


def library() -> str:
    """The path of the compiled call, which is made when it is not there yet."""
    liblacuna, header = Path(_liblacuna), _header()
    key = hashlib.sha256(b"\0".join([
        _SOURCE.read_bytes(), (header / "lacuna.h").read_bytes(), str(liblacuna).encode(),
        jaxlib.version.__version__.encode()])).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lacuna_sparse"
    target = cache / f"jax-{key}.so"
    if target.exists():
        return str(target)
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise RuntimeError("lacuna_sparse.jax.Product compiles its custom call once, and there is no C++ compiler: "
                           "install one that knows C++20, or name it in CXX")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        made = Path(work) / target.name
        ended = subprocess.run(
            [compiler, "-std=c++20", "-O2", "-shared", "-fPIC", "-isystem", jax.ffi.include_dir(), f"-I{header}",
             str(_SOURCE), str(liblacuna), f"-Wl,-rpath,{liblacuna.parent}", "-o", str(made)],
            capture_output=True, text=True)
        if ended.returncode != 0:
            raise RuntimeError(f"{compiler} cannot compile {_SOURCE}:\n{ended.stderr[-2000:]}")
        os.replace(made, target)
    return str(target)
