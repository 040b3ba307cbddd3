"""Lacuna inside LiteRT (TensorFlow Lite), as an external delegate: nothing in the model changes.

    import lacuna_sparse.litert as lacuna_litert
    interpreter = lacuna_litert.interpreter("model.tflite", num_threads=1)
    interpreter.allocate_tensors()

Products and convolutions whose constant weights have zeros enough run in Lacuna; all else stays with LiteRT.
`explain("model.tflite")` says which, and why not the others.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, List, Optional, Union

from ai_edge_litert.interpreter import Interpreter, load_delegate

from ._library import plugin


def library() -> str:
    """The path of the delegate's library: in the wheel, or beside an installed liblacuna."""
    return plugin("litert")


def delegate(**options: Any) -> Any:
    """What `Interpreter(…, experimental_delegates=[…])` takes; each interpreter needs one of its own.

    - min_zeros: the share of zeros below which weights are left alone, 0 to 1; by default what was measured.
    - min_weights: the number of weights below which a layer is not worth the call; by default what was measured.
    - width: rows, or pixels, that a product gets at once where the model's shapes do not say; by default 64.
    - threads: threads for each product; by default as many as the interpreter has.
    - report: a file that gets the decisions as JSON when the interpreter is made.

    ValueError says which option is wrong.
    """
    given = {name: os.path.abspath(value) if name == "report" else value for name, value in options.items()
             if value is not None}
    return load_delegate(library(), given)


_OPTIONS = ("min_zeros", "min_weights", "width", "threads", "report")


def interpreter(model: Union[str, "os.PathLike[str]", bytes], **options: Any) -> Any:
    """LiteRT's Interpreter for a model (a path, or its bytes) with the delegate in it. Options of `delegate` go there, all
    others, num_threads among them, to Interpreter."""
    own = {name: options.pop(name) for name in _OPTIONS if name in options}
    delegates = [*(options.pop("experimental_delegates", None) or []), delegate(**own)]
    source = {"model_content": bytes(model)} if isinstance(model, (bytes, bytearray, memoryview)) else {"model_path": model}
    return Interpreter(**source, experimental_delegates=delegates, **options)


def explain(model: Union[str, "os.PathLike[str]", bytes], *, num_threads: Optional[int] = None,
            **options: Any) -> List[Dict[str, Any]]:
    """One dict for each FULLY_CONNECTED, CONV_2D and DEPTHWISE_CONV_2D of a model: name (of its output), type, nodes (LiteRT's
    numbers of what one plan would compute), rows, columns, width, zeros, claimed, and the kernel or the reason. Options as in
    `delegate`."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        interpreter(model, num_threads=num_threads, **{**options, "report": path})
        with open(path, encoding="utf-8") as file:
            return list(json.load(file))
