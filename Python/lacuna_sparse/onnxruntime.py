"""Lacuna inside onnxruntime, as a plug-in execution provider: nothing in the model changes.

    import onnxruntime as ort
    import lacuna_sparse.onnxruntime as lacuna_ort
    session = ort.InferenceSession("model.onnx", lacuna_ort.session_options())

Products whose constant weights have zeros enough run in Lacuna, on onnxruntime's own threads, and so does everything between
them where a whole stretch gains; all else stays with onnxruntime. `explain("model.onnx")` says which, and why not the others.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, List, Optional

import onnxruntime as ort

from ._library import plugin

NAME = "lacuna"
_OLDEST = (1, 23)


def library() -> str:
    """The path of the provider's library: in the wheel, or beside an installed liblacuna."""
    return plugin("onnxruntime")


def register() -> List[Any]:
    """Registers the provider with onnxruntime, once in each process, and returns its devices."""
    version = tuple(int(part) for part in ort.__version__.split(".")[:2])
    if version < _OLDEST:
        raise RuntimeError(f"onnxruntime {ort.__version__} takes no plug-in providers: 1.23 or newer is needed")
    devices = _devices()
    if not devices:
        ort.register_execution_provider_library(NAME, library())
        devices = _devices()
    if not devices:
        raise RuntimeError(f"onnxruntime {ort.__version__} registered the provider but offers no device of it")
    return devices


def _devices() -> List[Any]:
    return [device for device in ort.get_ep_devices() if device.ep_name == NAME]


def session_options(options: Optional[Any] = None, *, min_zeros: float = 0.5, min_weights: int = 4096,
                    width: int = 64, threads: Optional[int] = None, report: Optional[str] = None) -> Any:
    """`options`, or new SessionOptions, with the provider added.

    - min_zeros: the share of zeros below which weights are left alone.
    - min_weights: the number of weights below which a layer is not worth the call.
    - width: rows, or pixels, that a product gets at once where the model's shapes do not say.
    - threads: how many large products and whole stretches are shared out over; otherwise `options`' intra_op_num_threads,
      or, where that is 0, as many as the process may use. They are onnxruntime's own.
    - report: a file that gets the decisions as JSON when a session is made.
    """
    # onnxruntime only prints what a provider refuses, and goes on without it.
    options = options if options is not None else ort.SessionOptions()
    threads = options.intra_op_num_threads if threads is None else threads
    for name, value, least, most in (("threads", threads, 0, 1024), ("min_zeros", min_zeros, 0, 1),
                                     ("min_weights", min_weights, 0, 1 << 50), ("width", width, 1, 65536)):
        if not least <= value <= most:
            raise ValueError(f"{name} is {value}, must be from {least} to {most}")
    if report is not None and not os.access(os.path.dirname(os.path.abspath(report)), os.W_OK):
        raise ValueError(f"the report cannot be written to {report}: its folder is not there, or not writable")
    given = {"threads": str(int(threads)), "min_zeros": repr(float(min_zeros)), "min_weights": str(int(min_weights)),
             "width": str(int(width))}
    if report is not None:
        given["report"] = os.path.abspath(report)
    options.add_provider_for_devices(register(), given)
    return options


def explain(model: Any, options: Optional[Any] = None, **more: Any) -> List[Dict[str, Any]]:
    """One dict for each product of a model (a path, or its bytes): name, type, the nodes that one plan would compute,
    rows, columns, width, zeros, claimed, how many nodes are one plan where a whole `stretch` is, and the kernel or the reason. `more` are options of `session_options`."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        ort.InferenceSession(model, session_options(options, report=path, **more))
        with open(path, encoding="utf-8") as file:
            return list(json.load(file))
